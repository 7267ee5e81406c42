//! Whether a server is reached, and if not, in which way.

use crate::check::{Check, Finding, Findings, Look, Severity};
use crate::checks::redis::cli;
use crate::facts::{ServerFacts, Unreachable, UnreachableKind};
use crate::target::Protocol;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "reach-name",
        title: "the server's name has an address",
        meaning: "The name could not be looked up, or has no address. Applications that look it up \
            anew fail; those that keep an old address may still work, until they restart.",
        rule: "Critical if the name has no address, or none is found in time.",
        source: "The system's resolver (getaddrinfo), as applications ask it.",
        look: Look::Server(name),
    },
    Check {
        id: "reach-refused",
        title: "something listens on the server's port",
        meaning: "The machine answers and says that nothing listens on this port: the server is \
            not running, listens on another address or port, or a firewall refuses for it. \
            Applications learn this at once, so that they are fast without the cache, and the \
            database gets the load.",
        rule: "Critical if the connection is refused.",
        source: "connect(2): ECONNREFUSED.",
        look: Look::Server(refused),
    },
    Check {
        id: "reach-no-route",
        title: "there is a way to the server's network",
        meaning: "The machine that doctor runs on, or a router, knows no way to the server's \
            network. Whether applications have one is seen by running doctor where they run.",
        rule: "Critical if connecting fails for want of a route.",
        source: "connect(2): EHOSTUNREACH, ENETUNREACH.",
        look: Look::Server(no_route),
    },
    Check {
        id: "reach-timed-out",
        title: "connections are established in time",
        meaning: "Nobody answers at all: the machine is down, packets are lost on the way, or a \
            firewall drops them silently. A memcached server at its limit of connections does the \
            same if it was started without `maxconns_fast`. It is the most expensive failure: each \
            application waits for its whole connect timeout, for ever if it has none.",
        rule: "Critical if a connection is not established within one second.",
        source: "connect(2), given up after a second.",
        look: Look::Server(timed_out),
    },
    Check {
        id: "reach-reset",
        title: "connections stay open",
        meaning: "Connections are established and then closed before a word is said. A proxy or \
            load balancer with nothing behind it does that, a server that is going down, and a \
            Redis or memcached that has no room for another client.",
        rule: "Critical if the connection is closed or reset before the first answer.",
        source: "The first request on a new connection (version, PING).",
        look: Look::Server(reset),
    },
    Check {
        id: "reach-silent",
        title: "the server answers anything at all",
        meaning: "The kernel accepts connections for the process, and the process answers nothing: \
            it is stopped, stuck in a long command, swapping, or does not take new connections at \
            its limit. Health checks that only connect call this healthy. Applications wait for \
            their read timeout at every request.",
        rule: "Critical if nothing is answered within one second.",
        source: "The first request on a new connection (version, PING).",
        look: Look::Server(silent),
    },
    Check {
        id: "reach-tls",
        title: "the encrypted connection is established",
        meaning: "The server was connected to, and the two did not agree on encryption: its \
            certificate has expired, is for another name or signed by somebody this machine does \
            not trust, or the port does not speak TLS.",
        rule: "Could not look: applications may trust other certificates than this machine does.",
        source: "The TLS handshake, with this machine's trusted certificates.",
        look: Look::Server(tls),
    },
    Check {
        id: "reach-authentication",
        title: "the server lets us in",
        meaning: "The server wants a user and a password, or other ones than it was given. It runs \
            and answers; whether it is well cannot be seen without them.",
        rule: "Could not look, if the server refuses the login or asks for one.",
        source: "The server's answer: NOAUTH, WRONGPASS, NOPERM, unauthenticated.",
        look: Look::Server(authentication),
    },
    Check {
        id: "reach-database",
        title: "the database that is named can be chosen",
        meaning: "The server answers, and refuses the number of the database in the target: it has \
            fewer databases (16 by default, one in a cluster), or our user may not choose one. \
            Applications that are configured with this number fail at every connection; if only \
            the target is wrong, nothing is.",
        rule: "Could not look, if the server refuses to change to the database.",
        source: "The server's answer to SELECT.",
        look: Look::Server(database),
    },
    Check {
        id: "reach-full",
        title: "the server has room for another client",
        meaning: "The server is at its limit of connections and turns new ones away. Applications \
            that start or reconnect now have no cache, while those that are connected notice \
            nothing: that is why graphs of the hit ratio look well.",
        rule: "Critical if the server answers a new connection that it has too many.",
        source: "The server's words: `max number of clients reached`, `Too many open connections`.",
        look: Look::Server(full),
    },
    Check {
        id: "reach-protocol",
        title: "what answers speaks the protocol",
        meaning: "Something answers that is not the server that was named: another program on \
            that port, the other of memcached and Redis, or a connection whose bytes are damaged.",
        rule: "Critical if the first answer is none of the protocol.",
        source: "The first request on a new connection (version, PING).",
        look: Look::Server(protocol),
    },
    Check {
        id: "reach-ourselves",
        title: "this machine can open connections",
        meaning: "The machine that doctor runs on could not even try: no file descriptors or \
            ephemeral ports left, or it is not allowed to. If an application runs here, it fares \
            the same.",
        rule: "Could not look.",
        source: "socket(2), connect(2).",
        look: Look::Server(ourselves),
    },
];

fn name(facts: &ServerFacts, findings: &mut Findings) {
    if let Some(error) = failed(facts, UnreachableKind::Name) {
        let words = "its name has no address";
        let name = facts.target.address.host();
        tell(findings, Severity::Critical, words, error).remedy(
            "see what the name means here, and where applications run",
            &[&format!("getent ahosts {name}"), "cat /etc/resolv.conf"],
        );
    }
}

fn refused(facts: &ServerFacts, findings: &mut Findings) {
    if let Some(error) = failed(facts, UnreachableKind::Refused) {
        let program = program(facts);
        let port = facts.target.address.port();
        tell(findings, Severity::Critical, "connection refused: nothing listens there", error)
            .remedy(
                "on its machine: see whether it runs, why it ended, and start it",
                &[
                    &format!("systemctl status {program}"),
                    &format!("journalctl -u {program} -n 50"),
                    &format!("ss -ltnp 'sport = :{port}'"),
                ],
            );
    }
}

fn no_route(facts: &ServerFacts, findings: &mut Findings) {
    if let Some(error) = failed(facts, UnreachableKind::NoRoute) {
        let words = "there is no way to its network from here";
        let to = addr(facts, error);
        tell(findings, Severity::Critical, words, error)
            .remedy("see which way packets take", &[&format!("ip route get {to}")]);
    }
}

fn timed_out(facts: &ServerFacts, findings: &mut Findings) {
    let Some(error) = failed(facts, UnreachableKind::ConnectTimedOut) else { return };
    let port = facts.target.address.port();
    let finding = if error.has_others_waiting() {
        let words = "it accepts no connections, and others wait already";
        let finding = tell(findings, Severity::Critical, words, error);
        finding.remedy(
            "see whether it is stopped (T), or at its limit of connections",
            &[
                &format!("ps -o pid,stat,pcpu,wchan:20,etime,cmd -C {}", command(facts)),
                &format!("ss -tn state established 'sport = :{port}' | wc -l"),
            ],
        )
    } else {
        let words = "nobody answers: the machine is down, or packets are lost or dropped";
        let finding = tell(findings, Severity::Critical, words, error);
        let to = addr(facts, error);
        finding.remedy(
            "see how far packets come, and look for a firewall that drops them",
            &[&format!("mtr -n -T -P {port} {to}")],
        )
    };
    finding.remedy("give applications a connect timeout, 100 ms within a data centre", &[]);
}

fn reset(facts: &ServerFacts, findings: &mut Findings) {
    if let Some(error) = failed(facts, UnreachableKind::Reset) {
        let words = "connections are closed before a word is said";
        tell(findings, Severity::Critical, words, error).remedy(
            "look for a proxy or load balancer in between that has lost its servers, and in the \
             server's log",
            &[&format!("journalctl -u {} -n 50", program(facts))],
        );
    }
}

fn silent(facts: &ServerFacts, findings: &mut Findings) {
    if let Some(error) = failed(facts, UnreachableKind::Silent) {
        let program = program(facts);
        tell(findings, Severity::Critical, "it accepts connections and answers nothing", error)
            .remedy(
                "on its machine: see whether it is stopped (T), busy (R) or waits for a disk (D)",
                &[
                    &format!("ps -o pid,stat,pcpu,wchan:20,etime,cmd -C {}", command(facts)),
                    "vmstat 1 5",
                ],
            )
            .remedy(
                "restart it if it does not come back: a cache that hangs is worse than none",
                &[&format!("systemctl restart {program}")],
            );
    }
}

fn tls(facts: &ServerFacts, findings: &mut Findings) {
    if let Some(error) = failed(facts, UnreachableKind::Tls) {
        let address = &facts.target.address;
        tell(findings, Severity::Unknown, "no encrypted connection is established", error).remedy(
            "see which certificate it shows, until when, and who signed it",
            &[&format!("openssl s_client -connect {address} -servername {}", address.host())],
        );
    }
}

fn authentication(facts: &ServerFacts, findings: &mut Findings) {
    if let Some(error) = failed(facts, UnreachableKind::Authentication) {
        let finding =
            tell(findings, Severity::Unknown, "it refuses our login, or wants one", error);
        match facts.target.protocol {
            Protocol::Redis(_) => finding.remedy(
                "name a user and password that may read INFO, CONFIG, SLOWLOG and CLIENT, and may \
                 write keys evenkeel:doctor:*",
                &[&format!("evenkeel doctor redis://user:password@{}", facts.target.address)],
            ),
            Protocol::Memcached => finding.remedy(
                "doctor knows no login of memcached's: examine it without one, from its own machine",
                &[],
            ),
        };
    }
}

fn database(facts: &ServerFacts, findings: &mut Findings) {
    if let Some(error) = failed(facts, UnreachableKind::Database) {
        let words = "the database that is named cannot be chosen";
        tell(findings, Severity::Unknown, words, error).remedy(
            "see how many databases the server has, and name one of them, or none for the first",
            &[
                &cli(facts, "CONFIG GET databases"),
                &format!("evenkeel doctor redis://{}/0", facts.target.address),
            ],
        );
    }
}

fn full(facts: &ServerFacts, findings: &mut Findings) {
    if let Some(error) = failed(facts, UnreachableKind::Full) {
        let words = "it is at its limit of connections and turns new ones away";
        let finding = tell(findings, Severity::Critical, words, error);
        finding.remedy("on its machine: see who holds them", &[&format!(
            "ss -tn state established 'sport = :{}' | awk 'NR>1 {{sub(/:[0-9]+$/,\"\",$4); print $4}}' | sort | uniq -c | sort -rn | head",
            facts.target.address.port()
        )]);
        match facts.target.protocol {
            Protocol::Redis(_) => finding.remedy(
                "restart the application that holds most of them: that frees places, of which \
                 you need one. Then raise the limit to twice what it is (20,000 if it is the \
                 default), if the process may have so many files (at once; without the last \
                 command until the next restart)",
                &[
                    &cli(facts, "CONFIG GET maxclients"),
                    &cli(facts, "CONFIG SET maxclients 20000"),
                    &cli(facts, "CONFIG REWRITE"),
                ],
            ),
            Protocol::Memcached => finding.remedy(
                "raise the limit (takes a restart, which empties the cache), or put a proxy before \
                 it so that applications share connections",
                &["memcached -c 4096 …", "evenkeel run evenkeel.toml"],
            ),
        };
    }
}

fn protocol(facts: &ServerFacts, findings: &mut Findings) {
    if let Some(error) = failed(facts, UnreachableKind::Protocol) {
        let words = "what answers does not speak its protocol";
        tell(findings, Severity::Critical, words, error).remedy(
            "see which program listens there, and whether address and scheme are right",
            &[&format!("ss -ltnp 'sport = :{}'", facts.target.address.port())],
        );
    }
}

fn ourselves(facts: &ServerFacts, findings: &mut Findings) {
    if let Some(error) = failed(facts, UnreachableKind::Ourselves) {
        tell(findings, Severity::Unknown, "this machine could not even try", error)
            .remedy("see what this machine is short of", &["ulimit -n", "ss -s"]);
    }
}

fn failed(facts: &ServerFacts, kind: UnreachableKind) -> Option<&Unreachable> {
    facts.reach.as_ref().err().filter(|error| error.kind == kind)
}

fn tell<'a>(
    findings: &'a mut Findings,
    severity: Severity,
    summary: &str,
    error: &Unreachable,
) -> &'a mut Finding {
    let after = format!("{} (after {} ms)", error.words, error.after.as_millis());
    let at = error.addr.map_or_else(String::new, |addr| format!(" to {addr}"));
    findings.add(severity, summary).evidence("outcome", after, format!("our connection{at}"))
}

/// The address without port: a name's, if it has one.
fn addr(facts: &ServerFacts, error: &Unreachable) -> String {
    error.addr.map_or_else(|| facts.target.address.host().to_owned(), |it| it.ip().to_string())
}

/// The usual name of its service.
pub(super) fn program(facts: &ServerFacts) -> &'static str {
    match facts.target.protocol {
        Protocol::Memcached => "memcached",
        Protocol::Redis(_) => "redis-server",
    }
}

/// The usual name of its process.
fn command(facts: &ServerFacts) -> &'static str {
    match facts.target.protocol {
        Protocol::Memcached => "memcached",
        Protocol::Redis(_) => "redis-server,valkey-server",
    }
}
