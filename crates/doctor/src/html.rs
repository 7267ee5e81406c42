//! A report as one page: for a browser, a mail, a ticket, a printer.
//!
//! It needs nothing else: no script, no picture, no font, nothing from elsewhere, and forbids its
//! reader's browser to ask for any (a content security policy). What a server said is text on it,
//! whatever it looks like: maud escapes all that is not written here.
//!
//! # Rejected alternatives
//! - *Plots with a script.* A page that is opened in ten years, from a mail, with scripts forbidden,
//!   must say the same.
//! - *Plots in a viewbox.* They would shrink with the page, and their words with them. Places are
//!   in per cent of what there is, sizes in pixels.

mod findings;
mod plots;
mod servers;
mod words;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::check::Severity;
use crate::entry::Entry;
use crate::report::{Report, Verdict};

/// The page.
pub fn page(report: &Report) -> String {
    let (word, class) = of_verdict(report.verdict);
    let entries = Entry::of(&report.findings);
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (word) ": " (report.counted()) " · evenkeel doctor" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header class=(class) {
                    p.badge { (word) }
                    h1 { (report.headline()) }
                    p.soft {
                        (report.counted()) " examined in "
                        (words::seconds(report.took_ms)) " on " (words::moment(&report.at)) " (UTC) by "
                        code { "evenkeel doctor" }
                    }
                }
                main {
                    (servers::section(report))
                    (findings::section(&entries))
                    (plots::section(report))
                    (gaps(report))
                }
            }
        }
    };
    markup.into_string()
}

/// What could not be looked at.
fn gaps(report: &Report) -> Markup {
    let servers = || report.examined().filter(|it| !it.gaps.is_empty());
    html! {
        @if servers().next().is_some() {
            section.card {
                h2 { "What could not be looked at" }
                dl.gaps {
                    @for server in servers() {
                        dt { (server.name) }
                        @for gap in &server.gaps {
                            dd { code { (gap.what) } ": " (gap.why) }
                        }
                    }
                }
            }
        }
    }
}

/// The word for a verdict, and its class.
fn of_verdict(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Healthy => ("healthy", "good"),
        Verdict::Warning => ("warning", "warn"),
        Verdict::Unknown => ("unknown", "off"),
        Verdict::Critical => ("critical", "bad"),
    }
}

/// The word for a severity, and its class.
fn of_severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Note => ("note", "info"),
        Severity::Warning => ("warning", "warn"),
        Severity::Unknown => ("unknown", "off"),
        Severity::Critical => ("critical", "bad"),
    }
}

/// Nothing from anywhere, and no script, even if somebody finds a way to write one.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

const STYLE: &str = include_str!("html/page.css");

#[cfg(test)]
mod tests;
