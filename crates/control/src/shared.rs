//! What the workers of a driver and the control plane share.
//!
//! Workers read; the control plane writes; nobody waits. The one thing that flows the other way
//! is the feed of reports, a bounded queue.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as WallInstant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use evenkeel_core::Instant;
use evenkeel_core::report::Report;
use evenkeel_core::routing::{RoutingTable, ServerId};
use evenkeel_core::slow::SlowSettings;
use evenkeel_core::worker::{Counters, WorkerSettings};

use crate::directory::Directory;
use crate::events::EventLog;
use crate::misplaced::Misplaced;
use crate::server::SharedServer;
use crate::view::Standing;
use crate::worker::SharedWorker;

/// Reports that may wait for the control plane. Past it they are dropped and counted: it then
/// has evidence enough.
pub const REPORTS_MAX: usize = 4096;

/// How long a connection that hangs with a write is listened to: longer than the pauses that servers
/// come back from with all they were sent, and short enough that keys do not stay away from a server
/// for long that never answers.
const PARKED_TIMEOUT: Duration = Duration::from_secs(30);

/// Something that all workers are to see.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edition(u64);

/// Everything shared.
#[derive(Debug)]
pub struct Shared {
    clock: WallInstant,
    /// The time since 1970 when the clock was started.
    pub started_at: Duration,
    /// Who is there.
    pub directory: ArcSwap<Directory>,
    /// What workers route by.
    pub table: ArcSwap<RoutingTable>,
    /// Keys that are not where they belong.
    pub misplaced: Arc<Misplaced>,
    /// The workers, in the order of their driver.
    pub workers: Vec<SharedWorker>,
    /// Reports dropped because the feed was full.
    pub reports_dropped: AtomicU64,
    /// What has happened to servers.
    pub events: EventLog,
    /// Counts what has been published for all workers to see.
    edition: AtomicU64,
    /// What each server is taken for.
    standings: Mutex<BTreeMap<ServerId, Standing>>,
    feed: tokio::sync::mpsc::Sender<Report>,
}

impl Shared {
    /// Shared state with a first table. Returns the control plane's end of the feed too.
    pub(crate) fn new(
        directory: Directory,
        table: RoutingTable,
        misplaced: Misplaced,
        workers: Vec<SharedWorker>,
    ) -> (Arc<Self>, tokio::sync::mpsc::Receiver<Report>) {
        let (feed, reports) = tokio::sync::mpsc::channel(REPORTS_MAX);
        let shared = Self {
            clock: WallInstant::now(),
            started_at: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            directory: ArcSwap::from_pointee(directory),
            table: ArcSwap::from_pointee(table),
            misplaced: Arc::new(misplaced),
            workers,
            reports_dropped: AtomicU64::new(0),
            events: EventLog::default(),
            edition: AtomicU64::new(0),
            standings: Mutex::default(),
            feed,
        };
        (Arc::new(shared), reports)
    }

    /// The time, on the one clock of this process.
    pub fn now(&self) -> Instant {
        Instant::ZERO + self.clock.elapsed()
    }

    /// Looks the names of all servers up, and waits for the answers: within a runtime, do it where
    /// waiting is allowed. One that cannot be found yet is no error; canaries look again.
    pub fn resolve_blocking(&self) {
        self.directory.load().servers.iter().for_each(|it| it.resolve_blocking());
    }

    /// What the worker at a place of [`Shared::workers`] is to know.
    pub fn worker_settings(&self, idx: usize) -> WorkerSettings {
        WorkerSettings {
            // The jitter of reconnects must differ between workers and between processes.
            seed: u64::from(std::process::id()) << 16 | idx as u64,
            unix_time_at_zero: self.started_at,
            parked_timeout: PARKED_TIMEOUT,
            slow: SlowSettings::NEVER,
        }
    }

    /// A server by its id.
    pub fn server(&self, id: ServerId) -> Arc<SharedServer> {
        Arc::clone(self.directory.load().server(id))
    }

    /// Reports evidence to the control plane.
    pub fn report(&self, report: Report) {
        if self.feed.try_send(report).is_err() {
            self.reports_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What a server is taken for; `None` if it is not watched.
    pub(crate) fn standing(&self, server: ServerId) -> Option<Standing> {
        let standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings.get(&server).copied()
    }

    /// Says what each server is taken for.
    pub(crate) fn set_standings(&self, standings: BTreeMap<ServerId, Standing>) {
        *self.standings.lock().unwrap_or_else(PoisonError::into_inner) = standings;
    }

    /// The table, if it is another than the one that the worker at a place of [`Shared::workers`]
    /// has. To be asked when the worker is woken; it must have it from then on.
    pub fn newer_table(
        &self,
        worker: usize,
        known: &Arc<RoutingTable>,
    ) -> Option<Arc<RoutingTable>> {
        // In this order: what had been published before the edition was, is found.
        let edition = self.edition.load(Ordering::SeqCst);
        let table = self.table.load();
        self.workers[worker].seen.store(edition, Ordering::SeqCst);
        (!Arc::ptr_eq(&table, known)).then(|| Arc::clone(&table))
    }

    /// Has every worker look at what has been published; [`Shared::has_been_seen`] says when they
    /// all have.
    pub(crate) fn next_edition(&self) -> Edition {
        let edition = self.edition.fetch_add(1, Ordering::SeqCst) + 1;
        self.wake_workers();
        Edition(edition)
    }

    /// Whether every worker has looked since. Whatever it does after that, it does with what had been
    /// published before.
    pub(crate) fn has_been_seen(&self, edition: Edition) -> bool {
        self.workers.iter().all(|it| edition.0 <= it.seen.load(Ordering::SeqCst))
    }

    /// Has every worker turn its loop.
    pub fn wake_workers(&self) {
        for worker in &self.workers {
            worker.wake();
        }
    }

    /// The sum of what all workers have done.
    pub fn counters(&self) -> Counters {
        let mut sum = Counters::default();
        for worker in &self.workers {
            worker.counters.add_to(&mut sum);
        }
        sum
    }
}
