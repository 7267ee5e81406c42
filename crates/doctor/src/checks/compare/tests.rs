//! Each comparison at its threshold, and servers that may differ.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::check::{Findings, Severity};
use crate::examine::Examination;
use crate::facts::{
    Figures, Group, Lane, Member, MemcachedFacts, Outcome, Probe, Reached, RedisFacts, Says,
    ServerFacts, Step, StepKind,
};
use crate::target::Target;

/// What `stats` said first and last, `stats settings`, and how long the probe's answers took.
#[derive(Clone, Default)]
struct Sample {
    first: Vec<(&'static str, f64)>,
    last: Vec<(&'static str, f64)>,
    settings: Vec<(&'static str, &'static str)>,
    version: Option<&'static str>,
    probe_micros: u64,
    weight: u32,
    port: Option<u16>,
}

impl Sample {
    /// A figure that stays as it is.
    fn is(mut self, name: &'static str, value: f64) -> Self {
        self.first.push((name, value));
        self.last.push((name, value));
        self
    }

    /// A figure that grows from 0 within the interval.
    fn grows(mut self, name: &'static str, by: f64) -> Self {
        self.first.push((name, 0.0));
        self.last.push((name, by));
        self
    }

    fn facts(&self, idx: u16) -> ServerFacts {
        let figures = |pairs: &[(&'static str, f64)]| -> Figures {
            let version = self.version.map(|it| ("version", it.to_owned()));
            pairs.iter().map(|(name, value)| (*name, value.to_string())).chain(version).collect()
        };
        let mut facts = MemcachedFacts::default();
        facts.stats.first = figures(&self.first);
        facts.stats.last = figures(&self.last);
        facts.stats.apart = Duration::from_secs(1);
        facts.settings = self.settings.iter().copied().collect();
        let port = self.port.unwrap_or(20_000 + idx);
        let step = Step {
            kind: StepKind::Get,
            took: Duration::from_micros(self.probe_micros),
            outcome: Outcome::Good,
        };
        let lane = Lane { connect: Ok(Duration::ZERO), steps: vec![step; 3] };
        ServerFacts {
            target: format!("memcached://s{idx}").parse::<Target>().unwrap().named(name(idx)),
            at: SystemTime::now(),
            took: Duration::ZERO,
            reach: Ok(Reached {
                addr: SocketAddr::from(([127, 0, 0, 1], port)),
                lookup: Duration::ZERO,
                connect: Duration::ZERO,
            }),
            probe: Probe { lanes: vec![lane], ..Probe::default() },
            says: Some(Says::Memcached(Box::new(facts))),
            gaps: Vec::new(),
        }
    }
}

fn name(idx: u16) -> String {
    format!("main/s{idx}")
}

/// What is found of these servers of one pool: check, server and severity.
fn found(samples: &[Sample]) -> Vec<(&'static str, Option<String>, Severity)> {
    let servers = (0..).zip(samples).map(|(idx, it)| it.facts(idx)).collect();
    let findings = Findings::of(&examination(servers, samples, true)).into_iter();
    let compared = findings.filter(|it| it.check.starts_with("compare-"));
    compared.map(|it| (it.check, it.server, it.severity)).collect()
}

fn examination(servers: Vec<ServerFacts>, samples: &[Sample], is_pool: bool) -> Examination {
    let members = (0..).zip(samples);
    let members = members.map(|(idx, it)| Member { server: name(idx), weight: it.weight.max(1) });
    let group = Group { name: "pool main".to_owned(), is_pool, members: members.collect() };
    Examination {
        at: SystemTime::now(),
        took: Duration::ZERO,
        servers,
        proxies: Vec::new(),
        groups: vec![group],
    }
}

/// Of four servers the second differs; it is found by this check, or nobody is.
#[track_caller]
fn check(usual: &Sample, odd: &Sample, expected: Option<(&'static str, Severity)>) {
    let samples = [usual, odd, usual, usual].map(Clone::clone);
    let expected = expected.map(|(check, severity)| (check, Some(name(1)), severity));
    assert_eq!(found(&samples), Vec::from_iter(expected));
    // Two can only be told to differ.
    for (_, _, severity) in found(&[usual.clone(), odd.clone()]) {
        assert_eq!(severity, Severity::Note);
    }
}

fn sample() -> Sample {
    Sample { probe_micros: 100, ..Sample::default() }
}

#[test]
fn a_slower_server_is_told_from_five_times_and_a_millisecond_on() {
    let taking = |probe_micros| Sample { probe_micros, ..sample() };
    let expected = Some(("compare-latency", Severity::Warning));
    check(&taking(300), &taking(1_500), expected);
    check(&taking(300), &taking(1_499), None);
    check(&taking(100), &taking(1_000), None);
    check(&taking(100), &taking(1_001), expected);
}

#[test]
fn another_hit_ratio_is_told_if_there_were_lookups_enough() {
    let looked = |hits, misses| sample().grows("get_hits", hits).grows("get_misses", misses);
    let expected = Some(("compare-hits", Severity::Warning));
    check(&looked(90.0, 10.0), &looked(45.0, 55.0), expected);
    check(&looked(90.0, 10.0), &looked(46.0, 54.0), None);
    check(&looked(90.0, 10.0), &looked(0.0, 99.0), None);
    check(&looked(30.0, 70.0), &looked(11.0, 89.0), None);
}

#[test]
fn a_server_that_alone_evicts_is_told() {
    let evicting = |count| sample().grows("evictions", count);
    let expected = Some(("compare-evictions", Severity::Warning));
    check(&evicting(10.0), &evicting(100.0), expected);
    check(&evicting(11.0), &evicting(100.0), None);
    check(&evicting(0.0), &evicting(99.0), None);
}

#[test]
fn requests_are_compared_by_weight() {
    let serving = |weight, gets| Sample { weight, ..sample().grows("cmd_get", gets) };
    let expected = Some(("compare-requests", Severity::Warning));
    check(&serving(1, 500.0), &serving(1, 2_000.0), expected);
    check(&serving(1, 500.0), &serving(1, 1_999.0), None);
    check(&serving(1, 501.0), &serving(1, 2_000.0), None);
    check(&serving(1, 500.0), &serving(2, 2_000.0), None);
}

#[test]
fn more_connections_are_a_warning_and_fewer_a_note() {
    let with = |count| sample().is("curr_connections", count);
    check(&with(100.0), &with(400.0), Some(("compare-connections", Severity::Warning)));
    check(&with(100.0), &with(399.0), None);
    check(&with(10.0), &with(209.0), None);
    check(&with(200.0), &with(50.0), Some(("compare-connections", Severity::Note)));
    check(&with(199.0), &with(1.0), None);
}

#[test]
fn a_server_that_was_restarted_alone_is_a_note() {
    let up = |seconds| sample().is("uptime", seconds);
    check(&up(86_401.0), &up(3_599.0), Some(("compare-uptime", Severity::Note)));
    check(&up(86_401.0), &up(3_600.0), None);
    check(&up(86_400.0), &up(10.0), None);
}

#[test]
fn another_clock_is_told() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let at = |ahead: f64| sample().is("time", (now + ahead).round());
    check(&at(0.0), &at(12.0), Some(("compare-clock", Severity::Warning)));
    check(&at(0.0), &at(-12.0), Some(("compare-clock", Severity::Warning)));
    check(&at(0.0), &at(8.0), None);
    // If all differ from ours, it is ours that is wrong.
    check(&at(600.0), &at(600.0), None);
}

#[test]
fn another_memory_limit_is_told_unless_the_weight_says_so() {
    let limited = |weight, mebibytes: f64| Sample {
        weight,
        ..sample().is("limit_maxbytes", mebibytes * 1_048_576.0)
    };
    let expected = Some(("compare-memory", Severity::Warning));
    check(&limited(1, 64.0), &limited(1, 128.0), expected);
    check(&limited(1, 64.0), &limited(2, 128.0), None);
    check(&limited(1, 64.0), &limited(1, 66.0), None);
    check(&limited(1, 64.0), &limited(2, 64.0), expected);
}

#[test]
fn settings_and_versions_that_differ_are_told() {
    let set = |value| Sample { settings: vec![("maxconns", value)], ..sample() };
    check(&set("1024"), &set("4096"), Some(("compare-settings", Severity::Warning)));
    let of = |version| Sample { version: Some(version), ..sample() };
    check(&of("1.6.18"), &of("1.6.22"), Some(("compare-version", Severity::Note)));
    // Without a majority nobody is the odd one.
    let mixed = found(&[set("1"), set("2"), set("3")]);
    assert_eq!(mixed, [("compare-settings", None, Severity::Note)]);
    let halves = found(&[set("1"), set("1"), set("2"), set("2")]);
    assert_eq!(halves, [("compare-settings", None, Severity::Note)]);
}

#[test]
fn redis_servers_of_different_purpose_may_differ() {
    let server = |idx: u16, policy: &'static str, more: &[(&'static str, &'static str)]| {
        let mut facts = RedisFacts::default();
        facts.info.last = more.iter().copied().collect();
        facts.config = [("maxmemory-policy", policy)].into_iter().collect();
        let says = Some(Says::Redis(Box::new(facts)));
        let target = format!("redis://s{idx}").parse::<Target>().unwrap().named(name(idx));
        ServerFacts { target, says, ..sample().facts(idx) }
    };
    let severity = |more: &[(&'static str, &'static str)]| {
        let policies = (0..).zip(["allkeys-lru", "noeviction", "allkeys-lru"]);
        let servers = policies.map(|(idx, policy)| server(idx, policy, more)).collect();
        let found = Findings::of(&examination(servers, &[sample(), sample(), sample()], false));
        let odd = found.iter().find(|it| it.check == "compare-settings");
        odd.map(|it| it.severity)
    };
    assert_eq!(severity(&[("role", "master")]), Some(Severity::Note));
    assert_eq!(severity(&[("redis_mode", "cluster")]), Some(Severity::Warning));
    assert_eq!(severity(&[("server_mode", "cluster")]), Some(Severity::Warning));
    let copies = [("role", "slave"), ("master_host", "10.0.0.1"), ("master_port", "6379")];
    assert_eq!(severity(&copies), Some(Severity::Warning));
}

#[test]
fn two_names_of_one_server_are_told() {
    let at = |port| Sample { port: Some(port), ..sample() };
    let expected = ("compare-same", Some(name(2)), Severity::Warning);
    assert_eq!(found(&[at(1), at(2), at(1)]), [expected]);
    assert_eq!(found(&[at(1), at(2), at(3)]), []);
}

#[test]
fn servers_that_are_alike_are_no_finding_and_what_is_unknown_is_not_compared() {
    let full = sample().is("uptime", 10.0).is("curr_connections", 10.0).is("limit_maxbytes", 1e8);
    assert_eq!(found(&vec![full.clone(); 20]), []);
    assert_eq!(found(&[full.clone(), full, sample(), sample()]), []);
}
