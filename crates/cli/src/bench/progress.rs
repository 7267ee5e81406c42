//! A line on the terminal that says how the load goes, once a second.
//!
//! Where standard error is no terminal there is no line.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use evenkeel_load::{Pulse, Watch};

use crate::figures;

/// What is being done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// So many keys are being stored.
    Fill { keys: u64 },
    /// The load is being sent, first to warm up.
    Run { warm_up: Duration },
}

/// The line, until it is dropped.
pub(crate) struct Progress {
    end: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Begins, if somebody can see it.
    pub(crate) fn start(watch: &Arc<Watch>, stage: Stage) -> Self {
        if !io::stderr().is_terminal() {
            return Self { end: None };
        }
        let watch = Arc::clone(watch);
        let (sender, receiver) = mpsc::channel();
        let show = move || {
            let start = Instant::now();
            let (mut last, mut stored) = (start, 0);
            while receiver.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                let (now, pulse) = (Instant::now(), watch.take());
                stored += pulse.stored;
                let line = line(stage, &pulse, stored, now - start, now - last);
                last = now;
                // A terminal that is gone sees nothing.
                let _ = write!(io::stderr(), "{CLEAR}{line}");
            }
            let _ = write!(io::stderr(), "{CLEAR}");
        };
        Self { end: Some((sender, thread::spawn(show))) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.end.take() {
            drop(sender);
            // It has nothing to say if it panicked.
            let _ = thread.join();
        }
    }
}

fn line(stage: Stage, pulse: &Pulse, stored: u64, elapsed: Duration, since: Duration) -> String {
    let (seconds, answered) = (elapsed.as_secs(), pulse.latencies.len());
    let rate = figures::count(whole(figures::per_second(answered, since)));
    let mut parts = vec![match (stage, elapsed) {
        (Stage::Fill { keys }, _) => {
            let stored = figures::percent(stored.min(keys), keys);
            format!("filling: {stored} of {} keys", figures::count(keys))
        }
        (Stage::Run { warm_up }, _) if elapsed <= warm_up => format!("warming up: {seconds} s"),
        (Stage::Run { warm_up }, _) => {
            format!("measuring: {} s", elapsed.saturating_sub(warm_up).as_secs())
        }
    }];
    parts.push(format!("{rate}/s"));
    if answered > 0 {
        let [p50, p99] = [0.5, 0.99].map(|it| figures::latency(pulse.latencies.quantile(it)));
        parts.push(format!("p50 {p50}"));
        parts.push(format!("p99 {p99}"));
    }
    // How many always wait says nothing; while nothing comes it does.
    let waiting = if answered == 0 { pulse.waiting } else { 0 };
    for (number, what) in [
        (pulse.misses, "misses"),
        (pulse.failed, "failed"),
        (pulse.away, "connections away"),
        (waiting, "wait for answers"),
    ] {
        if number > 0 {
            parts.push(format!("{} {what}", figures::count(number)));
        }
    }
    parts.join("   ")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate from 0")]
fn whole(rate: f64) -> u64 {
    rate.round() as u64
}

const INTERVAL: Duration = Duration::from_secs(1);
/// To the beginning of the line, and nothing in it.
const CLEAR: &str = "\r\x1b[K";

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const RUN: Stage = Stage::Run { warm_up: SECOND };

    #[track_caller]
    fn check(stage: Stage, seconds: u32, pulse: &Pulse, expected: &str) {
        assert_eq!(line(stage, pulse, pulse.stored, seconds * SECOND, SECOND), expected);
    }

    fn pulse(answers: u64) -> Pulse {
        let mut pulse = Pulse::default();
        for _ in 0..answers {
            pulse.latencies.record(Duration::from_millis(2));
        }
        pulse
    }

    #[test]
    fn a_run_that_goes_well_has_its_rate_and_latencies() {
        check(RUN, 1, &pulse(1500), "warming up: 1 s   1,500/s   p50 2.00 ms   p99 2.00 ms");
        check(RUN, 3, &pulse(1500), "measuring: 2 s   1,500/s   p50 2.00 ms   p99 2.00 ms");
    }

    #[test]
    fn what_goes_wrong_is_added() {
        let pulse = Pulse { misses: 3, failed: 2, away: 1, ..pulse(1) };
        check(
            RUN,
            2,
            &pulse,
            "measuring: 1 s   1/s   p50 2.00 ms   p99 2.00 ms   3 misses   2 failed   \
             1 connections away",
        );
    }

    #[test]
    fn a_target_that_stalls_shows_what_waits() {
        let pulse = Pulse { waiting: 50, ..Pulse::default() };
        check(RUN, 2, &pulse, "measuring: 1 s   0/s   50 wait for answers");
    }

    #[test]
    fn filling_says_how_far_it_is() {
        let pulse = Pulse { stored: 500, ..pulse(500) };
        check(
            Stage::Fill { keys: 2000 },
            1,
            &pulse,
            "filling: 25.0 % of 2,000 keys   500/s   p50 2.00 ms   p99 2.00 ms",
        );
    }
}
