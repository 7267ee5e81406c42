//! One pool.

use serde::{Deserialize, Serialize};

use crate::Server;

/// One pool, as of now.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How keys are placed.
    pub distribution: String,
    /// Where keys go whose home cannot be used: `next`, `gutter`, `none`.
    pub failover: String,
    /// The gutter pool, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gutter: Option<String>,
    /// What a server that returns may serve: `clean`, `flush`, `trust`.
    pub rejoin: String,
    /// At least one of its servers is usable.
    pub is_ready: bool,
    /// Why it is not ready, or not whole, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many servers are usable.
    pub servers_usable: usize,
    /// Keys whose last write is not, or may not be, at home.
    pub misplaced_keys: u64,
    /// What these take in memory, in bytes.
    pub misplaced_bytes: u64,
    /// What they may take; past it servers are flushed before use.
    pub misplaced_bytes_max: u64,
    /// Keys read that some server had, in the last ten seconds, in per cent; none without a read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hit_percent: Option<f64>,
    /// Since the process started.
    pub totals: PoolTotals,
    /// Its servers, in the order of the configuration.
    pub servers: Vec<Server>,
}

/// What recovery has done for a pool since the process started.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PoolTotals {
    /// Writes and deletes that were sent elsewhere than home, or found their key misplaced.
    pub writes_marked: u64,
    /// Writes and deletes whose fate is unknown, or that were refused and tried elsewhere.
    pub writes_unknown: u64,
    /// Deletes remembered because no server could take them.
    pub deletes_remembered: u64,
    /// Misplaced keys that are home again.
    pub keys_cleaned: u64,
    /// Misplaced keys given up because there were too many.
    pub keys_given_up: u64,
}
