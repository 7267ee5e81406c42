//! A server that refuses writes and is well otherwise.

use super::*;
use crate::event::Evidence;

const REFUSED: Failure = Failure::ServerError;

/// A server whose writes have just been ejected.
fn ejected() -> Watch {
    let mut watch = Watch::new();
    watch.fail(REFUSED).canary_is_refused_its_write();
    assert!(!watch.health.takes_writes());
    watch.happened();
    watch
}

#[test]
fn enough_refused_writes_eject_writes_alone() {
    for (refused, attempts, are_ejected) in
        [(4, 4, false), (5, 5, true), (5, 10, true), (5, 11, false), (50, 100, true)]
    {
        let mut watch = Watch::new();
        watch.count(&tally(Class::Write, attempts, refused, REFUSED));
        watch.count(&tally(Class::Read, 1000, 0, REFUSED));
        assert_eq!(watch.health.takes_writes(), !are_ejected, "{refused} of {attempts}");
        watch.check(StateName::Up);
        let wanted = Happening::WritesEjected(
            Rule::WritesRefused,
            Evidence::WritesRefused { refused, attempts },
        );
        assert_eq!(watch.happened() == [wanted], are_ejected);
    }
}

#[test]
fn refused_writes_never_eject_the_server() {
    let mut watch = Watch::new();
    for _ in 0..100 {
        watch.fail(REFUSED).count(&tally(Class::Write, 100, 100, REFUSED)).pass_ms(100);
        if watch.health.next_timeout().is_some_and(|at| at <= watch.now) {
            watch.canary_is_refused_its_write();
        }
        assert!(watch.health.state().is_usable());
    }
}

#[test]
fn a_canary_whose_write_is_refused_ejects_the_writes_of_a_suspect_server() {
    let mut watch = Watch::new();
    watch.fail(REFUSED).canary_is_refused_its_write();
    watch.check(StateName::Suspect);
    let evidence = Evidence::CanaryRefused;
    assert_eq!(watch.happened()[1], Happening::WritesEjected(Rule::WritesRefused, evidence));
    while watch.health.state() != StateName::Up {
        watch.wait_for_canary();
        watch.canary_is_refused_its_write();
    }
    watch.check_rules(&[Rule::Cleared]);
    assert!(!watch.health.takes_writes());
}

#[test]
fn an_up_server_whose_canary_is_refused_its_write_gets_a_second_one_at_once() {
    let mut watch = Watch::new();
    watch.canary_is_refused_its_write();
    watch.check(StateName::Suspect);
    assert!(watch.health.takes_writes());
    watch.canary_is_refused_its_write();
    assert!(!watch.health.takes_writes());
}

#[test]
fn a_server_that_comes_back_and_refuses_writes_is_used_for_the_rest() {
    let mut watch = Watch::down();
    watch.wait_for_canary();
    watch.canary_is_refused_its_write().canary_is_refused_its_write();
    watch.check(StateName::Returning);
    assert!(!watch.health.takes_writes());
}

#[test]
fn ejected_writes_are_probed_and_come_back_after_good_canaries_in_a_row() {
    let mut watch = ejected();
    assert_eq!(watch.wait_for_canary(), ms(100));
    for ms in [100, 160, 256] {
        watch.canary_is_refused_its_write();
        check_about(watch.wait_for_canary(), ms);
    }
    watch.canary_comes_back(Ok(100));
    assert!(!watch.health.takes_writes());
    assert_eq!(watch.health.next_timeout(), Some(watch.now), "the second at once");
    watch.canary_comes_back(Ok(100));
    assert!(watch.health.takes_writes());
    let evidence = Evidence::GoodCanaries(2, Duration::from_micros(100));
    let wanted = Happening::WritesReadmitted(Rule::Canaries, evidence);
    assert!(watch.happened().contains(&wanted));
}

#[test]
fn a_canary_that_was_sent_before_the_writes_were_ejected_does_not_bring_them_back() {
    let mut watch = Watch::with(|config| config.rise = 1);
    let canary = watch.canary();
    watch.pass_ms(1).count(&tally(Class::Write, 9, 9, REFUSED)).report(canary, report(Ok(1)));
    assert!(!watch.health.takes_writes());
    watch.wait_for_canary();
    watch.canary_comes_back(Ok(1));
    assert!(watch.health.takes_writes());
}

#[test]
fn what_ejected_writes_does_not_eject_them_again() {
    let mut watch = Watch::new();
    watch.count(&tally(Class::Write, 9, 9, REFUSED));
    while !watch.health.takes_writes() {
        watch.wait_for_canary();
        watch.canary_comes_back(Ok(100));
    }
    watch.count(&tally(Class::Write, 4, 4, REFUSED));
    assert!(watch.health.takes_writes());
    watch.count(&tally(Class::Write, 1, 1, REFUSED));
    assert!(!watch.health.takes_writes());
}

#[test]
fn writes_that_are_refused_again_and_again_are_held() {
    let mut watch = Watch::new();
    watch.canary_comes_back(Ok(100));
    for secs in [0, 1, 2, 4] {
        watch.count(&tally(Class::Write, 5, 5, REFUSED));
        let since = watch.now;
        while !watch.health.takes_writes() {
            watch.wait_for_canary();
            watch.canary_comes_back(Ok(100));
        }
        let out = watch.now - since;
        assert_eq!(out, Duration::from_secs(secs).max(ms(100)));
    }
}

#[test]
fn a_canary_that_is_refused_everything_is_a_bad_one() {
    let mut watch = Watch::new();
    watch.fail(REFUSED).canary_comes_back(Err(REFUSED));
    watch.check(StateName::Down);
}
