//! One measurement, and what several of them say.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use evenkeel_load::{Length, Report};

use crate::rows::Row;
use crate::target::Target;

/// What one round of one target came to.
pub(crate) struct Measurement {
    /// Processor time of the proxy for one request.
    pub(crate) cpu: Duration,
    /// Requests a second.
    pub(crate) rate: f64,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
}

/// A row's rounds for both targets; the same index is the same round.
pub(crate) struct Comparison {
    pub(crate) row: Row,
    pub(crate) peer: Vec<Measurement>,
    pub(crate) evenkeel: Vec<Measurement>,
}

/// The least, the middle and the greatest of some figures.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Measurement {
    /// Runs the row's requests once, after a tenth as many to warm up.
    pub(crate) fn take(row: &Row, target: &Target) -> Result<Self, Box<dyn Error>> {
        let length = Length::Requests(u64::from(row.requests / 10));
        evenkeel_load::Load::new(&target.endpoint(), &row.workload).run(length)?;
        let before = target.cpu_time()?;
        let length = Length::Requests(row.requests.into());
        let report = evenkeel_load::Load::new(&target.endpoint(), &row.workload).run(length)?;
        let cpu = target.cpu_time()?.saturating_sub(before);
        check(&report, row, target)?;
        Ok(Self {
            cpu: cpu / row.requests,
            rate: report.rate(),
            median: report.latency(0.5),
            p99: report.latency(0.99),
        })
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, rate, median, p99 } = self;
        let [cpu, median, p99] = [cpu, median, p99].map(|time| time.as_secs_f64() * 1e6);
        write!(f, "{cpu:.2} µs CPU, {rate:.0} requests/s, p50 {median:.0} µs, p99 {p99:.0} µs")
    }
}

impl Comparison {
    /// Evenkeel's figure divided by the peer's of the same round, over the rounds.
    pub(crate) fn ratio(&self, figure: impl Fn(&Measurement) -> f64) -> Spread {
        let rounds = self.evenkeel.iter().zip(&self.peer);
        Spread::of(rounds.map(|(ours, theirs)| figure(ours) / figure(theirs)).collect())
    }
}

impl Spread {
    /// The spread of at least one figure.
    pub(crate) fn of(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        Self {
            min: figures[0],
            median: figures[figures.len() / 2],
            max: figures[figures.len() - 1],
        }
    }
}

/// Only a run in which everything was right measures anything.
fn check(report: &Report, row: &Row, target: &Target) -> Result<(), Box<dyn Error>> {
    let is_right =
        report.answered() == u64::from(row.requests) && report.misses + report.failed() == 0;
    if is_right {
        return Ok(());
    }
    Err(format!(
        "{}, {}: {} misses, {} failed: {:?}",
        row.name,
        target.name,
        report.misses,
        report.failed(),
        report.faults
    )
    .into())
}
