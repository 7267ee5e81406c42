//! What has happened.

use serde::{Deserialize, Serialize};

/// Something that happened to a server, or to the process.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Event {
    /// Its number; the first event of a process has 0.
    pub number: u64,
    /// When.
    pub at: String,
    /// What, in one word: `state`, `writes-ejected`, `writes-readmitted`, `restarted`,
    /// `mass-failure`, `ordered`, `flush-required`, `flush-refused`, `flushed`, `overflowed`,
    /// `joined`, `left`, `configuration-applied`, `configuration-refused`.
    pub kind: String,
    /// The server's pool; none if the event is about the whole process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// What the server is known by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The state that it left, if `kind` is `state`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The state that it is in since, if `kind` is `state`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The rule by which it was decided, in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What it was concluded from, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// All of it in one line, for people.
    pub text: String,
}

/// Events from a number on.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventList {
    /// Oldest first.
    pub events: Vec<Event>,
    /// How many of those asked for are no longer kept.
    pub missed: u64,
    /// Ask for this number next.
    pub next: u64,
}
