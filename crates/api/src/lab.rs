//! The lab: servers that can be broken on purpose. Only `evenkeel lab` serves it.

use serde::{Deserialize, Serialize};

/// The servers of the lab, and what can be done to them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Lab {
    /// The servers.
    pub servers: Vec<LabServer>,
    /// What can be done to each.
    pub faults: Vec<LabFault>,
}

/// A server of the lab.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabServer {
    /// What it is known by.
    pub server: String,
    /// What is the matter with it, by [`LabFault::name`]; none if it is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Something that can be done to a server of the lab.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LabFault {
    /// One word: `crash`, `stop`, `slow`, `garble`, `cut-off`, `heal`, …
    pub name: String,
    /// What it does, in words.
    pub summary: String,
}
