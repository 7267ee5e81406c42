//! Who is connected to a memcached server, and whether others still can be.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{growth, over, percent, rate, seconds, span, told};
use crate::check::{Check, Finding, Findings, Look, Severity};
use crate::facts::{ClientConnection, MemcachedFacts, ServerFacts};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "memcached-connections",
        title: "there is room for more connections",
        meaning: "The server takes so many connections and no more (`-c`, 1024 unless chosen); its \
            own files count. Beyond that, applications that start or reconnect have no cache, while \
            those that are connected notice nothing. When many applications restart at once, old \
            and new connections count together for a while.",
        rule: "Warning above 80 % of the limit; critical above 99 %, or if the server has stopped \
            accepting connections.",
        source: "`stats`: curr_connections, max_connections (of old servers `stats settings`: \
            maxconns), reserved_fds (the server's own files, to which we add 8), accepting_conns; `stats conns`: addr, secs_since_last_cmd.",
        look: Look::Server(connections),
    },
    Check {
        id: "memcached-connections-refused",
        title: "nobody is turned away",
        meaning: "The server was at its limit of connections and turned clients away \
            (`maxconns_fast`, the default since 1.5) or let them wait unanswered until others left. \
            Graphs of the hit ratio show nothing of it: requests that were never made are no \
            misses.",
        rule: "Critical if it happened between the samples; a note if it ever did since the start.",
        source: "`stats`: rejected_connections, listen_disabled_num, time_in_listen_disabled_us.",
        look: Look::Server(refused),
    },
    Check {
        id: "memcached-idle-connections",
        title: "connections are used",
        meaning: "Many connections have not been used in a long time: pools that are too large, \
            applications that connect anew and forget to close, or clients whose machine is gone. \
            They take from the limit, and nothing ends them: memcached has no idle timeout unless \
            told.",
        rule: "Looked at if at least 100 connections, and half of all, have been idle for ten \
            minutes: warning if connections take more than 80 % of the limit, else a note, since \
            pools rest at night.",
        source: "`stats conns`: addr, secs_since_last_cmd; `stats settings`: idle_timeout.",
        look: Look::Server(idle),
    },
    Check {
        id: "memcached-connection-churn",
        title: "connections are kept",
        meaning: "Clients connect all the time: somebody opens a connection for each request or \
            page. Connecting costs more than the request, each closed connection occupies a port \
            for a minute, and a burst fills the accept queue.",
        rule: "A note from 100 new connections a second on, a warning from 1,000 on.",
        source: "`stats`: total_connections.",
        look: Look::Server(churn),
    },
    Check {
        id: "memcached-accept-queue",
        title: "connections are accepted at once",
        meaning: "Connections wait for the server to accept them: it is busy, stopped now and \
            then, or at its limit. Clients wait with them, and when the queue is full the kernel \
            drops new ones without a word.",
        rule: "Warning if 50 connections or more wait. Seen only on the server's own machine.",
        source: "/proc/net/tcp: the receive queue of the socket that listens.",
        look: Look::Server(accept_queue),
    },
];

/// A server's connections, and how many it takes from others.
#[derive(Clone, Copy, Debug)]
struct Room {
    now: f64,
    max: f64,
    own: f64,
}

impl Room {
    fn of(memcached: &MemcachedFacts) -> Option<Self> {
        let number = |name| memcached.stats.number(name);
        let own = number("reserved_fds").unwrap_or(0.0) + OWN_FILES_MORE;
        // Old ones tell it among their settings only.
        let max = number("max_connections").or_else(|| memcached.settings.number("maxconns"))?;
        Some(Self { now: number("curr_connections")?, max, own })
    }

    /// How many others can have, about.
    fn limit(self) -> f64 {
        (self.max - self.own).max(1.0)
    }

    fn share(self) -> f64 {
        self.now / self.limit()
    }

    fn tell(self, finding: &mut Finding) {
        finding.evidence(
            "connections",
            format!("{} of about {} ({})", self.now, self.limit(), percent(self.share())),
            "stats: curr_connections, max_connections, reserved_fds",
        );
        finding.evidence(
            "limit",
            format!("{}, of which about {} are the server's own files", self.max, self.own),
            "stats: max_connections; reserved_fds and 8",
        );
    }
}

fn connections(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(room) = Room::of(memcached) else { return };
    let is_closed = memcached.stats.word("accepting_conns") == Some("0");
    let severity = match room.share() {
        _ if is_closed => Severity::Critical,
        it if it > CONNECTIONS_FULL => Severity::Critical,
        it if it > CONNECTIONS_MANY => Severity::Warning,
        _ => return,
    };
    let words = if is_closed {
        "it has stopped accepting connections".to_owned()
    } else {
        format!("{} of about {} connections are taken", room.now, room.limit())
    };
    let finding = findings.add(severity, words);
    room.tell(finding);
    tell_holders(memcached, finding);
    finding
        .remedy(
            "find out why whoever holds most of them needs so many: pools, restarts",
            &[&told(facts, "stats conns")],
        )
        .remedy(
            "raise the limit (a restart, which empties the cache), or put a proxy before it, so \
             that applications share connections",
            &["memcached -c 4096 …", "evenkeel run evenkeel.toml"],
        );
}

fn refused(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let grown = |name| growth(memcached, name).unwrap_or(0.0);
    let ever = |name| memcached.stats.number(name).unwrap_or(0.0);
    let (rejected, disabled) = (grown(REJECTED), grown(DISABLED));
    let finding = if rejected > 0.0 {
        findings.critical(format!("it turned {rejected} connections away while we looked"))
    } else if disabled > 0.0 {
        findings.critical("it stopped accepting connections while we looked")
    } else if ever(REJECTED) > 0.0 {
        findings.note(format!("it has turned {} connections away since its start", ever(REJECTED)))
    } else if ever(DISABLED) > 0.0 {
        let words =
            format!("it stopped accepting connections {} times since its start", ever(DISABLED));
        findings.note(words)
    } else {
        return;
    };
    finding
        .evidence("turned away now", rejected.to_string(), over(memcached, REJECTED))
        .evidence("stopped accepting now", disabled.to_string(), over(memcached, DISABLED))
        .evidence(
            "turned away since its start",
            ever(REJECTED).to_string(),
            format!("stats: {REJECTED}"),
        )
        .evidence(
            "stopped accepting since its start",
            format!(
                "{} times, for {:.1} s in all",
                ever(DISABLED),
                ever("time_in_listen_disabled_us") / 1e6
            ),
            format!("stats: {DISABLED}, time_in_listen_disabled_us"),
        );
    if let Some(uptime) = memcached.stats.number("uptime") {
        finding.evidence("its start", format!("{} ago", span(uptime)), "stats: uptime");
    }
    if let Some(room) = Room::of(memcached) {
        room.tell(finding);
    }
    finding.remedy(
        "raise the limit (a restart, which empties the cache), or have applications use fewer",
        &["memcached -c 4096 …"],
    );
}

fn idle(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(connections) = &memcached.connections else { return };
    let idle = connections.iter().filter(|it| is_idle(it)).count();
    if idle < IDLE_MIN || idle * 2 < connections.len() {
        return;
    }
    let words =
        format!("{idle} of {} connections have been idle for ten minutes", connections.len());
    let room = Room::of(memcached);
    let is_narrow = room.is_some_and(|it| it.share() > CONNECTIONS_MANY);
    let finding = if is_narrow { findings.warning(words) } else { findings.note(words) };
    if let Some(room) = room {
        room.tell(finding);
    }
    tell_holders(memcached, finding);
    let timeout = memcached.settings.word("idle_timeout");
    if let Some(timeout) = timeout {
        finding.evidence(
            "idle timeout",
            format!("{timeout} s (0: none)"),
            "stats settings: idle_timeout",
        );
    }
    finding
        .remedy("make the pools of whoever holds them smaller, or let them close what is idle", &[])
        .remedy(
            "have the server close them (a restart, which empties it; clients must bear that)",
            &["memcached -o idle_timeout=3600 …"],
        );
}

fn churn(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(rate) = rate(memcached, "total_connections", CHURN_MIN) else { return };
    let words = format!("{rate:.0} connections a second are opened");
    let finding = match rate {
        it if it >= CHURN_HARMFUL => findings.warning(words),
        it if it >= CHURN_NOTED => findings.note(words),
        _ => return,
    };
    finding
        .evidence(
            "new connections",
            format!("{rate:.0} a second"),
            over(memcached, "total_connections"),
        )
        .remedy(
            "have applications keep connections, or put a proxy on their machine that does",
            &["evenkeel run evenkeel.toml"],
        );
}

fn accept_queue(facts: &ServerFacts, findings: &mut Findings) {
    let Some(waiting) = facts.memcached().and_then(|it| it.accept_queue) else { return };
    if waiting < WAITING_MANY {
        return;
    }
    let port = facts.target.address.port();
    findings
        .warning(format!("{waiting} connections wait to be accepted"))
        .evidence("accept queue", waiting.to_string(), "/proc/net/tcp: rx_queue")
        .remedy(
            "see whether that lasts, and what keeps the server",
            &[&format!("ss -ltn 'sport = :{port}'"), "top -H -p $(pidof memcached)"],
        );
}

/// Who holds connections, by address, and how many of theirs are idle.
fn tell_holders(memcached: &MemcachedFacts, finding: &mut Finding) {
    let Some(connections) = &memcached.connections else { return };
    let mut by_address: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for connection in connections {
        let [all, idle] = by_address.entry(&connection.address).or_default();
        *all += 1;
        *idle += usize::from(is_idle(connection));
    }
    let mut holders: Vec<_> = by_address.into_iter().collect();
    holders.sort_by_key(|(_, [all, _])| std::cmp::Reverse(*all));
    for (address, [all, idle]) in holders.into_iter().take(HOLDERS_TOLD) {
        let held = format!("{all}, of which {idle} idle for ten minutes");
        finding.evidence(
            format!("held by {address}"),
            held,
            "stats conns: addr, secs_since_last_cmd",
        );
    }
    let longest = connections.iter().filter_map(|it| it.idle).max();
    if let Some(longest) = longest {
        finding.evidence(
            "idle for longest",
            span(seconds(longest)),
            "stats conns: secs_since_last_cmd",
        );
    }
}

fn is_idle(connection: &ClientConnection) -> bool {
    connection.idle.is_some_and(|it| it >= IDLE_LONG)
}

const REJECTED: &str = "rejected_connections";
const DISABLED: &str = "listen_disabled_num";
const CONNECTIONS_FULL: f64 = 0.99;
const CONNECTIONS_MANY: f64 = 0.8;
/// The server has a few more files of its own than `reserved_fds` counts: 4 with four threads, 7
/// with one.
const OWN_FILES_MORE: f64 = 8.0;
const IDLE_LONG: Duration = Duration::from_mins(10);
/// Fewer idle connections than this are a pool in a quiet hour.
const IDLE_MIN: usize = 100;
const CHURN_MIN: f64 = 100.0;
const CHURN_NOTED: f64 = 100.0;
const CHURN_HARMFUL: f64 = 1_000.0;
/// Fewer are accepted in the blink of an eye.
const WAITING_MANY: u64 = 50;
const HOLDERS_TOLD: usize = 3;

#[cfg(test)]
mod tests;
