//! Which keys go where: `[[route]]`.

use evenkeel_core::config::nearest::suggestion;
use evenkeel_core::config::{
    KEY_PREFIX_LEN_MAX, KeyPrefix, KeyPrefixError, ListenerName, Operation, RouteConfig,
};

use super::read::read_required_pool;
use super::reading::{Expected, Found, Reading, Unreadable};
use super::section::Section;

/// Reads one of the tables `[[route]]`.
pub(super) fn read_route(section: &mut Section<'_, '_>) -> RouteConfig {
    RouteConfig {
        strip_prefix: section.flag("strip_prefix", false),
        operations: read_operations(section),
        listener: read_listener(section),
        ..RouteConfig::new(read_prefix(section), read_required_pool(section))
    }
}

fn read_prefix(section: &mut Section<'_, '_>) -> KeyPrefix {
    let summary = format!(
        "Up to {KEY_PREFIX_LEN_MAX} bytes without blanks and control characters; `\"\"` by default."
    );
    let expected = Expected { kind: "a string", example: "\"user:\"" };
    let prefix = section.parsed("prefix", &summary, expected, |text| {
        text.parse().map_err(|error| Unreadable {
            problem: format!("this is not what a key begins with: {error}"),
            remedy: match error {
                KeyPrefixError::TooLong(_) => "write a shorter one".to_owned(),
                KeyPrefixError::Character(_) => "remove it".to_owned(),
            },
        })
    });
    match prefix {
        Some(prefix) => prefix,
        None if section.has("prefix") => stand_in(),
        None => KeyPrefix::default(),
    }
}

/// Stands in for one that could not be read, so that it is not taken for every key.
fn stand_in() -> KeyPrefix {
    "unreadable".parse().expect("a plain word is a prefix")
}

fn read_operations(section: &mut Section<'_, '_>) -> Vec<Operation> {
    let words: Vec<_> = Operation::NAMES.iter().map(|(name, _)| format!("`{name:?}`")).collect();
    let summary = format!("A list of {}; all of them by default.", words.join(", "));
    let mut seen = Vec::new();
    let operations = section.list("operations", &summary, "[\"get\"]", |found, reading| {
        let operation = read_operation(found, reading)?;
        if seen.contains(&operation) {
            let problem = format!("{:?} is in the list already", operation.name());
            reading.fault(found, problem, "remove one of the two".to_owned());
            return None;
        }
        seen.push(operation);
        Some(operation)
    });
    if section.is_empty_list("operations") {
        return Vec::new();
    }
    let operations: Vec<_> = operations.into_iter().flatten().collect();
    // What could not be read has been said.
    if operations.is_empty() { Operation::ALL.to_vec() } else { operations }
}

fn read_operation(found: &Found<'_>, reading: &mut Reading) -> Option<Operation> {
    let expected = Expected { kind: "a string", example: "\"get\"" };
    reading.parsed(found, expected, |word| {
        word.parse().map_err(|_| Unreadable {
            problem: format!("there is no operation {word:?}"),
            remedy: suggestion(word, Operation::NAMES.iter().map(|(name, _)| *name)),
        })
    })
}

fn read_listener(section: &mut Section<'_, '_>) -> Option<ListenerName> {
    let summary = "The NAME of a `[listener.NAME]` table; every listener by default.";
    let expected = Expected { kind: "a string", example: "\"main\"" };
    section.parsed("listener", summary, expected, |text| {
        text.parse().map_err(|error| Unreadable {
            problem: format!("{text:?} is not the name of a listener: {error}"),
            remedy: "write the NAME of a [listener.NAME] table".to_owned(),
        })
    })
}
