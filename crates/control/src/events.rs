//! The last events, for whoever wants to know what happened (P9).
//!
//! The control plane writes; the handle, and whatever surface is built on it, read. The memory is
//! bounded: the oldest events make way, and a reader that comes too late is told how many it has
//! missed. A reader that wants to be woken has an [`EventReader`]; it keeps no event of its own, so
//! that one that is slow costs nobody anything.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_core::Instant;
use evenkeel_core::event::Happening;
use evenkeel_core::routing::ServerId;
use tokio::sync::watch;

use crate::directory::ServerNames;
use crate::shared::Shared;

/// How many events are kept.
pub const EVENTS_MAX: usize = 1024;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// To whom, and what.
    pub what: Occasion,
}

/// What has happened, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Something has happened to a server.
    Server {
        /// By what the rest of the process names it.
        id: ServerId,
        /// What it was called then.
        names: Arc<ServerNames>,
        /// What.
        what: Happening,
    },
    /// A configuration has been applied while the process runs.
    ConfigurationApplied {
        /// What has changed, one line each.
        changes: Arc<[String]>,
        /// What the operator should know, one line each.
        warnings: Arc<[String]>,
    },
    /// A configuration has been refused. What was in effect still is.
    ConfigurationRefused {
        /// Why, line by line; what is indented shows where the fault before it stands.
        faults: Arc<[String]>,
    },
}

impl Occasion {
    /// One word, for logs, metrics, the API and the page.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Server { what, .. } => what.label(),
            Self::ConfigurationApplied { .. } => "configuration-applied",
            Self::ConfigurationRefused { .. } => "configuration-refused",
        }
    }

    /// The server that it has happened to, unless it has happened to the whole process.
    pub fn server(&self) -> Option<(&Arc<ServerNames>, &Happening)> {
        match self {
            Self::Server { names, what, .. } => Some((names, what)),
            Self::ConfigurationApplied { .. } | Self::ConfigurationRefused { .. } => None,
        }
    }
}

impl fmt::Display for Occasion {
    /// In one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { names, what, .. } => write!(f, "{names}: {what}"),
            Self::ConfigurationApplied { changes, warnings } => {
                write!(f, "a new configuration is in effect")?;
                one_line(f, [&**changes, &**warnings].concat().as_slice())
            }
            Self::ConfigurationRefused { faults } => {
                f.write_str("a configuration was refused, the one before is still in effect")?;
                one_line(f, faults)
            }
        }
    }
}

/// The first of some lines, and how many more there are. What is indented belongs to the line before.
fn one_line(f: &mut fmt::Formatter<'_>, lines: &[String]) -> fmt::Result {
    let mut whole = lines.iter().filter(|line| !line.starts_with(' '));
    let Some(first) = whole.next() else { return Ok(()) };
    match whole.count() {
        0 => write!(f, ": {first}"),
        more => write!(f, ": {first} (and {more} more)"),
    }
}

/// The last [`EVENTS_MAX`] events.
#[derive(Debug, Default)]
pub struct EventLog {
    kept: Mutex<Kept>,
    /// Wakes readers.
    end: watch::Sender<End>,
}

/// Where a log ends.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    /// The number of the event that comes next.
    next: u64,
    /// None comes any more.
    is_final: bool,
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
        let next = kept.next;
        drop(kept);
        self.end.send_modify(|end| end.next = next);
    }

    /// Nothing happens any more: readers that have read everything are at the end.
    pub(crate) fn finish(&self) {
        self.end.send_modify(|end| end.is_final = true);
    }

    /// The number of the event that comes next.
    pub fn next_number(&self) -> u64 {
        self.lock().next
    }

    /// The first event from number `since` on that is kept, if it has happened.
    fn first_since(&self, since: u64) -> Option<Numbered> {
        let kept = self.lock();
        let first = kept.next - kept.events.len() as u64;
        let number = since.max(first);
        let event = kept.events.get(usize::try_from(number - first).ok()?)?.clone();
        Some(Numbered { number, missed: number - since, event })
    }

    /// The events from number `since` on. The first event of a process has number 0.
    pub fn since(&self, since: u64) -> Events {
        let kept = self.lock();
        let first = kept.next - kept.events.len() as u64;
        let from = since.max(first);
        let skipped = usize::try_from(from - first).unwrap_or(usize::MAX);
        Events {
            events: kept.events.iter().skip(skipped).cloned().collect(),
            missed: from.min(kept.next).saturating_sub(since),
            next: kept.next,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Whoever panicked with it left a log that is as good as before.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event as a reader is told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number: the first event of a process has 0.
    pub number: u64,
    /// How many events before it this reader would have been told and has missed, because they
    /// were no longer kept when it came.
    pub missed: u64,
    /// What happened.
    pub event: Event,
}

/// Reads one event after another, and waits for those to come:
/// [`Handle::read_events`](crate::Handle::read_events). From any runtime, or none.
#[derive(Debug)]
pub struct EventReader {
    shared: Arc<Shared>,
    next: u64,
    end: watch::Receiver<End>,
}

impl EventReader {
    /// A reader that is told event `since` first.
    pub(crate) fn new(shared: Arc<Shared>, since: u64) -> Self {
        let end = shared.events.end.subscribe();
        Self { shared, next: since, end }
    }

    /// The next event, when it has happened; `None` when the control plane has ended and all has
    /// been told.
    ///
    /// It may be dropped, and no event is lost by it.
    pub async fn next(&mut self) -> Option<Numbered> {
        loop {
            // Read first: what is pushed after this wakes us.
            let is_final = self.end.borrow_and_update().is_final;
            if let Some(told) = self.shared.events.first_since(self.next) {
                self.next = told.number + 1;
                return Some(told);
            }
            if is_final || self.end.changed().await.is_err() {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_core::event::Order;

    use super::*;

    fn event(number: u64) -> Event {
        let pool = "main".parse().expect("a name");
        let names = Arc::new(ServerNames { pool, server: "a".to_owned() });
        let (id, what) = (ServerId(0), Happening::Ordered(Order::Drain));
        Event { at: Instant::from_nanos(number), what: Occasion::Server { id, names, what } }
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
        assert_eq!(log_of(1).first_since(9), None);
    }

    #[test]
    fn one_event_is_told_with_its_number_and_what_was_missed_before_it() {
        let max = EVENTS_MAX as u64;
        let check = |len, since, number, missed| {
            let told = Numbered { number, missed, event: event(number) };
            assert_eq!(log_of(len).first_since(since), Some(told));
        };
        check(3, 0, 0, 0);
        check(3, 2, 2, 0);
        check(max + 5, 0, 5, 5);
        check(max + 5, 4, 5, 1);
        check(max + 5, 5, 5, 0);
        assert_eq!(log_of(3).first_since(3), None);
    }
}
