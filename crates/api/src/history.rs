//! The last minutes, second by second: what a plot needs.
//!
//! Columns are parallel: element `i` of each is of the second `first_at + i × interval_seconds`.
//! The last is of the second that ended last. What was not known then is null.

use serde::{Deserialize, Serialize};

/// The last minutes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct History {
    /// When the first second began.
    pub first_at: String,
    /// What one element stands for, in seconds.
    pub interval_seconds: u32,
    /// How many elements each column has.
    pub len: usize,
    /// Pool by pool.
    pub pools: Vec<PoolHistory>,
}

/// The last minutes of one pool.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PoolHistory {
    /// The pool.
    pub pool: String,
    /// The part of the keys read that some server had, in per cent; null without a read.
    pub hit_percent: Vec<Option<f64>>,
    /// Misplaced keys.
    pub misplaced_keys: Vec<Option<u64>>,
    /// Server by server.
    pub servers: Vec<ServerHistory>,
}

/// The last minutes of one server.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerHistory {
    /// What it is known by.
    pub server: String,
    /// Its state.
    pub state: Vec<Option<String>>,
    /// Requests that it was sent, per second.
    pub requests: Vec<Option<f64>>,
    /// Requests that failed, per second.
    pub errors: Vec<Option<f64>>,
    /// Median latency, in microseconds; null without a response.
    pub p50_us: Vec<Option<u64>>,
    /// 95th percentile.
    pub p95_us: Vec<Option<u64>>,
    /// 99th percentile.
    pub p99_us: Vec<Option<u64>>,
}
