//! Words and numbers of a command line, by memcached's rules.
//!
//! Words are apart by one or more spaces. A line ends with LF, optionally preceded by CR.
//! Numbers are plain decimal; what does not fit the type is no number.
//!
//! # Cost
//! Words are short: a search that is set up first costs more than they do. [`find`] looks at
//! eight bytes at a time, and leaves what is far off to `memchr`.

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
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        let mut rest = self.rest;
        while let [b' ', behind @ ..] = rest {
            rest = behind;
        }
        rest
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest();
        if rest.is_empty() {
            self.rest = rest;
            return None;
        }
        let (word, behind) = rest.split_at(find(b' ', rest).unwrap_or(rest.len()));
        self.rest = behind;
        Some(word)
    }
}

/// The first line of `input` and how many bytes it takes with its end; `None` if no end yet.
///
/// `from` is where the search starts: bytes before it are known to hold no LF.
#[inline]
pub fn line(input: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let end = from + find(b'\n', input.get(from..)?)?;
    let line = &input[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), end + 1))
}

/// Where `byte` first stands in `bytes`.
#[inline]
pub fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    let near = &bytes[..bytes.len().min(NEAR)];
    // A byte that is equal becomes zero, and zero is all that lies below one.
    let is_there = |word: u64| below(word ^ (LOWEST_BITS * u64::from(byte)), 1);
    match find_near(near, is_there, |it| it == byte) {
        None if bytes.len() > NEAR => memchr::memchr(byte, &bytes[NEAR..]).map(|at| NEAR + at),
        at => at,
    }
}

/// How many bytes stand before the first space or control character; `None` if there is none.
#[inline]
pub fn word_len(bytes: &[u8]) -> Option<usize> {
    find_near(bytes, |word| below(word, b' ' + 1), |it| it <= b' ')
}

#[inline]
fn find_near(
    bytes: &[u8],
    marks: impl Fn(u64) -> u64,
    is_it: impl Fn(u8) -> bool,
) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<WORD_LEN>();
    for (idx, word) in words.iter().enumerate() {
        let marked = marks(u64::from_le_bytes(*word));
        if marked != 0 {
            return Some(idx * WORD_LEN + marked.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|it| is_it(*it))?;
    Some(bytes.len() - rest.len() + at)
}

/// The lowest byte of `word` that is below `limit`, which is 128 at most, has its highest bit set in
/// the result, and no byte before it has.
#[inline]
fn below(word: u64, limit: u8) -> u64 {
    // The subtraction borrows from the highest bit of each byte that is too small. What it then
    // takes from the bytes above does not matter: they are behind.
    word.wrapping_sub(LOWEST_BITS * u64::from(limit)) & !word & HIGHEST_BITS
}

const WORD_LEN: usize = size_of::<u64>();

/// How far a search goes before it is left to `memchr`; whole words.
const NEAR: usize = 8 * WORD_LEN;

/// The lowest bit of each byte, and the highest.
const LOWEST_BITS: u64 = u64::MAX / 255;
const HIGHEST_BITS: u64 = LOWEST_BITS << 7;

/// The number that `bytes` begin with and what stands behind its digits; `None` as in
/// [`unsigned`].
#[inline]
pub fn leading_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0_u64;
    let mut len = 0;
    while let Some(byte @ b'0'..=b'9') = bytes.get(len) {
        // Only one with all the digits there can be may be too large.
        number = if len < DIGITS_MAX - 1 {
            number * 10 + u64::from(byte - b'0')
        } else {
            number.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?
        };
        len += 1;
        if len > DIGITS_MAX {
            return None;
        }
    }
    (len > 0).then(|| (number, &bytes[len..]))
}

/// Digits of the largest number.
const DIGITS_MAX: usize = 20;

/// An unsigned decimal number; `None` if it is empty, has a sign or another byte, or overflows.
pub fn unsigned(word: &[u8]) -> Option<u64> {
    match leading_number(word)? {
        (number, []) => Some(number),
        _ => None,
    }
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
    fn a_byte_is_found_wherever_it_stands_and_only_where_it_first_does() {
        for len in 0..3 * NEAR {
            let mut bytes = vec![b'a'; len];
            assert_eq!(find(b' ', &bytes), None, "{len}");
            for at in (0..len).rev() {
                bytes[at] = b' ';
                assert_eq!(find(b' ', &bytes), Some(at), "{at} of {len}");
            }
        }
        assert_eq!(word_len(b"key\r\n"), Some(3));
        assert_eq!(word_len(b"k\xc3\xa4se\x7f \0"), Some(6), "bytes above 127 are in words");
        assert_eq!(word_len(b"aaaaaaaaa\0"), Some(9));
        assert_eq!(word_len(b"aaaaaaaaa"), None, "its end is not there");
        // Bytes that a sloppy comparison of eight at a time takes for one another.
        assert_eq!(find(0, b"\x01\x80\x01\x00\x01\x01\x00\x01"), Some(3));
        assert_eq!(find(b' ', b"!\xa0!!!!!!! "), Some(9));
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
        assert_eq!(leading_number(b"12 x"), Some((12, &b" x"[..])));
        assert_eq!(leading_number(b" 12"), None);
    }
}
