//! The control plane of a pool: its health, canaries through the network, tables that reach each
//! worker when they do, sweeps that bring misplaced keys home, and servers that join and leave.

mod canary;

mod handover;

mod sweep;

mod tables;

use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::event::{Happening, StateName};
use evenkeel_core::health::{CanaryReport, PoolHealth};
use evenkeel_core::random::Random;
use evenkeel_core::recovery::Cleaning;
use evenkeel_core::report::Report;
use evenkeel_core::routing::{PoolId, RoutingTable, Usable};
use evenkeel_core::time::earliest;

use self::canary::{Canary, Progress};
pub use self::handover::{Change, Step};
use self::handover::{Membership, config_of};
use self::sweep::Sweep;
pub use self::tables::Tables;
use self::tables::{connection_settings, disguise, server_id, server_ids};
use crate::agenda::{Event, Notice};
use crate::checker::Promise;
use crate::dice::Dice;
use crate::network::LinkId;
use crate::recovery::SharedMap;
use crate::sabotage::Sabotage;
use crate::scene::Scene;
use crate::trace::Note;

/// See the module's documentation.
#[derive(Debug)]
pub struct Control {
    pool: PoolId,
    health: PoolHealth,
    /// The canary that is on its way to each server, of all pools.
    canaries: Vec<Option<Canary>>,
    wake_at: Option<Instant>,
    map: SharedMap,
    /// The sweeps that are on their way, with their servers' numbers.
    sweeps: Vec<(usize, Sweep)>,
    /// When to look next for something to clean.
    clean_at: Instant,
    membership: Membership,
    /// How many times a server has been taken out of use.
    pub ejections: u64,
    /// How many times servers have joined or left.
    pub changes: u64,
    random: Random,
    dice: Dice,
}

/// How often the map is asked for something to clean.
const CLEANING_INTERVAL: Duration = Duration::from_millis(20);

/// How many keys are cleaned at once.
const SWEEP_LEN_MAX: usize = 32;

impl Control {
    /// A control plane that takes every server of the pool to be Up.
    pub fn new(scene: &mut Scene, pool: PoolId, mut dice: Dice) -> Self {
        let options = &scene.options;
        let membership = Membership::new(options, scene.tables.last().pool(pool).clone());
        let config = config_of(options, pool, &membership.members);
        let health = PoolHealth::new(Instant::ZERO, &config, membership.members.iter().copied());
        let mut control = Self {
            pool,
            health,
            canaries: (0..options.servers_len()).map(|_| None).collect(),
            wake_at: None,
            map: SharedMap::new(pool, options.recovery, options.sabotage, dice.seed()),
            sweeps: Vec::new(),
            clean_at: Instant::ZERO + CLEANING_INTERVAL,
            membership,
            ejections: 0,
            changes: 0,
            random: Random::new(dice.seed()),
            dice,
        };
        control.plan(scene);
        control
    }

    /// The map of misplaced keys.
    pub fn map(&self) -> &SharedMap {
        &self.map
    }

    /// A worker has reported something about a server.
    pub fn handle_evidence(&mut self, scene: &mut Scene, report: &Report) {
        scene.note(Note::Evidence(report));
        // It may have left since.
        if self.membership.members.contains(&report.server()) {
            self.health.handle_report(scene.now(), report);
        }
        self.conclude(scene);
    }

    /// Its timer has come.
    pub fn handle_timer(&mut self, scene: &mut Scene) {
        if self.wake_at != Some(scene.now()) {
            return;
        }
        self.wake_at = None;
        self.health.handle_timeout(scene.now());
        for server in 0..self.canaries.len() {
            let canary = self.canaries[server].as_ref();
            if let Some(canary) = canary.filter(|canary| canary.deadline <= scene.now()) {
                let report = canary.report_of_silence();
                self.end_canary(scene, server, report);
            }
        }
        let now = scene.now();
        for (_, sweep) in self.sweeps.extract_if(.., |(_, sweep)| sweep.deadline <= now) {
            sweep.close(scene);
        }
        if self.clean_at <= now {
            self.clean_at = now + CLEANING_INTERVAL;
            self.clean(scene);
        }
        self.conclude(scene);
    }

    /// Sends the sweeps that are due.
    fn clean(&mut self, scene: &mut Scene) {
        let steps = self.map.poll_cleaning(scene.now(), scene.tables.last(), SWEEP_LEN_MAX);
        for server in 0..self.canaries.len() {
            let is_here = |it: &&Cleaning| usize::from(it.server.0) == server;
            let here: Vec<_> = steps.iter().filter(is_here).cloned().collect();
            if !here.is_empty() {
                scene.note(Note::Sweep(server, here.len()));
                self.sweeps.push((server, Sweep::start(scene, server, here)));
            }
        }
    }

    /// The prober is told something about a canary's link.
    pub fn handle_notice(
        &mut self,
        scene: &mut Scene,
        server: usize,
        link: LinkId,
        notice: Notice,
    ) {
        let canary = self.canaries[server].as_mut();
        let Some(canary) = canary.filter(|canary| canary.link == link) else {
            return self.handle_sweep_notice(scene, link, notice);
        };
        match canary.handle_notice(scene, notice) {
            Progress::Waiting => {}
            Progress::Over(report) => self.end_canary(scene, server, report),
        }
        self.conclude(scene);
    }

    fn handle_sweep_notice(&mut self, scene: &mut Scene, link: LinkId, notice: Notice) {
        let Some(idx) = self.sweeps.iter().position(|(_, sweep)| sweep.link == link) else {
            return;
        };
        let sweep = &mut self.sweeps[idx].1;
        let is_over = match sweep.handle_notice(scene, notice) {
            sweep::Progress::Over => true,
            sweep::Progress::Taken(taken) => {
                let is_over = sweep.steps.is_empty();
                for cleaning in taken {
                    self.map.handle_cleaned(scene.now(), scene.tables.last(), &cleaning, true);
                }
                is_over
            }
        };
        if is_over {
            self.sweeps.swap_remove(idx).1.close(scene);
        }
    }

    fn end_canary(&mut self, scene: &mut Scene, server: usize, report: CanaryReport) {
        let Some(canary) = self.canaries[server].take() else { return };
        scene.note(Note::Canary(server, report));
        canary.close(scene);
        let (now, id) = (scene.now(), server_id(server));
        if report.is_answered() {
            self.map.with_recovery(|it| it.handle_good_canary(now, id, canary.started_at));
        }
        self.health.handle_canary(now, id, canary.id, report, &mut self.random);
    }

    /// Publishes what has changed, sends the canaries that are due, and sets the timer.
    fn conclude(&mut self, scene: &mut Scene) {
        for event in self.health.drain_events() {
            scene.note(Note::Event(event));
            match event.what {
                Happening::State(change) => {
                    let is_ejection = change.from.is_usable() && !change.to.is_usable();
                    self.ejections += u64::from(is_ejection);
                }
                Happening::Restarted { lost_before: Some(before) } => {
                    self.map.with_recovery(|it| it.handle_emptied(event.server, before));
                }
                _ => {}
            }
        }
        self.publish(scene);
        while let Some((server, canary)) = self.health.poll_canary(scene.now()) {
            let number = usize::from(server.0);
            // One that the health machine no longer waits for makes way.
            if let Some(before) = self.canaries[number].take() {
                before.close(scene);
            }
            self.canaries[number] = Some(Canary::start(scene, number, canary));
        }
        self.plan(scene);
    }

    fn publish(&mut self, scene: &mut Scene) {
        let mut table = RoutingTable::clone(scene.tables.last());
        let mut is_changed = false;
        for server in self.health.servers() {
            let route = &mut table.servers[usize::from(server.0)];
            let before = *route;
            is_changed |= self.health.update_route(server, route);
            let never_readmits = scene.options.sabotage == Some(Sabotage::NeverReadmit);
            if never_readmits && before.usable == Usable::No {
                route.usable = before.usable;
            }
        }
        if is_changed {
            self.release(scene, table);
        }
    }

    /// Has every worker have a table, each in its time. Returns its number.
    fn release(&mut self, scene: &mut Scene, table: RoutingTable) -> usize {
        let table = Arc::new(table);
        self.hand_over_by(scene, &table);
        let lags = (0..scene.options.workers_len).map(|_| {
            let lag_max = match &scene.options.control {
                control if self.dice.happens(control.long_lag_chance) => control.table_lag_max,
                control => control.table_lag_max / 10,
            };
            self.dice.duration(Duration::ZERO, lag_max)
        });
        scene.tables.publish(&mut scene.agenda, table, lags)
    }

    fn plan(&mut self, scene: &mut Scene) {
        let canaries = self.canaries.iter().map(|it| it.as_ref().map(|canary| canary.deadline));
        let sweeps = self.sweeps.iter().map(|(_, sweep)| Some(sweep.deadline));
        let sweeps = sweeps.chain([Some(self.clean_at)]);
        let health = self.health.next_timeout();
        let Some(at) = canaries.chain(sweeps).fold(health, earliest) else { return };
        let at = at.max(scene.now());
        if self.wake_at.is_none_or(|planned| at < planned) {
            self.wake_at = Some(at);
            scene.agenda.at(at, Event::Control(self.pool));
        }
    }

    /// All is over: no key may be misplaced any more.
    pub fn demand_order(&self, scene: &mut Scene) {
        let ids = self.health.servers();
        let (keys, servers) = self.map.with_recovery(|it| {
            (it.entries_len(), ids.filter(|server| it.is_unflushed(*server)).count())
        });
        if keys + servers > 0 {
            let what =
                format!("all is well; {keys} keys are misplaced, {servers} servers not flushed");
            scene.report(Promise::P2, what);
        }
    }

    /// Nothing is broken any more, and has not been for long: every server must be Up.
    pub fn demand_health(&self, scene: &mut Scene) {
        for (server, state, since) in self.health.states() {
            if state != StateName::Up || !self.health.server(server).takes_writes() {
                let (state, server) = (state.label(), server.0);
                let what = format!("all is well, and server {server} is {state} since {since}");
                scene.report(Promise::P2, what);
            }
        }
    }
}
