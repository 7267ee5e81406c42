//! What a server says of itself: the part of `stats` that people on call look at.
//!
//! It is no evidence: a server that says nothing, or nonsense, is none the worse for it.

use evenkeel_core::Instant;

use crate::asking::Stats;

/// What a server said when it was asked last. What it did not say is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSays {
    /// When it was asked.
    pub at: Instant,
    /// Its version.
    pub version: Option<String>,
    /// For how long it has run, in seconds.
    pub uptime_seconds: Option<u64>,
    /// What its items take, in bytes.
    pub memory_bytes: Option<u64>,
    /// What they may take.
    pub memory_bytes_max: Option<u64>,
    /// Its connections, from everybody.
    pub connections: Option<u64>,
    /// How many it may have.
    pub connections_max: Option<u64>,
    /// Items evicted for want of memory since it started.
    pub evictions: Option<u64>,
    /// Items that it holds.
    pub items: Option<u64>,
}

/// The longest version that is kept, in bytes.
const VERSION_LEN_MAX: usize = 64;

impl ServerSays {
    /// What `stats` says, asked then.
    pub fn from_stats(at: Instant, stats: &Stats) -> Self {
        let word = |name: &str| {
            let stat = stats.iter().find(|(known, _)| known == name);
            stat.map(|(_, value)| value.as_str())
        };
        let number = |name: &str| word(name)?.parse().ok();
        Self {
            at,
            version: word("version")
                .filter(|version| !version.is_empty() && version.len() <= VERSION_LEN_MAX)
                .map(str::to_owned),
            uptime_seconds: number("uptime"),
            memory_bytes: number("bytes"),
            memory_bytes_max: number("limit_maxbytes"),
            connections: number("curr_connections"),
            connections_max: number("max_connections"),
            evictions: number("evictions"),
            items: number("curr_items"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_does_not_say_or_says_badly_is_unknown() {
        let stat = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let stats = vec![
            stat("bytes", "18446744073709551615"),
            stat("limit_maxbytes", "18446744073709551616"),
            stat("curr_connections", "-1"),
            stat("max_connections", ""),
            stat("version", &"x".repeat(65)),
            stat("uptime", "7"),
        ];
        let says = ServerSays::from_stats(Instant::ZERO, &stats);
        let expected = ServerSays {
            at: Instant::ZERO,
            version: None,
            uptime_seconds: Some(7),
            memory_bytes: Some(u64::MAX),
            memory_bytes_max: None,
            connections: None,
            connections_max: None,
            evictions: None,
            items: None,
        };
        assert_eq!(says, expected);
    }
}
