//! One measurement, and what several of them say.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use evenkeel_load::{Length, Limit, Load, Report, ThreadTime};

use crate::peer::Target;
use crate::rows::Row;

/// What one round of one target came to.
pub(crate) struct Measurement {
    /// None when going direct.
    pub(crate) cpu: Option<CpuTime>,
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
    /// How much of the time the load's threads ran, on average, 0 to 1.
    pub(crate) load_busy: f64,
    /// How much of the time they waited for a processor.
    pub(crate) load_queued: f64,
    /// Why the throughput is the load's rather than the target's, if it is.
    pub(crate) limit: Option<Limit>,
}

/// Processor time of a proxy.
#[derive(Clone, Copy)]
pub(crate) struct CpuTime {
    pub(crate) per_request: Duration,
    /// How much of it is not the kernel's, 0 to 1.
    pub(crate) user_share: f64,
}

/// What is measured and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    Cpu,
    Rate,
    P50,
    P99,
    P999,
}

/// Why there is no measurement.
#[derive(Debug)]
pub(crate) enum MeasureError {
    /// An answer was not what it should be: on a machine that was away for long enough, proxies
    /// answer reads that were too late with misses. Measuring again may help.
    NotRight(String),
    /// Nothing can be measured.
    Failed(Box<dyn Error>),
}

impl Measurement {
    /// Runs the row's requests once, after a tenth as many to warm up.
    pub(crate) fn take(row: &Row, target: &Target) -> Result<Self, MeasureError> {
        let load = Load::new(&target.endpoint, &row.workload).threads(row.threads);
        run(&load, row.requests / 10, row, target)?;
        let cpu_before = target.cpu()?;
        let report = run(&load, row.requests, row, target)?;
        let cpu = target.cpu()?.zip(cpu_before).map(|(after, before)| {
            let user = after.user_ticks - before.user_ticks;
            let system = after.system_ticks - before.system_ticks;
            CpuTime {
                per_request: after.total.saturating_sub(before.total) / row.requests,
                user_share: share(user, user + system),
            }
        });
        Ok(Self {
            cpu,
            rate: report.rate(),
            p50: report.latency(0.5),
            p99: report.latency(0.99),
            p999: report.latency(0.999),
            load_busy: mean(&report, ThreadTime::busy_share),
            load_queued: mean(&report, ThreadTime::queued_share),
            limit: report.limit(),
        })
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(CpuTime { per_request, user_share }) = &self.cpu {
            let cpu = per_request.as_secs_f64() * 1e6;
            write!(f, "{cpu:.2} µs CPU ({:.0} % user), ", user_share * 100.0)?;
        }
        let [p50, p99] = [self.p50, self.p99].map(|time| time.as_secs_f64() * 1e6);
        write!(f, "{:.0} requests/s, p50 {p50:.0} µs, p99 {p99:.0} µs", self.rate)
    }
}

impl Figure {
    /// In seconds, or a second.
    pub(crate) fn of(self, measurement: &Measurement) -> Option<f64> {
        let seconds = |time: Duration| Some(time.as_secs_f64());
        match self {
            Self::Cpu => measurement.cpu.and_then(|cpu| seconds(cpu.per_request)),
            Self::Rate => Some(measurement.rate),
            Self::P50 => seconds(measurement.p50),
            Self::P99 => seconds(measurement.p99),
            Self::P999 => seconds(measurement.p999),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU time per request",
            Self::Rate => "throughput",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p99.9",
        }
    }
}

impl<E: Error + 'static> From<E> for MeasureError {
    fn from(error: E) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// Only a run in which everything was right measures anything.
fn run(load: &Load<'_>, requests: u32, row: &Row, target: &Target) -> Result<Report, MeasureError> {
    let report = load.run(Length::Requests(requests.into()))?;
    let is_complete = report.answered() == u64::from(requests);
    if is_complete && report.misses + report.failed() == 0 {
        return Ok(report);
    }
    let Report { misses, wrong, faults, .. } = &report;
    let (failed, name) = (report.failed(), target.peer.name());
    let what = format!("{}, {name}: {misses} misses, {failed} failed: {faults:?}", row.name);
    // No machine is so slow that a byte changes.
    if *wrong > 0 {
        Err(MeasureError::Failed(what.into()))
    } else {
        Err(MeasureError::NotRight(what))
    }
}

/// A figure of the load's threads, on average.
fn mean(report: &Report, figure: fn(&ThreadTime) -> f64) -> f64 {
    let count = f64::from(u32::try_from(report.threads.len()).expect("there are few threads"));
    report.threads.iter().map(figure).sum::<f64>() / count.max(1.0)
}

#[expect(clippy::cast_precision_loss, reason = "no run has 2^52 ticks")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
