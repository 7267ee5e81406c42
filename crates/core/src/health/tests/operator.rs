//! Orders, and servers that turn out to be empty.

use super::*;
use crate::event::Order;

fn order(watch: &mut Watch, order: Order) {
    watch.health.handle_order(watch.now, order);
}

#[test]
fn an_operators_word_wins_over_every_state() {
    for given in [Order::Drain, Order::Eject] {
        for mut watch in [Watch::new(), Watch::down(), Watch::returning()] {
            order(&mut watch, given);
            watch.check(StateName::Drained);
            assert_eq!(watch.health.usable(), Usable::No);
            assert_eq!(watch.happened()[0], Happening::Ordered(given));
            watch.fail(Failure::Refused).fail_in_a_row(Failure::Timeout, 9);
            for result in [Ok(1), Ok(1), Ok(1), Err(Failure::Refused), Err(Failure::Timeout)] {
                watch.wait_for_canary();
                watch.canary_comes_back(result);
            }
            watch.check(StateName::Drained);
            order(&mut watch, given);
            watch.check_rules(&[]);
        }
    }
}

#[test]
fn an_order_is_a_transition_with_its_rule() {
    for (given, rule) in [(Order::Drain, Rule::Drain), (Order::Eject, Rule::Eject)] {
        let mut watch = Watch::new();
        order(&mut watch, given);
        watch.check_rules(&[rule]);
    }
}

#[test]
fn a_readmitted_server_returns_when_its_canaries_are_good() {
    let mut watch = Watch::new();
    order(&mut watch, Order::Drain);
    watch.pass_ms(50);
    order(&mut watch, Order::Readmit);
    watch.check(StateName::Down);
    watch.canary_comes_back(Ok(1)).canary_comes_back(Ok(1));
    watch.check(StateName::Returning);
    watch.check_rules(&[Rule::Drain, Rule::Readmit, Rule::Canaries]);
}

#[test]
fn readmitting_ends_the_hold_of_a_flapping_server() {
    let mut watch = Watch::new();
    for _ in 0..5 {
        watch.fail(Failure::Refused);
        watch.wait_for_canary();
        while watch.health.state() == StateName::Down {
            watch.wait_for_canary();
            watch.canary_comes_back(Ok(1));
        }
    }
    watch.fail(Failure::Refused);
    order(&mut watch, Order::Readmit);
    watch.check(StateName::Down);
    watch.canary_comes_back(Ok(1)).canary_comes_back(Ok(1));
    watch.check(StateName::Returning);
}

#[test]
fn readmitting_a_server_in_use_changes_nothing() {
    let mut watch = Watch::new();
    order(&mut watch, Order::Readmit);
    watch.check(StateName::Up);
    watch.check_rules(&[]);
}

#[test]
fn readmitting_ends_the_hold_of_refused_writes() {
    let mut watch = Watch::new();
    for _ in 0..3 {
        watch.count(&tally(Class::Write, 5, 5, Failure::ServerError));
        while !watch.health.takes_writes() {
            watch.wait_for_canary();
            watch.canary_comes_back(Ok(1));
        }
    }
    watch.count(&tally(Class::Write, 5, 5, Failure::ServerError));
    order(&mut watch, Order::Readmit);
    watch.canary_comes_back(Ok(1)).canary_comes_back(Ok(1));
    assert!(watch.health.takes_writes());
}

// Restarts.

fn answers(pid: u64, uptime_secs: u64) -> CanaryReport {
    let identity = Identity { pid, uptime: Duration::from_secs(uptime_secs) };
    CanaryReport::Good { latency: ms(1), identity: Some(identity) }
}

#[test]
fn a_restart_is_told_with_what_is_certainly_gone() {
    let mut watch = Watch::new();
    watch.pass_ms(100_000);
    let canary = watch.canary();
    watch.report(canary, answers(7, 1000));
    watch.fail(Failure::Refused);
    watch.wait_for_canary();
    watch.canary_comes_back(Err(Failure::Refused));
    let refused_at = watch.now;
    watch.happened();
    watch.pass_ms(5000);
    let canary = watch.canary();
    watch.pass_ms(10).report(canary, answers(8, 1));
    let restarted = Happening::Restarted { lost_before: Some(refused_at) };
    assert_eq!(watch.happened(), [restarted]);
}

#[test]
fn a_short_restart_that_no_canary_saw_is_told_and_the_server_stays_in_use() {
    let mut watch = Watch::new();
    let canary = watch.canary();
    watch.report(canary, answers(7, 1000));
    watch.pass_ms(100).fail(Failure::Closed);
    let canary = watch.canary();
    watch.report(canary, answers(8, 2));
    watch.check(StateName::Suspect);
    assert!(watch.happened().contains(&Happening::Restarted { lost_before: None }));
}
