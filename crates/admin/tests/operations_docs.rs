//! docs/operations.md says what the admin API does.

use std::fs;
use std::path::Path;

use evenkeel_admin::metrics::{FAMILIES, Family};

fn documentation() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    fs::read_to_string(path).expect("the file is in the repository")
}

/// The row of the documentation that a family should have.
fn row(family: &Family) -> String {
    let Family { name, kind, labels, help, .. } = family;
    let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
    let unit = ["seconds", "bytes", "ratio"]
        .into_iter()
        .find(|unit| name.split('_').any(|word| word == *unit))
        .unwrap_or_default();
    let (kind, labels) = (kind.label(), labels.join(", "));
    format!("| `{name}` | {kind} | {labels} | {unit} | {help} |")
        .replace("|  |", "| |")
        .replace("|  |", "| |")
}

#[test]
fn the_table_of_metrics_has_every_family_as_it_is() {
    let text = documentation();
    let rows: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("| `cache_") || line.starts_with("| `evenkeel_"))
        .collect();
    let expected: Vec<_> = FAMILIES.iter().map(row).collect();
    assert_eq!(rows, expected, "\n{}\n", expected.join("\n"));
}
