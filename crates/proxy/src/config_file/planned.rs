//! Settings that other documents speak of and this program does not have yet.
//!
//! They are refused like any unknown key: a setting without effect is a trap. But who has heard of
//! one is told that it is not there, rather than asked whether he meant something else.

/// Table, key, and what to do until it is there.
const KEYS: &[(&str, &str, &str)] = &[
    ("", "admin", "remove the table"),
    ("pool.NAME", "gutter", "remove it"),
    (
        "pool.NAME",
        "rejoin",
        "remove it; until then a server that returns serves what it still holds",
    ),
];

/// Table, key and word.
const WORDS: &[(&str, &str, &str)] = &[("pool.NAME", "failover", "gutter")];

/// What to do about a key that is planned; `None` if it is not.
pub(super) fn key(table: &str, key: &str) -> Option<&'static str> {
    let known = KEYS.iter().find(|(in_table, known, _)| (*in_table, *known) == (table, key));
    known.map(|(_, _, remedy)| *remedy)
}

/// What is wrong with a word that is none of a setting's choices.
pub(super) fn unknown_word(table: &str, key: &str, word: &str) -> String {
    if WORDS.contains(&(table, key, word)) {
        format!("{word:?} is not supported yet")
    } else {
        format!("unknown choice {word:?}")
    }
}
