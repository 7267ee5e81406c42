//! What a Redis or Valkey server says of itself.

use std::time::Duration;

use super::{ClientConnection, Figures, KeySample, Sampled};

/// The answers to `INFO` and its kin. Figures that were not given are empty.
#[derive(Clone, Debug, Default)]
pub struct RedisFacts {
    /// `INFO everything`, all sections in one: `cmdstat_get` is `calls=1,usec=2,…` as written.
    pub info: Sampled,
    /// `CONFIG GET *`.
    pub config: Figures,
    /// `SLOWLOG GET`, newest first.
    pub slow_log: Vec<SlowCommand>,
    /// `LATENCY LATEST`.
    pub latency_events: Vec<LatencyEvent>,
    /// `CLIENT LIST` without our own; `None` if the server did not tell.
    pub clients: Option<Vec<ClientConnection>>,
    /// Keys met by `SCAN`; `None` if none could be looked at.
    pub keys: Option<KeySample>,
    /// By how much the server's clock is ahead of ours, in seconds, as far as the way there and
    /// back lets us know.
    pub clock_ahead_seconds: Option<f64>,
}

/// An entry of the slow log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlowCommand {
    /// How long before the examination it was logged, in seconds.
    pub ago_seconds: u64,
    /// How long the server was busy with it.
    pub took: Duration,
    /// The command and its first arguments, cut to what fits a line.
    pub command: String,
    /// Who asked, if the server says so.
    pub client: Option<String>,
}

/// An event of Redis' latency monitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyEvent {
    /// Its name: `command`, `fork`, `aof-fsync-always`, `expire-cycle`.
    pub name: String,
    /// How long before the examination it happened last, in seconds.
    pub ago_seconds: u64,
    /// How long it took the last time.
    pub last: Duration,
    /// How long it ever took.
    pub max: Duration,
}
