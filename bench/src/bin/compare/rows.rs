//! The workloads that are compared, one row of the table each.

use evenkeel_load::{Pace, ValueSize, Workload};

/// One workload, and how many requests of it make a round.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) workload: Workload,
    pub(crate) requests: u32,
}

/// Every row. A round takes a second or two with the slower proxy.
pub(crate) fn all() -> Vec<Row> {
    let base = Workload::default();
    let closed = |batch| Pace::Closed { batch };
    vec![
        Row { name: "50 connections, no pipelining", workload: base.clone(), requests: 150_000 },
        Row {
            name: "50 connections, pipelines of 16",
            workload: Workload { pace: closed(16), ..base.clone() },
            requests: 600_000,
        },
        Row {
            name: "1,000 connections, no pipelining",
            workload: Workload { connections: 1000, ..base.clone() },
            requests: 150_000,
        },
        Row {
            name: "1 connection, no pipelining",
            workload: Workload { connections: 1, ..base.clone() },
            requests: 25_000,
        },
        Row {
            name: "50 connections, gets of 24 keys",
            workload: Workload { keys_per_read: 24, reads_percent: 100, ..base.clone() },
            requests: 20_000,
        },
        Row {
            name: "50 connections, values of 10 KiB",
            workload: Workload { value_size: ValueSize::Fixed(10 * 1024), keys: 5000, ..base },
            requests: 60_000,
        },
    ]
}
