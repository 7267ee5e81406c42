//! Settings that other documents speak of and this program does not have yet.
//!
//! They are refused like any unknown key: a setting without effect is a trap. But who has heard of
//! one is told that it is not there, rather than asked whether he meant something else.

/// Table, key, and what to do until it is there.
const KEYS: &[(&str, &str, &str)] = &[("", "admin", "remove the table")];

/// What to do about a key that is planned; `None` if it is not.
pub(super) fn key(table: &str, key: &str) -> Option<&'static str> {
    let known = KEYS.iter().find(|(in_table, known, _)| (*in_table, *known) == (table, key));
    known.map(|(_, _, remedy)| *remedy)
}
