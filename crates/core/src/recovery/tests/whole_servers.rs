//! Servers that are flushed, come back empty, or go for good.

use super::*;

#[test]
fn a_server_to_be_flushed_is_passed_over_until_it_is() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    rig.recovery.require_flush(rig.now, home);
    assert!(!rig.recovery.is_clear());
    assert_eq!(rig.read("k"), Some(next), "although the table has it");
    assert_eq!(rig.write("k"), next);
    let steps = rig.poll();
    assert_eq!(steps.iter().map(|it| &it.step).collect::<Vec<_>>(), vec![&Step::Flush]);
    assert_eq!(rig.poll(), Vec::new(), "once");
    rig.advance_ms(1);
    rig.recovery.handle_cleaned(rig.now, &steps[0], Taken::Done);
    let events: Vec<_> = rig.recovery.drain_events().map(|it| (it.server, it.what)).collect();
    assert_eq!(events, vec![(home, Happening::FlushRequired), (home, Happening::Flushed)]);
    assert_eq!(rig.read("k"), Some(next), "its last write is there");
}

#[test]
fn a_flush_that_was_required_again_in_between_does_not_count() {
    let mut rig = Rig::new();
    rig.recovery.require_flush(rig.now, ServerId(0));
    let steps = rig.poll();
    rig.recovery.require_flush(rig.now, ServerId(0));
    rig.recovery.handle_cleaned(rig.now, &steps[0], Taken::Done);
    assert!(rig.recovery.is_unflushed(ServerId(0)));
    assert_eq!(rig.poll().len(), 1, "it is asked for again at once");
}

#[test]
fn a_flush_waits_for_late_writes() {
    let mut rig = Rig::new();
    let [home, ..] = rig.order("k");
    rig.settle("k", home, None, Fate::Late);
    rig.recovery.require_flush(rig.now, home);
    assert_eq!(rig.poll(), Vec::new());
    rig.recovery.handle_late_end(rig.now, home, LateEnd::Answered);
    assert_eq!(rig.poll().len(), 1);
}

#[test]
fn what_was_stale_before_a_flush_need_not_be_deleted() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    rig.eject(home);
    rig.write("k");
    rig.advance_ms(1);
    rig.recovery.require_flush(rig.now, home);
    rig.readmit(home);
    let steps = rig.poll();
    rig.recovery.handle_cleaned(rig.now, &steps[0], Taken::Done);
    assert_eq!(rig.clean(), vec![next], "only the holder's copy is left to delete");
    assert!(rig.recovery.is_clear());
}

#[test]
fn a_server_that_came_back_empty_is_stale_only_for_what_came_after() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    rig.eject(home);
    rig.write("k");
    rig.advance_ms(10);
    rig.recovery.handle_emptied(home, rig.now);
    rig.readmit(home);
    assert_eq!(rig.clean(), vec![next]);
    let mut rig = Rig::new();
    rig.eject(home);
    rig.write("k");
    rig.recovery.handle_emptied(home, rig.now);
    rig.readmit(home);
    assert_eq!(rig.clean(), vec![home, next], "what is as old as the bound is not before it");
}

#[test]
fn a_server_that_is_removed_leaves_every_entry() {
    let mut rig = Rig::new();
    let [home, next, last] = rig.order("k");
    rig.eject(home);
    rig.write("k");
    rig.recovery.handle_left(home);
    rig.recovery.handle_left(next);
    assert_eq!(rig.read("k"), None);
    assert_eq!(rig.clean(), Vec::new());
    assert!(rig.recovery.is_clear());
    rig.eject(next);
    assert_eq!(rig.read("k"), Some(last));
}

#[test]
fn a_write_given_up_in_a_turn_that_began_before_a_flush_survives_it() {
    let mut rig = Rig::new();
    let [home, ..] = rig.order("k");
    let (server, unmarked) = rig.send("k", Effect::Writes);
    let turn_began_at = rig.now;
    rig.advance_ms(5);
    rig.recovery.require_flush(rig.now, home);
    let steps = rig.poll();
    rig.recovery.handle_cleaned(rig.now, &steps[0], Taken::Done);
    let ended = Ended { key: b"k", server, mark: unmarked, fate: Fate::Late };
    rig.recovery.settle(turn_began_at, &ended);
    rig.poll();
    assert_eq!(rig.read("k"), None, "it may still be applied");
}

#[test]
fn a_server_that_refuses_to_be_flushed_stays_out_until_it_comes_back_empty() {
    let mut rig = Rig::new();
    let home = ServerId(0);
    rig.recovery.require_flush(rig.now, home);
    for _ in 0..3 {
        let steps = rig.poll();
        rig.recovery.handle_cleaned(rig.now, &steps[0], Taken::Refused);
        rig.advance_ms(2000);
    }
    let events: Vec<_> = rig.recovery.drain_events().map(|it| it.what).collect();
    assert_eq!(events, vec![Happening::FlushRequired, Happening::FlushRefused], "once");
    assert!(rig.recovery.is_unflushed(home));
    rig.recovery.handle_emptied(home, rig.now);
    assert!(rig.recovery.is_clear());
}
