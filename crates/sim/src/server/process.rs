//! What a model server says of its process, as truthfully as memcached does.
//!
//! memcached's clock ticks once a second, and its uptime begins at 2. While the process stands
//! still the clock does, and it stays behind until its next tick. In a container every process has
//! the same number.

use std::time::Duration;

use evenkeel_core::Instant;

use crate::dice::{Chance, Dice};

/// See the module's documentation.
#[derive(Debug)]
pub(super) struct Process {
    pid: u64,
    /// How far the number of the next process is from this one.
    pid_step: u64,
    started_at: Instant,
    stopped_at: Option<Instant>,
    /// Since when its clock has stood still, and until when it does.
    clock: Option<(Instant, Instant)>,
}

/// What memcached's uptime begins with.
const UPTIME_START: Duration = Duration::from_secs(2);

const TICK: Duration = Duration::from_secs(1);

impl Process {
    /// A process that has just started.
    pub(super) fn new(number: usize, dice: &mut Dice) -> Self {
        let is_in_container = dice.happens(Chance::percent(50));
        Self {
            pid: if is_in_container { 1 } else { 1000 + number as u64 },
            pid_step: u64::from(!is_in_container) * 100,
            started_at: Instant::ZERO,
            stopped_at: None,
            clock: None,
        }
    }

    /// It has ended, and another begins.
    pub(super) fn restart(&mut self, now: Instant) {
        self.pid += self.pid_step;
        self.started_at = now;
        self.stopped_at = None;
        self.clock = None;
    }

    /// It stands still.
    pub(super) fn stop(&mut self, now: Instant) {
        self.stopped_at = Some(now);
    }

    /// It goes on.
    pub(super) fn go_on(&mut self, now: Instant, dice: &mut Dice) {
        if let Some(stopped_at) = self.stopped_at.take() {
            self.clock = Some((stopped_at, now + dice.duration(Duration::ZERO, TICK)));
        }
    }

    /// What it says to `stats`.
    pub(super) fn stats(&self, now: Instant) -> Vec<u8> {
        let behind = self.clock.filter(|(_, until)| now < *until).map(|(since, _)| since);
        let uptime = (behind.unwrap_or(now) - self.started_at) + UPTIME_START;
        let (pid, uptime) = (self.pid, uptime.as_secs());
        format!("STAT pid {pid}\r\nSTAT uptime {uptime}\r\nEND\r\n").into_bytes()
    }
}
