//! Counts what becomes of the requests of one lane.

use std::sync::Arc;
use std::time::Instant;

use crate::answer::{Answer, Refusal, Request};
use crate::watch::Slot;
use crate::{Pulse, Report};

/// What a lane has measured so far.
///
/// Requests that were meant to start before it measures are for the warm-up: only the watch sees
/// them, unless their answers are wrong.
pub(crate) struct Meter {
    pub(crate) report: Report,
    pub(crate) last_answer_at: Instant,
    measured_from: Instant,
    is_measuring: bool,
    watched: Option<Watched>,
}

/// For the watch: what happens between two looks.
struct Watched {
    slot: Arc<Slot>,
    pulse: Pulse,
}

/// Why requests on a connection will have no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The connection was closed, by the target or because of a wrong answer.
    Closed,
    /// The target was silent for too long.
    Silent,
}

impl Meter {
    pub(crate) fn new(slot: Option<Arc<Slot>>) -> Self {
        let now = Instant::now();
        Self {
            report: Report::default(),
            last_answer_at: now,
            measured_from: now,
            is_measuring: true,
            watched: slot.map(|slot| Watched { slot, pulse: Pulse::default() }),
        }
    }

    /// The run begins, and is measured from `measured_from` on.
    pub(crate) fn begin(&mut self, start: Instant, measured_from: Instant) {
        self.last_answer_at = start;
        self.measured_from = measured_from;
        self.is_measuring = start >= measured_from;
    }

    /// When it measures from.
    pub(crate) fn measured_from(&self) -> Instant {
        self.measured_from
    }

    /// Time has passed.
    pub(crate) fn handle_time(&mut self, now: Instant) {
        self.is_measuring = now >= self.measured_from;
    }

    /// Lets the watch see, if there is one.
    pub(crate) fn hand_over(&mut self, waiting: impl Iterator<Item = (bool, usize)>) {
        if let Some(Watched { slot, pulse }) = &mut self.watched {
            (pulse.waiting, pulse.away) = (0, 0);
            for (is_open, len) in waiting {
                pulse.waiting += len as u64;
                pulse.away += u64::from(!is_open);
            }
            slot.hand_over(pulse);
        }
    }

    /// What was measured. The watch sees the rest of it.
    pub(crate) fn into_report(self) -> Report {
        if let Some(Watched { slot, pulse }) = self.watched {
            slot.finish(pulse);
        }
        self.report
    }

    /// The request that was meant to start `at` has its answer.
    pub(crate) fn count_answer(
        &mut self,
        request: Request,
        answer: Answer,
        at: Instant,
        now: Instant,
    ) {
        self.last_answer_at = now;
        let latency = now.saturating_duration_since(at);
        if let Some(Watched { pulse, .. }) = &mut self.watched {
            pulse.latencies.record(latency);
            match (&answer, request) {
                (Answer::Values(hits), Request::Read(keys)) => {
                    pulse.misses += (keys - hits) as u64;
                }
                (Answer::Values(_) | Answer::Stored, _) => pulse.stored += 1,
                (Answer::Refused(..), _) => pulse.failed += 1,
            }
        }
        if at < self.measured_from {
            return;
        }
        let report = &mut self.report;
        match request {
            Request::Read(_) => report.reads.record(latency),
            Request::Write => report.writes.record(latency),
        }
        match (answer, request) {
            (Answer::Values(hits), Request::Read(keys)) => {
                report.hits += hits as u64;
                report.misses += (keys - hits) as u64;
            }
            (Answer::Values(_) | Answer::Stored, _) => report.stored += 1,
            (Answer::Refused(refusal, words), _) => {
                match refusal {
                    Refusal::Server => report.server_errors += 1,
                    Refusal::Client => report.client_errors += 1,
                    Refusal::Unknown => report.unknown_commands += 1,
                }
                report.add_fault(|| format!("refused: {words}"));
            }
        }
    }

    /// A request starts that was due before (open pace only).
    pub(crate) fn count_start(&mut self, due_at: Instant, now: Instant, is_held_back: bool) {
        if due_at < self.measured_from {
            return;
        }
        if is_held_back {
            self.report.held_back += 1;
        } else {
            self.report.lateness.record(now.saturating_duration_since(due_at));
        }
    }

    /// A request that was due never started (open pace only).
    pub(crate) fn count_unsent(&mut self, due_at: Instant, now: Instant) {
        if due_at >= self.measured_from {
            self.report.unsent += 1;
            self.report.given_up.record(now.saturating_duration_since(due_at));
        }
    }

    /// What came was no answer to its request, or to none.
    pub(crate) fn count_wrong(&mut self, what: &str) {
        self.count_failed();
        self.report.wrong += 1;
        self.report.add_fault(|| format!("wrong: {what}"));
    }

    /// The request that was meant to start `at` will have no answer.
    pub(crate) fn count_loss(&mut self, loss: Loss, at: Instant, now: Instant) {
        self.count_failed();
        if at < self.measured_from {
            return;
        }
        match loss {
            Loss::Closed => self.report.lost += 1,
            Loss::Silent => {
                self.report.timed_out += 1;
                self.report.given_up.record(now.saturating_duration_since(at));
            }
        }
    }

    /// An established connection was lost.
    pub(crate) fn count_lost_connection(&mut self, why: &str) {
        if self.is_measuring {
            self.report.connections_lost += 1;
            self.report.add_fault(|| format!("connection lost: {why}"));
        }
    }

    /// A connection could not be made.
    pub(crate) fn count_failed_connect(&mut self, why: &str) {
        if self.is_measuring {
            self.report.connects_failed += 1;
            self.report.add_fault(|| format!("cannot connect: {why}"));
        }
    }

    pub(crate) fn count_sent(&mut self, len: usize) {
        if self.is_measuring {
            self.report.bytes_sent += len as u64;
        }
    }

    pub(crate) fn count_received(&mut self, len: usize) {
        if self.is_measuring {
            self.report.bytes_received += len as u64;
        }
    }

    fn count_failed(&mut self) {
        if let Some(Watched { pulse, .. }) = &mut self.watched {
            pulse.failed += 1;
        }
    }
}
