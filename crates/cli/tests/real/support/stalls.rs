//! What the machine itself adds to a time that is measured on it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Pairs of threads that sleep and send a byte to and fro, over and over, until it is stopped.
///
/// They ask the machine for what every request asks of it, with nothing of ours in between: where
/// that takes long, the machine is busy with something else.
pub(crate) struct StallMeter {
    is_stopped: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Stall>>>,
}

/// When any of the threads waited for the machine: in order, no two overlapping.
#[derive(Debug, Default)]
pub(crate) struct Stalls(Vec<Stall>);

#[derive(Debug, Clone, Copy)]
struct Stall {
    from: Instant,
    to: Instant,
}

impl StallMeter {
    /// Begins.
    pub(crate) fn start() -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let start = |_| {
            let is_stopped = Arc::clone(&is_stopped);
            thread::spawn(move || measure(&is_stopped))
        };
        let threads = (0..PAIRS).map(start).collect();
        Self { is_stopped, threads }
    }

    /// Ends it: what it has seen.
    pub(crate) fn stop(self) -> Stalls {
        self.is_stopped.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for thread in self.threads {
            all.extend(thread.join().expect("the stall meter does not panic"));
        }
        Stalls::new(all)
    }
}

impl Stalls {
    fn new(mut all: Vec<Stall>) -> Self {
        all.sort_unstable_by_key(|stall| stall.from);
        let mut merged: Vec<Stall> = Vec::new();
        for stall in all {
            match merged.last_mut() {
                Some(last) if stall.from <= last.to => last.to = last.to.max(stall.to),
                _ => merged.push(stall),
            }
        }
        Self(merged)
    }

    /// How much of the time between the two the machine stalled.
    pub(crate) fn between(&self, from: Instant, to: Instant) -> Duration {
        let first = self.0.partition_point(|stall| stall.to <= from);
        let overlapping = self.0[first..].iter().take_while(|stall| stall.from < to);
        overlapping.map(|stall| stall.to.min(to) - stall.from.max(from)).sum()
    }

    /// The longest.
    pub(crate) fn longest(&self) -> Duration {
        self.0.iter().map(|stall| stall.to - stall.from).max().unwrap_or_default()
    }
}

fn measure(is_stopped: &AtomicBool) -> Vec<Stall> {
    let (mut near, far) = UnixStream::pair().expect("two sockets can be had");
    let echo = thread::spawn(move || echo(far));
    let mut stalls = Vec::new();
    while !is_stopped.load(Ordering::Relaxed) {
        let from = Instant::now() + METER_INTERVAL;
        thread::sleep(METER_INTERVAL);
        let mut byte = [0];
        near.write_all(&byte).and_then(|()| near.read_exact(&mut byte)).expect("the echo answers");
        let to = Instant::now();
        if to >= from + STALL_MIN {
            stalls.push(Stall { from, to });
        }
    }
    drop(near);
    echo.join().expect("the echo does not panic");
    stalls
}

fn echo(mut peer: UnixStream) {
    let mut byte = [0];
    while peer.read_exact(&mut byte).and_then(|()| peer.write_all(&byte)).is_ok() {}
}

/// As many as the smallest machine that the tests run on has cores.
const PAIRS: usize = 2;
const METER_INTERVAL: Duration = Duration::from_millis(2);
/// Less is what a timer and two wake-ups take on a quiet machine.
const STALL_MIN: Duration = Duration::from_micros(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_stalls_count_once() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let stall = |from, to| Stall { from: at(from), to: at(to) };
        let stalls = Stalls::new(vec![stall(50, 60), stall(10, 20), stall(15, 30), stall(29, 30)]);
        let check = |from, to, expected| {
            assert_eq!(stalls.between(at(from), at(to)), Duration::from_millis(expected));
        };
        check(0, 100, 30);
        check(15, 55, 20);
        check(30, 50, 0);
        check(12, 13, 1);
        assert_eq!(stalls.longest(), Duration::from_millis(20));
    }
}
