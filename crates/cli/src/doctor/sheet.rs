//! The report, for people: worst first.

use evenkeel_doctor::{Finding, Report, Severity, Verdict};

use crate::failure::count;
use crate::paper::{Paper, Tone};
use crate::text::printable;

/// The report in lines, each with its end.
pub(super) fn sheet(report: &Report, is_verbose: bool, paper: Paper) -> String {
    let mut lines = vec![verdict(report, paper)];
    let told = report.findings.iter().filter(|it| is_verbose || it.severity > Severity::Note);
    for finding in told {
        lines.push(String::new());
        lines.extend(of_finding(finding, paper));
    }
    lines.join("\n") + "\n"
}

fn verdict(report: &Report, paper: Paper) -> String {
    let (word, tone) = match report.verdict {
        Verdict::Healthy => ("healthy", Tone::Good),
        Verdict::Warning => ("warnings", Tone::Doubtful),
        Verdict::Unknown => ("could not look", Tone::Doubtful),
        Verdict::Critical => ("critical", Tone::Bad),
    };
    let servers = count(report.servers.len(), "server");
    format!("{}: {servers} examined in {} ms", paper.paint(word, tone), report.took_ms)
}

fn of_finding(finding: &Finding, paper: Paper) -> Vec<String> {
    let (word, tone) = match finding.severity {
        Severity::Note => ("note", Tone::Faint),
        Severity::Warning => ("warning", Tone::Doubtful),
        Severity::Unknown => ("unknown", Tone::Doubtful),
        Severity::Critical => ("critical", Tone::Bad),
    };
    let server = finding.server.as_deref().unwrap_or("several servers");
    let summary = format!("{}: {}", printable(server), printable(&finding.summary));
    let mut lines = vec![format!(
        "{} {} [{}]",
        paper.paint(word, tone),
        paper.wrap(&summary, 2),
        finding.check
    )];
    for it in &finding.evidence {
        let line = format!("{}: {} ({})", it.what, printable(&it.value), it.source);
        lines.push(format!("  {}", paper.wrap(&line, 4)));
    }
    for remedy in &finding.remedies {
        lines.push(format!("  → {}", paper.wrap(&remedy.words, 4)));
        lines.extend(remedy.commands.iter().map(|it| format!("      {}", printable(it))));
    }
    lines
}
