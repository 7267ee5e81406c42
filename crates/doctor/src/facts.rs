//! What was seen of a server, as plain data: numbers, words and times, and no judgement.
//!
//! Whatever could not be looked at is in [`ServerFacts::gaps`], with the reason: a check that finds
//! nothing because it saw nothing would be a lie.

mod figures;
mod group;
mod memcached;
mod probe;
mod proxy;
mod reach;
mod redis;

use std::time::{Duration, SystemTime};

pub use figures::{Figures, Sampled};
pub use group::{Group, Member};
pub use memcached::MemcachedFacts;
pub(crate) use memcached::version_of;
pub use probe::{Lane, Outcome, Probe, Step, StepKind};
pub use proxy::{
    HookTally, Place, ProxyFacts, ProxyUnreachable, ProxyUnreachableKind, ProxyView, name_of,
};
pub use reach::{Reached, Unreachable, UnreachableKind};
pub use redis::{LatencyEvent, RedisClient, RedisFacts, SlowCommand};

use crate::target::Target;

/// Everything that was seen of one server.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// Which server.
    pub target: Target,
    /// When the examination began.
    pub at: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// Whether it could be connected to and talked with.
    pub reach: Result<Reached, Unreachable>,
    /// What became of our canary keys. Empty if the server was not reached.
    pub probe: Probe,
    /// What the server says of itself; `None` if it said nothing.
    pub says: Option<Says>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
}

/// What a server says of itself.
#[derive(Clone, Debug)]
pub enum Says {
    /// memcached's `stats`.
    Memcached(Box<MemcachedFacts>),
    /// Redis' `INFO` and its like.
    Redis(Box<RedisFacts>),
}

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What: a command as one would type it, `SLOWLOG GET`.
    pub what: String,
    /// Why not: the server's words, or what became of the connection.
    pub why: String,
}

/// A client's connection to the server, as the server tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientConnection {
    /// The client's address without its port: one application server has one of these.
    pub address: String,
    /// For how long nothing has come from it; `None` if the server does not say.
    pub idle: Option<Duration>,
    /// What it does or did last: a command (Redis) or a state (memcached).
    pub doing: String,
    /// The bytes that wait for it in the server.
    pub output_bytes: u64,
}

/// Keys that were looked at, out of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySample {
    /// How many were looked at.
    pub looked_at: u64,
    /// How many of them never expire.
    pub without_expiry: u64,
    /// Some of those that never expire, by name; at most five.
    pub examples: Vec<String>,
}

impl ServerFacts {
    /// What a memcached server says of itself.
    pub fn memcached(&self) -> Option<&MemcachedFacts> {
        match &self.says {
            Some(Says::Memcached(facts)) => Some(facts),
            Some(Says::Redis(_)) | None => None,
        }
    }

    /// What a Redis server says of itself.
    pub fn redis(&self) -> Option<&RedisFacts> {
        match &self.says {
            Some(Says::Redis(facts)) => Some(facts),
            Some(Says::Memcached(_)) | None => None,
        }
    }

    /// The version that it says it is.
    pub fn version(&self) -> Option<&str> {
        match self.says.as_ref()? {
            Says::Memcached(facts) => facts.stats.word("version"),
            Says::Redis(facts) => {
                facts.info.word("valkey_version").or_else(|| facts.info.word("redis_version"))
            }
        }
    }
}
