//! When two answers are the same.
//!
//! They are if they are byte for byte, or differ in nothing but what cannot be the same: clocks
//! that tick at different moments, slab classes (only memcached has slabs), the words of
//! `version`, and, with several servers, CAS tokens, which each server numbers for itself.

/// What else may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tokens {
    /// They are given out in one order.
    Same,
    /// They are not.
    Differ,
}

/// Whether the two are the same.
pub(crate) fn are_same(theirs: &[u8], ours: &[u8], tokens: Tokens) -> bool {
    if theirs == ours {
        return true;
    }
    let lines = |answers: &'_ [u8]| answers.split(|byte| *byte == b'\n').count();
    lines(theirs) == lines(ours)
        && theirs
            .split(|byte| *byte == b'\n')
            .zip(ours.split(|byte| *byte == b'\n'))
            .all(|(theirs, ours)| theirs == ours || are_lines_same(theirs, ours, tokens))
}

/// Whether `ours` begins with what `theirs` is, and goes on.
pub(crate) fn goes_on(theirs: &[u8], ours: &[u8], tokens: Tokens) -> bool {
    let lines_len = theirs.split(|byte| *byte == b'\n').count() - 1;
    let mut ends = ours.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let end = match lines_len {
        0 => Some(0),
        len => ends.nth(len - 1).map(|(at, _)| at + 1),
    };
    end.is_some_and(|end| end < ours.len() && are_same(theirs, &ours[..end], tokens))
}

fn are_lines_same(theirs: &[u8], ours: &[u8], tokens: Tokens) -> bool {
    if theirs.starts_with(b"VERSION ") && ours.starts_with(b"VERSION ") {
        return true;
    }
    let (theirs, ours) = (trimmed(theirs), trimmed(ours));
    let words = |line: &'_ [u8]| line.split(|byte| *byte == b' ').count();
    let is_value = theirs.starts_with(b"VALUE ");
    words(theirs) == words(ours)
        && theirs.split(|byte| *byte == b' ').zip(ours.split(|byte| *byte == b' ')).enumerate().all(
            |(idx, (theirs, ours))| {
                let is_token = is_value && idx == 4 && tokens == Tokens::Differ;
                theirs == ours || is_token || are_words_same(theirs, ours, tokens)
            },
        )
}

fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn are_words_same(theirs: &[u8], ours: &[u8], tokens: Tokens) -> bool {
    let both = |name: &[u8]| {
        let number = |word: &[u8]| {
            let digits = word.strip_prefix(name)?;
            std::str::from_utf8(digits).ok()?.parse::<i64>().ok()
        };
        number(theirs).zip(number(ours))
    };
    for name in [&b"t"[..], b"l", b"la=", b"exp="] {
        if let Some((theirs, ours)) = both(name) {
            return theirs.abs_diff(ours) <= SECONDS_APART_MAX
                || (is_over(theirs) && is_over(ours));
        }
    }
    both(b"cls=").is_some()
        || tokens == Tokens::Differ && (both(b"c").is_some() || both(b"cas=").is_some())
}

/// What is left of a time that is over: memcached counts below zero, and takes it for 32 bits
/// without a sign.
fn is_over(seconds: i64) -> bool {
    seconds == 0 || seconds > i64::from(i32::MAX)
}

/// How far two clocks may be apart that tick each second, and then a moment.
const SECONDS_APART_MAX: u64 = 2;

#[test]
fn times_may_differ_by_a_tick_and_nothing_else_may() {
    let check =
        |theirs: &str, ours: &str| are_same(theirs.as_bytes(), ours.as_bytes(), Tokens::Same);
    assert!(check("HD t99 s1\r\n", "HD t98 s1\r\n"));
    assert!(!check("HD t99 s1\r\n", "HD t90 s1\r\n"));
    assert!(!check("HD t99 s1\r\n", "HD t99 s2\r\n"));
    assert!(!check("HD t99\r\n", "HD t99\r\nMN\r\n"));
    assert!(check("HD t4294967230\r\n", "HD t0\r\n"));
    assert!(!check("HD c5\r\n", "HD c6\r\n"));
    assert!(are_same(b"HD c5\r\n", b"HD c6\r\n", Tokens::Differ));
    assert!(are_same(b"VALUE a 0 1 5\r\n", b"VALUE a 0 1 7\r\n", Tokens::Differ));
    assert!(!are_same(b"VALUE a 0 1 5\r\n", b"VALUE a 0 2 7\r\n", Tokens::Differ));
}
