//! The marks of other client libraries, each as its own code has them. [`Dialect`] names the
//! versions.
//!
//! [`Dialect`]: crate::flags::Dialect

pub(crate) mod python {
    use crate::flags::{Kind, Unreadable};

    const PICKLE: u32 = 1;
    const INTEGER: u32 = 2;
    /// Python 2's `long`; pylibmc writes it for every integer.
    const LONG: u32 = 4;
    const ZLIB: u32 = 8;
    const TEXT: u32 = 16;

    pub(crate) fn flags(kind: Kind) -> Option<u32> {
        match kind {
            Kind::Bytes => Some(0),
            Kind::Text => Some(TEXT),
            Kind::Integer => Some(INTEGER),
            Kind::Float | Kind::Boolean | Kind::Json | Kind::Postcard => None,
        }
    }

    pub(crate) fn kind(flags: u32) -> Result<Kind, Unreadable> {
        match flags {
            0 => Ok(Kind::Bytes),
            TEXT => Ok(Kind::Text),
            INTEGER | LONG => Ok(Kind::Integer),
            PICKLE => Err(Unreadable::Pickle),
            _ if flags & ZLIB != 0 && flags & !(ZLIB | PICKLE | INTEGER | LONG | TEXT) == 0 => {
                Err(Unreadable::Zlib)
            }
            _ => Err(Unreadable::Unknown),
        }
    }
}

pub(crate) mod php_memcached {
    use crate::flags::{Kind, Unreadable};

    const TYPE_MASK: u32 = 0xf;
    const INTERNAL_MASK: u32 = 0xfff0;
    const COMPRESSED: u32 = 1 << 4;
    const ZLIB: u32 = 1 << 5;
    const FASTLZ: u32 = 1 << 6;
    const ZSTD: u32 = 1 << 7;

    pub(crate) fn flags(kind: Kind) -> Option<u32> {
        match kind {
            Kind::Bytes | Kind::Text => Some(0),
            Kind::Integer => Some(1),
            Kind::Float => Some(2),
            Kind::Boolean => Some(3),
            Kind::Json => Some(6),
            Kind::Postcard => None,
        }
    }

    pub(crate) fn kind(flags: u32) -> Result<Kind, Unreadable> {
        match flags & INTERNAL_MASK {
            0 => {}
            internal if internal & COMPRESSED == 0 => return Err(Unreadable::Unknown),
            internal => {
                return Err(match internal & !COMPRESSED {
                    ZLIB => Unreadable::Zlib,
                    FASTLZ => Unreadable::FastLz,
                    ZSTD => Unreadable::Zstd,
                    _ => Unreadable::Compressed,
                });
            }
        }
        match flags & TYPE_MASK {
            0 => Ok(Kind::Bytes),
            1 => Ok(Kind::Integer),
            2 => Ok(Kind::Float),
            3 => Ok(Kind::Boolean),
            4 => Err(Unreadable::PhpSerialized),
            5 => Err(Unreadable::Igbinary),
            6 => Ok(Kind::Json),
            7 => Err(Unreadable::Msgpack),
            _ => Err(Unreadable::Unknown),
        }
    }
}

pub(crate) mod php_memcache {
    use crate::flags::{Kind, Unreadable};

    const OURS_MASK: u32 = 0xffff;
    const SERIALIZED: u32 = 1;
    const COMPRESSED: u32 = 2;
    const BOOLEAN: u32 = 1 << 8;
    const INTEGER: u32 = 3 << 8;
    const FLOAT: u32 = 7 << 8;

    pub(crate) fn flags(kind: Kind) -> Option<u32> {
        match kind {
            Kind::Bytes | Kind::Text => Some(0),
            Kind::Integer => Some(INTEGER),
            Kind::Float => Some(FLOAT),
            Kind::Boolean => Some(BOOLEAN),
            Kind::Json | Kind::Postcard => None,
        }
    }

    pub(crate) fn kind(flags: u32) -> Result<Kind, Unreadable> {
        match flags & OURS_MASK {
            0 => Ok(Kind::Bytes),
            BOOLEAN => Ok(Kind::Boolean),
            INTEGER => Ok(Kind::Integer),
            FLOAT => Ok(Kind::Float),
            marks if marks & COMPRESSED != 0 => Err(Unreadable::Zlib),
            marks if marks & SERIALIZED != 0 => Err(Unreadable::PhpSerialized),
            _ => Err(Unreadable::Unknown),
        }
    }
}

pub(crate) mod spy {
    use crate::flags::{Kind, Unreadable};

    const SERIALIZED: u32 = 1;
    const COMPRESSED: u32 = 2;
    const BOOLEAN: u32 = 1 << 8;
    /// Up to four bytes, signed.
    pub(crate) const INT: u32 = 2 << 8;
    /// Up to eight bytes, signed.
    pub(crate) const LONG: u32 = 3 << 8;
    const DATE: u32 = 4 << 8;
    /// Up to one byte, signed.
    pub(crate) const BYTE: u32 = 5 << 8;
    const FLOAT: u32 = 6 << 8;
    const DOUBLE: u32 = 7 << 8;
    const BYTE_ARRAY: u32 = 8 << 8;

    pub(crate) fn flags(kind: Kind) -> Option<u32> {
        match kind {
            Kind::Bytes => Some(BYTE_ARRAY),
            Kind::Text => Some(0),
            Kind::Integer => Some(LONG),
            Kind::Float => Some(DOUBLE),
            Kind::Boolean => Some(BOOLEAN),
            Kind::Json | Kind::Postcard => None,
        }
    }

    pub(crate) fn kind(flags: u32) -> Result<Kind, Unreadable> {
        match flags {
            0 | BYTE_ARRAY => Ok(Kind::Bytes),
            INT | LONG | BYTE => Ok(Kind::Integer),
            BOOLEAN => Ok(Kind::Boolean),
            FLOAT | DOUBLE => Ok(Kind::Float),
            DATE => Err(Unreadable::JavaDate),
            SERIALIZED => Err(Unreadable::JavaSerialized),
            _ if flags & COMPRESSED != 0 => Err(Unreadable::Gzip),
            _ => Err(Unreadable::Unknown),
        }
    }
}
