//! Whether a memcached server has what it is asked for, and what emptied it if not.

use super::{HOUR, MINUTE, growth, over, percent, span};
use crate::check::{Check, Finding, Findings, Look};
use crate::facts::{MemcachedFacts, ServerFacts};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "memcached-hit-ratio",
        title: "the hit ratio is what it was",
        meaning: "Far fewer keys are found now than on average since the server started. Each miss \
            is a request to the database that it was not made for. Somebody flushed the cache, a \
            release changed the names of keys, many keys expired at once, clients send keys to \
            other servers than before, or the server evicts too much. The average since the start \
            hides such a fall for days.",
        rule: "Looked at if at least 100 keys were asked for between the samples, and 10,000 before \
            with a hit ratio of at least 20 %, by a server that runs for an hour: warning if the \
            hit ratio is less than 0.4 of what it was, critical if it is less than 1 %.",
        source: "`stats`: get_hits, get_misses, get_expired, get_flushed; the average is taken up \
            to the first sample.",
        look: Look::Server(hit_ratio),
    },
    Check {
        id: "memcached-flushes",
        title: "nobody flushes",
        meaning: "`flush_all` makes every key a miss at once, for all applications that share the \
            server: the database gets the whole load. Often it is a deployment script, a test that \
            runs against the wrong server, or a framework's `clear cache`.",
        rule: "Warning if it happened between the samples; a note if it ever did, which may be years \
            ago.",
        source: "`stats`: cmd_flush, get_flushed, uptime.",
        look: Look::Server(flushes),
    },
    Check {
        id: "memcached-restarted",
        title: "the server has been running for a while",
        meaning: "A memcached server that was started anew is empty: it misses until it is filled, \
            and the database carries the difference. One that is started again and again never \
            gets full; look for who or what ends it (the kernel for want of memory, a supervisor, \
            a crash).",
        rule: "Warning if it was started again between the samples, or less than five minutes ago \
            and less than 0.4 of at least 1,000 keys asked for are found; a note if it was less than \
            an hour ago.",
        source: "`stats`: pid, uptime, get_hits, get_misses.",
        look: Look::Server(restarted),
    },
];

/// Hits and misses over a stretch of time.
#[derive(Clone, Copy, Debug)]
struct Gets {
    hits: f64,
    misses: f64,
}

impl Gets {
    /// Between the samples, if there were enough.
    fn now(memcached: &MemcachedFacts) -> Option<Self> {
        let (hits, misses) = (growth(memcached, "get_hits")?, growth(memcached, "get_misses")?);
        Some(Self { hits, misses }).filter(|it| it.all() >= GETS_NOW_MIN)
    }

    /// Before the first sample.
    fn before(memcached: &MemcachedFacts) -> Option<Self> {
        let number = |name| memcached.stats.first.number(name);
        Some(Self { hits: number("get_hits")?, misses: number("get_misses")? })
    }

    fn all(self) -> f64 {
        self.hits + self.misses
    }

    fn ratio(self) -> f64 {
        self.hits / self.all().max(1.0)
    }

    fn words(self) -> String {
        format!("{} of {} keys found", percent(self.ratio()), self.all())
    }
}

fn hit_ratio(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some((now, before)) = Gets::now(memcached).zip(Gets::before(memcached)) else { return };
    let is_young = memcached.stats.number("uptime").is_none_or(|it| it < HOUR);
    if is_young || before.all() < GETS_BEFORE_MIN || before.ratio() < RATIO_BEFORE_MIN {
        return;
    }
    let words = format!(
        "{} of keys are found, and were {} on average",
        percent(now.ratio()),
        percent(before.ratio())
    );
    let finding = match now.ratio() {
        it if it < RATIO_NONE => findings.critical(words),
        it if it < before.ratio() * RATIO_FALLEN => findings.warning(words),
        _ => return,
    };
    finding.evidence("now", now.words(), over(memcached, "get_hits, get_misses")).evidence(
        "since its start",
        before.words(),
        "stats: get_hits, get_misses",
    );
    tell_causes(memcached, finding);
    finding
        .remedy("ask what changed: a release, a flush, the list of servers in the clients", &[])
        .remedy(
            "see whether clients ask the server for keys that belong to others",
            &["evenkeel route KEY"],
        );
}

/// What became of keys that were missed, as far as the server knows.
fn tell_causes(memcached: &MemcachedFacts, finding: &mut Finding) {
    for (name, words) in
        [("get_expired", "missed because expired"), ("get_flushed", "missed because flushed")]
    {
        if let Some(grown) = growth(memcached, name) {
            finding.evidence(words, grown.to_string(), over(memcached, name));
        }
    }
    if let Some(evicted) = growth(memcached, "evictions") {
        finding.evidence("evicted meanwhile", evicted.to_string(), over(memcached, "evictions"));
    }
}

fn flushes(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let now = growth(memcached, "cmd_flush").unwrap_or(0.0);
    let number = |name| memcached.stats.number(name);
    let Some((ever, uptime)) = number("cmd_flush").zip(number("uptime")) else { return };
    let finding = if now > 0.0 {
        findings.warning("somebody flushed it while we looked")
    } else if ever > 0.0 {
        findings.note(format!("it was flushed {ever} times since its start, {} ago", span(uptime)))
    } else {
        return;
    };
    finding
        .evidence("flushed now", now.to_string(), over(memcached, "cmd_flush"))
        .evidence("flushed since its start", ever.to_string(), "stats: cmd_flush")
        .evidence("its start", format!("{} ago", span(uptime)), "stats: uptime")
        .remedy("look for flush_all in deployment scripts and tests", &[])
        .remedy("forbid it (a restart, which empties the cache)", &["memcached -F …"]);
}

fn restarted(facts: &ServerFacts, findings: &mut Findings) {
    let Some(memcached) = facts.memcached() else { return };
    let Some(uptime) = memcached.stats.number("uptime") else { return };
    let now = Gets::now(memcached);
    let is_missing = |it: Gets| it.all() >= GETS_FILLING_MIN && it.ratio() < RATIO_FALLEN;
    let is_filling = uptime < FILLING_SECONDS && now.is_some_and(is_missing);
    let finding = if memcached.is_restarted() {
        findings.warning("it was started again while we looked, and is empty")
    } else if is_filling {
        let words = "and is still being filled: most keys are missing for that";
        findings.warning(format!("it was started {} ago, {words}", span(uptime)))
    } else if uptime < HOUR {
        findings.note(format!("it was started {} ago", span(uptime)))
    } else {
        return;
    };
    finding.evidence("its start", format!("{} ago", span(uptime)), "stats: uptime");
    if memcached.is_restarted()
        && let Some((before, after)) =
            memcached.stats.first.word("pid").zip(memcached.stats.last.word("pid"))
    {
        finding.evidence("process", format!("{before}, then {after}"), "stats: pid");
    }
    if let Some(now) = now {
        finding.evidence("now", now.words(), over(memcached, "get_hits, get_misses"));
    }
    finding.remedy(
        "on its machine: see why it ended, if nobody meant it to",
        &["journalctl -u memcached -n 50", "journalctl -k | grep -i 'out of memory'"],
    );
}

/// Fewer gets between the samples are no evidence.
const GETS_NOW_MIN: f64 = 100.0;
/// Fewer gets before are no average.
const GETS_BEFORE_MIN: f64 = 10_000.0;
/// What was never found much cannot fall.
const RATIO_BEFORE_MIN: f64 = 0.2;
/// Somewhat less than half: canaries of somebody else's are found every other time.
const RATIO_FALLEN: f64 = 0.4;
const RATIO_NONE: f64 = 0.01;
/// Fewer gets than these are no load that anybody would miss the cache for.
const GETS_FILLING_MIN: f64 = 1_000.0;
const FILLING_SECONDS: f64 = 5.0 * MINUTE;

#[cfg(test)]
mod tests {
    use super::super::facts_by_hand::{ByHand, check};
    use super::CHECKS;
    use crate::Severity::{Critical, Note, Warning};

    /// A server that found 90 % of 10,000 keys, and finds `hits` of 100 now.
    fn now(hits: u64) -> ByHand {
        let by_hand = ByHand::default().stats("get_hits", 9_000, 9_000 + hits);
        by_hand.stats("get_misses", 1_000, 1_100 - hits)
    }

    #[test]
    fn a_hit_ratio_that_fell_is_found() {
        check(&now(90), CHECKS, &[]);
        check(&now(37), CHECKS, &[]);
        check(&now(35), CHECKS, &[("memcached-hit-ratio", Warning)]);
        check(&now(1), CHECKS, &[("memcached-hit-ratio", Warning)]);
        check(&now(0), CHECKS, &[("memcached-hit-ratio", Critical)]);
    }

    #[test]
    fn few_gets_are_no_evidence_of_a_fallen_hit_ratio() {
        check(&now(0).stats("get_misses", 1_000, 1_099), CHECKS, &[]);
        check(&now(0).stats("get_hits", 8_999, 8_999), CHECKS, &[]);
        let never = now(0).stats("get_hits", 2_000, 2_000).stats("get_misses", 9_000, 9_100);
        check(&never, CHECKS, &[]);
    }

    #[test]
    fn flushes_are_found() {
        check(&ByHand::default().stats("cmd_flush", 0, 0), CHECKS, &[]);
        let once = ByHand::default().stats("cmd_flush", 1, 1);
        check(&once, CHECKS, &[("memcached-flushes", Note)]);
        let now = ByHand::default().stats("cmd_flush", 1, 2);
        check(&now, CHECKS, &[("memcached-flushes", Warning)]);
        // All of them may have been in one night long ago.
        let often = ByHand::default().stats("cmd_flush", 10_000, 10_000);
        check(&often, CHECKS, &[("memcached-flushes", Note)]);
    }

    #[test]
    fn a_restart_is_found() {
        let uptime = |seconds| ByHand::default().stats("uptime", seconds - 2, seconds);
        check(&uptime(3_600), CHECKS, &[]);
        check(&uptime(3_599), CHECKS, &[("memcached-restarted", Note)]);
        let filling = |hits, uptime| {
            let gets = ByHand::default().stats("get_hits", 0, hits);
            gets.stats("get_misses", 0, 1_000 - hits).stats("uptime", uptime - 2, uptime)
        };
        check(&filling(399, 299), CHECKS, &[("memcached-restarted", Warning)]);
        check(&filling(400, 299), CHECKS, &[("memcached-restarted", Note)]);
        check(&filling(399, 300), CHECKS, &[("memcached-restarted", Note)]);
        let few = filling(0, 299).stats("get_misses", 0, 999);
        check(&few, CHECKS, &[("memcached-restarted", Note)]);
        let again = uptime(7_200).words("pid", "7", "8");
        check(&again, CHECKS, &[("memcached-restarted", Warning)]);
    }
}
