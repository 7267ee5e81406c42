//! The checker can fail: whatever is done wrong on purpose is found, and found to be what it is.
//!
//! Each sabotage is tried on the first few seeds until it is found. The same seeds pass without
//! it. What recovery protects from shows only if several things coincide, so its options have
//! much happen at once, and leave out what does not matter.

use std::time::Duration;

use evenkeel_sim::checker::Promise;
use evenkeel_sim::dice::Chance;
use evenkeel_sim::faults::FaultKind;
use evenkeel_sim::options::{MembershipOptions, pool, second_pool};
use evenkeel_sim::sabotage::Sabotage;
use evenkeel_sim::{Options, run};

/// How many seeds a sabotage may need; most need one or two.
const SEEDS_MAX: u64 = 16;

/// Without the sabotage nothing is found; with it, this is.
#[track_caller]
fn check_caught_with(options: &Options, sabotage: Sabotage, promise: Promise) {
    for seed in 0..SEEDS_MAX {
        let clean = run(seed, options.clone()).violation;
        assert_eq!(clean, None, "seed {seed} without {sabotage:?}");
        let options = Options { sabotage: Some(sabotage), ..options.clone() };
        if let Some(violation) = run(seed, options).violation {
            assert_eq!(violation.promise, promise, "seed {seed} with {sabotage:?}: {violation}");
            return;
        }
    }
    panic!("{sabotage:?} is not found in {SEEDS_MAX} seeds");
}

#[track_caller]
fn check_caught(sabotage: Sabotage, kinds: &[FaultKind], promise: Promise) {
    let mut options = Options::calm();
    options.pool = pool(2);
    options.faults.kinds = kinds.to_vec();
    check_caught_with(&options, sabotage, promise);
    if tells_callers(sabotage) {
        check_caught_with(&called(options), sabotage, promise);
    }
}

/// Whether it also spoils what callers are told, and not only sessions' bytes.
fn tells_callers(sabotage: Sabotage) -> bool {
    !matches!(sabotage, Sabotage::DropAnswers | Sabotage::RepeatAnswers | Sabotage::FailReads)
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

/// Everybody writes and reads few keys without a pause, tables lag, and fault follows fault.
fn turmoil(kinds: &[FaultKind]) -> Options {
    let mut options = Options::calm();
    options.workers_len = 3;
    options.applications_len = 10;
    options.control.table_lag_max = Duration::from_secs(1);
    options.control.long_lag_chance = Chance::percent(50);
    options.chaos_interval = Duration::from_secs(10);
    // A pause before a key is first cleaned hides much of what goes wrong.
    options.recovery.settle_interval = Duration::ZERO;
    options.faults.kinds = kinds.to_vec();
    options.faults.pause_max = Duration::from_millis(300);
    options.faults.follow_chance = Chance::percent(50);
    options.network.latency_max = Duration::from_millis(3);
    let load = &mut options.load;
    load.keys_len = 4;
    load.pause_max = Duration::from_millis(3);
    load.burst_max = 2;
    load.keys_per_get_max = 1;
    load.echo_chance = Chance::percent(30);
    for chance in [
        &mut load.meta_chance,
        &mut load.quiet_chance,
        &mut load.bad_chance,
        &mut load.flush_chance,
        &mut load.leave_chance,
        &mut load.deaf_chance,
        &mut load.give_up_chance,
        &mut load.hurry_chance,
    ] {
        *chance = Chance::NEVER;
    }
    options
}

/// The same, with servers that are waited for: writes are in flight for long, and end well.
fn patient_turmoil(kinds: &[FaultKind]) -> Options {
    let mut options = turmoil(kinds);
    options.pool.timeout = Duration::from_secs(1);
    options.pool.deadline = Duration::from_millis(1500);
    options.faults.interval_max = Duration::from_millis(600);
    options
}

/// The same, with callers in place of sessions.
fn called(options: Options) -> Options {
    Options { callers_len: options.applications_len, ..options }
}

/// It is found whether applications have sessions or make calls.
#[track_caller]
fn check_stale(sabotage: Sabotage, kinds: &[FaultKind]) {
    check_caught_with(&turmoil(kinds), sabotage, Promise::P4);
    check_caught_with(&called(turmoil(kinds)), sabotage, Promise::P4);
}

#[test]
fn reads_that_go_where_the_table_says_are_caught() {
    check_stale(Sabotage::ReadByTable, &[FaultKind::Hang]);
}

#[test]
fn marking_after_the_response_is_caught() {
    let mut options = patient_turmoil(&[FaultKind::Stall, FaultKind::Full]);
    options.pool.servers = pool(4).servers;
    options.load.keys_len = 8;
    check_caught_with(&options, Sabotage::MarkLate, Promise::P4);
    check_caught_with(&called(options), Sabotage::MarkLate, Promise::P4);
}

#[test]
fn a_cleaning_that_counts_after_a_change_is_caught() {
    let mut options = turmoil(&[FaultKind::Cut]);
    // A step of cleaning must be on its way for long, and a write of its key be given up meanwhile.
    options.network.latency_max = Duration::from_millis(20);
    options.network.spike_chance = Chance::percent(10);
    options.network.spike_max = Duration::from_millis(60);
    options.faults.interval_max = Duration::from_millis(300);
    options.chaos_interval = Duration::from_secs(40);
    options.recovery.late_write_grace = Duration::ZERO;
    options.pool.health.canary_timeout = Duration::from_millis(500);
    options.load.keys_len = 1;
    options.load.lock_chance = Chance::NEVER;
    options.load.expiring_chance = Chance::NEVER;
    options.load.echo_chance = Chance::percent(60);
    check_caught_with(&options, Sabotage::IgnoreGeneration, Promise::P4);
    check_caught_with(&called(options), Sabotage::IgnoreGeneration, Promise::P4);
}

#[test]
fn cleaning_under_a_write_in_flight_is_caught() {
    let mut options = patient_turmoil(&[FaultKind::Stall, FaultKind::Full]);
    check_caught_with(&options, Sabotage::CleanInFlight, Promise::P4);
    // Calls wait for no session: at the same pace they would be too many.
    options.load.pause_max = Duration::from_millis(10);
    check_caught_with(&called(options), Sabotage::CleanInFlight, Promise::P4);
}

#[test]
fn a_holder_that_is_not_cleaned_is_caught() {
    check_stale(Sabotage::LeaveHolder, &[FaultKind::Hang]);
}

#[test]
fn a_former_holder_that_is_trusted_is_caught() {
    check_stale(Sabotage::TrustFormerHolder, &[FaultKind::Hang]);
}

#[test]
fn an_unknown_fate_that_is_forgotten_is_caught() {
    check_stale(Sabotage::ForgetUnknownFate, &[FaultKind::Stall]);
}

#[test]
fn late_writes_that_are_not_waited_for_are_caught() {
    check_stale(Sabotage::IgnoreLateWrites, &[FaultKind::Stall]);
}

/// Servers join and leave one after the other, and nothing else goes wrong but `kinds`.
fn moving(kinds: &[FaultKind]) -> Options {
    let mut options = turmoil(kinds);
    options.pool = pool(4);
    let pause_max = Some(Duration::from_millis(700));
    options.membership = MembershipOptions { outside_len: 1, pause_max };
    options.chaos_interval = Duration::from_secs(5);
    options.recovery_interval = Duration::from_secs(3);
    options.load.keys_len = 8;
    options
}

#[test]
fn workers_that_change_over_one_by_one_are_caught() {
    check_caught_with(&moving(&[]), Sabotage::ChangeOneByOne, Promise::P4);
    check_caught_with(&called(moving(&[])), Sabotage::ChangeOneByOne, Promise::P4);
}

#[test]
fn a_key_that_is_diverted_to_its_former_home_is_caught() {
    let mut options = moving(&[FaultKind::Refuse]);
    // A write to the former home hides what it held.
    options.load.keys_len = 40;
    check_caught_with(&options, Sabotage::DivertToFormerHomes, Promise::P4);
    check_caught_with(&called(options), Sabotage::DivertToFormerHomes, Promise::P4);
}

#[test]
fn a_server_that_comes_back_and_is_not_flushed_is_caught() {
    check_caught_with(&moving(&[]), Sabotage::TrustJoining, Promise::P4);
    check_caught_with(&called(moving(&[])), Sabotage::TrustJoining, Promise::P4);
}

/// Two pools, one of them under two names, which are used in turn.
fn routed() -> Options {
    let mut options = turmoil(&[]);
    options.second = Some(second_pool(2));
    options.chaos_interval = Duration::from_secs(2);
    options.recovery_interval = Duration::from_secs(1);
    options
}

#[test]
fn a_prefix_that_is_not_stripped_is_caught() {
    check_caught_with(&routed(), Sabotage::KeepPrefix, Promise::P4);
}

#[test]
fn a_key_that_goes_to_another_pool_is_caught() {
    check_caught_with(&routed(), Sabotage::TakeOtherPool, Promise::P1);
}

#[test]
fn every_sabotage_has_a_test() {
    assert_eq!(Sabotage::ALL.len(), 20, "add a test above");
}
