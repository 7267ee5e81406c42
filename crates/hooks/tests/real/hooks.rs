//! What hooks are told, and when.

use std::time::Duration;

use evenkeel_core::config::{HookConfig, HookTrigger};
use evenkeel_core::event::StateName::{Down, Returning, Suspect, Up};

use crate::support::receiver::{HttpReceiver, OK};
use crate::support::{PATIENCE, Rig, hook};

#[test]
fn a_rack_that_fails_is_one_message_at_once_and_one_summary() {
    let receiver = HttpReceiver::start(&[OK]);
    let rig = Rig::new(&[hook(receiver.action())]);
    rig.eject(0);
    assert_eq!(receiver.next().message().events_total, 1);
    (1..20).for_each(|server| rig.eject(server));
    let summary = receiver.next().message();
    assert_eq!((summary.events.len(), summary.events_total), (19, 19));
    assert!(summary.text.contains("19 events (19 down)"), "{}", summary.text);
    rig.wait_for_tally(|tally| tally.delivered == 2);
}

#[test]
fn a_hook_is_told_only_of_what_it_is_meant_for() {
    let receiver = HttpReceiver::start(&[OK]);
    let events = vec![HookTrigger::Up];
    let rig = Rig::new(&[HookConfig { events, ..hook(receiver.action()) }]);
    rig.change(0, Up, Suspect);
    rig.change(0, Suspect, Up);
    rig.change(1, Suspect, Down);
    rig.change(1, Down, Returning);
    rig.change(1, Returning, Up);
    let told = receiver.next().message();
    assert_eq!(told.events_total, 1);
    assert_eq!(told.events[0].number, 4);
}

#[test]
fn what_was_no_longer_known_is_counted_and_said() {
    let receiver = HttpReceiver::start(&[OK]);
    let mut rig = Rig::new(&[]);
    // One more than the control plane keeps for each missed event.
    for _ in 0..1100 {
        rig.eject(0);
    }
    rig.hooks.apply(&[hook(receiver.action())], 0).unwrap();
    let told = receiver.next().message();
    assert_eq!((told.events_total, told.events_missed), (1024, 76));
    assert!(told.text.ends_with("76 events were missed: see the log and the present status"));
    rig.wait_for_tally(|tally| tally.events_missed == 76);
}

#[test]
fn a_hook_that_stays_as_it_is_goes_on_undisturbed() {
    let (one, other) = (HttpReceiver::start(&[OK]), HttpReceiver::start(&[OK]));
    let kept = hook(one.action());
    let mut rig = Rig::new(std::slice::from_ref(&kept));
    rig.eject(0);
    one.next();
    let added = HookConfig { name: "other".parse().unwrap(), ..hook(other.action()) };
    rig.hooks.apply(&[kept, added.clone()], 1).unwrap();
    rig.eject(1);
    assert_eq!(one.next().message().events[0].number, 1, "it is not told anything twice");
    assert_eq!(other.next().message().events[0].number, 1, "it is told what happens from now on");
    rig.hooks.apply(&[added], 2).unwrap();
    rig.eject(2);
    assert_eq!(other.next().message().events[0].number, 2);
    assert!(one.next_within(Duration::ZERO).is_none());
    let tallies = rig.hooks.deliveries().tallies();
    let names: Vec<_> = tallies.iter().map(|tally| tally.hook.as_str()).collect();
    assert_eq!(names, ["other", "test"], "what was counted stays");
}

#[test]
fn what_is_left_when_the_process_ends_is_told() {
    let receiver = HttpReceiver::start(&[OK]);
    let interval = Duration::from_hours(1);
    let mut rig = Rig::new(&[HookConfig { interval, ..hook(receiver.action()) }]);
    rig.eject(0);
    receiver.next();
    rig.eject(1);
    rig.end();
    let deliveries = rig.hooks.deliveries();
    rig.hooks.stop(PATIENCE);
    assert_eq!(receiver.next().message().events[0].number, 1);
    assert_eq!(deliveries.tallies()[0].delivered, 2);
}
