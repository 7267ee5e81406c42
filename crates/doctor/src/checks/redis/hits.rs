//! Whether what is asked for is there.

use super::reading::{Reading, part};
use crate::check::{Check, Finding, Findings, Look};
use crate::facts::ServerFacts;
use crate::words::{count, percent, span};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "redis-hits",
        title: "keys that are asked for are there",
        meaning: "The hit ratio says how much the cache spares the database. Since the start it \
            says little of now: it moves slowly, and a cache that was emptied a minute ago still \
            looks well. It is taken between the two samples and compared with what it was before.",
        rule: "With at least 100 lookups between the samples (1,000 on a replica), and 5,000 before \
            to compare with: critical if not one was a hit and at least half were before; warning if the ratio has \
            fallen by half from at least 20 %, by more than chance explains, or if none was a hit \
            at all, unless less than 20 % were before. A note if less than half are hits and were before, with at least 1,000 between \
            the samples.",
        source: "INFO: keyspace_hits, keyspace_misses between the samples and before them.",
        look: Look::Server(hits),
    },
    Check {
        id: "redis-flushed",
        title: "nobody empties it",
        meaning: "FLUSHALL and FLUSHDB empty the cache at once: everything is asked of the \
            database again.",
        rule: "Warning if either was called between the samples; a note if they are called more \
            than once an hour.",
        source: "INFO: cmdstat_flushall, cmdstat_flushdb.",
        look: Look::Server(flushed),
    },
];

fn hits(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    // What others who look, as we do, ask of a replica are misses all.
    let least = if reading.is_replica() { LOOKUPS_MANY } else { LOOKUPS_MIN };
    let Some(now) = Lookups::recent(&reading).filter(|it| it.all() >= least) else { return };
    let before = Lookups::before(&reading).filter(|it| it.all() >= LOOKUPS_BEFORE_MIN);
    let was = before.map(Lookups::ratio);
    let finding = if now.hits < 1.0 {
        match was {
            Some(ratio) if ratio >= HALF => {
                findings.critical(format!("not one lookup is a hit, and {} were", percent(ratio)))
            }
            Some(ratio) if ratio < RATIO_MIN => findings.note("not one lookup is a hit"),
            _ => findings.warning("not one lookup is a hit"),
        }
    } else if let Some(ratio) = was.filter(|it| has_fallen(*it, now)) {
        let words =
            format!("the hit ratio fell from {} to {}", percent(ratio), percent(now.ratio()));
        findings.warning(words)
    } else if now.all() >= LOOKUPS_MANY && now.ratio() < HALF && was.is_none_or(|it| it < HALF) {
        findings.note(format!("{} of lookups are hits", percent(now.ratio())))
    } else {
        return;
    };
    let value = format!("{} ({:.0} of {:.0})", percent(now.ratio()), now.hits, now.all());
    finding.evidence("hits now", value, SOURCE);
    if let Some(before) = before {
        let value = format!("{} of {:.0} lookups", percent(before.ratio()), before.all());
        finding.evidence("hits before, since its start", value, SOURCE);
    }
    tell_reasons(finding, &reading);
}

/// What may have taken the keys.
fn tell_reasons(finding: &mut Finding, reading: &Reading<'_>) {
    finding.evidence("keys in it", format!("{:.0}", reading.keys().all), "INFO: db0…");
    for (what, name) in [("expired", "expired_keys"), ("evicted", "evicted_keys")] {
        if let Some(gone) = reading.growth(name).filter(|it| *it > 0.0) {
            finding.evidence(what, format!("{gone:.0} while we looked"), format!("INFO: {name}"));
        }
    }
    let flushes = flushes(reading);
    if flushes > 0.0 {
        let value = format!("{} since its start", count(flushes, "time"));
        finding.evidence("emptied", value, "INFO: cmdstat_flushall, cmdstat_flushdb");
    }
    if let Some(uptime) = reading.number("uptime_in_seconds") {
        finding.evidence("up for", span(uptime), "INFO: uptime_in_seconds");
    }
    finding
        .remedy(
            "see whether it was restarted or emptied, or whether applications ask for other keys \
             than they store (a new version, another prefix or database)",
            &[
                &reading.cli("INFO keyspace"),
                &reading.cli("INFO commandstats"),
                &reading.cli("--scan | head"),
            ],
        )
        .remedy("watch the database: it has the load now", &[]);
}

fn flushed(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let costs = reading.recent_costs();
    let recent = costs.iter().filter(|(name, _)| FLUSHES.contains(name));
    let recent: f64 = recent.map(|(_, cost)| cost.calls).sum();
    let since_start = flushes(&reading);
    let hours = reading.number("uptime_in_seconds").unwrap_or(0.0) / 3_600.0;
    let finding = if recent > 0.0 {
        findings.warning(format!("it was emptied {} while we looked", count(recent, "time")))
    } else if hours >= 1.0 && since_start > hours {
        let words = format!(
            "it has been emptied {} in {}",
            count(since_start, "time"),
            span(hours * 3_600.0)
        );
        findings.note(words)
    } else {
        return;
    };
    finding
        .evidence(
            "since its start",
            count(since_start, "call"),
            "INFO: cmdstat_flushall, cmdstat_flushdb",
        )
        .remedy(
            "find out who does it (a test, a deployment, a framework's cache:clear), and take the \
             right to do it from applications",
            &[&reading.cli("ACL SETUSER default -flushall -flushdb")],
        );
}

#[derive(Clone, Copy)]
struct Lookups {
    hits: f64,
    misses: f64,
}

impl Lookups {
    /// Those between the samples.
    fn recent(reading: &Reading<'_>) -> Option<Self> {
        let (hits, misses) = (reading.growth(HITS)?, reading.growth(MISSES)?);
        Some(Self { hits, misses })
    }

    /// Those before the first sample. Who asks for a key's time to live, as we do of many, reads
    /// nothing, and is counted as a hit.
    fn before(reading: &Reading<'_>) -> Option<Self> {
        let first = &reading.redis.info.first;
        let asked = first.word("cmdstat_ttl").and_then(|it| part(it, "calls")).unwrap_or(0.0);
        let hits = (first.number(HITS)? - asked).max(0.0);
        Some(Self { hits, misses: first.number(MISSES)? })
    }

    fn all(self) -> f64 {
        self.hits + self.misses
    }

    fn ratio(self) -> f64 {
        if self.all() > 0.0 { self.hits / self.all() } else { 0.0 }
    }
}

/// Whether a ratio has fallen by half, and by more than chance explains: four standard deviations
/// of as many lookups.
fn has_fallen(was: f64, now: Lookups) -> bool {
    let deviation = (was * (1.0 - was) / now.all()).sqrt();
    was >= RATIO_MIN && now.ratio() <= was / 2.0 && was - now.ratio() > 4.0 * deviation
}

fn flushes(reading: &Reading<'_>) -> f64 {
    FLUSHES.iter().filter_map(|it| reading.cost(it)).map(|it| it.calls).sum()
}

const SOURCE: &str = "INFO: keyspace_hits, keyspace_misses";
const HITS: &str = "keyspace_hits";
const MISSES: &str = "keyspace_misses";
const FLUSHES: [&str; 2] = ["flushall", "flushdb"];
/// Fewer lookups tell nothing.
const LOOKUPS_MIN: f64 = 100.0;
/// Fewer before that may be our own, from looking again and again.
const LOOKUPS_BEFORE_MIN: f64 = 5_000.0;
const LOOKUPS_MANY: f64 = 1_000.0;
const HALF: f64 = 0.5;
/// A ratio that is lower has not much to lose.
const RATIO_MIN: f64 = 0.2;

#[cfg(test)]
mod tests;
