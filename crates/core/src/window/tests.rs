//! Counting, at the bounds of every bucket and slice.

use proptest::prelude::*;

use super::*;
use crate::protocol::response::Invalid;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn at_ms(at: u64) -> Instant {
    Instant::ZERO + ms(at)
}

// Tallies.

#[test]
fn a_response_counts_for_its_class_and_has_a_latency() {
    let mut tally = Tally::default();
    assert!(tally.is_empty());
    tally.note_response(Class::Read, ms(1), false);
    tally.note_response(Class::Write, ms(1), true);
    assert_eq!(tally.of_class(Class::Read).attempts, 1);
    assert_eq!(tally.of_class(Class::Read).failed(), 0);
    assert_eq!(tally.of_class(Class::Write).server_errors, 1);
    assert_eq!(tally.of_class(Class::Delete), ClassTally::default());
    assert_eq!((tally.attempts(), tally.failed(), tally.latencies().len()), (2, 1, 2));
}

#[test]
fn a_failure_counts_by_what_it_proves() {
    let check = |failure, wanted: ClassTally| {
        let mut tally = Tally::default();
        tally.note_failure(Class::Read, failure);
        assert_eq!(tally.of_class(Class::Read), wanted, "{failure}");
        assert!(tally.latencies().is_empty(), "nothing was answered");
    };
    let one = ClassTally { attempts: 1, ..ClassTally::default() };
    for failure in [Failure::Timeout, Failure::ConnectTimeout] {
        check(failure, ClassTally { timeouts: 1, ..one });
    }
    check(Failure::ServerError, ClassTally { server_errors: 1, ..one });
    for failure in [
        Failure::Refused,
        Failure::Unreachable,
        Failure::Reset,
        Failure::Closed,
        Failure::Garbled(Invalid::Unasked),
        Failure::WrongValue,
    ] {
        check(failure, ClassTally { failures: 1, ..one });
    }
}

#[test]
fn what_is_no_evidence_is_not_counted() {
    let mut tally = Tally::default();
    for failure in [Failure::Ejected, Failure::NoServer, Failure::Misplaced, Failure::Overload] {
        tally.note_failure(Class::Write, failure);
    }
    assert!(tally.is_empty());
}

#[test]
fn taking_a_tally_leaves_it_empty_and_merging_adds_up() {
    let mut tally = Tally::default();
    tally.note_response(Class::Delete, ms(3), false);
    let mut sum = tally.take();
    assert_eq!(tally, Tally::default());
    tally.note_failure(Class::Delete, Failure::Reset);
    sum.merge(&tally);
    assert_eq!((sum.attempts(), sum.failed(), sum.latencies().len()), (2, 1, 1));
}

// Latencies.

#[test]
fn a_percentile_is_never_too_low_and_a_quarter_too_high_at_most() {
    for nanos in (0..2_000_000_000_u64).step_by(777_777) {
        let latency = Duration::from_nanos(nanos);
        let mut latencies = Latencies::default();
        latencies.note(latency);
        let found = latencies.percentile(95).unwrap();
        assert!(found > latency, "{found:?} for {latency:?}");
        assert!(found <= latency * 5 / 4 + Duration::from_nanos(1 << UNIT_BITS), "{found:?}");
    }
}

#[test]
fn every_bucket_ends_where_the_next_begins() {
    for idx in 0..BUCKETS_LEN - 1 {
        let end = bucket_end(idx);
        assert_eq!(bucket(end), idx + 1);
        let before = end.saturating_sub(Duration::from_nanos(1));
        assert_eq!(bucket(before), idx);
    }
    assert_eq!(bucket(Duration::MAX), BUCKETS_LEN - 1);
    assert!(bucket_end(BUCKETS_LEN - 1) > Duration::from_secs(2));
}

#[test]
fn a_percentile_leaves_out_as_many_as_it_says() {
    let mut latencies = Latencies::default();
    for _ in 0..95 {
        latencies.note(ms(1));
    }
    for _ in 0..5 {
        latencies.note(ms(100));
    }
    assert!(latencies.percentile(95).unwrap() < ms(2), "the slowest twentieth is left out");
    assert!(latencies.percentile(96).unwrap() > ms(100));
    assert!(latencies.percentile(0).unwrap() < ms(2));
    latencies.note(ms(100));
    assert!(latencies.percentile(95).unwrap() > ms(100), "one more is not left out");
    assert_eq!(Latencies::default().percentile(50), None);
}

// Windows.

fn one() -> Tally {
    let mut tally = Tally::default();
    tally.note_response(Class::Read, ms(1), false);
    tally
}

#[test]
fn a_window_forgets_what_is_older_than_it() {
    let mut window = Window::new(Duration::from_secs(1));
    window.add(at_ms(500), &one());
    window.add(at_ms(1000), &one());
    assert_eq!(window.sum(at_ms(1499)).attempts(), 2);
    assert_eq!(window.sum(at_ms(1500)).attempts(), 1);
    assert_eq!(window.sum(at_ms(1999)).attempts(), 1);
    assert_eq!(window.sum(at_ms(2000)).attempts(), 0);
    window.add(at_ms(60_000), &one());
    assert_eq!(window.sum(at_ms(60_000)).attempts(), 1);
}

#[test]
fn a_window_can_forget_everything_or_only_writes() {
    let mut window = Window::new(Duration::from_secs(1));
    let mut tally = one();
    tally.note_failure(Class::Write, Failure::ServerError);
    window.add(at_ms(10), &tally);
    window.clear_writes();
    assert_eq!(window.sum(at_ms(10)).of_class(Class::Write), ClassTally::default());
    assert_eq!(window.sum(at_ms(10)).attempts(), 1);
    window.clear();
    assert!(window.sum(at_ms(10)).is_empty());
}

proptest! {
    #[test]
    fn a_window_counts_what_came_within_it(gaps in prop::collection::vec(0..400_u64, 1..40)) {
        let mut window = Window::new(Duration::from_secs(1));
        let mut times = Vec::new();
        let mut now = 0;
        for gap in gaps {
            now += gap;
            window.add(at_ms(now), &one());
            times.push(now);
        }
        // Whole slices: of the oldest tenth some may have been forgotten already.
        let first = (now / 100 + 1).saturating_sub(10) * 100;
        let wanted = times.iter().filter(|at| **at >= first).count();
        prop_assert_eq!(window.sum(at_ms(now)).attempts() as usize, wanted);
    }
}

#[test]
fn latencies_are_counted_by_times_that_are_never_too_short() {
    let mut latencies = Latencies::default();
    assert_eq!(latencies.counts().next(), None);
    let micros = Duration::from_micros;
    for latency in [micros(5), micros(6), micros(1000), Duration::from_mins(1)] {
        latencies.note(latency);
    }
    let counts: Vec<_> = latencies.counts().collect();
    assert_eq!(counts.iter().map(|(_, count)| *count).collect::<Vec<_>>(), [2, 1, 1]);
    assert!(counts[0].0 >= micros(6) && counts[0].0 <= micros(17), "{:?}", counts[0]);
    assert!(counts[1].0 >= micros(1000) && counts[1].0 <= micros(1250), "{:?}", counts[1]);
    assert!(counts[2].0 >= Duration::from_secs(2), "the last is without end");
}
