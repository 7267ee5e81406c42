//! Facts of a memcached server, made by hand.

use std::time::{Duration, SystemTime};

use crate::check::{Check, Finding, Findings, Severity};
use crate::examine::Examination;
use crate::facts::{Figures, MemcachedFacts, Probe, Reached, Sampled, Says, ServerFacts};

/// What a healthy server says, and what a test changes of it.
#[derive(Clone, Debug)]
pub(super) struct ByHand {
    /// By name: what was said first and last.
    stats: Vec<(String, [String; 2])>,
    items: Vec<(String, [String; 2])>,
    settings: Vec<(String, String)>,
    slabs: Vec<(String, String)>,
    pub(super) more: MemcachedFacts,
    pub(super) probe: Probe,
    pub(super) address: &'static str,
    /// Whether it says nothing at all.
    pub(super) is_silent: bool,
}

impl Default for ByHand {
    fn default() -> Self {
        let by_hand = Self {
            stats: Vec::new(),
            items: Vec::new(),
            settings: Vec::new(),
            slabs: Vec::new(),
            more: MemcachedFacts::default(),
            probe: Probe::default(),
            address: "10.0.0.1",
            is_silent: false,
        };
        by_hand
            .word("pid", "7")
            .word("version", "1.6.32")
            .stats("uptime", 1_000_000, 1_000_002)
            .stats("limit_maxbytes", 1 << 30, 1 << 30)
            .setting("evictions", "on")
    }
}

impl ByHand {
    /// A counter of `stats`, first and last.
    pub(super) fn stats(mut self, name: &str, first: u64, last: u64) -> Self {
        self.stats.push((name.to_owned(), [first, last].map(|it| it.to_string())));
        self
    }

    /// A word of `stats`, first and last.
    pub(super) fn words(mut self, name: &str, first: &str, last: &str) -> Self {
        self.stats.push((name.to_owned(), [first, last].map(str::to_owned)));
        self
    }

    /// A word of `stats` that stays.
    pub(super) fn word(self, name: &str, word: &str) -> Self {
        self.words(name, word, word)
    }

    /// A counter of `stats items`, first and last.
    pub(super) fn items(mut self, name: &str, first: u64, last: u64) -> Self {
        self.items.push((name.to_owned(), [first, last].map(|it| it.to_string())));
        self
    }

    /// A figure of `stats slabs`.
    pub(super) fn slabs(mut self, name: &str, value: u64) -> Self {
        self.slabs.push((name.to_owned(), value.to_string()));
        self
    }

    /// A figure of `stats settings`.
    pub(super) fn setting(mut self, name: &str, word: &str) -> Self {
        self.settings.push((name.to_owned(), word.to_owned()));
        self
    }

    /// What these checks find.
    pub(super) fn found(&self, checks: &[Check]) -> Vec<Finding> {
        let examination = Examination {
            at: SystemTime::UNIX_EPOCH,
            took: Duration::from_secs(2),
            servers: vec![self.facts()],
            proxies: Vec::new(),
            groups: Vec::new(),
        };
        let found = Findings::of(&examination).into_iter();
        found.filter(|it| checks.iter().any(|check| check.id == it.check)).collect()
    }

    fn facts(&self) -> ServerFacts {
        let addr = format!("{}:11211", self.address).parse().expect("it is an address");
        let says = MemcachedFacts {
            stats: sampled(&self.stats),
            items: sampled(&self.items),
            settings: self.settings.iter().cloned().collect(),
            slabs: self.slabs.iter().cloned().collect(),
            ..self.more.clone()
        };
        ServerFacts {
            target: format!("memcached://{addr}").parse().expect("it is a target"),
            at: SystemTime::UNIX_EPOCH,
            took: Duration::from_secs(2),
            reach: Ok(Reached { addr, lookup: Duration::ZERO, connect: Duration::ZERO }),
            probe: self.probe.clone(),
            says: (!self.is_silent).then(|| Says::Memcached(Box::new(says))),
            gaps: Vec::new(),
        }
    }
}

fn sampled(figures: &[(String, [String; 2])]) -> Sampled {
    let taken = |idx: usize| -> Figures {
        figures.iter().map(|(name, values)| (name.clone(), values[idx].clone())).collect()
    };
    Sampled { first: taken(0), last: taken(1), apart: Duration::from_secs(2) }
}

/// What these checks find is this and no more.
#[track_caller]
pub(super) fn check(by_hand: &ByHand, checks: &[Check], expected: &[(&str, Severity)]) {
    let found = by_hand.found(checks);
    let found: Vec<_> = found.iter().map(|it| (it.check, it.severity)).collect();
    assert_eq!(found, expected);
}
