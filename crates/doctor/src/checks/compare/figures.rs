//! What servers do, beside each other.

use std::time::UNIX_EPOCH;

use super::{Named, PEERS_MIN, Peers, median, peers};
use crate::check::{Findings, Severity};
use crate::examine::Examination;
use crate::facts::ServerFacts;

/// One server's number, and the median of the others' numbers.
struct Odd<'a> {
    peers: &'a Peers<'a>,
    facts: &'a ServerFacts,
    own: f64,
    others: f64,
    others_len: usize,
}

/// Each server that has such a number where at least three have one, beside the others.
fn each<'a>(
    peers: &'a Peers<'a>,
    number: impl Fn(&ServerFacts, u32) -> Option<f64>,
) -> Vec<Odd<'a>> {
    let known: Vec<_> = peers
        .servers
        .iter()
        .filter_map(|&(facts, weight)| Some((facts, number(facts, weight)?)))
        .collect();
    if known.len() < PEERS_MIN {
        return Vec::new();
    }
    let odd = known.iter().enumerate().filter_map(|(idx, &(facts, own))| {
        let others = known.iter().enumerate().filter(|(at, _)| *at != idx);
        let others: Vec<_> = others.map(|(_, (_, number))| *number).collect();
        let others_len = others.len();
        Some(Odd { peers, facts, own, others: median(others)?, others_len })
    });
    odd.collect()
}

/// Tells of the servers that are odd.
fn tell(
    examination: &Examination,
    findings: &mut Findings,
    number: impl Fn(&ServerFacts, u32) -> Option<f64>,
    judge: impl Fn(&Odd<'_>) -> Option<Told>,
) {
    for peers in peers(examination) {
        for odd in each(&peers, &number) {
            let Some(told) = judge(&odd) else { continue };
            let group = &peers.group.name;
            let finding = findings.add(told.severity, told.summary).about(&odd.facts.target.name);
            finding.evidence("this server", (told.shown)(odd.own), &told.source);
            let others = format!("{} (median of {})", (told.shown)(odd.others), odd.others_len);
            finding.evidence(format!("the others of {group}"), others, &told.source);
            finding.remedy(told.remedy, &[]);
        }
    }
}

/// How an odd server is told of.
struct Told {
    severity: Severity,
    summary: &'static str,
    shown: fn(f64) -> String,
    source: String,
    remedy: &'static str,
}

pub(super) fn uptime(examination: &Examination, findings: &mut Findings) {
    let named = Named { memcached: "uptime", redis: "uptime_in_seconds" };
    tell(
        examination,
        findings,
        |facts, _| named.number(facts),
        |odd| {
            let is_odd = odd.own < UPTIME_SHORT_SECONDS && odd.others > UPTIME_LONG_SECONDS;
            is_odd.then(|| Told {
                severity: Severity::Note,
                summary: "it was started long after the others",
                shown: seconds,
                source: named.source(odd.facts),
                remedy: "see in its log and its machine's why it was restarted",
            })
        },
    );
}

pub(super) fn latency(examination: &Examination, findings: &mut Findings) {
    let number = |facts: &ServerFacts, _| {
        let latencies = facts.probe.latencies();
        Some(latencies.get(latencies.len() / 2)?.as_secs_f64())
    };
    tell(examination, findings, number, |odd| {
        let is_odd = odd.own >= odd.others * LATENCY_FACTOR && odd.own > LATENCY_MIN_SECONDS;
        is_odd.then(|| Told {
            severity: Severity::Warning,
            summary: "it answers our probe much more slowly than the others",
            shown: millis,
            source: "our probe: median".to_owned(),
            remedy: "see what its machine and its link are busy with",
        })
    });
}

pub(super) fn hits(examination: &Examination, findings: &mut Findings) {
    let hits = Named { memcached: "get_hits", redis: "keyspace_hits" };
    let misses = Named { memcached: "get_misses", redis: "keyspace_misses" };
    let number = |facts: &ServerFacts, _| {
        let (hits, misses) = (hits.growth(facts)?, misses.growth(facts)?);
        (hits + misses >= LOOKUPS_MIN).then(|| hits / (hits + misses) * 100.0)
    };
    tell(examination, findings, number, |odd| {
        let is_odd = odd.own <= odd.others / 2.0 && odd.own <= odd.others - HITS_DIFFERENCE_POINTS;
        is_odd.then(|| Told {
            severity: odd.peers.at_most(Severity::Warning),
            summary: "it has far fewer hits than the others",
            shown: percent,
            source: format!("{}, over the interval", hits.source(odd.facts)),
            remedy: "see whether it was emptied or evicts, and whether every application has the \
                     same list of servers",
        })
    });
}

pub(super) fn evictions(examination: &Examination, findings: &mut Findings) {
    let named = Named { memcached: "evictions", redis: "evicted_keys" };
    for peers in peers(examination) {
        let odd = each(&peers, |facts, _| named.growth(facts));
        for one in odd.iter().filter(|it| it.own >= EVICTIONS_MIN) {
            let others = odd.iter().filter(|it| it.facts.target != one.facts.target);
            let most = others.map(|it| it.own).fold(0.0, f64::max);
            if most > one.own / 10.0 {
                continue;
            }
            let source = format!("{}, over the interval", named.source(one.facts));
            findings
                .add(peers.at_most(Severity::Warning), "it evicts keys and the others do not")
                .about(&one.facts.target.name)
                .evidence("this server", format!("{:.0} evicted", one.own), &source)
                .evidence(
                    format!("the others of {}", peers.group.name),
                    format!("{most:.0} evicted at most"),
                    &source,
                )
                .remedy(
                    "compare its memory limit and the size of its values with the others'",
                    &[],
                );
        }
    }
}

pub(super) fn requests(examination: &Examination, findings: &mut Findings) {
    let gets = Named { memcached: "cmd_get", redis: "total_commands_processed" };
    let sets = Named { memcached: "cmd_set", redis: "" };
    let rate = |facts: &ServerFacts| {
        let apart = match (facts.memcached(), facts.redis()) {
            (Some(it), _) => it.stats.apart,
            (None, Some(it)) => it.info.apart,
            (None, None) => return None,
        };
        Some((gets.growth(facts)? + sets.growth(facts).unwrap_or(0.0)) / apart.as_secs_f64())
    };
    let number = |facts: &ServerFacts, weight| Some(rate(facts)? / f64::from(weight));
    tell(examination, findings, number, |odd| {
        let is_odd = odd.own >= odd.others * REQUESTS_FACTOR
            && rate(odd.facts).is_some_and(|it| it >= REQUESTS_MIN_PER_SECOND);
        is_odd.then(|| Told {
            severity: odd.peers.at_most(Severity::Warning),
            summary: "it gets far more requests than the others",
            shown: per_second,
            source: format!("{}, by weight", gets.source(odd.facts)),
            remedy: "look for a key that everybody reads, and for clients that know only this \
                     server",
        })
    });
}

pub(super) fn connections(examination: &Examination, findings: &mut Findings) {
    let named = Named { memcached: "curr_connections", redis: "connected_clients" };
    tell(
        examination,
        findings,
        |facts, _| named.number(facts),
        |odd| {
            let is_more = odd.own >= odd.others * CONNECTIONS_FACTOR
                && odd.own >= odd.others + CONNECTIONS_DIFFERENCE;
            let is_less =
                odd.own <= odd.others / CONNECTIONS_FACTOR && odd.others >= CONNECTIONS_DIFFERENCE;
            let (severity, summary) = match (is_more, is_less) {
                (true, _) => {
                    let severity = odd.peers.at_most(Severity::Warning);
                    (severity, "it has far more connections than the others")
                }
                (false, true) => (Severity::Note, "it has far fewer connections than the others"),
                (false, false) => return None,
            };
            Some(Told {
                severity,
                summary,
                shown: whole,
                source: named.source(odd.facts),
                remedy: "see who holds connections here and at the others, by client address",
            })
        },
    );
}

pub(super) fn clock(examination: &Examination, findings: &mut Findings) {
    tell(
        examination,
        findings,
        |facts, _| clock_ahead(facts),
        |odd| {
            let is_odd = (odd.own - odd.others).abs() > CLOCK_DIFFERENCE_SECONDS;
            is_odd.then(|| Told {
                severity: Severity::Warning,
                summary: "its clock differs from the others'",
                shown: ahead,
                source: "stats: time; TIME; against this machine's clock".to_owned(),
                remedy: "have its machine keep time (chrony, systemd-timesyncd); memcached follows \
                     within seconds",
            })
        },
    );
}

/// By how much a server's clock is ahead of ours, in seconds, give or take the examination.
fn clock_ahead(facts: &ServerFacts) -> Option<f64> {
    if let Some(redis) = facts.redis() {
        return redis.clock_ahead_seconds;
    }
    // The last sample was taken near the end.
    let ended = facts.at.duration_since(UNIX_EPOCH).ok()? + facts.took;
    Some(facts.memcached()?.stats.last.number("time")? - ended.as_secs_f64())
}

fn seconds(number: f64) -> String {
    crate::words::span(number)
}

fn millis(number: f64) -> String {
    format!("{:.2} ms", number * 1000.0)
}

fn percent(number: f64) -> String {
    format!("{number:.1} %")
}

fn whole(number: f64) -> String {
    format!("{number:.0}")
}

fn per_second(number: f64) -> String {
    format!("{number:.0} per second")
}

fn ahead(number: f64) -> String {
    let word = if number < 0.0 { "behind" } else { "ahead" };
    format!("{:.0} s {word} of this machine", number.abs())
}

const UPTIME_SHORT_SECONDS: f64 = 3600.0;
const UPTIME_LONG_SECONDS: f64 = 86_400.0;
const LATENCY_FACTOR: f64 = 5.0;
const LATENCY_MIN_SECONDS: f64 = 0.001;
const LOOKUPS_MIN: f64 = 100.0;
const HITS_DIFFERENCE_POINTS: f64 = 20.0;
const EVICTIONS_MIN: f64 = 100.0;
const REQUESTS_FACTOR: f64 = 4.0;
const REQUESTS_MIN_PER_SECOND: f64 = 2_000.0;
const CONNECTIONS_FACTOR: f64 = 4.0;
const CONNECTIONS_DIFFERENCE: f64 = 200.0;
const CLOCK_DIFFERENCE_SECONDS: f64 = 10.0;
