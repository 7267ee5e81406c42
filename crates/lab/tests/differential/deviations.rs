//! Where our answers are not memcached's, all of it.
//!
//! Each is a line of a table in docs/protocol-support.md; a test holds the two together, and
//! another that each is still so.

use evenkeel_core::protocol::meta::DecodedKey;
use evenkeel_core::protocol::parse::{LINE_LEN_MAX, META_LINE_LEN_MAX};

use crate::answers::goes_on;
use crate::arena::Subject;
use crate::peer::FENCE_ANSWER;
use crate::search::{Culprit, tokens};
use crate::sequence::find;

/// One of them.
pub(crate) struct Deviation {
    /// The first cell of its line in the documentation.
    pub(crate) documented: &'static str,
    /// Whether a difference is this one.
    is_it: fn(&Culprit<'_>) -> bool,
    /// Requests that show it, the last of them; none where only chance shows it.
    pub(crate) example: &'static [&'static [u8]],
    /// Who differs.
    pub(crate) subjects: &'static [Subject],
}

const PROXIES: &[Subject] = &[Subject::Proxy, Subject::ProxyOverThree];

/// The place in [`ALL`] of a difference, if it is there.
pub(crate) fn listed(culprit: &Culprit<'_>) -> Option<usize> {
    ALL.iter().position(|it| it.subjects.contains(&culprit.subject) && (it.is_it)(culprit))
}

/// Every one.
pub(crate) const ALL: &[Deviation] = &[
    Deviation {
        documented: "a value after a store line that is refused for its key, its flags, its expiry or its token",
        is_it: |it| it.last_lines().iter().any(|line| is_refused_store(line)),
        example: &[b"set a 0 soon 9\r\nversion\r\n\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a value of 2 GiB and more",
        is_it: |it| it.last_lines().iter().any(|line| is_of_wide_length(line)),
        example: &[b"set a 0 0 4294967297\r\nx\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a line past its limit",
        is_it: |it| it.last_lines().iter().any(|line| is_too_long(line)),
        example: &[LONG_LINE],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "answers to requests before a retrieval with a key past its limit",
        is_it: |it| {
            it.lines().iter().any(|line| is_retrieval(line) && has_long_key(line))
                && it.ours.len() != it.theirs.len()
        },
        example: &[LONG_KEY],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "keys of a retrieval before one past its limit",
        is_it: |it| {
            it.lines().iter().any(|line| {
                let words = words(line);
                is_retrieval(line)
                    && words.iter().position(|word| word.len() > KEY_LEN_MAX) > Some(1)
            })
        },
        example: &[b"ms a 1\r\nx\r\nget b\r\n", LATE_LONG_KEY, b"mg a h\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "answers not sent yet when a connection ends within a value, or at a line of HTTP",
        is_it: |it| {
            let is_answered_to_its_end = |answers: &[u8]| answers.ends_with(FENCE_ANSWER);
            !is_answered_to_its_end(it.theirs)
                && !is_answered_to_its_end(it.ours)
                && goes_on(it.theirs, it.ours, tokens(it.subject))
        },
        example: &[b"set a 0 0 1\r\nx\r\nGET / HTTP/1.1\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "`ma` with `q` and `N`, if it makes the item",
        is_it: |it| it.last_lines().iter().any(|line| has_flags(line, b"ma", b"qN")),
        example: &[b"ma a q N0\r\n"],
        subjects: PROXIES,
    },
    Deviation {
        documented: "as many flags as a meta command may have, without `k` and `q` among them, or `ms` without `T`",
        is_it: |it| {
            it.last_lines().iter().any(|line| {
                let len_max = if line.starts_with(b"ms ") { 18..=19 } else { 19..=19 };
                line.starts_with(b"m") && len_max.contains(&words(line).len())
            })
        },
        example: &[b"mg a b c f h l s t u v O1 N0 R0 T0 F0 C0 I P\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "`k` of `mg`, for a base64 key with a line feed; `me` of such a key",
        is_it: |it| {
            it.last_lines().iter().any(|line| {
                (has_flags(line, b"mg", b"bk") || has_flags(line, b"me", b"b"))
                    && words(line)
                        .get(1)
                        .and_then(|key| DecodedKey::new(key))
                        .is_some_and(|key| key.as_slice().contains(&b'\n'))
            })
        },
        example: &[b"me YQpi b\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a line that begins with the byte 0x80, not the first",
        is_it: |it| it.last_lines().iter().any(|line| line.starts_with(b"\x80")),
        example: &[b"mn\r\n", b"\x80\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "`stats`, and `stats items`, `slabs` and their like",
        is_it: |it| it.last_lines().iter().any(|line| words(line).first() == Some(&&b"stats"[..])),
        example: &[b"stats settings\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "one server's administration",
        is_it: |it| {
            find(it.ours, b"CLIENT_ERROR this command is for one server").is_some()
                && it.last_lines().iter().any(|line| is_administration(line))
        },
        example: &[b"slabs automove 0\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a sum on what `mg` has found, before the answer to that has left",
        is_it: |it| is_padding(it) || is_held(it),
        example: &[],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a sum on a value of blanks alone, or above 2^63",
        is_it: |it| {
            it.is_sum()
                && find(it.theirs, NOT_A_NUMBER).is_some() | find(it.ours, NOT_A_NUMBER).is_some()
        },
        example: &[],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a flag that came after 1.6.18 (`E`, `x`), on an `ms` whose value is refused",
        is_it: |it| {
            it.last_lines()
                .iter()
                .any(|line| has_flags(line, b"ms", b"E") || has_flags(line, b"ms", b"x"))
        },
        example: &[b"ms a 1 E5\r\nxyz\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a delayed `flush_all` after another, in the embedded server",
        is_it: has_delayed_flush,
        example: &[b"set a 0 0 1\r\nx\r\nflush_all\r\nflush_all 1000\r\nget a\r\n"],
        subjects: &[Subject::Embedded],
    },
    Deviation {
        documented: "a delayed `flush_all` after another",
        is_it: has_delayed_flush,
        example: &[],
        subjects: PROXIES,
    },
];

/// How many requests, or lines of mutations, before another the cause of its answer is looked for:
/// a refused value may have many lines, and what it is taken for may show late.
const STEPS_BACK: usize = 12;

/// Whether it is longer than any line but a retrieval's may be, without its end.
fn is_too_long(line: &[u8]) -> bool {
    let len_max = if line.starts_with(b"m") { META_LINE_LEN_MAX } else { LINE_LEN_MAX };
    line.len() >= len_max
}

const LONG_LINE: &[u8] = &long_line();

const fn long_line() -> [u8; 2200] {
    let mut line = [b'x'; 2200];
    line[2199] = b'\n';
    line
}

/// An answer that waits, and a key of more than 250 bytes.
const LONG_KEY: &[u8] = &long_key();

const fn long_key() -> [u8; 300] {
    let start = b"set a 0 0 0\r\n\r\nget ";
    let mut request = [b'k'; 300];
    request.split_at_mut(start.len()).0.copy_from_slice(start);
    request[299] = b'\n';
    request
}

const LATE_LONG_KEY: &[u8] = &late_long_key();

const fn late_long_key() -> [u8; 300] {
    let mut request = [b'k'; 300];
    request.split_at_mut(6).0.copy_from_slice(b"get a ");
    request[299] = b'\n';
    request
}

const NOT_A_NUMBER: &[u8] = b"non-numeric value";

impl Culprit<'_> {
    /// All lines so far.
    fn lines(&self) -> Vec<&[u8]> {
        let all = self.before.iter().map(Vec::as_slice).chain([self.step]);
        all.flat_map(|step| step.split(|byte| *byte == b'\n')).collect()
    }

    fn is_sum(&self) -> bool {
        let commands: [&[u8]; 3] = [b"decr ", b"incr ", b"ma "];
        self.last_lines().iter().any(|line| commands.iter().any(|it| line.starts_with(it)))
    }

    /// The lines of the request, and of some before.
    fn last_lines(&self) -> Vec<&[u8]> {
        let before = &self.before[self.before.len().saturating_sub(STEPS_BACK)..];
        let steps = before.iter().map(Vec::as_slice).chain([self.step]);
        steps.flat_map(|step| step.split(|byte| *byte == b'\n')).collect()
    }
}

fn words(line: &[u8]) -> Vec<&[u8]> {
    let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect()
}

/// Whether memcached refuses a store line, and leaves its value for commands.
fn is_refused_store(line: &[u8]) -> bool {
    let words = words(line);
    let is_key_long = words.get(1).is_some_and(|key| key.len() > KEY_LEN_MAX);
    let others = match (words.first().copied(), words.len()) {
        (Some(b"ms"), len) => return len > 2 && (is_key_long || len > 19),
        (Some(b"cas"), 6 | 7) => [words[2], words[3], words[4], words[5]].to_vec(),
        (Some(b"set" | b"add" | b"replace" | b"append" | b"prepend"), 5 | 6) => {
            [words[2], words[3], words[4]].to_vec()
        }
        _ => return false,
    };
    is_key_long
        || others.iter().any(|word| number(word).is_none())
        || number(others[0]).is_some_and(|flags| flags < 0)
        || others.get(3).and_then(|token| number(token)).is_some_and(|token| token < 0)
        || [1, 2]
            .iter()
            .any(|idx| number(others[*idx]).is_some_and(|it| i64::try_from(it).is_err()))
}

fn is_of_wide_length(line: &[u8]) -> bool {
    let words = words(line);
    let len = match words.first().copied() {
        Some(b"ms") => words.get(2),
        Some(b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas") => words.get(4),
        _ => None,
    };
    len.and_then(|len| number(len)).is_some_and(|len| len.unsigned_abs() > (1 << 31) - 3)
}

/// What a word is to C, if it is a number of 64 bits with or without sign.
fn number(word: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(word).ok()?;
    let text = text.trim_start_matches(['\t', '\x0b', '\x0c', '\r']);
    let end = text.find(['\t', '\x0b', '\x0c', '\r']).unwrap_or(text.len());
    let number: i128 = text[..end].parse().ok()?;
    (number.unsigned_abs() <= u128::from(u64::MAX)).then_some(number)
}

fn has_delayed_flush(culprit: &Culprit<'_>) -> bool {
    let lines = culprit.lines();
    let mut flushes = lines.iter().filter(|line| line.starts_with(b"flush_all"));
    flushes.any(|line| words(line).len() > 1)
}

fn is_retrieval(line: &[u8]) -> bool {
    matches!(words(line).first(), Some(&(b"get" | b"gets" | b"gat" | b"gats" | b"bget")))
}

fn has_long_key(line: &[u8]) -> bool {
    words(line).iter().any(|word| word.len() > KEY_LEN_MAX)
}

fn has_flags(line: &[u8], command: &[u8], letters: &[u8]) -> bool {
    let words = words(line);
    words.first() == Some(&command)
        && letters.iter().all(|letter| words.iter().skip(2).any(|flag| flag[0] == *letter))
}

fn is_administration(line: &[u8]) -> bool {
    let commands: [&[u8]; 8] = [
        b"shutdown",
        b"slabs",
        b"lru",
        b"lru_crawler",
        b"watch",
        b"cache_memlimit",
        b"refresh_certs",
        b"extstore",
    ];
    words(line).first().is_some_and(|command| commands.contains(command))
}

/// Whether a sum is done on an item that memcached still holds for an answer to `mg`: such an item
/// it replaces by another, without its marks.
fn is_held(culprit: &Culprit<'_>) -> bool {
    let mut held: Vec<Vec<u8>> = Vec::new();
    culprit.lines().iter().any(|line| {
        let words = words(line);
        let text = words.get(1).copied().unwrap_or_default();
        let key = match DecodedKey::new(text) {
            Some(key) if words.iter().skip(2).any(|flag| flag[0] == b'b') => {
                key.as_slice().to_vec()
            }
            _ => text.to_vec(),
        };
        match words.first().copied() {
            Some(b"mg") => held.push(key),
            Some(b"get" | b"gets" | b"gat" | b"gats" | b"bget" | b"mn") => held.clear(),
            Some(b"incr" | b"decr" | b"ma") => return held.contains(&key),
            _ => {}
        }
        false
    })
}

/// The same but for blanks behind numbers, and the lengths that count them.
fn is_padding(culprit: &Culprit<'_>) -> bool {
    let without = |answers: &[u8]| -> Vec<u8> {
        let lines = answers.split(|byte| *byte == b'\n').map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let words: Vec<_> =
                line.split(|byte| *byte == b' ').filter(|it| !it.is_empty()).collect();
            let is_head = matches!(words.first(), Some(&(b"VALUE" | b"VA" | b"HD")));
            let kept = words.iter().enumerate().filter(|(idx, word)| {
                !is_head || !(*idx == 3 || *idx == 1 && words[0] == b"VA" || word[0] == b's')
            });
            kept.map(|(_, word)| *word).collect::<Vec<_>>().join(&b' ')
        });
        lines.collect::<Vec<_>>().join(&b'\n')
    };
    let has_sum = culprit.lines().iter().any(|line| {
        [&b"decr "[..], b"incr ", b"ma "].iter().any(|command| line.starts_with(command))
    });
    has_sum && without(culprit.theirs) == without(culprit.ours)
}

const KEY_LEN_MAX: usize = 250;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::Arena;
    use crate::sequence::Sequence;

    /// The documentation, as it is in the repository.
    const DOCUMENTATION: &str =
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol-support.md"));

    #[test]
    fn every_deviation_is_documented_and_nothing_else_is() {
        let (_, section) = DOCUMENTATION
            .split_once("## Where the answer is not memcached's\n")
            .expect("the documentation has the section");
        let section = section.split("\n## ").next().expect("there is a first");
        let documented: Vec<_> = section
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
            .skip(1)
            .collect();
        let listed: Vec<_> = ALL.iter().map(|it| it.documented).collect();
        assert_eq!(documented, listed);
    }

    #[test]
    fn every_deviation_is_still_one() {
        let mut arena = Arena::start();
        for deviation in ALL.iter().filter(|it| !it.example.is_empty()) {
            let steps: Vec<_> = deviation.example.iter().map(|step| step.to_vec()).collect();
            let sequence = Sequence { seed: 0, steps };
            for subject in deviation.subjects {
                let name = deviation.documented;
                let Some((theirs, ours)) = arena.differs(&sequence, *subject) else {
                    panic!("{subject:?}: no deviation any more: {name}");
                };
                let (step, before) = sequence.steps.split_last().expect("an example");
                let culprit =
                    Culprit { subject: *subject, before, step, theirs: &theirs, ours: &ours };
                let found = listed(&culprit).map(|idx| ALL[idx].documented);
                assert_eq!(found, Some(name), "{culprit:?}");
            }
        }
    }
}
