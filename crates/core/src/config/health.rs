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

    /// The longest time from one probe of a Down server to the next, before jitter.
    ///
    /// A duration from 10 ms to 10 m; 1 s by default. At least `probe_interval_min`. A server
    /// that is back is noticed within this time. One probe a second costs nothing; lengthen it
    /// only where very many processes watch the same servers.
    pub probe_interval_max: Duration,
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
        default: Duration::from_secs(1),
    };

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
        }
    }
}
