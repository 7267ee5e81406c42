//! What one server did over a stretch of time, in numbers.
//!
//! A [`Tally`] is what a worker counts of a server between two reports; a [`Window`] is the sum of
//! the last of them, and slides. [`crate::health`] judges by windows: how many of so many attempts
//! failed, and how slow the slowest were.
//!
//! # What it decides
//! Nothing. It counts.
//!
//! # Cost
//! Noting a response is a few additions and one count in a histogram of [`BUCKETS_LEN`] buckets: a
//! few nanoseconds, and no allocation.
//!
//! # Hard cases
//! - Latencies are kept on a logarithmic scale, four buckets to each doubling: a percentile is
//!   right to a quarter of itself, and never too low. Past 2 s it is "2 s or more".
//! - An attempt that was never answered has no latency. It is counted as a failure, and does not
//!   make those that were answered look slow.
//! - What follows from an ejection or from our own limits is not counted at all.
//!
//! # Rejected alternatives
//! - A mean and a deviation: one response in twenty that takes 60 ms is what users notice, and a
//!   mean hides it.
//! - Exact percentiles (a sorted sample): a hundred times the memory, for a rule that asks whether
//!   something is four times as slow.

use std::time::Duration;

use crate::failure::Failure;
use crate::protocol::request::Class;
use crate::time::Instant;

/// How many requests ended how at one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    reads: ClassTally,
    writes: ClassTally,
    deletes: ClassTally,
    /// By class, in the order of [`Class::ALL`].
    latencies: [Latencies; Class::ALL.len()],
    hits: u32,
    misses: u32,
}

/// How many requests of one class ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassTally {
    /// All that ended, well or not.
    pub attempts: u32,
    /// Those that were answered `SERVER_ERROR`; "object too large" is not among them.
    pub server_errors: u32,
    /// Those that waited too long: a stall of our own looks the same.
    pub timeouts: u32,
    /// Those that failed in any other way.
    pub failures: u32,
}

impl ClassTally {
    /// All that ended badly.
    pub fn failed(self) -> u32 {
        self.server_errors.saturating_add(self.timeouts).saturating_add(self.failures)
    }

    fn merge(&mut self, other: Self) {
        self.attempts = self.attempts.saturating_add(other.attempts);
        self.server_errors = self.server_errors.saturating_add(other.server_errors);
        self.timeouts = self.timeouts.saturating_add(other.timeouts);
        self.failures = self.failures.saturating_add(other.failures);
    }
}

impl std::ops::Add for ClassTally {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.merge(other);
        self
    }
}

impl Tally {
    /// A request was answered after so long. `is_server_error` says that the answer speaks against
    /// the server.
    #[inline]
    pub fn note_response(&mut self, class: Class, latency: Duration, is_server_error: bool) {
        let of_class = self.of_class_mut(class);
        of_class.attempts = of_class.attempts.saturating_add(1);
        of_class.server_errors = of_class.server_errors.saturating_add(u32::from(is_server_error));
        self.latencies[class as usize].note(latency);
    }

    /// A response has said of so many keys that they are there, and of so many that they are not.
    #[inline]
    pub fn note_keys(&mut self, hits: u32, misses: u32) {
        self.hits = self.hits.saturating_add(hits);
        self.misses = self.misses.saturating_add(misses);
    }

    /// A request was not answered, or not in time.
    pub fn note_failure(&mut self, class: Class, failure: Failure) {
        let mut one = ClassTally { attempts: 1, ..ClassTally::default() };
        match failure {
            Failure::Ejected | Failure::NoServer | Failure::Misplaced | Failure::Overload => return,
            Failure::Timeout | Failure::ConnectTimeout => one.timeouts = 1,
            Failure::ServerError => one.server_errors = 1,
            Failure::Refused
            | Failure::Unreachable
            | Failure::Reset
            | Failure::Closed
            | Failure::Garbled(_)
            | Failure::WrongValue => one.failures = 1,
        }
        self.of_class_mut(class).merge(one);
    }

    /// What was counted of one class.
    pub fn of_class(&self, class: Class) -> ClassTally {
        match class {
            Class::Read => self.reads,
            Class::Write => self.writes,
            Class::Delete => self.deletes,
        }
    }

    fn of_class_mut(&mut self, class: Class) -> &mut ClassTally {
        match class {
            Class::Read => &mut self.reads,
            Class::Write => &mut self.writes,
            Class::Delete => &mut self.deletes,
        }
    }

    /// All that ended, of every class.
    pub fn attempts(&self) -> u32 {
        (self.reads + self.writes + self.deletes).attempts
    }

    /// All that ended badly, of every class.
    pub fn failed(&self) -> u32 {
        (self.reads + self.writes + self.deletes).failed()
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.attempts() == 0
    }

    /// Keys that were read and were there.
    pub fn hits(&self) -> u32 {
        self.hits
    }

    /// Keys that were read and were not there.
    pub fn misses(&self) -> u32 {
        self.misses
    }

    /// How long responses of one class took.
    pub fn latencies_of(&self, class: Class) -> &Latencies {
        &self.latencies[class as usize]
    }

    /// How long responses took, of every class.
    pub fn latencies(&self) -> Latencies {
        let [mut sum, writes, deletes] = self.latencies.clone();
        sum.merge(&writes);
        sum.merge(&deletes);
        sum
    }

    /// Counts what `other` counted too.
    pub fn merge(&mut self, other: &Self) {
        self.reads.merge(other.reads);
        self.writes.merge(other.writes);
        self.deletes.merge(other.deletes);
        for (latencies, more) in self.latencies.iter_mut().zip(&other.latencies) {
            latencies.merge(more);
        }
        self.note_keys(other.hits, other.misses);
    }

    /// What was counted; it counts from nothing again.
    pub fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

/// How long responses took, on a logarithmic scale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latencies {
    buckets: [u32; BUCKETS_LEN],
    sum_ns: u64,
}

/// How many buckets there are.
pub const BUCKETS_LEN: usize = 64;

/// The width of the first buckets, 2¹⁴ ns: about 16 us.
const UNIT_BITS: u32 = 14;

/// Four buckets to each doubling.
const SUB_BITS: u32 = 2;

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS_LEN], sum_ns: 0 }
    }
}

impl Latencies {
    /// A response took so long.
    #[inline]
    pub fn note(&mut self, latency: Duration) {
        let count = &mut self.buckets[bucket(latency)];
        *count = count.saturating_add(1);
        // Five hundred years of waiting fit.
        self.sum_ns = self.sum_ns.wrapping_add(nanos(latency));
    }

    /// How long all of them took together.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_ns)
    }

    /// How many responses there were.
    pub fn len(&self) -> u64 {
        self.buckets.iter().map(|count| u64::from(*count)).sum()
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.buckets.iter().all(|count| *count == 0)
    }

    /// The time that `percent` per cent of the responses did not exceed; `None` without any.
    /// Rounded up by at most a quarter.
    pub fn percentile(&self, percent: u32) -> Option<Duration> {
        let len = self.len();
        let wanted = (len * u64::from(percent.min(100))).div_ceil(100).max(1);
        let mut seen = 0;
        for (idx, count) in self.buckets.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= wanted {
                return Some(bucket_end(idx));
            }
        }
        None
    }

    /// How many responses took so long, rounded up by at most a quarter, the shortest first; times
    /// that none took are left out.
    pub fn counts(&self) -> impl Iterator<Item = (Duration, u32)> + '_ {
        let counts = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(idx, count)| (bucket_end(idx), *count))
    }

    /// Counts what `other` counted too.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.buckets.iter_mut().zip(other.buckets) {
            *count = count.saturating_add(more);
        }
        self.sum_ns = self.sum_ns.wrapping_add(other.sum_ns);
    }
}

#[inline]
fn nanos(latency: Duration) -> u64 {
    u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX)
}

#[inline]
fn bucket(latency: Duration) -> usize {
    let units = nanos(latency) >> UNIT_BITS;
    let Some(bits) = units.checked_ilog2().filter(|bits| *bits >= SUB_BITS) else {
        return usize::try_from(units).unwrap_or_default();
    };
    let sub = (units >> (bits - SUB_BITS)) & ((1 << SUB_BITS) - 1);
    let idx = (u64::from(bits - SUB_BITS + 1) << SUB_BITS) + sub;
    usize::try_from(idx).map_or(BUCKETS_LEN - 1, |idx| idx.min(BUCKETS_LEN - 1))
}

/// The shortest time that is past a bucket.
fn bucket_end(idx: usize) -> Duration {
    let next = idx as u64 + 1;
    let units = match next >> SUB_BITS {
        0 => next,
        octave => ((1 << SUB_BITS) + (next & ((1 << SUB_BITS) - 1))) << (octave - 1),
    };
    Duration::from_nanos(units << UNIT_BITS)
}

/// The sum of the tallies of the last while.
#[derive(Debug)]
pub struct Window {
    /// A ring.
    slices: Box<[Tally; SLICES_LEN]>,
    slice_interval: Duration,
    /// The number of the newest slice, counted from the start of time.
    newest: u64,
}

/// A window is forgotten by this many parts.
const SLICES_LEN: usize = 10;

impl Window {
    /// An empty window of this length.
    pub fn new(interval: Duration) -> Self {
        let slices_len = u32::try_from(SLICES_LEN).expect("a small number");
        Self {
            slices: Box::default(),
            slice_interval: (interval / slices_len).max(Duration::from_nanos(1)),
            newest: 0,
        }
    }

    /// Something was counted that has just ended.
    pub fn add(&mut self, now: Instant, tally: &Tally) {
        self.slide(now);
        self.slices[slot(self.newest)].merge(tally);
    }

    /// What was counted within the window that ends now.
    pub fn sum(&mut self, now: Instant) -> Tally {
        self.slide(now);
        let mut sum = Tally::default();
        for slice in self.slices.iter() {
            sum.merge(slice);
        }
        sum
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self.slices = <[Tally; SLICES_LEN]>::default();
    }

    /// Forgets what it counted of writes.
    pub fn clear_writes(&mut self) {
        for slice in self.slices.iter_mut() {
            slice.writes = ClassTally::default();
        }
    }

    fn slide(&mut self, now: Instant) {
        let interval = u64::try_from(self.slice_interval.as_nanos()).unwrap_or(u64::MAX);
        let number = now.as_nanos() / interval;
        let steps = number.saturating_sub(self.newest).min(SLICES_LEN as u64);
        for step in 0..steps {
            self.slices[slot(number - step)] = Tally::default();
        }
        self.newest = self.newest.max(number);
    }
}

fn slot(number: u64) -> usize {
    usize::try_from(number % SLICES_LEN as u64).expect("below the number of slices")
}

#[cfg(test)]
mod tests;
