//! What the generator itself did, and whether it was the limit.
//!
//! A load generator that is out of time measures itself: its requests start late and its answers
//! are read late, and both look like the target's doing. So each thread keeps account of its own
//! time, as the system's scheduler sees it, and the open pace of how late it began requests.

use std::fs;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::Report;

/// What one thread did while it measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadTime {
    /// For how long it measured.
    pub elapsed: Duration,
    /// For how long it ran.
    pub busy: Duration,
    /// For how long it could have run and no processor was free.
    pub queued: Duration,
}

/// Why figures are more the generator's than the target's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Threads ran nearly all the time: more of them could have sent more.
    Threads,
    /// Threads waited for a processor: this machine has too few for all that runs on it.
    Processors,
    /// Requests of the open pace began late although the threads had time: something kept them
    /// from running, as the pauses of a virtual machine do.
    Pauses,
}

impl Report {
    /// Was the generator the limit, and why?
    pub fn limit(&self) -> Option<Limit> {
        let begun = self.lateness.len() + self.held_back;
        let is_open_pace = begun > 0;
        if !is_open_pace {
            return self.starvation(QUEUED_SHARE);
        }
        let is_share_small = |count: u64| count.saturating_mul(LATE_SHARE) <= begun;
        if !is_share_small(self.late()) {
            return Some(self.starvation(QUEUED_SHARE_WHEN_LATE).unwrap_or(Limit::Pauses));
        }
        // A thread whose next request is always nearly due waits awake: being busy alone says
        // nothing.
        if is_share_small(self.held_back) { None } else { self.starvation(QUEUED_SHARE) }
    }

    /// What any thread lacked. The wait for a processor counts from this part of a thread's time
    /// on.
    fn starvation(&self, queued_share: f64) -> Option<Limit> {
        let is_queued = |thread: &ThreadTime| {
            let bound = if thread.is_saturated() { QUEUED_SHARE_OF_FULL } else { queued_share };
            thread.queued_share() >= bound
        };
        if self.threads.iter().any(is_queued) {
            return Some(Limit::Processors);
        }
        self.threads.iter().any(ThreadTime::is_saturated).then_some(Limit::Threads)
    }

    /// Requests that this generator itself began more than [`LATE_MIN`] late (open pace only).
    pub fn late(&self) -> u64 {
        self.lateness.count_above(LATE_MIN)
    }
}

impl ThreadTime {
    /// The part of its time in which it ran.
    pub fn busy_share(&self) -> f64 {
        share(self.busy, self.elapsed)
    }

    /// The part of its time in which it waited for a processor.
    pub fn queued_share(&self) -> f64 {
        share(self.queued, self.elapsed)
    }

    fn is_saturated(&self) -> bool {
        self.busy_share() + self.queued_share() >= SATURATED_SHARE
    }
}

/// The account of the thread that asks, so far.
#[derive(Clone, Copy)]
pub(crate) struct ThreadClock {
    at: Instant,
    busy: Duration,
    queued: Duration,
}

impl ThreadClock {
    pub(crate) fn now() -> Self {
        let (busy, queued) =
            scheduler_times().unwrap_or_else(|| (processor_time(), Duration::ZERO));
        Self { at: Instant::now(), busy, queued }
    }

    /// What the thread has done since.
    pub(crate) fn elapsed(&self) -> ThreadTime {
        let now = Self::now();
        ThreadTime {
            elapsed: now.at - self.at,
            busy: now.busy.saturating_sub(self.busy),
            queued: now.queued.saturating_sub(self.queued),
        }
    }
}

/// How long the thread has run, and waited for a processor; nothing if this kernel keeps no such
/// account.
fn scheduler_times() -> Option<(Duration, Duration)> {
    let line = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let mut numbers = line.split_whitespace().map(|word| word.parse().map(Duration::from_nanos));
    let (busy, queued) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    (!busy.is_zero()).then_some((busy, queued))
}

fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

fn share(part: Duration, whole: Duration) -> f64 {
    if whole.is_zero() { 0.0 } else { part.as_secs_f64() / whole.as_secs_f64() }
}

/// What begins later than this is late: a wake-up takes a tenth of it.
pub const LATE_MIN: Duration = Duration::from_millis(1);
/// One in so many late requests shows in the 99.9th percentile.
const LATE_SHARE: u64 = 1000;
/// From this part of its time on a thread has none left.
const SATURATED_SHARE: f64 = 0.9;
/// From this part of its time on waiting for a processor shows in every latency.
const QUEUED_SHARE: f64 = 0.25;
/// From this part of a full thread's time on it is why that has none left.
const QUEUED_SHARE_OF_FULL: f64 = 0.1;
/// From this part of its time on it is why requests begin late.
const QUEUED_SHARE_WHEN_LATE: f64 = 0.02;

#[cfg(test)]
mod tests {
    use super::*;

    const HUNDRED: Duration = Duration::from_secs(100);

    /// A report of one idle thread and one that ran and waited for these parts of a hundred.
    fn report(busy: u64, queued: u64) -> Report {
        let [busy, queued] = [busy, queued].map(Duration::from_secs);
        let idle = ThreadTime { elapsed: HUNDRED, busy: HUNDRED / 10, queued: Duration::ZERO };
        let threads = vec![idle, ThreadTime { elapsed: HUNDRED, busy, queued }];
        Report { threads, ..Report::default() }
    }

    /// The same in the open pace: of a thousand requests so many began late, and held back.
    fn open_report(busy: u64, queued: u64, late: u64, held_back: u64) -> Report {
        let mut report = Report { held_back, ..report(busy, queued) };
        for number in 0..1000 - held_back {
            report.lateness.record(LATE_MIN / if number < late { 1 } else { 10 } * 2);
        }
        report
    }

    #[test]
    fn threads_with_time_left_are_no_limit() {
        assert_eq!(report(80, 5).limit(), None);
        assert_eq!(report(60, 24).limit(), None);
    }

    #[test]
    fn one_thread_without_time_left_is_a_limit() {
        assert_eq!(report(89, 1).limit(), Some(Limit::Threads));
        assert_eq!(report(100, 0).limit(), Some(Limit::Threads));
    }

    #[test]
    fn waiting_for_a_processor_is_a_limit() {
        assert_eq!(report(80, 10).limit(), Some(Limit::Processors));
        assert_eq!(report(5, 25).limit(), Some(Limit::Processors));
    }

    #[test]
    fn a_busy_thread_that_begins_nothing_late_is_no_limit_in_the_open_pace() {
        assert_eq!(open_report(100, 0, 0, 0).limit(), None);
        assert_eq!(open_report(100, 0, 1, 1).limit(), None, "one in a thousand is allowed");
    }

    #[test]
    fn late_requests_are_a_limit_whatever_the_cause() {
        assert_eq!(open_report(95, 0, 2, 0).limit(), Some(Limit::Threads));
        assert_eq!(open_report(20, 30, 2, 0).limit(), Some(Limit::Processors));
        assert_eq!(open_report(20, 2, 2, 0).limit(), Some(Limit::Processors));
        assert_eq!(open_report(20, 1, 2, 0).limit(), Some(Limit::Pauses));
    }

    #[test]
    fn requests_held_back_are_the_targets_doing_unless_the_generator_has_no_time() {
        assert_eq!(open_report(20, 0, 0, 500).limit(), None);
        assert_eq!(open_report(95, 0, 0, 500).limit(), Some(Limit::Threads));
    }

    #[test]
    fn a_thread_that_works_is_busy() {
        let clock = ThreadClock::now();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(50) {}
        let time = clock.elapsed();
        assert!(time.elapsed >= Duration::from_millis(50));
        assert!(time.busy > Duration::ZERO, "{time:?}");
    }
}
