//! What orchestrators ask.

use serde::{Deserialize, Serialize};

/// `/health/live`: the process runs.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Live {
    /// Always true: a process that is not does not answer.
    pub is_live: bool,
}

/// `/health/ready`: whether every pool can serve something. 503 if not.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Ready {
    /// Every pool can serve something, and the process is not being stopped.
    pub is_ready: bool,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Pool by pool.
    pub pools: Vec<PoolReadiness>,
}

/// Whether one pool can serve something.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PoolReadiness {
    /// The pool.
    pub pool: String,
    /// At least one of its servers, or of its gutter's, is usable.
    pub is_ready: bool,
    /// How many servers are usable.
    pub servers_usable: usize,
    /// Of how many.
    pub servers: usize,
    /// Why it is not ready, or not whole, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
