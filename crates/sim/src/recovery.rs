//! The map of misplaced keys that all workers of a run share, and what can be done wrong with it.
//!
//! Workers and the control plane reach core's [`Recovery`] through a [`SharedMap`]. Whole, it
//! passes everything on. With a [`Sabotage`] of recovery one protection is off, as if core did
//! not have it, and core itself stays as it is.
//!
//! # Hard cases
//! - Some of what core does in one step has to be undone here after it: a mark is settled at once,
//!   a server taken out of the stale ones again. Such an undoing is a step of cleaning that never
//!   was (`Inner::forge`), made on a copy of the map in which nothing stands in its way.

use std::collections::BTreeMap;
use std::sync::Arc;
#[expect(
    clippy::disallowed_types,
    reason = "workers share the map by a trait made for threads"
)]
use std::sync::Mutex;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::recovery::{
    Cleaning, Ended, Fate, Generation, LateEnd, Recovery, RecoverySettings, Routed, SharedRecovery,
    Step, Taken,
};
use evenkeel_core::routing::{Effect, KeyRoute, PoolId, RoutingTable, ServerId, Usable};

use crate::sabotage::Sabotage;

/// The map of one pool, for everybody who asks it.
#[derive(Clone, Debug)]
#[expect(clippy::disallowed_types, reason = "the trait is made for threads; here there is one")]
pub struct SharedMap(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    pool: PoolId,
    recovery: Recovery,
    settings: RecoverySettings,
    sabotage: Option<Sabotage>,
    /// Marks that were given out and have not come back.
    marked: Vec<Marked>,
    /// Who has each key, by the marks given out.
    holders: BTreeMap<Box<[u8]>, ServerId>,
    /// Requests that should have been marked.
    unmarked: Vec<Unmarked>,
}

/// A mark that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Marked {
    key: Box<[u8]>,
    server: ServerId,
    mark: Generation,
}

/// A request that is marked when its response has come.
#[derive(Debug)]
struct Unmarked {
    key: Box<[u8]>,
    effect: Effect,
    server: ServerId,
    table: RoutingTable,
}

impl SharedMap {
    /// A map without entries.
    #[expect(clippy::disallowed_types, reason = "as above")]
    pub fn new(
        pool: PoolId,
        mut settings: RecoverySettings,
        sabotage: Option<Sabotage>,
        seed: u64,
    ) -> Self {
        if sabotage == Some(Sabotage::IgnoreLateWrites) {
            settings.late_write_grace = Duration::ZERO;
        }
        Self(Arc::new(Mutex::new(Inner {
            pool,
            recovery: Recovery::new(settings, seed),
            settings,
            sabotage,
            marked: Vec::new(),
            holders: BTreeMap::new(),
            unmarked: Vec::new(),
        })))
    }

    fn with<T>(&self, take: impl FnOnce(&mut Inner) -> T) -> T {
        take(&mut self.0.lock().expect("nobody panics and lives"))
    }

    /// The steps of cleaning to take now, at most `len_max` of them.
    pub fn poll_cleaning(
        &self,
        now: Instant,
        table: &RoutingTable,
        len_max: usize,
    ) -> Vec<Cleaning> {
        self.with(|inner| inner.poll_cleaning(now, table, len_max))
    }

    /// A step has been taken, or has failed.
    pub fn handle_cleaned(
        &self,
        now: Instant,
        table: &RoutingTable,
        cleaning: &Cleaning,
        is_done: bool,
    ) {
        self.with(|inner| inner.handle_cleaned(now, table, cleaning, is_done));
    }

    /// Anything else that the control plane has to ask or to say.
    pub fn with_recovery<T>(&self, take: impl FnOnce(&mut Recovery) -> T) -> T {
        self.with(|inner| take(&mut inner.recovery))
    }
}

/// The maps of all pools, by their numbers, for workers.
#[derive(Clone, Debug)]
pub struct SharedMaps(pub Vec<SharedMap>);

impl SharedMaps {
    fn with<T>(&self, pool: PoolId, take: impl FnOnce(&mut Inner) -> T) -> T {
        self.0[usize::from(pool.0)].with(take)
    }
}

impl SharedRecovery for SharedMaps {
    fn is_clear(&self, pool: PoolId) -> bool {
        self.with(pool, |inner| inner.recovery.is_clear())
    }

    fn route(&self, now: Instant, pool: PoolId, route: &KeyRoute<'_>) -> Routed {
        self.with(pool, |inner| inner.route(now, route))
    }

    fn settle(&self, now: Instant, pool: PoolId, ended: &Ended<'_>) -> bool {
        self.with(pool, |inner| inner.settle(now, ended))
    }

    fn handle_late_end(&self, now: Instant, pool: PoolId, server: ServerId, end: LateEnd) {
        self.with(pool, |inner| {
            if inner.sabotage != Some(Sabotage::IgnoreLateWrites) {
                inner.recovery.handle_late_end(now, server, end);
            }
        });
    }

    fn may_move(&self, now: Instant, pool: PoolId) -> bool {
        self.with(pool, |inner| inner.recovery.may_move(now))
    }

    fn handed_over(&self, pool: PoolId) -> Option<Arc<RoutingTable>> {
        self.with(pool, |inner| inner.recovery.handed_over())
    }

    fn require_flush(&self, now: Instant, pool: PoolId, server: ServerId) {
        self.with(pool, |inner| inner.recovery.require_flush(now, server));
    }
}

impl Inner {
    fn route(&mut self, now: Instant, route: &KeyRoute<'_>) -> Routed {
        match self.sabotage {
            Some(Sabotage::ReadByTable) if route.effect == Effect::Reads => {
                Recovery::new(self.settings, 0).route(now, route)
            }
            Some(Sabotage::MarkLate) => self.route_unmarked(now, route),
            _ => {
                let routed = self.recovery.route(now, route);
                if let Routed::To { server, mark: Some(mark), .. } = routed {
                    self.note_marked(now, route, server, mark);
                }
                routed
            }
        }
    }

    /// Says where to, and leaves the map as it is.
    fn route_unmarked(&mut self, now: Instant, route: &KeyRoute<'_>) -> Routed {
        let routed = self.recovery.clone().route(now, route);
        match routed {
            Routed::To { server, mark: Some(_), .. } => self.unmarked.push(Unmarked {
                key: route.key.into(),
                effect: route.effect,
                server,
                table: route.table.clone(),
            }),
            Routed::To { .. } | Routed::Nowhere(_) => {}
            Routed::Remembered => return self.recovery.route(now, route),
        }
        routed
    }

    fn note_marked(
        &mut self,
        now: Instant,
        route: &KeyRoute<'_>,
        server: ServerId,
        mark: Generation,
    ) {
        let marked = Marked { key: route.key.into(), server, mark };
        match self.sabotage {
            Some(Sabotage::CleanInFlight) => {
                self.recovery.settle(now, &marked.ended(Fate::Known));
            }
            Some(Sabotage::IgnoreGeneration) => self.marked.push(marked),
            Some(Sabotage::TrustFormerHolder) => {
                let former = self.holders.insert(route.key.into(), server);
                self.marked.push(marked);
                if let Some(former) = former.filter(|it| *it != server && *it != route.home()) {
                    let step = Step::DeleteStale(route.key.into());
                    self.pretend(now, route.table, former, &step);
                }
            }
            _ => {}
        }
    }

    fn settle(&mut self, now: Instant, ended: &Ended<'_>) -> bool {
        let is_known = matches!(ended.fate, Fate::Known | Fate::Unsent);
        self.forget_marked(ended, is_known);
        match self.sabotage {
            Some(Sabotage::ForgetUnknownFate) => {
                if ended.mark.is_some() {
                    self.recovery.settle(now, &Ended { fate: Fate::Known, ..*ended });
                }
                false
            }
            Some(Sabotage::CleanInFlight) => {
                !is_known && self.recovery.settle(now, &Ended { mark: None, ..*ended })
            }
            Some(Sabotage::MarkLate) if ended.mark.is_some() => self.settle_unmarked(now, ended),
            Some(Sabotage::IgnoreLateWrites) => {
                let is_kept_away = self.recovery.settle(now, ended);
                self.forget_late(now, ended);
                is_kept_away
            }
            _ => self.recovery.settle(now, ended),
        }
    }

    /// Its response has come: marks it now, and settles that.
    fn settle_unmarked(&mut self, now: Instant, ended: &Ended<'_>) -> bool {
        let is_it = |it: &Unmarked| *it.key == *ended.key && it.server == ended.server;
        let Some(idx) = self.unmarked.iter().position(is_it) else { return false };
        let Unmarked { key, effect, server, table } = self.unmarked.swap_remove(idx);
        let can_send = |other| other == server;
        let table = all_usable(&table);
        let (pool, key) = (table.pool(self.pool), &*key);
        let route = KeyRoute { table: &table, pool, key, effect, can_send: &can_send };
        let mark = match self.recovery.route(now, &route) {
            Routed::To { mark, .. } => mark,
            Routed::Remembered | Routed::Nowhere(_) => None,
        };
        let is_settled = mark.is_some() || !matches!(ended.fate, Fate::Known | Fate::Unsent);
        is_settled && self.recovery.settle(now, &Ended { mark, ..*ended })
    }

    /// Has the server look as if no write there were without an answer.
    fn forget_late(&mut self, now: Instant, ended: &Ended<'_>) {
        match ended.fate {
            Fate::Known | Fate::Unsent | Fate::Refused => {}
            Fate::Late => self.recovery.handle_late_end(now, ended.server, LateEnd::Answered),
            Fate::Lost => self.recovery.handle_good_canary(now, ended.server, after(now)),
        }
    }

    fn forget_marked(&mut self, ended: &Ended<'_>, is_known: bool) {
        let is_it = |it: &Marked| Some(it.mark) == ended.mark && *it.key == *ended.key;
        if let Some(idx) = self.marked.iter().position(is_it) {
            self.marked.swap_remove(idx);
        }
        if !is_known && self.holders.get(ended.key) == Some(&ended.server) {
            self.holders.remove(ended.key);
        }
    }

    fn poll_cleaning(
        &mut self,
        now: Instant,
        table: &RoutingTable,
        len_max: usize,
    ) -> Vec<Cleaning> {
        let mut steps = Vec::new();
        self.recovery.poll_cleaning(now, self.pool, table, len_max, &mut steps);
        if self.sabotage == Some(Sabotage::LeaveHolder) {
            let is_of_holder = |it: &mut Cleaning| matches!(it.step, Step::DeleteHolder(_));
            for cleaning in steps.extract_if(.., is_of_holder) {
                self.recovery.handle_cleaned(now, &cleaning, Taken::Done);
            }
        }
        steps
    }

    fn handle_cleaned(
        &mut self,
        now: Instant,
        table: &RoutingTable,
        cleaning: &Cleaning,
        is_done: bool,
    ) {
        if is_done && self.sabotage == Some(Sabotage::IgnoreGeneration) {
            self.pretend(now, table, cleaning.server, &cleaning.step);
        }
        let taken = if is_done { Taken::Done } else { Taken::Unanswered };
        self.recovery.handle_cleaned(now, cleaning, taken);
    }

    /// Counts a step as taken now, whenever it was begun.
    fn pretend(&mut self, now: Instant, table: &RoutingTable, server: ServerId, step: &Step) {
        if let Some(forged) = self.forge(now, table, server, step) {
            self.recovery.handle_cleaned(now, &forged, Taken::Done);
        }
    }

    /// A step of cleaning of this moment's generation, whatever speaks against taking it.
    fn forge(
        &self,
        now: Instant,
        table: &RoutingTable,
        server: ServerId,
        step: &Step,
    ) -> Option<Cleaning> {
        let mut copy = self.recovery.clone();
        for marked in &self.marked {
            copy.settle(now, &marked.ended(Fate::Known));
        }
        for _ in 0..LATE_MAX {
            copy.handle_late_end(now, server, LateEnd::Answered);
        }
        copy.handle_good_canary(now, server, after(now));
        let table = all_usable(table);
        let mut steps = Vec::new();
        copy.poll_cleaning(now + LONG, self.pool, &table, STEPS_MAX, &mut steps);
        steps.into_iter().find(|it| it.server == server && it.step == *step)
    }
}

impl Marked {
    fn ended(&self, fate: Fate) -> Ended<'_> {
        Ended { key: &self.key, server: self.server, mark: Some(self.mark), fate }
    }
}

fn after(now: Instant) -> Instant {
    now + Duration::from_nanos(1)
}

fn all_usable(table: &RoutingTable) -> RoutingTable {
    let mut table = table.clone();
    for route in &mut table.servers {
        route.usable = Usable::Yes;
        route.takes_writes = true;
    }
    table
}

/// Longer than anything waits.
const LONG: Duration = Duration::from_hours(1);

/// More writes than are ever late at one server.
const LATE_MAX: usize = 1000;

/// More steps than there ever are.
const STEPS_MAX: usize = 10_000;
