//! Requests and responses that pass between a caller and a server that is not the key's home.
//!
//! # What it changes
//! - An expiry is cut to `failover_ttl`, so that a value that nobody finds again goes by itself.
//! - A CAS token is disguised: exclusive-or with a number that is the server's own. Each server
//!   counts its tokens for itself, so a token from one could fit another's item by accident. A
//!   disguised one fits nothing but what it was given for, at home or anywhere else.
//!
//! The disguise follows from the server's name, so that processes agree about it. Requests and
//! responses of a key's home pass unchanged.
//!
//! # Limits
//! Only tokens the server gives (`gets`, `gats`, meta flag `c`) and takes (`cas`, meta flags `C`
//! and `E`) are known.

use std::ops::Range;

use crate::protocol::encode;
use crate::protocol::number;
use crate::protocol::parse::parse_sent;
use crate::protocol::request::{MetaOp, MetaRequest, Request, Retrieval, StoreOp};
use crate::protocol::token::{self, Tokens, push_number};

/// What to change in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diversion {
    /// The longest a value may live, in seconds; `None` leaves expiries as they are.
    pub ttl_max: Option<u32>,
    /// The time, in seconds since 1970.
    pub unix_now: u64,
    /// The disguise to put on tokens, or to take off, or to exchange for another: the
    /// exclusive-or of the old and the new.
    pub disguise: u64,
}

/// What memcached takes for seconds from now; above it is a time since 1970.
const RELATIVE_EXPTIME_MAX: i64 = 60 * 60 * 24 * 30;

impl Diversion {
    /// Appends the encoded request `encoded`, changed, and returns where its keys stand in
    /// `output`. `None`, and nothing is appended, if it needs no change.
    pub fn apply(&self, encoded: &[u8], output: &mut Vec<u8>) -> Option<Range<usize>> {
        let request = parse_sent(encoded)?;
        let mut flags = Vec::new();
        let changed = match request {
            Request::Retrieve { how: Retrieval::Gat(exptime), keys } => {
                Request::Retrieve { how: Retrieval::Gat(self.cut(exptime)), keys }
            }
            Request::Retrieve { how: Retrieval::Gats(exptime), keys } => {
                Request::Retrieve { how: Retrieval::Gats(self.cut(exptime)), keys }
            }
            Request::Store { op, key, client_flags, exptime, value, noreply } => {
                let op = if let StoreOp::Cas(token) = op {
                    StoreOp::Cas(token ^ self.disguise)
                } else {
                    op
                };
                let exptime = self.cut(exptime);
                Request::Store { op, key, client_flags, exptime, value, noreply }
            }
            Request::Touch { key, exptime, noreply } => {
                Request::Touch { key, exptime: self.cut(exptime), noreply }
            }
            Request::Meta(meta) => {
                self.change_flags(&meta, &mut flags);
                Request::Meta(MetaRequest { flags: &flags, ..meta })
            }
            Request::Retrieve { .. }
            | Request::Delete { .. }
            | Request::Arithmetic { .. }
            | Request::FlushAll { .. }
            | Request::MetaNoop
            | Request::Version
            | Request::Verbosity { .. }
            | Request::Stats { .. }
            | Request::Quit => return None,
        };
        (changed != request).then(|| encode::request(&changed, output))
    }

    fn change_flags(&self, request: &MetaRequest<'_>, flags: &mut Vec<u8>) {
        let mut has_expiry = false;
        for flag in Tokens::new(request.flags) {
            let (letter, number) = (flag[0], &flag[1..]);
            has_expiry |= letter == b'T';
            flags.extend_from_slice(if flags.is_empty() { b"" } else { b" " });
            match (letter, number::signed(number), number::unsigned(number)) {
                (b'T' | b'N', Some(exptime), _) => {
                    flags.push(letter);
                    push_number(flags, self.cut(exptime.into()));
                }
                (b'C' | b'E', _, Some(token)) => {
                    flags.push(letter);
                    push_number(flags, token ^ self.disguise);
                }
                _ => flags.extend_from_slice(flag),
            }
        }
        if let Some(ttl) = self.ttl_max
            && request.op == MetaOp::Set
            && !has_expiry
        {
            flags.extend_from_slice(if flags.is_empty() { b"T" } else { b" T" });
            push_number(flags, ttl);
        }
    }

    fn cut(&self, exptime: i64) -> i64 {
        let Some(ttl) = self.ttl_max.map(i64::from) else { return exptime };
        match exptime {
            0 => ttl,
            ..0 => exptime,
            1..=RELATIVE_EXPTIME_MAX => exptime.min(ttl),
            _ => match exptime - i64::try_from(self.unix_now).unwrap_or(i64::MAX) {
                // It is over already, and stays so.
                ..=0 => exptime,
                left => left.min(ttl),
            },
        }
    }
}

/// Appends the values of a retrieval with their tokens disguised.
///
/// `lens` are the lengths of the values in `body`, some perhaps 0, and then those in `output`.
pub fn disguise_values(body: &[u8], lens: &mut [u32], disguise: u64, output: &mut Vec<u8>) {
    let mut rest = body;
    for len in lens.iter_mut().filter(|len| **len > 0) {
        let value;
        (value, rest) = rest.split_at(*len as usize);
        let start = output.len();
        let (line, line_len) = token::line(value, 0).expect("a value was parsed before");
        let cas_at = line.iter().rposition(|byte| *byte == b' ').unwrap_or_default() + 1;
        match token::unsigned(&line[cas_at..]) {
            Some(cas) => {
                output.extend_from_slice(&line[..cas_at]);
                push_number(output, cas ^ disguise);
                output.extend_from_slice(b"\r\n");
            }
            None => output.extend_from_slice(&value[..line_len]),
        }
        output.extend_from_slice(&value[line_len..]);
        *len = u32::try_from(output.len() - start).expect("a value has less than 4 GiB");
    }
}

/// Appends the line of a meta response with its token disguised.
pub fn disguise_meta_line(line: &[u8], disguise: u64, output: &mut Vec<u8>) {
    let has_value = line.starts_with(b"VA ");
    let has_flags = !line.starts_with(b"ME ");
    for (idx, word) in Tokens::new(line).enumerate() {
        output.extend_from_slice(if idx == 0 { b"" } else { b" " });
        let is_flag = has_flags && idx > usize::from(has_value);
        match word.strip_prefix(b"c").and_then(token::unsigned) {
            Some(cas) if is_flag => {
                output.push(b'c');
                push_number(output, cas ^ disguise);
            }
            _ => output.extend_from_slice(word),
        }
    }
}

/// Whether a meta request stores something if nothing is there, or depends on a token.
pub fn is_conditional(request: &MetaRequest<'_>) -> bool {
    let has = |letters: &[u8]| Tokens::new(request.flags).any(|flag| letters.contains(&flag[0]));
    match request.op {
        MetaOp::Get => has(b"N"),
        MetaOp::Set => has(b"CMI"),
        MetaOp::Delete => has(b"CIx"),
        MetaOp::Arithmetic => true,
        MetaOp::Debug => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::parse::{
        LINE_LEN_MAX, META_LINE_LEN_MAX, ParseLimits, Parsed, parse_request,
    };

    const AWAY: Diversion =
        Diversion { ttl_max: Some(60), unix_now: 1_700_000_000, disguise: 0xff00 };

    #[track_caller]
    fn check(encoded: &str, expected: &str) {
        let mut output = Vec::new();
        let keys_at = AWAY.apply(encoded.as_bytes(), &mut output);
        match keys_at {
            Some(keys_at) => {
                assert_eq!(String::from_utf8_lossy(&output), expected);
                assert_eq!(&output[keys_at], b"key");
            }
            None => assert_eq!(encoded, expected),
        }
    }

    #[test]
    fn an_expiry_is_cut_to_the_limit() {
        for (written, cut) in [
            ("0", "60"),
            ("30", "30"),
            ("60", "60"),
            ("61", "60"),
            ("2592000", "60"),
            ("-1", "-1"),
            ("1699999999", "1699999999"),
            ("1700000000", "1700000000"),
            ("1700000010", "10"),
            ("1800000000", "60"),
        ] {
            check(
                &format!("set key 5 {written} 1\r\nx\r\n"),
                &format!("set key 5 {cut} 1\r\nx\r\n"),
            );
            check(&format!("touch key {written}\r\n"), &format!("touch key {cut}\r\n"));
            check(&format!("gat {written} key\r\n"), &format!("gat {cut} key\r\n"));
            check(&format!("gats {written} key\r\n"), &format!("gats {cut} key\r\n"));
            check(&format!("mg key v T{written} k\r\n"), &format!("mg key v T{cut} k\r\n"));
            check(
                &format!("ms key 1 F5 T{written} k\r\nx\r\n"),
                &format!("ms key 1 F5 T{cut} k\r\nx\r\n"),
            );
            check(&format!("ma key N{written} k\r\n"), &format!("ma key N{cut} k\r\n"));
        }
    }

    #[test]
    fn a_meta_set_without_an_expiry_gets_one() {
        check("ms key 1 k\r\nx\r\n", "ms key 1 k T60\r\nx\r\n");
    }

    #[test]
    fn a_number_is_changed_however_it_is_written() {
        for number in ["+100", "0100", "100\t", "4294967396"] {
            check(&format!("ms key 1 T{number} k\r\nx\r\n"), "ms key 1 T60 k\r\nx\r\n");
            check(&format!("mg key N{number} k\r\n"), "mg key N60 k\r\n");
        }
        for number in ["+1", "01", "1\t", "-18446744073709551615"] {
            check(&format!("md key C{number} k\r\n"), "md key C65281 k\r\n");
        }
    }

    #[test]
    fn what_is_no_expiry_is_left_to_the_server_to_refuse() {
        check("ms key 1 Tx k\r\nx\r\n", "ms key 1 Tx k\r\nx\r\n");
    }

    #[test]
    fn what_is_changed_is_no_longer_than_a_server_takes() {
        let long = "c f h l s t u v O1 N0 R0 F0 C0 I M P L";
        let flags: Vec<_> = long.split(' ').collect();
        let words_len_max = 19;
        for len in 0..=flags.len() {
            for others in ["", " k", " q", " k q", " T0", " T0 k q"] {
                let line = format!("ms key 1 {}{others}\r\nx\r\n", flags[..len].join(" "));
                let limits = ParseLimits::default();
                let Parsed::Request { request, .. } = parse_request(line.as_bytes(), 0, &limits)
                else {
                    continue;
                };
                let (mut encoded, mut output) = (Vec::new(), Vec::new());
                encode::request(&request, &mut encoded);
                AWAY.apply(&encoded, &mut output).expect("an expiry is cut");
                let (line, _) = token::line(&output, 0).expect("it has an end");
                let words_len = Tokens::new(line).count();
                assert!(words_len <= words_len_max, "{words_len}: {}", line.escape_ascii());
            }
        }
    }

    #[test]
    fn a_line_that_is_taken_is_no_longer_than_a_server_takes_wherever_it_goes() {
        let away = Diversion { ttl_max: Some(u32::MAX), disguise: 1 << 63, ..AWAY };
        for end in ["\n", "\r\n"] {
            let room = META_LINE_LEN_MAX - "ms key 0 C5 E5 N0 P".len() - end.len();
            let line = format!("ms key 0 C5 E5 N0 P{}{end}\r\n", "p".repeat(room));
            let Parsed::Request { request, .. } =
                parse_request(line.as_bytes(), 0, &ParseLimits::default())
            else {
                panic!("{line}")
            };
            let (mut encoded, mut output) = (Vec::new(), Vec::new());
            encode::request(&request, &mut encoded);
            away.apply(&encoded, &mut output).expect("an expiry is added");
            for sent in [&encoded, &output] {
                let (_, line_len) = token::line(sent, 0).expect("it has an end");
                assert!(line_len <= LINE_LEN_MAX, "{line_len}");
            }
        }
    }

    #[test]
    fn what_sets_no_expiry_and_has_no_token_is_unchanged() {
        for request in ["get key\r\n", "delete key\r\n", "incr key 1\r\n", "md key k\r\n"] {
            check(request, request);
        }
    }

    #[test]
    fn a_token_is_disguised_on_its_way_in() {
        check("cas key 0 9 1 255\r\nx\r\n", "cas key 0 9 1 65535\r\nx\r\n");
        check("md key C255 k\r\n", "md key C65535 k\r\n");
        check("ms key 1 C1 T9 E2 k\r\nx\r\n", "ms key 1 C65281 T9 E65282 k\r\nx\r\n");
    }

    #[test]
    fn a_request_on_its_way_home_keeps_its_expiry() {
        let home = Diversion { ttl_max: None, ..AWAY };
        let mut output = Vec::new();
        assert!(home.apply(b"cas key 0 0 1 65535\r\nx\r\n", &mut output).is_some());
        assert_eq!(output, b"cas key 0 0 1 255\r\nx\r\n");
    }

    #[test]
    fn tokens_are_disguised_on_their_way_out() {
        let mut output = Vec::new();
        let body = b"VALUE a 0 3 255\r\n1 2\r\nVALUE b 7 0 256\r\n\r\n";
        let mut lens = [0, 22, 0, 19];
        disguise_values(body, &mut lens, 0xff00, &mut output);
        let expected = b"VALUE a 0 3 65535\r\n1 2\r\nVALUE b 7 0 65024\r\n\r\n";
        assert_eq!(output, expected);
        assert_eq!(lens, [0, 24, 0, 21]);
        let mut again = Vec::new();
        disguise_values(&output, &mut lens, 0xff00, &mut again);
        assert_eq!(again, body, "the same twice takes it off");
    }

    #[test]
    fn a_meta_token_is_disguised_and_a_key_that_looks_like_one_is_not() {
        let check = |line: &[u8], expected: &[u8]| {
            let mut output = Vec::new();
            disguise_meta_line(line, 0xff00, &mut output);
            assert_eq!(output, expected);
        };
        check(b"VA 2 c255 kc1 f3", b"VA 2 c65535 kc1 f3");
        check(b"HD c255", b"HD c65535");
        check(b"EN", b"EN");
        check(b"ME c12 exp=-1 cas=5", b"ME c12 exp=-1 cas=5");
    }
}
