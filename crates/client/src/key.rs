//! What a key may be.
//!
//! Decides before anything is sent whether memcached can take a key as one: 1 to 250 bytes,
//! none of them a space or a control character. It never changes a key: no prefix, no hash, no
//! escape.
//!
//! # Source
//! `doc/protocol.txt` of memcached 1.6: "the key must not include control characters or
//! whitespace". memcached 1.6.18 itself lets the byte 127 and several control characters pass;
//! other clients do not, and a key that only some programs can name is of no use.

use evenkeel_core::protocol::KEY_LEN_MAX;

/// Checks that `key` is one that memcached takes: 1 to 250 bytes, no space, no control
/// character (0 to 32, and 127). Bytes above 127 are fine, so UTF-8 is.
///
/// # Cost
/// One pass over at most 250 bytes, several at a time; no allocation.
///
/// # Errors
/// The first fault, with its place.
///
/// # Examples
/// ```
/// use evenkeel::key::{self, KeyError};
///
/// assert_eq!(key::check("user:käse".as_bytes()), Ok(()));
/// assert_eq!(key::check(b"user 7"), Err(KeyError::Space { at: 4 }));
/// ```
#[inline]
pub fn check(key: &[u8]) -> Result<(), KeyError> {
    if key.is_empty() || key.len() > KEY_LEN_MAX || has_forbidden(key) {
        return Err(fault(key));
    }
    Ok(())
}

/// Why something is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The caller gave a key without a byte.
    /// Nothing was sent.
    #[error("the key is empty: it must have 1 to {KEY_LEN_MAX} bytes")]
    Empty,
    /// The caller gave a key that is longer than memcached takes.
    /// Nothing was sent.
    #[error(
        "the key has {len} bytes, {KEY_LEN_MAX} at most: shorten it, or use a hash of its long part"
    )]
    TooLong {
        /// Bytes of the key.
        len: usize,
    },
    /// The caller gave a key with a space, where memcached sees its end.
    /// Nothing was sent.
    #[error("the key has a space at byte {at}: replace or encode it (%20, base64)")]
    Space {
        /// Bytes before it.
        at: usize,
    },
    /// The caller gave a key with a control character, which memcached may take for the end of
    /// the command.
    /// Nothing was sent.
    #[error(
        "the key has the control character 0x{byte:02x} at byte {at}: \
         encode it (percent encoding, base64)"
    )]
    Control {
        /// The byte: 0 to 31, or 127.
        byte: u8,
        /// Bytes before it.
        at: usize,
    },
}

/// All bytes are looked at, whatever is found: that is what can be done several at a time.
#[inline]
fn has_forbidden(key: &[u8]) -> bool {
    key.iter().fold(false, |has_fault, byte| has_fault | is_forbidden(*byte))
}

#[inline]
fn is_forbidden(byte: u8) -> bool {
    byte <= b' ' || byte == DEL
}

/// The fault of a key that has one.
#[cold]
fn fault(key: &[u8]) -> KeyError {
    if key.is_empty() {
        return KeyError::Empty;
    }
    // The length first: what stands in a value that was given for a key does not matter.
    if key.len() > KEY_LEN_MAX {
        return KeyError::TooLong { len: key.len() };
    }
    let at = key.iter().position(|byte| is_forbidden(*byte)).expect("there is a forbidden byte");
    match key[at] {
        b' ' => KeyError::Space { at },
        byte => KeyError::Control { byte, at },
    }
}

const DEL: u8 = 127;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_1_to_250_bytes() {
        assert_eq!(check(b""), Err(KeyError::Empty));
        assert_eq!(check(b"k"), Ok(()));
        assert_eq!(check(&[b'k'; 250]), Ok(()));
        assert_eq!(check(&[b'k'; 251]), Err(KeyError::TooLong { len: 251 }));
        assert_eq!(check(&b" ".repeat(1 << 20)), Err(KeyError::TooLong { len: 1 << 20 }));
    }

    #[test]
    fn every_byte_is_judged_as_the_protocol_says_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..40 {
                let mut key = [b'k'; 40];
                key[at] = byte;
                let expected = match byte {
                    b' ' => Err(KeyError::Space { at }),
                    0..=31 | 127 => Err(KeyError::Control { byte, at }),
                    _ => Ok(()),
                };
                assert_eq!(check(&key), expected, "byte {byte} at {at}");
            }
        }
    }

    #[test]
    fn the_first_of_several_faults_is_named() {
        assert_eq!(check(b"a\nb c"), Err(KeyError::Control { byte: b'\n', at: 1 }));
    }

    #[test]
    fn what_passes_is_one_word_to_the_parser_of_requests() {
        for key in ["k", "käse", "a/b?c=d", "\u{a0}"] {
            assert_eq!(check(key.as_bytes()), Ok(()));
            let line = [key.as_bytes(), b"\r\n"].concat();
            assert_eq!(evenkeel_core::protocol::token::word_len(&line), Some(key.len()), "{key}");
        }
    }

    #[test]
    fn an_error_says_what_is_wrong_where_and_what_to_do() {
        let message = |key: &[u8]| check(key).unwrap_err().to_string();
        assert_eq!(message(b""), "the key is empty: it must have 1 to 250 bytes");
        assert_eq!(
            message(&[b'k'; 300]),
            "the key has 300 bytes, 250 at most: shorten it, or use a hash of its long part"
        );
        assert_eq!(
            message(b"user 7"),
            "the key has a space at byte 4: replace or encode it (%20, base64)"
        );
        assert_eq!(
            message(b"a\tb"),
            "the key has the control character 0x09 at byte 1: \
             encode it (percent encoding, base64)"
        );
    }
}
