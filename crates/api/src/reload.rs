//! The configuration in effect, and how it is changed.

use serde::{Deserialize, Serialize};

/// The configuration in effect.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Configuration {
    /// The file it is read from; none if there is no file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// When what is in effect came into effect.
    pub applied_at: String,
    /// All settings in effect, those that have their default among them, as TOML.
    pub toml: String,
    /// The last reload; none if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_reload: Option<Reload>,
}

/// What became of a reload.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reload {
    /// When it was asked for.
    pub at: String,
    /// What became of it.
    pub outcome: ReloadOutcome,
    /// What has changed, one line each; empty unless it was applied.
    pub changes: Vec<String>,
    /// What the operator should know: what takes effect only with a restart, and which servers may
    /// hold old values.
    pub warnings: Vec<String>,
    /// Every fault of the file, with its place and remedy, line by line: what is indented shows
    /// where the fault before it stands. Empty unless it was refused.
    pub faults: Vec<String>,
}

/// What became of a reload, in one word.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ReloadOutcome {
    /// It is in effect.
    Applied,
    /// It says what was in effect already.
    Unchanged,
    /// It has faults, or cannot be read or applied. What was in effect still is.
    Refused,
}
