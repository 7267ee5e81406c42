//! A hash tag: the part of a key that alone decides where the key goes.
//!
//! With the tag `{}` the keys `user:{42}:name` and `user:{42}:mail` share a server.
//!
//! # Source
//! twemproxy 0.5.0, `hash_tag`: the part between the first opening character and the first
//! closing one after it, if that part is not empty. Only the first pair is looked at:
//! `{}abc{def}` is hashed whole.

use std::fmt;
use std::str::FromStr;

/// The two characters around the part of a key that is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashTag {
    open: u8,
    close: u8,
}

impl HashTag {
    /// The part of `key` to hash: what the tag encloses, or else the whole key.
    pub fn hashed_part(self, key: &[u8]) -> &[u8] {
        self.enclosed(key).filter(|part| !part.is_empty()).unwrap_or(key)
    }

    fn enclosed(self, key: &[u8]) -> Option<&[u8]> {
        let after_open = &key[memchr::memchr(self.open, key)? + 1..];
        let end = memchr::memchr(self.close, after_open)?;
        Some(&after_open[..end])
    }
}

impl FromStr for HashTag {
    type Err = InvalidHashTag;

    fn from_str(text: &str) -> Result<Self, InvalidHashTag> {
        match *text.as_bytes() {
            [open, close] if open.is_ascii_graphic() && close.is_ascii_graphic() => {
                Ok(Self { open, close })
            }
            _ => Err(InvalidHashTag(text.to_owned())),
        }
    }
}

impl fmt::Display for HashTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.open), char::from(self.close))
    }
}

/// A text that is no hash tag.
///
/// The caller is at fault; nothing was built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("hash tag {0:?} is not two visible ASCII characters")]
pub struct InvalidHashTag(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tag: &str, key: &str, hashed: &str) {
        let tag: HashTag = tag.parse().unwrap();
        assert_eq!(tag.hashed_part(key.as_bytes()), hashed.as_bytes());
    }

    #[test]
    fn the_enclosed_part_is_hashed() {
        check("{}", "user:{42}:name", "42");
        check("$$", "a$b$c", "b");
        check("[]", "x]y[z]", "z");
    }

    #[test]
    fn a_key_without_a_full_pair_is_hashed_whole() {
        check("{}", "user:42", "user:42");
        check("{}", "user:{42", "user:{42");
        check("{}", "}42{", "}42{");
        check("$$", "a$b", "a$b");
    }

    #[test]
    fn only_the_first_pair_counts_even_if_empty() {
        check("{}", "{}abc{def}", "{}abc{def}");
        check("{}", "{{a}}", "{a");
    }

    #[test]
    fn a_tag_is_two_visible_ascii_characters() {
        for text in ["", "{", "{}}", "{ ", "é"] {
            assert_eq!(text.parse::<HashTag>(), Err(InvalidHashTag(text.to_owned())));
        }
        assert_eq!("<>".parse::<HashTag>().unwrap().to_string(), "<>");
    }
}
