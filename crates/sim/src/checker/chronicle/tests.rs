use super::Fate::{Acknowledged as Done, Failed, Refused};
use super::*;

const KEY: Key = Key::shared(1);
const COUNTER: Key = Key::counter(1);

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// A chronicle in which these changes began and ended, in milliseconds.
fn chronicle(changes: &[(Change, u64, u64, Fate)]) -> Chronicle {
    let mut chronicle = Chronicle::default();
    for &(change, began_at, ended_at, fate) in changes {
        chronicle.begin(change);
        let (began_at, ended_at) = (at(began_at), at(ended_at));
        chronicle.end(Ended { change, began_at, ended_at, fate }).expect("nothing was read");
    }
    chronicle
}

fn write(id: u32) -> Change {
    Change::Write(KEY, Some(id))
}

/// Whether a read that begins then may give the value of write 1.
#[track_caller]
fn check(changes: &[(Change, u64, u64, Fate)], began_at: u64, is_allowed: bool) {
    let mut chronicle = chronicle(changes);
    let judged = chronicle.judge_read(at(1000), KEY, 1, at(began_at));
    assert_eq!(judged.is_ok(), is_allowed, "{judged:?}");
}

#[test]
fn the_last_acknowledged_write_may_be_read() {
    check(&[(write(0), 1, 2, Done), (write(1), 3, 4, Done)], 9, true);
}

#[test]
fn what_a_later_acknowledged_change_hides_may_not() {
    check(&[(write(1), 1, 2, Done), (write(2), 3, 4, Done)], 9, false);
    check(&[(write(1), 1, 2, Done), (Change::Delete(KEY), 3, 4, Done)], 9, false);
    check(&[(write(1), 1, 2, Done), (Change::Flush, 3, 4, Done)], 9, false);
}

#[test]
fn changes_of_other_keys_hide_nothing() {
    check(&[(write(1), 1, 2, Done), (Change::Delete(COUNTER), 3, 4, Done)], 9, true);
}

#[test]
fn a_read_that_began_before_the_acknowledgement_may_see_what_was() {
    check(&[(write(1), 1, 2, Done), (write(2), 3, 4, Done)], 4, true);
    check(&[(write(1), 1, 2, Done), (write(2), 3, 4, Done)], 5, false);
}

#[test]
fn concurrent_writes_may_have_happened_in_either_order() {
    check(&[(write(1), 1, 3, Done), (write(2), 2, 4, Done)], 9, true);
    check(&[(write(1), 1, 3, Done), (write(2), 3, 4, Done)], 9, true);
}

#[test]
fn only_an_acknowledged_change_hides() {
    check(&[(write(1), 1, 2, Done), (write(2), 3, 4, Failed)], 9, true);
    check(&[(write(1), 1, 2, Done), (write(2), 3, 4, Refused)], 9, true);
}

#[test]
fn a_write_that_was_given_up_may_show_until_a_later_one_is_acknowledged() {
    check(&[(write(1), 1, 2, Failed)], 9, true);
    check(&[(write(1), 1, 2, Failed), (write(2), 3, 4, Done)], 4, true);
    check(&[(write(1), 1, 2, Failed), (write(2), 3, 4, Done)], 5, false);
}

#[test]
fn a_write_that_was_refused_never_shows() {
    check(&[(write(1), 1, 4, Refused)], 4, true);
    check(&[(write(1), 1, 4, Refused)], 5, false);
}

#[test]
fn a_write_that_has_not_ended_may_show_at_any_time() {
    check(&[(write(2), 3, 4, Done)], 9, true);
}

#[test]
fn the_change_that_began_last_hides_even_if_another_was_acknowledged_later() {
    let changes =
        [(write(1), 1, 4, Done), (write(2), 5, 6, Done), (Change::Delete(KEY), 3, 8, Done)];
    check(&changes, 7, false);
    check(&changes, 9, false);
}

#[test]
fn news_of_a_change_is_held_against_the_reads_judged_before() {
    let mut chronicle = chronicle(&[(write(1), 1, 2, Done)]);
    chronicle.judge_read(at(8), KEY, 1, at(5)).expect("nothing is known against it");
    let ended = |change| Ended { change, began_at: at(3), ended_at: at(4), fate: Done };
    chronicle.end(ended(Change::Delete(COUNTER))).expect("of another key");
    chronicle.end(ended(Change::Delete(KEY))).expect_err("it was there before the read");
}

/// Whether a request that begins then and is no write may find the counter.
#[track_caller]
fn check_presence(chronicle: &Chronicle, began_at: u64, is_allowed: bool) {
    let judged = chronicle.judge_presence(COUNTER, at(began_at));
    assert_eq!(judged.is_ok(), is_allowed, "{judged:?}");
}

#[test]
fn some_value_may_be_there_only_if_one_may_show() {
    let write = Change::Write(COUNTER, None);
    check_presence(&chronicle(&[(write, 1, 2, Done)]), 9, true);
    let deleted = [(write, 1, 2, Done), (Change::Delete(COUNTER), 3, 4, Done)];
    check_presence(&chronicle(&deleted), 4, true);
    check_presence(&chronicle(&deleted), 5, false);
    let mut chronicle = chronicle(&deleted);
    chronicle.begin(write);
    check_presence(&chronicle, 5, true);
    chronicle.judge_presence_for_write(COUNTER, at(5)).expect_err("the write is its own");
}
