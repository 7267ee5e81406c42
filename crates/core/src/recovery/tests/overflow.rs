//! More misplaced keys than there is room for.

use super::*;

const FEW: usize = 20;

/// Room for few entries, and home gone for as many keys as that.
fn full() -> (Rig, Vec<String>) {
    let settings =
        RecoverySettings { misplaced_bytes_max: FEW * Entry::bytes(b"k100"), ..SETTINGS };
    let mut rig = Rig::with(settings);
    let keys = (100..).map(|it| format!("k{it}"));
    let keys = keys.filter(|key| rig.order(key)[0] == ServerId(0)).take(FEW).collect::<Vec<_>>();
    rig.eject(ServerId(0));
    for key in &keys {
        rig.write(key);
    }
    assert_eq!(rig.recovery.entries_len(), FEW);
    (rig, keys)
}

/// A key of the same home that comes on top.
fn one_more(rig: &Rig) -> String {
    let mut keys = (0..1000).map(|it| format!("more{it}"));
    keys.find(|key| rig.order(key)[0] == ServerId(0)).unwrap()
}

#[test]
fn entries_are_replaced_by_a_flush_and_their_keys_are_misses() {
    let (mut rig, keys) = full();
    let extra = one_more(&rig);
    rig.write(&extra);
    assert_eq!(rig.recovery.tally().overflowed, FEW as u64);
    assert_eq!(rig.recovery.entries_len(), 1);
    assert!(rig.recovery.is_unflushed(ServerId(0)));
    assert!(rig.recovery.bytes() < FEW * Entry::bytes(b"k100"));
    for key in &keys {
        let holder = rig.order(key)[1];
        assert_ne!(rig.read(key), Some(holder), "another server may have had a later value");
    }
    let [_, next, _] = rig.order(&keys[0]);
    assert_ne!(rig.send(&keys[1], Effect::Changes).0, next, "an `add` would see it too");
    // A new write has an entry again.
    let holder = rig.write(&keys[0]);
    assert_eq!(rig.read(&keys[0]), Some(holder));
    let events: Vec<_> = rig.recovery.drain_events().map(|it| (it.server, it.what)).collect();
    let overflowed = Happening::Overflowed { keys: FEW as u64 };
    let home = ServerId(0);
    assert_eq!(events, vec![(home, overflowed), (home, Happening::FlushRequired)]);
}

#[test]
fn a_server_with_given_up_values_becomes_no_holder() {
    let (mut rig, keys) = full();
    let extra = one_more(&rig);
    rig.write(&extra);
    // Its write would make it one before it is carried out there, and reads would find the old.
    for effect in [Effect::Writes, Effect::Deletes, Effect::Changes] {
        for key in &keys {
            let former = rig.order(key)[1];
            let routed = rig.route(key, effect);
            assert!(!matches!(routed, Routed::To { server, .. } if server == former), "{routed:?}");
        }
    }
}

#[test]
fn what_was_diverted_is_read_again_when_its_time_to_live_is_over() {
    let (mut rig, keys) = full();
    let extra = one_more(&rig);
    rig.write(&extra);
    rig.advance_ms(62_000);
    assert!(rig.read(&keys[0]).is_some());
    rig.readmit(ServerId(0));
    assert_eq!(rig.clean()[0], ServerId(0), "it is flushed");
    assert!(rig.recovery.is_clear());
}

#[test]
fn a_key_comes_home_to_a_given_up_value_when_its_time_to_live_is_over() {
    let (mut rig, keys) = full();
    let extra = one_more(&rig);
    rig.write(&extra);
    let own = (0..1000).map(|it| format!("own{it}")).find(|key| rig.order(key)[0] == ServerId(1));
    let holders: Vec<_> = keys.iter().map(|key| rig.order(key)[1]).collect();
    rig.leave_first();
    for (key, holder) in keys.iter().zip(&holders) {
        assert_ne!(rig.read(key), Some(*holder), "it is home now, and has the old value");
        let before = rig.recovery.clone();
        let routed = rig.route(key, Effect::Writes);
        assert!(!matches!(routed, Routed::To { server, .. } if server == *holder), "{routed:?}");
        rig.recovery = before;
    }
    assert_eq!(rig.read(&own.unwrap()), Some(ServerId(1)), "it was always at home there");
    rig.advance_ms(62_000);
    rig.clean();
    for (key, holder) in keys.iter().zip(&holders) {
        assert_eq!(rig.read(key), Some(*holder));
    }
}

#[test]
fn keys_at_home_with_a_holder_are_not_closed() {
    let (mut rig, _) = full();
    let extra = one_more(&rig);
    rig.write(&extra);
    let own = (0..1000).map(|it| format!("own{it}")).find(|key| rig.order(key)[0] == ServerId(1));
    assert_eq!(rig.read(&own.unwrap()), Some(ServerId(1)));
}

#[test]
fn entries_of_servers_in_use_are_kept() {
    let (mut rig, _) = full();
    let kept = (0..1000).map(|it| format!("x{it}")).find(|key| rig.order(key)[0] == ServerId(1));
    let kept = kept.unwrap();
    rig.settle(&kept, ServerId(1), None, Fate::Lost);
    let extra = one_more(&rig);
    rig.write(&extra);
    assert!(!rig.recovery.is_unflushed(ServerId(1)), "it would lose all that it serves");
    assert_eq!(rig.read(&kept), None);
}

#[test]
fn a_write_whose_entry_was_given_up_is_not_believed() {
    let (mut rig, keys) = full();
    let (server, mark) = rig.send(&keys[0], Effect::Writes);
    let extra = one_more(&rig);
    rig.write(&extra);
    assert!(rig.recovery.tally().overflowed > 0);
    rig.settle(&keys[0], server, mark, Fate::Known);
    assert_eq!(rig.read(&keys[0]), None);
    assert_ne!(rig.write(&keys[0]), server, "it may be stale there");
}

#[test]
fn writes_without_answers_are_bounded_too() {
    let mut rig = Rig::with(RecoverySettings { misplaced_bytes_max: 64 * 1024, ..SETTINGS });
    for number in 0..10_000 {
        let key = format!("k{number}");
        // Now and then all servers are to be flushed first.
        if let Routed::To { server, mark, .. } = rig.route(&key, Effect::Writes) {
            rig.settle(&key, server, mark, Fate::Lost);
            rig.canary(server);
        }
        rig.advance_ms(1000);
        for step in rig.poll() {
            let taken = if step.step == Step::Flush { Taken::Done } else { Taken::Unanswered };
            rig.recovery.handle_cleaned(rig.now, &step, taken);
        }
    }
    assert!(rig.recovery.tally().overflowed > 0);
    assert!(rig.recovery.bytes() <= 64 * 1024, "{}", rig.recovery.bytes());
}
