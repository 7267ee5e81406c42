//! Bytes, text and whole numbers: what every client library can read.

use bytes::Bytes;

use crate::codec::{Decode, DecodeError, Encode, EncodeError, expect_kind, flags_for};
use crate::flags::{Dialect, Kind, spy};
use crate::value::Value;

/// Bytes as they are.
///
/// Reads bytes and text. For the bytes of anything else, compressed or not, take
/// [`Value::bytes`] of the value itself.
///
/// # Examples
/// ```
/// use bytes::Bytes;
/// use evenkeel::codec::{Decode, Encode, Raw};
/// use evenkeel::{Dialect, Value};
///
/// let mut output = Vec::new();
/// let flags = Raw.encode(&[1, 2][..], Dialect::default(), &mut output)?;
/// let bytes: Bytes = Raw.decode(Value::new(flags, output), Dialect::default())?;
/// assert_eq!(&bytes[..], [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Raw;

impl<T: AsRef<[u8]> + ?Sized> Encode<T> for Raw {
    fn encode(
        &self,
        value: &T,
        dialect: Dialect,
        output: &mut Vec<u8>,
    ) -> Result<u32, EncodeError> {
        let flags = flags_for(Kind::Bytes, dialect)?;
        output.extend_from_slice(value.as_ref());
        Ok(flags)
    }
}

impl Decode<Bytes> for Raw {
    fn decode(&self, value: Value, dialect: Dialect) -> Result<Bytes, DecodeError> {
        expect_kind(Kind::Bytes, &[Kind::Bytes, Kind::Text], &value, dialect)?;
        Ok(value.into_bytes())
    }
}

impl Decode<Vec<u8>> for Raw {
    fn decode(&self, value: Value, dialect: Dialect) -> Result<Vec<u8>, DecodeError> {
        let bytes: Bytes = self.decode(value, dialect)?;
        Ok(bytes.into())
    }
}

/// Text in UTF-8.
///
/// # Examples
/// What pymemcache wrote:
/// ```
/// use evenkeel::codec::{Decode, Text};
/// use evenkeel::{Dialect, Value};
///
/// let value = Value::new(16, "grün");
/// assert_eq!(Text.decode(value, Dialect::Python)?, "grün");
///
/// let value = Value::new(1, b"\x80\x05N.".to_vec());
/// let error = Text.decode(value, Dialect::Python).unwrap_err();
/// assert!(error.to_string().contains("a Python pickle"));
/// # Ok::<(), evenkeel::codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text;

impl<T: AsRef<str> + ?Sized> Encode<T> for Text {
    fn encode(
        &self,
        value: &T,
        dialect: Dialect,
        output: &mut Vec<u8>,
    ) -> Result<u32, EncodeError> {
        let flags = flags_for(Kind::Text, dialect)?;
        output.extend_from_slice(value.as_ref().as_bytes());
        Ok(flags)
    }
}

impl Decode<String> for Text {
    fn decode(&self, value: Value, dialect: Dialect) -> Result<String, DecodeError> {
        expect_kind(Kind::Text, &[Kind::Text, Kind::Bytes], &value, dialect)?;
        match str::from_utf8(value.bytes()) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(DecodeError::malformed::<String>(Kind::Text, &value, error)),
        }
    }
}

/// Whole numbers: `i8` to `i64`, `u8` to `u64`, `isize` and `usize`.
///
/// Written in decimal digits, which `incr` and `decr` count on, but in the dialect
/// [`SpyMemcached`](Dialect::SpyMemcached): there in bytes, with flags that say so. Spaces at the
/// end are passed over: `decr` leaves them where a number lost digits.
///
/// # Examples
/// ```
/// use evenkeel::codec::{Decode, Integer};
/// use evenkeel::{Dialect, Value};
///
/// let counter: u64 = Integer.decode(Value::new(0, "9 "), Dialect::default())?;
/// assert_eq!(counter, 9);
/// # Ok::<(), evenkeel::codec::DecodeError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Integer;

macro_rules! integers {
    ($widen:expr => $($integer:ty),*) => { $(
        impl Encode<$integer> for Integer {
            fn encode(
                &self,
                value: &$integer,
                dialect: Dialect,
                output: &mut Vec<u8>,
            ) -> Result<u32, EncodeError> {
                encode_integer($widen(*value), dialect, output)
            }
        }

        impl Decode<$integer> for Integer {
            fn decode(&self, value: Value, dialect: Dialect) -> Result<$integer, DecodeError> {
                let number = decode_integer(&value, dialect)?;
                match number.and_then(|number| <$integer>::try_from(number).ok()) {
                    Some(number) => Ok(number),
                    None => Err(DecodeError::malformed::<$integer>(
                        Kind::Integer,
                        &value,
                        format!("not a whole number from {} to {}", <$integer>::MIN, <$integer>::MAX),
                    )),
                }
            }
        }
    )* };
}

integers!(i128::from => i8, i16, i32, i64, u8, u16, u32, u64);
integers!(|number| number as i128 => isize, usize);

fn encode_integer(
    number: i128,
    dialect: Dialect,
    output: &mut Vec<u8>,
) -> Result<u32, EncodeError> {
    let flags = flags_for(Kind::Integer, dialect)?;
    // Ruby's and Python's integers have no bound.
    let has_bound = match dialect {
        Dialect::PhpMemcached | Dialect::PhpMemcache | Dialect::SpyMemcached => true,
        Dialect::Evenkeel | Dialect::Python | Dialect::Dalli => false,
    };
    let Ok(signed) = i64::try_from(number) else {
        if has_bound {
            return Err(EncodeError::OutOfRange { number, dialect });
        }
        output.extend_from_slice(number.to_string().as_bytes());
        return Ok(flags);
    };
    if dialect == Dialect::SpyMemcached {
        let bytes = signed.to_be_bytes();
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        output.extend_from_slice(&bytes[zeros..]);
    } else {
        output.extend_from_slice(itoa::Buffer::new().format(signed).as_bytes());
    }
    Ok(flags)
}

/// The number; `None` if the bytes are none.
fn decode_integer(value: &Value, dialect: Dialect) -> Result<Option<i128>, DecodeError> {
    let kind = expect_kind(Kind::Integer, &[Kind::Integer, Kind::Bytes], value, dialect)?;
    let is_digits = dialect != Dialect::SpyMemcached || kind == Kind::Bytes;
    Ok(if is_digits { digits(value.bytes()) } else { packed(value) })
}

fn digits(bytes: &[u8]) -> Option<i128> {
    let len = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == b' ').count();
    let digits = &bytes[..len];
    if digits.starts_with(b"+") {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

/// An integer as Java's spymemcached packs it; its sign is in the highest bit of its full width.
fn packed(value: &Value) -> Option<i128> {
    let bytes = value.bytes();
    let (width, is_byte) = match value.flags() {
        spy::BYTE => (1, true),
        spy::INT => (4, false),
        _ => (8, false),
    };
    if bytes.len() > width || (is_byte && bytes.is_empty()) {
        return None;
    }
    let mut full = [0; 8];
    full[8 - bytes.len()..].copy_from_slice(bytes);
    let unsigned = u64::from_be_bytes(full);
    let shift = 64 - 8 * width;
    #[expect(clippy::cast_possible_wrap, reason = "the bits are those of a signed number")]
    let signed = (unsigned << shift) as i64 >> shift;
    Some(i128::from(signed))
}
