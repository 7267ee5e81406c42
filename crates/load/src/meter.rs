//! Counts what becomes of the requests of one lane.

use std::time::Instant;

use crate::Report;
use crate::answer::{Answer, Refusal, Request};

/// What a lane has measured so far.
pub(crate) struct Meter {
    pub(crate) report: Report,
    pub(crate) last_answer_at: Instant,
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
    pub(crate) fn new(now: Instant) -> Self {
        Self { report: Report::new(), last_answer_at: now }
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
        let (nanos, report) = (nanos(at, now), &mut self.report);
        match request {
            Request::Read(_) => report.reads.saturating_record(nanos),
            Request::Write => report.writes.saturating_record(nanos),
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
        if is_held_back {
            self.report.held_back += 1;
        } else {
            self.report.lateness.saturating_record(nanos(due_at, now));
        }
    }

    /// A request that was due never started (open pace only).
    pub(crate) fn count_unsent(&mut self, due_at: Instant, now: Instant) {
        self.report.unsent += 1;
        self.report.given_up.saturating_record(nanos(due_at, now));
    }

    /// What came was no answer to its request, or to none.
    pub(crate) fn count_wrong(&mut self, what: &str) {
        self.report.wrong += 1;
        self.report.add_fault(|| format!("wrong: {what}"));
    }

    /// The request that was meant to start `at` will have no answer.
    pub(crate) fn count_loss(&mut self, loss: Loss, at: Instant, now: Instant) {
        match loss {
            Loss::Closed => self.report.lost += 1,
            Loss::Silent => {
                self.report.timed_out += 1;
                self.report.given_up.saturating_record(nanos(at, now));
            }
        }
    }

    /// An established connection was lost.
    pub(crate) fn count_lost_connection(&mut self, why: &str) {
        self.report.connections_lost += 1;
        self.report.add_fault(|| format!("connection lost: {why}"));
    }

    /// A connection could not be made.
    pub(crate) fn count_failed_connect(&mut self, why: &str) {
        self.report.connects_failed += 1;
        self.report.add_fault(|| format!("cannot connect: {why}"));
    }

    pub(crate) fn count_sent(&mut self, len: usize) {
        self.report.bytes_sent += len as u64;
    }

    pub(crate) fn count_received(&mut self, len: usize) {
        self.report.bytes_received += len as u64;
    }
}

fn nanos(from: Instant, to: Instant) -> u64 {
    let elapsed = to.saturating_duration_since(from);
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}
