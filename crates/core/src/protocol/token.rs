//! Words and numbers of a command line, by memcached's rules.
//!
//! Words are apart by one or more spaces. A line ends with LF, optionally preceded by CR.
//! Numbers are plain decimal; what does not fit the type is no number.

/// The words of a line, in order.
#[derive(Clone, Debug)]
pub struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    /// The words of `line`, which must not hold the line's end.
    pub fn new(line: &'a [u8]) -> Self {
        Self { rest: line }
    }

    /// What has not been taken yet, without leading spaces.
    pub fn rest(&self) -> &'a [u8] {
        let skip = self.rest.iter().take_while(|&&byte| byte == b' ').count();
        &self.rest[skip..]
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        if rest.is_empty() {
            self.rest = rest;
            return None;
        }
        let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
        self.rest = &rest[end..];
        Some(&rest[..end])
    }
}

/// The first line of `input` and how many bytes it takes with its end; `None` if no end yet.
///
/// `from` is where the search starts: bytes before it are known to hold no LF.
pub fn line(input: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let end = from + memchr::memchr(b'\n', input.get(from..)?)?;
    let line = &input[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}

/// An unsigned decimal number; `None` if it is empty, has a sign or another byte, or overflows.
pub fn unsigned(word: &[u8]) -> Option<u64> {
    const DIGITS_SAFE: usize = 19;
    if word.is_empty() || word.len() > DIGITS_SAFE + 1 {
        return None;
    }
    word.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A decimal number with an optional sign; `None` as in [`unsigned`].
pub fn signed(word: &[u8]) -> Option<i64> {
    match word.strip_prefix(b"-") {
        Some(digits) => 0_i64.checked_sub_unsigned(unsigned(digits)?),
        None => i64::try_from(unsigned(word)?).ok(),
    }
}

/// Appends a decimal number.
pub fn push_number(output: &mut Vec<u8>, number: impl itoa::Integer) {
    output.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_apart_by_any_number_of_spaces() {
        let words: Vec<_> = Tokens::new(b"  set   a 0 ").collect();
        assert_eq!(words, [&b"set"[..], b"a", b"0"]);
        assert_eq!(Tokens::new(b"   ").next(), None);
    }

    #[test]
    fn a_line_ends_with_lf_and_may_have_one_cr() {
        assert_eq!(line(b"get a\r\nx", 0), Some((&b"get a"[..], 7)));
        assert_eq!(line(b"get a\nx", 0), Some((&b"get a"[..], 6)));
        assert_eq!(line(b"get a\r\r\n", 0), Some((&b"get a\r"[..], 8)));
        assert_eq!(line(b"get a\r", 0), None);
        assert_eq!(line(b"ab\n", 7), None, "a search start past the end finds nothing");
    }

    #[test]
    fn numbers_stop_at_the_bound_of_their_type() {
        assert_eq!(unsigned(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(unsigned(b"18446744073709551616"), None);
        assert_eq!(unsigned(b"99999999999999999999"), None);
        assert_eq!(signed(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(signed(b"-9223372036854775809"), None);
        assert_eq!(signed(b"9223372036854775808"), None);
    }

    #[test]
    fn a_number_is_digits_only() {
        for word in [&b""[..], b"-", b"+1", b"1 ", b"1.5", b"0x1", b"--1", b"a"] {
            assert_eq!(unsigned(word), None, "{word:?}");
            assert_eq!(signed(word), None, "{word:?}");
        }
        assert_eq!(unsigned(b"-1"), None);
        assert_eq!(signed(b"-1"), Some(-1));
        assert_eq!(unsigned(b"007"), Some(7));
    }
}
