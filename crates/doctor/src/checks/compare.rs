//! Servers beside each other: the odd one out, with its number and the others'.
//!
//! Only servers that should be alike are compared ([`Group`]), those of one protocol, and of Redis
//! those of one role. Three are needed to say who is odd; of two it is only said that they differ,
//! in what does not change by itself.
//!
//! # What may differ by design
//! Redis servers that were named one by one may be a cache, a queue and a store of sessions: unless
//! they are of one cluster or copy one primary, what is odd in their use or settings is a note.
//! A pool's weights: memory and requests are compared in proportion to them. Whoever gives servers
//! of a pool different memory and no weights has the smaller ones evict sooner: that is told.

mod figures;
mod settings;

use crate::check::{Check, Look, Severity};
use crate::examine::Examination;
use crate::facts::{Group, Says, ServerFacts};
use crate::target::Protocol;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "compare-same",
        title: "each server of a pool is another one",
        meaning: "Two names lead to the same process. Keys are distributed over fewer servers than \
            it seems, this one gets twice its part, and both names fail together.",
        rule: "Warning if two servers of a group have the same address when looked up, or Redis \
            says the same `run_id`.",
        source: "Our connections; INFO: run_id.",
        look: Look::All(settings::same),
    },
    Check {
        id: "compare-version",
        title: "servers run one version",
        meaning: "Servers of one pool run different versions: an upgrade is under way, or one was \
            forgotten. Answers to newer commands, defaults and limits differ between them.",
        rule: "Note if versions differ.",
        source: "stats: version; INFO: valkey_version, redis_version.",
        look: Look::All(settings::version),
    },
    Check {
        id: "compare-memory",
        title: "servers have the same memory",
        meaning: "Keys are distributed evenly (or by weight), so that the server with the least \
            memory for its part evicts first, and the memory that others have more is not used.",
        rule: "Warning if one of three or more differs from all the others, which are alike; note \
            if they differ in another way; in proportion to their weights, by more than 5 %. Of Redis servers of different purpose \
            (neither of one cluster nor copies of one primary) a note.",
        source: "stats: limit_maxbytes; INFO: maxmemory.",
        look: Look::All(settings::memory),
    },
    Check {
        id: "compare-settings",
        title: "servers are set up alike",
        meaning: "A server of a pool is set up otherwise than the others: mostly a change that was \
            made by hand (CONFIG SET) on one of them, or one that was restarted with an old file. \
            It fails at other limits and at other times than its neighbours.",
        rule: "Warning if one of three or more differs in a setting from all the others, which are \
            alike; note if two differ. Of Redis servers of different purpose \
            (neither of one cluster nor copies of one primary) a note.",
        source: "stats settings: maxconns, num_threads, item_size_max, evictions, cas_enabled; \
            CONFIG GET: maxmemory-policy, maxclients, timeout, tcp-keepalive, appendonly, save.",
        look: Look::All(settings::settings),
    },
    Check {
        id: "compare-uptime",
        title: "servers were started together",
        meaning: "One server was started long after the others. A memcached server was empty then, \
            so that its keys were misses; nobody may have noticed why.",
        rule: "Note if one of three or more has run for less than an hour and the others' median \
            is more than a day.",
        source: "stats: uptime; INFO: uptime_in_seconds.",
        look: Look::All(figures::uptime),
    },
    Check {
        id: "compare-latency",
        title: "servers answer equally fast",
        meaning: "The same requests from the same place take one server much longer than the \
            others. A page that reads many keys waits for the slowest server each time.",
        rule: "Warning if the median of our probe at one of three or more is at least five times \
            the median of the others' and over 1 ms.",
        source: "The probe: the times of its good answers.",
        look: Look::All(figures::latency),
    },
    Check {
        id: "compare-hits",
        title: "servers have the same hit ratio",
        meaning: "Keys are distributed by their hash, so that each server sees the same mix and \
            should have the same hit ratio. One that has less has lost its keys (a restart, a \
            flush), evicts them, or gets requests for keys that belong elsewhere: a client with \
            another list of servers.",
        rule: "Warning if the hit ratio of one of three or more over the interval is at most half \
            the median of the others' and 20 points lower; of at least 100 lookups each. Of Redis servers of different purpose \
            (neither of one cluster nor copies of one primary) a note.",
        source: "stats: get_hits, get_misses; INFO: keyspace_hits, keyspace_misses.",
        look: Look::All(figures::hits),
    },
    Check {
        id: "compare-evictions",
        title: "no server alone evicts",
        meaning: "One server evicts keys and the others do not: it has less memory, larger values, \
            or more than its part of the keys.",
        rule: "Warning if one of three or more evicted at least 100 keys within the interval and \
            none of the others a tenth of that. Of Redis servers of different purpose \
            (neither of one cluster nor copies of one primary) a note.",
        source: "stats: evictions; INFO: evicted_keys.",
        look: Look::All(figures::evictions),
    },
    Check {
        id: "compare-requests",
        title: "servers have equal parts of the requests",
        meaning: "One server gets far more requests than the others: a key that everybody reads, a \
            client that knows only this server, or a distribution that is uneven. It is at its \
            limit while the others idle.",
        rule: "Warning if one of three or more got at least four times the median of the others', \
            in proportion to their weights, and at least 2,000 a second. Of Redis servers of different purpose \
            (neither of one cluster nor copies of one primary) a note.",
        source: "stats: cmd_get, cmd_set; INFO: total_commands_processed.",
        look: Look::All(figures::requests),
    },
    Check {
        id: "compare-connections",
        title: "servers have equally many connections",
        meaning: "Applications connect to every server of a pool. One with many more connections \
            has a client that leaks them; one with far fewer is unknown to some applications, \
            which have another list of servers and so read other keys from other places.",
        rule: "Warning if one of three or more has at least four times the median of the others' \
            and 200 more; note if it has a quarter or less of at least 200. Of Redis servers of different purpose \
            (neither of one cluster nor copies of one primary) a note.",
        source: "stats: curr_connections; INFO: connected_clients.",
        look: Look::All(figures::connections),
    },
    Check {
        id: "compare-clock",
        title: "servers have the same time",
        meaning: "One server's clock differs from the others': keys that are given a time of day to \
            expire at (memcached: more than 30 days; Redis: EXPIREAT, PXAT) live longer or shorter \
            there.",
        rule: "Warning if the clock of one of three or more differs from the median of the others' \
            by more than 10 s.",
        source: "stats: time; TIME; each against this machine's clock.",
        look: Look::All(figures::clock),
    },
];

/// Servers that can be compared: of one group, one protocol and one role.
struct Peers<'a> {
    /// What they are together.
    group: &'a Group,
    /// Each with its weight.
    servers: Vec<(&'a ServerFacts, u32)>,
}

impl Peers<'_> {
    /// How bad it is that one differs from the others in its settings or its use: a note if nothing
    /// says that they are there for the same.
    fn at_most(&self, severity: Severity) -> Severity {
        if self.serve_one_purpose() { severity } else { severity.min(Severity::Note) }
    }

    fn serve_one_purpose(&self) -> bool {
        let purpose = |(facts, _): &(&ServerFacts, u32)| {
            let Some(redis) = facts.redis() else { return Some(String::new()) };
            let word = |name| redis.info.word(name);
            // Valkey may call it by the other name.
            if [word("redis_mode"), word("server_mode")].contains(&Some("cluster")) {
                return Some("cluster".to_owned());
            }
            Some(format!("{}:{}", word("master_host")?, word("master_port")?))
        };
        let first = self.servers.first().and_then(purpose);
        self.group.is_pool
            || (first.is_some() && self.servers.iter().all(|it| purpose(it) == first))
    }
}

/// All sets of at least two servers that can be compared.
fn peers(examination: &Examination) -> Vec<Peers<'_>> {
    let mut all = Vec::new();
    for group in &examination.groups {
        let members = group.members.iter().filter_map(|it| {
            let facts = examination.server(&it.server)?;
            facts.reach.is_ok().then_some((facts, it.weight.max(1)))
        });
        let members: Vec<_> = members.collect();
        let mut kinds: Vec<_> = members.iter().map(|(facts, _)| kind(facts)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for wanted in kinds {
            let alike = members.iter().filter(|(facts, _)| kind(facts) == wanted);
            let servers: Vec<_> = alike.copied().collect();
            if servers.len() >= 2 {
                all.push(Peers { group, servers });
            }
        }
    }
    all
}

/// What a server can be compared within: its protocol, and its role if it has one.
fn kind(facts: &ServerFacts) -> (bool, &str) {
    let role = facts.redis().and_then(|it| it.info.word("role")).unwrap_or("");
    (matches!(facts.target.protocol, Protocol::Redis(_)), role)
}

/// A figure as one would find it: by its name with memcached, or with Redis.
#[derive(Clone, Copy)]
struct Named {
    memcached: &'static str,
    redis: &'static str,
}

impl Named {
    /// As it was last.
    fn number(self, facts: &ServerFacts) -> Option<f64> {
        match facts.says.as_ref()? {
            Says::Memcached(it) => it.stats.number(self.memcached),
            Says::Redis(it) => it.info.number(self.redis),
        }
    }

    /// How much it grew over the interval.
    fn growth(self, facts: &ServerFacts) -> Option<f64> {
        match facts.says.as_ref()? {
            Says::Memcached(it) => it.stats.growth(self.memcached),
            Says::Redis(it) => it.info.growth(self.redis),
        }
    }

    /// Where it is found.
    fn source(self, facts: &ServerFacts) -> String {
        match facts.target.protocol {
            Protocol::Memcached => format!("stats: {}", self.memcached),
            Protocol::Redis(_) => format!("INFO: {}", self.redis),
        }
    }
}

/// The middle one of some numbers: of an even number of them the upper one.
fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}

/// How many servers it takes to say which is the odd one.
const PEERS_MIN: usize = 3;

#[cfg(test)]
mod tests;
