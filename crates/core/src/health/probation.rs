//! How a server, or its writes, come back: good canaries in a row, and a hold that grows.

use std::time::Duration;

use crate::config::HealthConfig;
use crate::random::Random;
use crate::time::Instant;

/// The memory of earlier ejections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flap {
    ejections: u32,
    last_at: Option<Instant>,
}

impl Flap {
    /// Another ejection: how long it lasts at least.
    pub(super) fn eject(&mut self, now: Instant, config: &HealthConfig) -> Duration {
        if self.last_at.is_some_and(|at| at + config.flap_memory <= now) {
            self.ejections = 0;
        }
        self.last_at = Some(now);
        self.ejections = self.ejections.saturating_add(1);
        match self.ejections.checked_sub(2) {
            None => Duration::ZERO,
            Some(doublings) => {
                let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
                config.flap_hold_min.saturating_mul(factor).min(config.flap_hold_max)
            }
        }
    }
}

/// Being out of use until canaries say otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probation {
    good_canaries: u32,
    /// The pause after the next bad canary, before jitter.
    probe_interval: Duration,
    hold: Duration,
    hold_until: Instant,
}

/// What a good canary has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is over, after so many good canaries in a row.
    Over(u32),
    /// The next canary goes out then.
    NextAt(Instant),
}

/// How much one interval may differ from the next, up and down.
pub(super) const JITTER_PERCENT: u32 = 20;

impl Probation {
    /// It begins now and lasts for `hold` at least. The first canary goes out at the returned time.
    pub(super) fn begin(now: Instant, hold: Duration, config: &HealthConfig) -> (Self, Instant) {
        let probe_interval = config.probe_interval_min;
        let hold_until = now + hold;
        (Self { good_canaries: 0, probe_interval, hold, hold_until }, now + probe_interval)
    }

    /// A canary has failed: when the next goes out. What was good before counts no more, and what
    /// came and went is held anew.
    pub(super) fn handle_bad(
        &mut self,
        now: Instant,
        config: &HealthConfig,
        random: &mut Random,
    ) -> Instant {
        if std::mem::take(&mut self.good_canaries) > 0 {
            self.hold_until = now + self.hold;
        }
        let next_at = now + self.pause(config, random);
        let longer = self.probe_interval * HealthConfig::PROBE_INTERVAL_GROWTH_PERCENT / 100;
        self.probe_interval = longer.min(config.probe_interval_max);
        next_at
    }

    /// A canary was good.
    pub(super) fn handle_good(
        &mut self,
        now: Instant,
        config: &HealthConfig,
        random: &mut Random,
    ) -> Progress {
        self.good_canaries = self.good_canaries.saturating_add(1);
        if self.good_canaries < config.rise {
            Progress::NextAt(now)
        } else if self.hold_until <= now {
            Progress::Over(self.good_canaries)
        } else {
            Progress::NextAt(self.hold_until.min(now + self.pause(config, random)))
        }
    }

    /// The longest interval is not made longer: within it a server that is back is noticed.
    fn pause(&self, config: &HealthConfig, random: &mut Random) -> Duration {
        random.jittered(self.probe_interval, JITTER_PERCENT).min(config.probe_interval_max)
    }
}
