//! The results as a page.

use evenkeel_bench::markdown::{heading, line, machine, row, table};

use crate::comparison::Comparison;
use crate::measure::Figure;
use crate::rows::{Bound, Peer};

/// The whole page.
pub(crate) fn render(comparisons: &[Comparison], rounds: usize) -> String {
    let mut page = String::from(HEAD);
    line(&mut page, &format!("{}.", machine()));
    line(&mut page, &format!("Rounds: {rounds}. {SPREADS}"));
    push_asked(&mut page, comparisons);
    for figure in Figure::ALL {
        push_ratios(&mut page, comparisons, figure);
    }
    push_figures(&mut page, comparisons);
    page
}

/// Every bound, and whether it is kept by the median.
fn push_asked(page: &mut String, comparisons: &[Comparison]) {
    heading(page, "What is asked");
    table(page, &["workload", "figure, as a ratio", "asked", "measured", "reached"]);
    for comparison in comparisons {
        for asked in &comparison.row.asked {
            let Some(ratio) = comparison.ratio(asked.figure, asked.to) else { continue };
            let bound = match asked.bound {
                Bound::AtMost(bound) => format!("≤ {bound:.2}"),
                Bound::AtLeast(bound) => format!("≥ {bound:.2}"),
            };
            let names: Vec<_> = asked.to.iter().map(|peer| peer.name()).collect();
            let figure = match names[..] {
                [name] => format!("{} to {name}", asked.figure.name()),
                _ => format!("{} to the better of {}", asked.figure.name(), names.join(" and ")),
            };
            let reached = if asked.bound.is_kept_by(ratio.median) { "yes" } else { "no" };
            row(page, &[comparison.row.name, &figure, &bound, &ratio.to_string(), reached]);
        }
    }
}

/// One figure of Evenkeel, as ratios to each other peer.
fn push_ratios(page: &mut String, comparisons: &[Comparison], figure: Figure) {
    let others: Vec<_> = Peer::ALL.into_iter().filter(|peer| *peer != Peer::Evenkeel).collect();
    heading(page, &format!("Evenkeel's {}, ratio to that of", figure.name()));
    let names = others.iter().map(|peer| peer.name());
    table(page, &["workload"].into_iter().chain(names).collect::<Vec<_>>());
    for comparison in comparisons {
        let cells = others.iter().map(|peer| {
            let ratio = comparison.ratio(figure, &[*peer]);
            ratio.map_or_else(|| NONE.to_owned(), |ratio| ratio.to_string())
        });
        let name = comparison.row.name.to_owned();
        row(page, &[name].into_iter().chain(cells).collect::<Vec<_>>());
    }
}

/// Everything that was measured, each the median over the rounds.
fn push_figures(page: &mut String, comparisons: &[Comparison]) {
    heading(page, "The figures themselves");
    line(page, "Each is the median over the rounds; a get of 100 keys is one operation.\n");
    table(page, &["workload", "peer", "CPU", "operations/s", "p50", "p99"]);
    for comparison in comparisons {
        for peer in comparison.peers() {
            let cell = |figure, text: fn(f64) -> String| {
                let spread = comparison.spread(figure, peer);
                spread.map_or_else(|| NONE.to_owned(), |spread| text(spread.median))
            };
            row(
                page,
                &[
                    comparison.row.name.to_owned(),
                    peer.name().to_owned(),
                    cell(Figure::Cpu, micros),
                    cell(Figure::Rate, |rate| format!("{rate:.0}")),
                    cell(Figure::P50, micros),
                    cell(Figure::P99, micros),
                ],
            );
        }
    }
    let repeated: usize = comparisons.iter().map(|comparison| comparison.repeated).sum();
    line(page, &format!("\nRounds begun again because somebody was not served: {repeated}."));
}

fn micros(seconds: f64) -> String {
    format!("{:.1} µs", seconds * 1e6)
}

const HEAD: &str = "# Evenkeel's library beside other client libraries

Written by `make bench-clients`; what is compared, and how, is in [docs/performance.md](../../docs/performance.md#side-by-side-with-other-client-libraries).

";
const SPREADS: &str = "A ratio is of two figures of the same round; given are the median over the \
    rounds, and the least and the greatest in brackets.";
const NONE: &str = "–";
