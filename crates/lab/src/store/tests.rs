use super::item::KeyForm;
use super::write::{Delta, Direction, Mode, NumberOrigin, OlderCas, Summed, Write, Written};
use super::*;

const START: u64 = 2_000_000_000;

fn store() -> Store {
    Store::new(StoreLimits::default(), at(0))
}

/// `seconds` after the start of the test.
fn at(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(START + seconds)
}

fn write<'a>(mode: Mode, key: &'a str, value: &'a str) -> Write<'a> {
    Write {
        key: key.as_bytes(),
        value: value.as_bytes(),
        mode,
        cas: 0,
        older_cas: OlderCas::Refused,
        client_flags: 0,
        exptime: 0,
        key_form: KeyForm::Plain,
    }
}

fn set(store: &mut Store, key: &str, value: &str, exptime: i64) -> Written {
    store.write(&Write { exptime, ..write(Mode::Set, key, value) })
}

fn value(store: &mut Store, key: &str) -> Option<String> {
    let item = store.retrieve(key.as_bytes())?;
    Some(String::from_utf8(item.value.to_vec()).unwrap())
}

fn incr(store: &mut Store, amount: u64) -> Summed {
    store.sum(&Delta { key: b"n", direction: Direction::Up, amount, cas: 0 })
}

fn decr(store: &mut Store, amount: u64) -> Summed {
    store.sum(&Delta { key: b"n", direction: Direction::Down, amount, cas: 0 })
}

fn kept(number: u64) -> Summed {
    Summed::Number { number, origin: NumberOrigin::Kept }
}

#[test]
fn an_item_is_there_until_the_second_it_expires() {
    let mut store = store();
    set(&mut store, "a", "1", 10);
    store.advance_to(at(9));
    assert_eq!(value(&mut store, "a").as_deref(), Some("1"));
    store.advance_to(at(10));
    assert_eq!(value(&mut store, "a"), None);
    assert_eq!(store.counters().get_expired, 1);
    assert_eq!(store.len(), 0, "it is dropped when it is asked for");
}

#[test]
fn an_expired_item_is_none_to_every_command() {
    let mut store = store();
    let mut with_expired = |act: &mut dyn FnMut(&mut Store)| {
        set(&mut store, "n", "1", -1);
        act(&mut store);
        store.forget(b"n");
    };
    with_expired(&mut |store| assert!(store.retrieve(b"n").is_none()));
    with_expired(&mut |store| assert!(store.touch(b"n", 0).is_none()));
    with_expired(&mut |store| assert!(store.item_mut(b"n", Look::Peek).is_none()));
    with_expired(&mut |store| assert_eq!(store.delete(b"n", None), Deleted::NotFound));
    with_expired(&mut |store| {
        assert_eq!(store.mark_stale(b"n", None, None), Deleted::NotFound);
    });
    with_expired(&mut |store| assert_eq!(incr(store, 1), Summed::NotFound));
    with_expired(&mut |store| {
        assert_eq!(store.write(&write(Mode::Replace, "n", "2")), Written::NotStored);
    });
    with_expired(&mut |store| {
        assert!(matches!(store.write(&write(Mode::Add, "n", "2")), Written::Stored(_)));
    });
}

#[test]
fn a_touch_moves_the_expiry() {
    let mut store = store();
    set(&mut store, "a", "1", 10);
    assert!(store.touch(b"a", 100).is_some());
    store.advance_to(at(99));
    assert!(store.touch(b"a", 0).is_some());
    store.advance_to(at(1_000_000));
    assert_eq!(value(&mut store, "a").as_deref(), Some("1"));
}

#[test]
fn time_does_not_run_backwards() {
    let mut store = store();
    store.advance_to(at(100));
    set(&mut store, "a", "1", 10);
    store.advance_to(at(0));
    assert_eq!(store.now(), at(100));
}

#[test]
fn a_delayed_flush_takes_what_was_stored_before_its_moment() {
    let mut store = store();
    set(&mut store, "before", "1", 0);
    store.flush(10);
    set(&mut store, "between", "1", 0);
    store.advance_to(at(9));
    assert!(value(&mut store, "before").is_some());
    store.advance_to(at(10));
    set(&mut store, "after", "1", 0);
    assert_eq!(value(&mut store, "before"), None);
    assert_eq!(value(&mut store, "between"), None);
    assert!(value(&mut store, "after").is_some());
    store.advance_to(at(20));
    assert!(value(&mut store, "after").is_some(), "a flush happens once");
}

#[test]
fn a_later_flush_replaces_one_that_has_not_happened() {
    let mut store = store();
    store.flush(10);
    store.flush(1000);
    set(&mut store, "a", "1", 0);
    store.advance_to(at(500));
    assert!(value(&mut store, "a").is_some());
    store.flush(0);
    assert_eq!(value(&mut store, "a"), None);
    set(&mut store, "a", "1", 0);
    store.advance_to(at(5000));
    assert!(value(&mut store, "a").is_some());
}

#[test]
fn every_change_of_a_value_has_its_own_cas_token() {
    let mut store = store();
    assert_eq!(set(&mut store, "n", "1", 0), Written::Stored(1));
    assert_eq!(set(&mut store, "n", "1", 0), Written::Stored(2));
    incr(&mut store, 1);
    assert_eq!(store.retrieve(b"n").unwrap().cas, 3);
    store.touch(b"n", 100);
    assert_eq!(store.retrieve(b"n").unwrap().cas, 3, "a touch changes no value");
    store.mark_stale(b"n", None, None);
    assert_eq!(store.retrieve(b"n").unwrap().cas, 4);
}

#[test]
fn cas_stores_only_over_the_value_it_names() {
    let mut store = store();
    let cas = |cas| Write { cas, ..write(Mode::Cas, "a", "new") };
    assert_eq!(store.write(&cas(1)), Written::NotFound);
    set(&mut store, "a", "old", 0);
    assert_eq!(store.write(&cas(2)), Written::Exists);
    assert_eq!(store.write(&cas(0)), Written::Exists, "0 names no value");
    assert_eq!(store.write(&cas(1)), Written::Stored(2));
    assert_eq!(store.write(&cas(1)), Written::Exists);
    let counters = store.counters();
    assert_eq!((counters.cas_hits, counters.cas_misses, counters.cas_badval), (1, 1, 3));
}

#[test]
fn a_joined_value_keeps_flags_and_expiry() {
    let mut store = store();
    store.write(&Write { client_flags: 7, exptime: 10, ..write(Mode::Set, "a", "b") });
    store.write(&Write { client_flags: 8, exptime: 99, ..write(Mode::Append, "a", "c") });
    store.write(&write(Mode::Prepend, "a", "a"));
    let item = store.retrieve(b"a").unwrap();
    assert_eq!((&*item.value, item.client_flags), (&b"abc"[..], 7));
    assert_eq!(item.expires_at, Some(at(10)));
}

#[test]
fn a_sum_wraps_above_and_stops_at_zero() {
    let mut store = store();
    set(&mut store, "n", "18446744073709551615", 0);
    assert_eq!(incr(&mut store, 2), kept(1));
    assert_eq!(decr(&mut store, 5), kept(0));
    assert_eq!(value(&mut store, "n").unwrap(), format!("{:<20}", 0), "padded in place");
}

#[test]
fn a_number_that_grows_keeps_its_expiry_and_loses_its_marks() {
    let mut store = store();
    set(&mut store, "n", "9", 10);
    store.mark_stale(b"n", None, None);
    assert_eq!(incr(&mut store, 1), Summed::Number { number: 10, origin: NumberOrigin::Renewed });
    let item = store.retrieve(b"n").unwrap();
    assert_eq!((item.freshness, item.expires_at), (Freshness::Fresh, Some(at(10))));
}

#[test]
fn a_value_over_the_limit_drops_the_item_a_set_would_have_replaced() {
    let mut store = store();
    let too_long = "v".repeat(StoreLimits::default().item_size_max);
    set(&mut store, "a", "1", 0);
    assert_eq!(store.write(&write(Mode::Replace, "a", &too_long)), Written::TooLarge);
    assert!(value(&mut store, "a").is_some(), "only a set must not leave the old value");
    assert_eq!(set(&mut store, "a", &too_long, 0), Written::TooLarge);
    assert_eq!(value(&mut store, "a"), None);
    assert_eq!(store.counters().too_large, 2);
}

#[test]
fn a_value_that_would_grow_over_the_limit_is_left_as_it_is() {
    let mut store = store();
    let half = "v".repeat(StoreLimits::default().item_size_max / 2);
    set(&mut store, "a", &half, 0);
    assert_eq!(store.write(&write(Mode::Append, "a", &half)), Written::NotStored);
    assert_eq!(value(&mut store, "a").unwrap().len(), half.len());
}

#[test]
fn items_past_the_budget_push_others_out() {
    let limits = StoreLimits { memory_max: 1024 * 1024, item_size_max: 64 * 1024 };
    let mut store = Store::new(limits, at(0));
    let text = "v".repeat(1000);
    for number in 0..5000 {
        let key = number.to_string();
        set(&mut store, &key, &text, 0);
        assert!(value(&mut store, &key).is_some(), "what has just been stored is there");
        assert!(store.memory_used() <= limits.memory_max as u64);
    }
    let kept = store.len() as u64;
    assert_eq!(kept + store.counters().evictions, 5000);
    assert!(kept > 800, "{kept} items of 1000 bytes in 1 MiB");
}

#[test]
fn what_is_asked_for_often_outlives_what_is_not() {
    let limits = StoreLimits { memory_max: 1024 * 1024, item_size_max: 64 * 1024 };
    let mut store = Store::new(limits, at(0));
    let text = "v".repeat(1000);
    set(&mut store, "popular", &text, 0);
    for number in 0..5000 {
        set(&mut store, &number.to_string(), &text, 0);
        assert!(value(&mut store, "popular").is_some(), "after {number} others");
    }
}

#[test]
fn empty_values_cost_memory_too() {
    let limits = StoreLimits { memory_max: 1024 * 1024, item_size_max: 64 * 1024 };
    let mut store = Store::new(limits, at(0));
    for number in 0..100_000 {
        set(&mut store, &number.to_string(), "", 0);
    }
    assert!(store.len() * ITEM_OVERHEAD <= limits.memory_max, "{} items", store.len());
}
