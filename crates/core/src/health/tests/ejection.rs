//! Down and Returning: probes, holds, ramps, and coming back.

use proptest::prelude::*;

use super::*;
use crate::event::Evidence;
use crate::protocol::response::Invalid;
use crate::routing::Share;

// Down.

#[test]
fn a_server_that_refuses_to_be_connected_to_is_down() {
    for failure in [Failure::Refused, Failure::Unreachable] {
        let mut watch = Watch::new();
        watch.fail(failure);
        watch.check(StateName::Down);
        assert_eq!(watch.health.usable(), Usable::No);
        watch.check_rules(&[Rule::Refused]);
        let mut watch = Watch::new();
        watch.canary_comes_back(Err(failure));
        watch.check(StateName::Down);
        let mut watch = Watch::new();
        watch.fail(Failure::Reset).fail(failure);
        watch.check(StateName::Down);
        watch.check_rules(&[Rule::Suspicion, Rule::Refused]);
    }
}

#[test]
fn a_down_server_is_probed_at_intervals_that_grow_to_their_limit() {
    let mut watch = Watch::down();
    assert_eq!(watch.wait_for_canary(), ms(100));
    for ms in [100, 160, 256, 409, 500, 500, 500] {
        watch.canary_comes_back(Err(Failure::Refused));
        check_about(watch.wait_for_canary(), ms);
    }
    watch.check(StateName::Down);
    watch.check_rules(&[]);
}

#[test]
fn the_longest_probe_interval_is_not_made_longer_by_jitter() {
    let mut watch = Watch::down();
    for _ in 0..100 {
        assert!(watch.wait_for_canary() <= ms(500));
        watch.canary_comes_back(Err(Failure::Timeout));
    }
}

#[test]
fn good_canaries_in_a_row_bring_a_server_back_one_right_after_the_other() {
    for rise in [1, 2, 5] {
        let mut watch = Watch::with(|config| config.rise = rise);
        watch.fail(Failure::Refused);
        watch.wait_for_canary();
        for _ in 1..rise {
            watch.canary_comes_back(Ok(100));
            watch.check(StateName::Down);
            assert_eq!(watch.health.next_timeout(), Some(watch.now));
        }
        watch.canary_comes_back(Ok(250));
        watch.check(StateName::Returning);
        let last = watch.transitions().pop().unwrap();
        assert_eq!(last.rule, Rule::Canaries);
        assert_eq!(last.evidence, Evidence::GoodCanaries(rise, Duration::from_micros(250)));
        check_about(watch.wait_for_canary(), 1000);
    }
}

#[test]
fn a_bad_canary_between_good_ones_starts_the_count_anew() {
    let mut watch = Watch::down();
    for result in [Ok(1), Err(Failure::Timeout), Ok(1), Err(Failure::Timeout), Ok(1)] {
        watch.wait_for_canary();
        watch.canary_comes_back(result);
        watch.check(StateName::Down);
    }
    watch.canary_comes_back(Ok(1));
    watch.check(StateName::Returning);
}

#[test]
fn reports_about_a_down_server_change_nothing() {
    let mut watch = Watch::down();
    let probe_at = watch.health.next_timeout();
    watch.pass_ms(50).fail(Failure::Refused).fail_in_a_row(Failure::Timeout, 9);
    watch.health.handle_overdue(watch.now, ms(300));
    watch.count(&tally(Class::Read, 100, 100, Failure::ServerError));
    watch.check(StateName::Down);
    assert_eq!(watch.health.next_timeout(), probe_at);
    watch.check_rules(&[]);
}

#[test]
fn a_canary_sent_before_the_ejection_is_ignored() {
    let mut watch = Watch::with(|config| config.rise = 1);
    let canary = watch.canary();
    watch.fail(Failure::Refused).report(canary, report(Ok(100)));
    watch.check(StateName::Down);
    assert!(watch.health.next_timeout().is_some());
}

#[test]
fn intervals_between_probes_start_anew_with_each_ejection() {
    let mut watch = Watch::down();
    for _ in 0..10 {
        watch.wait_for_canary();
        watch.canary_comes_back(Err(Failure::Refused));
    }
    watch.wait_for_canary();
    watch.canary_comes_back(Ok(1)).canary_comes_back(Ok(1));
    watch.check(StateName::Returning);
    watch.fail(Failure::Refused);
    assert_eq!(watch.wait_for_canary(), ms(100));
}

// Flapping.

/// Ejects the server and has all its canaries good; returns how long it was out of use.
fn ejected_for(watch: &mut Watch) -> Duration {
    watch.fail(Failure::Refused);
    let since = watch.now;
    while watch.health.state() == StateName::Down {
        watch.wait_for_canary();
        watch.canary_comes_back(Ok(100));
    }
    watch.now - since
}

#[test]
fn the_first_ejection_has_no_hold_and_later_ones_a_hold_that_doubles_to_its_limit() {
    let mut watch = Watch::new();
    assert_eq!(ejected_for(&mut watch), ms(100), "as soon as the canaries are good");
    for secs in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(ejected_for(&mut watch), Duration::from_secs(secs));
    }
}

#[test]
fn a_hold_is_forgotten_after_long_enough_without_an_ejection() {
    let ejected_after = |secs: u64| {
        let mut watch = Watch::new();
        watch.fail(Failure::Refused);
        let ejected_at = watch.now;
        watch.wait_for_canary();
        watch.canary_comes_back(Ok(1)).canary_comes_back(Ok(1));
        watch.now = ejected_at + Duration::from_secs(secs);
        ejected_for(&mut watch)
    };
    assert_eq!(ejected_after(599), Duration::from_secs(1));
    assert_eq!(ejected_after(600), ms(100));
}

#[test]
fn a_held_server_that_fails_after_good_canaries_is_held_anew() {
    let mut watch = Watch::new();
    ejected_for(&mut watch);
    watch.fail(Failure::Refused);
    watch.wait_for_canary();
    watch.canary_comes_back(Ok(1));
    watch.canary_comes_back(Err(Failure::Refused));
    let failed_at = watch.now;
    while watch.health.state() == StateName::Down {
        watch.wait_for_canary();
        watch.canary_comes_back(Ok(1));
    }
    assert_eq!(watch.now - failed_at, Duration::from_secs(1));
}

#[test]
fn a_server_that_was_away_for_longer_than_its_hold_returns_at_once() {
    let mut watch = Watch::new();
    ejected_for(&mut watch);
    watch.fail(Failure::Refused);
    let since = watch.now;
    while watch.now < since + Duration::from_secs(5) {
        watch.wait_for_canary();
        watch.canary_comes_back(Err(Failure::Refused));
    }
    watch.wait_for_canary();
    watch.canary_comes_back(Ok(1)).canary_comes_back(Ok(1));
    watch.check(StateName::Returning);
}

/// 1 s refusing, 1 s up, for 15 s.
#[test]
fn a_server_that_comes_and_goes_each_second_is_readmitted_four_times_at_most() {
    let mut watch = Watch::new();
    let start = watch.now;
    let mut readmissions = 0;
    while watch.now < start + Duration::from_secs(35) {
        let elapsed = (watch.now - start).as_secs();
        let refuses = elapsed < 15 && elapsed.is_multiple_of(2);
        if refuses && watch.health.state().is_usable() {
            watch.fail(Failure::Refused);
        }
        if watch.health.next_timeout().is_some_and(|at| at <= watch.now) {
            watch.health.handle_timeout(watch.now);
            if watch.health.next_canary_at() <= watch.now {
                watch.canary_comes_back(if refuses { Err(Failure::Refused) } else { Ok(100) });
            }
        }
        let is_back = |it: &Transition| it.to == StateName::Returning;
        readmissions += watch.transitions().iter().filter(|it| is_back(it)).count();
        watch.pass_ms(1);
    }
    watch.check(StateName::Up);
    assert!(readmissions <= 4, "{readmissions}");
}

// Returning.

#[test]
fn a_returning_server_gets_its_keys_back_from_a_tenth_to_all() {
    let mut watch = Watch::returning();
    let start = watch.now;
    assert_eq!(watch.health.usable(), Usable::Share(Share::percent(10)));
    let mut shares = Vec::new();
    while watch.health.state() == StateName::Returning {
        watch.wait();
        while watch.has_canary() {
            let canary = watch.health.next_timeout();
            assert!(canary.is_some(), "the ramp goes on while a canary is on its way");
        }
        shares.push((watch.now - start, watch.health.usable()));
    }
    watch.check(StateName::Up);
    watch.check_rules(&[Rule::Ramp]);
    assert!(shares.contains(&(ms(2500), Usable::Share(Share::percent(55)))), "{shares:?}");
    assert!(shares.contains(&(ms(4750), Usable::Share(Share::percent(95)))), "{shares:?}");
    assert_eq!(shares.last(), Some(&(ms(5000), Usable::Yes)));
}

#[test]
fn without_a_ramp_a_server_is_up_at_once() {
    let mut watch = Watch::with(|config| config.ramp = Duration::ZERO);
    watch.fail(Failure::Refused);
    watch.wait_for_canary();
    watch.canary_comes_back(Ok(1)).canary_comes_back(Ok(1));
    watch.check(StateName::Up);
    watch.check_rules(&[Rule::Refused, Rule::Canaries, Rule::Ramp]);
}

#[test]
fn a_returning_server_that_fails_by_any_rule_is_down() {
    let check = |rule, fail: fn(&mut Watch)| {
        let mut watch = Watch::returning();
        watch.pass_ms(100);
        fail(&mut watch);
        watch.check(StateName::Down);
        watch.check_rules(&[rule]);
    };
    check(Rule::Refused, |watch| {
        watch.fail(Failure::Refused);
    });
    check(Rule::Timeouts, |watch| {
        watch.fail_in_a_row(Failure::Timeout, 3);
    });
    check(Rule::Garbled, |watch| {
        watch.fail(Failure::Garbled(Invalid::Unasked));
    });
    check(Rule::Canary, |watch| {
        watch.wait_for_canary();
        watch.canary_comes_back(Err(Failure::Timeout));
    });
    check(Rule::Ratio, |watch| {
        watch.count(&tally(Class::Read, 20, 10, Failure::ServerError));
    });
}

#[test]
fn a_failure_of_a_returning_server_sends_a_canary_and_the_ramp_goes_on() {
    let mut watch = Watch::returning();
    watch.pass_ms(200).fail(Failure::Reset);
    watch.check(StateName::Returning);
    watch.canary_comes_back(Ok(100));
    watch.check(StateName::Returning);
}

// In the end.

fn failure() -> impl Strategy<Value = Failure> {
    prop::sample::select(vec![
        Failure::Timeout,
        Failure::Reset,
        Failure::Refused,
        Failure::ServerError,
        Failure::Garbled(Invalid::Unasked),
        Failure::Ejected,
        Failure::NoServer,
    ])
}

proptest! {
    #[test]
    fn a_server_that_answers_its_canaries_is_up_in_the_end(
        events in prop::collection::vec((0..2000_u64, prop::option::of((failure(), 0..5_u32))), 0..40),
    ) {
        let mut watch = Watch::new();
        for (ms, event) in events {
            watch.pass_ms(ms);
            watch.health.handle_timeout(watch.now);
            match event {
                Some((failure, in_a_row)) => {
                    watch.fail_in_a_row(failure, in_a_row);
                }
                // A canary is sent, and its driver does report.
                None if watch.health.next_canary_at() <= watch.now => {
                    watch.canary_comes_back(Err(Failure::Timeout));
                }
                None => {}
            }
        }
        let start = watch.now;
        while watch.health.state() != StateName::Up {
            watch.wait();
            if watch.health.next_canary_at() <= watch.now {
                watch.canary_comes_back(Ok(100));
            }
            prop_assert!(watch.now < start + Duration::from_secs(70), "a minute's hold and a ramp");
        }
        // Each transition begins where the one before it ended.
        for pair in watch.transitions().windows(2) {
            prop_assert_eq!(pair[0].to, pair[1].from);
        }
    }
}
