//! The last events, for whoever wants to know what happened (P9).
//!
//! The control plane writes; the handle, and whatever surface is built on it, read. The memory is
//! bounded: the oldest events make way, and a reader that comes too late is told how many it has
//! missed.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use evenkeel_core::event::Event;

/// How many events are kept.
pub const EVENTS_MAX: usize = 1024;

/// The last [`EVENTS_MAX`] events.
#[derive(Debug, Default)]
pub struct EventLog {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Event>,
    /// The number of the event that comes next.
    next: u64,
}

/// What there is to read of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// Oldest first; the first has the number that was asked for, plus `missed`.
    pub events: Vec<Event>,
    /// How many of those asked for are no longer kept.
    pub missed: u64,
    /// Ask for this number next.
    pub next: u64,
}

impl EventLog {
    /// Something has happened.
    pub fn push(&self, event: Event) {
        let mut kept = self.lock();
        if kept.events.len() == EVENTS_MAX {
            kept.events.pop_front();
        }
        kept.events.push_back(event);
        kept.next += 1;
    }

    /// The events from number `since` on. The first event of a process has number 0.
    pub fn since(&self, since: u64) -> Events {
        let kept = self.lock();
        let first = kept.next - kept.events.len() as u64;
        let from = since.max(first);
        let skipped = usize::try_from(from - first).unwrap_or(usize::MAX);
        Events {
            events: kept.events.iter().skip(skipped).copied().collect(),
            missed: from.min(kept.next).saturating_sub(since),
            next: kept.next,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Whoever panicked with it left a log that is as good as before.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_core::Instant;
    use evenkeel_core::event::{Happening, Order};
    use evenkeel_core::routing::ServerId;

    use super::*;

    fn event(number: u64) -> Event {
        let at = Instant::from_nanos(number);
        Event { at, server: ServerId(0), what: Happening::Ordered(Order::Drain) }
    }

    fn log_of(len: u64) -> EventLog {
        let log = EventLog::default();
        (0..len).for_each(|number| log.push(event(number)));
        log
    }

    #[track_caller]
    fn check(log: &EventLog, since: u64, numbers: std::ops::Range<u64>, missed: u64) {
        let read = log.since(since);
        assert_eq!(read.events, numbers.clone().map(event).collect::<Vec<_>>());
        assert_eq!((read.missed, read.next), (missed, numbers.end));
    }

    #[test]
    fn events_are_read_from_a_number_on() {
        let log = log_of(3);
        check(&log, 0, 0..3, 0);
        check(&log, 2, 2..3, 0);
        check(&log, 3, 3..3, 0);
    }

    #[test]
    fn a_log_keeps_the_last_and_says_how_many_are_missed() {
        let max = EVENTS_MAX as u64;
        check(&log_of(max), 0, 0..max, 0);
        check(&log_of(max + 2), 0, 2..max + 2, 2);
        check(&log_of(max + 2), 2, 2..max + 2, 0);
    }

    #[test]
    fn a_number_that_has_not_been_given_yet_has_no_events() {
        let read = log_of(1).since(9);
        assert_eq!((read.events.len(), read.missed, read.next), (0, 0, 1));
    }
}
