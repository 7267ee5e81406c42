//! Values of a program ↔ the bytes and flags that are stored.
//!
//! A codec decides how one shape of values is written, and reads only what its flags say it may:
//! a pickle is no text, and a number no JSON. It neither compresses nor talks to a server.
//!
//! | codec | values | reads | feature |
//! |---|---|---|---|
//! | [`Raw`] | bytes | bytes, text | |
//! | [`Text`] | strings in UTF-8 | text; flags 0 | |
//! | [`Integer`] | whole numbers | integers; flags 0 | |
//! | `Json` | any `serde` type | JSON; flags 0; text where the dialect has no flag for JSON | `json` |
//! | `Postcard` | any `serde` type | Postcard | `postcard` |
//!
//! Flags 0 say nothing about the bytes: many programs write them for everything, and a counter
//! that the meta command `ma` made has them. A format that shows by itself whether bytes are of it may read
//! them. Postcard does not: nearly any bytes are some value of some type.
//!
//! Every codec reads and writes in the [`Dialect`] that it is told, so that values can be shared
//! with other client libraries.

use std::error::Error;

use crate::flags::{Dialect, Kind, Unreadable};
use crate::value::Value;

mod plain;

#[cfg(feature = "json")]
mod json;

#[cfg(feature = "postcard")]
mod postcard;

pub use plain::{Integer, Raw, Text};

#[cfg(feature = "json")]
pub use json::Json;

#[cfg(feature = "postcard")]
pub use self::postcard::Postcard;

/// Writes values of a type.
///
/// # Examples
/// A format of the application's own, with a flag of its own:
/// ```
/// use evenkeel::codec::{Codec, Decode, DecodeError, Encode, EncodeError};
/// use evenkeel::{Dialect, Value};
///
/// struct Rgb;
///
/// const RGB_FLAGS: u32 = 1 << 16;
///
/// impl Encode<[u8; 3]> for Rgb {
///     fn encode(
///         &self,
///         value: &[u8; 3],
///         _dialect: Dialect,
///         output: &mut Vec<u8>,
///     ) -> Result<u32, EncodeError> {
///         output.extend_from_slice(value);
///         Ok(RGB_FLAGS)
///     }
/// }
///
/// impl Decode<[u8; 3]> for Rgb {
///     fn decode(&self, value: Value, _dialect: Dialect) -> Result<[u8; 3], DecodeError> {
///         if value.flags() != RGB_FLAGS {
///             return Err(DecodeError::other(format!("flags {:#x} are no colour's", value.flags())));
///         }
///         value.bytes()[..].try_into().map_err(DecodeError::other)
///     }
/// }
///
/// let mut bytes = Vec::new();
/// let flags = Rgb.encode(&[255, 128, 0], Dialect::default(), &mut bytes)?;
/// assert_eq!(Rgb.decode(Value::new(flags, bytes), Dialect::default())?, [255, 128, 0]);
///
/// fn takes_any_codec(_: impl Codec<[u8; 3]>) {}
/// takes_any_codec(Rgb);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Encode<T: ?Sized> {
    /// Appends the bytes of `value` to `output`, and gives the flags to store with them.
    ///
    /// # Errors
    /// The value cannot be written. `output` is as it was.
    fn encode(&self, value: &T, dialect: Dialect, output: &mut Vec<u8>)
    -> Result<u32, EncodeError>;
}

/// Reads values of a type; see [`Encode`].
pub trait Decode<T> {
    /// Reads what was stored.
    ///
    /// # Errors
    /// The flags say that it is something else, or the bytes are not what the flags say.
    fn decode(&self, value: Value, dialect: Dialect) -> Result<T, DecodeError>;
}

/// Writes and reads values of a type: whatever is [`Encode`] and [`Decode`].
pub trait Codec<T>: Encode<T> + Decode<T> {}

impl<T, C: Encode<T> + Decode<T>> Codec<T> for C {}

/// Why a value cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The dialect has no flags for values of this kind: whoever shares the cache could not
    /// read it.
    /// Nothing was written.
    #[error(
        "{kind} cannot be written in the dialect {dialect}: \
         use another codec, or the dialect evenkeel"
    )]
    NoFlags {
        /// What was to be written.
        kind: Kind,
        /// The dialect that it was to be written in.
        dialect: Dialect,
    },
    /// The number is larger or smaller than other programs of the dialect can read.
    /// Nothing was written.
    #[error("{number} is not from {} to {}, which is what {dialect} can read", i64::MIN, i64::MAX)]
    OutOfRange {
        /// The number that was to be written.
        number: i128,
        /// The dialect that it was to be written in.
        dialect: Dialect,
    },
    /// The value does not want to be written: its `Serialize` failed, or the format cannot hold
    /// it (a map whose keys are no text, in JSON).
    /// Nothing was written.
    #[error("a {type_name} cannot be written as {kind}: {source}")]
    Serialize {
        /// The format.
        kind: Kind,
        /// The type of the value.
        type_name: &'static str,
        /// What the format's library says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// What a codec of the application's own says.
    /// Nothing was written.
    #[error(transparent)]
    Other(Box<dyn Error + Send + Sync>),
}

impl EncodeError {
    /// For a codec of one's own: an error, or a text.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }
}

/// Why a value cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Its flags say that it is something that this codec did not write.
    /// The value is unchanged.
    #[error(
        "{wanted} was asked for, and the value is {found} \
         (flags {flags:#x} in the dialect {dialect})"
    )]
    WrongKind {
        /// What the codec reads.
        wanted: Kind,
        /// What the value is.
        found: Kind,
        /// The flags that say so.
        flags: u32,
        /// The dialect that they were read in.
        dialect: Dialect,
    },
    /// Its flags say that another program wrote it in a format that is not read here, or they
    /// are of another dialect.
    /// The value is unchanged.
    #[error(
        "{wanted} was asked for, and the value is {found} \
         (flags {flags:#x} in the dialect {dialect}): \
         read it raw, or write it with its writer's plain types and without compression"
    )]
    Unreadable {
        /// What the codec reads.
        wanted: Kind,
        /// What the value is.
        found: Unreadable,
        /// The flags that say so.
        flags: u32,
        /// The dialect that they were read in.
        dialect: Dialect,
    },
    /// Its bytes are not what its flags say, or not of the type that was asked for.
    /// The value is unchanged.
    #[error("the value is no {type_name} in {kind} ({len} bytes, flags {flags:#x}): {source}")]
    Malformed {
        /// The format.
        kind: Kind,
        /// The type that was asked for.
        type_name: &'static str,
        /// Bytes of the value.
        len: usize,
        /// Its flags.
        flags: u32,
        /// What exactly does not fit.
        source: Box<dyn Error + Send + Sync>,
    },
    /// What a codec of the application's own says.
    /// The value is unchanged.
    #[error(transparent)]
    Other(Box<dyn Error + Send + Sync>),
}

impl DecodeError {
    /// For a codec of one's own: an error, or a text.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }

    fn malformed<T>(
        kind: Kind,
        value: &Value,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Malformed {
            kind,
            type_name: std::any::type_name::<T>(),
            len: value.bytes().len(),
            flags: value.flags(),
            source: source.into(),
        }
    }
}

fn flags_for(wanted: Kind, dialect: Dialect) -> Result<u32, EncodeError> {
    dialect.flags(wanted).ok_or(EncodeError::NoFlags { kind: wanted, dialect })
}

/// What `value` is, if it is one of `readable`.
fn expect_kind(
    wanted: Kind,
    readable: &[Kind],
    value: &Value,
    dialect: Dialect,
) -> Result<Kind, DecodeError> {
    let flags = value.flags();
    match dialect.kind(flags) {
        Ok(found) if readable.contains(&found) => Ok(found),
        Ok(found) => Err(DecodeError::WrongKind { wanted, found, flags, dialect }),
        Err(found) => Err(DecodeError::Unreadable { wanted, found, flags, dialect }),
    }
}

#[cfg(test)]
mod tests;
