//! Recovery as workers share it.

#![expect(clippy::disallowed_types, reason = "what is shared in production is shared here")]

use std::sync::Mutex;

use super::super::*;
use crate::config::Rejoin;
use crate::recovery::{Ended, LateEnd, Recovery, RecoverySettings, Routed};
use crate::routing::KeyRoute;

/// One pool's.
#[derive(Debug)]
pub(super) struct Shared(pub(super) Mutex<Recovery>);

impl Shared {
    pub(super) fn new() -> Self {
        let settings = RecoverySettings {
            rejoin: Rejoin::Clean,
            settle_interval: Duration::from_millis(350),
            late_write_grace: Duration::from_secs(1),
            failover_ttl: Duration::from_mins(1),
            misplaced_bytes_max: 1 << 20,
        };
        Self(Mutex::new(Recovery::new(settings, 1)))
    }
}

impl SharedRecovery for Shared {
    fn is_clear(&self, _: PoolId) -> bool {
        self.0.lock().unwrap().is_clear()
    }

    fn route(&self, now: Instant, _: PoolId, route: &KeyRoute<'_>) -> Routed {
        self.0.lock().unwrap().route(now, route)
    }

    fn settle(&self, now: Instant, _: PoolId, ended: &Ended<'_>) -> bool {
        self.0.lock().unwrap().settle(now, ended)
    }

    fn handle_late_end(&self, now: Instant, _: PoolId, server: ServerId, end: LateEnd) {
        self.0.lock().unwrap().handle_late_end(now, server, end);
    }

    fn may_move(&self, now: Instant, _: PoolId) -> bool {
        self.0.lock().unwrap().may_move(now)
    }

    fn handed_over(&self, _: PoolId) -> Option<Arc<RoutingTable>> {
        self.0.lock().unwrap().handed_over()
    }

    fn require_flush(&self, now: Instant, _: PoolId, server: ServerId) {
        self.0.lock().unwrap().require_flush(now, server);
    }
}
