//! What is told, in words and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use evenkeel_api::{HookMessage, HookProcess};

use crate::outbox::Gathered;
use crate::trigger::label_of;

/// How many events are named one by one in the text. The JSON has more.
const EVENTS_IN_TEXT_MAX: usize = 10;

/// A message about what has been gathered. `serial` tells it from others of this process.
pub(crate) fn message(
    hook: &str,
    process: &HookProcess,
    gathered: Gathered,
    serial: u64,
) -> HookMessage {
    HookMessage {
        text: text(process, &gathered),
        id: format!("{}-{:x}-{serial:x}", process.machine, process.pid),
        at: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
        hook: hook.to_owned(),
        process: process.clone(),
        events: gathered.events,
        events_total: gathered.total,
        events_missed: gathered.missed,
    }
}

fn text(process: &HookProcess, gathered: &Gathered) -> String {
    let who = format!("evenkeel on {}", process.machine);
    let mut text = match (&gathered.events[..], gathered.total) {
        ([event], 1) => format!("{who}: {}", event.text),
        ([], _) => who,
        (events, total) => format!("{who}: {total} events ({})", counts(gathered, events.len())),
    };
    if gathered.total > 1 {
        for event in gathered.events.iter().take(EVENTS_IN_TEXT_MAX) {
            write!(text, "\n{}", event.text).expect("writing to memory does not fail");
        }
        let rest = gathered.total.saturating_sub(EVENTS_IN_TEXT_MAX as u64);
        if rest > 0 {
            write!(text, "\nand {rest} more").expect("writing to memory does not fail");
        }
    }
    if gathered.missed > 0 {
        let missed = gathered.missed;
        write!(text, "\n{missed} events were missed: see the log and the present status")
            .expect("writing to memory does not fail");
    }
    text
}

/// `38 down, 1 overflowed`.
fn counts(gathered: &Gathered, known: usize) -> String {
    let mut by_label = BTreeMap::<&str, u64>::new();
    for event in &gathered.events {
        *by_label.entry(label_of(event)).or_default() += 1;
    }
    let mut counts: Vec<_> =
        by_label.into_iter().map(|(label, len)| format!("{len} {label}")).collect();
    if gathered.total > known as u64 {
        counts.push("…".to_owned());
    }
    counts.join(", ")
}

#[cfg(test)]
pub(crate) mod tests {
    use evenkeel_api::Event;

    use super::*;

    /// An ejection.
    pub(crate) fn event(number: u64) -> Event {
        Event {
            number,
            at: "2026-11-22T03:00:00.000Z".to_owned(),
            kind: "state".to_owned(),
            pool: Some("main".to_owned()),
            server: Some(format!("10.0.0.{number}:11211")),
            from: Some("suspect".to_owned()),
            to: Some("down".to_owned()),
            rule: Some("refused".to_owned()),
            evidence: Some("request failed: connection refused".to_owned()),
            text: format!("main/10.0.0.{number}:11211 suspect -> down (refused)"),
        }
    }

    fn text_of(events: Vec<Event>, total: u64, missed: u64) -> String {
        let (machine, version) = ("web-3".to_owned(), "0.1.0".to_owned());
        let process = HookProcess { machine, pid: 7, version };
        message("a", &process, Gathered { events, total, missed }, 0).text
    }

    #[test]
    fn one_event_is_told_in_one_line() {
        assert_eq!(
            text_of(vec![event(1)], 1, 0),
            "evenkeel on web-3: main/10.0.0.1:11211 suspect -> down (refused)"
        );
    }

    #[test]
    fn several_events_are_counted_and_the_first_are_named() {
        let up = Event { to: Some("up".to_owned()), text: "main/x is up".to_owned(), ..event(0) };
        assert_eq!(
            text_of(vec![event(1), event(2), up.clone()], 3, 0),
            "evenkeel on web-3: 3 events (2 down, 1 up)\n\
             main/10.0.0.1:11211 suspect -> down (refused)\n\
             main/10.0.0.2:11211 suspect -> down (refused)\n\
             main/x is up"
        );
        let many = text_of((0..50).map(event).collect(), 70, 0);
        assert!(many.starts_with("evenkeel on web-3: 70 events (50 down, …)\n"), "{many}");
        assert!(many.ends_with("(refused)\nand 60 more"), "{many}");
        assert_eq!(many.lines().count(), 12);
    }

    #[test]
    fn what_was_missed_is_said() {
        assert_eq!(
            text_of(Vec::new(), 0, 7),
            "evenkeel on web-3\n7 events were missed: see the log and the present status"
        );
    }
}
