//! Whether the process that answers is the one that answered before.
//!
//! A process that has ended has forgotten everything. What was held against its server, the keys
//! of which it may have had an old value, then need not be cleaned. To believe it of a process that
//! has *not* ended is a stale read, so two facts must agree:
//!
//! - **A canary was refused** since the last good one: at that moment nobody listened, so whatever
//!   listens now began later. But a middlebox may refuse on behalf of a server that is well.
//! - **The process says that it began later**, by its uptime. But an uptime is in whole seconds,
//!   memcached's begins at 2, and it stands still while the process does: after a hang of 15 s it
//!   is up to 15 s behind until the next tick of the server's clock.
//!
//! What was sent before the earlier of the two is gone. Without a refusal nothing is: a process
//! that says it is young may have been stopped.
//!
//! The same number (`pid`) may belong to two processes, one after the other: in a container every
//! server is process 1. And two numbers may be seen without a restart, when an address is given to
//! another server: that is an event too, and the uptime bounds what is gone.

use std::time::Duration;

use crate::time::Instant;

/// What a server says about its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its process id.
    pub pid: u64,
    /// For how long it says it has been running; in whole seconds, and not exact.
    pub uptime: Duration,
}

impl Identity {
    /// The identity in a server's whole answer to `stats`; `None` if it does not say, or not in
    /// memcached's way.
    pub fn from_stats(answer: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(answer).ok()?;
        let (mut pid, mut uptime) = (None, None);
        for line in text.strip_suffix("END\r\n")?.split_terminator("\r\n") {
            let (name, value) = line.strip_prefix("STAT ")?.split_once(' ')?;
            match name {
                "pid" => pid = Some(value.parse().ok()?),
                "uptime" => uptime = Some(Duration::from_secs(value.parse().ok()?)),
                _ => {}
            }
        }
        Some(Self { pid: pid?, uptime: uptime? })
    }
}

/// What is known of the process behind a server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lineage {
    known: Option<Process>,
    /// When the last canary was sent that was refused, if none was good since.
    refused_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Process {
    pid: u64,
    /// Nanoseconds on our clock, by what it says; servers may be older than we are.
    started: i64,
}

/// A new process was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Restarted {
    /// What was sent before is gone.
    pub(super) lost_before: Option<Instant>,
}

/// How far an uptime may be ahead of the truth.
const UPTIME_SLACK: Duration = Duration::from_secs(3);

impl Lineage {
    /// A canary that was sent at `sent_at` was refused.
    pub(super) fn handle_refused(&mut self, sent_at: Instant) {
        self.refused_at = Some(sent_at);
    }

    /// A canary that was sent at `sent_at` was answered by this process.
    pub(super) fn handle_identity(
        &mut self,
        sent_at: Instant,
        identity: Identity,
    ) -> Option<Restarted> {
        let started = nanos(sent_at).saturating_sub(length(identity.uptime));
        let refused_at = self.refused_at.take();
        let before = self.known;
        let now = Process { pid: identity.pid, started };
        let Some(before) = before else {
            self.known = Some(now);
            return None;
        };
        let is_same_number = before.pid == now.pid;
        let is_younger = started > before.started.saturating_add(length(UPTIME_SLACK));
        if is_same_number && !(is_younger && refused_at.is_some()) {
            // The same process, at most behind with its clock.
            self.known = Some(Process { started: started.min(before.started), ..now });
            return None;
        }
        self.known = Some(now);
        let said = started.saturating_sub(length(UPTIME_SLACK));
        let said = Instant::from_nanos(u64::try_from(said).unwrap_or_default());
        Some(Restarted { lost_before: refused_at.map(|at| at.min(said)) })
    }
}

fn nanos(at: Instant) -> i64 {
    i64::try_from(at.as_nanos()).unwrap_or(i64::MAX)
}

fn length(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(secs)
    }

    fn identity(pid: u64, uptime_secs: u64) -> Identity {
        Identity { pid, uptime: Duration::from_secs(uptime_secs) }
    }

    /// A server that answered as process 7, 1000 s old, at 100 s.
    fn known() -> Lineage {
        let mut lineage = Lineage::default();
        assert_eq!(lineage.handle_identity(at(100), identity(7, 1000)), None);
        lineage
    }

    #[test]
    fn an_identity_is_read_from_a_whole_answer_to_stats() {
        let check = |answer: &str, wanted| {
            assert_eq!(Identity::from_stats(answer.as_bytes()), wanted, "{answer:?}");
        };
        let answer = "STAT pid 7\r\nSTAT uptime 12\r\nSTAT version 1.6 x\r\nEND\r\n";
        check(answer, Some(identity(7, 12)));
        for len in 0..answer.len() {
            check(&answer[..len], None);
        }
        check("STAT uptime 12\r\nEND\r\n", None);
        check("STAT pid 7\r\nEND\r\n", None);
        check("STAT pid -7\r\nSTAT uptime 12\r\nEND\r\n", None);
        check("STAT pid 7\r\nuptime 12\r\nEND\r\n", None);
        check("ERROR\r\n", None);
    }

    #[test]
    fn the_first_process_seen_is_no_restart() {
        let mut lineage = Lineage::default();
        lineage.handle_refused(at(1));
        assert_eq!(lineage.handle_identity(at(2), identity(7, 0)), None);
    }

    #[test]
    fn the_same_process_is_no_restart() {
        let mut lineage = known();
        assert_eq!(lineage.handle_identity(at(110), identity(7, 1010)), None);
        lineage.handle_refused(at(112));
        assert_eq!(lineage.handle_identity(at(113), identity(7, 1013)), None, "a middlebox");
    }

    #[test]
    fn a_process_whose_clock_stood_still_is_no_restart() {
        let mut lineage = known();
        assert_eq!(lineage.handle_identity(at(115), identity(7, 1000)), None);
        // Nor does what it said then count for later.
        lineage.handle_refused(at(116));
        assert_eq!(lineage.handle_identity(at(117), identity(7, 1014)), None);
    }

    #[test]
    fn another_number_is_a_restart_and_without_a_refusal_nothing_is_certain() {
        let mut lineage = known();
        let restarted = lineage.handle_identity(at(110), identity(8, 2));
        assert_eq!(restarted, Some(Restarted { lost_before: None }));
    }

    #[test]
    fn what_was_sent_before_the_last_refusal_is_gone() {
        let mut lineage = known();
        lineage.handle_refused(at(105));
        lineage.handle_refused(at(106));
        // It says it began at 110.
        let restarted = lineage.handle_identity(at(115), identity(8, 5));
        assert_eq!(restarted, Some(Restarted { lost_before: Some(at(106)) }));
    }

    #[test]
    fn an_uptime_is_believed_to_within_three_seconds() {
        let mut lineage = known();
        lineage.handle_refused(at(109));
        let restarted = lineage.handle_identity(at(112), identity(8, 2));
        assert_eq!(restarted, Some(Restarted { lost_before: Some(at(107)) }));
    }

    #[test]
    fn a_refusal_before_the_last_good_canary_does_not_count() {
        let mut lineage = known();
        lineage.handle_refused(at(105));
        assert_eq!(lineage.handle_identity(at(106), identity(7, 1006)), None);
        let restarted = lineage.handle_identity(at(110), identity(8, 1));
        assert_eq!(restarted, Some(Restarted { lost_before: None }));
    }

    #[test]
    fn the_same_number_again_is_a_restart_if_it_was_refused_and_is_younger() {
        let mut lineage = known();
        lineage.handle_refused(at(110));
        let restarted = lineage.handle_identity(at(115), identity(7, 3));
        assert_eq!(restarted, Some(Restarted { lost_before: Some(at(109)) }));
        // To within the slack it is not younger.
        let mut lineage = known();
        lineage.handle_refused(at(110));
        assert_eq!(lineage.handle_identity(at(115), identity(7, 1012)), None);
        let mut lineage = known();
        lineage.handle_refused(at(110));
        assert!(lineage.handle_identity(at(115), identity(7, 1011)).is_some());
    }

    #[test]
    fn a_server_that_took_over_the_address_is_bound_by_its_uptime() {
        let mut lineage = known();
        lineage.handle_refused(at(110));
        let restarted = lineage.handle_identity(at(115), identity(8, 9999));
        assert_eq!(restarted, Some(Restarted { lost_before: Some(at(0)) }));
    }
}
