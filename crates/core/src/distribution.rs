//! Which server a key belongs to, and which ones follow when that one cannot be used.

mod hash;
mod hash_tag;
mod murmur3;

pub use self::hash::{HashFunction, UnknownHash};
pub use self::hash_tag::{HashTag, InvalidHashTag};
