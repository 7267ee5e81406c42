//! A load on a target: what is asked of whom, from how many threads.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::content::Content;
use crate::draw::Chooser;
use crate::driver::{Driver, Lane, Order, Plan, STALL_TIMEOUT};
use crate::{Endpoint, Pace, Report, Workload};

/// A workload and the target it is for.
///
/// The same requests are sent whatever the number of threads; each thread drives its share of
/// the connections.
#[derive(Clone, Debug)]
pub struct Load<'a> {
    endpoint: &'a Endpoint,
    workload: &'a Workload,
    threads: usize,
}

/// When a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// After so many requests; their answers are awaited.
    Requests(u64),
    /// After this time; what is unanswered then is awaited.
    Time(Duration),
}

/// Why a run could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The target cannot be reached, or the system refuses a socket.
    #[error("cannot drive the load: {0}")]
    Io(#[from] io::Error),
    /// Not every key could be stored before the run.
    #[error("{stored} of {keys} keys were stored; first fault: {fault}")]
    NotFilled {
        /// Keys that were stored.
        stored: u64,
        /// Keys that should have been.
        keys: u64,
        /// What went wrong first.
        fault: String,
    },
    /// Answers that should have come did not, for this long.
    #[error("no answer for {STALL_TIMEOUT:?}, {waiting} requests wait")]
    Stalled {
        /// Requests sent and not answered.
        waiting: u64,
    },
}

impl<'a> Load<'a> {
    /// A load from one thread.
    ///
    /// # Panics
    /// When the workload breaks a limit of its fields.
    pub fn new(endpoint: &'a Endpoint, workload: &'a Workload) -> Self {
        workload.assert_valid();
        Self { endpoint, workload, threads: 1 }
    }

    /// Drives it from so many threads, from 1; a thread without a connection is not started.
    ///
    /// # Panics
    /// Without a thread.
    pub fn threads(self, threads: usize) -> Self {
        assert!(threads > 0, "a load needs a thread");
        Self { threads, ..self }
    }

    /// Stores every key of the workload once, so that reads find them.
    ///
    /// # Errors
    /// When the target cannot be reached or does not store every key.
    pub fn fill(&self) -> Result<(), RunError> {
        let writes = Workload {
            connections: FILL_CONNECTIONS * self.threads,
            pace: Pace::Closed { batch: FILL_BATCH },
            ..self.workload.clone()
        };
        let keys = self.workload.keys as u64;
        let report = self.drive(&writes, Order::WritesInTurn, Length::Requests(keys))?;
        if report.stored == keys {
            return Ok(());
        }
        let fault = report.faults.into_iter().next().unwrap_or_default();
        Err(RunError::NotFilled { stored: report.stored, keys, fault })
    }

    /// Sends the load.
    ///
    /// Lost connections are made again, and what was lost with them is counted.
    ///
    /// # Errors
    /// When the target cannot be reached at all, or stops answering.
    pub fn run(&self, length: Length) -> Result<Report, RunError> {
        self.drive(self.workload, Order::Drawn, length)
    }

    fn drive(&self, workload: &Workload, order: Order, length: Length) -> Result<Report, RunError> {
        let (content, chooser) = (Content::new(workload), Chooser::new(workload));
        let plan = Plan { endpoint: self.endpoint, workload, content, chooser, order, length };
        let count = self.threads.min(workload.connections);
        let drivers: Result<Vec<_>, _> =
            (0..count).map(|idx| Driver::new(&plan, Lane { idx, count })).collect();
        let (drivers, start) = (drivers?, Instant::now());
        thread::scope(|scope| {
            let threads: Vec<_> =
                drivers.into_iter().map(|driver| scope.spawn(move || driver.run(start))).collect();
            let mut sum = Report::new();
            for thread in threads {
                sum.absorb(thread.join().expect("a driver does not panic")?);
            }
            Ok(sum)
        })
    }
}

/// For each thread.
const FILL_CONNECTIONS: usize = 4;
const FILL_BATCH: usize = 16;
