//! One server.

use serde::{Deserialize, Serialize};

/// One server, as of now.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Server {
    /// Its pool.
    pub pool: String,
    /// What it is known by: its name, or else its address.
    pub name: String,
    /// Its address as configured.
    pub address: String,
    /// Where that is; none while its name cannot be resolved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<String>,
    /// Its weight.
    pub weight: u32,
    /// `up`, `suspect`, `down`, `returning` or `drained`.
    pub state: String,
    /// Since when.
    pub since: String,
    /// For so many seconds.
    pub for_seconds: f64,
    /// The rule by which it came into this state, in one word; none if it never changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What that was concluded from, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What people should know, in one sentence: state, rule and evidence, what it waits for.
    pub reason: String,
    /// Whether requests are sent to it, be it for some of its keys.
    pub is_usable: bool,
    /// Whether it is sent writes, as far as it is used at all.
    pub takes_writes: bool,
    /// It is to be emptied by `flush_all` before it is used.
    pub is_flush_required: bool,
    /// The part of its keys that it serves: 100, or less on the ramp, or 0.
    pub share_percent: u32,
    /// Misplaced keys of which it may hold an old value. They are being deleted there.
    pub misplaced_keys: u64,
    /// Its connections.
    pub connections: Connections,
    /// The last ten seconds.
    pub rates: Rates,
    /// Since the process started.
    pub totals: ServerTotals,
    /// The last ten seconds.
    pub latencies: Latencies,
    /// What it says of itself; none until it has been asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ServerReport>,
}

/// The workers' connections to a server.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Connections {
    /// Ready for requests.
    pub open: usize,
    /// How many there are to be: one for each worker, if it is used.
    pub wanted: usize,
}

/// What a server did in the last ten seconds, per second.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Rates {
    /// Requests that it was sent and that ended.
    pub requests: f64,
    /// Keys read that it had.
    pub hits: f64,
    /// Keys read that it had not.
    pub misses: f64,
    /// Requests that failed.
    pub errors: f64,
}

/// What a server did since the process started.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerTotals {
    /// Requests that it was sent and that ended.
    pub requests: u64,
    /// Keys read that it had.
    pub hits: u64,
    /// Keys read that it had not.
    pub misses: u64,
    /// Requests that failed.
    pub errors: u64,
}

/// How long responses took in the last ten seconds, by class of operation; a class without a
/// response is left out.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Latencies {
    /// Of all classes together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<LatencyPercentiles>,
    /// Of reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<LatencyPercentiles>,
    /// Of writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<LatencyPercentiles>,
    /// Of deletes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<LatencyPercentiles>,
}

/// Percentiles, in microseconds, rounded up by at most a quarter.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LatencyPercentiles {
    /// The median.
    pub p50_us: u64,
    /// The 95th.
    pub p95_us: u64,
    /// The 99th.
    pub p99_us: u64,
}

/// What a server says of itself (`stats`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerReport {
    /// When it was asked.
    pub at: String,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// For how long it has run, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<u64>,
    /// What its items take, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// What they may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes_max: Option<u64>,
    /// Its connections, from everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<u64>,
    /// How many it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections_max: Option<u64>,
    /// Items evicted for want of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evictions: Option<u64>,
    /// Items that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<u64>,
}

/// An order about a server has been given; what becomes of it is an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OrderAccepted {
    /// `drain`, `eject`, `readmit` or `flush`.
    pub order: String,
    /// The server's pool.
    pub pool: String,
    /// What the server is known by.
    pub server: String,
}
