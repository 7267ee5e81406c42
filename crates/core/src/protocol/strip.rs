//! Keys that servers are sent without what they begin with, and answers with it again.
//!
//! # What it changes
//! In a request the key. In a response every key that it names: in `VALUE` lines, behind the meta
//! flag `k`, in `ME` lines. A key in base64 is decoded before and encoded after, whichever way
//! memcached chose to write it. Opaque and all else pass unchanged.
//!
//! # Limits
//! Nothing is stripped off a key that has nothing else: no server is sent an empty key.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use memchr::memmem;

use crate::protocol::KEY_LEN_MAX;
use crate::protocol::encode;
use crate::protocol::request::{Keys, MetaRequest, Request};

/// Calls `f` with `request` for the key that is left without its first `len` bytes; `None` if
/// nothing is left. It must be one for one key, which is at least so long.
pub fn without_prefix<T>(
    request: &Request<'_>,
    len: usize,
    f: impl FnOnce(&Request<'_>) -> T,
) -> Option<T> {
    let rest = |key: &&[u8]| key.len() > len;
    match *request {
        Request::Retrieve { how, keys } => {
            let key = keys.only().filter(rest)?;
            let keys = Keys::from_checked(&key[len..], 1);
            Some(f(&Request::Retrieve { how, keys }))
        }
        Request::Store { op, key, client_flags, exptime, value, noreply } => {
            let key = &Some(key).filter(rest)?[len..];
            Some(f(&Request::Store { op, key, client_flags, exptime, value, noreply }))
        }
        Request::Delete { key, noreply } => {
            let key = &Some(key).filter(rest)?[len..];
            Some(f(&Request::Delete { key, noreply }))
        }
        Request::Arithmetic { op, key, delta, noreply } => {
            let key = &Some(key).filter(rest)?[len..];
            Some(f(&Request::Arithmetic { op, key, delta, noreply }))
        }
        Request::Touch { key, exptime, noreply } => {
            let key = &Some(key).filter(rest)?[len..];
            Some(f(&Request::Touch { key, exptime, noreply }))
        }
        Request::Meta(meta) if meta.base64_key => {
            let mut text = [0; KEY_LEN_MAX.div_ceil(4) * 4];
            let text_len = meta.with_real_key(|key| {
                let key = Some(key).filter(rest)?;
                STANDARD.encode_slice(&key[len..], &mut text).ok()
            })?;
            Some(f(&Request::Meta(MetaRequest { key: &text[..text_len], ..meta })))
        }
        Request::Meta(meta) => {
            let key = &Some(meta.key).filter(rest)?[len..];
            Some(f(&Request::Meta(MetaRequest { key, ..meta })))
        }
        Request::FlushAll { .. }
        | Request::MetaNoop
        | Request::Version
        | Request::Verbosity { .. }
        | Request::Stats { .. }
        | Request::Quit => unreachable!("{request:?} names no key"),
    }
}

/// Appends one value of a retrieval, or nothing if there is none, with `prefix` before its key.
pub fn restore_value(value: &[u8], prefix: &[u8], output: &mut Vec<u8>) {
    let key_at = value.iter().skip(VALUE.len()).take_while(|byte| **byte == b' ').count();
    let (before, behind) = value.split_at(value.len().min(VALUE.len() + key_at));
    output.extend_from_slice(before);
    if !behind.is_empty() {
        output.extend_from_slice(prefix);
        output.extend_from_slice(behind);
    }
}

/// What every value of a retrieval begins with.
const VALUE: &[u8] = b"VALUE ";

/// Appends the line of a meta response with `prefix` before `key`, the one that its server was sent,
/// where it is named.
pub fn restore_meta_line(line: &[u8], prefix: &[u8], key: &[u8], output: &mut Vec<u8>) {
    let Some(named_at) = named_key_at(line, key) else {
        output.extend_from_slice(line);
        return;
    };
    output.extend_from_slice(&line[..named_at.start]);
    if line[named_at.clone()] == *key {
        output.extend_from_slice(prefix);
        output.extend_from_slice(key);
    } else {
        // It is the same in base64, or it would not have been taken for an answer.
        encode::base64(&[prefix, key].concat(), output);
    }
    output.extend_from_slice(&line[named_at.end..]);
}

/// Where a line names its key: as a word, or, of an item that memcached has made itself, in the real
/// bytes of a key in base64, blanks among them.
fn named_key_at(line: &[u8], key: &[u8]) -> Option<Range<usize>> {
    let after_code = || memmem::find(line, b" k").map(|at| at + 2);
    let start = if line.starts_with(b"ME ") { 3 } else { after_code()? };
    let rest = &line[start..];
    let is_real = rest.strip_prefix(key).is_some_and(|it| matches!(it, [] | [b' ', ..]));
    let word_len = || memchr::memchr(b' ', rest).unwrap_or(rest.len());
    Some(start..start + if is_real { key.len() } else { word_len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::parse::{ParseLimits, Parsed, parse_request};

    /// What a server is sent of `text` without the first 2 bytes of its key.
    fn stripped(text: &str) -> Option<String> {
        let parsed = parse_request(text.as_bytes(), 0, &ParseLimits::default());
        let Parsed::Request { request, .. } = parsed else { panic!("{parsed:?}") };
        without_prefix(&request, 2, |request| {
            let mut output = Vec::new();
            encode::request(request, &mut output);
            String::from_utf8(output).unwrap()
        })
    }

    #[test]
    fn every_request_for_a_key_goes_without_the_prefix() {
        for (text, sent) in [
            ("get a:key\r\n", "get key\r\n"),
            ("gats 5 a:key\r\n", "gats 5 key\r\n"),
            ("cas a:key 1 2 1 9 noreply\r\nx\r\n", "cas key 1 2 1 9\r\nx\r\n"),
            ("delete a:key\r\n", "delete key\r\n"),
            ("incr a:key 5\r\n", "incr key 5\r\n"),
            ("touch a:key 5\r\n", "touch key 5\r\n"),
            ("mg a:key v O1 q\r\n", "mg key v O1 k\r\n"),
            ("ms a:key 1 T0\r\nx\r\n", "ms key 1 T0 k\r\nx\r\n"),
            ("me a:key\r\n", "me key\r\n"),
            // `a:key` and `key`.
            ("md YTprZXk= b\r\n", "md a2V5 b k\r\n"),
        ] {
            assert_eq!(stripped(text).as_deref(), Some(sent));
        }
    }

    #[test]
    fn a_key_that_is_only_the_prefix_is_left_alone() {
        for text in [
            "get a:\r\n",
            "set a: 0 0 1\r\nx\r\n",
            "delete a:\r\n",
            "incr a: 1\r\n",
            "touch a: 1\r\n",
            "mg a:\r\n",
            "mg YTo= b\r\n",
        ] {
            assert_eq!(stripped(text), None, "{text}");
        }
    }

    #[test]
    fn the_longest_key_in_base64_is_stripped() {
        let key = format!("a:{}", "k".repeat(184));
        let base64 = |key: &str| {
            let mut text = Vec::new();
            encode::base64(key.as_bytes(), &mut text);
            String::from_utf8(text).unwrap()
        };
        let (text, sent) = (base64(&key), base64(&key[2..]));
        assert_eq!(text.len(), 248);
        assert_eq!(stripped(&format!("mg {text} b\r\n")), Some(format!("mg {sent} b k\r\n")));
    }

    #[test]
    fn a_value_names_its_key_as_it_was_asked_for() {
        let check = |value: &str, expected: &str| {
            let mut output = Vec::new();
            restore_value(value.as_bytes(), b"a:", &mut output);
            assert_eq!(String::from_utf8(output).unwrap(), expected);
        };
        check("VALUE key 0 1\r\nx\r\n", "VALUE a:key 0 1\r\nx\r\n");
        check("VALUE  key 0 1 7\r\nx\r\n", "VALUE  a:key 0 1 7\r\nx\r\n");
        check("", "");
    }

    #[test]
    fn a_meta_response_names_its_key_as_it_was_asked_for() {
        let check = |line: &str, expected: &str| {
            let mut output = Vec::new();
            restore_meta_line(line.as_bytes(), b"a:", b"key", &mut output);
            assert_eq!(String::from_utf8(output).unwrap(), expected);
        };
        check("HD kkey O7", "HD ka:key O7");
        check("VA 5 s5 kkey Okkey", "VA 5 s5 ka:key Okkey");
        check("NF Okkey kkey", "NF Okkey ka:key");
        check("EN", "EN");
        check("HD ka2V5 b", "HD kYTprZXk= b");
        check(
            "ME key exp=-1 la=1 cas=2 fetch=no cls=1 size=60",
            "ME a:key exp=-1 la=1 cas=2 fetch=no cls=1 size=60",
        );
        check("ME a2V5 exp=-1", "ME YTprZXk= exp=-1");
    }

    #[test]
    fn a_key_in_its_real_bytes_may_have_blanks() {
        let mut output = Vec::new();
        restore_meta_line(b"EN W kb c kd O1", b"a:", b"b c kd", &mut output);
        assert_eq!(output.escape_ascii().to_string(), "EN W ka:b c kd O1");
    }
}
