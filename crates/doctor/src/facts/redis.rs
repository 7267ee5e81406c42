//! What a Redis or Valkey server says of itself.

use std::time::Duration;

use super::{Figures, KeySample, Sampled};

/// The answers to `INFO` and its kin. Figures that were not given are empty.
#[derive(Clone, Debug, Default)]
pub struct RedisFacts {
    /// `INFO everything`, all sections in one: `cmdstat_get` is `calls=1,usec=2,…` as written.
    /// Between the two samples the only command of ours is the second `INFO` itself. If there was
    /// no second answer, both are the first and nothing lies between them.
    pub info: Sampled,
    /// Why no connection could be had any more when the first had been lost and the second sample
    /// was due; `None` if nothing was lost.
    pub gone: Option<String>,
    /// `CONFIG GET *`, without whatever is or may be a password.
    pub config: Figures,
    /// Whether `requirepass` is set; `None` if the server did not tell. Users of an ACL are not in
    /// it.
    pub has_password: Option<bool>,
    /// `CLUSTER INFO`; empty if the server is not part of a cluster.
    pub cluster: Figures,
    /// `SLOWLOG GET`, newest first.
    pub slow_log: Vec<SlowCommand>,
    /// `SLOWLOG LEN`.
    pub slow_log_len: Option<u64>,
    /// `LATENCY LATEST`.
    pub latency_events: Vec<LatencyEvent>,
    /// `CLIENT LIST` without our own; `None` if the server did not tell.
    pub clients: Option<Vec<RedisClient>>,
    /// `DBSIZE`: the keys of the database that was named.
    pub database_keys: Option<u64>,
    /// Keys of that database met by `SCAN`; `None` if none could be looked at.
    pub keys: Option<KeySample>,
    /// By how much the server's clock is ahead of ours, in seconds, as far as the way there and
    /// back lets us know.
    pub clock_ahead_seconds: Option<f64>,
}

/// An entry of the slow log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlowCommand {
    /// How long before the examination it was logged, in seconds, by the server's clock.
    pub ago_seconds: u64,
    /// How long the server was busy with it.
    pub took: Duration,
    /// The command and its first arguments, cut to what fits a line. Of commands that may carry a
    /// password, the name only.
    pub command: String,
    /// Who asked, if the server says so: address and port.
    pub client: Option<String>,
}

/// An event of Redis' latency monitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyEvent {
    /// Its name: `command`, `fork`, `aof-fsync-always`, `expire-cycle`.
    pub name: String,
    /// How long before the examination it happened last, in seconds, by the server's clock.
    pub ago_seconds: u64,
    /// How long it took the last time.
    pub last: Duration,
    /// How long it ever took.
    pub max: Duration,
}

/// A client's connection, as `CLIENT LIST` tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisClient {
    /// What `CLIENT KILL ID` wants; 0 if the server gives none.
    pub id: u64,
    /// The client's address without its port: one application server has one of these.
    pub address: String,
    /// What it calls itself; often empty.
    pub name: String,
    /// The flags as written: `N` none, `S` replica, `M` the primary, `P` subscriber, `b` waiting
    /// in a blocking command, `O` in `MONITOR`.
    pub flags: String,
    /// For how long it has been connected.
    pub age: Duration,
    /// For how long nothing has come from it.
    pub idle: Duration,
    /// Its last command, `config|get`; `NULL` if it has sent none.
    pub doing: String,
    /// The bytes that wait for it in the server: buffer and list.
    pub output_bytes: u64,
}

impl RedisClient {
    /// Whether it is an application's, which waits for nothing: neither a replica nor the primary,
    /// no subscriber, nobody in a blocking command or in `MONITOR`.
    pub fn is_ordinary(&self) -> bool {
        !self.flags.contains(['S', 'M', 'P', 'b', 'O'])
    }
}
