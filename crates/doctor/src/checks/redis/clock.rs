//! Whether keys expire when they should: the server's clock, and what is overdue.

use super::reading::Reading;
use crate::check::{Check, Findings, Look};
use crate::facts::ServerFacts;
use crate::words::{percent, span};

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "redis-clock",
        title: "its clock is right",
        meaning: "Clients that say until when a key is valid (EXPIREAT, SET … EXAT, PXAT) reckon \
            with their clock, and the server with its own: keys go too early, at once, or too \
            late. Times in the slow log and in its logs mislead.",
        rule: "A note if its clock and ours are more than 2 s apart, a warning from 10 s on. Which of the two is wrong is \
            not known.",
        source: "TIME, compared with this machine's clock; half the way there and back is allowed \
            for.",
        look: Look::Server(clock),
    },
    Check {
        id: "redis-expiry-behind",
        title: "expired keys are removed",
        meaning: "Expired keys are not served, but they take memory until they are removed, which \
            happens bit by bit. Here more expire than that keeps up with: memory holds what nobody \
            can read, and removing takes its share of each second.",
        rule: "Warning if removal ran out of its time between the samples, and it reckons that more \
            than a quarter of keys with an expiry are overdue.",
        source: "INFO: expired_stale_perc, expired_time_cap_reached_count.",
        look: Look::Server(behind),
    },
];

fn clock(facts: &ServerFacts, findings: &mut Findings) {
    let Some(ahead) = facts.redis().and_then(|it| it.clock_ahead_seconds) else { return };
    if ahead.abs() <= AHEAD_SECONDS_MAX {
        return;
    }
    let way = if ahead > 0.0 { "ahead of" } else { "behind" };
    let summary = format!("its clock is {} {way} ours", span(ahead.abs()));
    let is_far = ahead.abs() > FAR_SECONDS;
    let finding = if is_far { findings.warning(summary) } else { findings.note(summary) };
    finding.evidence("apart", format!("{ahead:+.1} s"), "TIME").remedy(
        "on both machines: see whether the clock is kept right",
        &["timedatectl", "chronyc tracking"],
    );
}

fn behind(facts: &ServerFacts, findings: &mut Findings) {
    let Some(reading) = Reading::of(facts) else { return };
    let stale = reading.number("expired_stale_perc").unwrap_or(0.0) / 100.0;
    let capped = reading.growth("expired_time_cap_reached_count").unwrap_or(0.0);
    if stale <= STALE_SHARE || capped <= 0.0 {
        return;
    }
    let effort = reading.setting_number("active-expire-effort").unwrap_or(1.0);
    let more = format!("{:.0}", (effort + 2.0).min(EFFORT_MAX));
    let finding = findings
        .warning(format!("{} of keys with an expiry are overdue and still there", percent(stale)))
        .evidence("overdue, as it reckons", percent(stale), "INFO: expired_stale_perc")
        .evidence(
            "ran out of time",
            format!("{capped:.0} times while we looked"),
            "INFO: expired_time_cap_reached_count",
        )
        .remedy("have keys expire at different moments: add some chance to their expiry", &[]);
    let words = "let it take more time for removal, which takes some of the processor's";
    reading.advise(finding, words, &[("active-expire-effort", &more)]);
    if effort < EFFORT_MAX
        && let Some(change) = reading.set("active-expire-effort", &more)
    {
        finding.change(change);
    }
}

const AHEAD_SECONDS_MAX: f64 = 2.0;
const FAR_SECONDS: f64 = 10.0;
/// What the setting goes up to.
const EFFORT_MAX: f64 = 10.0;
const STALE_SHARE: f64 = 0.25;

#[cfg(test)]
mod tests;
