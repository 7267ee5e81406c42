//! Everything on one page.

use serde::{Deserialize, Serialize};

use crate::{Pool, Reload};

/// The whole process, as of now.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Status {
    /// Evenkeel's version.
    pub version: String,
    /// The process's number.
    pub pid: u32,
    /// When it started.
    pub started_at: String,
    /// For so many seconds.
    pub uptime_seconds: u64,
    /// When this was found out.
    pub at: String,
    /// It runs with embedded servers that can be broken on purpose.
    pub is_lab: bool,
    /// Sessions that are open; none in a library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_open: Option<usize>,
    /// Where applications connect.
    pub listeners: Vec<Listener>,
    /// The last reload; none if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reload: Option<Reload>,
    /// The number of the event that comes next.
    pub next_event: u64,
    /// The pools, in the order of the configuration.
    pub pools: Vec<Pool>,
}

/// A listener.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub address: String,
    /// The pool its requests go to that no route fits.
    pub pool: String,
    /// The routes that count for its sessions, in the order of the configuration; none in most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<PrefixRoute>,
}

/// Keys that go to another pool than their listener's, or under another name.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PrefixRoute {
    /// What they begin with; empty for every key.
    pub prefix: String,
    /// The pool.
    pub pool: String,
    /// Servers are sent them without the prefix.
    pub strip_prefix: bool,
    /// What it counts for: `get`, `set`, `delete`, `touch`, `arithmetic`.
    pub operations: Vec<String>,
}
