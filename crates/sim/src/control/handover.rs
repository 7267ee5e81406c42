//! Servers that join and leave the first pool while requests flow, in the steps of the real control
//! plane.
//!
//! # The steps
//! 1. **Prepare.** Who joins is in the table, is watched, and must be flushed before use; keys belong
//!    where they did. Recovery has every worker ask.
//! 2. **Hand over**, when every worker has that table: in one step keys belong elsewhere. Who leaves
//!    is forgotten.
//! 3. **End**, when every worker has that table.
//!
//! Each worker has a table when it has it, apart from the others.
//!
//! # Which changes there are
//! One server joins, or leaves, or takes another's place. Left out is what is not promised: keys that
//! come back to a server that was their home before, unless it is flushed because it joins itself; and
//! more changes than former layouts are kept.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::config::PoolConfig;
use evenkeel_core::recovery::Recovery;
use evenkeel_core::routing::{
    FORMER_LAYOUTS_MAX, Former, Layout, PoolId, PoolRoutes, RoutingTable, ServerId, ServerRoute,
    Usable,
};

use super::{Control, connection_settings, disguise, server_id, server_ids};
use crate::agenda::Event;
use crate::dice::Dice;
use crate::options::{Options, Phase};
use crate::routes::FIRST;
use crate::sabotage::Sabotage;
use crate::scene::Scene;
use crate::trace::Note;

/// Who is in the pool, and how that changes.
#[derive(Debug)]
pub(super) struct Membership {
    /// The pool's servers, in its order.
    pub(super) members: Vec<ServerId>,
    /// Where keys belong, whatever workers are told.
    routes: PoolRoutes,
    /// Which table each worker has.
    versions: Vec<usize>,
    handover: Option<Handover>,
    /// How many changes there have been.
    changes_len: usize,
    dice: Dice,
}

/// A change on its way.
#[derive(Debug)]
struct Handover {
    change: Change,
    members: Vec<ServerId>,
    routes: PoolRoutes,
    step: Step,
    /// Every worker is to have this table before the next step.
    version: usize,
}

/// Who joins and who leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Who joins.
    pub joins: Option<ServerId>,
    /// Who leaves.
    pub leaves: Option<ServerId>,
}

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Every worker is to ask recovery.
    Prepared,
    /// Keys belong elsewhere.
    HandedOver,
    /// Every worker knows where.
    Ended,
}

/// How soon the control plane knows at the latest that every worker has a table.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

impl Membership {
    pub(super) fn new(options: &Options, routes: PoolRoutes) -> Self {
        Self {
            members: routes.servers.clone(),
            routes,
            versions: vec![0; options.workers_len],
            handover: None,
            changes_len: 0,
            dice: Dice::new(0),
        }
    }

    /// A change that may be made now.
    fn draw(&mut self, options: &Options, servers_len: usize) -> Option<Handover> {
        let all = options.pool.servers.len();
        let mut outside: Vec<_> =
            server_ids(0, servers_len).filter(|it| !self.members.contains(it)).collect();
        // Those who have never been there come one after the other.
        outside.extend((servers_len < all).then(|| server_id(servers_len)));
        let joins =
            (!outside.is_empty() && self.dice.below(3) > 0).then(|| self.dice.pick(&outside));
        let leaves =
            (joins.is_none() || self.dice.below(3) == 0).then(|| self.dice.pick(&self.members));
        let change = Change { joins, leaves };
        let mut members = self.members.clone();
        members.retain(|it| Some(*it) != leaves);
        members.extend(joins);
        // As a configuration names them.
        members.sort_unstable();
        if members.is_empty() || self.changes_len == FORMER_LAYOUTS_MAX {
            return None;
        }
        let routes = self.routes_to(options, &members);
        let mut regained: BTreeSet<_> = routes.regained();
        if let Some(joins) = joins {
            regained.remove(&joins);
        }
        let step = Step::Prepared;
        regained.is_empty().then_some(Handover { change, members, routes, step, version: 0 })
    }

    fn routes_to(&self, options: &Options, members: &[ServerId]) -> PoolRoutes {
        let before = &self.routes;
        let (distribution, servers) = (Arc::clone(&before.distribution), before.servers.clone());
        let former = Arc::new(before.former.with(Layout { distribution, servers }));
        let config = config_of(options, FIRST, members);
        PoolRoutes {
            distribution: Arc::new(config.build_distribution().expect("the pool has servers")),
            servers: members.to_vec(),
            former,
            ..before.clone()
        }
    }
}

/// The pool with these servers.
pub(super) fn config_of(options: &Options, pool: PoolId, members: &[ServerId]) -> PoolConfig {
    let (config, first) = (options.pool_of(pool), options.first_server(pool));
    let server = |it: &ServerId| config.servers[usize::from(it.0) - first].clone();
    PoolConfig { servers: members.iter().map(server).collect(), ..config.clone() }
}

impl Control {
    /// Servers join and leave from now on, if this run knows that.
    pub fn start_changes(&mut self, scene: &mut Scene, dice: Dice) {
        self.membership.dice = dice;
        self.plan_change(scene);
    }

    fn plan_change(&mut self, scene: &mut Scene) {
        if let Some(pause_max) = scene.options.membership.pause_max {
            scene.soon(pause_max, &mut self.membership.dice, Event::Reconfigure);
        }
    }

    /// It is time for a change of who is in the pool.
    pub fn handle_reconfiguration(&mut self, scene: &mut Scene) {
        if scene.phase != Phase::Chaos {
            return;
        }
        let all = scene.options.pool.servers.len();
        let servers_len = scene.tables.last().servers.len().min(all);
        if self.membership.handover.is_none()
            && let Some(handover) = self.membership.draw(&scene.options, servers_len)
        {
            self.prepare(scene, handover);
        }
        self.plan_change(scene);
    }

    /// A worker has a table.
    pub fn handle_seen(&mut self, scene: &mut Scene, worker: usize, version: usize) {
        self.membership.versions[worker] = version;
        if self.has_been_seen() {
            scene.soon(LOOK_INTERVAL, &mut self.membership.dice, Event::Handover);
        }
    }

    fn has_been_seen(&self) -> bool {
        let Membership { handover, versions, .. } = &self.membership;
        handover.as_ref().is_some_and(|it| versions.iter().all(|seen| it.version <= *seen))
    }

    /// Takes the next step of a change, if every worker has what it is to have.
    pub fn step_handover(&mut self, scene: &mut Scene) {
        if !self.has_been_seen() {
            return;
        }
        let Some(handover) = self.membership.handover.take() else { return };
        match handover.step {
            Step::Prepared => self.hand_over(scene, handover),
            Step::HandedOver | Step::Ended => self.end_handover(scene, handover.change),
        }
    }

    fn prepare(&mut self, scene: &mut Scene, handover: Handover) {
        let Change { joins, leaves } = handover.change;
        let (now, sabotage) = (scene.now(), scene.options.sabotage);
        scene.note(Note::Membership(handover.change, Step::Prepared));
        let config = config_of(&scene.options, FIRST, &handover.members);
        self.health.handle_config(now, &config, handover.members.iter().copied());
        if let Some(canary) = leaves.and_then(|it| self.canaries[usize::from(it.0)].take()) {
            canary.close(scene);
        }
        let mut table = RoutingTable::clone(scene.tables.last());
        if let Some(server) = joins {
            let route =
                ServerRoute::in_use(connection_settings(&scene.options, FIRST), disguise(server));
            match table.servers.get_mut(usize::from(server.0)) {
                Some(slot) => *slot = route,
                None => table.servers.push(route),
            }
            self.map.with_recovery(|it| {
                it.handle_joined(server);
                if sabotage != Some(Sabotage::TrustJoining) {
                    it.require_flush(now, server);
                }
            });
        }
        if sabotage != Some(Sabotage::ChangeOneByOne) {
            self.map.with_recovery(Recovery::begin_handover);
        }
        self.membership.changes_len += 1;
        self.membership.members.clone_from(&handover.members);
        let version = self.release(scene, table);
        self.membership.handover = Some(Handover { version, ..handover });
        self.conclude(scene);
    }

    fn hand_over(&mut self, scene: &mut Scene, handover: Handover) {
        let Handover { change, routes, .. } = &handover;
        scene.note(Note::Membership(*change, Step::HandedOver));
        self.membership.routes = routes.clone();
        let mut table = RoutingTable::clone(scene.tables.last());
        table.pools[usize::from(FIRST.0)] = routes.clone();
        if scene.options.sabotage == Some(Sabotage::DivertToFormerHomes) {
            table.pools[usize::from(FIRST.0)].former = Arc::new(Former::default());
        }
        let leaves = change.leaves;
        if let Some(server) = leaves {
            let route = &mut table.servers[usize::from(server.0)];
            (route.usable, route.has_left) = (Usable::No, true);
        }
        self.membership.handover = Some(Handover { step: Step::HandedOver, ..handover });
        let version = self.release(scene, table);
        if let Some(server) = leaves {
            self.map.with_recovery(|it| it.handle_left(server));
        }
        let handover = self.membership.handover.as_mut().expect("it has just been put there");
        handover.version = version;
    }

    fn end_handover(&mut self, scene: &mut Scene, change: Change) {
        scene.note(Note::Membership(change, Step::Ended));
        if scene.options.sabotage != Some(Sabotage::ChangeOneByOne) {
            self.map.with_recovery(|it| it.end_handover(scene.now()));
        }
        self.changes += 1;
    }

    /// A table that is about to be published tells recovery where keys belong, if they are being
    /// handed over.
    pub(super) fn hand_over_by(&self, scene: &Scene, table: &Arc<RoutingTable>) {
        let is_handing_over =
            self.membership.handover.as_ref().is_some_and(|it| it.step == Step::HandedOver);
        if is_handing_over && scene.options.sabotage != Some(Sabotage::ChangeOneByOne) {
            self.map.with_recovery(|it| it.hand_over(FIRST, Arc::clone(table)));
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |it: Option<ServerId>| it.map(|it| it.0);
        match (number(self.joins), number(self.leaves)) {
            (Some(joins), Some(leaves)) => write!(f, "server {joins} in place of {leaves}"),
            (Some(joins), None) => write!(f, "server {joins} joins"),
            (None, Some(leaves)) => write!(f, "server {leaves} leaves"),
            (None, None) => f.write_str("nobody comes or goes"),
        }
    }
}
