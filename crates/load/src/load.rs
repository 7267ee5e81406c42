//! A load on a target: what is asked of whom, from how many threads.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::content::Content;
use crate::descriptors;
use crate::draw::Chooser;
use crate::driver::{Driver, Lane, Order, Plan};
use crate::{End, Endpoint, Pace, Report, ValueSize, Watch, Workload};

/// A workload and the target it is for.
///
/// The same requests are sent whatever the number of threads; each thread drives its share of
/// the connections.
#[derive(Clone, Debug)]
pub struct Load<'a> {
    endpoint: &'a Endpoint,
    workload: &'a Workload,
    threads: usize,
    warm_up: Duration,
    answer_timeout: Duration,
    watch: Option<&'a Watch>,
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
    /// The system does not allow this process so many sockets. Nothing was sent.
    #[error(
        "{connections} connections need {needed} file descriptors, and this process may have \
         {allowed}; raise the limit (`ulimit -n {needed}`), or ask for fewer connections"
    )]
    Descriptors {
        /// The connections of the load.
        connections: usize,
        /// Descriptors that are needed for all of them and all else.
        needed: u64,
        /// How many there may be.
        allowed: u64,
    },
    /// The target cannot be reached, or the system refuses a socket.
    #[error("cannot make connection {number} of {connections} to {endpoint}: {source}")]
    Connect {
        /// The target.
        endpoint: Endpoint,
        /// Which connection, from 1.
        number: usize,
        /// How many there should have been.
        connections: usize,
        /// What the system said.
        source: io::Error,
    },
    /// The system refuses to say which sockets are ready.
    #[error("cannot wait for answers: {0}")]
    Poll(#[from] io::Error),
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
    /// It was stopped before the run began.
    #[error("stopped before every key was stored")]
    Stopped,
}

impl<'a> Load<'a> {
    /// A load from one thread.
    ///
    /// # Panics
    /// When the workload breaks a limit of its fields.
    pub fn new(endpoint: &'a Endpoint, workload: &'a Workload) -> Self {
        workload.assert_valid();
        Self {
            endpoint,
            workload,
            threads: 1,
            warm_up: Duration::ZERO,
            answer_timeout: ANSWER_TIMEOUT,
            watch: None,
        }
    }

    /// Drives it from so many threads, from 1; a thread without a connection is not started.
    ///
    /// # Panics
    /// Without a thread.
    pub fn threads(self, threads: usize) -> Self {
        assert!(threads > 0, "a load needs a thread");
        Self { threads, ..self }
    }

    /// Sends requests for so long before any are measured.
    pub fn warm_up(self, warm_up: Duration) -> Self {
        Self { warm_up, ..self }
    }

    /// Lets another thread look on, and end it early.
    pub fn watch(self, watch: &'a Watch) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Gives requests up when nothing has come on their connection for so long; 10 s if this is
    /// not called.
    ///
    /// # Panics
    /// If it is zero.
    pub fn answer_timeout(self, answer_timeout: Duration) -> Self {
        assert!(!answer_timeout.is_zero(), "no answer comes in no time");
        Self { answer_timeout, ..self }
    }

    /// Stores every key of the workload once, so that reads find them.
    ///
    /// # Errors
    /// When the target cannot be reached or does not store every key.
    pub fn fill(&self) -> Result<(), RunError> {
        let writes = Workload {
            connections: FILL_CONNECTIONS * self.threads,
            pace: Pace::Closed { batch: fill_batch(&self.workload.value_size) },
            ..self.workload.clone()
        };
        let keys = self.workload.keys as u64;
        let report = Self { warm_up: Duration::ZERO, ..self.clone() }.drive(
            &writes,
            Order::WritesInTurn,
            Length::Requests(keys),
        )?;
        if report.stored == keys {
            return Ok(());
        }
        if report.end == End::Stopped {
            return Err(RunError::Stopped);
        }
        let fault = report.faults.into_iter().next().unwrap_or_default();
        Err(RunError::NotFilled { stored: report.stored, keys, fault })
    }

    /// Sends the load.
    ///
    /// Lost connections are made again, for as long as the run lasts, and what was lost with them
    /// is counted. A run of a number of requests ends early if nothing is answered for twice the
    /// answer timeout.
    ///
    /// # Errors
    /// When not all connections can be made at the start.
    pub fn run(&self, length: Length) -> Result<Report, RunError> {
        self.drive(self.workload, Order::Drawn, length)
    }

    fn drive(&self, workload: &Workload, order: Order, length: Length) -> Result<Report, RunError> {
        let Self { endpoint, warm_up, answer_timeout, watch, .. } = *self;
        let (content, chooser) = (Content::new(workload), Chooser::new(workload));
        let plan = Plan {
            endpoint,
            workload,
            content,
            chooser,
            order,
            length,
            warm_up,
            answer_timeout,
            watch,
        };
        let count = self.threads.min(workload.connections);
        descriptors::reserve(workload.connections, DESCRIPTORS_PER_THREAD * count)?;
        let mut slots = watch.map(|watch| watch.begin(count)).unwrap_or_default().into_iter();
        let drivers: Result<Vec<_>, _> =
            (0..count).map(|idx| Driver::new(&plan, Lane { idx, count }, slots.next())).collect();
        let (drivers, start) = (drivers?, Instant::now());
        thread::scope(|scope| {
            let threads: Vec<_> =
                drivers.into_iter().map(|driver| scope.spawn(move || driver.run(start))).collect();
            let mut sum = Report::default();
            for thread in threads {
                sum.absorb(thread.join().expect("a driver does not panic")?);
            }
            Ok(sum)
        })
    }
}

fn fill_batch(value_size: &ValueSize) -> usize {
    (FILL_BATCH_LEN / value_size.max().max(1)).clamp(1, FILL_BATCH_MAX)
}

/// For each thread.
const FILL_CONNECTIONS: usize = 4;
const FILL_BATCH_MAX: usize = 16;
/// Bytes of values that are sent at once, unless one alone has more.
const FILL_BATCH_LEN: usize = 1 << 20;
/// A poll and a timer.
const DESCRIPTORS_PER_THREAD: usize = 2;
/// Longer than a target that recovers from a fault takes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
