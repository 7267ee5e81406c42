//! What the data plane and the control plane share.
//!
//! Workers read; the control plane writes; nobody waits. The one thing that flows the other way
//! is the feed of reports, a bounded queue.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant as WallInstant, SystemTime, UNIX_EPOCH};

use arc_swap::{ArcSwap, ArcSwapOption};
use evenkeel_core::Instant;
use evenkeel_core::config::{PoolName, ServerConfig};
use evenkeel_core::report::Report;
use evenkeel_core::routing::{PoolId, RoutingTable, ServerId};
use evenkeel_core::worker::Counters;

use crate::events::EventLog;
use crate::handle::Standing;
use crate::misplaced::Misplaced;
use crate::pace::Pace;

/// Reports that may wait for the control plane. Past it they are dropped and counted: it then
/// has evidence enough.
pub const REPORTS_MAX: usize = 4096;

/// Everything shared.
#[derive(Debug)]
pub struct Shared {
    clock: WallInstant,
    /// The time since 1970 when the clock was started.
    pub started_at: Duration,
    /// The servers, by [`ServerId`].
    pub servers: Vec<SharedServer>,
    /// The names of the pools, by [`PoolId`].
    pub pools: Vec<PoolName>,
    /// What workers route by.
    pub table: ArcSwap<RoutingTable>,
    /// Keys that are not where they belong.
    pub misplaced: Arc<Misplaced>,
    /// What each worker has done.
    pub workers: Vec<SharedWorker>,
    /// Stop: accept nothing, finish what is in flight.
    pub is_stopping: AtomicBool,
    /// Reports dropped because the feed was full.
    pub reports_dropped: AtomicU64,
    /// Sessions refused because their listener had `sessions_max`.
    pub sessions_refused: AtomicU64,
    /// What has happened to servers.
    pub events: EventLog,
    /// What each server is taken for.
    standings: Mutex<Vec<Standing>>,
    feed: tokio::sync::mpsc::Sender<Report>,
}

/// One server, for both planes.
#[derive(Debug)]
pub struct SharedServer {
    /// As configured.
    pub config: ServerConfig,
    /// Its pool.
    pub pool: PoolId,
    /// Where it is reached; `None` while its name cannot be resolved.
    pub addr: ArcSwapOption<SocketAddr>,
}

/// One worker, for the control plane and for `stats`.
#[derive(Debug)]
pub struct SharedWorker {
    /// Wakes the worker's loop.
    pub waker: mio::Waker,
    /// What it has done.
    pub counters: SharedCounters,
    /// Whether it reads and writes by `io_uring`.
    pub is_on_io_uring: AtomicBool,
    /// Whether its loop keeps up.
    pub pace: Pace,
}

impl Shared {
    /// Shared state with a first table. Returns the control plane's end of the feed too.
    pub fn new(
        pools: Vec<PoolName>,
        servers: Vec<SharedServer>,
        table: RoutingTable,
        misplaced: Misplaced,
        wakers: Vec<mio::Waker>,
    ) -> (Arc<Self>, tokio::sync::mpsc::Receiver<Report>) {
        let (feed, reports) = tokio::sync::mpsc::channel(REPORTS_MAX);
        let workers = wakers
            .into_iter()
            .map(|waker| SharedWorker {
                waker,
                counters: SharedCounters::default(),
                is_on_io_uring: AtomicBool::default(),
                pace: Pace::default(),
            })
            .collect();
        let shared = Self {
            clock: WallInstant::now(),
            started_at: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            pools,
            servers,
            table: ArcSwap::from_pointee(table),
            misplaced: Arc::new(misplaced),
            workers,
            is_stopping: AtomicBool::new(false),
            reports_dropped: AtomicU64::new(0),
            sessions_refused: AtomicU64::new(0),
            events: EventLog::default(),
            standings: Mutex::default(),
            feed,
        };
        (Arc::new(shared), reports)
    }

    /// The time, on the one clock of this process.
    pub fn now(&self) -> Instant {
        Instant::ZERO + self.clock.elapsed()
    }

    /// A server by its id.
    pub fn server(&self, id: ServerId) -> &SharedServer {
        &self.servers[usize::from(id.0)]
    }

    /// Reports evidence to the control plane.
    pub fn report(&self, report: Report) {
        if self.feed.try_send(report).is_err() {
            self.reports_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What each server is taken for, by [`ServerId`]; nothing before the control plane has begun.
    pub fn standings(&self) -> Vec<Standing> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says what each server is taken for.
    pub fn set_standings(&self, standings: Vec<Standing>) {
        *self.standings.lock().unwrap_or_else(PoisonError::into_inner) = standings;
    }

    /// Publishes a table and has every worker look at it.
    pub fn publish(&self, table: RoutingTable) {
        self.table.store(Arc::new(table));
        self.wake_workers();
    }

    /// Has every worker stop.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.wake_workers();
    }

    /// Has every worker turn its loop.
    pub fn wake_workers(&self) {
        for worker in &self.workers {
            // A waker fails only if its loop is gone, and then there is nobody to wake.
            let _ = worker.waker.wake();
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

    /// How many workers read and write by `io_uring`.
    pub fn workers_on_io_uring(&self) -> usize {
        self.workers.iter().filter(|it| it.is_on_io_uring.load(Ordering::Relaxed)).count()
    }

    /// How many sessions are open.
    pub fn sessions_open(&self) -> usize {
        self.workers.iter().map(|it| it.counters.sessions_open.load(Ordering::Relaxed)).sum()
    }
}

macro_rules! shared_counters {
    ($($name:ident),* $(,)?) => {
        /// A worker's counters as it last published them.
        #[derive(Debug, Default)]
        pub struct SharedCounters {
            /// Sessions open at the moment.
            pub sessions_open: AtomicUsize,
            $($name: AtomicU64,)*
        }

        impl SharedCounters {
            /// Publishes a worker's counters.
            pub fn store(&self, counters: &Counters, sessions_open: usize) {
                self.sessions_open.store(sessions_open, Ordering::Relaxed);
                $(self.$name.store(counters.$name, Ordering::Relaxed);)*
            }

            fn add_to(&self, sum: &mut Counters) {
                $(sum.$name += self.$name.load(Ordering::Relaxed);)*
            }
        }
    };
}

shared_counters!(
    requests,
    refused,
    reads,
    writes,
    deletes,
    hits,
    misses,
    failed,
    diverted,
    retried,
    values_dropped,
    late_responses,
    bytes_read,
    bytes_written,
    sessions,
);
