//! The few figures of a server that people look at first, whichever protocol it speaks.

use serde::Serialize;

use crate::facts::{Figures, Sampled, Says, ServerFacts};

/// What a server says of how it is. `None` is what it did not say, or what has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Vitals {
    /// For how long it has run, in seconds.
    pub uptime_s: Option<u64>,
    /// The memory that is used for data, in bytes.
    pub memory_used_bytes: Option<u64>,
    /// How much that may be, in bytes.
    pub memory_limit_bytes: Option<u64>,
    /// The connections that are open, one of ours among them.
    pub connections: Option<u64>,
    /// How many that may be.
    pub connections_max: Option<u64>,
    /// The part of the lookups between the two samples that found their key, from 0 to 1. `None` if
    /// there were fewer than [`LOOKUPS_NOW_MIN`].
    pub hit_ratio_now: Option<f64>,
    /// The same since the server started. `None` if there were fewer than [`LOOKUPS_MIN`].
    pub hit_ratio: Option<f64>,
}

impl Vitals {
    /// Reads them from what was seen.
    pub(crate) fn of(facts: &ServerFacts) -> Self {
        match &facts.says {
            Some(Says::Memcached(says)) => Self::read(&MEMCACHED, &says.stats, &says.settings),
            Some(Says::Redis(says)) => Self::read(&REDIS, &says.info, &says.config),
            None => Self::default(),
        }
    }

    fn read(names: &Names, sampled: &Sampled, settings: &Figures) -> Self {
        let last = |name| whole(sampled.number(name)?);
        let set = |name| whole(settings.number(name)?);
        let limit = |it: u64| (it > 0).then_some(it);
        let both =
            |count: &dyn Fn(&str) -> Option<f64>| Some((count(names.hits)?, count(names.misses)?));
        Self {
            uptime_s: last(names.uptime),
            memory_used_bytes: last(names.memory_used),
            memory_limit_bytes: last(names.memory_limit).and_then(limit),
            connections: last(names.connections),
            connections_max: last(names.connections_max)
                .or_else(|| set(names.connections_max_setting))
                .and_then(limit),
            hit_ratio_now: ratio(both(&|name| sampled.growth(name)), LOOKUPS_NOW_MIN),
            hit_ratio: ratio(both(&|name| sampled.number(name)), LOOKUPS_MIN),
        }
    }

    /// The part of the memory that is used, from 0; `None` if there is no limit.
    pub fn memory_share(&self) -> Option<f64> {
        share(self.memory_used_bytes?, self.memory_limit_bytes?)
    }

    /// The part of the connections that are open, from 0.
    pub fn connections_share(&self) -> Option<f64> {
        share(self.connections?, self.connections_max?)
    }
}

/// What a protocol's servers call these figures.
struct Names {
    uptime: &'static str,
    memory_used: &'static str,
    memory_limit: &'static str,
    connections: &'static str,
    connections_max: &'static str,
    /// Where the limit is a setting only: older servers do not say it with their figures.
    connections_max_setting: &'static str,
    hits: &'static str,
    misses: &'static str,
}

/// `stats` and `stats settings`.
const MEMCACHED: Names = Names {
    uptime: "uptime",
    memory_used: "bytes",
    memory_limit: "limit_maxbytes",
    connections: "curr_connections",
    connections_max: "max_connections",
    connections_max_setting: "maxconns",
    hits: "get_hits",
    misses: "get_misses",
};

/// `INFO` and `CONFIG GET`.
const REDIS: Names = Names {
    uptime: "uptime_in_seconds",
    memory_used: "used_memory",
    memory_limit: "maxmemory",
    connections: "connected_clients",
    connections_max: "maxclients",
    connections_max_setting: "maxclients",
    hits: "keyspace_hits",
    misses: "keyspace_misses",
};

fn ratio(hits_and_misses: Option<(f64, f64)>, lookups_min: f64) -> Option<f64> {
    let (hits, misses) = hits_and_misses?;
    let lookups = hits + misses;
    (lookups >= lookups_min).then(|| hits / lookups)
}

#[expect(clippy::cast_precision_loss, reason = "for people: three digits are shown")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A number that is written as a whole one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0; it saturates")]
fn whole(number: f64) -> Option<u64> {
    (number >= 0.0).then_some(number as u64)
}

/// The fewest lookups between two samples that say something about how well the cache works.
pub const LOOKUPS_NOW_MIN: f64 = 100.0;
/// The fewest since the start: an examination makes some of its own.
pub const LOOKUPS_MIN: f64 = 1_000.0;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sampled(first: &[(&str, &str)], last: &[(&str, &str)]) -> Sampled {
        Sampled {
            first: first.iter().copied().collect(),
            last: last.iter().copied().collect(),
            apart: Duration::from_secs(2),
        }
    }

    #[test]
    fn memcached_and_redis_have_the_same_vitals() {
        let memcached = sampled(
            &[("get_hits", "1000"), ("get_misses", "0")],
            &[
                ("uptime", "60"),
                ("bytes", "32"),
                ("limit_maxbytes", "64"),
                ("curr_connections", "10"),
                ("max_connections", "1024"),
                ("get_hits", "1075"),
                ("get_misses", "25"),
            ],
        );
        let redis = sampled(
            &[("keyspace_hits", "1000"), ("keyspace_misses", "0")],
            &[
                ("uptime_in_seconds", "60"),
                ("used_memory", "32"),
                ("maxmemory", "64"),
                ("connected_clients", "10"),
                ("keyspace_hits", "1075"),
                ("keyspace_misses", "25"),
            ],
        );
        let expected = Vitals {
            uptime_s: Some(60),
            memory_used_bytes: Some(32),
            memory_limit_bytes: Some(64),
            connections: Some(10),
            connections_max: Some(1024),
            hit_ratio_now: Some(0.75),
            hit_ratio: Some(1075.0 / 1100.0),
        };
        let settings = [("maxclients", "1024")].into_iter().collect();
        assert_eq!(Vitals::read(&MEMCACHED, &memcached, &Figures::default()), expected);
        assert_eq!(Vitals::read(&REDIS, &redis, &settings), expected);
        assert_eq!(expected.memory_share(), Some(0.5));
        assert_eq!(expected.connections_share(), Some(10.0 / 1024.0));
    }

    #[test]
    fn few_lookups_say_nothing() {
        for (hits, misses, now) in [("99", "0", None), ("50", "50", Some(0.5))] {
            let last = [("get_hits", hits), ("get_misses", misses)];
            let sampled = sampled(&[("get_hits", "0"), ("get_misses", "0")], &last);
            let vitals = Vitals::read(&MEMCACHED, &sampled, &Figures::default());
            assert_eq!((vitals.hit_ratio_now, vitals.hit_ratio), (now, None));
        }
    }

    #[test]
    fn no_limit_is_none() {
        let info =
            sampled(&[], &[("used_memory", "32"), ("maxmemory", "0"), ("uptime_in_seconds", "-1")]);
        let vitals = Vitals::read(&REDIS, &info, &Figures::default());
        assert_eq!(vitals.memory_limit_bytes, None);
        assert_eq!(vitals.memory_share(), None);
        assert_eq!(vitals.uptime_s, None);
    }
}
