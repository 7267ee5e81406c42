//! What a running proxy says of itself and of its servers.
//!
//! It is asked over its admin API by whoever starts an examination; nothing here opens a connection.

use std::time::{Duration, SystemTime};

use evenkeel_api::{Configuration, Event, History, Server, Status};
use evenkeel_core::config::Config;

use super::Gap;

/// Everything that was seen of one running proxy.
#[derive(Clone, Debug)]
pub struct ProxyFacts {
    /// How it is called: `http://address:port`, where its admin API was asked.
    pub name: String,
    /// When it was asked.
    pub at: SystemTime,
    /// How long its answers took.
    pub took: Duration,
    /// What it says, or why it says nothing.
    pub view: Result<Box<ProxyView>, ProxyUnreachable>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
}

/// What a proxy says.
#[derive(Clone, Debug)]
pub struct ProxyView {
    /// `/api/v1/status`.
    pub status: Status,
    /// `/api/v1/configuration`; `None` if it could not be had.
    pub configuration: Option<Configuration>,
    /// Its text, read; `None` if it could not be had or understood.
    pub settings: Option<Config>,
    /// What the file on this machine says otherwise than what is in effect, a line each; empty if
    /// nothing, or if the file is not here.
    pub file_differences: Vec<String>,
    /// `/api/v1/history` of the last ten minutes; `None` if it could not be had.
    pub history: Option<History>,
    /// `/api/v1/events`: the last ones that are kept, oldest first.
    pub events: Vec<Event>,
    /// What became of the messages of its hooks, from `/metrics`.
    pub hooks: Vec<HookTally>,
    /// Where each of its servers is from here.
    pub servers: Vec<Place>,
    /// Where each of its listeners is from here.
    pub listeners: Vec<Place>,
}

/// Something that a proxy names, as it was examined from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The proxy's own name for it: `pool/server`, or a listener's name.
    pub name: String,
    /// What it is called among [`crate::Examination::servers`], or why it was not examined.
    pub examined: Result<String, String>,
}

/// What became of a hook's messages since the proxy started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookTally {
    /// The hook's name.
    pub hook: String,
    /// The outcome, in one word.
    pub outcome: String,
    /// How many.
    pub times: u64,
}

/// A proxy that says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUnreachable {
    /// In which way.
    pub kind: ProxyUnreachableKind,
    /// All about it, in words.
    pub words: String,
    /// How long was waited.
    pub after: Duration,
}

/// In which way a proxy says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyUnreachableKind {
    /// Nobody is there.
    Unreachable,
    /// It was connected to and nothing came back in time, or not the whole answer.
    Silent,
    /// It asks for a token, or for another one.
    Unauthorized,
    /// What answers is no proxy, or one that declines.
    Foreign,
}

impl ProxyFacts {
    /// What it says, if it says something.
    pub fn view(&self) -> Option<&ProxyView> {
        self.view.as_deref().ok()
    }
}

impl ProxyView {
    /// All servers of all pools.
    pub fn all_servers(&self) -> impl Iterator<Item = &Server> {
        self.status.pools.iter().flat_map(|pool| &pool.servers)
    }

    /// Where a server of it is from here.
    pub fn place_of(&self, server: &Server) -> Option<&Place> {
        let name = name_of(server);
        self.servers.iter().find(|place| place.name == name)
    }
}

/// What a proxy's server is called: `pool/server`.
pub fn name_of(server: &Server) -> String {
    format!("{}/{}", server.pool, server.name)
}
