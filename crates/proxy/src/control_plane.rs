//! Health, canaries, tables: one thread that decides for all workers (P5).
//!
//! It gathers the workers' outcomes, sends canaries, lets [`Health`] judge, and publishes a
//! routing table whenever that changes which servers are usable. Each change of a server's state
//! is one log line with the rule and the evidence (P9).

mod canary;

mod cleaner;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::config::{Config, PoolConfig};
use evenkeel_core::failure::Failure;
use evenkeel_core::health::{CanaryId, Health, StateName, Transition};
use evenkeel_core::random::Random;
use evenkeel_core::recovery::Recovery;
use evenkeel_core::routing::{ServerId, Usable};
use evenkeel_core::time::earliest;
use evenkeel_core::worker::Outcome;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use self::canary::Canary;
use self::cleaner::Cleaner;
use crate::routes::server_id;
use crate::shared::{OUTCOMES_MAX, Shared};

/// The control plane.
#[derive(Debug)]
pub struct ControlPlane {
    shared: Arc<Shared>,
    servers: Vec<Watched>,
    outcomes: mpsc::Receiver<Outcome>,
    results: (mpsc::Sender<CanaryResult>, mpsc::Receiver<CanaryResult>),
    stop: oneshot::Receiver<()>,
    random: Random,
    /// Tells this process's canaries from any other's.
    nonce: u64,
    /// What had been lost when it was last looked at.
    losses: [Loss; 3],
}

/// Something that had to be dropped or refused, and how often.
type Loss = (&'static str, u64);

/// One server as the control plane sees it.
#[derive(Debug)]
struct Watched {
    /// For log lines.
    pool: String,
    health: Health,
    canary_timeout: Duration,
    /// The connection that the last good canary used.
    stream: Option<TcpStream>,
}

#[derive(Debug)]
struct CanaryResult {
    server: ServerId,
    id: CanaryId,
    sent_at: Instant,
    outcome: Result<(Duration, TcpStream), Failure>,
}

/// Results that may wait: there are at most two canaries on their way to each server.
const RESULTS_MAX: usize = 1024;

impl ControlPlane {
    /// A control plane for the servers of `config`, in its order. It ends when `stop` is used or
    /// dropped.
    pub fn new(
        shared: Arc<Shared>,
        config: &Config,
        outcomes: mpsc::Receiver<Outcome>,
        stop: oneshot::Receiver<()>,
    ) -> Self {
        let now = shared.now();
        let watched = |pool: &PoolConfig| Watched {
            pool: pool.name.to_string(),
            health: Health::new(now, pool.health.clone()),
            canary_timeout: pool.health.canary_timeout,
            stream: None,
        };
        let servers = config.pools.iter().flat_map(|pool| pool.servers.iter().map(move |_| pool));
        // The one source of randomness that the standard library has.
        let nonce = RandomState::new().build_hasher().finish();
        Self {
            servers: servers.map(watched).collect(),
            outcomes,
            results: mpsc::channel(RESULTS_MAX),
            stop,
            random: Random::new(nonce),
            nonce,
            losses: losses(&shared),
            shared,
        }
    }

    async fn run(mut self) {
        loop {
            let now = self.shared.now();
            self.send_canaries(now);
            self.announce();
            self.report_losses();
            let wake_at = self.servers.iter().map(|it| it.health.next_timeout());
            let wake_at = wake_at.fold(None, earliest);
            let sleep_time = wake_at.map_or(Duration::from_secs(1), |at| at - self.shared.now());
            tokio::select! {
                _ = &mut self.stop => return,
                Some(outcome) = self.outcomes.recv() => self.handle_outcomes(outcome),
                Some(result) = self.results.1.recv() => self.handle_result(result),
                () = tokio::time::sleep(sleep_time) => {}
            }
        }
    }

    /// Handles `first` and all that wait behind it: failures come in crowds.
    fn handle_outcomes(&mut self, first: Outcome) {
        self.handle_outcome(first);
        for _ in 0..OUTCOMES_MAX {
            match self.outcomes.try_recv() {
                Ok(outcome) => self.handle_outcome(outcome),
                Err(_) => return,
            }
        }
    }

    fn handle_outcome(&mut self, outcome: Outcome) {
        let Outcome { server, failure, timeouts_in_a_row } = outcome;
        let health = &mut self.servers[usize::from(server.0)].health;
        health.handle_failure(self.shared.now(), failure, timeouts_in_a_row);
    }

    fn send_canaries(&mut self, now: Instant) {
        for (idx, watched) in self.servers.iter_mut().enumerate() {
            let server = server_id(idx);
            while let Some(id) = watched.health.poll_canary(now) {
                let canary = Canary {
                    shared: Arc::clone(&self.shared),
                    server,
                    nonce: self.nonce,
                    serial: self.random.next_u64(),
                    timeout: watched.canary_timeout,
                };
                let stream = watched.stream.take();
                let results = self.results.0.clone();
                tokio::spawn(async move {
                    let outcome = canary.send(stream).await;
                    // It fails only when the control plane has ended.
                    let _ = results.send(CanaryResult { server, id, sent_at: now, outcome }).await;
                });
            }
        }
    }

    fn handle_result(&mut self, result: CanaryResult) {
        let now = self.shared.now();
        if result.outcome.is_ok() {
            let (server, sent_at) = (result.server, result.sent_at);
            for pool in self.shared.misplaced.pools() {
                let step = |it: &mut Recovery| it.handle_good_canary(now, server, sent_at);
                self.shared.misplaced.with(pool, step);
            }
        }
        let watched = &mut self.servers[usize::from(result.server.0)];
        let latency = match result.outcome {
            Ok((latency, stream)) => {
                watched.stream = Some(stream);
                Ok(latency)
            }
            Err(failure) => Err(failure),
        };
        watched.health.handle_canary(now, result.id, latency, &mut self.random);
    }

    /// Logs every transition, and publishes a table if it makes a difference to workers.
    fn announce(&mut self) {
        let before = self.shared.table.load_full();
        let mut table = None;
        for (idx, watched) in self.servers.iter_mut().enumerate() {
            let server = &self.shared.servers[idx].config;
            for transition in watched.health.drain_transitions() {
                log(&watched.pool, &server.to_string(), &transition);
            }
            let usable = usable(watched.health.state());
            if before.servers[idx].usable != usable {
                if usable == Usable::No {
                    let step = |it: &mut Recovery| it.handle_ejected(server_id(idx));
                    self.shared.misplaced.with(self.shared.servers[idx].pool, step);
                }
                let table = table.get_or_insert_with(|| before.as_ref().clone());
                table.servers[idx].usable = usable;
            }
        }
        if let Some(table) = table {
            self.shared.publish(table);
        }
    }

    /// Says of each kind of loss when it first occurs (P8); how much it comes to is in `stats`.
    fn report_losses(&mut self) {
        let losses = losses(&self.shared);
        for ((what, now), (_, before)) in losses.iter().zip(&self.losses) {
            if *before == 0 && *now > 0 {
                tracing::warn!(what, "a limit has been reached for the first time; see stats");
            }
        }
        self.losses = losses;
    }
}

fn usable(state: StateName) -> Usable {
    if state.is_usable() { Usable::Yes } else { Usable::No }
}

fn losses(shared: &Shared) -> [Loss; 3] {
    [
        ("outcomes dropped", shared.outcomes_dropped.load(Ordering::Relaxed)),
        ("values dropped", shared.counters().values_dropped),
        ("sessions refused", shared.sessions_refused.load(Ordering::Relaxed)),
    ]
}

fn log(pool: &str, server: &str, transition: &Transition) {
    let Transition { from, to, rule, evidence, .. } = transition;
    let (from, to, rule) = (from.label(), to.label(), rule.label());
    if transition.to == StateName::Up {
        tracing::info!(pool, server, from, to, rule, %evidence, "server is up");
    } else {
        tracing::warn!(pool, server, from, to, rule, %evidence, "server is {to}");
    }
}

/// Runs a control plane on a thread of its own.
pub fn spawn(control_plane: ControlPlane) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("control-plane".to_owned()).spawn(move || {
        runtime.block_on(async {
            Cleaner::spawn(Arc::clone(&control_plane.shared));
            control_plane.run().await;
        });
    })
}
