//! Which part of a key is hashed.
//!
//! In this order: a prefix is left out, then what mcrouter leaves out, then what follows the hash
//! stop, and of the rest only what the hash tag encloses. A part may be empty; it is hashed then as
//! any other.
//!
//! # Source
//! The prefix: `OPT_PREFIX_KEY` of php-memcached 3.2.0, `key_prefix` of pymemcache 4.0.0. mcrouter's
//! reading of a key: `Keys::update` in `mcrouter/lib/Keys.cpp`.

use std::fmt;
use std::str::FromStr;

use super::hash_tag::HashTag;

/// What of a key is hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyParts {
    pub(super) unhashed_prefix: Option<KeyText>,
    pub(super) hash_tag: Option<HashTag>,
    pub(super) hash_stop: Option<KeyText>,
    /// Whether `/region/cluster/` is left out, and `|#|` is the stop if no other is set.
    pub(super) is_mcrouter: bool,
}

impl KeyParts {
    /// All of it.
    pub(super) const WHOLE: Self =
        Self { unhashed_prefix: None, hash_tag: None, hash_stop: None, is_mcrouter: false };

    /// Whether it is always all of it.
    pub(super) fn is_whole(&self) -> bool {
        *self == Self::WHOLE
    }

    /// The part of `key` that is hashed.
    pub(super) fn of<'k>(&self, key: &'k [u8]) -> &'k [u8] {
        let mut part = key;
        if let Some(prefix) = &self.unhashed_prefix {
            part = part.strip_prefix(prefix.as_bytes()).unwrap_or(part);
        }
        if self.is_mcrouter {
            part = without_routing_prefix(part);
        }
        let default_stop: &[u8] = if self.is_mcrouter { MCROUTER_STOP } else { b"" };
        let stop = self.hash_stop.as_ref().map_or(default_stop, KeyText::as_bytes);
        if let Some((&first, _)) = stop.split_first() {
            let mut candidates = memchr::memchr_iter(first, part);
            if let Some(end) = candidates.find(|&at| part[at..].starts_with(stop)) {
                part = &part[..end];
            }
        }
        self.hash_tag.map_or(part, |hash_tag| hash_tag.hashed_part(part))
    }
}

/// `key` without `/region/cluster/`, if it begins so.
fn without_routing_prefix(key: &[u8]) -> &[u8] {
    if key.first() != Some(&b'/') {
        return key;
    }
    let end = memchr::memchr_iter(b'/', &key[1..]).nth(1);
    end.map_or(key, |end| &key[end + 2..])
}

/// What ends the routing key in mcrouter.
const MCROUTER_STOP: &[u8] = b"|#|";

/// A text that can stand in a key: 1 to 249 bytes without blanks and control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyText(Box<str>);

impl KeyText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for KeyText {
    type Err = InvalidKeyText;

    fn from_str(text: &str) -> Result<Self, InvalidKeyText> {
        match text.bytes().find(|byte| *byte <= b' ' || *byte == 0x7f) {
            Some(byte) => Err(InvalidKeyText::Character(byte.into())),
            None => Ok(Self(checked(text)?)),
        }
    }
}

impl fmt::Display for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What mcrouter hashes after each key: 1 to 249 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salt(Box<str>);

impl Salt {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Salt {
    type Err = InvalidKeyText;

    fn from_str(text: &str) -> Result<Self, InvalidKeyText> {
        checked(text).map(Self)
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn checked(text: &str) -> Result<Box<str>, InvalidKeyText> {
    match text.len() {
        0 => Err(InvalidKeyText::Empty),
        1..=KEY_TEXT_LEN_MAX => Ok(text.into()),
        len => Err(InvalidKeyText::TooLong(len)),
    }
}

/// One byte less than a key can have.
const KEY_TEXT_LEN_MAX: usize = 249;

/// Why a text cannot be part of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyText {
    /// Nothing was given. Nothing was built.
    #[error("it is empty")]
    Empty,
    /// More bytes than can be. Nothing was built.
    #[error("it has {0} bytes, more than {KEY_TEXT_LEN_MAX}")]
    TooLong(usize),
    /// A blank or control character, which no key has. Nothing was built.
    #[error("a key cannot have {0:?} in it")]
    Character(char),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(parts: &KeyParts, key: &str, hashed: &str) {
        assert_eq!(str::from_utf8(parts.of(key.as_bytes())), Ok(hashed), "{key}");
    }

    fn text(text: &str) -> KeyText {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_is_left_out_where_it_is_there() {
        let parts = KeyParts { unhashed_prefix: Some(text("app:")), ..KeyParts::WHOLE };
        check(&parts, "app:user", "user");
        check(&parts, "app:app:user", "app:user");
        check(&parts, "ap:user", "ap:user");
        check(&parts, "app:", "");
    }

    #[test]
    fn what_follows_the_stop_is_left_out() {
        let parts = KeyParts { hash_stop: Some(text("|#|")), ..KeyParts::WHOLE };
        check(&parts, "user|#|mail|#|x", "user");
        check(&parts, "user||#|mail", "user|");
        check(&parts, "user|#mail", "user|#mail");
        check(&parts, "|#|mail", "");
    }

    #[test]
    fn mcrouter_leaves_out_its_routing_prefix_and_stops() {
        let parts = KeyParts { is_mcrouter: true, ..KeyParts::WHOLE };
        check(&parts, "/west/a/user:1", "user:1");
        check(&parts, "/west/a/user:1|#|x/y", "user:1");
        check(&parts, "/west/user:1", "/west/user:1");
        check(&parts, "/west/a/", "");
        check(&parts, "//user/1", "1");
        check(&parts, "west/a/user", "west/a/user");
        check(&parts, "/", "/");
        let parts = KeyParts { hash_stop: Some(text("#")), ..parts };
        check(&parts, "/west/a/us|er#1", "us|er");
    }

    #[test]
    fn prefix_stop_and_tag_are_heeded_in_this_order() {
        let parts = KeyParts {
            unhashed_prefix: Some(text("{x}")),
            hash_tag: Some("{}".parse().unwrap()),
            hash_stop: Some(text("#")),
            is_mcrouter: false,
        };
        check(&parts, "{x}a{b}c#{d}", "b");
        check(&parts, "{x}a{b#}c", "a{b");
        assert!(!parts.is_whole());
        assert!(KeyParts::WHOLE.is_whole());
    }

    #[test]
    fn a_text_of_a_key_is_not_empty_and_has_no_blanks() {
        assert_eq!("".parse::<KeyText>(), Err(InvalidKeyText::Empty));
        assert_eq!("a b".parse::<KeyText>(), Err(InvalidKeyText::Character(' ')));
        assert_eq!("a\u{7f}".parse::<KeyText>(), Err(InvalidKeyText::Character('\u{7f}')));
        assert_eq!("ü:".parse::<KeyText>().unwrap().as_str(), "ü:");
        assert!("x".repeat(249).parse::<KeyText>().is_ok());
        assert_eq!("x".repeat(250).parse::<KeyText>(), Err(InvalidKeyText::TooLong(250)));
        assert_eq!("a b".parse::<Salt>().unwrap().as_str(), "a b");
        assert_eq!("".parse::<Salt>(), Err(InvalidKeyText::Empty));
    }
}
