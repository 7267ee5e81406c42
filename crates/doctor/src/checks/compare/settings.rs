//! What servers are, beside each other: who they are, and how they are set up.

use std::collections::BTreeMap;

use super::{Named, PEERS_MIN, Peers, peers};
use crate::check::{Findings, Severity};
use crate::examine::Examination;
use crate::facts::{Says, ServerFacts};

pub(super) fn same(examination: &Examination, findings: &mut Findings) {
    for peers in peers(examination).iter().filter(|it| it.group.is_pool) {
        for (idx, (facts, _)) in peers.servers.iter().enumerate() {
            let earlier = &peers.servers[..idx];
            let Some((other, how)) =
                earlier.iter().find_map(|(it, _)| Some((it, is_same(it, facts)?)))
            else {
                continue;
            };
            findings
                .warning(format!("it is the same process as {}", other.target.name))
                .about(&facts.target.name)
                .evidence("the same", how.0, how.1)
                .remedy("name each server once", &[]);
        }
    }
}

/// What two servers have in common that only one process has, and where that is found.
fn is_same(one: &ServerFacts, other: &ServerFacts) -> Option<(String, &'static str)> {
    let run_id =
        |it: &ServerFacts| it.redis().and_then(|it| it.info.word("run_id")).map(str::to_owned);
    if let (Some(a), Some(b)) = (run_id(one), run_id(other)) {
        return (a == b && !a.is_empty()).then_some((a, "INFO: run_id"));
    }
    let addr = |it: &ServerFacts| it.reach.as_ref().ok().map(|it| it.addr);
    let (a, b) = (addr(one)?, addr(other)?);
    (a == b).then(|| (a.to_string(), "our connections"))
}

pub(super) fn version(examination: &Examination, findings: &mut Findings) {
    for peers in peers(examination) {
        let words = peers.words(|it| it.version().map(str::to_owned));
        if let Some(odd) = Parted::of(&words) {
            odd.tell(
                &peers,
                findings,
                &Words {
                    what: "version",
                    source: "stats: version; INFO: redis_version, valkey_version",
                    odd: |_| "it runs another version than the others".to_owned(),
                    mixed: "servers run different versions",
                    severity: Severity::Note,
                    remedy: "finish the upgrade, one server at a time",
                },
            );
        }
    }
}

pub(super) fn memory(examination: &Examination, findings: &mut Findings) {
    let named = Named { memcached: "limit_maxbytes", redis: "maxmemory" };
    for peers in peers(examination) {
        let by_weight = peers
            .servers
            .iter()
            .filter_map(|&(facts, weight)| Some((facts, named.number(facts)? / f64::from(weight))));
        let by_weight: Vec<_> = by_weight.collect();
        let words = by_weight.iter().map(|(facts, own)| {
            // Those that are nearly alike are called alike.
            let alike = by_weight.iter().find(|(_, it)| is_near(*it, *own));
            let (_, bytes) = alike.expect("it is near to itself");
            (*facts, mebibytes(*bytes))
        });
        let words: Vec<_> = words.collect();
        if let Some(odd) = Parted::of(&words) {
            odd.tell(
                &peers,
                findings,
                &Words {
                    what: "memory by weight",
                    source: "stats: limit_maxbytes; INFO: maxmemory",
                    odd: |_| "it has another memory limit than the others".to_owned(),
                    mixed: "servers have different memory limits",
                    severity: Severity::Warning,
                    remedy: "give all the same memory (memcached -m, Redis maxmemory), or each a \
                         weight that fits its memory",
                },
            );
        }
    }
}

pub(super) fn settings(examination: &Examination, findings: &mut Findings) {
    for peers in peers(examination) {
        for (memcached, redis) in SETTINGS {
            let words = peers.words(|it| match it.says.as_ref()? {
                Says::Memcached(it) => it.settings.word((*memcached)?).map(str::to_owned),
                Says::Redis(it) => it.config.word((*redis)?).map(str::to_owned),
            });
            let name = memcached.or(*redis).unwrap_or_default();
            if let Some(odd) = Parted::of(&words) {
                odd.tell(
                    &peers,
                    findings,
                    &Words {
                        what: name,
                        source: if memcached.is_some() { "stats settings" } else { "CONFIG GET" },
                        odd: |name| format!("it is set up otherwise than the others: {name}"),
                        mixed: "servers are set up differently",
                        severity: Severity::Warning,
                        remedy: "start or configure all of them alike",
                    },
                );
            }
        }
    }
}

impl<'a> Peers<'a> {
    /// Each server that has such a word.
    fn words(
        &self,
        word: impl Fn(&ServerFacts) -> Option<String>,
    ) -> Vec<(&'a ServerFacts, String)> {
        let known = self.servers.iter().filter_map(|&(facts, _)| Some((facts, word(facts)?)));
        known.collect()
    }
}

/// Servers that are not all alike.
struct Parted<'a> {
    /// Those that differ from what most are, if most are alike.
    odd: Option<(&'a ServerFacts, String, String)>,
    /// Each word, and who has it.
    words: BTreeMap<String, Vec<String>>,
}

/// How servers that are not alike are told of.
struct Words {
    what: &'static str,
    source: &'static str,
    /// What one of them is called that differs from all others, which are alike.
    odd: fn(&str) -> String,
    /// What all are called otherwise.
    mixed: &'static str,
    /// How bad one odd server is; anything else is a note.
    severity: Severity,
    remedy: &'static str,
}

impl<'a> Parted<'a> {
    /// `None` if all are alike.
    fn of(known: &[(&'a ServerFacts, String)]) -> Option<Self> {
        let mut words: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (facts, word) in known {
            words.entry(word.clone()).or_default().push(facts.target.name.clone());
        }
        if words.len() < 2 {
            return None;
        }
        let odd = (known.len() >= PEERS_MIN && words.len() == 2).then(|| {
            let (word, _) = words.iter().find(|(_, who)| who.len() == 1)?;
            let (others, _) = words.iter().find(|(it, _)| *it != word)?;
            let (facts, _) = known.iter().find(|(_, it)| it == word)?;
            Some((*facts, word.clone(), others.clone()))
        });
        Some(Self { odd: odd.flatten(), words })
    }

    fn tell(self, peers: &Peers<'_>, findings: &mut Findings, words: &Words) {
        let group = &peers.group.name;
        if let Some((facts, own, others)) = self.odd {
            findings
                .add(peers.at_most(words.severity), (words.odd)(words.what))
                .about(&facts.target.name)
                .evidence(words.what, own, words.source)
                .evidence(format!("the others of {group}"), others, words.source)
                .remedy(words.remedy, &[]);
            return;
        }
        let finding = findings.note(format!("{group}: {}: {}", words.mixed, words.what));
        for (word, who) in self.words {
            let shown = who.iter().take(NAMES_TOLD_MAX).cloned().collect::<Vec<_>>().join(", ");
            let more = who.len().saturating_sub(NAMES_TOLD_MAX);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            finding.evidence(shown + &more, word, words.source);
        }
        finding.remedy(words.remedy, &[]);
    }
}

fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= one.max(other) * MEMORY_NEAR
}

fn mebibytes(bytes: f64) -> String {
    if bytes <= 0.0 { "no limit".to_owned() } else { format!("{:.0} MiB", bytes / 1_048_576.0) }
}

/// Settings that decide where a server's limits are: memcached's name and Redis' name.
const SETTINGS: &[(Option<&str>, Option<&str>)] = &[
    (Some("maxconns"), None),
    (Some("num_threads"), None),
    (Some("item_size_max"), None),
    (Some("evictions"), None),
    (Some("cas_enabled"), None),
    (None, Some("maxmemory-policy")),
    (None, Some("maxclients")),
    (None, Some("timeout")),
    (None, Some("tcp-keepalive")),
    (None, Some("appendonly")),
    (None, Some("save")),
];
/// How far memory limits may be apart and still be called alike.
const MEMORY_NEAR: f64 = 0.05;
const NAMES_TOLD_MAX: usize = 5;
