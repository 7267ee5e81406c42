//! Whether a worker's loop keeps up, for another thread to see.
//!
//! On a machine that is short of processors the control plane, which hardly ever runs, is let run
//! at once, while workers and servers that have much to do wait their turn. What a server has sent in
//! time then lies unread, and a canary that is late is no fault of the server. So before one is
//! believed every worker is asked to turn its loop once ([`Pace::has_turned_since`]): what it reads it
//! reports, and if it does not turn it stands still.

use std::sync::atomic::{AtomicU64, Ordering};

use evenkeel_core::Instant;
use evenkeel_core::report::LATENESS_MAX;

/// How one worker's loop turns. Written by it, read by others.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "a moment's name ends so")]
pub struct Pace {
    /// When the present turn began, or the last.
    began_at: AtomicU64,
    /// When the last turn began that has ended.
    turned_at: AtomicU64,
    /// When a stall last ended.
    stalled_at: AtomicU64,
}

impl Pace {
    /// A turn begins.
    pub fn begin_turn(&self, now: Instant) {
        self.began_at.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// The loop had stood still until now.
    pub fn note_stall(&self, now: Instant) {
        self.stalled_at.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// The turn has ended, and what was to be reported has been. If it took long, the loop stood
    /// still in it.
    pub fn end_turn(&self, now: Instant) {
        let began_at = self.began_at.load(Ordering::Relaxed);
        if Instant::from_nanos(began_at) + LATENESS_MAX < now {
            self.note_stall(now);
        }
        // Who sees that the turn has ended sees all that was done in it.
        self.turned_at.store(began_at, Ordering::Release);
    }

    /// Whether a whole turn has begun and ended since then.
    pub fn has_turned_since(&self, since: Instant) -> bool {
        since.as_nanos() <= self.turned_at.load(Ordering::Acquire)
    }

    /// Whether a stall has ended since then.
    pub fn has_stalled_since(&self, since: Instant) -> bool {
        since.as_nanos() <= self.stalled_at.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn a_turn_counts_when_it_is_over_and_from_when_it_began() {
        let pace = Pace::default();
        pace.begin_turn(at(100));
        pace.end_turn(at(101));
        pace.begin_turn(at(110));
        assert!(!pace.has_turned_since(at(105)), "it is not over");
        pace.end_turn(at(112));
        assert!(pace.has_turned_since(at(110)));
        assert!(!pace.has_turned_since(at(111)), "it may have read before that");
    }

    #[test]
    fn a_stall_counts_for_who_waited_before_its_end() {
        let pace = Pace::default();
        assert!(!pace.has_stalled_since(at(1)));
        pace.note_stall(at(100));
        assert!(pace.has_stalled_since(at(100)));
        assert!(!pace.has_stalled_since(at(101)));
    }

    #[test]
    fn a_turn_that_takes_long_is_a_stall_too() {
        let pace = Pace::default();
        pace.begin_turn(at(100));
        pace.end_turn(at(120));
        assert!(!pace.has_stalled_since(at(1)));
        pace.begin_turn(at(200));
        pace.end_turn(at(221));
        assert!(pace.has_stalled_since(at(220)));
    }
}
