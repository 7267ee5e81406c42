//! Carrying out a new configuration while requests flow.
//!
//! # The steps
//! 1. **Resolve**: the names of those who join are looked up; nobody waits for it but the operator.
//! 2. **Prepare**: they are watched, connected to, and flushed; settings take effect. Keys belong
//!    where they did, until those who join are flushed: they are of use from the first moment. One
//!    that cannot be reached is waited for no longer than [`FLUSH_TIMEOUT`].
//! 3. **Begin**: where keys are about to move, recovery has everybody ask
//!    ([`evenkeel_core::recovery`], rule 9).
//! 4. **Hand over**, when every worker has seen that: in one step under recovery's lock,
//!    keys belong where they do by the new table. Whoever leaves gets no more requests.
//! 5. **End**, when every worker has that table.
//!
//! A worker that stands still holds up the operator and no request.
//!
//! # When an id is free
//! Late responses, reports and canaries of a server that has left may be on their way for as long as
//! connections are set aside. Its id is given to nobody else for [`LEFT_KEPT`], and if the server
//! comes back meanwhile it has it again, with what recovery remembers of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::config::Rejoin;
use evenkeel_core::event::{Event, Happening};
use evenkeel_core::recovery::Recovery;
use evenkeel_core::routing::{PoolId, RoutingTable, ServerId};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::ControlPlane;
use super::announcement::announce_server;
use crate::membership::Plan;
use crate::reconfiguration::{HandedOver, Reconfiguration, ReconfigureError};
use crate::routes;
use crate::shared::{Edition, Shared};

/// A new configuration that is being carried out.
#[derive(Debug)]
pub(super) struct Handover {
    plan: Plan,
    phase: Phase,
    reply: oneshot::Sender<Result<HandedOver, ReconfigureError>>,
}

/// How far it is.
#[derive(Debug)]
enum Phase {
    /// Those who join are being looked for.
    Resolving(JoinHandle<()>),
    /// Those who join are being flushed.
    Preparing { deadline: Instant },
    /// Workers learn that they are to ask.
    Beginning(Edition),
    /// Workers learn where keys belong.
    HandingOver(Edition),
}

/// How long an id is not given to another server: longer than connections are set aside, and than
/// any request takes.
const LEFT_KEPT: Duration = Duration::from_mins(5);

/// How long the names of those who join are looked for. Canaries go on looking.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long keys wait for those who join to be flushed: longer than writes may be in flight there,
/// so that only who cannot be reached, or refuses, is waited for in vain.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// How often to look whether workers have seen what they are to see.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

impl ControlPlane {
    /// Begins to carry out what is wanted.
    pub(super) fn begin_handover(&mut self, wanted: Reconfiguration) {
        let now = self.shared.now();
        let Reconfiguration { pools, reply } = wanted;
        let spare = self.free_ids(now);
        let (directory, table) = (self.shared.directory.load(), self.shared.table.load());
        match Plan::new(&directory, &table, &pools, spare) {
            Ok(plan) => {
                let phase = Phase::Resolving(resolve(&plan));
                self.handover = Some(Handover { plan, phase, reply });
            }
            // Nobody may wait for it any more.
            Err(error) => drop(reply.send(Err(error.into()))),
        }
    }

    /// Servers that left long ago, forgotten.
    fn free_ids(&mut self, now: Instant) -> BTreeSet<ServerId> {
        let is_free = |_: &ServerId, left_at: &mut Instant| *left_at + LEFT_KEPT <= now;
        let free: BTreeSet<_> = self.left_at.extract_if(.., is_free).map(|(id, _)| id).collect();
        for pool in self.shared.misplaced.pools() {
            self.shared.misplaced.with(pool, |recovery| {
                for server in &free {
                    recovery.forget_server(*server);
                }
            });
        }
        // Those that nobody takes are free the next time, too.
        self.left_at.extend(free.iter().map(|id| (*id, Instant::ZERO)));
        free
    }

    /// When to look at it next.
    pub(super) fn handover_wake_at(&self, now: Instant) -> Option<Instant> {
        self.handover.as_ref().map(|_| now + LOOK_INTERVAL)
    }

    /// Goes as far as can be gone now.
    pub(super) fn step_handover(&mut self, now: Instant) {
        let Some(mut handover) = self.handover.take() else { return };
        match &handover.phase {
            Phase::Resolving(resolving) if resolving.is_finished() => {
                self.prepare(now, &handover.plan);
                handover.phase = Phase::Preparing { deadline: now + FLUSH_TIMEOUT };
                self.shared.wake_workers();
            }
            Phase::Preparing { deadline }
                if *deadline <= now || self.are_flushed(&handover.plan.joined) =>
            {
                for pool in &handover.plan.moved {
                    self.shared.misplaced.with(*pool, Recovery::begin_handover);
                }
                handover.phase = Phase::Beginning(self.shared.next_edition());
            }
            Phase::Beginning(edition) if self.shared.has_been_seen(*edition) => {
                self.hand_over(&handover.plan);
                handover.phase = Phase::HandingOver(self.shared.next_edition());
            }
            Phase::HandingOver(edition) if self.shared.has_been_seen(*edition) => {
                let done = self.end_handover(now, &handover.plan);
                // Nobody may wait for it any more.
                let _ = handover.reply.send(Ok(done));
                return;
            }
            Phase::Resolving(_)
            | Phase::Preparing { .. }
            | Phase::Beginning(_)
            | Phase::HandingOver(_) => {}
        }
        self.handover = Some(handover);
    }

    /// Whether none of them is to be flushed before it is used.
    fn are_flushed(&self, servers: &[ServerId]) -> bool {
        let misplaced = &self.shared.misplaced;
        let are = |it: &mut Recovery| servers.iter().all(|server| !it.is_unflushed(*server));
        misplaced.pools().all(|pool| misplaced.with(pool, are))
    }

    fn prepare(&mut self, now: Instant, plan: &Plan) {
        let (shared, directory) = (Arc::clone(&self.shared), &plan.directory);
        for (id, pool) in directory.present_pools() {
            let settings = routes::recovery_settings(&pool.config);
            if plan.new_pools.contains(&id) {
                shared.misplaced.add_pool(settings);
            } else {
                shared.misplaced.with(id, |recovery| recovery.set_settings(settings));
            }
        }
        let table = plan.prepared(&shared.table.load());
        for server in &plan.joined {
            self.left_at.remove(server);
            let pool = directory.server(*server).pool;
            // Of a pool that is new nothing was written through this process.
            let is_flushed = !plan.new_pools.contains(&pool)
                && directory.pool(pool).config.rejoin != Rejoin::Trust;
            for asking in shared.misplaced.pools() {
                let may_hold = table.servers_of(asking).any(|it| it == *server) || asking == pool;
                shared.misplaced.with(asking, |recovery| {
                    recovery.handle_joined(*server);
                    if is_flushed && may_hold {
                        recovery.require_flush(now, *server);
                    }
                });
            }
        }
        shared.directory.store(Arc::new(directory.clone()));
        self.watch(directory);
        for server in &plan.joined {
            announce_server(&shared, &Event { at: now, server: *server, what: Happening::Joined });
        }
        shared.set_standings(self.standings());
        shared.table.store(Arc::new(table));
    }

    fn hand_over(&mut self, plan: &Plan) {
        let shared = &self.shared;
        let table = Arc::new(plan.completed(&shared.table.load()));
        hand_over_to(shared, &plan.moved, &table);
        for pool in shared.misplaced.pools() {
            shared.misplaced.with(pool, |recovery| {
                for server in &plan.left {
                    recovery.handle_left(*server);
                }
            });
        }
        shared.table.store(table);
    }

    fn end_handover(&mut self, now: Instant, plan: &Plan) -> HandedOver {
        let shared = &self.shared;
        for pool in &plan.moved {
            shared.misplaced.with(*pool, |recovery| recovery.end_handover(now));
        }
        for server in &plan.left {
            self.left_at.insert(*server, now);
            announce_server(shared, &Event { at: now, server: *server, what: Happening::Left });
        }
        HandedOver {
            directory: plan.directory.clone(),
            table: shared.table.load_full(),
            moved: plan.moved.clone(),
        }
    }

    /// Publishes a table, also to a handover that is on its way.
    pub(super) fn publish(&self, table: RoutingTable) {
        let table = Arc::new(table);
        if let Some(Handover { plan, phase: Phase::HandingOver(_), .. }) = &self.handover {
            hand_over_to(&self.shared, &plan.moved, &table);
        }
        self.shared.table.store(table);
        self.shared.wake_workers();
    }
}

fn hand_over_to(shared: &Shared, moved: &[PoolId], table: &Arc<RoutingTable>) {
    for pool in moved {
        let step = |it: &mut Recovery| {
            it.hand_over(*pool, Arc::clone(table));
        };
        shared.misplaced.with(*pool, step);
    }
}

/// Looks for those who join, for a while.
fn resolve(plan: &Plan) -> JoinHandle<()> {
    let mut lookups = JoinSet::new();
    for server in &plan.joined {
        let server = Arc::clone(plan.directory.server(*server));
        lookups.spawn(async move {
            // One that cannot be found is found Down by its canary.
            let _ = server.resolve().await;
        });
    }
    tokio::spawn(async move {
        let _ = tokio::time::timeout(RESOLVE_TIMEOUT, lookups.join_all()).await;
    })
}
