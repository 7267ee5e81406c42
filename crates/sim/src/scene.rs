//! What every part of the world can reach: time, the network, the checker and the trace.

use std::time::Duration;

use evenkeel_core::Instant;

use crate::agenda::{Agenda, Event};
use crate::calls::Calls;
use crate::checker::{Checker, Promise};
use crate::control::Tables;
use crate::dice::Dice;
use crate::network::{End, LinkId, Network, Peer, Read};
use crate::options::{Options, Phase};
use crate::trace::{Note, Sink, Trace};

/// See the module's documentation.
#[derive(Debug)]
pub struct Scene {
    /// What the run is made of.
    pub options: Options,
    /// Which part of the run this is.
    pub phase: Phase,
    /// Time, and the events to come.
    pub agenda: Agenda,
    /// The links.
    pub network: Network,
    /// The calls that are on their way.
    pub calls: Calls,
    /// The routing tables made so far.
    pub tables: Tables,
    /// What was promised.
    pub checker: Checker,
    trace: Trace,
}

impl Scene {
    /// The scene at the start of a run.
    pub fn new(options: Options, dice: Dice, sink: Option<Sink>) -> Self {
        Self {
            phase: Phase::Chaos,
            agenda: Agenda::default(),
            network: Network::new(options.network.clone(), dice),
            calls: Calls::default(),
            tables: Tables::new(&options),
            checker: Checker::new(&options),
            trace: Trace::new(sink),
            options,
        }
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.agenda.now()
    }

    /// Something happened.
    pub fn note(&mut self, note: Note<'_>) {
        self.trace.note(self.agenda.now(), note);
    }

    /// The same for two runs in which the same happened.
    pub fn trace_hash(&self) -> u64 {
        self.trace.hash()
    }

    /// A promise is broken.
    pub fn report(&mut self, promise: Promise, what: String) {
        self.checker.report(promise, self.agenda.now(), what);
    }

    /// Enters an event after a time of at most `interval_max`.
    pub fn soon(&mut self, interval_max: Duration, dice: &mut Dice, event: Event) {
        let interval = dice.duration(Duration::ZERO, interval_max);
        self.agenda.after(interval, event);
    }

    /// See [`Network::connect`].
    pub fn connect(&mut self, near: Peer, far: Peer) -> LinkId {
        self.network.connect(&mut self.agenda, near, far)
    }

    /// See [`Network::write`].
    pub fn write(&mut self, link: LinkId, from: End, bytes: &[u8]) -> usize {
        self.network.write(&mut self.agenda, link, from, bytes)
    }

    /// See [`Network::read`].
    pub fn read(&mut self, link: LinkId, end: End, len_max: usize) -> Read {
        self.network.read(&mut self.agenda, link, end, len_max)
    }

    /// See [`Network::close`].
    pub fn close(&mut self, link: LinkId, end: End) {
        self.network.close(&mut self.agenda, link, end);
    }

    /// See [`Network::abort`].
    pub fn abort(&mut self, link: LinkId, end: End) {
        self.network.abort(&mut self.agenda, link, end);
    }
}
