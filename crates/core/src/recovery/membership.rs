//! Servers that join and leave, and keys that belong elsewhere from one moment on: rule 9.
//!
//! # Intuition
//! A new configuration moves homes. While some workers still route by the old one and some by the
//! new, an unmarked write at the new home would not be seen by a read at the old one. So for the
//! length of a handover every request of the pool asks here ([`Recovery::is_clear`] is false), and
//! here the change is one step under one lock, whatever table the asker has.
//!
//! # The steps of the control plane
//! 1. [`Recovery::begin_handover`], then wait until every worker has seen that: from then on all of
//!    them ask.
//! 2. [`Recovery::hand_over`]: from this step on every request is routed by the new table.
//! 3. Publish that table, and wait until every worker has it: [`Recovery::end_handover`].
//!
//! The control plane waits for workers; no worker waits for anybody.
//!
//! # Hard cases
//! - *A server that was a key's home* holds an old value from the next write on, and nobody knows of
//!   which keys. It is never diverted to for such a key ([`crate::routing::Former`]).
//! - *A write home is in flight when its key's home changes.* It was routed before, and may be the
//!   last or not: the two overlap. But it may not be tried again after those of its session that
//!   went to the new home: [`Recovery::may_move`] is false until every such write has ended.
//! - *`flush_all` from a worker whose table lags* must reach those who have joined: others write
//!   there already. It goes to the servers of [`Recovery::handed_over`].
//! - *A key comes home to a server that stood in for its last home, and the key's entry was given up*
//!   (rule 8). A diverted value may live there until `failover_ttl` has passed: until then the server
//!   is passed over for the key, as it was while it stood in.
//! - *A server that has left is asked to come back* while writes to it may still be carried out.
//!   What is remembered of those stays ([`Recovery::handle_left`]), and the flush that it needs
//!   waits for them.
//! - *A key comes home to a server that was its home before the last.* That one may hold an older
//!   value, and is its home: reads find it. Nothing short of a flush helps, and that costs all that
//!   is good there. The operator is told (DESIGN, rule 9).

use std::sync::Arc;

use crate::Instant;
use crate::recovery::{Recovery, RecoverySettings};
use crate::routing::{PoolId, RoutingTable, ServerId};

/// How far a handover is.
#[derive(Clone, Debug)]
pub(super) enum Handover {
    /// There is none.
    None,
    /// Everybody is to ask.
    Begun,
    /// Whoever asks is routed by this table.
    By(Arc<RoutingTable>, PoolId),
}

impl Handover {
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// What to route by, whatever table the asker has.
    pub(super) fn table(&self) -> Option<(Arc<RoutingTable>, PoolId)> {
        match self {
            Self::None | Self::Begun => None,
            Self::By(table, pool) => Some((Arc::clone(table), *pool)),
        }
    }
}

impl Recovery {
    /// Has everybody ask: keys of this pool are about to belong elsewhere.
    pub fn begin_handover(&mut self) {
        self.handover = Handover::Begun;
    }

    /// From now on keys belong where `table` says. Again while the handover lasts if there is a
    /// newer table.
    pub fn hand_over(&mut self, pool: PoolId, table: Arc<RoutingTable>) {
        self.handover = Handover::By(table, pool);
    }

    /// Every worker has the table.
    pub fn end_handover(&mut self, now: Instant) {
        self.handover = Handover::None;
        self.settled_at = now + self.settings.settle_interval;
    }

    /// The table by which keys belong where they do, while not every worker has it.
    pub fn handed_over(&self) -> Option<Arc<RoutingTable>> {
        self.handover.table().map(|(table, _)| table)
    }

    /// Whether a handover is on its way.
    pub fn is_handing_over(&self) -> bool {
        !self.handover.is_none()
    }

    /// Whether a write that was routed before may be sent elsewhere now.
    pub fn may_move(&self, now: Instant) -> bool {
        self.handover.is_none() && self.settled_at <= now
    }

    /// What can be set has been set anew.
    pub fn set_settings(&mut self, settings: RecoverySettings) {
        self.settings = settings;
    }

    /// The server is no longer in any pool. Nothing that it holds is read any more; what it may
    /// still be sent late stays remembered, should it come back.
    pub fn handle_left(&mut self, server: ServerId) {
        self.left.insert(server);
        self.stale_lens.clear(server);
        for entry in self.entries.values_mut() {
            entry.holder.take_if(|holder| *holder == server);
            entry.stale.retain(|stale| *stale != server);
        }
        if let Some(marks) = self.servers.get_mut(&server) {
            marks.flush = None;
            marks.closed_until = None;
        }
    }

    /// The server is in a pool, again perhaps.
    pub fn handle_joined(&mut self, server: ServerId) {
        self.left.remove(&server);
    }

    /// A server that has left will not come back under this id.
    pub fn forget_server(&mut self, server: ServerId) {
        self.left.remove(&server);
        self.servers.remove(&server);
    }
}
