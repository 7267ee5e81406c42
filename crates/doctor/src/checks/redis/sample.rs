//! Facts to begin a test of the checks with: what a real redis-server 7.0.15 said, started with
//! nothing but a port and no save points, as it is and as a sensibly configured cache.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::check::{Findings, Severity};
use crate::examine::Examination;
use crate::facts::{
    Gap, Lane, Outcome, Probe, Reached, RedisFacts, Sampled, Says, ServerFacts, Step, StepKind,
};

/// One server, to be changed as a test wants it.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    first: BTreeMap<String, String>,
    last: BTreeMap<String, String>,
    config: BTreeMap<String, String>,
    facts: RedisFacts,
    target: &'static str,
    addr: &'static str,
    refused: Option<&'static str>,
}

impl Sample {
    /// A server as a developer starts it.
    pub(super) fn developers() -> Self {
        let info = pairs(include_str!("sample/info.txt"), ':');
        let config = pairs(include_str!("sample/config.txt"), ' ');
        Self {
            first: info.clone(),
            last: info,
            config,
            facts: RedisFacts::default(),
            target: "redis://127.0.0.1:6380",
            addr: "127.0.0.1:6380",
            refused: None,
        }
    }

    /// A cache that is configured well.
    pub(super) fn cache() -> Self {
        Self::developers()
            .info("redis_version:8.2.2\nmaxmemory:1073741824\nmaxmemory_policy:allkeys-lru")
            .config("maxmemory 1073741824\nmaxmemory-policy allkeys-lru")
            .config("latency-monitor-threshold 100")
    }

    /// What `INFO` says both times, `name:value` by line.
    pub(super) fn info(self, text: &str) -> Self {
        self.before(text).now(text)
    }

    /// What `INFO` says first.
    pub(super) fn before(mut self, text: &str) -> Self {
        self.first.extend(pairs(text, ':'));
        self
    }

    /// What `INFO` says last.
    pub(super) fn now(mut self, text: &str) -> Self {
        self.last.extend(pairs(text, ':'));
        self
    }

    /// Settings, `name value` by line.
    pub(super) fn config(mut self, text: &str) -> Self {
        self.config.extend(pairs(text, ' '));
        self
    }

    /// Anything else that the server said.
    pub(super) fn with(mut self, change: impl FnOnce(&mut RedisFacts)) -> Self {
        change(&mut self.facts);
        self
    }

    /// Its address, as it was named and as it answered.
    pub(super) fn at(mut self, target: &'static str, addr: &'static str) -> Self {
        (self.target, self.addr) = (target, addr);
        self
    }

    /// What it says to our set, and to INFO.
    pub(super) fn refuses(mut self, words: &'static str) -> Self {
        self.refused = Some(words);
        self
    }

    pub(super) fn facts(self) -> ServerFacts {
        let info = Sampled {
            first: self.first.into_iter().collect(),
            last: self.last.into_iter().collect(),
            apart: Duration::from_secs(2),
        };
        let facts = RedisFacts { info, config: self.config.into_iter().collect(), ..self.facts };
        let addr = self.addr.parse().unwrap();
        let took = Duration::from_micros(200);
        let set = self.refused.map(|words| Step {
            kind: StepKind::Set,
            took,
            outcome: Outcome::Refused(words.to_owned()),
        });
        let lane = Lane { connect: Ok(took), steps: set.into_iter().collect() };
        ServerFacts {
            target: self.target.parse().unwrap(),
            at: SystemTime::UNIX_EPOCH,
            took: Duration::from_secs(2),
            reach: Ok(Reached { addr, lookup: Duration::ZERO, connect: took }),
            probe: Probe { lanes: vec![lane], ..Probe::default() },
            says: Some(Says::Redis(Box::new(facts))),
            gaps: Vec::new(),
        }
    }

    /// Of a server that told nothing of itself but why it would not.
    pub(super) fn silent(self, why: &str) -> ServerFacts {
        let gaps = vec![Gap { what: "INFO".to_owned(), why: why.to_owned() }];
        ServerFacts { says: None, gaps, ..self.facts() }
    }

    /// Exactly these findings of this module's are made of it, worst first.
    #[track_caller]
    pub(super) fn gives(self, expected: &[(&str, Severity)]) {
        check(self.facts(), expected);
    }
}

#[track_caller]
pub(super) fn check(facts: ServerFacts, expected: &[(&str, Severity)]) {
    let found = findings(facts);
    let found: Vec<_> = found.iter().map(|it| (it.check, it.severity)).collect();
    assert_eq!(found, expected);
}

pub(super) fn findings(facts: ServerFacts) -> Vec<crate::Finding> {
    let examination = Examination {
        at: SystemTime::UNIX_EPOCH,
        took: Duration::from_secs(2),
        servers: vec![facts],
        proxies: Vec::new(),
        groups: Vec::new(),
    };
    let mut found = Findings::of(&examination);
    found.retain(|it| it.check.starts_with("redis-"));
    found
}

fn pairs(text: &str, between: char) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|it| !it.starts_with('#'));
    let pairs = lines.map(|line| line.trim_start().split_once(between).unwrap_or((line, "")));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn a_developers_server_gives_nothing_above_a_note() {
    Sample::developers().gives(&[
        ("redis-memory-unlimited", Severity::Note),
        ("redis-version", Severity::Note),
        ("redis-config-latency-monitor", Severity::Note),
    ]);
}

#[test]
fn a_well_configured_cache_gives_nothing() {
    Sample::cache().gives(&[]);
}
