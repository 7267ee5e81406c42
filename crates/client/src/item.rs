//! What is stored.

use bytes::Bytes;

use crate::value::Value;

/// The bytes of a value, and the flags that are stored with them.
///
/// Whatever is bytes is an item with flags 0; so is text, which differs from bytes only for a
/// [codec](crate::codec). A [`Value`] that was read is an item with the flags it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// The data.
    pub bytes: &'a [u8],
    /// What they mean to whoever reads them.
    pub flags: u32,
}

impl<'a> From<&'a [u8]> for Item<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self { bytes, flags: 0 }
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Item<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::from(&bytes[..])
    }
}

impl<'a> From<&'a Vec<u8>> for Item<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::from(&bytes[..])
    }
}

impl<'a> From<&'a Bytes> for Item<'a> {
    fn from(bytes: &'a Bytes) -> Self {
        Self::from(&bytes[..])
    }
}

impl<'a> From<&'a str> for Item<'a> {
    fn from(text: &'a str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl<'a> From<&'a String> for Item<'a> {
    fn from(text: &'a String) -> Self {
        Self::from(text.as_bytes())
    }
}

impl<'a> From<&'a Value> for Item<'a> {
    fn from(value: &'a Value) -> Self {
        Self { bytes: value.bytes(), flags: value.flags() }
    }
}
