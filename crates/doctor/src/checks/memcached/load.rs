//! Whether a memcached server keeps up with its work.

use super::{over, percent, rate, seconds, told};
use crate::check::{Change, Check, Findings, Look};
use crate::facts::{MemcachedFacts, ServerFacts};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "memcached-processor",
        title: "threads have time to spare",
        meaning: "The server's threads are busy nearly all the time: requests wait for one another, \
            and latency rises steeply from here. memcached gives each connection to one thread for \
            good, so that a few busy connections can fill one thread while others rest.",
        rule: "Over a second at least: a note if the process uses more than 70 % of its threads' \
            time, a warning from 90 % on.",
        source: "`stats`: rusage_user, rusage_system, threads.",
        look: Look::Server(processor),
    },
    Check {
        id: "memcached-yields",
        title: "connections do not starve each other",
        meaning: "Connections send so many requests at once that the server turns to others before \
            it has answered all (`-R`, 20 requests). That is fair to the others, and slow for \
            whoever sends them: each turn waits for all other connections of the thread.",
        rule: "A note from 100 such turns a second on. Where many requests come at once, as from a \
            proxy, it is usual.",
        source: "`stats`: conn_yields; `stats settings`: reqs_per_event.",
        look: Look::Server(yields),
    },
    Check {
        id: "memcached-verbose",
        title: "requests are not logged",
        meaning: "The server was told to print each request (`-vv` and more). Printing is slow, a \
            full disk or a slow terminal stops it altogether, and keys of users end up in logs.",
        rule: "Warning from a verbosity of 2 on.",
        source: "`stats settings`: verbosity.",
        look: Look::Server(verbose),
    },
    Check {
        id: "memcached-detail",
        title: "requests are not counted by prefix",
        meaning: "`stats detail` is on: each request takes a lock that all threads share, and each \
            new prefix of a key (what stands before the first `:`) takes memory that is never given \
            back.",
        rule: "Warning if it is on.",
        source: "`stats settings`: detail_enabled.",
        look: Look::Server(detail),
    },
];

fn processor(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some((share, threads)) = busy_share(memcached) else { return };
    let words = format!("its threads are busy {} of the time", percent(share));
    let finding = match share {
        it if it >= BUSY_HARMFUL => findings.warning(words),
        it if it >= BUSY_NOTED => findings.note(words),
        _ => return,
    };
    finding
        .evidence("threads", threads.to_string(), "stats: threads")
        .evidence("processor time", percent(share), over(memcached, "rusage_user, rusage_system"))
        .remedy("see which threads are busy", &["top -H -p $(pidof memcached)"])
        .remedy(
            "if its machine has processors to spare: more threads (a restart, which empties it); \
             else another server",
            &["memcached -t 8 …"],
        );
}

/// The share of its threads' time in which the process was busy, and their number.
fn busy_share(memcached: &MemcachedFacts) -> Option<(f64, f64)> {
    let apart = seconds(memcached.stats.apart);
    if apart < BUSY_SECONDS_MIN || memcached.is_restarted() {
        return None;
    }
    let busy = memcached.stats.growth("rusage_user")? + memcached.stats.growth("rusage_system")?;
    let threads = memcached.stats.number("threads").filter(|it| *it >= 1.0)?;
    Some((busy / apart / threads, threads))
}

fn yields(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(rate) = rate(memcached, "conn_yields", YIELDS_MIN) else { return };
    let words = format!("connections wait for their turn {rate:.0} times a second");
    if rate < YIELDS_NOTED {
        return;
    }
    let finding = findings.note(words);
    finding.evidence("turns", format!("{rate:.0} a second"), over(memcached, "conn_yields"));
    if let Some(requests) = memcached.settings.word("reqs_per_event") {
        finding.evidence("requests in a turn", requests, "stats settings: reqs_per_event");
    }
    finding
        .remedy("have applications ask for many keys in one get rather than in many", &[])
        .remedy("or make turns longer (a restart, which empties it)", &["memcached -R 200 …"]);
}

fn verbose(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(verbosity) = memcached.settings.number("verbosity") else { return };
    if verbosity < VERBOSITY_HARMFUL {
        return;
    }
    findings
        .warning("it prints each request")
        .evidence("verbosity", verbosity.to_string(), "stats settings: verbosity")
        .remedy(
            "end that at once, and leave out -v in its start options",
            &[&told(facts, "verbosity 0")],
        )
        .change(Change {
            words: "print no requests any more".to_owned(),
            command: ["verbosity", "0"].map(str::to_owned).to_vec(),
            before: Some(verbosity.to_string()),
            undo: Some(told(facts, &format!("verbosity {verbosity}"))),
            lasting: Some("leave -v, -vv and -vvv out of memcached's start options".to_owned()),
        });
}

fn detail(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    if memcached.settings.word("detail_enabled") != Some("yes") {
        return;
    }
    findings
        .warning("it counts requests by prefix, under a lock")
        .evidence("stats detail", "on", "stats settings: detail_enabled")
        .remedy(
            "end that at once, and leave out -D in its start options",
            &[&told(facts, "stats detail off")],
        )
        .change(Change {
            words: "count requests by prefix no longer".to_owned(),
            command: ["stats", "detail", "off"].map(str::to_owned).to_vec(),
            before: None,
            undo: Some(told(facts, "stats detail on")),
            lasting: Some("leave -D out of memcached's start options".to_owned()),
        });
}

const BUSY_HARMFUL: f64 = 0.9;
const BUSY_NOTED: f64 = 0.7;
/// A shorter look is no evidence.
const BUSY_SECONDS_MIN: f64 = 1.0;
const YIELDS_MIN: f64 = 100.0;
const YIELDS_NOTED: f64 = 100.0;
const VERBOSITY_HARMFUL: f64 = 2.0;

#[cfg(test)]
mod tests {
    use super::super::facts_by_hand::{ByHand, check};
    use super::CHECKS;
    use crate::Severity::{Note, Warning};

    /// Processor time in hundredths of a second, in two seconds of two threads.
    fn busy(user: &str, system: &str) -> ByHand {
        let mut by_hand = ByHand::default().stats("threads", 2, 2);
        by_hand = by_hand.words("rusage_user", "10.000000", user);
        by_hand.words("rusage_system", "10.000000", system)
    }

    #[test]
    fn busy_threads_are_found() {
        check(&busy("11.400000", "11.390000"), CHECKS, &[]);
        check(&busy("11.400000", "11.400000"), CHECKS, &[("memcached-processor", Note)]);
        check(&busy("11.800000", "11.800000"), CHECKS, &[("memcached-processor", Warning)]);
        let restarted = busy("11.800000", "11.800000").words("pid", "7", "8");
        check(&restarted, CHECKS, &[]);
    }

    #[test]
    fn connections_that_yield_are_found() {
        check(&ByHand::default().stats("conn_yields", 5, 204), CHECKS, &[]);
        let yields = ByHand::default().stats("conn_yields", 5, 205);
        check(&yields, CHECKS, &[("memcached-yields", Note)]);
        // A proxy that sends 100,000 requests a second makes so many, and nobody waits.
        let yields = ByHand::default().stats("conn_yields", 0, 10_000);
        check(&yields, CHECKS, &[("memcached-yields", Note)]);
    }

    #[test]
    fn printing_and_counting_each_request_are_found_and_can_be_ended() {
        check(&ByHand::default().setting("verbosity", "1"), CHECKS, &[]);
        let verbose = ByHand::default().setting("verbosity", "2");
        check(&verbose, CHECKS, &[("memcached-verbose", Warning)]);
        let change = verbose.found(CHECKS)[0].change.clone().expect("it can be ended at once");
        assert_eq!(change.command, ["verbosity", "0"]);
        assert!(change.undo.is_some_and(|it| it.contains("verbosity 2")));
        let detail = ByHand::default().setting("detail_enabled", "yes");
        check(&detail, CHECKS, &[("memcached-detail", Warning)]);
        check(&ByHand::default().setting("detail_enabled", "no"), CHECKS, &[]);
    }
}
