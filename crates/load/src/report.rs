//! What a run measured.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The figures of one run.
#[derive(Clone, Debug)]
pub struct Report {
    /// From the first request sent to the last answer.
    pub elapsed: Duration,
    /// Latencies of answered reads, in nanoseconds.
    pub reads: Histogram<u64>,
    /// Latencies of answered writes, in nanoseconds.
    pub writes: Histogram<u64>,
    /// Keys read that had a value; each was checked.
    pub hits: u64,
    /// Keys read that had none.
    pub misses: u64,
    /// Writes that were acknowledged.
    pub stored: u64,
    /// Requests that were answered with an error.
    pub errors: u64,
    /// Answers that were none to the request they came for, or had a wrong byte. Their
    /// connections were closed.
    pub wrong: u64,
    /// Requests whose connection was lost, or closed by us, before their right answer came.
    pub lost: u64,
    /// The first few of what went wrong, in words.
    pub faults: Vec<String>,
}

impl Report {
    /// Requests that got an answer.
    pub fn answered(&self) -> u64 {
        self.reads.len() + self.writes.len()
    }

    /// Answers a second.
    #[expect(clippy::cast_precision_loss, reason = "no run has 2^52 answers")]
    pub fn rate(&self) -> f64 {
        self.answered() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this share of all answers (0.5, 0.99) did not exceed.
    pub fn latency(&self, quantile: f64) -> Duration {
        let mut all = self.reads.clone();
        all.add(&self.writes).expect("both have the same bounds");
        Duration::from_nanos(all.value_at_quantile(quantile))
    }

    pub(crate) fn new() -> Self {
        Self {
            elapsed: Duration::ZERO,
            reads: histogram(),
            writes: histogram(),
            hits: 0,
            misses: 0,
            stored: 0,
            errors: 0,
            wrong: 0,
            lost: 0,
            faults: Vec::new(),
        }
    }

    /// Adds what another thread measured in the same run.
    pub(crate) fn absorb(&mut self, other: Self) {
        let Self { elapsed, reads, writes, hits, misses, stored, errors, wrong, lost, faults } =
            other;
        self.elapsed = self.elapsed.max(elapsed);
        self.reads.add(reads).expect("all have the same bounds");
        self.writes.add(writes).expect("all have the same bounds");
        self.hits += hits;
        self.misses += misses;
        self.stored += stored;
        self.errors += errors;
        self.wrong += wrong;
        self.lost += lost;
        let room = FAULTS_MAX - self.faults.len();
        self.faults.extend(faults.into_iter().take(room));
    }

    pub(crate) fn add_fault(&mut self, fault: impl FnOnce() -> String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault());
        }
    }
}

/// One microsecond to one minute, to three digits; longer latencies count as one minute.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1_000, 60_000_000_000, 3).expect("the bounds are right")
}

const FAULTS_MAX: usize = 10;
