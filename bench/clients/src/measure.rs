//! One measurement.

use std::fmt;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Builder;

use crate::client::{Client, Fault};
use crate::clients::{AsyncMemcached, Evenkeel, Memcache, MemcacheBlocking, Redis};
use crate::rows::{Peer, Row, Runtime};
use crate::stage::Stage;
use crate::work::{Crew, Nanos, ready};

/// What one round of one peer came to.
pub(crate) struct Measurement {
    /// Processor time of this process for each operation, user and system together.
    cpu: Duration,
    /// Operations a second.
    rate: f64,
    p50: Duration,
    p99: Duration,
}

/// What is measured and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    Cpu,
    Rate,
    P50,
    P99,
}

impl Measurement {
    /// Has the peer do the row's work for [`TIME`], after [`WARM_UP`], on a runtime and with
    /// connections of its own.
    pub(crate) fn take(peer: Peer, row: &Row, stage: &Stage) -> Result<Self, Fault> {
        match peer {
            Peer::Evenkeel => in_tasks::<Evenkeel>(peer, row, stage),
            Peer::Memcache => in_tasks::<Memcache>(peer, row, stage),
            Peer::AsyncMemcached => in_tasks::<AsyncMemcached>(peer, row, stage),
            Peer::Redis => in_tasks::<Redis>(peer, row, stage),
            Peer::MemcacheBlocking => in_threads::<MemcacheBlocking>(peer, row, stage),
        }
    }

    fn new(meter: &Meter, mut latencies: Vec<Nanos>) -> Self {
        let (cpu, time) = meter.read();
        let operations = u32::try_from(latencies.len()).expect("a round is shorter");
        latencies.sort_unstable();
        let percentile = |percent: usize| {
            let nanos = latencies[(latencies.len() - 1) * percent / 100];
            Duration::from_nanos(nanos.into())
        };
        Self {
            cpu: cpu / operations,
            rate: f64::from(operations) / time.as_secs_f64(),
            p50: percentile(50),
            p99: percentile(99),
        }
    }
}

impl Figure {
    pub(crate) const ALL: [Self; 4] = [Self::Cpu, Self::Rate, Self::P50, Self::P99];

    /// In seconds, or a second.
    pub(crate) fn of(self, measurement: &Measurement) -> f64 {
        match self {
            Self::Cpu => measurement.cpu.as_secs_f64(),
            Self::Rate => measurement.rate,
            Self::P50 => measurement.p50.as_secs_f64(),
            Self::P99 => measurement.p99.as_secs_f64(),
        }
    }

    /// The better of two.
    pub(crate) fn better(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Rate => one.max(other),
            Self::Cpu | Self::P50 | Self::P99 => one.min(other),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU time per operation",
            Self::Rate => "throughput",
            Self::P50 => "p50",
            Self::P99 => "p99",
        }
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [cpu, p50, p99] = [self.cpu, self.p50, self.p99].map(|it| it.as_secs_f64() * 1e6);
        let rate = self.rate;
        write!(f, "{cpu:.2} µs CPU, {rate:.0} operations/s, p50 {p50:.0} µs, p99 {p99:.0} µs")
    }
}

fn in_tasks<C: Client>(peer: Peer, row: &Row, stage: &Stage) -> Result<Measurement, Fault> {
    let mut builder = match row.runtime {
        Runtime::TwoThreads => Builder::new_multi_thread(),
        Runtime::OneThread => Builder::new_current_thread(),
    };
    let runtime = builder.worker_threads(THREADS).enable_all().build()?;
    let servers = stage.servers(peer, row);
    runtime.block_on(async {
        let mut crew = Crew::new(C::connect(&servers, row.tasks).await?, row.work);
        crew.fill().await?;
        crew.run_tasks(WARM_UP).await?;
        let meter = Meter::start();
        let latencies = crew.run_tasks(TIME).await?;
        Ok(Measurement::new(&meter, latencies))
    })
}

fn in_threads<C: Client>(peer: Peer, row: &Row, stage: &Stage) -> Result<Measurement, Fault> {
    let clients = ready(C::connect(&stage.servers(peer, row), row.tasks))?;
    let mut crew = Crew::new(clients, row.work);
    ready(crew.fill())?;
    crew.run_threads(WARM_UP)?;
    let meter = Meter::start();
    let latencies = crew.run_threads(TIME)?;
    Ok(Measurement::new(&meter, latencies))
}

/// Time, and processor time of this process: what `getrusage` says, to the nanosecond.
struct Meter {
    cpu: Duration,
    started_at: Instant,
}

impl Meter {
    fn start() -> Self {
        Self { cpu: process_time(), started_at: Instant::now() }
    }

    fn read(&self) -> (Duration, Duration) {
        (process_time().saturating_sub(self.cpu), self.started_at.elapsed())
    }
}

fn process_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("no process has run for less than no time")
}

const WARM_UP: Duration = Duration::from_millis(50);
/// Short, so that those whose figures are compared are measured soon after each other.
const TIME: Duration = Duration::from_millis(400);
/// Of the multi-threaded runtime.
const THREADS: usize = 2;
