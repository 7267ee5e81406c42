//! What happens next: virtual time and the events to come.
//!
//! Events are ordered by time, and those of one time by the order in which they were entered, so
//! that a run is one fixed sequence.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::report::Report;
use evenkeel_core::routing::{PoolId, ServerId};

use crate::network::{End, LinkId};
use crate::options::Phase;

/// Something that is going to happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something that was sent on a link arrives at its end `to`.
    Arrive {
        /// The link.
        link: LinkId,
        /// Where.
        to: End,
    },
    /// A connect arrives at its far end.
    Connect {
        /// The link to be.
        link: LinkId,
    },
    /// An end of a link is told about it.
    Notice {
        /// The link.
        link: LinkId,
        /// Which end.
        to: End,
        /// What.
        notice: Notice,
    },
    /// A worker's driver takes a turn.
    Turn {
        /// The worker.
        worker: usize,
    },
    /// The near end of a link that went into a black hole has waited long enough.
    GiveUp {
        /// The link.
        link: LinkId,
    },
    /// A model server looks at one of its connections.
    Serve {
        /// The server.
        server: usize,
        /// The connection.
        link: LinkId,
    },
    /// An application does something.
    Act {
        /// The application.
        application: usize,
    },
    /// A worker's evidence reaches the control plane.
    Evidence(Box<Report>),
    /// The control plane's timer for a pool.
    Control(PoolId),
    /// A table reaches a worker.
    Publish {
        /// The worker.
        worker: usize,
        /// Which of the tables made so far.
        version: usize,
    },
    /// Who is in the pool may change.
    Reconfigure,
    /// Every worker has what a change of that waited for.
    Handover,
    /// Something breaks.
    Break,
    /// A server is mended if it still has the fault of this number.
    Mend {
        /// The server.
        server: ServerId,
        /// The fault.
        fault: u64,
    },
    /// The next phase of the run begins.
    Begin(Phase),
}

/// What an end of a link is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// To the far end: somebody has connected.
    Opened,
    /// To the near end: it is connected.
    Connected,
    /// To the near end: nobody listens there.
    Refused,
    /// There is something to read, be it the end.
    Readable,
    /// There may be room to write.
    Writable,
}

/// Virtual time, and the events to come. At first it is the start of time, and nothing is.
#[derive(Debug, Default)]
pub struct Agenda {
    now: Instant,
    entered: u64,
    events: BinaryHeap<Reverse<Entry>>,
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    number: u64,
    event: Event,
}

impl Agenda {
    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Enters an event for a time that is not past.
    pub fn at(&mut self, at: Instant, event: Event) {
        let entry = Entry { at: at.max(self.now), number: self.entered, event };
        self.entered += 1;
        self.events.push(Reverse(entry));
    }

    /// Enters an event to happen after `interval`.
    pub fn after(&mut self, interval: Duration, event: Event) {
        self.at(self.now + interval, event);
    }

    /// The next event; time moves to it.
    pub fn pop(&mut self) -> Option<Event> {
        let Reverse(entry) = self.events.pop()?;
        self.now = entry.at;
        Some(entry.event)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_of_one_time_happen_in_the_order_they_were_entered() {
        let mut agenda = Agenda::default();
        let turn = |worker| Event::Turn { worker };
        agenda.after(Duration::from_millis(2), turn(2));
        agenda.after(Duration::from_millis(1), turn(0));
        agenda.after(Duration::from_millis(1), turn(1));
        let order: Vec<_> = std::iter::from_fn(|| agenda.pop()).collect();
        assert_eq!(order, [turn(0), turn(1), turn(2)]);
        assert_eq!(agenda.now(), Instant::from_nanos(2_000_000));
    }
}
