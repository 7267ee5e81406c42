//! The pools' misplaced keys, shared by all workers and the control plane.
//!
//! While no key is misplaced a worker reads one flag for each request. Otherwise it takes the
//! pool's lock for as long as one lookup takes. The control plane holds it for a few hundred of those
//! at once. Only when the map doubles its room, or overflows, is it held for longer: some tens of
//! milliseconds at 400,000 keys.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use evenkeel_core::Instant;
use evenkeel_core::recovery::{Ended, LateEnd, Recovery, RecoverySettings, Routed, SharedRecovery};
use evenkeel_core::routing::{KeyRoute, PoolId, RoutingTable, ServerId};

use crate::membership::POOLS_MAX;

/// All pools' misplaced keys.
#[derive(Debug)]
pub struct Misplaced {
    /// By [`PoolId`]; the first so many are there.
    pools: Box<[OnceLock<PoolMap>]>,
    pools_len: AtomicU16,
    seed: u64,
}

#[derive(Debug)]
struct PoolMap {
    recovery: Mutex<Recovery>,
    /// What [`Recovery::is_clear`] said when it was last changed.
    is_clear: AtomicBool,
}

impl Misplaced {
    /// Pools without a misplaced key. `seed` decides how keys are hashed.
    pub fn new(pools: impl Iterator<Item = RecoverySettings>, seed: u64) -> Self {
        let maps = (0..POOLS_MAX).map(|_| OnceLock::new()).collect();
        let misplaced = Self { pools: maps, pools_len: AtomicU16::new(0), seed };
        pools.for_each(|settings| misplaced.add_pool(settings));
        misplaced
    }

    /// A pool more, without a misplaced key.
    ///
    /// # Panics
    /// If there are [`POOLS_MAX`].
    pub(crate) fn add_pool(&self, settings: RecoverySettings) {
        let map = PoolMap {
            recovery: Mutex::new(Recovery::new(settings, self.seed)),
            is_clear: AtomicBool::new(true),
        };
        let idx = self.pools_len.load(Ordering::Acquire);
        let is_new = self.pools[usize::from(idx)].set(map).is_ok();
        assert!(is_new, "only the control plane adds pools");
        self.pools_len.store(idx + 1, Ordering::Release);
    }

    fn map(&self, pool: PoolId) -> &PoolMap {
        self.pools[usize::from(pool.0)].get().expect("a pool is in a table after it is here")
    }

    /// The pools.
    pub fn pools(&self) -> impl Iterator<Item = PoolId> + use<> {
        (0..self.pools_len.load(Ordering::Acquire)).map(PoolId)
    }

    /// One step that nobody sees half of.
    pub fn with<T>(&self, pool: PoolId, step: impl FnOnce(&mut Recovery) -> T) -> T {
        let shared = self.map(pool);
        let mut recovery = shared.recovery.lock().unwrap_or_else(PoisonError::into_inner);
        let result = step(&mut recovery);
        // Under the lock, so that the flag follows the map; and before anything is sent because
        // of this step, so that whoever learns of its effect finds the flag.
        shared.is_clear.store(recovery.is_clear(), Ordering::SeqCst);
        result
    }
}

impl SharedRecovery for Misplaced {
    fn is_clear(&self, pool: PoolId) -> bool {
        self.map(pool).is_clear.load(Ordering::SeqCst)
    }

    fn route(&self, now: Instant, pool: PoolId, route: &KeyRoute<'_>) -> Routed {
        self.with(pool, |recovery| recovery.route(now, route))
    }

    fn settle(&self, now: Instant, pool: PoolId, ended: &Ended<'_>) -> bool {
        self.with(pool, |recovery| recovery.settle(now, ended))
    }

    fn handle_late_end(&self, now: Instant, pool: PoolId, server: ServerId, end: LateEnd) {
        self.with(pool, |recovery| recovery.handle_late_end(now, server, end));
    }

    fn may_move(&self, now: Instant, pool: PoolId) -> bool {
        self.with(pool, |recovery| recovery.may_move(now))
    }

    fn handed_over(&self, pool: PoolId) -> Option<Arc<RoutingTable>> {
        self.with(pool, |recovery| recovery.handed_over())
    }

    fn require_flush(&self, now: Instant, pool: PoolId, server: ServerId) {
        self.with(pool, |recovery| recovery.require_flush(now, server));
    }
}
