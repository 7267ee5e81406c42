//! Whether a memcached server's clock is right.

use super::span;
use crate::check::{Check, Findings, Look};
use crate::facts::ServerFacts;

pub(crate) const CHECKS: &[Check] = &[Check {
    id: "memcached-clock",
    title: "the server's clock agrees with ours",
    meaning: "The server's idea of the time differs from this machine's. memcached reads the time \
        of day when it starts and counts seconds from there: if its machine's clock was set later, \
        or the machine slept, the server still goes by what it counted. Expiries of up to 30 days \
        are counted in seconds and hold; expiries given as a point in time (everything above 30 \
        days is read as one) come too early or too late by the difference.",
    rule: "A note if the two differ by more than five seconds, a warning if by more than a minute.",
    source: "`stats`: time, against this machine's clock; known to two seconds.",
    look: Look::Server(clock),
}];

fn clock(facts: &ServerFacts, findings: &mut Findings) {
    let Some(ahead) = facts.memcached().and_then(|it| it.clock_ahead_seconds) else { return };
    let direction = if ahead > 0.0 { "ahead of" } else { "behind" };
    let words = format!("its clock is {} {direction} ours", span(ahead.abs()));
    let finding = match ahead.abs() {
        it if it > APART_HARMFUL => findings.warning(words),
        it if it > APART_NOTED => findings.note(words),
        _ => return,
    };
    finding
        .evidence("server's clock less ours", format!("{ahead:.0} s"), "stats: time")
        .remedy("compare the clocks of both machines with the network's", &["chronyc tracking"])
        .remedy(
            "if its machine's is right by now: restart the server (which empties it), so that it \
             reads the time again",
            &["systemctl restart memcached"],
        );
}

const APART_NOTED: f64 = 5.0;
const APART_HARMFUL: f64 = 60.0;

#[cfg(test)]
mod tests {
    use super::super::facts_by_hand::{ByHand, check};
    use super::CHECKS;
    use crate::Severity::{self, Note, Warning};

    #[track_caller]
    fn check_ahead(seconds: f64, expected: &[(&str, Severity)]) {
        let mut by_hand = ByHand::default();
        by_hand.more.clock_ahead_seconds = Some(seconds);
        check(&by_hand, CHECKS, expected);
    }

    #[test]
    fn a_clock_that_differs_is_found() {
        check_ahead(5.0, &[]);
        check_ahead(-5.0, &[]);
        check_ahead(5.1, &[("memcached-clock", Note)]);
        check_ahead(-60.0, &[("memcached-clock", Note)]);
        check_ahead(-60.1, &[("memcached-clock", Warning)]);
    }
}
