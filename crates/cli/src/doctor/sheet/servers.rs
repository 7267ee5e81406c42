//! The table of the servers, and their names in a line.

use std::collections::BTreeSet;

use evenkeel_doctor::report::ServerReport;
use evenkeel_doctor::{Entry, Report};

use super::of_verdict;
use crate::figures;
use crate::paper::{Cell, Paper, Side, Table, Tone};
use crate::text::{fitted_name, width};

/// A line for each server, worst first, in at most so many lines.
pub(super) fn table(report: &Report, lines_max: usize, paper: Paper) -> Vec<String> {
    let mut servers: Vec<_> = report.examined().collect();
    servers.sort_by_key(|it| std::cmp::Reverse(it.verdict));
    let is_short = are_told_apart(servers.iter().map(|it| it.name.as_str()));
    // The heading, and the line that counts the others.
    let told = if servers.len() < lines_max { servers.len() } else { lines_max.saturating_sub(2) };
    let told = told.max(1).min(servers.len());
    let mut table = Table::new(&[
        ("server", Side::Left),
        ("verdict", Side::Left),
        ("version", Side::Left),
        ("median", Side::Right),
        ("p99", Side::Right),
        ("hits", Side::Right),
        ("memory", Side::Right),
        ("clients", Side::Right),
    ]);
    for server in &servers[..told] {
        table.push(row(server, is_short));
    }
    let mut lines = table.lines(paper);
    if let Some(worst) = servers.get(told) {
        let others = servers.len() - told;
        let (word, _) = of_verdict(worst.verdict);
        let line = format!("… and {others} more, {word} or better");
        let line = if others == servers.len() {
            line
        } else {
            line.replace("healthy or better", "healthy")
        };
        lines.push(paper.paint(&line, Tone::Faint));
    }
    lines
}

fn row(server: &ServerReport, is_short: bool) -> Vec<Cell> {
    let (word, tone) = of_verdict(server.verdict);
    let name = if is_short { without_scheme(&server.name) } else { &server.name };
    let probe = server.probe.as_ref();
    let vitals = &server.vitals;
    let percent = |it: Option<f64>| it.map(percent);
    // Without a limit the number itself is all that can be said.
    let memory =
        percent(vitals.memory_share()).or_else(|| vitals.memory_used_bytes.map(figures::bytes));
    let clients =
        percent(vitals.connections_share()).or_else(|| vitals.connections.map(figures::count));
    let known = |it: Option<String>| Cell::from(it.unwrap_or_else(|| "-".to_owned()));
    vec![
        name.to_owned().into(),
        Cell::of(word, tone),
        fitted_name(server.version.as_deref().unwrap_or("-"), VERSION_COLUMNS).into(),
        figures::micros(probe.and_then(|it| it.median_us)).into(),
        figures::micros(probe.and_then(|it| it.p99_us)).into(),
        known(percent(vitals.hit_ratio_now.or(vitals.hit_ratio))),
        known(memory),
        known(clients),
    ]
}

/// A share; more than all is more than all.
fn percent(share: f64) -> String {
    if share > 1.0 { format!("{:.0} %", share * 100.0) } else { figures::share(share) }
}

/// The servers of an entry, as many as fit so many columns.
pub(super) fn names(entry: &Entry<'_>, columns: usize) -> String {
    let is_short = are_told_apart(entry.servers());
    let names: Vec<_> =
        entry.servers().map(|it| if is_short { without_scheme(it) } else { it }).collect();
    let text = |told: usize| match names.len() - told {
        0 => names.join(", "),
        others => format!("{} and {others} more", names[..told].join(", ")),
    };
    let fitting = (1..=names.len()).rev().find(|told| width(&text(*told)) <= columns);
    fitting.map_or_else(|| fitted_name(&text(1), columns), text)
}

/// Whether what comes after `://` tells everybody apart.
fn are_told_apart<'n>(names: impl Iterator<Item = &'n str>) -> bool {
    let mut known = BTreeSet::new();
    names.map(without_scheme).all(|name| known.insert(name))
}

fn without_scheme(name: &str) -> &str {
    name.split_once("://").map_or(name, |(_, rest)| rest)
}

/// Versions of distributions are long: `1.6.18-1.build1`.
const VERSION_COLUMNS: usize = 10;
