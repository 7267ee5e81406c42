//! What a server holds under a key: bytes, flags, and the token for `cas`.
//!
//! Takes a value out of the response that carries it. It decides nothing about what the bytes
//! mean: that is for a codec.
//!
//! # Buffers
//! [`Value::from_response`] owns the response it is given and keeps it as long as the bytes live,
//! `VALUE` line included; nothing is copied. [`Value::copy_from_response`] copies the data once
//! and leaves the response to its owner. Copying is cheaper for a short value that came together
//! with others, and does not keep the whole response alive.

use bytes::{Buf, Bytes};

use evenkeel_core::protocol::token;

/// A value as a server holds it: uninterpreted, and still compressed if it was stored so.
///
/// Cheap to clone: the bytes are shared.
///
/// # Examples
/// ```
/// use evenkeel::Value;
///
/// let value = Value::new(0, "hello");
/// assert_eq!(&value.bytes()[..], b"hello");
/// assert_eq!(value.flags(), 0);
/// assert_eq!(value.cas(), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    flags: u32,
    bytes: Bytes,
    cas: Option<Cas>,
}

impl Value {
    /// A value that no server gave: without a token.
    pub fn new(flags: u32, bytes: impl Into<Bytes>) -> Self {
        Self { flags, bytes: bytes.into(), cas: None }
    }

    /// The 32 bits that its writer stored beside the bytes. What they mean is for the writer to
    /// say: see [`Dialect`](crate::Dialect).
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// The bytes as stored.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes as stored, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// The token for `cas`; only of a value that was asked for with one (`gets`).
    pub fn cas(&self) -> Option<Cas> {
        self.cas
    }

    /// Takes the value out of the `response` that carries it, without copying the data:
    /// `VALUE key flags len [cas]\r\n`, `len` bytes, `\r\n`, and nothing else.
    ///
    /// # Errors
    /// The response is something else. It is dropped.
    ///
    /// # Examples
    /// ```
    /// use evenkeel::Value;
    ///
    /// let value = Value::from_response(b"VALUE k 16 5 9\r\nhello\r\n".to_vec())?;
    /// assert_eq!((value.flags(), &value.bytes()[..]), (16, &b"hello"[..]));
    /// assert!(value.cas().is_some());
    /// # Ok::<(), evenkeel::ValueError>(())
    /// ```
    pub fn from_response(mut response: Vec<u8>) -> Result<Self, ValueError> {
        let header = Header::new(&response)?;
        // Cut before it is shared, and moved on instead of sliced: one small allocation for the
        // count of its owners, and no second one.
        response.truncate(header.data_at + header.data_len);
        let mut bytes = Bytes::from(response);
        bytes.advance(header.data_at);
        Ok(Self { flags: header.flags, bytes, cas: header.cas })
    }

    /// As [`from_response`](Self::from_response), of a response that belongs to somebody else:
    /// the data is copied, once.
    ///
    /// # Errors
    /// The response is something else.
    pub fn copy_from_response(response: &[u8]) -> Result<Self, ValueError> {
        let header = Header::new(response)?;
        let data = &response[header.data_at..header.data_at + header.data_len];
        Ok(Self { flags: header.flags, bytes: Bytes::copy_from_slice(data), cas: header.cas })
    }

    /// As [`from_response`](Self::from_response), of a part of something larger that is shared.
    pub(crate) fn from_shared_response(mut response: Bytes) -> Result<Self, ValueError> {
        let header = Header::new(&response)?;
        response.truncate(header.data_at + header.data_len);
        response.advance(header.data_at);
        Ok(Self { flags: header.flags, bytes: response, cas: header.cas })
    }

    /// Other flags and bytes, the same token.
    #[cfg(feature = "lz4")]
    pub(crate) fn with_content(self, flags: u32, bytes: impl Into<Bytes>) -> Self {
        Self { flags, bytes: bytes.into(), cas: self.cas }
    }
}

impl From<Bytes> for Value {
    /// With flags 0.
    fn from(bytes: Bytes) -> Self {
        Self::new(0, bytes)
    }
}

impl From<Vec<u8>> for Value {
    /// With flags 0.
    fn from(bytes: Vec<u8>) -> Self {
        Self::new(0, bytes)
    }
}

impl From<String> for Value {
    /// With flags 0, as every text that no codec has written.
    fn from(text: String) -> Self {
        Self::new(0, text)
    }
}

impl From<&'static str> for Value {
    /// With flags 0, as every text that no codec has written.
    fn from(text: &'static str) -> Self {
        Self::new(0, text)
    }
}

impl From<&'static [u8]> for Value {
    /// With flags 0.
    fn from(bytes: &'static [u8]) -> Self {
        Self::new(0, bytes)
    }
}

/// Says which version of a value was read, so that `cas` can replace that one only.
///
/// It belongs to its key and to the server that gave it. The number means nothing by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cas(u64);

impl Cas {
    /// The token that [`to_raw`](Self::to_raw) gave, here or in another process.
    pub fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The number, to be kept outside of this process: in a form, in a queue.
    pub fn to_raw(self) -> u64 {
        self.0
    }
}

/// Why a response carries no value.
///
/// Responses are checked before: this is a fault of ours, never of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// It does not begin with a line `VALUE key flags len [cas]`. A fault of ours.
    /// The value cannot be read.
    #[error("not a line VALUE key flags len [cas]")]
    Line,
    /// Not as many bytes follow the line as it says. A fault of ours.
    /// The value cannot be read.
    #[error("{found} bytes after the VALUE line, and {expected} expected")]
    Length {
        /// Bytes that follow the line.
        found: usize,
        /// The length the line gives, and 2 for the end of the data.
        expected: usize,
    },
    /// The data does not end with CR and LF. A fault of ours.
    /// The value cannot be read.
    #[error("the data does not end with CR LF")]
    End,
}

/// What stands before the data, and where that is.
struct Header {
    flags: u32,
    cas: Option<Cas>,
    data_at: usize,
    data_len: usize,
}

impl Header {
    fn new(response: &[u8]) -> Result<Self, ValueError> {
        let header = Self::of_line(response).ok_or(ValueError::Line)?;
        let found = response.len() - header.data_at;
        let expected = header.data_len.checked_add(END.len()).ok_or(ValueError::Line)?;
        if found != expected {
            return Err(ValueError::Length { found, expected });
        }
        if !response.ends_with(END) {
            return Err(ValueError::End);
        }
        Ok(header)
    }

    fn of_line(response: &[u8]) -> Option<Self> {
        let words = response.strip_prefix(b"VALUE ")?;
        let (key, rest) = words.split_at(memchr::memchr(b' ', words)?);
        let (flags, rest) = token::leading_number(rest.strip_prefix(b" ")?)?;
        let (data_len, mut rest) = token::leading_number(rest.strip_prefix(b" ")?)?;
        let mut cas = None;
        if let Some(token) = rest.strip_prefix(b" ") {
            let (raw, behind) = token::leading_number(token)?;
            (cas, rest) = (Some(Cas(raw)), behind);
        }
        let rest = rest.strip_prefix(END)?;
        (!key.is_empty()).then_some(Self {
            flags: u32::try_from(flags).ok()?,
            cas,
            data_at: response.len() - rest.len(),
            data_len: usize::try_from(data_len).ok()?,
        })
    }
}

const END: &[u8] = b"\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    /// All ways to take a value out, which must agree.
    fn parse(response: &[u8]) -> Result<Value, ValueError> {
        let owned = Value::from_response(response.to_vec());
        assert_eq!(owned, Value::copy_from_response(response));
        assert_eq!(owned, Value::from_shared_response(response.to_vec().into()));
        owned
    }

    #[track_caller]
    fn check(response: &[u8], flags: u32, bytes: &[u8], cas: Option<u64>) {
        let value = parse(response).unwrap();
        assert_eq!(value.flags(), flags);
        assert_eq!(value.bytes(), bytes);
        assert_eq!(value.cas().map(Cas::to_raw), cas);
        assert_eq!(value.into_bytes(), bytes);
    }

    #[test]
    fn a_value_is_taken_out_of_its_response() {
        check(b"VALUE k 0 5\r\nhello\r\n", 0, b"hello", None);
        check(b"VALUE k 4294967295 0\r\n\r\n", u32::MAX, b"", None);
        check(b"VALUE k 0 4 18446744073709551615\r\n\r\n\r\n\r\n", 0, b"\r\n\r\n", Some(u64::MAX));
        check("VALUE käse 1 1 0\r\nx\r\n".as_bytes(), 1, b"x", Some(0));
    }

    #[test]
    fn the_data_is_not_copied() {
        let response = b"VALUE k 0 5\r\nhello\r\n".to_vec();
        let data = response[13..].as_ptr();
        let value = Value::from_response(response).unwrap();
        assert_eq!(value.bytes().as_ptr(), data);
        assert_eq!(value.clone().into_bytes().as_ptr(), data, "clones share it");
    }

    #[test]
    fn a_response_that_is_cut_off_anywhere_is_an_error() {
        let response = b"VALUE k 16 5 99\r\nhello\r\n";
        for len in 0..response.len() {
            assert!(parse(&response[..len]).is_err(), "{len}");
        }
        let longer = [&response[..], b"END\r\n"].concat();
        assert_eq!(parse(&longer), Err(ValueError::Length { found: 12, expected: 7 }));
    }

    #[test]
    fn whatever_is_no_value_is_an_error_and_never_a_panic() {
        for line in [
            &b"END\r\n"[..],
            b"VALUE",
            b"VALUE ",
            b"VALUE  0 1\r\nx\r\n",
            b"VALUE k\r\n",
            b"VALUE k 0\r\n\r\n",
            b"VALUE k 4294967296 1\r\nx\r\n",
            b"VALUE k -1 1\r\nx\r\n",
            b"VALUE k 0 -1\r\nx\r\n",
            b"VALUE k 0 18446744073709551615\r\nx\r\n",
            b"VALUE k 0 18446744073709551616\r\nx\r\n",
            b"VALUE k 0 1 \r\nx\r\n",
            b"VALUE k 0 1 18446744073709551616\r\nx\r\n",
            b"VALUE k 0 1 1 1\r\nx\r\n",
            b"VALUE k 0 1\nx\r\n",
        ] {
            assert_eq!(parse(line), Err(ValueError::Line), "{line:?}");
        }
        let long = ValueError::Length { found: 3, expected: usize::MAX - 1 };
        assert_eq!(parse(b"VALUE k 0 18446744073709551612\r\nx\r\n"), Err(long));
        assert_eq!(parse(b"VALUE k 0 1\r\nx\n\r"), Err(ValueError::End));
    }
}
