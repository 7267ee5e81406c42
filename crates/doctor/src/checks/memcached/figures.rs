//! Whether a memcached server says anything of itself.

use crate::check::{Check, Findings, Look};
use crate::facts::{Outcome, ServerFacts};
use crate::target::Protocol;

pub(crate) const CHECKS: &[Check] = &[Check {
    id: "memcached-figures",
    title: "the server tells its figures",
    meaning: "Canary keys are served, but `stats` is not answered: most likely a proxy stands \
        there and not a server. Connections, memory, evictions and the hit ratio of what is behind \
        it could not be looked at.",
    rule: "Could not look, if the server gives no figures though all canary keys are served.",
    source: "`stats`.",
    look: Look::Server(figures),
}];

fn figures(facts: &ServerFacts, findings: &mut Findings) {
    let is_asked = facts.reach.is_ok() && facts.target.protocol == Protocol::Memcached;
    let is_well = |lane: &crate::facts::Lane| {
        lane.connect.is_ok() && lane.steps.iter().all(|it| it.outcome == Outcome::Good)
    };
    if !is_asked || facts.memcached().is_some() || !facts.probe.lanes.iter().all(is_well) {
        return;
    }
    let why = facts.gaps.iter().find(|gap| gap.what == "stats");
    findings
        .unknown("it does not tell its figures")
        .evidence("instead", why.map_or("nothing", |it| it.why.as_str()), "stats")
        .remedy(
            "examine the servers behind it, by their own addresses",
            &["evenkeel doctor memcached://address:port …"],
        );
}

#[cfg(test)]
mod tests {
    use super::super::facts_by_hand::{ByHand, check};
    use super::CHECKS;
    use crate::Severity::Unknown;
    use crate::facts::{Lane, Probe};

    #[test]
    fn a_server_without_figures_is_told() {
        let mut by_hand = ByHand::default();
        by_hand.is_silent = true;
        check(&by_hand, CHECKS, &[("memcached-figures", Unknown)]);
        check(&ByHand::default(), CHECKS, &[]);
        let lanes = vec![Lane { connect: Err("refused".to_owned()), steps: Vec::new() }];
        by_hand.probe = Probe { lanes, ..Probe::default() };
        check(&by_hand, CHECKS, &[]);
    }
}
