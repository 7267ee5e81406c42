//! Recovery as workers share it.

#![expect(clippy::disallowed_types, reason = "what is shared in production is shared here")]

use std::sync::{Mutex, MutexGuard};

use super::super::*;
use crate::config::Rejoin;
use crate::recovery::{Ended, LateEnd, Recovery, RecoverySettings, Routed};
use crate::routing::{KeyRoute, PoolId};

/// The first pool's, and the second's if there are two.
#[derive(Debug)]
pub(super) struct Shared(pub(super) Mutex<Recovery>, Mutex<Recovery>);

impl Shared {
    pub(super) fn new() -> Self {
        let settings = RecoverySettings {
            rejoin: Rejoin::Clean,
            settle_interval: Duration::from_millis(350),
            late_write_grace: Duration::from_secs(1),
            failover_ttl: Duration::from_mins(1),
            misplaced_bytes_max: 1 << 20,
        };
        Self(Mutex::new(Recovery::new(settings, 1)), Mutex::new(Recovery::new(settings, 2)))
    }

    fn of(&self, pool: PoolId) -> MutexGuard<'_, Recovery> {
        let recovery = if pool == PoolId(0) { &self.0 } else { &self.1 };
        recovery.lock().unwrap()
    }
}

impl SharedRecovery for Shared {
    fn is_clear(&self, pool: PoolId) -> bool {
        self.of(pool).is_clear()
    }

    fn route(&self, now: Instant, pool: PoolId, route: &KeyRoute<'_>) -> Routed {
        self.of(pool).route(now, route)
    }

    fn settle(&self, now: Instant, pool: PoolId, ended: &Ended<'_>) -> bool {
        self.of(pool).settle(now, ended)
    }

    fn handle_late_end(&self, now: Instant, pool: PoolId, server: ServerId, end: LateEnd) {
        self.of(pool).handle_late_end(now, server, end);
    }

    fn may_move(&self, now: Instant, pool: PoolId) -> bool {
        self.of(pool).may_move(now)
    }

    fn handed_over(&self, pool: PoolId) -> Option<Arc<RoutingTable>> {
        self.of(pool).handed_over()
    }

    fn require_flush(&self, now: Instant, pool: PoolId, server: ServerId) {
        self.of(pool).require_flush(now, server);
    }
}
