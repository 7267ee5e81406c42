//! Which part of each key a client may have hashed: all of it, all but a prefix, or what a tag
//! encloses.
//!
//! # Method
//! What is configured comes first. A prefix that is not hashed is one that nearly all keys begin
//! with, so that it is read off the keys and not guessed: each place at which it may end is tried,
//! first those behind a punctuation mark. Tags and stops are tried if there are keys with them.

use evenkeel_core::distribution::{HashTag, KeyText, Scheme, Settings};

/// One way to choose what is hashed of a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    /// Settings with it. Their distribution is of no account.
    pub(super) settings: Settings,
    /// The lines of a configuration that differ from those that are there.
    pub(super) lines: Vec<String>,
}

/// The ways that these keys may have been hashed, what is configured first.
pub(super) fn parts(current: &Settings, pairs: &[(Box<[u8]>, usize)]) -> Vec<Part> {
    let mut parts = vec![Part { settings: current.clone(), lines: Vec::new() }];
    let whole = Settings::new(Scheme::Ketama);
    // What is there must go, since one thing is tried at a time.
    let set = [
        current.unhashed_prefix().map(|_| "unhashed_prefix"),
        current.hash_tag().map(|_| "hash_tag"),
        current.hash_stop().map(|_| "hash_stop"),
    ];
    let dropped = |but: &str| {
        let dropped = set.into_iter().flatten().filter(|it| *it != but);
        dropped.map(|it| format!("# without {it}")).collect::<Vec<_>>()
    };
    if set.iter().any(Option::is_some) {
        parts.push(Part { settings: whole.clone(), lines: dropped("") });
    }
    let mut add = |settings: Settings, name: &str, value: &str| {
        let mut lines = dropped(name);
        lines.push(format!("{name} = {value:?}"));
        parts.push(Part { settings, lines });
    };
    for prefix in prefixes(pairs) {
        let text = prefix.as_str().to_owned();
        add(whole.clone().with_unhashed_prefix(prefix), "unhashed_prefix", &text);
    }
    for text in TAGS.into_iter().filter(|text| has_tag(text, pairs)) {
        let tag: HashTag = text.parse().expect("they are two visible characters");
        add(whole.clone().with_hash_tag(tag), "hash_tag", text);
    }
    if pairs.iter().any(|(key, _)| key.windows(STOP.len()).any(|it| it == STOP.as_bytes())) {
        let stop: KeyText = STOP.parse().expect("it is three visible characters");
        add(whole.with_hash_stop(stop), "hash_stop", STOP);
    }
    parts
}

/// The beginnings that nearly all keys have, those that end with a punctuation mark first.
fn prefixes(pairs: &[(Box<[u8]>, usize)]) -> Vec<KeyText> {
    let mut keys: Vec<_> = pairs.iter().map(|(key, _)| &**key).collect();
    let enough = keys.len() * 9 / 10;
    let mut prefix = Vec::new();
    while prefix.len() < PREFIX_LEN_MAX {
        let at = prefix.len();
        let mut counts = [0_usize; 256];
        for byte in keys.iter().filter_map(|key| key.get(at)) {
            counts[usize::from(*byte)] += 1;
        }
        let next = (u8::MIN..=u8::MAX).max_by_key(|byte| counts[usize::from(*byte)]);
        let next = next.filter(|byte| counts[usize::from(*byte)].max(1) >= enough);
        let Some(next) = next else { break };
        // A key that is nothing but the prefix is hashed whole, and tells nothing.
        keys.retain(|key| key.get(at) == Some(&next) && key.len() > at + 1);
        prefix.push(next);
    }
    let ends = 1..=prefix.len();
    let (marks, others): (Vec<_>, Vec<_>) =
        ends.partition(|end| prefix[end - 1].is_ascii_punctuation());
    let ends = marks.into_iter().chain(others);
    let texts = ends.filter_map(|end| std::str::from_utf8(&prefix[..end]).ok()?.parse().ok());
    texts.take(PREFIXES_MAX).collect()
}

fn has_tag(tag: &str, pairs: &[(Box<[u8]>, usize)]) -> bool {
    let tag: HashTag = tag.parse().expect("they are two visible characters");
    pairs.iter().any(|(key, _)| tag.hashed_part(key).len() < key.len())
}

/// Tags that are usual.
const TAGS: [&str; 4] = ["{}", "[]", "()", "<>"];
/// mcrouter's stop, which its own distributions have by themselves.
const STOP: &str = "|#|";
/// Prefixes of an application are short.
const PREFIX_LEN_MAX: usize = 64;
/// How many ends of a prefix are tried.
const PREFIXES_MAX: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(keys: &[&str]) -> Vec<(Box<[u8]>, usize)> {
        keys.iter().map(|key| (key.as_bytes().into(), 0)).collect()
    }

    fn lines(current: &Settings, keys: &[&str]) -> Vec<String> {
        parts(current, &pairs(keys)).iter().map(|it| it.lines.join(", ")).collect()
    }

    #[test]
    fn a_prefix_may_end_wherever_all_keys_are_alike() {
        let whole = Settings::new(Scheme::Ketama);
        let lines = lines(&whole, &["a:b:1", "a:b:2", "a:b:3"]);
        let expected = ["", "a:", "a:b:", "a", "a:b"].map(|it| match it {
            "" => String::new(),
            prefix => format!("unhashed_prefix = \"{prefix}\""),
        });
        assert_eq!(lines, expected);
    }

    #[test]
    fn keys_that_are_not_alike_have_none() {
        let whole = Settings::new(Scheme::Ketama);
        assert_eq!(lines(&whole, &["a:1", "b:1", "c:1"]), [""]);
        assert_eq!(lines(&whole, &["ab c", "\u{7f}"]), [""]);
        assert_eq!(lines(&whole, &[]), [""]);
        let alike = "x".repeat(250);
        assert_eq!(lines(&whole, &[&alike]).len(), 1 + PREFIXES_MAX);
    }

    #[test]
    fn what_is_set_is_tried_first_and_then_without() {
        let set = Settings::new(Scheme::Ketama).with_hash_tag("{}".parse().unwrap());
        let expected = [
            "",
            "# without hash_tag",
            "hash_tag = \"{}\"",
            "# without hash_tag, hash_stop = \"|#|\"",
        ];
        assert_eq!(lines(&set, &["a{1}", "b|#|2", "c"]), expected);
    }
}
