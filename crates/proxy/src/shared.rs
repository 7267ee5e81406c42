//! What the workers of the proxy share besides what the control plane shares with them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use evenkeel_control::loss::Loss;
use evenkeel_core::config::ListenerName;
use evenkeel_core::routing::PoolId;

use crate::listeners::{Listener, ListenerShare};

/// Everything shared.
#[derive(Debug)]
pub struct Shared {
    /// With the control plane.
    pub control: Arc<evenkeel_control::Shared>,
    /// Stop: accept nothing, finish what is in flight.
    pub is_stopping: AtomicBool,
    /// Sessions refused because their listener had `sessions_max`.
    pub sessions_refused: Loss,
    /// What only the proxy knows of a worker; in the order of the control plane's.
    pub workers: Vec<WorkerFacts>,
}

/// What only the proxy knows of a worker.
#[derive(Debug, Default)]
pub struct WorkerFacts {
    /// Sessions open at the moment.
    pub sessions_open: AtomicUsize,
    /// Whether it reads and writes by `io_uring`.
    pub is_on_io_uring: AtomicBool,
    changes: Mutex<Vec<Change>>,
}

/// What a worker is to change about its listeners and sessions.
#[derive(Debug)]
pub enum Change {
    /// Accept from this one, too.
    Open(Listener),
    /// The listener of this name is this from now on. Its sessions' requests go where it says.
    Replace(Arc<ListenerShare>),
    /// Accept from the listener of this name no more. Its sessions stay.
    Close(ListenerName),
    /// The pool is no more: sessions whose requests may go there end when they have what they are
    /// owed.
    EndSessions(PoolId),
}

impl WorkerFacts {
    /// Something for the worker to change; it does so when it is woken.
    pub fn tell(&self, change: Change) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }

    /// What it is to change, in order.
    pub fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    /// Shared state of a proxy that has refused nothing yet.
    pub fn new(control: Arc<evenkeel_control::Shared>, sessions_refused: Loss) -> Self {
        let workers = control.workers.iter().map(|_| WorkerFacts::default()).collect();
        Self { control, is_stopping: AtomicBool::new(false), sessions_refused, workers }
    }

    /// Has every worker stop.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.control.wake_workers();
    }

    /// How many workers read and write by `io_uring`.
    pub fn workers_on_io_uring(&self) -> usize {
        self.workers.iter().filter(|it| it.is_on_io_uring.load(Ordering::Relaxed)).count()
    }

    /// How many sessions are open.
    pub fn sessions_open(&self) -> usize {
        self.workers.iter().map(|it| it.sessions_open.load(Ordering::Relaxed)).sum()
    }
}
