//! Numbers of a request, read as memcached reads them.
//!
//! # Grammar
//! `{space} [sign] digit {digit} [space anything]`, where a space is any of C's `isspace`: words are
//! apart by blanks alone, so a tab may stand in one. memcached reads with C's `strtol` and its kin
//! and keeps as many of the low bits as it has room for. Its clients come to rely on what it
//! takes, so what it takes is taken here, with the same result.
//!
//! # Limits
//! 64 bits; what is beyond them is no number. [`signed`] and [`client_flags`] keep 32.
//!
//! # Source
//! `safe_strtol`, `safe_strtoul` and `safe_strtoull` in `util.c` of memcached 1.6.18.

/// An expiry, a delay or a length: the low 32 bits of a number of 64.
pub fn signed(word: &[u8]) -> Option<i32> {
    #[expect(clippy::cast_possible_truncation, reason = "as memcached does")]
    wide(word).map(|number| number as i32)
}

/// The number before memcached cuts it to 32 bits.
pub fn wide(word: &[u8]) -> Option<i64> {
    let Read { is_negative, magnitude } = Read::new(word)?;
    if is_negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// An amount or a CAS token. A minus sign makes it what it is in two's complement, and nothing
/// that would be negative is taken.
pub fn unsigned(word: &[u8]) -> Option<u64> {
    let Read { is_negative, magnitude } = Read::new(word)?;
    let number = if is_negative { magnitude.wrapping_neg() } else { magnitude };
    // It looks for a minus sign only in a number that could have come of one, and then anywhere.
    (number.cast_signed() >= 0 || !word.contains(&b'-')).then_some(number)
}

/// A caller's flags: the low 32 bits of an amount.
pub fn client_flags(word: &[u8]) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "as memcached does")]
    unsigned(word).map(|number| number as u32)
}

/// A number as it is written.
struct Read {
    is_negative: bool,
    magnitude: u64,
}

impl Read {
    fn new(word: &[u8]) -> Option<Self> {
        let start = word.iter().position(|byte| !is_space(*byte))?;
        let (is_negative, digits) = match &word[start..] {
            [b'-', digits @ ..] => (true, digits),
            [b'+', digits @ ..] | digits => (false, digits),
        };
        let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, behind) = digits.split_at(len);
        if len == 0 || behind.first().is_some_and(|byte| !is_space(*byte)) {
            return None;
        }
        let magnitude = digits.iter().try_fold(0_u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })?;
        Some(Self { is_negative, magnitude })
    }
}

/// C's `isspace`: beside what Rust calls white space, a vertical tab.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_have_a_sign_zeros_and_what_c_calls_space_around_it() {
        for word in [&b"7"[..], b"+7", b"007", b"\t7", b"\x0b\x0c\r7", b"7\t", b"7\rx", b" 7 8"] {
            assert_eq!(signed(word), Some(7), "{word:?}");
            assert_eq!(unsigned(word), Some(7), "{word:?}");
        }
        assert_eq!(unsigned(b"000000000000000000000000000018446744073709551615"), Some(u64::MAX));
        for word in [&b""[..], b"-", b"+", b"x", b"7x", b"0x7", b"--7", b"+-7", b"- 7", b"7.5"] {
            assert_eq!(signed(word), None, "{word:?}");
            assert_eq!(unsigned(word), None, "{word:?}");
        }
    }

    #[test]
    fn what_needs_more_than_64_bits_is_no_number() {
        assert_eq!(unsigned(b"18446744073709551616"), None);
        assert_eq!(wide(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(wide(b"9223372036854775808"), None);
        assert_eq!(wide(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(wide(b"-9223372036854775809"), None);
    }

    #[test]
    fn of_a_number_the_low_32_bits_are_kept() {
        assert_eq!(signed(b"2147483647"), Some(i32::MAX));
        assert_eq!(signed(b"2147483648"), Some(i32::MIN));
        assert_eq!(signed(b"4294967301"), Some(5));
        assert_eq!(signed(b"-4294967301"), Some(-5));
        assert_eq!(client_flags(b"4294967295"), Some(u32::MAX));
        assert_eq!(client_flags(b"4294967301"), Some(5));
    }

    #[test]
    fn what_a_minus_sign_makes_negative_is_no_amount() {
        assert_eq!(unsigned(b"-0"), Some(0));
        assert_eq!(unsigned(b"-1"), None);
        assert_eq!(unsigned(b"-9223372036854775808"), None);
        assert_eq!(unsigned(b"-9223372036854775809"), Some(9_223_372_036_854_775_807));
        assert_eq!(unsigned(b"-18446744073709551615"), Some(1));
        assert_eq!(unsigned(b"18446744073709551615\t-"), None);
        assert_eq!(unsigned(b"5\t-"), Some(5));
    }
}
