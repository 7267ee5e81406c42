//! Which pool serves a key, by what the key begins with: prefix routes.

use std::fmt;
use std::str::FromStr;

use crate::protocol::KEY_LEN_MAX;

use super::choice::Operation;
use super::fault::{Fault, KeyPath, Problem};
use super::name::{ListenerName, PoolName};

/// One table `[[route]]`: the keys that begin with `prefix` go to `pool`.
///
/// Of the routes that fit a request the one with the longest prefix counts, and of two with the same
/// prefix the one that names the listener. A request that none fits goes to the listener's own pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteConfig {
    /// What a key begins with.
    ///
    /// Up to [`KEY_PREFIX_LEN_MAX`] bytes without blanks; `""`, the default, is every key.
    pub prefix: KeyPrefix,

    /// The pool that serves these keys: the NAME of a `[pool.NAME]` table.
    ///
    /// No default. Not the gutter of another pool.
    pub pool: PoolName,

    /// Whether servers are sent the key without the prefix.
    ///
    /// `false` by default. The application sees its keys as it wrote them in either case. Two routes
    /// that leave the same of two keys make them one item.
    pub strip_prefix: bool,

    /// Which operations it is for.
    ///
    /// [`Operation::ALL`] by default. What one pool is told another does not know: reads are as fresh
    /// as writes only where both go to the same one.
    pub operations: Vec<Operation>,

    /// The listener whose sessions it is for: the NAME of a `[listener.NAME]` table.
    ///
    /// None by default: it is for every listener.
    pub listener: Option<ListenerName>,
}

/// The longest prefix: a byte less than a key may have, so that something follows it.
pub const KEY_PREFIX_LEN_MAX: usize = KEY_LEN_MAX - 1;

impl RouteConfig {
    /// The most routes of one configuration.
    pub const ROUTES_MAX: usize = 10_000;

    /// A route with every other setting at its default.
    pub fn new(prefix: KeyPrefix, pool: PoolName) -> Self {
        let operations = Operation::ALL.to_vec();
        Self { prefix, pool, strip_prefix: false, operations, listener: None }
    }

    /// Where the settings of the route at `idx` stand.
    pub fn path(idx: usize) -> KeyPath {
        KeyPath::ROOT.key("route").element(idx)
    }

    /// Whether it is for a session of `listener`.
    pub fn is_for(&self, listener: &ListenerName) -> bool {
        self.listener.as_ref().is_none_or(|name| name == listener)
    }

    pub(super) fn check(&self, idx: usize, faults: &mut Vec<Fault>) {
        if self.operations.is_empty() {
            let at = Self::path(idx).key("operations");
            faults.push(Fault::new(at, Problem::RouteWithoutOperations));
        }
        if self.strip_prefix && self.prefix.as_str().is_empty() {
            let at = Self::path(idx).key("strip_prefix");
            faults.push(Fault::new(at, Problem::NothingToStrip));
        }
    }

    /// An operation that both are for, of the same keys and listeners: which of them would count?
    pub(super) fn overlap(&self, other: &Self) -> Option<Operation> {
        let is_same = self.prefix == other.prefix && self.listener == other.listener;
        let mut shared = self.operations.iter().filter(|it| other.operations.contains(it));
        shared.next().copied().filter(|_| is_same)
    }
}

/// What keys begin with: up to [`KEY_PREFIX_LEN_MAX`] bytes that a key may have.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPrefix(String);

/// Why a text is no prefix of a key. No prefix was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyPrefixError {
    /// It leaves no byte for the rest of a key.
    #[error("it has {0} bytes, and may have {KEY_PREFIX_LEN_MAX}")]
    TooLong(usize),
    /// A character that no key has.
    #[error("{0:?} is in no key")]
    Character(char),
}

impl KeyPrefix {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KeyPrefix {
    type Err = KeyPrefixError;

    fn from_str(text: &str) -> Result<Self, KeyPrefixError> {
        if text.len() > KEY_PREFIX_LEN_MAX {
            return Err(KeyPrefixError::TooLong(text.len()));
        }
        match text.chars().find(|it| *it == ' ' || it.is_ascii_control()) {
            Some(character) => Err(KeyPrefixError::Character(character)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_leaves_a_byte_for_the_rest_of_the_key() {
        let longest = "p".repeat(KEY_PREFIX_LEN_MAX);
        assert_eq!(longest.parse::<KeyPrefix>().map(|it| it.0.len()), Ok(249));
        assert_eq!((longest + "p").parse::<KeyPrefix>(), Err(KeyPrefixError::TooLong(250)));
        assert_eq!("".parse(), Ok(KeyPrefix::default()));
        assert_eq!("ü:".parse::<KeyPrefix>().map(|it| it.as_bytes().len()), Ok(3));
    }

    #[test]
    fn a_prefix_has_only_what_a_key_may_have() {
        for (text, character) in [("a b", ' '), ("\t", '\t'), ("a\0", '\0'), ("a\r\n", '\r')] {
            assert_eq!(text.parse::<KeyPrefix>(), Err(KeyPrefixError::Character(character)));
        }
    }
}
