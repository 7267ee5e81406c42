//! What is counted of events.

use std::collections::BTreeMap;

use evenkeel_control::Handle;
use evenkeel_control::directory::ServerNames;
use evenkeel_control::events::{Event, Occasion};
use evenkeel_core::Instant;
use evenkeel_core::event::{Happening, Rule, StateName};

/// Counts of what happened since the process started.
#[derive(Debug, Default)]
pub(crate) struct EventTally {
    /// The number of the event to be counted next.
    next: u64,
    /// Ejections, by server and by a rule's label. What has left is not in it.
    ejections: BTreeMap<ServerNames, BTreeMap<&'static str, u64>>,
    /// Configurations that were applied while the process ran, and refused.
    pub(crate) reloads: Reloads,
}

/// What became of reloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reloads {
    pub(crate) applied: u64,
    pub(crate) refused: u64,
    /// When the configuration in effect was applied; the start if it is the first.
    pub(crate) applied_at: Instant,
    /// The last one was refused.
    pub(crate) is_refused: bool,
}

/// The rules by which a server may be ejected.
pub(crate) const EJECTING: [Rule; 7] = [
    Rule::Canary,
    Rule::Eject,
    Rule::Garbled,
    Rule::Ratio,
    Rule::Refused,
    Rule::Slow,
    Rule::Timeouts,
];

impl EventTally {
    /// Counts what has happened since the last time.
    pub(crate) fn catch_up(&mut self, handle: &Handle) {
        if self.next == handle.next_event_number() {
            return;
        }
        let new = handle.events_since(self.next);
        self.next = new.next;
        new.events.iter().for_each(|event| self.count(event));
    }

    fn count(&mut self, event: &Event) {
        match &event.what {
            Occasion::Server { names, what, .. } => self.count_happening(names, what),
            Occasion::ConfigurationApplied { .. } => {
                let Reloads { applied, applied_at, is_refused, .. } = &mut self.reloads;
                (*applied, *applied_at, *is_refused) = (*applied + 1, event.at, false);
            }
            Occasion::ConfigurationRefused { .. } => {
                self.reloads.refused += 1;
                self.reloads.is_refused = true;
            }
        }
    }

    fn count_happening(&mut self, names: &ServerNames, what: &Happening) {
        match what {
            Happening::State(transition) => {
                if transition.to == StateName::Down || transition.rule == Rule::Eject {
                    let of_server = self.ejections.entry(names.clone()).or_default();
                    *of_server.entry(transition.rule.label()).or_default() += 1;
                }
            }
            Happening::Left => drop(self.ejections.remove(names)),
            Happening::WritesEjected(..)
            | Happening::WritesReadmitted(..)
            | Happening::Restarted { .. }
            | Happening::MassFailure { .. }
            | Happening::Ordered(_)
            | Happening::FlushRequired
            | Happening::FlushRefused
            | Happening::Flushed
            | Happening::Overflowed { .. }
            | Happening::Joined => {}
        }
    }

    /// How often a server was ejected by a rule.
    pub(crate) fn ejections(&self, names: &ServerNames, rule: Rule) -> u64 {
        let of_server = self.ejections.get(names);
        of_server.and_then(|it| it.get(rule.label())).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use evenkeel_core::event::{Evidence, Transition};
    use evenkeel_core::routing::ServerId;

    use super::*;

    fn names(server: &str) -> ServerNames {
        ServerNames { pool: "main".parse().unwrap(), server: server.to_owned() }
    }

    fn happens(tally: &mut EventTally, server: &str, what: Happening) {
        let what = Occasion::Server { id: ServerId(0), names: Arc::new(names(server)), what };
        tally.count(&Event { at: Instant::ZERO, what });
    }

    fn state(from: StateName, to: StateName, rule: Rule) -> Happening {
        Happening::State(Transition { from, to, rule, evidence: Evidence::Operator })
    }

    #[test]
    fn an_ejection_is_counted_by_its_rule_and_nothing_else_is() {
        let mut tally = EventTally::default();
        for what in [
            state(StateName::Up, StateName::Suspect, Rule::Suspicion),
            state(StateName::Suspect, StateName::Down, Rule::Refused),
            state(StateName::Down, StateName::Returning, Rule::Canaries),
            state(StateName::Returning, StateName::Down, Rule::Refused),
            state(StateName::Up, StateName::Drained, Rule::Eject),
            state(StateName::Up, StateName::Drained, Rule::Drain),
            Happening::Flushed,
        ] {
            happens(&mut tally, "a", what);
        }
        let of = |server, rule| tally.ejections(&names(server), rule);
        assert_eq!((of("a", Rule::Refused), of("a", Rule::Eject), of("a", Rule::Slow)), (2, 1, 0));
        assert_eq!((of("a", Rule::Drain), of("a", Rule::Suspicion)), (0, 0));
        assert_eq!(of("b", Rule::Refused), 0);
    }

    #[test]
    fn a_server_that_has_left_is_forgotten() {
        let mut tally = EventTally::default();
        happens(&mut tally, "a", state(StateName::Up, StateName::Down, Rule::Slow));
        happens(&mut tally, "a", Happening::Left);
        assert!(tally.ejections.is_empty());
    }

    #[test]
    fn a_refused_configuration_is_current_no_more_until_one_is_applied() {
        let mut tally = EventTally::default();
        let at = Instant::ZERO + Duration::from_secs(7);
        let refused = || Occasion::ConfigurationRefused { faults: Arc::new([]) };
        tally.count(&Event { at, what: refused() });
        assert_eq!(
            tally.reloads,
            Reloads { applied: 0, refused: 1, applied_at: Instant::ZERO, is_refused: true }
        );
        let (changes, warnings) = (Arc::new([]), Arc::new([]));
        tally.count(&Event { at, what: Occasion::ConfigurationApplied { changes, warnings } });
        assert_eq!(
            tally.reloads,
            Reloads { applied: 1, refused: 1, applied_at: at, is_refused: false }
        );
    }
}
