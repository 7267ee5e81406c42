//! Health, canaries, tables: one task that decides for all workers (P5).
//!
//! It gathers the workers' reports, sends canaries, carries out an operator's orders, lets
//! [`PoolHealth`] judge, and publishes a routing table whenever that changes what workers are to
//! know. Whatever happens to a server is one event and one log line, with the rule and the evidence
//! (P9).

mod announcement;

mod canary;

mod asker;
mod cleaner;

mod handover;

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::event::{Happening, Order, Transition};
use evenkeel_core::health::{CanaryId, CanaryReport, PoolHealth};
use evenkeel_core::random::Random;
use evenkeel_core::recovery::Recovery;
use evenkeel_core::report::Report;
use evenkeel_core::routing::{ServerId, Usable};
use evenkeel_core::time::earliest;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use self::announcement::announce_server;
use self::asker::Asker;
use self::canary::Canary;
use self::cleaner::Cleaner;
use self::handover::Handover;
use crate::directory::Directory;
use crate::loss::{Loss, Losses};
use crate::reconfiguration::Reconfiguration;
use crate::shared::{REPORTS_MAX, Shared};
use crate::view::Standing;

/// The control plane.
#[derive(Debug)]
pub struct ControlPlane {
    shared: Arc<Shared>,
    pools: Vec<Pool>,
    /// By [`ServerId`].
    servers: Vec<Watched>,
    inputs: Inputs,
    results: (mpsc::Sender<CanaryResult>, mpsc::Receiver<CanaryResult>),
    random: Random,
    /// Tells this process's canaries from any other's.
    nonce: u64,
    /// What its driver may have to drop or refuse.
    driver_losses: Vec<Loss>,
    losses: Losses,
    /// What is being carried out of a new configuration.
    handover: Option<Handover>,
    /// When those left whose ids are not to be given to others yet.
    left_at: BTreeMap<ServerId, Instant>,
}

/// What the control plane is told.
#[derive(Debug)]
pub(crate) struct Inputs {
    /// By workers, about servers.
    pub(crate) reports: mpsc::Receiver<Report>,
    /// By operators.
    pub(crate) orders: mpsc::UnboundedReceiver<(ServerId, Order)>,
    /// By its driver, about who is there.
    pub(crate) reconfigurations: mpsc::Receiver<Reconfiguration>,
    /// It ends when this is used or dropped.
    pub(crate) stop: oneshot::Receiver<()>,
}

/// One pool as the control plane sees it.
#[derive(Debug)]
struct Pool {
    health: PoolHealth,
    canary_timeout: Duration,
}

/// One server as the control plane sees it.
#[derive(Debug, Default)]
struct Watched {
    /// `None` if it has left.
    pool: Option<usize>,
    /// The connection that the last good canary used.
    stream: Option<TcpStream>,
    /// The last change of its state.
    last: Option<Transition>,
}

#[derive(Debug)]
struct CanaryResult {
    server: ServerId,
    id: CanaryId,
    sent_at: Instant,
    report: CanaryReport,
    /// The connection, if it is good for another canary.
    stream: Option<TcpStream>,
}

/// Results that may wait: there are at most two canaries on their way to each server.
const RESULTS_MAX: usize = 1024;

impl ControlPlane {
    /// A control plane for whom `shared` says is there.
    pub(crate) fn new(shared: Arc<Shared>, inputs: Inputs, driver_losses: Vec<Loss>) -> Self {
        // The one source of randomness that the standard library has.
        let nonce = RandomState::new().build_hasher().finish();
        let mut control_plane = Self {
            pools: Vec::new(),
            servers: Vec::new(),
            inputs,
            results: mpsc::channel(RESULTS_MAX),
            random: Random::new(nonce),
            nonce,
            driver_losses,
            losses: Losses::default(),
            handover: None,
            left_at: BTreeMap::new(),
            shared,
        };
        control_plane.watch(&control_plane.shared.directory.load_full());
        control_plane.shared.set_standings(control_plane.standings());
        control_plane
    }

    /// Watches whoever is there now, and nobody else.
    fn watch(&mut self, directory: &Directory) {
        let now = self.shared.now();
        self.servers.resize_with(directory.servers.len(), Watched::default);
        for (idx, pool) in directory.pools.iter().enumerate() {
            let (config, servers) = (&pool.config, pool.servers.iter().copied());
            if pool.has_left {
                if let Some(pool) = self.pools.get_mut(idx) {
                    pool.health.handle_left(now);
                }
                continue;
            }
            match self.pools.get_mut(idx) {
                Some(watched) => {
                    watched.health.handle_config(now, config, servers);
                    watched.canary_timeout = config.health.canary_timeout;
                }
                None => self.pools.push(Pool {
                    health: PoolHealth::new(now, config, servers),
                    canary_timeout: config.health.canary_timeout,
                }),
            }
        }
        for (id, server) in (0..).map(ServerId).zip(&directory.servers) {
            let watched = &mut self.servers[usize::from(id.0)];
            watched.pool = (!server.has_left).then_some(usize::from(server.pool.0));
            if server.has_left {
                *watched = Watched::default();
            }
        }
    }

    /// Runs until it is stopped. On any tokio runtime with time and sockets; whoever drops this
    /// stops it too.
    ///
    /// A canary that is then on its way ends within its timeout.
    pub async fn run(mut self) {
        // Ends with this.
        let mut beside = JoinSet::new();
        beside.spawn(Cleaner::new(Arc::clone(&self.shared)).run());
        beside.spawn(Asker::new(Arc::clone(&self.shared), self.random.next_u64()).run());
        loop {
            let now = self.shared.now();
            for pool in &mut self.pools {
                pool.health.handle_timeout(now);
            }
            self.send_canaries(now);
            self.announce(now);
            self.step_handover(now);
            self.report_losses();
            let wake_at = self.pools.iter().map(|it| it.health.next_timeout());
            let wake_at = wake_at.fold(self.handover_wake_at(now), earliest);
            let sleep_time = wake_at.map_or(Duration::from_secs(1), |at| at - self.shared.now());
            tokio::select! {
                _ = &mut self.inputs.stop => return,
                Some(report) = self.inputs.reports.recv() => {
                    self.handle_report(&report);
                    self.handle_waiting_reports();
                }
                Some((server, order)) = self.inputs.orders.recv() => {
                    let now = self.shared.now();
                    self.handle_order(now, server, order);
                }
                Some(wanted) = self.inputs.reconfigurations.recv(), if self.handover.is_none() => {
                    self.begin_handover(wanted);
                }
                Some(result) = self.results.1.recv() => self.handle_result(result),
                () = tokio::time::sleep(sleep_time) => {}
            }
        }
    }

    /// `None` if the server has left.
    fn pool_of(&mut self, server: ServerId) -> Option<&mut Pool> {
        let pool = self.servers.get(usize::from(server.0))?.pool?;
        Some(&mut self.pools[pool])
    }

    fn handle_order(&mut self, now: Instant, server: ServerId, order: Order) {
        let Some(pool) = self.pool_of(server) else { return };
        pool.health.handle_order(now, server, order);
        if order == Order::Flush {
            let step = |it: &mut Recovery| it.require_flush(now, server);
            self.shared.misplaced.with(self.shared.server(server).pool, step);
        }
    }

    /// Handles all that wait: failures come in crowds.
    fn handle_waiting_reports(&mut self) {
        for _ in 0..REPORTS_MAX {
            match self.inputs.reports.try_recv() {
                Ok(report) => self.handle_report(&report),
                Err(_) => return,
            }
        }
    }

    fn handle_report(&mut self, report: &Report) {
        let now = self.shared.now();
        if let Report::Tally { server, tally } = report {
            self.shared.server(*server).facts.figures().add(now, tally);
        }
        if let Report::Slow(slow) = report {
            announcement::log_slow(&self.shared, slow);
        }
        if let Some(pool) = self.pool_of(report.server()) {
            pool.health.handle_report(now, report);
        }
    }

    fn send_canaries(&mut self, now: Instant) {
        for pool in &mut self.pools {
            while let Some((server, due)) = pool.health.poll_canary(now) {
                let canary = Canary {
                    shared: Arc::clone(&self.shared),
                    server,
                    nonce: self.nonce,
                    serial: self.random.next_u64(),
                    timeout: pool.canary_timeout,
                };
                let stream = self.servers[usize::from(server.0)].stream.take();
                let results = self.results.0.clone();
                tokio::spawn(async move {
                    let (report, stream) = canary.send(stream).await;
                    let (id, sent_at) = (due.id, now);
                    let result = CanaryResult { server, id, sent_at, report, stream };
                    // It fails only when the control plane has ended.
                    let _ = results.send(result).await;
                });
            }
        }
    }

    fn handle_result(&mut self, result: CanaryResult) {
        let CanaryResult { server, id, sent_at, report, stream } = result;
        // What workers saw while it was on its way says how to take it.
        self.handle_waiting_reports();
        let now = self.shared.now();
        if report.is_answered() {
            for pool in self.shared.misplaced.pools() {
                let step = |it: &mut Recovery| it.handle_good_canary(now, server, sent_at);
                self.shared.misplaced.with(pool, step);
            }
        }
        let watched = &mut self.servers[usize::from(server.0)];
        let Some(pool) = watched.pool else { return };
        if stream.is_some() {
            watched.stream = stream;
        }
        let health = &mut self.pools[pool].health;
        health.handle_canary(now, server, id, report, &mut self.random);
    }

    /// Logs and keeps every event, and publishes a table if it makes a difference to workers.
    fn announce(&mut self, now: Instant) {
        let before = self.shared.table.load_full();
        let mut table = None;
        let mut is_eventful = false;
        for pool in &mut self.pools {
            for event in pool.health.drain_events() {
                is_eventful = true;
                if let Happening::Restarted { lost_before: Some(before) } = event.what {
                    forget(&self.shared, event.server, before);
                }
                if let Happening::State(transition) = event.what {
                    self.servers[usize::from(event.server.0)].last = Some(transition);
                }
                announce_server(&self.shared, &event);
            }
            for server in pool.health.servers() {
                let mut route = *before.server(server);
                let was_usable = route.usable != Usable::No;
                if pool.health.update_route(server, &mut route) {
                    if was_usable && route.usable == Usable::No {
                        let step = |it: &mut Recovery| it.handle_ejected(now, server);
                        self.shared.misplaced.with(self.shared.server(server).pool, step);
                    }
                    let table = table.get_or_insert_with(|| before.as_ref().clone());
                    table.servers[usize::from(server.0)] = route;
                }
            }
        }
        if is_eventful {
            self.shared.set_standings(self.standings());
        }
        if let Some(table) = table {
            self.publish(table);
        }
    }

    fn standings(&self) -> BTreeMap<ServerId, Standing> {
        let mut standings = BTreeMap::new();
        for health in self.pools.iter().map(|it| &it.health) {
            for (server, state, since) in health.states() {
                let takes_writes = health.server(server).takes_writes();
                let last = self.servers[usize::from(server.0)].last;
                standings.insert(server, Standing { state, since, takes_writes, last });
            }
        }
        standings
    }

    /// Says of each kind of loss when it first occurs (P8); how much it comes to is in `stats`.
    fn report_losses(&mut self) {
        let own = [
            ("reports dropped", self.shared.reports_dropped.load(Ordering::Relaxed)),
            ("values dropped", self.shared.counters().values_dropped),
        ];
        let of_driver = self.driver_losses.iter().map(|loss| (loss.what(), loss.times()));
        for what in self.losses.first_occurrences(own.into_iter().chain(of_driver)) {
            tracing::warn!(what, "a limit has been reached for the first time; see stats");
        }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.shared.events.finish();
    }
}

/// What a server held that has restarted is gone, and so is what was on its way to it.
fn forget(shared: &Shared, server: ServerId, before: Instant) {
    for pool in shared.misplaced.pools() {
        shared.misplaced.with(pool, |recovery| recovery.handle_emptied(server, before));
    }
}
