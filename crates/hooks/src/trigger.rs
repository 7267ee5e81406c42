//! Which events a hook is told of.

use evenkeel_api::Event;
use evenkeel_core::config::HookTrigger;

/// What an event is to hooks; none for one that no hook is told of.
pub(crate) fn trigger_of(event: &Event) -> Option<HookTrigger> {
    if event.kind != "state" {
        return event.kind.parse().ok();
    }
    match (event.from.as_deref(), event.to.as_deref()?) {
        // An operator has taken the word back: canaries say the rest.
        (Some("drained"), "down") => None,
        (Some("suspect"), "up") => Some(HookTrigger::Suspect),
        (_, to) => to.parse().ok(),
    }
}

/// In one word for a summary: what has become of a server, or what kind of event it is.
pub(crate) fn label_of(event: &Event) -> &str {
    event.to.as_deref().unwrap_or(&event.kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::event;

    #[track_caller]
    fn check(kind: &str, states: Option<(&str, &str)>, expected: Option<HookTrigger>) {
        let event = Event {
            from: states.map(|(from, _)| from.to_owned()),
            to: states.map(|(_, to)| to.to_owned()),
            kind: kind.to_owned(),
            ..event(0)
        };
        assert_eq!(trigger_of(&event), expected);
    }

    #[test]
    fn a_change_of_state_triggers_by_the_state_that_it_leads_to() {
        check("state", Some(("suspect", "down")), Some(HookTrigger::Down));
        check("state", Some(("up", "down")), Some(HookTrigger::Down));
        check("state", Some(("returning", "down")), Some(HookTrigger::Down));
        check("state", Some(("returning", "up")), Some(HookTrigger::Up));
        check("state", Some(("down", "returning")), Some(HookTrigger::Returning));
        check("state", Some(("up", "drained")), Some(HookTrigger::Drained));
    }

    #[test]
    fn a_suspicion_that_is_cleared_is_no_return() {
        check("state", Some(("up", "suspect")), Some(HookTrigger::Suspect));
        check("state", Some(("suspect", "up")), Some(HookTrigger::Suspect));
    }

    #[test]
    fn a_server_that_an_operator_readmits_is_not_ejected() {
        check("state", Some(("drained", "down")), None);
    }

    #[test]
    fn other_events_trigger_by_their_kind() {
        check("mass-failure", None, Some(HookTrigger::MassFailure));
        check("configuration-refused", None, Some(HookTrigger::ConfigurationRefused));
        check("something-new", None, None);
    }
}
