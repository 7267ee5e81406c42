//! What workers ask recovery, what they are told, and what they tell it.

use std::fmt;
use std::sync::Arc;

use crate::Instant;
use crate::failure::Failure;
use crate::recovery::Generation;
use crate::routing::{KeyRoute, PoolId, RoutingTable, ServerId};

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routed {
    /// To a server.
    To {
        /// The server.
        server: ServerId,
        /// It is the key's home.
        is_home: bool,
        /// The request was marked; to be given back by [`super::Recovery::settle`].
        mark: Option<Generation>,
    },
    /// Nowhere: the delete is remembered, and may be acknowledged.
    Remembered,
    /// Nowhere.
    Nowhere(Failure),
}

/// How a write or delete that was sent has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was answered: what became of it is known.
    Known,
    /// It was never sent.
    Unsent,
    /// It was given up. Its connection lives and may still answer it:
    /// [`super::Recovery::handle_late_end`] follows.
    Late,
    /// Its connection is lost.
    Lost,
    /// The server refused it for a reason of its own, and it is to be tried elsewhere.
    Refused,
}

/// How a write that was given up has ended after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LateEnd {
    /// It was answered.
    Answered,
    /// Its connection is lost.
    Lost,
}

/// An attempt that has ended, as far as recovery cares.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Where it was sent.
    pub server: ServerId,
    /// What [`Routed`] said.
    pub mark: Option<Generation>,
    /// How it ended.
    pub fate: Fate,
}

/// The way of all workers to their pools' recovery.
///
/// Each call is one step that no other caller sees half of.
pub trait SharedRecovery: fmt::Debug + Send + Sync {
    /// See [`super::Recovery::is_clear`].
    fn is_clear(&self, pool: PoolId) -> bool;
    /// See [`super::Recovery::route`].
    fn route(&self, now: Instant, pool: PoolId, route: &KeyRoute<'_>) -> Routed;
    /// See [`super::Recovery::settle`].
    fn settle(&self, now: Instant, pool: PoolId, ended: &Ended<'_>) -> bool;
    /// See [`super::Recovery::handle_late_end`].
    fn handle_late_end(&self, now: Instant, pool: PoolId, server: ServerId, end: LateEnd);
    /// See [`super::Recovery::may_move`].
    fn may_move(&self, now: Instant, pool: PoolId) -> bool;
    /// See [`super::Recovery::handed_over`].
    fn handed_over(&self, pool: PoolId) -> Option<Arc<RoutingTable>>;
    /// See [`super::Recovery::require_flush`].
    fn require_flush(&self, now: Instant, pool: PoolId, server: ServerId);
}
