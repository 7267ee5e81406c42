//! Keys as text, one a line.
//!
//! # Grammar
//! A line is the key itself. `\xHH` is the byte HH, `\\` a backslash; any other backslash stands for
//! itself. A line of a dump (`key=user%3A1 exp=-1 …`) is the key that it tells of. An empty line is
//! none.

use std::fmt::Write as _;

use percent_encoding::percent_decode;

use evenkeel_core::protocol::KEY_LEN_MAX;

/// The key as text that [`parse`] reads as the same key.
pub fn text(key: &[u8]) -> String {
    let mut text = String::with_capacity(key.len());
    for chunk in key.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\\' => text.push_str("\\\\"),
                char if char.is_control() || char.is_whitespace() => {
                    let mut bytes = [0; 4];
                    push_bytes(&mut text, char.encode_utf8(&mut bytes).as_bytes());
                }
                char => text.push(char),
            }
        }
        push_bytes(&mut text, chunk.invalid());
    }
    text
}

fn push_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(text, "\\x{byte:02x}").expect("a text takes what is written to it");
    }
}

/// The key that a line names, without its end; `None` for an empty line.
///
/// # Errors
/// What is wrong with it, and what to write. The caller is at fault.
pub fn parse(line: &[u8]) -> Result<Option<Vec<u8>>, KeyError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return Ok(None);
    }
    let key = match dumped(line) {
        Some((key, _)) => key,
        None if line.iter().any(|it| it.is_ascii_whitespace() || it.is_ascii_control()) => {
            return Err(KeyError::Blank);
        }
        None => unescaped(line),
    };
    match key.len() {
        0 => Err(KeyError::Empty),
        1..=KEY_LEN_MAX => Ok(Some(key)),
        len => Err(KeyError::TooLong { len }),
    }
}

/// The key of a line of a dump, and what follows it.
fn dumped(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let rest = line.strip_prefix(b"key=")?;
    let blank = rest.iter().position(|it| *it == b' ')?;
    let (key, rest) = rest.split_at(blank);
    rest.starts_with(b" exp=").then(|| (percent_decode(key).collect(), rest))
}

fn unescaped(line: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(line.len());
    let mut rest = line;
    loop {
        rest = match rest {
            [] => return key,
            [b'\\', b'\\', rest @ ..] => {
                key.push(b'\\');
                rest
            }
            [b'\\', b'x', high, low, rest @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                let digit = |it| hex(it).unwrap_or_default();
                key.push(digit(*high) * 16 + digit(*low));
                rest
            }
            [byte, rest @ ..] => {
                key.push(*byte);
                rest
            }
        };
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|it| it.try_into().ok())
}

/// Why a line names no key. Nothing was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// There is a blank or a control character in it.
    #[error("a key has no blanks and no control characters; write such a byte as \\x20")]
    Blank,
    /// It is empty.
    #[error("the key is empty; a key has 1 to {KEY_LEN_MAX} bytes")]
    Empty,
    /// It has too many bytes.
    #[error("the key has {len} bytes; memcached takes at most {KEY_LEN_MAX}")]
    TooLong {
        /// How many.
        len: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, key: &[u8]) {
        assert_eq!(parse(line.as_bytes()), Ok(Some(key.to_vec())), "{line}");
    }

    #[test]
    fn a_line_is_a_key() {
        check("user:1", b"user:1");
        check("user:1\r", b"user:1");
        check("ключ", "ключ".as_bytes());
        check(r"a\x20b\xff\\c", b"a b\xff\\c");
        check(r"App\Models\User\x", br"App\Models\User\x");
        check("100%25", b"100%25");
        assert_eq!(parse(b""), Ok(None));
    }

    #[test]
    fn a_line_of_a_dump_is_the_key_it_tells_of() {
        check("key=a%20b%25 exp=-1 la=1 cas=2 fetch=no cls=1 size=63", b"a b%");
        check("key=a", b"key=a");
    }

    #[test]
    fn what_is_no_key_is_refused_with_a_remedy() {
        for (line, error) in [
            ("a b".to_owned(), KeyError::Blank),
            ("key=a b".to_owned(), KeyError::Blank),
            ("key= exp=1".to_owned(), KeyError::Empty),
            ("k".repeat(251), KeyError::TooLong { len: 251 }),
        ] {
            assert_eq!(parse(line.as_bytes()), Err(error), "{line}");
        }
        check(&"k".repeat(250), &[b'k'; 250]);
    }

    #[test]
    fn every_key_is_read_back_from_its_text() {
        let all: Vec<u8> = (0..=249).collect();
        for key in [&all[..], "user:ä\u{85}\u{200b}漢".as_bytes(), br"\x20", b"\xf0\x9f"] {
            let text = text(key);
            assert_eq!(parse(text.as_bytes()), Ok(Some(key.to_vec())), "{text}");
        }
    }
}
