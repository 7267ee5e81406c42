//! The report, for people: worst first, on one screen.
//!
//! # What is told when there is no room for all
//! The verdict and the worst servers always are. Then as many sentences as fit, the worst finding
//! with its evidence and first remedy; then those of the others, as far as they fit. A line at the
//! end counts what is left out.

mod servers;

use evenkeel_doctor::{Entry, Finding, Report, Severity, Verdict};

use crate::failure::count;
use crate::paper::{Paper, Tone};
use crate::text::{fitted, printable, wrapped};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// What fits one screen.
    Screen,
    /// Everything.
    All,
}

/// The report in lines, each with its end.
pub(super) fn sheet(report: &Report, extent: Extent, paper: Paper) -> String {
    let report = report.shown(printable);
    let lines = match extent {
        Extent::Screen => screen(&report, paper),
        Extent::All => all(&report, paper),
    };
    lines.join("\n") + "\n"
}

fn screen(report: &Report, paper: Paper) -> Vec<String> {
    // The line at which the shell asks for the next command is one of the screen's.
    let rows = paper.rows().saturating_sub(1).max(ROWS_MIN);
    let mut lines = paper_lines(&headline(report, paper), 0, paper);
    lines.push(String::new());
    lines.extend(servers::table(report, rows / 3, paper));
    let (notes, findings): (Vec<_>, Vec<_>) =
        Entry::of(&report.findings).into_iter().partition(|it| it.severity() == Severity::Note);
    // Blank lines before and after, and the line that counts what is left out.
    let room = rows.saturating_sub(lines.len() + 3);
    let told = Told::fit(&findings, room, paper);
    if !told.lines.is_empty() {
        lines.push(String::new());
        lines.extend(told.lines);
    }
    lines.extend(closing(report, findings.len() - told.entries, notes.len(), paper));
    lines
}

fn all(report: &Report, paper: Paper) -> Vec<String> {
    let mut lines = paper_lines(&headline(report, paper), 0, paper);
    lines.push(String::new());
    lines.extend(servers::table(report, usize::MAX, paper));
    for finding in &report.findings {
        let entry = Entry { findings: vec![finding] };
        lines.push(String::new());
        lines.extend(sentence(&entry, paper));
        lines.extend(evidence(finding, paper));
        for remedy in 0..finding.remedies.len() {
            lines.extend(remedy_lines(finding, remedy, paper));
        }
        if let Some(change) = &finding.change {
            lines.extend(paper_lines(&format!("  → --fix offers to: {}", change.words), 4, paper));
        }
    }
    let gaps = report.examined().flat_map(|server| {
        server.gaps.iter().map(|gap| format!("  {}: {}: {}", server.name, gap.what, gap.why))
    });
    let gaps: Vec<_> = gaps.flat_map(|gap| paper_lines(&gap, 4, paper)).collect();
    if !gaps.is_empty() {
        lines.extend([String::new(), paper.paint("could not be looked at:", Tone::Faint)]);
        lines.extend(gaps);
    }
    lines
}

/// The verdict, and how much there is of what.
fn headline(report: &Report, paper: Paper) -> String {
    let (word, tone) = of_verdict(report.verdict);
    let servers = report.counted();
    #[expect(clippy::cast_precision_loss, reason = "for people: two digits are shown")]
    let seconds = report.took_ms as f64 / 1e3;
    let found = report.headline();
    format!("{}: {found}; {servers} examined in {seconds:.1} s", paper.paint(word, tone))
}

/// Entries as far as there is room for them.
struct Told {
    lines: Vec<String>,
    /// Of how many entries these are.
    entries: usize,
}

impl Told {
    fn fit(entries: &[Entry<'_>], room: usize, paper: Paper) -> Self {
        let sentences: Vec<_> = entries.iter().map(|it| sentence(it, paper)).collect();
        let details: Vec<_> = entries.iter().map(|it| brief_details(it, paper)).collect();
        // The worst is told with what to do about it, whatever becomes of the others.
        let mut used = details.first().map_or(0, Vec::len);
        let fitting = sentences.iter().take_while(|it| {
            used += it.len();
            used <= room
        });
        let told = fitting.count().max(usize::from(!entries.is_empty()));
        let mut used = sentences[..told].iter().map(Vec::len).sum::<usize>();
        let mut lines = Vec::new();
        for (idx, (sentence, details)) in sentences.into_iter().zip(details).take(told).enumerate()
        {
            // An entry of several lines has a blank one before it.
            let gap = usize::from(idx > 0);
            let is_detailed = idx == 0 || used + details.len() + gap <= room;
            if is_detailed && idx > 0 {
                lines.push(String::new());
            }
            lines.extend(sentence);
            if is_detailed {
                used += details.len() + gap;
                lines.extend(details);
            }
        }
        Self { lines, entries: told }
    }
}

/// What is wrong, with whom, and by which check.
fn sentence(entry: &Entry<'_>, paper: Paper) -> Vec<String> {
    let first = entry.first();
    let (word, tone) = of_severity(first.severity);
    let others = entry.findings.len() - 1;
    let who = match &first.server {
        None => "several servers".to_owned(),
        Some(server) if others == 0 => server.clone(),
        Some(_) if entry.is_alike() => count(others + 1, "server"),
        Some(server) => format!("{server} and {} like it", count(others, "server")),
    };
    let text = format!("{word} {who}: {} [{}]", first.summary, first.check);
    let mut lines = paper_lines(&text, 2, paper);
    // Colours go in last: they take no columns.
    if let Some(rest) = lines[0].strip_prefix(word) {
        lines[0] = paper.paint(word, tone) + rest;
    }
    lines
}

/// Who else, how it is known in one line, and what to do first.
fn brief_details(entry: &Entry<'_>, paper: Paper) -> Vec<String> {
    let first = entry.first();
    let columns = paper.columns();
    let mut lines = Vec::new();
    if entry.findings.len() > 1 {
        lines.push(format!("  {}", servers::names(entry, columns.saturating_sub(2))));
    }
    let known: Vec<_> = first
        .evidence
        .iter()
        .map(|it| format!("{}: {} ({})", it.what, it.value, it.source))
        .collect();
    if !known.is_empty() {
        lines.push(format!("  {}", fitted(&known.join("; "), columns.saturating_sub(2))));
    }
    if !first.remedies.is_empty() {
        lines.extend(remedy_lines(first, 0, paper));
    }
    lines
}

fn evidence(finding: &Finding, paper: Paper) -> Vec<String> {
    let lines =
        finding.evidence.iter().map(|it| format!("  {}: {} ({})", it.what, it.value, it.source));
    lines.flat_map(|line| paper_lines(&line, 4, paper)).collect()
}

/// A remedy and its commands: these are never broken, because they are copied.
fn remedy_lines(finding: &Finding, idx: usize, paper: Paper) -> Vec<String> {
    let remedy = &finding.remedies[idx];
    let mut lines = paper_lines(&format!("  → {}", remedy.words), 4, paper);
    lines.extend(remedy.commands.iter().map(|it| format!("      {it}")));
    lines
}

/// What is left out, and how to see it.
fn closing(report: &Report, findings: usize, notes: usize, paper: Paper) -> Vec<String> {
    let gaps = report.examined().map(|it| it.gaps.len()).sum::<usize>();
    let left_out =
        [(findings, "more finding"), (notes, "note"), (gaps, "thing that could not be looked at")]
            .map(|(number, noun)| (number > 0).then(|| counted(number, noun)));
    let left_out: Vec<_> = left_out.into_iter().flatten().collect();
    if left_out.is_empty() {
        return Vec::new();
    }
    let line = format!("{}: --verbose", left_out.join(", "));
    vec![String::new(), paper.paint(&line, Tone::Faint)]
}

/// The plural of a noun that may have words after it.
fn counted(number: usize, noun: &str) -> String {
    match noun.split_once(' ') {
        Some(("thing", rest)) => format!("{} {rest}", count(number, "thing")),
        Some(_) | None => count(number, noun),
    }
}

/// A text in lines that fit, all but the first so far to the right.
fn paper_lines(text: &str, indent: usize, paper: Paper) -> Vec<String> {
    let begins = text.len() - text.trim_start().len();
    let columns = paper.columns().saturating_sub(indent).max(COLUMNS_MIN);
    let lines = wrapped(text.trim_start(), columns);
    let lines = lines.iter().enumerate().map(|(idx, line)| {
        let blank = if idx == 0 { begins } else { indent };
        format!("{}{line}", " ".repeat(blank))
    });
    lines.collect()
}

pub(super) fn of_verdict(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Healthy => ("healthy", Tone::Good),
        Verdict::Warning => ("warning", Tone::Doubtful),
        Verdict::Unknown => ("unknown", Tone::Doubtful),
        Verdict::Critical => ("critical", Tone::Bad),
    }
}

pub(super) fn of_severity(severity: Severity) -> (&'static str, Tone) {
    match severity {
        Severity::Note => ("note", Tone::Faint),
        Severity::Warning => ("warning", Tone::Doubtful),
        Severity::Unknown => ("unknown", Tone::Doubtful),
        Severity::Critical => ("critical", Tone::Bad),
    }
}

/// A screen where there is none: what a mail or a ticket takes well.
pub(super) const COLUMNS: usize = 80;
/// See [`COLUMNS`].
pub(super) const ROWS: usize = 40;
/// A terminal of fewer lines is scrolled.
const ROWS_MIN: usize = 12;
/// No line is broken into shorter ones.
const COLUMNS_MIN: usize = 20;

#[cfg(test)]
mod tests;
