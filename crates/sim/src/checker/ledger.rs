//! When each request was taken in by its worker, and when each byte of an answer left it.
//!
//! Measured at the worker, not at the application: delays of the network between the two, and an
//! application that does not read, are not the worker's doing. A request that waits behind
//! back-pressure has not been taken in.

use std::collections::{BTreeMap, VecDeque};

use evenkeel_core::Instant;

use crate::network::LinkId;

/// One session's times.
#[derive(Debug, Default)]
pub struct Ledger {
    /// When each request was taken in; oldest first, those that have been answered left out.
    received: VecDeque<Instant>,
    /// How many bytes of answers there had been, and when.
    produced: VecDeque<(u64, Instant)>,
}

/// When a request was taken in and its answer was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// `None` if it never was, which is wrong of an answered request.
    pub received_at: Option<Instant>,
    /// When the last byte of the answer was there.
    pub answered_at: Instant,
}

/// The ledgers of all sessions, by the link that the application holds.
#[derive(Debug, Default)]
pub struct Ledgers(BTreeMap<LinkId, Ledger>);

impl Ledgers {
    /// A worker has taken in so many requests of a session.
    pub fn note_received(&mut self, link: LinkId, now: Instant, len: u64) {
        let ledger = self.0.entry(link).or_default();
        ledger.received.extend((0..len).map(|_| now));
    }

    /// There have now been `total` bytes of answers for a session.
    pub fn note_produced(&mut self, link: LinkId, now: Instant, total: u64) {
        let ledger = self.0.entry(link).or_default();
        if ledger.produced.back().is_none_or(|(before, _)| *before < total) {
            ledger.produced.push_back((total, now));
        }
    }

    /// The session's oldest request was answered by the bytes up to `position`.
    pub fn take_answered(&mut self, link: LinkId, position: u64) -> Taken {
        let ledger = self.0.entry(link).or_default();
        while ledger.produced.front().is_some_and(|(total, _)| *total < position) {
            ledger.produced.pop_front();
        }
        let answered_at = ledger.produced.front().map_or(Instant::ZERO, |(_, at)| *at);
        Taken { received_at: ledger.received.pop_front(), answered_at }
    }

    /// The session's oldest request calls for no answer. Says when it was taken in.
    pub fn take_unanswered(&mut self, link: LinkId) -> Option<Instant> {
        self.0.entry(link).or_default().received.pop_front()
    }

    /// The session is over.
    pub fn forget(&mut self, link: LinkId) {
        self.0.remove(&link);
    }
}
