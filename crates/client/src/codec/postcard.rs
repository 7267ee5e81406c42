//! Postcard, the compact binary format, for any type that serde knows.

use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{Decode, DecodeError, Encode, EncodeError, expect_kind, flags_for};
use crate::flags::{Dialect, Kind};
use crate::value::Value;

/// [Postcard](https://postcard.jamesmunns.com), a compact binary format with a stable
/// specification, for any type that `serde` knows.
///
/// Smaller and quicker than JSON. The bytes do not say what type they are of: a field that is
/// added, removed or moved makes another format, whose old values may be read as wrong ones. Put
/// a version into the key (`user:v2:17`) and raise it with every change of the type.
///
/// Only the dialect [`Evenkeel`](Dialect::Evenkeel) has flags for it.
///
/// # Examples
/// ```
/// use evenkeel::codec::{Decode, Encode, Postcard};
/// use evenkeel::{Dialect, Value};
///
/// let mut output = Vec::new();
/// let flags = Postcard.encode(&("ann", 7_u32), Dialect::default(), &mut output)?;
/// assert_eq!(output, b"\x03ann\x07");
/// let pair: (String, u32) = Postcard.decode(Value::new(flags, output), Dialect::default())?;
/// assert_eq!(pair, ("ann".to_owned(), 7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Postcard;

impl<T: Serialize + ?Sized> Encode<T> for Postcard {
    fn encode(
        &self,
        value: &T,
        dialect: Dialect,
        output: &mut Vec<u8>,
    ) -> Result<u32, EncodeError> {
        let flags = flags_for(Kind::Postcard, dialect)?;
        let len_before = output.len();
        match postcard::serialize_with_flavor(value, Append(output)) {
            Ok(()) => Ok(flags),
            Err(error) => {
                output.truncate(len_before);
                Err(EncodeError::Serialize {
                    kind: Kind::Postcard,
                    type_name: std::any::type_name::<T>(),
                    source: error.into(),
                })
            }
        }
    }
}

impl<T: DeserializeOwned> Decode<T> for Postcard {
    fn decode(&self, value: Value, dialect: Dialect) -> Result<T, DecodeError> {
        expect_kind(Kind::Postcard, &[Kind::Postcard], &value, dialect)?;
        match postcard::take_from_bytes(value.bytes()) {
            Ok((decoded, [])) => Ok(decoded),
            Ok((_, rest)) => {
                let reason = format!("{} bytes too many: is it of another type?", rest.len());
                Err(DecodeError::malformed::<T>(Kind::Postcard, &value, reason))
            }
            Err(error) => Err(DecodeError::malformed::<T>(Kind::Postcard, &value, error)),
        }
    }
}

/// Appends to a vector that belongs to somebody else.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}
