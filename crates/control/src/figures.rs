//! What a server has done: since the process started, and in the last ten seconds.
//!
//! The workers count for health anyway and report every tenth of a second; here it is added up. So
//! reading these figures costs the workers nothing. A report that was dropped because its feed was
//! full is missing here too; that is counted (`Shared::reports_dropped`).

use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::protocol::request::Class;
use evenkeel_core::window::{Latencies, Tally, Window};

/// What one server has done.
#[derive(Debug)]
pub struct Figures {
    totals: Totals,
    recent: Window,
}

/// What one server has done since the process started.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Keys read that it had.
    pub hits: u64,
    /// Keys read that it had not.
    pub misses: u64,
    /// By class, in the order of [`Class::ALL`].
    classes: [ClassTotals; Class::ALL.len()],
}

/// The same of one class of requests.
#[derive(Clone, Debug, Default)]
pub struct ClassTotals {
    /// All that ended, well or not.
    pub attempts: u64,
    /// Those that were answered `SERVER_ERROR`.
    pub server_errors: u64,
    /// Those that waited too long.
    pub timeouts: u64,
    /// Those that failed in any other way.
    pub failures: u64,
    /// How long responses took, all together.
    pub latency_sum: Duration,
    /// How many responses took at most so long, the shortest first: where [`Latencies::counts`]
    /// counts them.
    pub latencies: Vec<(Duration, u64)>,
}

/// The time that "recently" means.
pub const RECENT: Duration = Duration::from_secs(10);

impl Default for Figures {
    fn default() -> Self {
        Self { totals: Totals::default(), recent: Window::new(RECENT) }
    }
}

impl Figures {
    /// A worker has counted something that has just ended.
    pub(crate) fn add(&mut self, now: Instant, tally: &Tally) {
        self.totals.hits += u64::from(tally.hits());
        self.totals.misses += u64::from(tally.misses());
        for class in Class::ALL {
            self.totals.classes[class as usize].add(tally, class);
        }
        self.recent.add(now, tally);
    }

    /// What it has done since the process started.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// What it has done in the [`RECENT`] past.
    pub fn recent(&mut self, now: Instant) -> Tally {
        self.recent.sum(now)
    }
}

impl Totals {
    /// The part of one class.
    pub fn of_class(&self, class: Class) -> &ClassTotals {
        &self.classes[class as usize]
    }

    /// All requests that ended.
    pub fn attempts(&self) -> u64 {
        self.classes.iter().map(|it| it.attempts).sum()
    }

    /// All that failed.
    pub fn failed(&self) -> u64 {
        self.classes.iter().map(ClassTotals::failed).sum()
    }
}

impl ClassTotals {
    /// All that failed.
    pub fn failed(&self) -> u64 {
        self.server_errors + self.timeouts + self.failures
    }

    fn add(&mut self, tally: &Tally, class: Class) {
        let counted = tally.of_class(class);
        self.attempts += u64::from(counted.attempts);
        self.server_errors += u64::from(counted.server_errors);
        self.timeouts += u64::from(counted.timeouts);
        self.failures += u64::from(counted.failures);
        let latencies: &Latencies = tally.latencies_of(class);
        self.latency_sum = self.latency_sum.saturating_add(latencies.sum());
        for (took, count) in latencies.counts() {
            match self.latencies.binary_search_by_key(&took, |(bound, _)| *bound) {
                Ok(idx) => self.latencies[idx].1 += u64::from(count),
                Err(idx) => self.latencies.insert(idx, (took, u64::from(count))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn totals_keep_what_recently_forgets() {
        let mut figures = Figures::default();
        let mut tally = Tally::default();
        tally.note_response(Class::Read, ms(1), false);
        tally.note_response(Class::Write, ms(3), true);
        tally.note_keys(1, 2);
        figures.add(Instant::ZERO + ms(500), &tally);
        figures.add(Instant::ZERO + ms(700), &tally);
        assert_eq!(figures.recent(Instant::ZERO + ms(900)).attempts(), 4);
        assert_eq!(figures.recent(Instant::ZERO + ms(20_000)).attempts(), 0);
        let totals = figures.totals();
        assert_eq!((totals.hits, totals.misses), (2, 4));
        assert_eq!((totals.attempts(), totals.failed()), (4, 2));
        let reads = totals.of_class(Class::Read);
        assert_eq!((reads.attempts, reads.failed(), reads.latency_sum), (2, 0, ms(2)));
        let [(took, 2)] = reads.latencies[..] else { panic!("{reads:?}") };
        assert!(ms(1) <= took && took < ms(2), "rounded up by at most a quarter: {took:?}");
    }
}
