//! Up and Suspect: canaries, suspicion, and being cleared of it.

use super::*;
use crate::event::Evidence;
use crate::protocol::response::Invalid;

const CLEAR_MS: u64 = 1000;

#[test]
fn a_server_is_taken_to_be_up_and_gets_a_canary_at_once() {
    let mut watch = Watch::new();
    watch.check(StateName::Up);
    assert_eq!(watch.health.usable(), Usable::Yes);
    assert!(watch.has_canary());
    assert!(!watch.has_canary(), "one at a time");
    assert_eq!(watch.health.next_timeout(), None);
}

#[test]
fn an_up_server_gets_a_canary_every_interval() {
    let mut watch = Watch::new();
    for _ in 0..20 {
        watch.canary_comes_back(Ok(100));
        assert!(!watch.has_canary());
        check_about(watch.wait_for_canary(), 1000);
    }
    watch.check(StateName::Up);
    watch.check_rules(&[]);
}

#[test]
fn a_first_failure_is_suspicious_and_sends_a_canary_at_once() {
    for failure in [
        Failure::Timeout,
        Failure::Reset,
        Failure::Closed,
        Failure::ConnectTimeout,
        Failure::ServerError,
        Failure::Garbled(Invalid::Unasked),
    ] {
        let mut watch = Watch::new();
        watch.canary_comes_back(Ok(100)).fail(failure);
        watch.check(StateName::Suspect);
        watch.check_rules(&[Rule::Suspicion]);
        assert!(watch.has_canary());
        assert_eq!(watch.health.usable(), Usable::Yes, "it is in use");
    }
}

#[test]
fn an_overdue_request_is_suspicious_and_sends_a_canary_at_once() {
    let mut watch = Watch::new();
    watch.canary_comes_back(Ok(100));
    watch.health.handle_overdue(watch.now, ms(21));
    watch.check(StateName::Suspect);
    assert!(watch.has_canary());
    let transitions = watch.transitions();
    assert_eq!(transitions[0].rule, Rule::Suspicion);
    assert_eq!(transitions[0].evidence, Evidence::Overdue(ms(21)));
}

#[test]
fn what_follows_from_an_ejection_or_from_our_own_limits_is_not_evidence() {
    let mut watch = Watch::new();
    watch.fail(Failure::Ejected).fail(Failure::NoServer).fail(Failure::Overload);
    watch.check(StateName::Up);
}

#[test]
fn a_bad_canary_makes_an_up_server_suspect_and_a_second_one_ejects_it() {
    let mut watch = Watch::new();
    watch.canary_comes_back(Err(Failure::Timeout));
    watch.check(StateName::Suspect);
    watch.canary_comes_back(Err(Failure::WrongValue));
    watch.check(StateName::Down);
    watch.check_rules(&[Rule::Suspicion, Rule::Canary]);
}

#[test]
fn a_suspect_server_is_cleared_by_good_canaries_and_time() {
    let mut watch = Watch::new();
    watch.fail(Failure::Reset).canary_comes_back(Ok(100));
    watch.check(StateName::Suspect);
    assert_eq!(watch.wait_for_canary(), ms(CLEAR_MS));
    watch.canary_comes_back(Ok(100));
    watch.check(StateName::Up);
    watch.check_rules(&[Rule::Suspicion, Rule::Cleared]);
    check_about(watch.wait_for_canary(), 1000);
}

#[test]
fn a_failure_starts_the_time_until_a_server_is_cleared_anew() {
    let mut watch = Watch::new();
    watch.fail(Failure::Reset).canary_comes_back(Ok(100));
    watch.pass_ms(900).fail(Failure::Reset);
    watch.wait_for_canary();
    watch.canary_comes_back(Ok(100));
    watch.check(StateName::Suspect);
    watch.wait_for_canary();
    watch.canary_comes_back(Ok(100));
    watch.check(StateName::Up);
    assert_eq!(watch.now, Instant::from_nanos(2_900_000_000), "1 s after the last failure");
}

#[test]
fn a_failure_while_a_canary_is_on_its_way_does_not_let_it_clear_the_server() {
    let mut watch = Watch::new();
    watch.fail(Failure::Reset).canary_comes_back(Ok(100));
    watch.wait_for_canary();
    let canary = watch.canary();
    watch.fail(Failure::Reset).report(canary, report(Ok(100)));
    watch.check(StateName::Suspect);
}

#[test]
fn a_server_that_keeps_failing_stays_suspect_and_gets_a_canary_a_second() {
    let mut watch = Watch::new();
    let mut canaries = 0;
    for _ in 0..1000 {
        watch.fail(Failure::ServerError).pass_ms(10);
        while watch.health.next_timeout().is_some_and(|at| at <= watch.now) {
            watch.canary_comes_back(Ok(100));
            canaries += 1;
        }
    }
    watch.check(StateName::Suspect);
    assert!((9..=12).contains(&canaries), "{canaries} canaries in 10 s");
    watch.check_rules(&[Rule::Suspicion]);
}

#[test]
fn a_stall_of_a_suspect_server_sends_a_canary_but_not_two_within_their_timeout() {
    let mut watch = Watch::new();
    watch.fail(Failure::Reset).canary_comes_back(Ok(100)).pass_ms(30);
    watch.health.handle_overdue(watch.now, ms(20));
    assert_eq!(watch.wait_for_canary(), ms(70), "100 ms after the last");
    let canary = watch.canary();
    watch.pass_ms(1).fail(Failure::Timeout);
    watch.pass_ms(9).report(canary, report(Ok(9000)));
    assert_eq!(watch.wait_for_canary(), ms(90), "the stall began after it was sent");
    watch.canary_comes_back(Ok(100));
    assert!(watch.wait_for_canary() > ms(900), "and is answered by this one");
}

#[test]
fn a_canary_sent_before_the_first_failure_is_ignored_and_another_sent() {
    let mut watch = Watch::new();
    let before = watch.canary();
    watch.fail(Failure::Reset);
    let after = watch.canary();
    assert_ne!(before.id, after.id);
    watch.report(before, CanaryReport::Bad(Failure::Timeout));
    watch.check(StateName::Suspect);
    assert_eq!(watch.health.next_timeout(), None, "the other is still on its way");
    watch.report(after, CanaryReport::Bad(Failure::Timeout));
    watch.check(StateName::Down);
}

#[test]
fn a_canary_that_comes_back_twice_counts_once() {
    let mut watch = Watch::new();
    watch.fail(Failure::Reset);
    let canary = watch.canary();
    watch.report(canary, report(Ok(100))).report(canary, report(Ok(100)));
    watch.check(StateName::Suspect);
    assert_eq!(watch.wait_for_canary(), ms(CLEAR_MS));
}

#[test]
fn a_canary_across_a_stall_of_our_own_proves_nothing_and_another_is_sent() {
    let mut watch = Watch::new();
    watch.fail(Failure::Timeout);
    let canary = watch.canary();
    watch.pass_ms(2000).report(canary, CanaryReport::Void);
    watch.check(StateName::Suspect);
    watch.canary_comes_back(Err(Failure::Timeout));
    watch.check(StateName::Down);
}

/// The answers to a server's canaries come late while bulk does.
fn pass_behind_bulk(watch: &mut Watch) {
    let canary = watch.canary();
    watch.pass_ms(60);
    watch.health.handle_bulk(watch.now);
    watch.pass_ms(40).report(canary, CanaryReport::Bad(Failure::Timeout));
}

#[test]
fn a_canary_that_is_late_behind_bulk_ejects_nobody_and_another_is_sent() {
    let mut watch = Watch::new();
    watch.health.handle_overdue(watch.now, ms(20));
    pass_behind_bulk(&mut watch);
    pass_behind_bulk(&mut watch);
    watch.check(StateName::Suspect);
    watch.canary_comes_back(Err(Failure::Timeout));
    watch.check(StateName::Down);
    watch.check_rules(&[Rule::Suspicion, Rule::Canary]);
}

#[test]
fn bulk_before_a_canary_does_not_excuse_it() {
    let mut watch = Watch::new();
    watch.health.handle_overdue(watch.now, ms(20));
    watch.health.handle_bulk(watch.now);
    watch.pass_ms(1).canary_comes_back(Err(Failure::Timeout));
    watch.check(StateName::Down);
}

#[test]
fn bulk_excuses_no_canary_that_is_answered_wrongly() {
    let mut watch = Watch::new();
    watch.health.handle_overdue(watch.now, ms(20));
    let canary = watch.canary();
    watch.pass_ms(1);
    watch.health.handle_bulk(watch.now);
    watch.report(canary, CanaryReport::Bad(Failure::WrongValue));
    watch.check(StateName::Down);
}

/// One canary after another is late, for a reason of ours: when it is no longer an excuse.
#[track_caller]
fn check_excused_for_a_while(pass_late: impl Fn(&mut Watch)) {
    let mut watch = Watch::new();
    watch.health.handle_overdue(watch.now, ms(20));
    let began_at = watch.now;
    while watch.health.state() == StateName::Suspect {
        pass_late(&mut watch);
    }
    watch.check(StateName::Down);
    assert_eq!(watch.now - began_at, ms(5100), "the hold, from the first canary's end");
}

#[test]
fn canaries_are_not_late_behind_bulk_for_ever() {
    check_excused_for_a_while(pass_behind_bulk);
}

#[test]
fn our_own_loop_does_not_stand_still_for_ever() {
    check_excused_for_a_while(|watch| {
        let canary = watch.canary();
        watch.pass_ms(100).report(canary, CanaryReport::Void);
    });
}

#[test]
fn a_good_canary_ends_the_time_for_which_others_were_late_behind_bulk() {
    let mut watch = Watch::new();
    for _ in 0..10 {
        watch.health.handle_overdue(watch.now, ms(20));
        for _ in 0..10 {
            pass_behind_bulk(&mut watch);
        }
        watch.canary_comes_back(Ok(100)).pass_ms(100);
    }
    watch.check(StateName::Suspect);
}

#[test]
fn a_transition_says_when_and_on_which_evidence() {
    let mut watch = Watch::new();
    watch.pass_ms(5).fail_in_a_row(Failure::Timeout, 2);
    let (at, what) = watch.health.drain_happenings().next().unwrap();
    assert_eq!(at, watch.now);
    let wanted = Transition {
        from: StateName::Up,
        to: StateName::Suspect,
        rule: Rule::Suspicion,
        evidence: Evidence::Request(Failure::Timeout, 2),
    };
    assert_eq!(what, Happening::State(wanted));
    assert_eq!(watch.health.since(), watch.now);
    assert_eq!(watch.happened(), []);
}
