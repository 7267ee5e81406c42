//! How a memcached server was started.

use std::net::{IpAddr, Ipv6Addr};

use super::memory::EVICTIONS_MIN;
use super::{rate, told};
use crate::check::{Change, Check, Findings, Look};
use crate::facts::{MemcachedFacts, ServerFacts};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "memcached-udp",
        title: "UDP is closed",
        meaning: "The server answers datagrams. A datagram of a few bytes with a forged sender \
            makes it send up to fifty thousand times as much to a victim: it is how the largest \
            floods were made. Hardly any client uses UDP; memcached has it closed by default since \
            1.5.6.",
        rule: "Warning if it is open; a note if the server listens on loopback only.",
        source: "`stats settings`: udpport, inter; CVE-2018-1000115.",
        look: Look::Server(udp),
    },
    Check {
        id: "memcached-open",
        title: "strangers cannot connect",
        meaning: "The server listens on all addresses of its machine and asks for no password: \
            whoever gets to the port reads, changes and flushes everything. In a network that is \
            closed to others that is usual; on a public address somebody will.",
        rule: "Warning if we reached it at a public address; else a note.",
        source: "`stats settings`: inter, auth_enabled_sasl, auth_enabled_ascii; the address that \
            we connected to.",
        look: Look::Server(open),
    },
    Check {
        id: "memcached-backlog",
        title: "a burst of connections is waited for",
        meaning: "Few connections may wait to be accepted. When many clients connect at once, as \
            after a restart, the kernel drops the others, and they try again after a second.",
        rule: "A note if fewer than 128 may wait.",
        source: "`stats settings`: tcp_backlog.",
        look: Look::Server(backlog),
    },
    Check {
        id: "memcached-limit-waits",
        title: "clients learn that the server is full",
        meaning: "At its limit of connections the server lets new ones wait without an answer, \
            where by default (since 1.5) it tells them and closes. Clients wait for their timeout \
            instead of going on at once.",
        rule: "A note if maxconns_fast is off.",
        source: "`stats settings`: maxconns_fast.",
        look: Look::Server(limit_waits),
    },
    Check {
        id: "memcached-crawler",
        title: "expired items are looked for",
        meaning: "The server does not look for expired items by itself: they take memory until \
            somebody asks for them or they come to be evicted, in the place of items that are used.",
        rule: "A note if the crawler is off.",
        source: "`stats settings`: lru_crawler.",
        look: Look::Server(crawler),
    },
    Check {
        id: "memcached-old-lru",
        title: "what is read is kept",
        meaning: "The server evicts by its old rule, a single list for each size: items that are \
            stored once and never read push out those that are read often. Since 1.5 new items \
            have to be read to be kept for long.",
        rule: "A note if lru_segmented or lru_maintainer_thread is off and at least 20 items were \
            evicted between the samples.",
        source: "`stats settings`: lru_segmented, lru_maintainer_thread; `stats`: evictions.",
        look: Look::Server(old_lru),
    },
    Check {
        id: "memcached-no-cas",
        title: "compare-and-swap works",
        meaning: "The server was started with `-C`: items have no versions, and `cas` does not \
            succeed (1.6 answers EXISTS always). It saves eight bytes an item. Libraries that use \
            `cas` for locks or counters do not work here.",
        rule: "A note if it is off.",
        source: "`stats settings`: cas_enabled.",
        look: Look::Server(no_cas),
    },
];

fn udp(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(port) = memcached.settings.number("udpport").filter(|it| *it != 0.0) else { return };
    let words = format!("it answers datagrams on UDP port {port}");
    let finding =
        if is_on_loopback(memcached) { findings.note(words) } else { findings.warning(words) };
    finding
        .evidence("UDP port", port.to_string(), "stats settings: udpport")
        .evidence("listens on", listens_on(memcached), "stats settings: inter")
        .remedy(
            "close the port to others at once, in the firewall",
            &[&format!("iptables -I INPUT -p udp --dport {port} -j DROP")],
        )
        .remedy("and have it closed (a restart, which empties the cache)", &["memcached -U 0 …"]);
}

fn open(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let setting = |name| memcached.settings.word(name);
    let has_login =
        ["auth_enabled_sasl", "auth_enabled_ascii"].iter().any(|it| setting(it) == Some("yes"));
    if has_login || !is_on_all_addresses(memcached) {
        return;
    }
    let reached = facts.reach.as_ref().ok().map(|it| it.addr.ip().to_canonical());
    let finding = if let Some(addr) = reached.filter(|it| is_public(*it)) {
        findings
            .warning(format!("it listens on a public address, {addr}, and asks for no password"))
    } else {
        findings.note("it listens on all addresses and asks for no password")
    };
    finding
        .evidence("listens on", listens_on(memcached), "stats settings: inter")
        .evidence(
            "passwords",
            "not asked for",
            "stats settings: auth_enabled_sasl, auth_enabled_ascii",
        )
        .remedy(
            "let it listen on the inner network only (a restart, which empties the cache)",
            &["memcached -l 10.0.0.1 …"],
        );
}

fn backlog(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(backlog) = memcached.settings.number("tcp_backlog") else { return };
    if backlog >= BACKLOG_MIN {
        return;
    }
    findings
        .note(format!("only {backlog} connections may wait to be accepted"))
        .evidence("backlog", backlog.to_string(), "stats settings: tcp_backlog")
        .remedy("let more wait (a restart, which empties the cache)", &["memcached -b 1024 …"]);
}

fn limit_waits(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    if memcached.settings.word("maxconns_fast") == Some("no") {
        findings
            .note("at its limit of connections it lets clients wait unanswered")
            .evidence("maxconns_fast", "off", "stats settings: maxconns_fast")
            .remedy(
                "have it refuse them (a restart, which empties the cache)",
                &["memcached -o maxconns_fast …"],
            );
    }
}

fn crawler(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    if memcached.settings.word("lru_crawler") == Some("no") {
        findings
            .note("it does not look for expired items")
            .evidence("crawler", "off", "stats settings: lru_crawler")
            .remedy("have it look, at once", &[&told(facts, "lru_crawler enable")])
            .remedy("and for good", &["memcached -o lru_crawler …"])
            .change(Change {
                words: "let the server look for expired items".to_owned(),
                command: ["lru_crawler", "enable"].map(str::to_owned).to_vec(),
                before: None,
                undo: Some(told(facts, "lru_crawler disable")),
                lasting: Some("memcached -o lru_crawler …".to_owned()),
            });
    }
}

fn old_lru(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let off = ["lru_segmented", "lru_maintainer_thread"];
    let off = off.into_iter().find(|it| memcached.settings.word(it) == Some("no"));
    if let Some(off) = off
        && rate(memcached, "evictions", EVICTIONS_MIN).is_some()
    {
        findings
            .note("it evicts by its old rule")
            .evidence(off, "off", format!("stats settings: {off}"))
            .remedy(
                "use the newer one (a restart, which empties the cache)",
                &["memcached -o modern …"],
            );
    }
}

fn no_cas(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    if memcached.settings.word("cas_enabled") == Some("no") {
        findings
            .note("compare-and-swap is off")
            .evidence("cas", "off (-C)", "stats settings: cas_enabled")
            .remedy("leave -C out if any application uses cas (a restart)", &[]);
    }
}

/// Where the server listens, in its own words: `NULL` is everywhere.
fn listens_on(memcached: &MemcachedFacts) -> String {
    match memcached.settings.word("inter") {
        Some("NULL") | None => "all addresses".to_owned(),
        Some(inter) => inter.to_owned(),
    }
}

fn addresses(memcached: &MemcachedFacts) -> impl Iterator<Item = Option<IpAddr>> {
    let inter = memcached.settings.word("inter").unwrap_or("NULL");
    inter.split([',', ';']).map(|it| it.trim().trim_start_matches("notls:")).map(address)
}

/// The address of `10.0.0.1`, `10.0.0.1:11211`, `::1` or `[::1]:11211`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|it| it.split_once(']')).map(|it| it.0);
    let parsed = bare.unwrap_or(text).parse().ok();
    parsed.or_else(|| text.rsplit_once(':')?.0.parse().ok())
}

fn is_on_loopback(memcached: &MemcachedFacts) -> bool {
    addresses(memcached).all(|it| it.is_some_and(|it| it.is_loopback()))
}

fn is_on_all_addresses(memcached: &MemcachedFacts) -> bool {
    let inter = memcached.settings.word("inter");
    let is_on_socket = memcached.settings.word("domain_socket").is_some_and(|it| it != "NULL");
    match inter {
        None => false,
        Some("NULL") => !is_on_socket,
        Some(_) => addresses(memcached).any(|it| it.is_some_and(|it| it.is_unspecified())),
    }
}

/// Whether an address is one of the public network's.
pub(in crate::checks) fn is_public(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => {
            let [first, second, ..] = addr.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            let is_test = first == 198 && (18..20).contains(&second);
            let is_special = addr.is_loopback()
                || addr.is_link_local()
                || addr.is_unspecified()
                || addr.is_documentation()
                || addr.is_multicast()
                || addr.is_broadcast();
            !addr.is_private() && !is_shared && !is_test && !is_special
        }
        IpAddr::V6(addr) => !is_special(addr),
    }
}

fn is_special(addr: Ipv6Addr) -> bool {
    addr.is_loopback()
        || addr.is_unspecified()
        || addr.is_unique_local()
        || addr.is_unicast_link_local()
        || addr.is_multicast()
}

const BACKLOG_MIN: f64 = 128.0;

#[cfg(test)]
mod tests {
    use super::super::facts_by_hand::{ByHand, check};
    use super::{CHECKS, is_public};
    use crate::Severity::{self, Note, Warning};

    #[track_caller]
    fn check_setting(name: &str, word: &str, expected: &[(&str, Severity)]) {
        check(&ByHand::default().setting(name, word), CHECKS, expected);
    }

    #[test]
    fn an_open_udp_port_is_found() {
        check_setting("udpport", "0", &[]);
        check_setting("udpport", "11211", &[("memcached-udp", Warning)]);
        let loopback =
            ByHand::default().setting("udpport", "11211").setting("inter", "127.0.0.1,::1");
        check(&loopback, CHECKS, &[("memcached-udp", Note)]);
        let both =
            ByHand::default().setting("udpport", "11211").setting("inter", "127.0.0.1,10.0.0.1");
        check(&both, CHECKS, &[("memcached-udp", Warning)]);
    }

    #[test]
    fn a_server_that_is_open_to_strangers_is_found() {
        check_setting("inter", "10.0.0.1", &[]);
        check_setting("inter", "NULL", &[("memcached-open", Note)]);
        check_setting("inter", "0.0.0.0:11211", &[("memcached-open", Note)]);
        check_setting("inter", "127.0.0.1,[::]:11211", &[("memcached-open", Note)]);
        let mut public = ByHand::default().setting("inter", "NULL");
        public.address = "8.8.8.8";
        check(&public, CHECKS, &[("memcached-open", Warning)]);
        check(&public.clone().setting("auth_enabled_ascii", "yes"), CHECKS, &[]);
        check(&public.setting("domain_socket", "/run/memcached.sock"), CHECKS, &[]);
    }

    #[test]
    fn addresses_of_inner_networks_are_not_public() {
        for addr in ["10.1.2.3", "172.16.0.1", "192.168.0.1", "100.64.0.1", "::1", "fd00::1"] {
            assert!(!is_public(addr.parse().expect("it is an address")), "{addr}");
        }
        for addr in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2a00::1"] {
            assert!(is_public(addr.parse().expect("it is an address")), "{addr}");
        }
    }

    #[test]
    fn start_options_that_are_worth_knowing_are_noted() {
        check_setting("tcp_backlog", "128", &[]);
        check_setting("tcp_backlog", "127", &[("memcached-backlog", Note)]);
        check_setting("maxconns_fast", "no", &[("memcached-limit-waits", Note)]);
        check_setting("lru_crawler", "no", &[("memcached-crawler", Note)]);
        check_setting("cas_enabled", "no", &[("memcached-no-cas", Note)]);
    }

    #[test]
    fn the_old_rule_of_eviction_is_noted_where_it_is_used() {
        let old = ByHand::default().setting("lru_segmented", "no");
        check(&old, CHECKS, &[]);
        check(&old.clone().stats("evictions", 0, 19), CHECKS, &[]);
        check(&old.stats("evictions", 0, 20), CHECKS, &[("memcached-old-lru", Note)]);
    }
}
