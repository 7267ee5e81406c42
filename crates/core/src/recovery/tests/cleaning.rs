//! Bringing keys home.

use super::*;

/// A rig in which `k` was written to the next server, and home is back.
fn returned() -> (Rig, [ServerId; 3]) {
    let mut rig = Rig::new();
    let order = rig.order("k");
    rig.eject(order[0]);
    rig.write("k");
    rig.readmit(order[0]);
    (rig, order)
}

/// Some keys of a server. Names that differ at their start are spread over all servers.
fn keys_of(rig: &Rig, home: ServerId) -> Vec<String> {
    let keys = (0..200).map(|it| format!("{it}:key"));
    let keys: Vec<_> = keys.filter(|key| rig.order(key)[0] == home).collect();
    assert!(keys.len() > 20);
    keys
}

#[test]
fn a_key_is_deleted_at_home_then_at_its_holder_and_is_home_again() {
    let (mut rig, [home, next, _]) = returned();
    assert_eq!(rig.clean(), vec![home, next]);
    assert!(rig.recovery.is_clear());
    assert_eq!(rig.read("k"), Some(home));
    assert_eq!(rig.recovery.bytes(), 0);
    assert_eq!(rig.recovery.tally().cleaned, 1);
}

#[test]
fn nothing_is_cleaned_at_a_server_that_is_out_of_use() {
    let (mut rig, [home, ..]) = returned();
    rig.eject(home);
    assert_eq!(rig.clean(), Vec::new());
    rig.use_server(home, Usable::Share(Share::percent(0)));
    let [step] = &rig.poll()[..] else { panic!("a server that is coming back is cleaned") };
    assert_eq!(step.server, home);
}

#[test]
fn a_holder_keeps_the_key_until_home_serves_it() {
    let (mut rig, [home, next, _]) = returned();
    rig.use_server(home, Usable::Share(Share::percent(0)));
    assert_eq!(rig.clean(), vec![home]);
    assert_eq!(rig.read("k"), Some(next));
    rig.readmit(home);
    assert_eq!(rig.clean(), vec![next]);
}

#[test]
fn a_write_in_flight_holds_cleaning_up() {
    let (mut rig, [home, next, _]) = returned();
    let (server, mark) = rig.send("k", Effect::Writes);
    assert_eq!((server, rig.clean()), (next, Vec::new()));
    rig.settle("k", server, mark, Fate::Known);
    assert_eq!(rig.clean(), vec![home, next]);
}

#[test]
fn a_step_that_a_write_overtook_does_not_count() {
    let (mut rig, [_, next, _]) = returned();
    let steps = rig.poll();
    rig.write("k");
    for step in &steps {
        rig.recovery.handle_cleaned(rig.now, step, Taken::Done);
    }
    assert_eq!(rig.read("k"), Some(next));
    assert_eq!(rig.recovery.entries_len(), 1);
    assert_eq!(rig.clean().len(), 2, "it is begun again");
}

#[test]
fn a_write_that_went_home_makes_the_former_holder_stale() {
    let (mut rig, [home, next, _]) = returned();
    for step in rig.poll() {
        rig.recovery.handle_cleaned(rig.now, &step, Taken::Done);
    }
    let holder_step = rig.poll();
    assert_eq!(rig.write("k"), home);
    for step in &holder_step {
        rig.recovery.handle_cleaned(rig.now, step, Taken::Done);
    }
    assert_eq!(rig.recovery.entries_len(), 1, "what was deleted then may have been written since");
    assert_eq!(rig.clean(), vec![next]);
    assert!(rig.recovery.is_clear());
    assert_eq!(rig.read("k"), Some(home));
}

#[test]
fn a_step_that_failed_is_taken_again_later() {
    let (mut rig, [home, next, _]) = returned();
    let steps = rig.poll();
    rig.recovery.handle_cleaned(rig.now, &steps[0], Taken::Unanswered);
    assert_eq!(rig.poll(), Vec::new());
    rig.advance_ms(2000);
    assert_eq!(rig.clean(), vec![home, next]);
}

#[test]
fn a_late_write_holds_cleaning_up_until_it_is_answered() {
    let (mut rig, [home, next, _]) = returned();
    rig.settle("k", home, None, Fate::Late);
    assert_eq!(rig.clean(), Vec::new());
    rig.advance_ms(60_000);
    rig.canary(home);
    assert_eq!(rig.clean(), Vec::new(), "however long it takes");
    rig.recovery.handle_late_end(rig.now, home, LateEnd::Answered);
    assert_eq!(rig.clean(), vec![home, next]);
}

#[test]
fn after_a_lost_connection_a_canary_and_a_pause_come_before_cleaning() {
    let (mut rig, [home, next, _]) = returned();
    rig.settle("k", home, None, Fate::Late);
    let sent_before = rig.now;
    rig.advance_ms(100);
    rig.recovery.handle_late_end(rig.now, home, LateEnd::Lost);
    rig.recovery.handle_good_canary(rig.now, home, sent_before);
    rig.advance_ms(5000);
    assert_eq!(rig.clean(), Vec::new(), "no canary was sent after the loss");
    rig.canary(home);
    rig.advance_ms(999);
    rig.canary(home);
    assert_eq!(rig.clean(), Vec::new());
    rig.advance_ms(1);
    assert_eq!(rig.clean(), vec![home, next]);
}

#[test]
fn a_call_gives_no_more_steps_than_asked_for_and_goes_on_where_it_was() {
    let mut rig = Rig::new();
    let home = ServerId(0);
    let keys = keys_of(&rig, home);
    rig.eject(home);
    for key in &keys {
        rig.write(key);
    }
    rig.readmit(home);
    let mut seen = Vec::new();
    for _ in 0..keys.len() {
        let before = seen.len();
        rig.recovery.poll_cleaning(rig.now, POOL, &rig.table, 3, &mut seen);
        assert!(seen.len() - before <= 3);
    }
    assert_eq!(seen.len(), keys.len(), "each once, until it is answered or given up");
}

#[test]
fn a_key_that_cannot_be_deleted_does_not_hold_up_the_others() {
    let mut rig = Rig::new();
    let home = ServerId(0);
    let keys = keys_of(&rig, home);
    rig.eject(home);
    for key in &keys {
        rig.write(key);
    }
    rig.readmit(home);
    for _ in 0..10 {
        for step in rig.poll() {
            let is_it = step.step.key() == Some(keys[1].as_bytes());
            let taken = if is_it { Taken::Refused } else { Taken::Done };
            rig.recovery.handle_cleaned(rig.now, &step, taken);
        }
    }
    assert_eq!(rig.recovery.entries_len(), 1);
}
