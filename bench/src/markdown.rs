//! A page of results: headings, tables, and the machine they are of.

use std::fmt::Write;
use std::fs;

/// What it was measured on.
pub fn machine() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let count = info.lines().filter(|line| line.starts_with("processor")).count();
    let release = read("/proc/sys/kernel/osrelease");
    let release = release.trim().split('-').next().unwrap_or_default();
    format!("Measured on {count} × {model}, Linux {release}")
}

/// A heading of the second level.
pub fn heading(page: &mut String, text: &str) {
    line(page, &format!("\n## {text}\n"));
}

/// Begins a table with these columns.
pub fn table(page: &mut String, names: &[&str]) {
    row(page, names);
    line(page, &format!("|{}", "---|".repeat(names.len())));
}

/// A row of a table.
pub fn row(page: &mut String, cells: &[impl AsRef<str>]) {
    let cells: Vec<_> = cells.iter().map(AsRef::as_ref).collect();
    line(page, &format!("| {} |", cells.join(" | ")));
}

/// A line of text.
///
/// # Panics
/// Never: a string takes every character.
pub fn line(page: &mut String, text: &str) {
    writeln!(page, "{text}").expect("a string takes every character");
}
