//! What is scraped, beside what docs/operations.md says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::rig::Rig;

/// A family: its type, its labels, its meaning.
type Family = (String, BTreeSet<String>, String);

/// Families that this proxy has nothing to say in: it has no hooks, and its servers may not have been
/// asked what they say of themselves yet.
const MAY_BE_ABSENT: [&str; 6] = [
    "evenkeel_hook_deliveries_total",
    "evenkeel_server_memory_bytes",
    "evenkeel_server_memory_bytes_max",
    "evenkeel_server_connections",
    "evenkeel_server_connections_max",
    "evenkeel_server_evictions_total",
];

/// The table of docs/operations.md.
fn documented() -> BTreeMap<String, Family> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let text = fs::read_to_string(path).expect("the file is in the repository");
    let rows =
        text.lines().filter(|it| it.starts_with("| `cache_") || it.starts_with("| `evenkeel_"));
    let family = |row: &str| {
        let [_, name, kind, labels, _unit, help, ..] = &row.split('|').collect::<Vec<_>>()[..]
        else {
            panic!("{row}")
        };
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`'));
        let labels = labels.filter(|it| !it.is_empty()).map(str::to_owned).collect();
        let name = name.trim().trim_matches('`').to_owned();
        (name, (kind.trim().to_owned(), labels, help.trim().to_owned()))
    };
    rows.map(family).collect()
}

/// What is answered.
fn scraped(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines() {
        if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|it| it.split_once(' ')) {
            name.clone_into(&mut last);
            let family = (String::new(), BTreeSet::new(), help.to_owned());
            assert!(families.insert(last.clone(), family).is_none(), "{name} is there twice");
            continue;
        }
        let (kind, labels, _) = families.get_mut(&last).expect("help comes first");
        if let Some(of_family) = line.strip_prefix("# TYPE ") {
            let (_, written) = of_family.split_once(' ').expect("a name and a type");
            written.clone_into(kind);
        } else {
            assert!(line.starts_with(&last), "{line} is no sample of {last}");
            labels.extend(labels_of(line));
        }
    }
    families
}

/// The names of a sample's labels, but for the bound of a bucket. No name here needs escaping.
fn labels_of(sample: &str) -> Vec<String> {
    let Some((_, rest)) = sample.split_once('{') else { return Vec::new() };
    let (labels, _) = rest.split_once('}').expect("braces come in pairs");
    let names = labels.split("\",").filter_map(|it| it.split_once('='));
    names.map(|(name, _)| name.to_owned()).filter(|name| name != "le").collect()
}

#[test]
fn what_is_scraped_is_what_is_documented() {
    let documented = documented();
    let scraped = scraped(&Rig::start().ask("/metrics").body);
    for (name, family) in &scraped {
        assert_eq!(documented.get(name), Some(family), "{name}");
    }
    let absent: Vec<_> = documented.keys().filter(|it| !scraped.contains_key(*it)).collect();
    assert!(absent.iter().all(|it| MAY_BE_ABSENT.contains(&it.as_str())), "{absent:?}");
    assert!(documented.len() > 25);
}
