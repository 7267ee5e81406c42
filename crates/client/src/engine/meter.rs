//! What is measured of calls and servers until it is published.
//!
//! A call's time is from its being submitted to its task's seeing the result: what the application
//! waits for, retries and our own scheduling and all. It is noted under the lock that the task
//! takes anyway, and costs one more reading of the clock. How long servers take, and how often they
//! fail, the worker has counted for health already: it is only added up here.

use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::protocol::request::Class;
use evenkeel_core::report::Report;
use evenkeel_core::window::{Latencies, Tally};

/// What was measured since it was last taken.
#[derive(Debug)]
pub(crate) struct Meter {
    reads: Latencies,
    writes: Latencies,
    deletes: Latencies,
    /// By server.
    pub(crate) servers: Vec<Tally>,
}

impl Meter {
    pub(super) fn new(servers_len: usize) -> Self {
        Self {
            reads: Latencies::default(),
            writes: Latencies::default(),
            deletes: Latencies::default(),
            servers: vec![Tally::default(); servers_len],
        }
    }

    /// A call has ended.
    pub(super) fn note_call(&mut self, timed: Option<(Class, Duration)>) {
        let Some((class, latency)) = timed else { return };
        match class {
            Class::Read => self.reads.note(latency),
            Class::Write => self.writes.note(latency),
            Class::Delete => self.deletes.note(latency),
        }
    }

    /// The worker has something to report.
    pub(super) fn note_report(&mut self, report: &Report) {
        match report {
            Report::Tally { server, tally } => {
                self.servers[usize::from(server.0)].merge(tally);
            }
            Report::Failure(_) | Report::Overdue { .. } | Report::Bulk { .. } | Report::Slow(_) => {
            }
        }
    }

    /// What was measured; it begins at nothing again.
    pub(super) fn take(&mut self) -> Self {
        let servers_len = self.servers.len();
        std::mem::replace(self, Self::new(servers_len))
    }

    /// How long calls of a class took.
    pub(crate) fn of_class(&self, class: Class) -> &Latencies {
        match class {
            Class::Read => &self.reads,
            Class::Write => &self.writes,
            Class::Delete => &self.deletes,
        }
    }
}

/// Takes the time of one call.
#[derive(Debug)]
pub(super) struct Stopwatch {
    class: Option<Class>,
    started_at: Instant,
    has_waited: bool,
}

impl Stopwatch {
    pub(super) fn start(now: Instant, class: Option<Class>) -> Self {
        Self { class, started_at: now, has_waited: false }
    }

    /// How long it is taking. The first look is right after the start, and does not ask the clock.
    pub(super) fn look(&mut self, now: impl FnOnce() -> Instant) -> Option<(Class, Duration)> {
        let class = self.class?;
        if !std::mem::replace(&mut self.has_waited, true) {
            return Some((class, Duration::ZERO));
        }
        Some((class, now() - self.started_at))
    }
}
