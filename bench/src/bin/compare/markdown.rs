//! The results as a page.

use std::fmt::Write;

use crate::measure::{Comparison, Measurement, Spread};

/// The whole page.
pub(crate) fn render(comparisons: &[Comparison], peer: &str, rounds: usize) -> String {
    let mut page = String::new();
    page.push_str(HEAD);
    writeln!(page, "Rounds: {rounds}. Ratios are the median over the rounds, with the least and the greatest in brackets.\n")
        .expect("a string takes every character");
    page.push_str(
        "| workload | CPU time per request | throughput | p50 | p99 |\n|---|---|---|---|---|\n",
    );
    for comparison in comparisons {
        let ratio = |figure: fn(&Measurement) -> f64| spread(comparison.ratio(figure));
        let cells = [
            comparison.row.name.to_owned(),
            ratio(|m| m.cpu.as_secs_f64()),
            ratio(|m| m.rate),
            ratio(|m| m.median.as_secs_f64()),
            ratio(|m| m.p99.as_secs_f64()),
        ];
        push_row(&mut page, &cells);
    }
    page.push_str("\nThe figures themselves, each the median over the rounds:\n\n");
    page.push_str("| workload | proxy | CPU time per request | requests/s | p50 | p99 |\n|---|---|---|---|---|---|\n");
    for comparison in comparisons {
        push_figures(&mut page, comparison, peer, &comparison.peer);
        push_figures(&mut page, comparison, "evenkeel", &comparison.evenkeel);
    }
    page
}

fn push_figures(page: &mut String, comparison: &Comparison, name: &str, rounds: &[Measurement]) {
    let median =
        |figure: fn(&Measurement) -> f64| Spread::of(rounds.iter().map(figure).collect()).median;
    let micros = |seconds: f64| format!("{:.1} µs", seconds * 1e6);
    let cells = [
        comparison.row.name.to_owned(),
        name.to_owned(),
        micros(median(|m| m.cpu.as_secs_f64())),
        format!("{:.0}", median(|m| m.rate)),
        micros(median(|m| m.median.as_secs_f64())),
        micros(median(|m| m.p99.as_secs_f64())),
    ];
    push_row(page, &cells);
}

fn push_row(page: &mut String, cells: &[String]) {
    writeln!(page, "| {} |", cells.join(" | ")).expect("a string takes every character");
}

fn spread(Spread { min, median, max }: Spread) -> String {
    format!("{median:.2} [{min:.2}, {max:.2}]")
}

const HEAD: &str = "# Evenkeel beside twemproxy

Written by `make bench`.

Three memcached servers of one thread each, on the same machine as the proxy and the load.
twemproxy 0.5.0 with its defaults and Evenkeel with one worker have the same servers and the same distribution (ketama, fnv1a_64): each key is on the same server under both.
Each round sends the same requests to the one and then to the other; nine of ten are reads, values have 100 bytes, unless the row says otherwise.
Every answer is checked, byte for byte.
A ratio is Evenkeel's figure divided by twemproxy's of the same round: below 1 is better for CPU time and latency, above 1 for throughput.

";
