//! The findings: what is wrong, how that is known, what to do, and what it means.

use maud::{Markup, html};

use super::of_severity;
use super::words::{count, prose};
use crate::check;
use crate::check::Finding;
use crate::entry::Entry;

pub(super) fn section(entries: &[Entry<'_>]) -> Markup {
    html! {
        section {
            h2 { "Findings" }
            @if entries.is_empty() {
                p.card { "None: nothing that was looked at is unusual." }
            }
            @for entry in entries { (of_entry(entry)) }
        }
    }
}

fn of_entry(entry: &Entry<'_>) -> Markup {
    let first = entry.first();
    let (word, class) = of_severity(first.severity);
    html! {
        article.card.finding.(class) {
            h3 {
                span.badge.(class) { (word) } " "
                @match (&first.server, entry.findings.len()) {
                    (None, _) => {},
                    (Some(server), 1) => { (server) ": " },
                    (Some(_), number) if entry.is_alike() => { (count(number, "server")) ": " },
                    (Some(server), number) => {
                        (server) " and " (count(number - 1, "server")) " like it: "
                    },
                }
                (first.summary)
            }
            @if entry.findings.len() > 1 {
                details open[entry.findings.len() <= OPEN_MAX] {
                    summary { "Each by itself: " (entry.servers().collect::<Vec<_>>().join(", ")) }
                    @for finding in &entry.findings {
                        h4 { (finding.server.as_deref().unwrap_or_default()) }
                        @if !entry.is_alike() { p { (finding.summary) } }
                        (evidence(finding))
                    }
                }
            } @else {
                (evidence(first))
            }
            (remedies(entry))
            (explanation(first))
        }
    }
}

fn evidence(finding: &Finding) -> Markup {
    html! {
        @if !finding.evidence.is_empty() {
            table.evidence {
                tbody {
                    @for it in &finding.evidence {
                        tr {
                            th scope="row" { (it.what) }
                            td.value { (it.value) }
                            td.soft { (it.source) }
                        }
                    }
                }
            }
        }
    }
}

fn remedies(entry: &Entry<'_>) -> Markup {
    let first = entry.first();
    let has_commands = first.remedies.iter().any(|it| !it.commands.is_empty());
    html! {
        @if !first.remedies.is_empty() {
            h4 { "What to do" }
            ol {
                @for remedy in &first.remedies {
                    li {
                        (remedy.words)
                        @if !remedy.commands.is_empty() { pre { code { (remedy.commands.join("\n")) } } }
                    }
                }
                @if let Some(change) = &first.change {
                    li { code { "--fix" } " offers to: " (change.words) }
                }
            }
            @if let (true, true, Some(server)) = (has_commands, entry.findings.len() > 1, &first.server) {
                p.soft { "The commands are those for " (server) "." }
            }
        }
    }
}

fn explanation(finding: &Finding) -> Markup {
    html! {
        @if let Some(check) = check(finding.check) {
            details.meaning {
                summary { "What this means: " code { (check.id) } }
                @for paragraph in check.meaning.split("\n\n") { p { (prose(paragraph)) } }
                p { b { "When. " } (prose(check.rule)) }
                p { b { "Where from. " } (prose(check.source)) }
            }
        }
    }
}

/// So many servers' evidence is shown without being asked for.
const OPEN_MAX: usize = 3;
