//! What hooks are told.

use serde::{Deserialize, Serialize};

use crate::Event;

/// What a hook is told: the body of a webhook's request, and the standard input of a command.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HookMessage {
    /// All of it for people, in one line or a few. Many chat systems show a field of this name.
    pub text: String,
    /// The same whenever this message is sent again, and different from any other's.
    pub id: String,
    /// When it was written.
    pub at: String,
    /// The hook's name.
    pub hook: String,
    /// Who says so.
    pub process: HookProcess,
    /// What happened, oldest first; of very much only the first.
    pub events: Vec<Event>,
    /// How many events there were, those in `events` among them.
    pub events_total: u64,
    /// How many more there were that were no longer known, so that nobody knows whether this hook
    /// should have been told.
    pub events_missed: u64,
}

/// The process that tells a hook something.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HookProcess {
    /// The name of the machine it runs on.
    pub machine: String,
    /// Its number there.
    pub pid: u32,
    /// Evenkeel's version.
    pub version: String,
}
