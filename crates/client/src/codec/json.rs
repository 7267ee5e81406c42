//! JSON, for any type that serde knows.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{Decode, DecodeError, Encode, EncodeError, expect_kind};
use crate::flags::{Dialect, Kind};
use crate::value::Value;

/// JSON, for any type that `serde` knows.
///
/// In a dialect that has no flags for JSON, it is written as text and read from text. Dalli and
/// the clients of Python and Java hand it out as a string.
///
/// # Examples
/// ```
/// use evenkeel::codec::{Decode, Encode, Json};
/// use evenkeel::{Dialect, Value};
///
/// let mut output = Vec::new();
/// let flags = Json.encode(&vec![1, 2], Dialect::default(), &mut output)?;
/// assert_eq!(output, b"[1,2]");
/// let numbers: Vec<u8> = Json.decode(Value::new(flags, output), Dialect::default())?;
/// assert_eq!(numbers, [1, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json;

impl<T: Serialize + ?Sized> Encode<T> for Json {
    fn encode(
        &self,
        value: &T,
        dialect: Dialect,
        output: &mut Vec<u8>,
    ) -> Result<u32, EncodeError> {
        let flags = dialect.flags(Kind::Json).or_else(|| dialect.flags(Kind::Text));
        let flags = flags.ok_or(EncodeError::NoFlags { kind: Kind::Json, dialect })?;
        let len_before = output.len();
        match serde_json::to_writer(&mut *output, value) {
            Ok(()) => Ok(flags),
            Err(error) => {
                output.truncate(len_before);
                Err(EncodeError::Serialize {
                    kind: Kind::Json,
                    type_name: std::any::type_name::<T>(),
                    source: error.into(),
                })
            }
        }
    }
}

impl<T: DeserializeOwned> Decode<T> for Json {
    fn decode(&self, value: Value, dialect: Dialect) -> Result<T, DecodeError> {
        let readable = match dialect.flags(Kind::Json) {
            Some(_) => &[Kind::Json, Kind::Bytes][..],
            None => &[Kind::Text, Kind::Bytes],
        };
        expect_kind(Kind::Json, readable, &value, dialect)?;
        serde_json::from_slice(value.bytes())
            .map_err(|error| DecodeError::malformed::<T>(Kind::Json, &value, error))
    }
}
