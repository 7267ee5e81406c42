//! Where our answers are not memcached's, all of it.
//!
//! Each is a line of a table in docs/protocol-support.md; a test holds the two together, and
//! another that each is still so.

use std::collections::BTreeSet;

use evenkeel_core::protocol::meta::DecodedKey;
use evenkeel_core::protocol::parse::{LINE_LEN_MAX, META_LINE_LEN_MAX};

use crate::answers::{are_same, goes_on};
use crate::arena::Subject;
use crate::peer::FENCE_ANSWER;
use crate::search::{Culprit, tokens};
use crate::sequence::{find, token};

/// One of them.
pub(crate) struct Deviation {
    /// The first cell of its line in the documentation.
    pub(crate) documented: &'static str,
    /// Whether a difference is this one.
    is_it: fn(&Culprit<'_>) -> bool,
    /// Whether a request may be answered alike, and have those after it answered differently. If
    /// none may, the request at which the difference shows is its cause.
    is_cause: fn(&[u8]) -> bool,
    /// Requests that show it, the last of them; none where only chance shows it.
    pub(crate) example: &'static [&'static [u8]],
    /// Who differs.
    pub(crate) subjects: &'static [Subject],
}

impl Deviation {
    /// What has to be left out of a sequence so that its last step is answered alike.
    pub(crate) fn causes(&self, steps: &[Vec<u8>]) -> Vec<usize> {
        let before = steps.len() - 1;
        let causes: Vec<_> =
            (0..before).filter(|at| lines_of(&steps[*at]).any(self.is_cause)).collect();
        if causes.is_empty() { vec![before] } else { causes }
    }
}

const PROXIES: &[Subject] = &[Subject::Proxy, Subject::ProxyOverThree];

const SHOWS_AT_ONCE: fn(&[u8]) -> bool = |_| false;

/// The place in [`ALL`] of a difference, if it is there.
pub(crate) fn listed(culprit: &Culprit<'_>) -> Option<usize> {
    ALL.iter().position(|it| it.subjects.contains(&culprit.subject) && (it.is_it)(culprit))
}

/// Every one.
pub(crate) const ALL: &[Deviation] = &[
    Deviation {
        documented: "a value after a store line that is refused for its key, its flags, its expiry or its token",
        is_it: |it| {
            has_refused_store(it.first_line()) && is_refused_alike(it)
                || it.lines_before().into_iter().any(has_refused_store)
        },
        is_cause: has_refused_store,
        example: &[b"set a 0 soon 9\r\nversion\r\n\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a value of 2 GiB and more",
        is_it: |it| {
            let is_refused =
                it.our_answer().is_empty() || find(it.our_answer(), BAD_FORMAT).is_some();
            stores(it.first_line()).any(is_of_wide_length) && is_refused
        },
        is_cause: SHOWS_AT_ONCE,
        example: &[b"set a 0 0 4294967297\r\nx\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a line past its limit",
        is_it: |it| {
            // One of `gat` or `bget` is taken, and memcached closes the connection.
            let is_closed = |answers: &[u8]| !answers.ends_with(FENCE_ANSWER);
            it.lines().into_iter().any(is_too_long) && it.ours.ends_with(LINE_TOO_LONG)
                || it.lines_before().into_iter().any(is_long_gat)
                || lines_of(it.step).any(is_long_gat) && is_closed(it.theirs)
        },
        is_cause: is_long_gat,
        example: &[LONG_LINE],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "answers to requests before a retrieval with a key past its limit",
        is_it: |it| {
            let has_no_other = |line: &[u8]| has_long_key(line) && !is_cut_short(line);
            has_forgotten_answers(it) && it.lines().into_iter().any(has_long_key)
                || it.lines_before().into_iter().any(has_no_other)
        },
        is_cause: has_long_key,
        example: &[LONG_KEY],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "keys of a retrieval before one past its limit",
        is_it: |it| it.lines_before().iter().any(|line| is_cut_short(line)),
        is_cause: is_cut_short,
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
        is_cause: SHOWS_AT_ONCE,
        example: &[b"set a 0 0 1\r\nx\r\nGET / HTTP/1.1\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "`ma` with `q` and `N`, if it makes the item",
        is_it: |it| {
            let done_len = |answers: &'_ [u8]| {
                let lines = answers.split(|byte| *byte == b'\n');
                lines.filter(|line| line.starts_with(b"HD") || line.starts_with(b"VA")).count()
            };
            lines_of(it.step).any(|line| has_flags(line, b"ma", b"qN"))
                && done_len(it.theirs) == done_len(it.ours) + 1
        },
        is_cause: SHOWS_AT_ONCE,
        example: &[b"ma a q N0\r\n"],
        subjects: PROXIES,
    },
    Deviation {
        documented: "as many flags as a meta command may have, without `k` and `q` among them, or `ms` without `T`",
        is_it: |it| {
            let has_most = |line: &[u8]| {
                let len_max = if line.starts_with(b"ms ") { 18..=19 } else { 19..=19 };
                line.starts_with(b"m") && len_max.contains(&words(line).len())
            };
            has_most(it.first_line()) && it.our_answer().starts_with(b"CLIENT_ERROR options flags")
        },
        is_cause: SHOWS_AT_ONCE,
        example: &[b"mg a b c f h l s t u v O1 N0 R0 T0 F0 C0 I P\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "`k` of `mg`, for a base64 key with a line feed; `me` of such a key",
        is_it: |it| {
            lines_of(it.step).any(|line| {
                (has_flags(line, b"mg", b"bk") || has_flags(line, b"me", b"b"))
                    && words(line)
                        .get(1)
                        .and_then(|key| DecodedKey::new(key))
                        .is_some_and(|key| key.as_slice().contains(&b'\n'))
            })
        },
        is_cause: SHOWS_AT_ONCE,
        example: &[b"me YQpi b\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a line that begins with the byte 0x80, not the first",
        is_it: |it| {
            lines_of(it.step).any(|line| line.starts_with(b"\x80")) && it.ours.ends_with(NOT_SPOKEN)
        },
        is_cause: SHOWS_AT_ONCE,
        example: &[b"mn\r\n", b"\x80\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "`stats`, and `stats items`, `slabs` and their like",
        is_it: |it| lines_of(it.step).any(is_stats_of_a_server),
        is_cause: SHOWS_AT_ONCE,
        example: &[b"stats settings\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "one server's administration",
        is_it: |it| {
            find(it.our_answer(), b"CLIENT_ERROR this command is for one server").is_some()
                && lines_of(it.step).any(is_administration)
        },
        is_cause: SHOWS_AT_ONCE,
        example: &[b"slabs automove 0\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a sum on what `mg` has found, before the answer to that has left",
        is_it: |it| is_padding(it) || is_held(it),
        is_cause: |line| line.starts_with(b"mg "),
        example: &[],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a sum on a value of blanks alone, or above 2^63",
        is_it: |it| {
            // What lies behind may change with any request: it may show late.
            let refused_len = |answers: &'_ [u8]| {
                answers.windows(NOT_A_NUMBER.len()).filter(|it| *it == NOT_A_NUMBER).count()
            };
            it.lines().into_iter().any(is_sum) && refused_len(it.theirs) != refused_len(it.ours)
                || has_silent_sum_that_reads_on(it)
        },
        is_cause: is_sum,
        example: &[],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a flag that came after 1.6.18 (`E`, `x`), on an `ms` whose value is refused, or beside one that comes twice",
        is_it: |it| {
            let is_newer = |line: &&[u8]| {
                let flags = words(line).into_iter().skip(2);
                line.starts_with(b"m") && flags.into_iter().any(|it| matches!(it[0], b'E' | b'x'))
            };
            it.last_lines().iter().any(is_newer)
                && find(it.theirs, b"CLIENT_ERROR invalid flag").is_some()
                && find(it.ours, b"_ERROR ").is_some()
        },
        is_cause: SHOWS_AT_ONCE,
        example: &[b"ms a 1 E5\r\nxyz\r\n"],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "a value that does not end where it should, with a length that just fits",
        is_it: |it| {
            stores(it.first_line()).any(is_of_full_length)
                && it.their_answer().starts_with(b"SERVER_ERROR object too large")
                && it.our_answer().starts_with(b"CLIENT_ERROR bad data chunk")
                || it.lines_before().into_iter().any(is_silent_and_of_full_length)
        },
        // It shows late, by what the item was before: a server drops that of one too large.
        is_cause: is_silent_and_of_full_length,
        example: &[],
        subjects: &Subject::ALL,
    },
    Deviation {
        documented: "`I` with a CAS token that the key's server never gave out",
        is_it: |it| it.lines().into_iter().any(is_comparing_tokens),
        is_cause: is_comparing_tokens,
        example: &[],
        subjects: &[Subject::ProxyOverThree],
    },
    Deviation {
        documented: "what is stored in the second before a delayed `flush_all`, in the embedded server",
        is_it: |it| it.lines().into_iter().any(is_delayed_by_a_second),
        is_cause: is_delayed_by_a_second,
        example: &[],
        subjects: &[Subject::Embedded],
    },
    Deviation {
        documented: "a delayed `flush_all` after another, in the embedded server",
        is_it: has_second_flush,
        is_cause: is_delayed_flush,
        example: &[b"set a 0 0 1\r\nx\r\nflush_all\r\nflush_all 1000\r\nget a\r\n"],
        subjects: &[Subject::Embedded],
    },
    Deviation {
        documented: "a delayed `flush_all` after another",
        is_it: has_second_flush,
        is_cause: is_delayed_flush,
        example: &[],
        subjects: PROXIES,
    },
];

/// How many requests, or lines of mutations, before another its own line is looked for: a value may
/// have many.
const STEPS_BACK: usize = 12;

/// Whether memcached may close the connection at it.
fn is_long_gat(line: &[u8]) -> bool {
    let is_taken_at_any_length = line.starts_with(b"get ") || line.starts_with(b"gets ");
    is_retrieval(line) && !is_taken_at_any_length && line.len() >= LINE_LEN_MAX
}

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

/// Whether it asks if a token of its own making is older than the item's.
fn is_comparing_tokens(line: &[u8]) -> bool {
    let is_own = |flag: &&[u8]| flag.strip_prefix(b"C").and_then(number).is_some();
    words(line).iter().skip(2).any(is_own)
        && [b"ms", b"md"].iter().any(|command| has_flags(line, *command, b"CI"))
}

const NOT_A_NUMBER: &[u8] = b"non-numeric value";
const BAD_FORMAT: &[u8] = b"CLIENT_ERROR bad command line format\r\n";
const LINE_TOO_LONG: &[u8] = b"CLIENT_ERROR line too long\r\n";
const NOT_SPOKEN: &[u8] = b"CLIENT_ERROR the binary protocol is not spoken here\r\n";

fn is_sum(line: &[u8]) -> bool {
    [&b"decr "[..], b"incr ", b"ma "].iter().any(|command| line.starts_with(command))
}

/// Whether a sum that asks for no answer is done on what memcached may read past: whether it was
/// refused shows late, by the value alone.
fn has_silent_sum_that_reads_on(culprit: &Culprit<'_>) -> bool {
    let mut read_past: Vec<Vec<u8>> = Vec::new();
    let mut last_key = Vec::new();
    culprit.lines().iter().any(|line| {
        if is_sum(line) && is_silent(line) && read_past.contains(&key_of(line)) {
            return true;
        }
        // A value is its store line's, if nothing of its own.
        if is_sum(line) || is_store(line) {
            last_key = key_of(line);
        }
        if may_be_read_past(line) {
            read_past.push(last_key.clone());
        }
        false
    })
}

/// Whether it is a value that memcached reads past to find a number, or says to make one.
fn may_be_read_past(line: &[u8]) -> bool {
    let is_large = |word: &[u8]| number(word).is_some_and(|it| it > i128::from(i64::MAX));
    let is_blank = line.ends_with(b"\r") && line.iter().all(u8::is_ascii_whitespace);
    // Behind a letter it is a flag.
    is_blank || words(line).into_iter().any(|word| is_large(word) || is_large(&word[1..]))
}

/// Whether a refused store line is refused in memcached's words, or in silence as there. What
/// comes of its value is another matter.
fn is_refused_alike(culprit: &Culprit<'_>) -> bool {
    let first_line = |answer: &'_ [u8]| {
        let end = answer.iter().position(|byte| *byte == b'\n').map_or(answer.len(), |at| at + 1);
        answer[..end].to_vec()
    };
    let (theirs, ours) = (first_line(culprit.their_answer()), first_line(culprit.our_answer()));
    // Its answer may be forgotten, if the value ends the connection.
    let is_forgotten = theirs.is_empty() && !culprit.theirs.ends_with(FENCE_ANSWER);
    let is_meta = culprit.first_line().starts_with(b"ms ");
    if !is_meta && is_silent(culprit.first_line()) {
        !ours.starts_with(b"CLIENT_ERROR")
    } else {
        is_forgotten || theirs == ours
    }
}

/// Whether memcached's answers are ours without some just before one to a key too long.
fn has_forgotten_answers(culprit: &Culprit<'_>) -> bool {
    let lines = |answers: &'_ [u8]| -> Vec<Vec<u8>> {
        answers.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    };
    let which = tokens(culprit.subject);
    let (theirs, ours) = (lines(culprit.theirs), lines(culprit.ours));
    // Up to where ours may have been matched.
    let mut places = BTreeSet::from([0]);
    for line in &theirs {
        let may_follow = line.starts_with(b"CLIENT_ERROR");
        let mut next = BTreeSet::new();
        for place in places {
            let skipped_max = if may_follow { ours.len() } else { 0 };
            let reached = ours.iter().enumerate().skip(place).take(skipped_max + 1);
            let same = reached.filter(|(_, our)| are_same(line, our, which));
            next.extend(same.map(|(at, _)| at + 1));
        }
        places = next;
    }
    places.contains(&ours.len())
}

/// Whether it is a retrieval with keys before one that is too long.
fn is_cut_short(line: &[u8]) -> bool {
    let at = words(line).iter().position(|word| word.len() > KEY_LEN_MAX);
    has_long_key(line) && at > Some(1)
}

/// Whether it asks for what only one server can say, or for the proxy's own figures.
fn is_stats_of_a_server(line: &[u8]) -> bool {
    let words = words(line);
    let of_server: [&[u8]; 8] = [
        b"items",
        b"slabs",
        b"sizes",
        b"sizes_enable",
        b"sizes_disable",
        b"settings",
        b"conns",
        b"detail",
    ];
    words.first() == Some(&&b"stats"[..])
        && words.get(1).is_none_or(|word| of_server.contains(word) || *word == b"cachedump")
}

fn is_delayed_flush(line: &[u8]) -> bool {
    let words = words(line);
    words.first() == Some(&&b"flush_all"[..]) && words.len() > 1
}

/// Whether a delayed `flush_all` comes after another.
fn has_second_flush(culprit: &Culprit<'_>) -> bool {
    let lines = culprit.lines();
    let is_flush = |line: &&&[u8]| words(line).first() == Some(&&b"flush_all"[..]);
    lines.iter().filter(is_flush).skip(1).any(|line| is_delayed_flush(line))
}

impl Culprit<'_> {
    /// All lines so far.
    fn lines(&self) -> Vec<&[u8]> {
        self.before.iter().map(Vec::as_slice).chain([self.step]).flat_map(lines_of).collect()
    }

    /// The lines before the request.
    fn lines_before(&self) -> Vec<&[u8]> {
        self.before.iter().flat_map(|step| lines_of(step)).collect()
    }

    /// The first line of the request.
    fn first_line(&self) -> &[u8] {
        lines_of(self.step).next().unwrap_or_default()
    }

    /// The lines of the request, and of some before.
    fn last_lines(&self) -> Vec<&[u8]> {
        let before = &self.before[self.before.len().saturating_sub(STEPS_BACK)..];
        before.iter().map(Vec::as_slice).chain([self.step]).flat_map(lines_of).collect()
    }
}

/// The lines of a request, and whatever in them reads as another: where a value was shorter than
/// announced, a command need not stand at the start of a line.
fn lines_of(step: &[u8]) -> impl Iterator<Item = &[u8]> {
    step.split(|byte| *byte == b'\n').flat_map(|line| {
        let starts = (1..line.len()).map(|at| &line[at..]);
        std::iter::once(line).chain(starts.filter(|rest| is_command(rest)))
    })
}

/// Whether it begins with a command of which more than its own answer may differ.
fn is_command(line: &[u8]) -> bool {
    let commands: [&[u8]; 11] = [
        b"get ",
        b"gets ",
        b"gat ",
        b"gats ",
        b"bget ",
        b"flush_all ",
        b"mg ",
        b"me ",
        b"stats",
        b"mn",
        b"\x80",
    ];
    let mut all = commands.iter().chain(ADMINISTRATION);
    all.any(|command| line.starts_with(command)) || is_sum(line) || is_store(line)
}

fn words(line: &[u8]) -> Vec<&[u8]> {
    let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect()
}

fn is_store(line: &[u8]) -> bool {
    let commands: [&[u8]; 7] =
        [b"set ", b"add ", b"replace ", b"append ", b"prepend ", b"cas ", b"ms "];
    commands.iter().any(|command| line.starts_with(command))
}

/// Whatever in a line reads as a store line.
fn stores(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..line.len()).map(|at| &line[at..]).filter(|rest| is_store(rest))
}

fn has_refused_store(line: &[u8]) -> bool {
    stores(line).any(is_refused_store)
}

/// Whether memcached refuses a store line, and leaves its value for commands.
fn is_refused_store(line: &[u8]) -> bool {
    let words = words(line);
    let is_key_long = words.get(1).is_some_and(|key| key.len() > KEY_LEN_MAX);
    let others = match (words.first().copied(), words.len()) {
        (Some(b"ms"), len) => return len > 2 && (is_key_long || len > 19),
        (Some(b"cas"), 6 | 7) => {
            let token = if token(words[5]).is_some() { b"0" } else { words[5] };
            [words[2], words[3], words[4], token].to_vec()
        }
        (Some(b"set" | b"add" | b"replace" | b"append" | b"prepend"), 5 | 6) => {
            [words[2], words[3], words[4]].to_vec()
        }
        _ => return false,
    };
    // If its length is no number, its value is taken for commands here as well.
    number(others[2]).is_some()
        && (is_key_long
            || others.iter().any(|word| number(word).is_none())
            || number(others[0]).is_some_and(|flags| flags < 0)
            || others.get(3).and_then(|token| number(token)).is_some_and(|token| token < 0)
            || [1, 2]
                .iter()
                .any(|idx| number(others[*idx]).is_some_and(|it| i64::try_from(it).is_err())))
}

fn is_of_wide_length(line: &[u8]) -> bool {
    value_len(line).is_some_and(|len| len.unsigned_abs() > (1 << 31) - 3)
}

/// Whether its value is so long that memcached refuses the item and we do not.
fn is_of_full_length(line: &[u8]) -> bool {
    let (len_max, item_head_len_max) = (1024 * 1024, 400);
    value_len(line).is_some_and(|len| (len_max - item_head_len_max..=len_max).contains(&len))
}

fn is_silent_and_of_full_length(line: &[u8]) -> bool {
    stores(line).any(|store| is_of_full_length(store) && is_silent(store))
}

/// Whether a line of a text command asks for no answer.
fn is_silent(line: &[u8]) -> bool {
    words(line).last() == Some(&&b"noreply"[..])
}

fn value_len(line: &[u8]) -> Option<i128> {
    let words = words(line);
    let len = match words.first().copied() {
        Some(b"ms") => words.get(2),
        Some(b"set" | b"add" | b"replace" | b"append" | b"prepend" | b"cas") => words.get(4),
        _ => None,
    };
    number(len?)
}

fn is_delayed_by_a_second(line: &[u8]) -> bool {
    is_delayed_flush(line) && words(line).get(1).and_then(|word| number(word)) == Some(1)
}

/// What a word is to C, if it is a number of 64 bits with or without sign.
fn number(word: &[u8]) -> Option<i128> {
    let is_space = |byte: &u8| matches!(byte, b'\t'..=b'\r');
    let word = &word[word.iter().position(|byte| !is_space(byte))?..];
    let end = word.iter().position(is_space).unwrap_or(word.len());
    let number: i128 = std::str::from_utf8(&word[..end]).ok()?.parse().ok()?;
    (number.unsigned_abs() <= u128::from(u64::MAX)).then_some(number)
}

fn is_retrieval(line: &[u8]) -> bool {
    matches!(words(line).first(), Some(&(b"get" | b"gets" | b"gat" | b"gats" | b"bget")))
}

/// Whether it is a retrieval with a key that is too long.
fn has_long_key(line: &[u8]) -> bool {
    is_retrieval(line) && words(line).iter().any(|word| word.len() > KEY_LEN_MAX)
}

fn has_flags(line: &[u8], command: &[u8], letters: &[u8]) -> bool {
    let words = words(line);
    words.first() == Some(&command)
        && letters.iter().all(|letter| words.iter().skip(2).any(|flag| flag[0] == *letter))
}

fn is_administration(line: &[u8]) -> bool {
    words(line).first().is_some_and(|command| ADMINISTRATION.contains(command))
}

const ADMINISTRATION: &[&[u8]] = &[
    b"shutdown",
    b"slabs",
    b"lru",
    b"lru_crawler",
    b"watch",
    b"cache_memlimit",
    b"refresh_certs",
    b"extstore",
];

/// Whether a sum is done on an item that memcached still holds for an answer to `mg`: such an item
/// it replaces by another, without its marks.
fn is_held(culprit: &Culprit<'_>) -> bool {
    let mut held: Vec<Vec<u8>> = Vec::new();
    let (mut before, mut whole): (&[u8], &[u8]) = (b"", b"");
    culprit.lines().into_iter().any(|line| {
        let is_part = whole.ends_with(line);
        if !is_part {
            (before, whole) = (whole, line);
        }
        let is_request = !is_part && stores(before).next().is_none();
        let (key, words) = (key_of(line), words(line));
        match words.first().copied() {
            Some(b"mg") => held.push(key),
            Some(b"incr" | b"decr" | b"ma") if held.contains(&key) => return true,
            // Answers leave, where it is a request; of several servers, those of one that has a key.
            Some(b"get" | b"gets" | b"bget") if is_request && words.len() > 1 => {
                let is_over_three = culprit.subject == Subject::ProxyOverThree;
                held.retain(|key| is_over_three && !words.contains(&&key[..]));
            }
            // The proxy answers that itself.
            Some(b"mn") if is_request && culprit.subject == Subject::Embedded => held.clear(),
            _ => {}
        }
        false
    })
}

/// The key of a line, decoded if a meta command says that it is encoded.
fn key_of(line: &[u8]) -> Vec<u8> {
    let words = words(line);
    let text = words.get(1).copied().unwrap_or_default();
    let is_encoded = line.starts_with(b"m") && words.iter().skip(2).any(|flag| flag[0] == b'b');
    match DecodedKey::new(text) {
        Some(key) if is_encoded => key.as_slice().to_vec(),
        _ => text.to_vec(),
    }
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
    culprit.lines().into_iter().any(is_sum) && without(culprit.theirs) == without(culprit.ours)
}

const KEY_LEN_MAX: usize = 250;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::Arena;
    use crate::search;
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
    fn a_silent_sum_is_listed_only_on_what_may_be_read_past() {
        let listed_of = |value: &str, sum: &str| {
            let before = [format!("add b 0 0 {}\r\n{value}\r\n", value.len()), sum.to_owned()];
            let answers = ["4", value].map(|it| format!("STORED\r\nVALUE b 0 20\r\n{it}\r\n"));
            let culprit = Culprit {
                subject: Subject::Proxy,
                before: &before.map(String::into_bytes),
                step: b"get b\r\n",
                answered_len: 1,
                theirs: answers[0].as_bytes(),
                ours: answers[1].as_bytes(),
            };
            listed(&culprit).map(|idx| ALL[idx].documented)
        };
        let sum = Some("a sum on a value of blanks alone, or above 2^63");
        assert_eq!(listed_of("18446744073709551615", "incr b 5 noreply\r\n"), sum);
        assert_eq!(listed_of("", "incr b 5 noreply\r\n"), sum);
        assert_eq!(listed_of("9223372036854775807", "incr b 5 noreply\r\n"), None);
        assert_eq!(listed_of("18446744073709551615", "incr b 5\r\n"), None);
        assert_eq!(listed_of("18446744073709551615", "incr a 5 noreply\r\n"), None);
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
                let before = sequence.prefix(sequence.steps.len() - 1);
                let answered_len = arena.answered_len(&before, *subject, &theirs);
                let answers = (&theirs[..], &ours[..]);
                let found = search::listed(&sequence, *subject, answered_len, answers);
                assert_eq!(found.map(|idx| ALL[idx].documented), Some(name), "{answers:?}");
            }
        }
    }
}
