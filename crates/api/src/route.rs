//! Where a key goes.

use serde::{Deserialize, Serialize};

/// Where a key goes at this moment, and why.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Route {
    /// The key.
    pub key: String,
    /// Its pool.
    pub pool: String,
    /// The key its servers are sent, if that is another: a route strips its prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_as: Option<String>,
    /// The prefix of the route that led there; none if the pool was asked for or is the listener's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The operations that go there with the one that was asked about; none if all do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// The server it belongs to.
    pub home: String,
    /// Where a read goes now; none if it is a miss at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads_go_to: Option<String>,
    /// Where a write goes now; none if it can go nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writes_go_to: Option<String>,
    /// Why, in words.
    pub reason: String,
    /// The servers in the key's order: home first, then where it fails over to, the gutter pool's
    /// at the end.
    pub order: Vec<RouteServer>,
    /// What is remembered of it; none if it is not misplaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misplaced: Option<MisplacedKey>,
}

/// One server in a key's order.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RouteServer {
    /// What it is known by.
    pub server: String,
    /// Its pool: the key's, or the gutter.
    pub pool: String,
    /// Its state.
    pub state: String,
    /// It may be used for this key at this moment.
    pub is_usable: bool,
}

/// A misplaced key.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MisplacedKey {
    /// The only server that has its last write; none if no server has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Servers that may hold an old value.
    pub stale: Vec<String>,
}
