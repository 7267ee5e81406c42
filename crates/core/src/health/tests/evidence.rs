//! The rules that count: timeouts in a row, unusable responses, ratios; and soft evidence.

use super::*;
use crate::event::Evidence;
use crate::protocol::response::Invalid;

const GARBLED: Failure = Failure::Garbled(Invalid::Unasked);

#[test]
fn as_many_timeouts_in_a_row_as_it_takes_eject() {
    for eject_after in [1, 2, 5] {
        let mut watch = Watch::with(|config| config.eject_after = eject_after);
        watch.fail_in_a_row(Failure::Timeout, eject_after - 1);
        watch.check(StateName::Suspect);
        watch.fail_in_a_row(Failure::Timeout, eject_after);
        watch.check(StateName::Down);
        watch.check_rules(&[Rule::Suspicion, Rule::Timeouts]);
    }
}

#[test]
fn only_timeouts_are_counted_in_a_row() {
    let mut watch = Watch::new();
    watch.fail_in_a_row(Failure::Reset, 100);
    watch.check(StateName::Suspect);
}

// Unusable responses.

#[test]
fn as_many_unusable_responses_as_it_takes_within_a_window_eject() {
    let mut watch = Watch::new();
    watch.fail(GARBLED).pass_ms(500).fail(GARBLED);
    watch.check(StateName::Suspect);
    watch.pass_ms(499).fail(GARBLED);
    watch.check(StateName::Down);
    let last = watch.transitions().pop().unwrap();
    assert_eq!((last.rule, last.evidence), (Rule::Garbled, Evidence::Unusable(3)));
}

#[test]
fn unusable_responses_further_apart_than_a_window_do_not_eject() {
    let mut watch = Watch::new();
    for _ in 0..10 {
        watch.fail(GARBLED).pass_ms(500).fail(GARBLED).pass_ms(500);
    }
    watch.check(StateName::Suspect);
}

// Ratios.

#[track_caller]
fn check_ratio(class: Class, (failed, attempts): (u32, u32), failure: Failure, state: StateName) {
    let mut watch = Watch::new();
    watch.count(&tally(class, attempts, failed, failure));
    watch.check(state);
    if state == StateName::Down {
        let last = watch.transitions().pop().unwrap();
        assert_eq!(last.rule, Rule::Ratio);
        assert_eq!(last.evidence, Evidence::Failed { failed, attempts });
    }
}

#[test]
fn half_of_the_requests_failing_ejects_and_fewer_do_not() {
    for class in [Class::Read, Class::Write, Class::Delete] {
        check_ratio(class, (10, 20), Failure::Reset, StateName::Down);
        check_ratio(class, (9, 20), Failure::Reset, StateName::Up);
        check_ratio(class, (500, 1000), Failure::Timeout, StateName::Down);
        check_ratio(class, (499, 1000), Failure::Timeout, StateName::Up);
    }
    check_ratio(Class::Read, (10, 20), Failure::ServerError, StateName::Down);
    check_ratio(Class::Delete, (10, 20), Failure::ServerError, StateName::Down);
}

#[test]
fn a_ratio_of_too_few_requests_is_not_judged() {
    check_ratio(Class::Read, (19, 19), Failure::ServerError, StateName::Up);
    check_ratio(Class::Read, (20, 20), Failure::ServerError, StateName::Down);
}

#[test]
fn reads_with_deletes_and_writes_are_judged_apart() {
    let mut watch = Watch::new();
    watch.count(&tally(Class::Write, 1000, 0, Failure::Reset));
    watch.count(&tally(Class::Read, 10, 5, Failure::Reset));
    watch.count(&tally(Class::Delete, 9, 5, Failure::Reset));
    watch.check(StateName::Up);
    watch.count(&tally(Class::Delete, 1, 0, Failure::Reset));
    watch.check(StateName::Down);
}

#[test]
fn a_ratio_is_judged_on_each_report_over_the_window_that_ends_there() {
    let failing = tally(Class::Read, 5, 5, Failure::ServerError);
    let mut watch = Watch::new();
    for _ in 0..3 {
        watch.count(&failing).pass_ms(200);
        watch.check(StateName::Up);
    }
    watch.count(&failing);
    watch.check(StateName::Down);
    let mut watch = Watch::new();
    for _ in 0..20 {
        watch.count(&failing).pass_ms(334);
    }
    watch.check(StateName::Up);
}

#[test]
fn what_was_counted_before_an_ejection_is_forgotten() {
    let mut watch = Watch::with(|config| config.ramp = Duration::ZERO);
    watch.count(&tally(Class::Read, 20, 10, Failure::Reset));
    watch.wait_for_canary();
    watch.canary_comes_back(Ok(1)).canary_comes_back(Ok(1));
    watch.check(StateName::Up);
    watch.count(&tally(Class::Read, 19, 10, Failure::Reset));
    watch.check(StateName::Up);
}

// Soft evidence, doubted.

/// A rule, and how to break it.
type Breach = (Rule, fn(&mut Watch));

/// What would eject it were it not doubted.
const SOFT: [Breach; 3] = [
    (Rule::Timeouts, |watch| {
        watch.fail_in_a_row(Failure::Timeout, 3);
    }),
    (Rule::Canary, |watch| {
        watch.fail(Failure::Timeout);
        watch.wait_for_canary();
        watch.canary_comes_back(Err(Failure::Timeout));
    }),
    (Rule::Ratio, |watch| {
        watch.count(&tally(Class::Read, 20, 20, Failure::Timeout));
    }),
];

#[test]
fn soft_evidence_ejects_if_it_is_not_doubted() {
    for (rule, fail) in SOFT {
        let mut watch = Watch::new();
        fail(&mut watch);
        watch.check(StateName::Down);
        assert_eq!(watch.transitions().pop().unwrap().rule, rule);
        assert!(watch.health.is_softly_failing());
    }
}

#[test]
fn soft_evidence_that_is_doubted_makes_suspect_and_ejects_after_the_hold() {
    for (rule, fail) in SOFT {
        let mut watch = Watch::new();
        watch.peers.soft = Soft::IsDoubted;
        fail(&mut watch);
        watch.check(StateName::Suspect);
        assert!(watch.health.is_softly_failing(), "it counts for the others");
        watch.pass_ms(4999);
        watch.fail_in_a_row(Failure::Timeout, 3);
        watch.check(StateName::Suspect);
        watch.pass_ms(1);
        fail(&mut watch);
        watch.check(StateName::Down);
        assert_eq!(watch.transitions().pop().unwrap().rule, rule);
    }
}

#[test]
fn hard_evidence_is_never_doubted() {
    let check = |fail: fn(&mut Watch)| {
        let mut watch = Watch::new();
        watch.peers.soft = Soft::IsDoubted;
        fail(&mut watch);
        watch.check(StateName::Down);
        assert!(!watch.health.is_softly_failing());
    };
    check(|watch| {
        watch.fail(Failure::Refused);
    });
    check(|watch| {
        watch.fail(Failure::Reset).canary_comes_back(Err(Failure::Reset));
    });
    check(|watch| {
        watch.fail(Failure::Timeout).canary_comes_back(Err(Failure::WrongValue));
    });
    check(|watch| {
        watch.fail(GARBLED).fail(GARBLED).fail(GARBLED);
    });
    check(|watch| {
        let mut mixed = tally(Class::Read, 20, 10, Failure::ServerError);
        mixed.merge(&tally(Class::Read, 0, 0, Failure::Timeout));
        watch.count(&mixed);
    });
}

#[test]
fn a_ratio_that_timeouts_alone_bring_about_is_soft() {
    let mut mixed = tally(Class::Read, 20, 9, Failure::ServerError);
    mixed.merge(&tally(Class::Read, 2, 2, Failure::Timeout));
    let mut watch = Watch::new();
    watch.peers.soft = Soft::IsDoubted;
    watch.count(&mixed);
    watch.check(StateName::Suspect);
}

#[test]
fn a_server_that_is_cleared_is_no_longer_in_doubt() {
    let mut watch = Watch::new();
    watch.peers.soft = Soft::IsDoubted;
    watch.fail_in_a_row(Failure::Timeout, 3);
    watch.canary_comes_back(Ok(100));
    assert!(watch.health.is_softly_failing(), "not yet cleared");
    while watch.health.state() == StateName::Suspect {
        watch.wait_for_canary();
        watch.canary_comes_back(Ok(100));
    }
    assert!(!watch.health.is_softly_failing());
    watch.pass_ms(60_000).fail_in_a_row(Failure::Timeout, 3);
    watch.check(StateName::Suspect);
}

#[test]
fn a_hanging_server_that_is_killed_is_no_longer_softly_down() {
    let mut watch = Watch::new();
    watch.fail_in_a_row(Failure::Timeout, 3);
    watch.wait_for_canary();
    watch.canary_comes_back(Err(Failure::Timeout));
    assert!(watch.health.is_softly_failing());
    watch.wait_for_canary();
    watch.canary_comes_back(Err(Failure::Refused));
    assert!(!watch.health.is_softly_failing());
}

// What a server may be silent.

#[test]
fn suspect_after_follows_the_99th_percentile_within_its_bounds() {
    let after = |latency: Duration, len: u32| {
        let mut watch = Watch::new();
        let mut tally = Tally::default();
        for _ in 0..len {
            tally.note_response(Class::Read, latency, false);
        }
        watch.count(&tally);
        watch.health.handle_window_end(watch.now);
        watch.health.suspect_after()
    };
    assert_eq!(Watch::new().health.suspect_after(), ms(20));
    assert_eq!(after(ms(1), 100), ms(20));
    let between = after(ms(10), 100);
    assert!((ms(80)..=ms(100)).contains(&between), "{between:?}");
    assert_eq!(after(ms(100), 100), ms(250), "the attempt's timeout");
    assert_eq!(after(ms(10), 19), ms(20), "too few to tell");
}
