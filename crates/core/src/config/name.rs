//! The names that people give to pools, listeners, servers and hooks.
//!
//! A name is checked once, when it is made. All but those of servers become labels of metrics and
//! parts of paths, so they are kept to letters, digits, `_` and `-`. Server names are hashed by
//! some distributions and so must be free to match what another client was told.

use std::fmt;
use std::str::FromStr;

/// The longest name of a pool, listener or hook, in bytes: it stands in every metric's labels.
pub const NAME_LEN_MAX: usize = 64;

/// The longest name of a server, in bytes: as long as a host name can be.
pub const SERVER_NAME_LEN_MAX: usize = 253;

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing was given. No name was made.
    #[error("a name has at least one character")]
    Empty,
    /// More bytes than this kind of name can have. No name was made.
    #[error("it has {len} bytes, more than the {max} a name can have")]
    TooLong {
        /// How many it has.
        len: usize,
        /// How many it can have.
        max: usize,
    },
    /// A character that this kind of name cannot have. No name was made.
    #[error("a name cannot have {0:?} in it")]
    Character(char),
}

/// Defines a name type: a checked text.
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $len_max:expr, $accepts:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                check(text, $len_max, $accepts)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(
    /// The name of a pool: 1 to 64 of `A-Z a-z 0-9 _ -`.
    PoolName,
    NAME_LEN_MAX,
    |char| char.is_ascii_alphanumeric() || char == '_' || char == '-'
);

name_type!(
    /// The name of a listener: 1 to 64 of `A-Z a-z 0-9 _ -`.
    ListenerName,
    NAME_LEN_MAX,
    |char| char.is_ascii_alphanumeric() || char == '_' || char == '-'
);

name_type!(
    /// The name of a hook: 1 to 64 of `A-Z a-z 0-9 _ -`.
    HookName,
    NAME_LEN_MAX,
    |char| char.is_ascii_alphanumeric() || char == '_' || char == '-'
);

name_type!(
    /// The name of a server within its pool: 1 to 253 bytes without spaces or control characters.
    ServerName,
    SERVER_NAME_LEN_MAX,
    |char| !char.is_whitespace() && !char.is_control()
);

name_type!(
    /// A name in a browser's address bar, without the port: 1 to 253 of `A-Z a-z 0-9 . _ -`.
    BrowserName,
    SERVER_NAME_LEN_MAX,
    |char| char.is_ascii_alphanumeric() || ".-_".contains(char)
);

fn check(text: &str, len_max: usize, accepts: impl Fn(char) -> bool) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if text.len() > len_max {
        return Err(NameError::TooLong { len: text.len(), max: len_max });
    }
    match text.chars().find(|&char| !accepts(char)) {
        Some(char) => Err(NameError::Character(char)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_name_is_letters_digits_and_two_signs() {
        assert_eq!("a-Z_09".parse::<PoolName>().unwrap().as_str(), "a-Z_09");
        for (text, char) in [("a b", ' '), ("a.b", '.'), ("pööl", 'ö'), ("a\n", '\n')] {
            assert_eq!(text.parse::<PoolName>(), Err(NameError::Character(char)));
            assert_eq!(text.parse::<ListenerName>(), Err(NameError::Character(char)));
        }
    }

    #[test]
    fn a_server_name_is_anything_but_blanks_and_controls() {
        assert_eq!("cache-1.zürich:a".parse::<ServerName>().unwrap().as_str(), "cache-1.zürich:a");
        for (text, char) in [("a b", ' '), ("a\u{a0}b", '\u{a0}'), ("\u{1b}[m", '\u{1b}')] {
            assert_eq!(text.parse::<ServerName>(), Err(NameError::Character(char)));
        }
    }

    #[test]
    fn a_name_is_neither_empty_nor_too_long() {
        assert_eq!("".parse::<PoolName>(), Err(NameError::Empty));
        assert!("x".repeat(64).parse::<PoolName>().is_ok());
        assert!("x".repeat(64).parse::<ListenerName>().is_ok());
        assert!("x".repeat(253).parse::<ServerName>().is_ok());
        let too_long = |len, max| NameError::TooLong { len, max };
        assert_eq!("x".repeat(65).parse::<PoolName>(), Err(too_long(65, 64)));
        assert_eq!("x".repeat(65).parse::<ListenerName>(), Err(too_long(65, 64)));
        assert_eq!("x".repeat(254).parse::<ServerName>(), Err(too_long(254, 253)));
    }
}
