//! The checker can fail: whatever is done wrong on purpose is found, and found to be what it is.

use evenkeel_sim::checker::Promise;
use evenkeel_sim::faults::FaultKind;
use evenkeel_sim::options::pool;
use evenkeel_sim::sabotage::Sabotage;
use evenkeel_sim::{Options, run};

/// Without the sabotage nothing is found; with it, this is.
#[track_caller]
fn check_caught(sabotage: Sabotage, kinds: &[FaultKind], promise: Promise) {
    let mut options = Options::calm();
    options.pool = pool(2);
    options.faults.kinds = kinds.to_vec();
    assert_eq!(run(1, options.clone()).violation, None, "without {sabotage:?}");
    options.sabotage = Some(sabotage);
    let violation = run(1, options).violation;
    assert_eq!(violation.as_ref().map(|it| it.promise), Some(promise), "{violation:?}");
}

#[test]
fn a_value_under_another_key_is_caught() {
    check_caught(Sabotage::MixUpValues, &[], Promise::P1);
}

#[test]
fn an_answer_that_is_left_out_is_caught() {
    check_caught(Sabotage::DropAnswers, &[], Promise::P1);
}

#[test]
fn an_answer_that_is_given_twice_is_caught() {
    check_caught(Sabotage::RepeatAnswers, &[], Promise::P1);
}

#[test]
fn timers_that_never_fire_are_caught() {
    check_caught(Sabotage::IgnoreTimeouts, &[FaultKind::Mute], Promise::P2);
}

#[test]
fn timers_that_fire_late_are_caught() {
    check_caught(Sabotage::DelayTimeouts, &[FaultKind::Hang], Promise::P2);
}

#[test]
fn an_error_in_place_of_a_miss_is_caught() {
    check_caught(Sabotage::FailReads, &[FaultKind::Hang], Promise::P3);
}

#[test]
fn a_server_that_is_never_used_again_is_caught() {
    check_caught(Sabotage::NeverReadmit, &[FaultKind::Crash], Promise::P2);
}

#[test]
fn every_sabotage_has_a_test() {
    assert_eq!(Sabotage::ALL.len(), 7, "add a test above");
}
