//! The workloads that are compared, one row of the tables each, and what is asked of Evenkeel.

use evenkeel_load::{Pace, ValueSize, Workload};

use crate::measure::Figure;
use crate::options::{Kind, Options};
use crate::peer::Peer;

/// Peers that are measured in turn, on some rows.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    /// Ratios are to the first.
    pub(crate) peers: Vec<Peer>,
    pub(crate) rows: Vec<Row>,
}

/// One workload, and how many requests of it make a round.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) workload: Workload,
    pub(crate) requests: u32,
    /// Threads of the load.
    pub(crate) threads: usize,
    pub(crate) asked: Vec<Asked>,
}

/// A figure of one peer that has a bound, as a ratio to another's.
pub(crate) struct Asked {
    pub(crate) figure: Figure,
    pub(crate) of: Peer,
    pub(crate) to: Peer,
    pub(crate) bound: Bound,
}

/// How a ratio is bound.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    pub(crate) fn is_kept_by(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(bound) => ratio <= bound,
            Self::AtLeast(bound) => ratio >= bound,
        }
    }
}

impl Row {
    fn new(name: &'static str, workload: Workload, requests: u32) -> Self {
        Self { name, workload, requests, threads: 1, asked: Vec::new() }
    }

    /// Asks something of Evenkeel.
    fn asks(self, figure: Figure, to: Peer, bound: Bound) -> Self {
        self.asks_of(Peer::Evenkeel, figure, to, bound)
    }

    fn asks_of(mut self, of: Peer, figure: Figure, to: Peer, bound: Bound) -> Self {
        self.asked.push(Asked { figure, of, to, bound });
        self
    }

    /// Can this peer serve the row, and would it tell anything?
    pub(crate) fn suits(&self, peer: Peer) -> bool {
        match peer {
            // It takes one key a request.
            Peer::Forwarder => self.workload.keys_per_read == 1,
            // Its latency has no bearing on ours.
            Peer::Haproxy => matches!(self.workload.pace, Pace::Closed { .. }),
            _ => true,
        }
    }
}

/// What the options ask for. Groups may be left without rows.
pub(crate) fn groups(options: &Options) -> Vec<Group> {
    let mut groups = match options.kind {
        Kind::Full if options.peers.is_empty() => {
            let peers = Peer::PROXIES.to_vec();
            vec![
                Group { title: "Proxies", peers, rows: proxy_rows() },
                two_workers(),
                unix_socket(),
            ]
        }
        Kind::Full => {
            let peers = options.peers.clone();
            vec![Group { title: "Proxies", peers, rows: proxy_rows() }]
        }
        Kind::Calibration => {
            let peers = vec![Peer::Twemproxy, Peer::SecondTwemproxy];
            vec![Group { title: "Calibration", peers, rows: proxy_rows() }]
        }
        Kind::Beside(_) => {
            let peers = vec![Peer::OtherBuild, Peer::Evenkeel];
            vec![Group { title: "Builds", peers, rows: proxy_rows() }]
        }
    };
    for group in &mut groups {
        group.rows.retain(|row| options.wants(row.name));
    }
    groups
}

/// A round takes a second or two with the slower proxy.
fn proxy_rows() -> Vec<Row> {
    use Bound::{AtLeast, AtMost};
    use Figure::{Cpu, P50, P99, P999, Rate};
    use Peer::{Direct, Forwarder, Twemproxy};
    vec![
        Row::new("50 connections, no pipelining", base(), 100_000)
            .asks(Cpu, Twemproxy, AtMost(0.85))
            .asks(Rate, Twemproxy, AtLeast(1.15))
            .asks(Cpu, Forwarder, AtMost(1.15)),
        Row::new("50 connections, pipelines of 16", pipelines(), 300_000)
            .asks(Cpu, Twemproxy, AtMost(0.65))
            .asks(Rate, Direct, AtLeast(1.0))
            .asks(Cpu, Forwarder, AtMost(1.15)),
        Row::new("1,000 connections, no pipelining", connections(1000), 100_000)
            .asks(Cpu, Twemproxy, AtMost(0.65))
            .asks(Cpu, Forwarder, AtMost(1.15)),
        Row::new("1 connection, no pipelining", connections(1), 20_000)
            .asks(Cpu, Twemproxy, AtMost(1.0))
            .asks(P50, Twemproxy, AtMost(1.0)),
        Row::new(
            "50 connections, gets of 24 keys",
            Workload { keys_per_read: 24, reads_percent: 100, ..base() },
            15_000,
        )
        .asks(Cpu, Twemproxy, AtMost(0.60)),
        Row::new(
            "50 connections, values of 10 KiB",
            Workload { value_size: ValueSize::Fixed(10 * 1024), keys: 5000, ..base() },
            40_000,
        )
        .asks(Cpu, Twemproxy, AtMost(0.85)),
        // What both add to going direct is less for the one whose latency is less.
        Row::new(
            "50 connections, 10,000 requests/s",
            Workload { pace: Pace::Open { rate: 10_000, in_flight_max: 1000 }, ..base() },
            25_000,
        )
        .asks(P99, Twemproxy, AtMost(1.0))
        .asks(P999, Twemproxy, AtMost(1.0)),
    ]
}

fn two_workers() -> Group {
    let row = |name, workload, requests| {
        let mut row = Row::new(name, workload, requests);
        row.threads = 2;
        row.asks_of(Peer::TwoWorkers, Figure::Rate, Peer::Evenkeel, Bound::AtLeast(1.6))
    };
    let rows = vec![
        row("two workers: 50 connections, no pipelining", base(), 100_000),
        row("two workers: 50 connections, pipelines of 16", pipelines(), 300_000),
    ];
    Group { title: "Two workers", peers: vec![Peer::Evenkeel, Peer::TwoWorkers], rows }
}

fn unix_socket() -> Group {
    let row = |name, workload, requests| {
        let row = Row::new(name, workload, requests);
        row.asks_of(Peer::UnixSocket, Figure::Cpu, Peer::Evenkeel, Bound::AtMost(0.9))
    };
    let rows = vec![
        row("unix socket: 50 connections, no pipelining", base(), 100_000),
        row("unix socket: 50 connections, pipelines of 16", pipelines(), 300_000),
        row("unix socket: 1 connection, no pipelining", connections(1), 20_000),
    ];
    Group { title: "Unix socket", peers: vec![Peer::Evenkeel, Peer::UnixSocket], rows }
}

fn base() -> Workload {
    Workload { key_len: 32, ..Workload::default() }
}

fn pipelines() -> Workload {
    Workload { pace: Pace::Closed { batch: 16 }, ..base() }
}

fn connections(connections: usize) -> Workload {
    Workload { connections, ..base() }
}
