//! What a memcached server says of itself.

use super::{ClientConnection, Figures, KeySample, Sampled};

/// The answers to `stats` and its kin. Figures that were not given are empty.
#[derive(Clone, Debug, Default)]
pub struct MemcachedFacts {
    /// `stats`.
    pub stats: Sampled,
    /// `stats settings`.
    pub settings: Figures,
    /// `stats items`: names as memcached writes them, `items:CLASS:evicted`.
    pub items: Sampled,
    /// `stats slabs`: `CLASS:total_pages`, `total_malloced`.
    pub slabs: Figures,
    /// `stats conns`: clients' connections without ours; `None` if the server did not tell.
    pub connections: Option<Vec<ClientConnection>>,
    /// Some of the server's keys; `None` if none could be looked at.
    pub keys: Option<KeySample>,
    /// By how much the server's clock is ahead of ours, in seconds: known to two, since memcached
    /// tells whole seconds and looks at its own clock once a second.
    pub clock_ahead_seconds: Option<f64>,
    /// How many connections wait to be accepted; `None` if the server is on another machine.
    pub accept_queue: Option<u64>,
}

impl MemcachedFacts {
    /// The version's numbers, as far as they are: what a distribution adds to them is left out.
    pub fn version(&self) -> Option<[u32; 3]> {
        version_of(&self.stats.last)
    }

    /// Whether the server was started again between the two samples.
    pub fn is_restarted(&self) -> bool {
        let Sampled { first, last, .. } = &self.stats;
        let is_other = first.word("pid").zip(last.word("pid")).is_some_and(|(a, b)| a != b);
        let uptimes = first.number("uptime").zip(last.number("uptime"));
        is_other || uptimes.is_some_and(|(first, last)| last < first)
    }
}

/// The numbers of the version in a `stats`: `1.6.18` of `1.6.18-ubuntu`.
pub(crate) fn version_of(stats: &Figures) -> Option<[u32; 3]> {
    let word = stats.word("version")?;
    let end = word.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(word.len());
    let mut numbers = word[..end].splitn(3, '.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_version(word: &str, expected: Option<[u32; 3]>) {
        assert_eq!(version_of(&[("version", word)].into_iter().collect()), expected, "{word}");
    }

    #[test]
    fn versions_are_read_with_what_distributions_add() {
        check_version("1.6.18", Some([1, 6, 18]));
        check_version("1.4.15-2-gabc", Some([1, 4, 15]));
        check_version("1.5.6_3", Some([1, 5, 6]));
        check_version("1.6", None);
        check_version("beta", None);
        check_version("1.6.99999999999", None);
    }

    fn sampled(first: [(&str, &str); 2], last: [(&str, &str); 2]) -> MemcachedFacts {
        let (first, last) = (first.into_iter().collect(), last.into_iter().collect());
        MemcachedFacts {
            stats: Sampled { first, last, ..Sampled::default() },
            ..Default::default()
        }
    }

    #[test]
    fn a_restart_is_seen_by_process_or_uptime() {
        let before = [("pid", "7"), ("uptime", "100")];
        assert!(!sampled(before, [("pid", "7"), ("uptime", "101")]).is_restarted());
        assert!(sampled(before, [("pid", "8"), ("uptime", "0")]).is_restarted());
        assert!(sampled(before, [("pid", "7"), ("uptime", "1")]).is_restarted());
    }
}
