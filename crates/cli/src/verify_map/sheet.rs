//! What was found, for people: the verdict, a line for each server, what to do about it.

use evenkeel_doctor::map::{Fit, MapReport, MapVerdict, ServerRow, Way};

use crate::figures;
use crate::paper::{Cell, Paper, Side, Table, Tone};
use crate::text::printable;

/// The report in lines, each with its end.
pub(super) fn sheet(report: &MapReport, paper: Paper) -> String {
    let mut lines = vec![paper.wrap(&headline(report, paper), 0), String::new()];
    lines.extend(table(report).lines(paper));
    lines.extend(examples(report));
    lines.extend(hint(report, paper));
    for unproven in &report.unproven {
        let text = format!(
            "unproven: {} could not be asked ({}): {}",
            unproven.server,
            printable(&unproven.why),
            unproven.leaves
        );
        lines.extend([String::new(), paper.wrap(&text, 2)]);
    }
    for note in &report.notes {
        lines.extend([String::new(), paper.wrap(&format!("note: {note}"), 2)]);
    }
    lines.join("\n") + "\n"
}

fn headline(report: &MapReport, paper: Paper) -> String {
    let (word, tone) = match report.verdict {
        MapVerdict::AtHome => ("at home", Tone::Good),
        MapVerdict::WouldMiss => ("would miss", Tone::Bad),
        MapVerdict::Unproven => ("unproven", Tone::Doubtful),
    };
    let pool = &report.pool;
    let found = report.at_home + report.elsewhere;
    let keys = match report.way {
        Way::Sampled => "keys looked at",
        Way::All => "keys on the servers",
        Way::Given => "keys that are on a server",
    };
    let word = paper.paint(word, tone);
    if found == 0 {
        return format!("pool {pool}: {word}: no key was found, so that nothing is proven");
    }
    let percent = percent(report.would_miss_percent, report.would_miss);
    let found = figures::count(found);
    match report.verdict {
        MapVerdict::AtHome if report.would_miss == 0 => {
            format!("pool {pool}: {word}: all {found} {keys} are where this configuration looks")
        }
        MapVerdict::AtHome => format!(
            "pool {pool}: {word}: {percent} of {found} {keys} would miss; {} % may",
            report.allowed_percent
        ),
        MapVerdict::WouldMiss => format!("pool {pool}: {percent} of {found} {keys} {word}"),
        MapVerdict::Unproven => {
            format!("pool {pool}: {word}: {percent} of {found} {keys} would miss, as far as known")
        }
    }
}

/// A share that is nothing only if nothing is counted, and all only if all are.
fn percent(percent: f64, count: u64) -> String {
    match percent {
        _ if count == 0 => "0 %".to_owned(),
        share if share < 0.1 => "less than 0.1 %".to_owned(),
        share if share > 99.9 && share < 100.0 => "more than 99.9 %".to_owned(),
        share => format!("{share:.1} %"),
    }
}

fn table(report: &MapReport) -> Table {
    let is_given = report.way == Way::Given;
    let mut columns = vec![
        ("server", Side::Left),
        (if is_given { "asked for" } else { "looked at" }, Side::Right),
        ("at home", Side::Right),
        ("elsewhere", Side::Right),
        ("would miss", Side::Right),
    ];
    if is_given {
        columns.push(("nowhere", Side::Right));
    }
    columns.push((if is_given { "mostly found at" } else { "mostly looked for at" }, Side::Left));
    let mut table = Table::new(&columns);
    for row in &report.servers {
        table.push(cells(row, is_given));
    }
    table
}

fn cells(row: &ServerRow, is_given: bool) -> Vec<Cell> {
    let number = |it: u64| Cell::from(figures::count(it));
    let tone = if row.would_miss == 0 { Tone::Plain } else { Tone::Bad };
    let mut cells = vec![
        row.server.clone().into(),
        number(row.looked_at),
        number(row.at_home),
        number(row.elsewhere),
        Cell::of(&figures::count(row.would_miss), tone),
    ];
    if is_given {
        cells.push(number(row.not_found));
    }
    let mostly = row.mostly.as_ref().map(|server| {
        let all = if row.mostly_keys == row.elsewhere { "all " } else { "" };
        format!("{server} ({all}{})", figures::count(row.mostly_keys))
    });
    cells.push(mostly.unwrap_or_else(|| "-".to_owned()).into());
    cells
}

fn examples(report: &MapReport) -> Vec<String> {
    if report.examples.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), "for example:".to_owned()];
    lines.extend(report.examples.iter().map(|it| {
        let asked_as = it.asked_as.as_ref().map(|it| format!("as {} ", printable(it)));
        format!(
            "  {} is at {}, and looked for {}at {}",
            printable(&it.key),
            it.found_at,
            asked_as.unwrap_or_default(),
            it.home
        )
    }));
    if report.also_at_home > 0 {
        lines.push(format!(
            "  ({} more are on another server too: old copies, which would not miss)",
            figures::count(report.also_at_home)
        ));
    }
    lines
}

/// What to try: only where hardly anything is at home.
fn hint(report: &MapReport, paper: Paper) -> Vec<String> {
    match &report.hint {
        Some(Fit { pool, settings, at_home_percent, keys, also }) => {
            let share = percent(*at_home_percent, *keys);
            let text = format!(
                "hint: with these lines under [pool.{}], {share} of {} keys are at home:",
                pool,
                figures::count(*keys)
            );
            let mut lines = vec![String::new(), paper.wrap(&text, 2)];
            lines.extend(settings.iter().map(|line| format!("  {line}")));
            if !also.is_empty() {
                lines.push("over these servers the same as:".to_owned());
                lines.extend(also.iter().map(|line| format!("  {line}")));
            }
            lines
        }
        None if report.tried > 0 => vec![
            String::new(),
            paper.wrap(
                &format!(
                    "hint: none of {} distributions, hashes, ways to write the servers and parts of \
                     keys explains where the keys are: is a server missing in the list, or did its \
                     text change (a name instead of an address)? docs/verify-map.md says more",
                    report.tried
                ),
                2,
            ),
        ],
        None => Vec::new(),
    }
}
