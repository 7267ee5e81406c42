//! The results as a page.

use evenkeel_bench::markdown::{heading, line, machine, row, table};
use evenkeel_bench::spread::Spread;
use evenkeel_load::{Limit, Pace};

use crate::Results;
use crate::comparison::Comparison;
use crate::measure::{Figure, Measurement};
use crate::memory::{CONNECTIONS, ConnectionMemory, SESSIONS, SessionMemory};
use crate::peer::Peer;
use crate::rows::{Asked, Bound};

/// The whole page.
pub(crate) fn render(results: &Results, rounds: usize) -> String {
    let mut page = String::from(HEAD);
    line(&mut page, &format!("{}.", machine()));
    line(&mut page, &format!("Rounds: {rounds}. {SPREADS}"));
    push_asked(&mut page, results);
    for (title, comparisons) in &results.groups {
        let Some(first) = comparisons.first() else { continue };
        match first.peers()[..] {
            [to, of] => push_pair(&mut page, title, comparisons, of, to),
            [to, ..] => {
                for figure in FIGURES {
                    push_ratios(&mut page, title, comparisons, figure, to);
                }
            }
            [] => {}
        }
    }
    push_added(&mut page, results);
    push_memory(&mut page, results);
    push_figures(&mut page, results);
    page
}

/// Every bound, and whether it is kept by the median.
fn push_asked(page: &mut String, results: &Results) {
    heading(page, "What is asked");
    table(page, &["workload", "figure, as a ratio", "asked", "measured", "reached"]);
    for comparison in results.comparisons() {
        for asked in &comparison.row.asked {
            let Some(ratio) = comparison.ratio(asked.figure, asked.of, asked.to) else { continue };
            let is_kept = asked.bound.is_kept_by(ratio.median);
            let bound = match asked.bound {
                Bound::AtMost(bound) => format!("≤ {bound:.2}"),
                Bound::AtLeast(bound) => format!("≥ {bound:.2}"),
            };
            let figure = format!("{} to {}", asked.figure.name(), asked.to.name());
            let reached = if is_kept { "yes" } else { limit(comparison, asked) };
            row(page, &[comparison.row.name, &figure, &bound, &ratio.to_string(), reached]);
        }
    }
    let memory = [
        results.sessions.as_ref().map(|it| (SESSIONS, it.evenkeel / KIB, 8.0)),
        results.connections.as_ref().map(|it| (CONNECTIONS, it.after_small / KIB, 256.0)),
    ];
    for (name, kib, bound) in memory.into_iter().flatten() {
        let reached = if kib <= bound { "yes" } else { "no" };
        row(page, &[name, "KiB", &format!("≤ {bound}"), &format!("{kib:.1}"), reached]);
    }
}

/// Why a bound was not kept, as far as the load can tell.
fn limit(comparison: &Comparison, asked: &Asked) -> &'static str {
    if asked.figure != Figure::Rate {
        return "no";
    }
    match comparison.limit(asked.of) {
        Some(Limit::Threads) => "no: the load was the limit",
        Some(Limit::Processors) => "no: no processor was free for the load",
        Some(Limit::Pauses) => "no: something kept the load from running",
        None => "no",
    }
}

/// All figures of one peer, as ratios to another.
fn push_pair(page: &mut String, title: &str, comparisons: &[Comparison], of: Peer, to: Peer) {
    heading(page, &format!("{title}: {}, ratio to {}", of.name(), to.name()));
    let names = FIGURES.map(Figure::name);
    table(page, &["workload"].into_iter().chain(names).collect::<Vec<_>>());
    for comparison in comparisons {
        let cells = FIGURES.map(|figure| ratio(comparison, figure, of, to));
        row(page, &[comparison.row.name.to_owned()].into_iter().chain(cells).collect::<Vec<_>>());
    }
}

/// One figure of every peer but the one that the ratios are to.
fn push_ratios(
    page: &mut String,
    title: &str,
    comparisons: &[Comparison],
    figure: Figure,
    to: Peer,
) {
    let peers = comparisons[0].peers();
    let peers: Vec<_> = peers
        .into_iter()
        .filter(|peer| *peer != to)
        .filter(|peer| comparisons.iter().any(|it| it.ratio(figure, *peer, to).is_some()))
        .collect();
    heading(page, &format!("{title}: {}, ratio to {}", figure.name(), to.name()));
    let names = peers.iter().map(|peer| peer.name());
    table(page, &["workload"].into_iter().chain(names).collect::<Vec<_>>());
    for comparison in comparisons {
        let cells = peers.iter().map(|peer| ratio(comparison, figure, *peer, to));
        row(page, &[comparison.row.name.to_owned()].into_iter().chain(cells).collect::<Vec<_>>());
    }
}

fn ratio(comparison: &Comparison, figure: Figure, of: Peer, to: Peer) -> String {
    let ratio = comparison.ratio(figure, of, to);
    ratio.map_or_else(|| NONE.to_owned(), |ratio| ratio.to_string())
}

/// At a fixed rate: what each peer adds to the latency of going direct.
fn push_added(page: &mut String, results: &Results) {
    let is_open = |it: &&Comparison| matches!(it.row.workload.pace, Pace::Open { .. });
    for comparison in results.comparisons().filter(is_open) {
        if !comparison.peers().contains(&Peer::Direct) {
            continue;
        }
        heading(page, &format!("Latency added to going direct: {}", comparison.row.name));
        table(page, &["proxy", "p50", "p99", "p99.9"]);
        for peer in comparison.peers().into_iter().filter(|peer| *peer != Peer::Direct) {
            let cells = [Figure::P50, Figure::P99, Figure::P999].map(|figure| {
                let spread = comparison.difference(figure, peer, Peer::Direct);
                spread.map_or_else(|| NONE.to_owned(), micros_spread)
            });
            let [p50, p99, p999] = cells;
            row(page, &[peer.name().to_owned(), p50, p99, p999]);
        }
    }
}

fn push_memory(page: &mut String, results: &Results) {
    if results.sessions.is_none() && results.connections.is_none() {
        return;
    }
    heading(page, "Memory at rest");
    table(page, &["what", "of", "resident, for each"]);
    if let Some(SessionMemory { sessions, evenkeel, twemproxy }) = &results.sessions {
        let what = format!("{sessions} idle sessions, each having stored and read 1,000 bytes");
        row(page, &[what.as_str(), "evenkeel", &kib(*evenkeel)]);
        row(page, &[what.as_str(), "twemproxy", &kib(*twemproxy)]);
    }
    if let Some(ConnectionMemory { connections, after_small, after_large }) = &results.connections {
        for (bytes, values) in [(after_small, "100 bytes"), (after_large, "10 KiB")] {
            let what = format!(
                "{connections} connections to servers, after pipelines of values of {values}: at most"
            );
            row(page, &[what.as_str(), "evenkeel, two workers", &kib(*bytes)]);
        }
    }
}

/// Everything that was measured, each the median over the rounds.
fn push_figures(page: &mut String, results: &Results) {
    if results.groups.is_empty() {
        return;
    }
    heading(page, "The figures themselves");
    line(page, MEDIANS);
    line(page, "");
    table(
        page,
        &[
            "workload",
            "peer",
            "CPU",
            "of it user",
            "requests/s",
            "p50",
            "p99",
            "p99.9",
            "load ran",
            "load waited",
        ],
    );
    for comparison in results.comparisons() {
        for peer in comparison.peers() {
            let cell = |value: fn(&Measurement) -> Option<f64>, text: fn(f64) -> String| {
                let spread = comparison.spread(peer, value);
                spread.map_or_else(|| NONE.to_owned(), |spread| text(spread.median))
            };
            row(
                page,
                &[
                    comparison.row.name.to_owned(),
                    peer.name().to_owned(),
                    cell(|it| Figure::Cpu.of(it), micros),
                    cell(|it| it.cpu.map(|cpu| cpu.user_share), percent),
                    cell(|it| Some(it.rate), |rate| format!("{rate:.0}")),
                    cell(|it| Figure::P50.of(it), micros),
                    cell(|it| Figure::P99.of(it), micros),
                    cell(|it| Figure::P999.of(it), micros),
                    cell(|it| Some(it.load_busy), percent),
                    cell(|it| Some(it.load_queued), percent),
                ],
            );
        }
    }
    let repeated: usize = results.comparisons().map(|comparison| comparison.repeated).sum();
    line(
        page,
        &format!("\nRounds begun again because the machine was away for too long: {repeated}."),
    );
}

fn micros(seconds: f64) -> String {
    format!("{:.1} µs", seconds * 1e6)
}

fn micros_spread(Spread { min, median, max }: Spread) -> String {
    let [min, median, max] = [min, median, max].map(|seconds| seconds * 1e6);
    format!("{median:.0} µs [{min:.0}, {max:.0}]")
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn kib(bytes: f64) -> String {
    format!("{:.1} KiB", bytes / KIB)
}

const HEAD: &str = "# Evenkeel beside other proxies

Written by `make bench`; what is compared, and how, is in [docs/performance.md](../../docs/performance.md).

![CPU time per request, throughput and p99, ratios to twemproxy](comparison.svg)

";
const SPREADS: &str = "A ratio is of two figures of the same round; given are the median over the \
    rounds, and the least and the greatest in brackets.";
const MEDIANS: &str = "Each is the median over the rounds; CPU is the proxy's time per request; \
    the load's threads ran, or waited for a processor, for so much of the time.";
/// What is set side by side, in the order of the tables.
const FIGURES: [Figure; 4] = [Figure::Cpu, Figure::Rate, Figure::P50, Figure::P99];
const NONE: &str = "–";
const KIB: f64 = 1024.0;
