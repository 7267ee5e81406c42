//! The servers as a table; on a narrow page, each as a card.

use std::time::Duration;

use maud::{Markup, html};

use super::{of_verdict, words};
use crate::report::{Report, ServerReport};
use crate::words::lasting;

pub(super) fn section(report: &Report) -> Markup {
    // Worst first, and otherwise as they were named.
    let mut servers: Vec<_> = report.examined().collect();
    servers.sort_by_key(|it| std::cmp::Reverse(it.verdict));
    html! {
        section.card {
            h2 { "Servers" }
            table.servers {
                thead {
                    tr {
                        th scope="col" { "Server" }
                        th scope="col" { "Verdict" }
                        @for (title, _) in COLUMNS {
                            th scope="col" { (title) }
                        }
                    }
                }
                tbody {
                    @for server in servers { (row(server)) }
                }
            }
        }
    }
}

fn row(server: &ServerReport) -> Markup {
    let (word, class) = of_verdict(server.verdict);
    html! {
        tr {
            th scope="row" { (server.name) }
            td data-title="Verdict" { span.badge.(class) { (word) } }
            @for (title, cell) in COLUMNS {
                @match cell(server) {
                    Some(text) => td data-title=(title) { (text) },
                    None => td.unknown data-title=(title) { "–" },
                }
            }
        }
    }
}

/// What a cell says, if it is known.
type Cell = fn(&ServerReport) -> Option<String>;

const COLUMNS: [(&str, Cell); 7] = [
    ("Version", |it| Some(format!("{} {}", it.protocol, it.version.as_deref()?))),
    ("Up for", |it| it.vitals.uptime_s.map(Duration::from_secs).map(lasting)),
    ("Median", |it| it.probe.as_ref()?.median_us.map(words::latency)),
    ("99 %", |it| it.probe.as_ref()?.p99_us.map(words::latency)),
    ("Hits", |it| it.vitals.hit_ratio_now.or(it.vitals.hit_ratio).map(words::percent)),
    ("Memory", memory),
    ("Clients", connections),
];

fn memory(server: &ServerReport) -> Option<String> {
    let used = words::bytes(server.vitals.memory_used_bytes?);
    Some(match server.vitals.memory_limit_bytes {
        Some(limit) => format!("{used} of {}", words::bytes(limit)),
        None => used,
    })
}

fn connections(server: &ServerReport) -> Option<String> {
    let open = server.vitals.connections?;
    Some(match server.vitals.connections_max {
        Some(max) => format!("{open} of {max}"),
        None => open.to_string(),
    })
}
