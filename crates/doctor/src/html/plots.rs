//! Small plots: where every answer of the probe was in time, what is used of what there is, and how
//! many lookups find their key.
//!
//! Each row is drawn by itself: its place across is in per cent, so that a plot is as wide as the
//! page; its words are HTML, so that they stay readable.

use maud::{Markup, html};

use super::words;
use crate::report::{ProbeReport, Report, ServerReport};

pub(super) fn section(report: &Report) -> Markup {
    html! {
        (latencies(report))
        (bars("Memory and connections against their limits", &USED, report, Some(TIGHT)))
        (bars("Lookups that found their key", &HITS, report, None))
    }
}

/// All answers of the probe, on one scale for all servers.
fn latencies(report: &Report) -> Markup {
    let answered: Vec<_> = report
        .servers
        .iter()
        .filter_map(|server| {
            let probe = server.probe.as_ref().filter(|it| !it.latencies_us.is_empty())?;
            Some((server, probe))
        })
        .collect();
    let all = || answered.iter().flat_map(|(_, probe)| &probe.latencies_us).copied();
    let (Some(least), Some(greatest)) = (all().min(), all().max()) else { return html! {} };
    let scale = Scale::over(least, greatest);
    html! {
        section.card.plots {
            h2 { "How long the probe's requests took" }
            p.soft { "Each dot is an answer; the bar goes from the median to the 99th percentile." }
            @for (server, probe) in &answered {
                h3 { (server.name) }
                (dots(probe, &scale))
                p.figures { (summary(probe)) }
            }
            svg.axis aria-hidden="true" width="100%" height="20" {
                @for (idx, micros) in scale.decades().enumerate() {
                    @let anchor = if idx == 0 { "start" } else if micros == scale.greatest { "end" } else { "middle" };
                    text x=(place(scale.place(micros))) y="14" text-anchor=(anchor) { (words::latency(micros)) }
                }
            }
        }
    }
}

fn summary(probe: &ProbeReport) -> String {
    let figure = |it: Option<u64>| it.map_or_else(|| "–".to_owned(), words::latency);
    format!(
        "median {}, 99 % within {}, slowest {}; {} of {} requests failed",
        figure(probe.median_us),
        figure(probe.p99_us),
        figure(probe.max_us),
        probe.failed,
        probe.requests
    )
}

fn dots(probe: &ProbeReport, scale: &Scale) -> Markup {
    let at = |it: Option<u64>| scale.place(it.unwrap_or(scale.least));
    let (median, p99) = (at(probe.median_us), at(probe.p99_us));
    html! {
        svg.strip role="img" aria-label=(summary(probe)) width="100%" height="28" {
            @for micros in scale.decades() {
                line.grid x1=(place(scale.place(micros))) x2=(place(scale.place(micros))) y1="0" y2="28" {}
            }
            rect.span x=(place(median)) y="10" width=(place(p99 - median)) height="8" {}
            @for (idx, micros) in probe.latencies_us.iter().enumerate() {
                // Dots that would hide each other are beside each other.
                circle cx=(place(scale.place(*micros))) cy=(6 + idx * 7 % 17) r="2.5" {}
            }
            line.median x1=(place(median)) x2=(place(median)) y1="2" y2="26" {}
        }
    }
}

/// What a bar shows: its title, how much of the whole it is, and that in words.
struct Bar {
    title: &'static str,
    share: fn(&ServerReport) -> Option<f64>,
    words: fn(&ServerReport) -> String,
}

const USED: [Bar; 2] = [
    Bar {
        title: "memory",
        share: |it| it.vitals.memory_share(),
        words: |it| {
            of(
                it.vitals.memory_used_bytes.map(words::bytes),
                it.vitals.memory_limit_bytes.map(words::bytes),
            )
        },
    },
    Bar {
        title: "connections",
        share: |it| it.vitals.connections_share(),
        words: |it| {
            let text = |it: u64| it.to_string();
            of(it.vitals.connections.map(text), it.vitals.connections_max.map(text))
        },
    },
];

const HITS: [Bar; 2] = [
    Bar { title: "now", share: |it| it.vitals.hit_ratio_now, words: |_| String::new() },
    Bar { title: "since start", share: |it| it.vitals.hit_ratio, words: |_| String::new() },
];

fn of(part: Option<String>, whole: Option<String>) -> String {
    match (part, whole) {
        (Some(part), Some(whole)) => format!("{part} of {whole}"),
        (Some(part), None) => part,
        (None, _) => String::new(),
    }
}

/// A bar for each of a server's shares that are known.
fn bars(title: &str, kinds: &[Bar], report: &Report, mark: Option<f64>) -> Markup {
    let has_any = |server: &&ServerReport| kinds.iter().any(|kind| (kind.share)(server).is_some());
    let servers: Vec<_> = report.servers.iter().filter(has_any).collect();
    html! {
        @if !servers.is_empty() {
            section.card.plots {
                h2 { (title) }
                @if let Some(mark) = mark {
                    p.soft { "The line is at " (format!("{:.0} %", mark * 100.0)) "." }
                }
                @for server in servers {
                    h3 { (server.name) }
                    @for kind in kinds {
                        @if let Some(share) = (kind.share)(server) { (bar(kind, server, share, mark)) }
                    }
                }
            }
        }
    }
}

fn bar(kind: &Bar, server: &ServerReport, share: f64, mark: Option<f64>) -> Markup {
    let told = (kind.words)(server);
    let told = if told.is_empty() {
        words::percent(share)
    } else {
        format!("{}: {told}", words::percent(share))
    };
    let is_tight = mark.is_some_and(|mark| share > mark);
    html! {
        div.bar {
            span { (kind.title) }
            svg role="img" aria-label={ (kind.title) " " (told) } width="100%" height="14" {
                rect.whole x="0" y="1" width="100%" height="12" rx="2" {}
                rect.part.tight[is_tight] x="0" y="1" width=(place(share.clamp(0.0, 1.0))) height="12" rx="2" {}
                @if let Some(mark) = mark {
                    line.mark x1=(place(mark)) x2=(place(mark)) y1="0" y2="14" {}
                }
            }
            span.figures { (told) }
        }
    }
}

/// A logarithmic scale, from one decade to another.
struct Scale {
    /// A power of ten.
    least: u64,
    /// Another, greater one.
    greatest: u64,
}

impl Scale {
    fn over(least: u64, greatest: u64) -> Self {
        let least = 10_u64.pow(least.max(1).ilog10());
        let above = greatest.max(1).ilog10() + 1;
        let greatest = 10_u64.checked_pow(above).unwrap_or(u64::MAX);
        Self { least, greatest }
    }

    /// From 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a pixel is coarser")]
    fn place(&self, micros: u64) -> f64 {
        let log = |it: u64| (it as f64).log10();
        let micros = micros.clamp(self.least, self.greatest);
        (log(micros) - log(self.least)) / (log(self.greatest) - log(self.least))
    }

    fn decades(&self) -> impl Iterator<Item = u64> {
        let greatest = self.greatest;
        let next = move |it: &u64| it.checked_mul(10).filter(|it| *it <= greatest);
        std::iter::successors(Some(self.least), next)
    }
}

/// A part of the width.
fn place(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// Where memory and connections become tight.
const TIGHT: f64 = 0.8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_goes_from_one_decade_to_another() {
        for (least, greatest, decades) in [
            (0, 0, &[1, 10][..]),
            (70, 999, &[10, 100, 1_000]),
            (100, 1_000, &[100, 1_000, 10_000]),
        ] {
            let scale = Scale::over(least, greatest);
            assert_eq!(scale.decades().collect::<Vec<_>>(), decades);
        }
        let scale = Scale::over(10, 999);
        for (micros, place) in [(0, 0.0), (10, 0.0), (100, 0.5), (1_000, 1.0), (u64::MAX, 1.0)] {
            assert!((scale.place(micros) - place).abs() < 1e-9, "{micros}");
        }
        assert!(Scale::over(1, u64::MAX).place(u64::MAX) <= 1.0);
    }
}
