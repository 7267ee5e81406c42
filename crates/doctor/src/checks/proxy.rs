//! What a running proxy says of itself, of its pools and of its servers, beside what was seen of
//! those servers from here.
//!
//! The proxy and doctor look at a server over different ways. Where they disagree, that is the
//! finding: which of the two an application sees is the proxy's.

mod pools;
mod process;
mod servers;

use std::time::Duration;

use evenkeel_api::{Pool, Server};

use crate::check::{Check, Findings, Look};
use crate::examine::Examination;
use crate::facts::{ProxyFacts, ProxyView};
use crate::words::lasting;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "evenkeel-reach",
        title: "the proxy's admin API answers",
        meaning: "The admin API is served by the process that judges servers and publishes where \
            keys go. If nobody is there, the proxy does not run and its applications have no \
            cache, or its configuration has no `[admin]` table. If it accepts and does not answer, \
            the process hangs: requests may still flow, and nobody ejects a server that fails.",
        rule: "Critical if nobody is there or nothing is answered in time (1.5 s). Could not look \
            if it wants a token, or if what answers is no proxy.",
        source: "GET /api/v1/status.",
        look: Look::All(process::reach),
    },
    Check {
        id: "evenkeel-not-ready",
        title: "each pool can serve something",
        meaning: "No server of the pool is usable. Each read is a miss at once and each write is \
            refused: applications are fast and have no cache, and their database has all the load.",
        rule: "Critical if a pool has no usable server; warning if it has none and a gutter pool \
            that has some serves instead.",
        source: "GET /api/v1/status: pools[].is_ready, reason.",
        look: Look::All(pools::not_ready),
    },
    Check {
        id: "evenkeel-listener",
        title: "applications of the proxy are served",
        meaning: "Each listener was connected to as an application does, and canary keys were \
            stored, read and deleted through it. What it meets is found by the checks of servers, \
            under the listener's name; this one says which listeners could not be tried from here.",
        rule: "Note if a listener is on a Unix socket, or on a loopback address of another machine.",
        source: "GET /api/v1/status: listeners[].address.",
        look: Look::All(process::listeners),
    },
    Check {
        id: "evenkeel-server-out",
        title: "the proxy uses the servers that are well",
        meaning: "The proxy has taken a server out of use by itself, and it served doctor without \
            a fault. Either it has just come back and waits for its second good canary or its \
            flap hold, or the way from the proxy to it is bad while the way from here is good.",
        rule: "Warning if a server has been down for 10 s or more and served us well; note if it \
            is down and did not serve us either (what is wrong with it is a finding of its own).",
        source: "GET /api/v1/status: pools[].servers[].state, rule, evidence; our own probe.",
        look: Look::All(servers::out),
    },
    Check {
        id: "evenkeel-server-in",
        title: "the servers that the proxy uses serve us too",
        meaning: "The proxy sends requests to a server that did not serve doctor. If its requests \
            succeed, our way there is the fault (a firewall, a name that means something else \
            here); if they fail, it is about to eject it.",
        rule: "Warning if a server is up or returning and our connection or probe failed.",
        source: "GET /api/v1/status: pools[].servers[].state, rates; our own probe.",
        look: Look::All(servers::used),
    },
    Check {
        id: "evenkeel-unseen",
        title: "the proxy's servers can be examined from here",
        meaning: "A loopback address means the machine that uses it: behind a proxy on another \
            machine, it is a server that only that machine can reach. Examining our own loopback \
            instead would tell about something else.",
        rule: "Could not look, if a server's address is a loopback address of another machine.",
        source: "GET /api/v1/status: pools[].servers[].address.",
        look: Look::All(servers::unseen),
    },
    Check {
        id: "evenkeel-address",
        title: "names mean the same to the proxy and here",
        meaning: "The proxy has a server's name resolved to another address than was reached from \
            here. That is right for a name with several addresses, and wrong if a record was \
            changed and the proxy, or this machine, still has the old one.",
        rule: "Note if the addresses differ.",
        source: "GET /api/v1/status: pools[].servers[].resolved; our own connection.",
        look: Look::All(servers::address),
    },
    Check {
        id: "evenkeel-ordered",
        title: "no server is out of use by a forgotten order",
        meaning: "An operator's word wins until it is taken back: a server that was drained or \
            ejected by hand stays out of use however well it is. Its keys are misses once, and the \
            others carry its load.",
        rule: "Note if a server is out of use by an order; warning if it has been for an hour.",
        source: "GET /api/v1/status: pools[].servers[].state, rule, since.",
        look: Look::All(servers::ordered),
    },
    Check {
        id: "evenkeel-flapping",
        title: "servers do not come and go",
        meaning: "A server was ejected several times within ten minutes. Each time some of its \
            keys move and come back as misses. The proxy keeps it out longer each time (flap \
            hold), which hides a fault that comes and goes: a link, a machine that swaps, a limit.",
        rule: "Warning if a server went down three times or more within the last ten minutes.",
        source: "GET /api/v1/events: kind state, to down.",
        look: Look::All(servers::flapping),
    },
    Check {
        id: "evenkeel-returning",
        title: "servers that return come back to all their keys",
        meaning: "A server that returns gets its keys back along a ramp of some seconds. One that \
            stays on it, or that waits to be flushed, serves a part of its keys only.",
        rule: "Warning if a server has been returning for ten times the pool's `ramp` and at least \
            a minute, or has waited for a minute to be flushed.",
        source: "GET /api/v1/status: pools[].servers[].state, share_percent, is_flush_required; \
            GET /api/v1/configuration: ramp.",
        look: Look::All(servers::returning),
    },
    Check {
        id: "evenkeel-writes",
        title: "servers take writes",
        meaning: "A server refuses writes while its reads are fine, mostly for want of memory. Its \
            writes go elsewhere, so that its keys wander off one by one.",
        rule: "Warning if a server is used and is sent no writes.",
        source: "GET /api/v1/status: pools[].servers[].takes_writes, reason.",
        look: Look::All(servers::writes),
    },
    Check {
        id: "evenkeel-errors",
        title: "requests to servers do not fail",
        meaning: "Requests that the proxy sent to a server failed. Reads become misses and writes \
            are diverted or refused; applications see a lower hit ratio and no error.",
        rule: "Warning if more than 1 % of a server's requests of the last ten seconds failed, \
            critical if more than 10 %; of at least 100 requests.",
        source: "GET /api/v1/status: pools[].servers[].rates.",
        look: Look::All(servers::errors),
    },
    Check {
        id: "evenkeel-slow",
        title: "no server is much slower than the others",
        meaning: "A slow server costs more than one that is down: a page that reads fifty keys \
            waits for the slowest. The proxy ejects one only when it is slower by far and in \
            three windows one after another.",
        rule: "Warning if the 95th percentile of a server's latency is at least four times the \
            median of the others' and over 5 ms, or over 100 ms whatever the others do; of at \
            least 100 requests in ten seconds.",
        source: "GET /api/v1/status: pools[].servers[].latencies, rates.",
        look: Look::All(servers::slow),
    },
    Check {
        id: "evenkeel-misplaced",
        title: "misplaced keys have room",
        meaning: "A key whose last write is not at home is remembered until it has been cleaned \
            up. Past the limit, keys are given up: their servers are flushed before they are used \
            again, which empties them.",
        rule: "Warning if they take more than 80 % of `misplaced_max`, or if the limit was passed \
            within the last hour; note if it was passed earlier.",
        source: "GET /api/v1/status: pools[].misplaced_bytes, misplaced_bytes_max, \
            totals.keys_given_up; GET /api/v1/events: kind overflowed.",
        look: Look::All(pools::misplaced),
    },
    Check {
        id: "evenkeel-hits",
        title: "the hit ratio holds",
        meaning: "The part of reads that finds its key has fallen, by what the proxy has seen of \
            all its applications: a server was emptied, keys have changed their form, or expire \
            sooner. The database carries the difference.",
        rule: "Warning if the hit ratio of the last ten seconds is half or less of the median of \
            the minutes before and ten points lower, critical if it is under 1 % where that was \
            over 10 %; of at least 200 reads, and a minute of reads before.",
        source: "GET /api/v1/status: pools[].hit_percent, servers[].rates; GET /api/v1/history.",
        look: Look::All(pools::hits),
    },
    Check {
        id: "evenkeel-configuration",
        title: "the configuration on disk is in effect",
        meaning: "The proxy goes on with the configuration that it has when the file has faults. \
            What was changed since is not in effect, and a restart would fail or start with what \
            was good last.",
        rule: "Warning if the last reload was refused, or if the file on this machine says \
            otherwise than what is in effect. Note of what the last reload warned of.",
        source: "GET /api/v1/configuration: last_reload, toml; the file itself if it is here.",
        look: Look::All(process::configuration),
    },
    Check {
        id: "evenkeel-health-checks",
        title: "servers are judged often and strictly enough",
        meaning: "Canaries find a server that fails before an application does. Canaries that are \
            far apart, or that may take long, find it late; `rejoin = \"trust\"` lets a server \
            that comes back serve the values that it held when it failed.",
        rule: "Warning if `canary_interval` is over 10 s or `canary_timeout` over 1 s; note if \
            `rejoin` is `trust`.",
        source: "GET /api/v1/configuration: toml.",
        look: Look::All(pools::health_checks),
    },
    Check {
        id: "evenkeel-hooks",
        title: "hooks tell what happens",
        meaning: "Webhooks and commands tell people of ejections. One that fails tells nobody, and \
            the next outage is found by its victims.",
        rule: "Warning if a hook has failed and never delivered anything since the proxy started; \
            note if it failed at all.",
        source: "GET /metrics: evenkeel_hook_deliveries_total.",
        look: Look::All(process::hooks),
    },
];

/// Each proxy that says something.
fn views(examination: &Examination) -> impl Iterator<Item = (&ProxyFacts, &ProxyView)> {
    examination.proxies.iter().filter_map(|proxy| Some((proxy, proxy.view()?)))
}

/// Each pool of each proxy.
fn pools(examination: &Examination) -> impl Iterator<Item = (&ProxyFacts, &ProxyView, &Pool)> {
    views(examination)
        .flat_map(|(proxy, view)| view.status.pools.iter().map(move |pool| (proxy, view, pool)))
}

/// Calls `look` with each server of each proxy, the findings being about that server.
fn each_server(
    examination: &Examination,
    findings: &mut Findings,
    look: impl Fn(&Seen<'_>, &mut Findings),
) {
    for (proxy, view, pool) in pools(examination) {
        for server in &pool.servers {
            look(&Seen { examination, proxy, view, pool, server }, findings);
        }
    }
}

/// A server as a proxy sees it.
struct Seen<'a> {
    examination: &'a Examination,
    proxy: &'a ProxyFacts,
    view: &'a ProxyView,
    pool: &'a Pool,
    server: &'a Server,
}

impl Seen<'_> {
    /// What reports call it: as it was examined, or as the proxy calls it.
    fn name(&self) -> String {
        let place = self.view.place_of(self.server);
        let examined = place.and_then(|place| place.examined.clone().ok());
        examined.unwrap_or_else(|| crate::facts::name_of(self.server))
    }

    /// For how long it has been in its state.
    fn lasting(&self) -> Duration {
        Duration::try_from_secs_f64(self.server.for_seconds).unwrap_or_default()
    }
}

/// The findings' source: what the proxy of this name says.
fn status_of(proxy: &ProxyFacts) -> String {
    format!("{}/api/v1/status", proxy.name)
}

/// How a command of ours names the proxy.
fn option(proxy: &ProxyFacts) -> String {
    format!("--admin {}", proxy.name.trim_start_matches("http://"))
}

/// A time of the API (RFC 3339), if it is one.
fn moment(text: &str) -> Option<std::time::SystemTime> {
    humantime::parse_rfc3339(text).ok()
}

#[cfg(test)]
mod tests;
