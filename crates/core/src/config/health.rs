//! When a server of a pool is suspected, ejected and readmitted.
//!
//! The states and their transitions are the health machine's; here is what can be set about
//! them. The defaults suit a cache in the same data centre.

use std::time::Duration;

use super::fault::{Fault, KeyPath};
use super::setting::{Setting, check_at_least};

/// The table `[pool.NAME.health]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthConfig {
    /// Time from one canary to an Up server to the next, before jitter.
    ///
    /// A duration from 10 ms to 1 m; 1 s by default. At least `canary_timeout`, so that two
    /// canaries to one server never overlap. It bounds how long a fault goes unseen on a server
    /// that gets no requests; a busy server is suspected by its first failure, whatever this is.
    /// Shorten it for idle pools, lengthen it where many processes watch few servers.
    pub canary_interval: Duration,

    /// How long a canary's requests may take together before it has failed.
    ///
    /// A duration from 1 ms to 10 s; 100 ms by default. At most `canary_interval`. A failed
    /// canary on a Suspect server ejects it, so choose a time that a healthy server never needs:
    /// ten times the 99.9th percentile, and above the network's retransmission pause if you would
    /// rather keep a server through a lost packet (Linux: 200 ms).
    pub canary_timeout: Duration,

    /// How long a Suspect server must go without a failure, after a good canary, to be Up again.
    ///
    /// A duration from 10 ms to 1 m; 1 s by default. Shorter forgets faster; a server that fails
    /// now and then stays Suspect for as long as its failures come closer than this. Requests
    /// are served by a Suspect server, so a long time costs canaries only.
    pub suspect_clear: Duration,

    /// How many timeouts in a row, with not a byte from the server between, eject it.
    ///
    /// From 1 to 1000; 3 by default. It acts when canaries are good and requests are not. 1
    /// ejects a server for one slow request; a high number leaves such a server in use for about
    /// that many times the pool's `timeout`.
    pub eject_after: u32,

    /// How many canaries in a row must be good before a Down server gets requests again.
    ///
    /// From 1 to 100; 2 by default. The second goes out right after the first good one, so this
    /// costs a healthy server no time. Raise it for servers that come back and fail again.
    pub rise: u32,

    /// Time from a server's ejection to its first probe, before jitter.
    ///
    /// A duration from 10 ms to 1 m; 100 ms by default. At most `probe_interval_max`. Each later
    /// interval is [`HealthConfig::PROBE_INTERVAL_GROWTH_PERCENT`] of the one before. Shorter
    /// notices a restarted server sooner.
    pub probe_interval_min: Duration,

    /// The longest time from one probe of a Down server to the next; jitter only shortens it.
    ///
    /// A duration from 10 ms to 10 m; 500 ms by default. At least `probe_interval_min`. A server
    /// that is back is noticed within this time. Two probes a second cost nothing; lengthen it
    /// only where very many processes watch the same servers.
    pub probe_interval_max: Duration,

    /// The shortest wait of a request, with not a byte from its server, that makes the server
    /// suspected.
    ///
    /// A duration from 1 ms to 1 m; 20 ms by default. The wait it takes is
    /// [`HealthConfig::suspect_after_factor`] times the server's own 99th percentile, at least this
    /// and at most the pool's `timeout`. A suspicion costs one canary, so a short time is cheap;
    /// keep it above the pauses that a healthy server has now and then.
    pub suspect_after_min: Duration,

    /// How many times its own 99th percentile a server with requests may be silent before it is
    /// suspected.
    ///
    /// From 1 to 1,000; 8 by default. Not below [`HealthConfig::suspect_after_min`] and not above
    /// the pool's `timeout`. Lower it to notice a hanging server sooner, at the price of canaries
    /// sent for nothing.
    pub suspect_after_factor: u32,

    /// The stretch of time that ratios of failures and percentiles of latency are taken over.
    ///
    /// A duration from 100 ms to 1 m; 1 s by default. Longer judges servers with few requests, and
    /// judges all of them later.
    pub window: Duration,

    /// How many requests a server must have had within the window for its ratio of failures, or its
    /// latency, to be judged.
    ///
    /// From 1 to 1,000,000; 20 by default. Below it a ratio is chance: with few requests a server
    /// is judged by its canaries.
    pub window_attempts_min: u32,

    /// How many per cent of a server's requests within the window must fail to eject it.
    ///
    /// From 1 to 100; 50 by default. Reads with deletes are one class and writes another, and
    /// either ejects; a write that is answered `SERVER_ERROR` counts for
    /// [`HealthConfig::write_refusals_min`] instead. Lower it for servers that fail halfway; the
    /// canaries eject one that fails altogether long before.
    pub eject_percent: u32,

    /// How many writes a server must have answered `SERVER_ERROR` within the window to be sent no
    /// more of them.
    ///
    /// From 1 to 1,000,000; 5 by default. They must be [`HealthConfig::eject_percent`] per cent of
    /// its writes too; it goes on serving reads and deletes. A server that refuses the canary's
    /// write as well is judged by that, and sooner.
    pub write_refusals_min: u32,

    /// How many times as slow as the other servers of its pool a server must be to be ejected as
    /// slow.
    ///
    /// From 2 to 1,000; 4 by default. Its 95th percentile within the window is compared with the
    /// median of theirs; on a server with few requests the canary's latency stands for it. Lower it
    /// where servers are alike and latency is dear.
    pub slow_factor: u32,

    /// The 95th percentile up to which a server is never slow, whatever the others do.
    ///
    /// A duration from 1 ms to 1 m; 20 ms by default. Choose what your application would not
    /// notice.
    pub slow_floor: Duration,

    /// For how many windows in a row a server must be slow to be ejected.
    ///
    /// From 1 to 1,000; 3 by default. Fewer ejects for a pause of the server; more leaves it in use
    /// for that many times [`HealthConfig::window`].
    pub slow_windows: u32,

    /// How many per cent of a pool's servers may be out of use for being late or slow.
    ///
    /// From 0 to 100; 34 by default. Rounded down, but never to less than one server; 34 is one of
    /// three. If more look so at once, it is likelier that the fault is our own: nobody is ejected,
    /// and an event says `mass-failure`. Servers that refuse, reset or answer wrongly are ejected
    /// in any number.
    pub soft_ejected_percent_max: u32,

    /// How long a mass failure keeps a server that fails on in use.
    ///
    /// A duration from 0 s to 10 m; 5 s by default. After it the server is ejected like any other,
    /// because its requests wait in vain, whoever is at fault. It does not limit the rule for slow
    /// servers: those still answer. It also bounds for how long canaries may be late for another
    /// reason of ours: large values that we asked for, or our own loop standing still.
    pub mass_failure_hold: Duration,

    /// How long a server stays ejected at least when it is ejected a second time within
    /// [`HealthConfig::flap_memory`]; each further time twice as long.
    ///
    /// A duration from 0 s to 10 m; 1 s by default. At most [`HealthConfig::flap_hold_max`]. The
    /// first ejection has no hold. One that fails again while it is held is held anew. The same
    /// goes for writes that are refused again and again.
    pub flap_hold_min: Duration,

    /// The longest hold of a server that is ejected again and again.
    ///
    /// A duration from 0 s to 1 h; 1 m by default. At least [`HealthConfig::flap_hold_min`]. A
    /// server that has been mended may be out of use for so long; `readmit` by hand ends the hold.
    pub flap_hold_max: Duration,

    /// After how long without an ejection the next one counts as the first.
    ///
    /// A duration from 1 s to 24 h; 10 m by default. Longer remembers servers that fail every hour.
    pub flap_memory: Duration,

    /// How long a server that returns takes to get all of its keys back, from a tenth of them on.
    ///
    /// A duration from 0 s to 10 m; 5 s by default. The keys come back by share of hash space, so
    /// that an empty server does not send all its misses to the database at once. Where no other
    /// server could have the keys there is no ramp. Lengthen it if your database needs longer to
    /// fill the cache; 0 s gives everything back at once.
    pub ramp: Duration,
}

impl HealthConfig {
    /// See [`HealthConfig::canary_interval`].
    pub const CANARY_INTERVAL: Setting<Duration> = Setting {
        key: "canary_interval",
        min: Duration::from_millis(10),
        max: Duration::from_mins(1),
        default: Duration::from_secs(1),
    };

    /// See [`HealthConfig::canary_timeout`].
    pub const CANARY_TIMEOUT: Setting<Duration> = Setting {
        key: "canary_timeout",
        min: Duration::from_millis(1),
        max: Duration::from_secs(10),
        default: Duration::from_millis(100),
    };

    /// See [`HealthConfig::suspect_clear`].
    pub const SUSPECT_CLEAR: Setting<Duration> = Setting {
        key: "suspect_clear",
        min: Duration::from_millis(10),
        max: Duration::from_mins(1),
        default: Duration::from_secs(1),
    };

    /// See [`HealthConfig::eject_after`].
    pub const EJECT_AFTER: Setting<u32> =
        Setting { key: "eject_after", min: 1, max: 1000, default: 3 };

    /// See [`HealthConfig::rise`].
    pub const RISE: Setting<u32> = Setting { key: "rise", min: 1, max: 100, default: 2 };

    /// See [`HealthConfig::probe_interval_min`].
    pub const PROBE_INTERVAL_MIN: Setting<Duration> = Setting {
        key: "probe_interval_min",
        min: Duration::from_millis(10),
        max: Duration::from_mins(1),
        default: Duration::from_millis(100),
    };

    /// See [`HealthConfig::probe_interval_max`].
    pub const PROBE_INTERVAL_MAX: Setting<Duration> = Setting {
        key: "probe_interval_max",
        min: Duration::from_millis(10),
        max: Duration::from_mins(10),
        default: Duration::from_millis(500),
    };

    /// See [`HealthConfig::suspect_after_min`].
    pub const SUSPECT_AFTER_MIN: Setting<Duration> = Setting {
        key: "suspect_after_min",
        min: Duration::from_millis(1),
        max: Duration::from_mins(1),
        default: Duration::from_millis(20),
    };

    /// See [`HealthConfig::suspect_after_factor`].
    pub const SUSPECT_AFTER_FACTOR: Setting<u32> =
        Setting { key: "suspect_after_factor", min: 1, max: 1000, default: 8 };

    /// See [`HealthConfig::window`].
    pub const WINDOW: Setting<Duration> = Setting {
        key: "window",
        min: Duration::from_millis(100),
        max: Duration::from_mins(1),
        default: Duration::from_secs(1),
    };

    /// See [`HealthConfig::window_attempts_min`].
    pub const WINDOW_ATTEMPTS_MIN: Setting<u32> =
        Setting { key: "window_attempts_min", min: 1, max: 1_000_000, default: 20 };

    /// See [`HealthConfig::eject_percent`].
    pub const EJECT_PERCENT: Setting<u32> =
        Setting { key: "eject_percent", min: 1, max: 100, default: 50 };

    /// See [`HealthConfig::write_refusals_min`].
    pub const WRITE_REFUSALS_MIN: Setting<u32> =
        Setting { key: "write_refusals_min", min: 1, max: 1_000_000, default: 5 };

    /// See [`HealthConfig::slow_factor`].
    pub const SLOW_FACTOR: Setting<u32> =
        Setting { key: "slow_factor", min: 2, max: 1000, default: 4 };

    /// See [`HealthConfig::slow_floor`].
    pub const SLOW_FLOOR: Setting<Duration> = Setting {
        key: "slow_floor",
        min: Duration::from_millis(1),
        max: Duration::from_mins(1),
        default: Duration::from_millis(20),
    };

    /// See [`HealthConfig::slow_windows`].
    pub const SLOW_WINDOWS: Setting<u32> =
        Setting { key: "slow_windows", min: 1, max: 1000, default: 3 };

    /// See [`HealthConfig::soft_ejected_percent_max`].
    pub const SOFT_EJECTED_PERCENT_MAX: Setting<u32> =
        Setting { key: "soft_ejected_percent_max", min: 0, max: 100, default: 34 };

    /// See [`HealthConfig::mass_failure_hold`].
    pub const MASS_FAILURE_HOLD: Setting<Duration> = Setting {
        key: "mass_failure_hold",
        min: Duration::ZERO,
        max: Duration::from_mins(10),
        default: Duration::from_secs(5),
    };

    /// See [`HealthConfig::flap_hold_min`].
    pub const FLAP_HOLD_MIN: Setting<Duration> = Setting {
        key: "flap_hold_min",
        min: Duration::ZERO,
        max: Duration::from_mins(10),
        default: Duration::from_secs(1),
    };

    /// See [`HealthConfig::flap_hold_max`].
    pub const FLAP_HOLD_MAX: Setting<Duration> = Setting {
        key: "flap_hold_max",
        min: Duration::ZERO,
        max: Duration::from_hours(1),
        default: Duration::from_mins(1),
    };

    /// See [`HealthConfig::flap_memory`].
    pub const FLAP_MEMORY: Setting<Duration> = Setting {
        key: "flap_memory",
        min: Duration::from_secs(1),
        max: Duration::from_hours(24),
        default: Duration::from_mins(10),
    };

    /// See [`HealthConfig::ramp`].
    pub const RAMP: Setting<Duration> = Setting {
        key: "ramp",
        min: Duration::ZERO,
        max: Duration::from_mins(10),
        default: Duration::from_secs(5),
    };

    /// How many hundredths of its keys a server that returns has at once. Not a setting: the time it
    /// takes to get them all is.
    pub const RAMP_START_PERCENT: u32 = 10;

    /// Each probe interval in percent of the one before. Not a setting: the two ends are.
    pub const PROBE_INTERVAL_GROWTH_PERCENT: u32 = 160;

    pub(super) fn check(&self, table: &KeyPath, faults: &mut Vec<Fault>) {
        Self::CANARY_INTERVAL.check(self.canary_interval, table, faults);
        Self::CANARY_TIMEOUT.check(self.canary_timeout, table, faults);
        Self::SUSPECT_CLEAR.check(self.suspect_clear, table, faults);
        Self::EJECT_AFTER.check(self.eject_after, table, faults);
        Self::RISE.check(self.rise, table, faults);
        Self::PROBE_INTERVAL_MIN.check(self.probe_interval_min, table, faults);
        Self::PROBE_INTERVAL_MAX.check(self.probe_interval_max, table, faults);
        Self::SUSPECT_AFTER_MIN.check(self.suspect_after_min, table, faults);
        Self::SUSPECT_AFTER_FACTOR.check(self.suspect_after_factor, table, faults);
        Self::WINDOW.check(self.window, table, faults);
        Self::WINDOW_ATTEMPTS_MIN.check(self.window_attempts_min, table, faults);
        Self::EJECT_PERCENT.check(self.eject_percent, table, faults);
        Self::WRITE_REFUSALS_MIN.check(self.write_refusals_min, table, faults);
        Self::SLOW_FACTOR.check(self.slow_factor, table, faults);
        Self::SLOW_FLOOR.check(self.slow_floor, table, faults);
        Self::SLOW_WINDOWS.check(self.slow_windows, table, faults);
        Self::SOFT_EJECTED_PERCENT_MAX.check(self.soft_ejected_percent_max, table, faults);
        Self::MASS_FAILURE_HOLD.check(self.mass_failure_hold, table, faults);
        Self::FLAP_HOLD_MIN.check(self.flap_hold_min, table, faults);
        Self::FLAP_HOLD_MAX.check(self.flap_hold_max, table, faults);
        Self::FLAP_MEMORY.check(self.flap_memory, table, faults);
        Self::RAMP.check(self.ramp, table, faults);
        check_at_least(
            (Self::CANARY_INTERVAL, self.canary_interval),
            (Self::CANARY_TIMEOUT, self.canary_timeout),
            table,
            faults,
        );
        check_at_least(
            (Self::PROBE_INTERVAL_MAX, self.probe_interval_max),
            (Self::PROBE_INTERVAL_MIN, self.probe_interval_min),
            table,
            faults,
        );
        check_at_least(
            (Self::FLAP_HOLD_MAX, self.flap_hold_max),
            (Self::FLAP_HOLD_MIN, self.flap_hold_min),
            table,
            faults,
        );
    }
}

impl Default for HealthConfig {
    fn default() -> Self {
        Self {
            canary_interval: Self::CANARY_INTERVAL.default,
            canary_timeout: Self::CANARY_TIMEOUT.default,
            suspect_clear: Self::SUSPECT_CLEAR.default,
            eject_after: Self::EJECT_AFTER.default,
            rise: Self::RISE.default,
            probe_interval_min: Self::PROBE_INTERVAL_MIN.default,
            probe_interval_max: Self::PROBE_INTERVAL_MAX.default,
            suspect_after_min: Self::SUSPECT_AFTER_MIN.default,
            suspect_after_factor: Self::SUSPECT_AFTER_FACTOR.default,
            window: Self::WINDOW.default,
            window_attempts_min: Self::WINDOW_ATTEMPTS_MIN.default,
            eject_percent: Self::EJECT_PERCENT.default,
            write_refusals_min: Self::WRITE_REFUSALS_MIN.default,
            slow_factor: Self::SLOW_FACTOR.default,
            slow_floor: Self::SLOW_FLOOR.default,
            slow_windows: Self::SLOW_WINDOWS.default,
            soft_ejected_percent_max: Self::SOFT_EJECTED_PERCENT_MAX.default,
            mass_failure_hold: Self::MASS_FAILURE_HOLD.default,
            flap_hold_min: Self::FLAP_HOLD_MIN.default,
            flap_hold_max: Self::FLAP_HOLD_MAX.default,
            flap_memory: Self::FLAP_MEMORY.default,
            ramp: Self::RAMP.default,
        }
    }
}
