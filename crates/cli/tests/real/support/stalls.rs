//! What the machine itself adds to a time that is measured on it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Sleeps and sends a byte to and fro between two threads, over and over, until it is stopped.
///
/// It asks the machine for what every request asks of it, with nothing of ours in between: where
/// that takes long, the machine is busy with something else.
pub(crate) struct StallMeter {
    is_stopped: Arc<AtomicBool>,
    thread: JoinHandle<Stalls>,
}

/// When the machine stalled, in order.
#[derive(Debug, Default)]
pub(crate) struct Stalls(Vec<Stall>);

#[derive(Debug, Clone, Copy)]
struct Stall {
    from: Instant,
    to: Instant,
    len: Duration,
}

impl StallMeter {
    /// Begins.
    pub(crate) fn start() -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_stopped);
        let thread = thread::spawn(move || measure(&seen));
        Self { is_stopped, thread }
    }

    /// Ends it: what it has seen.
    pub(crate) fn stop(self) -> Stalls {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.thread.join().expect("the stall meter does not panic")
    }
}

impl Stalls {
    /// How much of the time between the two the machine stalled.
    pub(crate) fn between(&self, from: Instant, to: Instant) -> Duration {
        let first = self.0.partition_point(|stall| stall.to <= from);
        let overlapping = self.0[first..].iter().take_while(|stall| stall.from < to);
        overlapping.map(|stall| stall.len.min(stall.to.min(to) - stall.from.max(from))).sum()
    }

    /// The longest.
    pub(crate) fn longest(&self) -> Duration {
        self.0.iter().map(|stall| stall.len).max().unwrap_or_default()
    }
}

fn measure(is_stopped: &AtomicBool) -> Stalls {
    let (mut near, far) = UnixStream::pair().expect("two sockets can be had");
    let echo = thread::spawn(move || echo(far));
    let mut stalls = Vec::new();
    while !is_stopped.load(Ordering::Relaxed) {
        let from = Instant::now();
        thread::sleep(METER_INTERVAL);
        let mut byte = [0];
        near.write_all(&byte).and_then(|()| near.read_exact(&mut byte)).expect("the echo answers");
        let to = Instant::now();
        let len = (to - from).saturating_sub(METER_INTERVAL);
        if len >= STALL_MIN {
            stalls.push(Stall { from, to, len });
        }
    }
    drop(near);
    echo.join().expect("the echo does not panic");
    Stalls(stalls)
}

fn echo(mut peer: UnixStream) {
    let mut byte = [0];
    while peer.read_exact(&mut byte).and_then(|()| peer.write_all(&byte)).is_ok() {}
}

const METER_INTERVAL: Duration = Duration::from_millis(2);
/// Less is what a timer and two wake-ups take on a quiet machine.
const STALL_MIN: Duration = Duration::from_micros(500);
