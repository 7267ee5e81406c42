//! Latencies, counted by their length.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Any number of latencies in a fixed space: each is kept to three digits, from a tenth of a
/// microsecond to one hour. Longer ones count as one hour.
#[derive(Clone)]
pub struct Latencies(Histogram<u64>);

impl Latencies {
    /// None yet.
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(100, 3_600_000_000_000, 3);
        Self(histogram.expect("the bounds are right"))
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What this share of them (0.5, 0.99) did not exceed; zero if there are none.
    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(quantile))
    }

    /// The longest; zero if there are none.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }

    /// Their mean; zero if there are none.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos_u128(mean_nanos(&self.0))
    }

    /// How many were longer than this, to three digits.
    pub fn count_above(&self, bound: Duration) -> u64 {
        self.0.len() - self.0.count_between(0, nanos(bound))
    }

    /// Adds one.
    pub fn record(&mut self, latency: Duration) {
        self.0.saturating_record(nanos(latency));
    }

    pub(crate) fn absorb(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    pub(crate) fn clear(&mut self) {
        self.0.reset();
    }
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

/// In a line: how many, and some quantiles.
impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99] = [0.5, 0.99].map(|quantile| self.quantile(quantile));
        write!(f, "{} (p50 {p50:?}, p99 {p99:?}, max {:?})", self.len(), self.max())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an hour at most")]
fn mean_nanos(histogram: &Histogram<u64>) -> u128 {
    if histogram.is_empty() { 0 } else { histogram.mean() as u128 }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latencies(micros: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::new();
        for micros in micros {
            latencies.record(Duration::from_micros(micros));
        }
        latencies
    }

    /// Equal to three digits.
    #[track_caller]
    fn check(found: Duration, expected_micros: u64) {
        let expected = Duration::from_micros(expected_micros);
        assert!(found.abs_diff(expected) <= expected / 500, "{found:?}, not {expected:?}");
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let latencies = latencies(1..=1000);
        check(latencies.quantile(0.5), 500);
        check(latencies.quantile(0.99), 990);
        check(latencies.max(), 1000);
        check(latencies.mean(), 500);
    }

    #[test]
    fn the_longest_is_never_lost() {
        let latencies = latencies([10, u64::MAX / 1000]);
        check(latencies.max(), 3_600_000_000);
        assert_eq!(latencies.count_above(Duration::from_millis(1)), 1);
    }

    #[test]
    fn without_any_all_figures_are_zero() {
        let latencies = latencies([]);
        assert!(latencies.is_empty());
        let figures = [latencies.quantile(0.5), latencies.max(), latencies.mean()];
        assert_eq!(figures, [Duration::ZERO; 3]);
    }
}
