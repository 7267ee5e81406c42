//! What a worker tells the control plane about servers: failures at once, counts now and then.
//!
//! A failure is reported when it is seen, because one is enough to send a canary. How many requests
//! went well, and how quickly, is counted and reported every [`REPORT_INTERVAL`] while there is
//! traffic, or as soon as [`FAILED_MAX`] requests of a server have failed since the last time.
//!
//! # Self-doubt (P7)
//! The driver says when it wakes up ([`Reports::handle_turn`]). If that is much later than the timer
//! that was due, our own loop stood still: requests waited for us and not for their servers. Soft
//! evidence about anything that was already waiting is then dropped.
//!
//! What we ask for ourselves is no fault of a server either. Requests for large values that wait
//! behind one another wait for as long as those before them take to carry, and a server of one
//! thread keeps everybody else waiting meanwhile. So the worker says what large responses bring
//! ([`Reports::note_bulk`]). A request that timed out while bulk came in is reported as any other,
//! so that a canary goes out, but is not counted among those that failed; and that there was bulk is
//! reported, because a canary may have waited behind it too.
//!
//! # What it never does
//! Judge. It reports the same whatever a server is taken for.

use std::time::Duration;

use crate::failure::Failure;
use crate::protocol::request::Class;
use crate::routing::ServerId;
use crate::slow::SlowRequest;
use crate::time::Instant;
use crate::window::Tally;

/// Something about a server, for the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation for each report")]
pub enum Report {
    /// A request failed, or the connection did.
    Failure(Outcome),
    /// The oldest request in flight has waited so long, and no byte has come since it was sent.
    /// Once for each such silence.
    Overdue {
        /// The server.
        server: ServerId,
        /// So long.
        waited: Duration,
    },
    /// It has sent much of large responses: what waited for it may have waited behind those.
    /// Once each [`BULK_SPAN`] at most.
    Bulk {
        /// The server.
        server: ServerId,
    },
    /// A request took long. No evidence: what was counted says it, too.
    Slow(SlowRequest),
    /// What was counted since the last time.
    Tally {
        /// The server.
        server: ServerId,
        /// What was counted.
        tally: Tally,
    },
}

/// Evidence about a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The server.
    pub server: ServerId,
    /// What went wrong.
    pub failure: Failure,
    /// How many timeouts, this one among them, had followed one another on the connection.
    pub timeouts_in_a_row: u32,
}

impl Report {
    /// The server it is about.
    pub fn server(&self) -> ServerId {
        match self {
            Self::Failure(outcome) => outcome.server,
            Self::Slow(slow) => slow.server,
            Self::Overdue { server, .. } | Self::Bulk { server } | Self::Tally { server, .. } => {
                *server
            }
        }
    }
}

/// A response as its connection sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// What the request does.
    pub class: Class,
    /// How long it took.
    pub latency: Duration,
    /// The answer speaks against the server.
    pub is_server_error: bool,
    /// How many keys it says are there, and how many not.
    pub keys: (u32, u32),
}

/// A failure as its connection sees it.
#[derive(Clone, Copy, Debug)]
pub struct Failed {
    /// What is reported.
    pub outcome: Outcome,
    /// What the request does that failed; `None` if there was none. When a connection is lost, that
    /// is its oldest: a loss is one failure, however many it hits.
    pub class: Option<Class>,
    /// Since when it had been waited for.
    pub waiting_since: Instant,
}

/// What a worker has to report. See the module's documentation.
#[derive(Debug)]
pub struct Reports {
    /// By server.
    tallies: Vec<Tally>,
    /// When the tallies are due; `None` while there is nothing in them.
    tallies_at: Option<Instant>,
    /// By server.
    bulk: Vec<Bulk>,
    /// When our own loop last stood still, until when.
    stalled_at: Option<Instant>,
    /// Oldest first.
    waiting: Vec<Report>,
}

/// What one server has sent of large responses.
#[derive(Clone, Copy, Debug)]
struct Bulk {
    /// When the span began that is being counted.
    since: Instant,
    /// Bytes in that span.
    len: usize,
    /// When there last was [`BULK_LEN`] of it in one span.
    at: Option<Instant>,
}

/// How long counts may wait.
pub const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// How many failures of a server do not wait.
pub const FAILED_MAX: u32 = 5;

/// A response of so many bytes is large.
pub const LARGE_RESPONSE_LEN: usize = 64 * 1024;

/// How many bytes of large responses within [`BULK_SPAN`] are enough to keep others waiting. That
/// is some 10 MB a second: a server that sends them is neither hung nor waiting for us.
pub const BULK_LEN: usize = 256 * 1024;

/// The stretch of time over which large responses are added up.
pub const BULK_SPAN: Duration = Duration::from_millis(25);

/// How much later than a timer was due a turn may begin.
pub const LATENESS_MAX: Duration = Duration::from_millis(20);

impl Reports {
    /// Nothing to report of so many servers.
    pub fn new(servers_len: usize) -> Self {
        Self {
            tallies: vec![Tally::default(); servers_len],
            tallies_at: None,
            bulk: vec![Bulk { since: Instant::ZERO, len: 0, at: None }; servers_len],
            stalled_at: None,
            waiting: Vec::new(),
        }
    }

    /// There are so many servers now.
    pub fn add_servers(&mut self, servers_len: usize) {
        self.tallies.resize(servers_len, Tally::default());
        self.bulk.resize(servers_len, Bulk { since: Instant::ZERO, len: 0, at: None });
    }

    /// A turn begins; `due` is when the worker wanted the next one at the latest. True if our loop
    /// has stood still.
    pub fn handle_turn(&mut self, now: Instant, due: Option<Instant>) -> bool {
        let is_late = due.is_some_and(|due| due + LATENESS_MAX < now);
        if is_late {
            self.stalled_at = Some(now);
        }
        is_late
    }

    /// Whether a wait that began then was held up by ourselves.
    pub fn is_doubtful(&self, waiting_since: Instant) -> bool {
        self.stalled_at.is_some_and(|at| waiting_since < at)
    }

    /// A server has answered in time.
    #[inline]
    pub fn note_response(&mut self, now: Instant, server: ServerId, seen: Seen) {
        let Seen { class, latency, is_server_error, keys: (hits, misses) } = seen;
        let is_doubtful = is_late(latency) && self.is_doubtful_latency(now, latency);
        if is_server_error {
            let failure = Failure::ServerError;
            let outcome = Outcome { server, failure, timeouts_in_a_row: 0 };
            self.waiting.push(Report::Failure(outcome));
        }
        if !is_doubtful {
            let tally = &mut self.tallies[usize::from(server.0)];
            tally.note_response(class, latency, is_server_error);
            tally.note_keys(hits, misses);
            self.tallies_at.get_or_insert(now + REPORT_INTERVAL);
            if is_server_error {
                self.hurry(server);
            }
        }
    }

    fn is_doubtful_latency(&self, now: Instant, latency: Duration) -> bool {
        // `now - latency` is when it was sent; later than the stall's end it is no business of it.
        self.stalled_at.is_some_and(|at| now.saturating_since(at) < latency)
    }

    /// A request has failed, or a connection. False if it is our own fault, and dropped.
    pub fn note_failure(&mut self, now: Instant, failed: Failed) -> bool {
        let Failed { outcome, class, waiting_since } = failed;
        if outcome.failure.is_soft() && self.is_doubtful(waiting_since) {
            return false;
        }
        self.waiting.push(Report::Failure(outcome));
        if outcome.failure.is_soft() && self.is_behind_bulk(outcome.server, waiting_since) {
            return true;
        }
        if let Some(class) = class {
            let tally = &mut self.tallies[usize::from(outcome.server.0)];
            tally.note_failure(class, outcome.failure);
            self.tallies_at.get_or_insert(now + REPORT_INTERVAL);
            self.hurry(outcome.server);
        }
        true
    }

    /// A server has sent `len` bytes more of a response that is large.
    pub fn note_bulk(&mut self, now: Instant, server: ServerId, len: usize) {
        let bulk = &mut self.bulk[usize::from(server.0)];
        if bulk.since + BULK_SPAN <= now {
            (bulk.since, bulk.len) = (now, 0);
        }
        let before = bulk.len;
        bulk.len = before.saturating_add(len);
        if before < BULK_LEN && BULK_LEN <= bulk.len {
            bulk.at = Some(now);
            self.waiting.push(Report::Bulk { server });
        }
    }

    /// Whether what has waited since then may have waited for what we asked for ourselves.
    fn is_behind_bulk(&self, server: ServerId, waiting_since: Instant) -> bool {
        self.bulk[usize::from(server.0)].at.is_some_and(|at| waiting_since < at)
    }

    /// A request took long, and is to be told of.
    pub fn note_slow(&mut self, slow: SlowRequest) {
        self.waiting.push(Report::Slow(slow));
    }

    /// The oldest request in flight waits for longer than its server is usually silent.
    pub fn note_overdue(&mut self, now: Instant, server: ServerId, waiting_since: Instant) {
        if !self.is_doubtful(waiting_since) {
            let waited = now - waiting_since;
            self.waiting.push(Report::Overdue { server, waited });
        }
    }

    /// Reports at once what has become much.
    fn hurry(&mut self, server: ServerId) {
        let tally = &mut self.tallies[usize::from(server.0)];
        if tally.failed() >= FAILED_MAX {
            let tally = tally.take();
            self.waiting.push(Report::Tally { server, tally });
        }
    }

    /// When to call [`Reports::handle_timeout`] next.
    pub fn next_timeout(&self) -> Option<Instant> {
        self.tallies_at
    }

    /// Reports what was counted, if it is time.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.tallies_at.is_none_or(|at| now < at) {
            return;
        }
        self.tallies_at = None;
        for (idx, tally) in (0..).zip(&mut self.tallies) {
            if !tally.is_empty() {
                let tally = tally.take();
                self.waiting.push(Report::Tally { server: ServerId(idx), tally });
            }
        }
    }

    /// What there is to report.
    pub fn drain(&mut self) -> impl Iterator<Item = Report> + '_ {
        self.waiting.drain(..)
    }
}

/// Whether a stall could have made it so.
fn is_late(latency: Duration) -> bool {
    latency > LATENESS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ServerId = ServerId(0);
    const B: ServerId = ServerId(1);

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn seen(class: Class, latency: Duration, is_server_error: bool) -> Seen {
        Seen { class, latency, is_server_error, keys: (0, 0) }
    }

    fn answer(reports: &mut Reports, ms: u64, latency_ms: u64) {
        let latency = Duration::from_millis(latency_ms);
        reports.note_response(at(ms), A, seen(Class::Read, latency, false));
    }

    fn failed(failure: Failure, waiting_since: u64) -> Failed {
        let outcome = Outcome { server: A, failure, timeouts_in_a_row: 1 };
        Failed { outcome, class: Some(Class::Read), waiting_since: at(waiting_since) }
    }

    /// The attempts of each tally, by server.
    fn tallies(reports: &mut Reports) -> Vec<(ServerId, u32)> {
        let attempts = |report| match report {
            Report::Tally { server, tally } => Some((server, tally.attempts())),
            Report::Failure(_) | Report::Overdue { .. } | Report::Bulk { .. } | Report::Slow(_) => {
                None
            }
        };
        reports.drain().filter_map(attempts).collect()
    }

    #[test]
    fn responses_are_counted_and_reported_a_tenth_of_a_second_after_the_first() {
        let mut reports = Reports::new(2);
        assert_eq!(reports.next_timeout(), None);
        answer(&mut reports, 5, 1);
        answer(&mut reports, 50, 1);
        reports.note_response(at(60), B, seen(Class::Write, Duration::ZERO, false));
        assert_eq!(reports.next_timeout(), Some(at(105)));
        reports.handle_timeout(at(104));
        assert_eq!(tallies(&mut reports), []);
        reports.handle_timeout(at(105));
        assert_eq!(tallies(&mut reports), [(A, 2), (B, 1)]);
        assert_eq!(reports.next_timeout(), None);
    }

    #[test]
    fn a_failure_is_reported_at_once_and_five_are_counted_at_once() {
        let mut reports = Reports::new(1);
        for _ in 0..4 {
            reports.note_failure(at(0), failed(Failure::Reset, 0));
        }
        let all: Vec<_> = reports.drain().collect();
        assert_eq!(all.len(), 4);
        assert!(all.iter().all(|it| matches!(it, Report::Failure(_))));
        reports.note_failure(at(0), failed(Failure::Reset, 0));
        assert_eq!(tallies(&mut reports), [(A, 5)]);
    }

    #[test]
    fn server_errors_are_failures_too() {
        let mut reports = Reports::new(1);
        for _ in 0..5 {
            reports.note_response(at(0), A, seen(Class::Write, Duration::ZERO, true));
        }
        let len = |reports: &mut Reports| reports.drain().count();
        assert_eq!(len(&mut reports), 6, "five failures and a tally");
    }

    #[test]
    fn a_loss_without_a_request_is_a_failure_that_is_not_counted() {
        let mut reports = Reports::new(1);
        reports.note_failure(at(0), Failed { class: None, ..failed(Failure::Refused, 0) });
        assert_eq!(reports.drain().count(), 1);
        assert_eq!(reports.next_timeout(), None);
    }

    #[test]
    fn a_turn_that_is_a_little_late_is_no_stall() {
        let mut reports = Reports::new(1);
        assert!(!reports.handle_turn(at(100), None));
        assert!(!reports.handle_turn(at(100), Some(at(80))));
        assert!(!reports.handle_turn(at(100), Some(at(200))));
        assert!(reports.handle_turn(at(100), Some(at(79))));
    }

    #[test]
    fn soft_evidence_across_a_stall_of_ours_is_dropped_and_hard_evidence_is_not() {
        let mut reports = Reports::new(1);
        reports.handle_turn(at(2000), Some(at(1000)));
        reports.note_failure(at(2000), failed(Failure::Timeout, 900));
        reports.note_failure(at(2000), failed(Failure::ConnectTimeout, 1999));
        reports.note_overdue(at(2000), A, at(1999));
        assert_eq!(reports.drain().count(), 0);
        reports.note_failure(at(2000), failed(Failure::Reset, 900));
        reports.note_failure(at(2300), failed(Failure::Timeout, 2000));
        reports.note_overdue(at(2300), A, at(2000));
        let waited = Duration::from_millis(300);
        let all: Vec<_> = reports.drain().collect();
        assert_eq!(all.len(), 3);
        assert_eq!(all[2], Report::Overdue { server: A, waited });
    }

    #[test]
    fn bulk_is_reported_once_a_span() {
        let mut reports = Reports::new(2);
        reports.note_bulk(at(100), A, BULK_LEN - 1);
        reports.note_bulk(at(124), B, BULK_LEN - 1);
        assert_eq!(reports.drain().count(), 0);
        reports.note_bulk(at(124), A, 1);
        reports.note_bulk(at(124), A, 10 * BULK_LEN);
        assert_eq!(reports.drain().collect::<Vec<_>>(), [Report::Bulk { server: A }]);
        reports.note_bulk(at(125), A, BULK_LEN);
        assert_eq!(reports.drain().count(), 1);
    }

    #[test]
    fn what_large_responses_bring_slowly_is_no_bulk() {
        let mut reports = Reports::new(1);
        for span in 4..40 {
            reports.note_bulk(at(span * 25), A, BULK_LEN - 1);
        }
        assert_eq!(reports.drain().count(), 0);
    }

    #[test]
    fn a_timeout_behind_bulk_is_reported_and_not_counted() {
        let mut reports = Reports::new(2);
        reports.note_bulk(at(1000), A, BULK_LEN);
        reports.drain().for_each(drop);
        for _ in 0..FAILED_MAX {
            assert!(reports.note_failure(at(1249), failed(Failure::Timeout, 999)));
        }
        assert_eq!(reports.drain().count(), 5);
        assert_eq!(reports.next_timeout(), None, "nothing was counted");
    }

    #[test]
    fn a_timeout_after_bulk_is_counted_and_so_is_another_servers() {
        let mut reports = Reports::new(2);
        reports.note_bulk(at(1000), A, BULK_LEN);
        reports.note_bulk(at(1000), B, BULK_LEN - 1);
        for _ in 0..FAILED_MAX {
            reports.note_failure(at(1250), failed(Failure::Timeout, 1000));
            let mut failed = failed(Failure::Timeout, 900);
            failed.outcome.server = B;
            reports.note_failure(at(1250), failed);
        }
        assert_eq!(tallies(&mut reports), [(A, FAILED_MAX), (B, FAILED_MAX)]);
    }

    #[test]
    fn hard_evidence_behind_bulk_is_counted() {
        let mut reports = Reports::new(1);
        reports.note_bulk(at(1000), A, BULK_LEN);
        for _ in 0..FAILED_MAX {
            reports.note_failure(at(1001), failed(Failure::Reset, 900));
        }
        assert_eq!(tallies(&mut reports), [(A, FAILED_MAX)]);
    }

    #[test]
    fn latencies_across_a_stall_of_ours_are_not_counted() {
        let mut reports = Reports::new(1);
        reports.handle_turn(at(2000), Some(at(1000)));
        answer(&mut reports, 2000, 1500);
        answer(&mut reports, 2001, 30);
        answer(&mut reports, 2030, 30);
        reports.handle_timeout(at(3000));
        assert_eq!(tallies(&mut reports), [(A, 1)], "the last was sent after it");
    }
}
