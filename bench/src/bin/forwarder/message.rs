//! Where requests and responses end: as much of the protocol as forwarding cannot do without.

use memchr::memchr;

/// What stands at the front of the bytes received.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Front<T> {
    /// Part of a message.
    Incomplete,
    /// A whole message.
    Whole(T),
    /// Nothing that can be forwarded.
    Unknown,
}

/// A request that lies in the bytes received.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request<'a> {
    pub(crate) key: &'a [u8],
    /// Bytes of all of it.
    pub(crate) len: usize,
}

/// The request at the front: a `get` of one key, or a `set`.
pub(crate) fn request(input: &[u8]) -> Front<Request<'_>> {
    let Some(end) = memchr(b'\n', input) else { return Front::Incomplete };
    let line = &input[..end];
    let len = match line {
        [b'g', b'e', b't', b' ', ..] => end + 1,
        [b's', b'e', b't', b' ', ..] => match last_number(line) {
            Some(value_len) => end + 1 + value_len + 2,
            None => return Front::Unknown,
        },
        _ => return Front::Unknown,
    };
    if len > input.len() {
        return Front::Incomplete;
    }
    let rest = &line[4..];
    let key_len = rest.iter().position(|byte| *byte == b' ' || *byte == b'\r');
    Front::Whole(Request { key: &rest[..key_len.unwrap_or(rest.len())], len })
}

/// The length of the response at the front: one line, or one value and the line that ends it.
pub(crate) fn response(input: &[u8]) -> Front<usize> {
    let Some(end) = memchr(b'\n', input) else { return Front::Incomplete };
    let line = &input[..end];
    if !line.starts_with(b"VALUE ") {
        return Front::Whole(end + 1);
    }
    let Some(value_len) = last_number(line) else { return Front::Unknown };
    let len = end + 1 + value_len + b"\r\nEND\r\n".len();
    if len > input.len() { Front::Incomplete } else { Front::Whole(len) }
}

/// The number at the end of a line whose `\n` is taken off.
fn last_number(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\r")?;
    let mut number = 0;
    let mut unit = 1;
    for byte in line.iter().rev() {
        if *byte == b' ' {
            return (unit > 1).then_some(number);
        }
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        if unit > NUMBER_MAX {
            return None;
        }
        number += usize::from(digit) * unit;
        unit *= 10;
    }
    None
}

/// No item is longer.
const NUMBER_MAX: usize = 100_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_whole_with_its_last_byte() {
        for text in ["get some_key\r\n", "set some_key 0 0 5\r\nhello\r\n"] {
            for cut in 0..text.len() {
                assert_eq!(
                    request(&text.as_bytes()[..cut]),
                    Front::Incomplete,
                    "{text:?} at {cut}"
                );
            }
            let two = text.repeat(2);
            let whole = Request { key: b"some_key", len: text.len() };
            assert_eq!(request(two.as_bytes()), Front::Whole(whole));
        }
    }

    #[test]
    fn a_response_is_whole_with_its_last_byte() {
        for text in ["END\r\n", "STORED\r\n", "VALUE some_key 0 5\r\nhello\r\nEND\r\n"] {
            for cut in 0..text.len() {
                assert_eq!(
                    response(&text.as_bytes()[..cut]),
                    Front::Incomplete,
                    "{text:?} at {cut}"
                );
            }
            assert_eq!(response(text.repeat(2).as_bytes()), Front::Whole(text.len()));
        }
    }

    #[test]
    fn other_requests_are_unknown() {
        for text in
            ["delete some_key\r\n", "set some_key 0 0 x\r\n", "set some_key 0 0 \r\n", "\r\n"]
        {
            assert_eq!(request(text.as_bytes()), Front::Unknown, "{text:?}");
        }
    }
}
