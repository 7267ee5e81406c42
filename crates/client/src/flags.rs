//! What the 32 bits beside a value say, in the dialects of several client libraries.
//!
//! memcached keeps flags and never looks at them. Each library marks in them what it has written,
//! each in its own way: 1 is an integer to PHP's memcached, and a pickled object to Python's
//! clients. Nothing in a value says whose flags it has, so that a client is told its [`Dialect`].
//! This module knows the marks. It never looks at a value's bytes.
//!
//! # Source
//! What the clients themselves write (the table in the tests was captured from them), and for
//! those that are not installed with us their code. Each [`Dialect`] names its own.

use std::fmt;

mod own;

mod libraries;

pub(crate) use libraries::spy;
use libraries::{php_memcache, php_memcached, python};

/// Whose flags are read and written.
///
/// The default suits an application that shares its cache with other programs in Rust, or in
/// Python. Choose another one to share a cache with that library.
///
/// # Examples
/// ```
/// use evenkeel::{Dialect, Kind, Unreadable};
///
/// assert_eq!(Dialect::PhpMemcached.flags(Kind::Integer), Some(1));
/// assert_eq!(Dialect::PhpMemcached.kind(1), Ok(Kind::Integer));
/// assert_eq!(Dialect::Python.kind(1), Err(Unreadable::Pickle));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Ours: bytes, text and integers as in [`Python`](Self::Python). Whatever Python's clients
    /// have no flag for (JSON, Postcard, anything compressed) has a mark of ours in the upper
    /// half (`0x454b`), and none of their bits: pymemcache and pylibmc hand it out as bytes,
    /// python-memcached refuses it.
    #[default]
    Evenkeel,
    /// pymemcache (with its `serde`), python-memcached and pylibmc, which agree: bytes 0,
    /// pickle 1, integer 2 or 4, zlib 8 (beside others), text 16.
    ///
    /// Source: pymemcache 4.0.0, python-memcached 1.62, pylibmc 1.6.3. pymemcache without a
    /// `serde` writes flags 0 whatever it is given.
    Python,
    /// PHP's extension `memcached`. Low four bits: string 0, integer 1, double 2, boolean 3,
    /// serialized 4, igbinary 5, JSON 6, msgpack 7. Next 12 bits: compressed 16, by zlib 32, by
    /// `FastLZ` 64, by zstd 128. The upper half is free for the application.
    ///
    /// Source: php-memcached 3.2.0.
    PhpMemcached,
    /// PHP's older extension `memcache`: string 0, serialized 1, compressed with zlib 2 (beside
    /// others), boolean 256, integer 768, double 1792. The upper half is free for the
    /// application.
    ///
    /// Source: PECL memcache 4.0.5.2.
    PhpMemcache,
    /// Java's spymemcached, and those that took its transcoder over (`EVCache`, Arcus): text 0,
    /// Java-serialized 1, compressed with gzip 2 (beside others), in the second byte boolean 1,
    /// int 2, long 3, date 4, byte 5, float 6, double 7, byte array 8. Integers are not digits
    /// but bytes, the highest first, without leading zeros.
    ///
    /// Source: the code of `SerializingTranscoder` and `TranscoderUtils`.
    SpyMemcached,
    /// Ruby's Dalli: raw 0, marshalled 1, compressed with zlib 2 (beside 1). Flags 0 it hands out
    /// as a string. It marshals whatever it is not told to write with `raw: true`, text and
    /// integers among it. Its option `string_fastpath` used the bit 2 for UTF-8 as well, until
    /// that was mended in 2026, so that a value with it is refused.
    ///
    /// Source: the code of `Dalli::Protocol::ValueSerializer` and `ValueCompressor`, and pull
    /// request 1086 there.
    Dalli,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Evenkeel,
        Self::Python,
        Self::PhpMemcached,
        Self::PhpMemcache,
        Self::SpyMemcached,
        Self::Dalli,
    ];

    /// The flags that mark a value of this kind; `None` if there are none in this dialect.
    pub fn flags(self, kind: Kind) -> Option<u32> {
        match self {
            Self::Evenkeel => Some(match kind {
                Kind::Bytes | Kind::Text | Kind::Integer => python::flags(kind)?,
                Kind::Json | Kind::Postcard => own::flags(kind, false)?,
                Kind::Float | Kind::Boolean => return None,
            }),
            Self::Python => python::flags(kind),
            Self::PhpMemcached => php_memcached::flags(kind),
            Self::PhpMemcache => php_memcache::flags(kind),
            Self::SpyMemcached => spy::flags(kind),
            Self::Dalli => match kind {
                Kind::Bytes | Kind::Text | Kind::Integer => Some(0),
                Kind::Float | Kind::Boolean | Kind::Json | Kind::Postcard => None,
            },
        }
    }

    /// What a value with these flags is.
    ///
    /// Flags 0 are [`Kind::Bytes`] in every dialect: nothing is said about the bytes.
    ///
    /// # Errors
    /// The value was written in a way that is not read here.
    pub fn kind(self, flags: u32) -> Result<Kind, Unreadable> {
        match self {
            Self::Evenkeel if own::is_ours(flags) => own::kind(flags),
            Self::Evenkeel | Self::Python => python::kind(flags),
            Self::PhpMemcached => php_memcached::kind(flags),
            Self::PhpMemcache => php_memcache::kind(flags),
            Self::SpyMemcached => spy::kind(flags),
            Self::Dalli => match flags {
                0 => Ok(Kind::Bytes),
                1 => Err(Unreadable::RubyMarshal),
                2 | 3 => Err(Unreadable::Zlib),
                _ => Err(Unreadable::Unknown),
            },
        }
    }

    /// What these flags become when the value is compressed with LZ4; `None` where nothing can
    /// say so.
    #[cfg(feature = "lz4")]
    pub(crate) fn compressed(self, flags: u32) -> Option<u32> {
        match self {
            Self::Evenkeel => own::flags(self.kind(flags).ok()?, true),
            Self::Python
            | Self::PhpMemcached
            | Self::PhpMemcache
            | Self::SpyMemcached
            | Self::Dalli => None,
        }
    }

    /// What the flags of a value compressed with LZ4 were before; `None` if it is not.
    #[cfg(feature = "lz4")]
    pub(crate) fn decompressed(self, flags: u32) -> Option<u32> {
        match self {
            Self::Evenkeel => self.flags(own::kind_compressed(flags)?),
            Self::Python
            | Self::PhpMemcached
            | Self::PhpMemcache
            | Self::SpyMemcached
            | Self::Dalli => None,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Evenkeel => "evenkeel",
            Self::Python => "python",
            Self::PhpMemcached => "php-memcached",
            Self::PhpMemcache => "php-memcache",
            Self::SpyMemcached => "spymemcached",
            Self::Dalli => "dalli",
        })
    }
}

/// What a value is, as far as its flags say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Bytes of which nothing is said. Flags 0, whoever wrote them.
    Bytes,
    /// Text in UTF-8.
    Text,
    /// A whole number.
    Integer,
    /// A floating-point number.
    Float,
    /// True or false.
    Boolean,
    /// JSON.
    Json,
    /// Postcard, the compact binary format.
    Postcard,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "bytes",
            Self::Text => "text",
            Self::Integer => "an integer",
            Self::Float => "a floating-point number",
            Self::Boolean => "a boolean",
            Self::Json => "JSON",
            Self::Postcard => "Postcard",
        })
    }
}

/// Why the kind of a value cannot be read from its flags: its writer used a format of its own.
///
/// The value itself is fine, and its bytes can be had as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// A Python object. Another program wrote it.
    /// The value is unchanged.
    #[error("a Python pickle")]
    Pickle,
    /// A PHP array, object or null, as `serialize()` writes it. Another program wrote it.
    /// The value is unchanged.
    #[error("a value serialized by PHP")]
    PhpSerialized,
    /// The same, as the extension igbinary writes it. Another program wrote it.
    /// The value is unchanged.
    #[error("a value serialized by PHP's igbinary")]
    Igbinary,
    /// `MessagePack`, as PHP's extension msgpack writes it. Another program wrote it.
    /// The value is unchanged.
    #[error("MessagePack")]
    Msgpack,
    /// A Java object. Another program wrote it.
    /// The value is unchanged.
    #[error("a serialized Java object")]
    JavaSerialized,
    /// A Java date. Another program wrote it.
    /// The value is unchanged.
    #[error("a Java date")]
    JavaDate,
    /// A Ruby object. Another program wrote it.
    /// The value is unchanged.
    #[error("a marshalled Ruby object")]
    RubyMarshal,
    /// Compressed with zlib, whatever it is beneath. Another program wrote it.
    /// The value is unchanged.
    #[error("compressed with zlib")]
    Zlib,
    /// Compressed with gzip, whatever it is beneath. Another program wrote it.
    /// The value is unchanged.
    #[error("compressed with gzip")]
    Gzip,
    /// Compressed with `FastLZ`, whatever it is beneath. Another program wrote it.
    /// The value is unchanged.
    #[error("compressed with FastLZ")]
    FastLz,
    /// Compressed with zstd, whatever it is beneath. Another program wrote it.
    /// The value is unchanged.
    #[error("compressed with zstd")]
    Zstd,
    /// Compressed, and nothing says how. Another program wrote it.
    /// The value is unchanged.
    #[error("compressed in a way its flags do not name")]
    Compressed,
    /// Compressed with LZ4 by this library, and not decompressed: that needs the feature `lz4`.
    /// The value is unchanged.
    #[error("compressed with LZ4 by Evenkeel (feature `lz4`)")]
    Lz4,
    /// Flags that mean nothing in this dialect: another program, or another dialect.
    /// The value is unchanged.
    #[error("of no known kind")]
    Unknown,
}

#[cfg(test)]
mod tests;
