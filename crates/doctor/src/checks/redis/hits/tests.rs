use super::super::sample::Sample;
use crate::check::Severity::{Critical, Note, Warning};

/// Hits and misses before the first sample and between the two.
fn lookups(before: (u32, u32), now: (u32, u32)) -> Sample {
    let text = |(hits, misses)| format!("keyspace_hits:{hits}\nkeyspace_misses:{misses}");
    let last = (before.0 + now.0, before.1 + now.1);
    Sample::cache().info("uptime_in_seconds:99999").before(&text(before)).now(&text(last))
}

#[test]
fn hits_that_drop_to_zero_are_critical() {
    lookups((9_000, 1_000), (0, 100)).gives(&[("redis-hits", Critical)]);
    lookups((9_000, 1_000), (0, 99)).gives(&[]);
    lookups((4_000, 6_000), (0, 100)).gives(&[("redis-hits", Warning)]);
    // Who asks for what is hardly ever there: locks, limits of rates.
    lookups((1_999, 8_001), (0, 5_000)).gives(&[("redis-hits", Note)]);
    lookups((2_000, 8_000), (0, 5_000)).gives(&[("redis-hits", Warning)]);
    lookups((0, 0), (0, 100)).gives(&[("redis-hits", Warning)]);
    lookups((4_999, 0), (0, 100)).gives(&[("redis-hits", Warning)]);
    lookups((5_000, 0), (0, 100)).gives(&[("redis-hits", Critical)]);
}

#[test]
fn a_ratio_that_falls_by_half_is_told_if_it_is_no_chance() {
    lookups((9_000, 1_000), (45, 55)).gives(&[("redis-hits", Warning)]);
    lookups((9_000, 1_000), (46, 54)).gives(&[]);
    // Of 100 lookups at 25 %, 12 hits are what chance gives now and then.
    lookups((2_500, 7_500), (12, 88)).gives(&[]);
    lookups((2_500, 7_500), (120, 880)).gives(&[("redis-hits", Warning)]);
    lookups((1_900, 8_100), (50, 950)).gives(&[("redis-hits", Note)]);
}

#[test]
fn a_ratio_that_has_always_been_low_is_a_note() {
    lookups((4_000, 6_000), (499, 501)).gives(&[("redis-hits", Note)]);
    lookups((4_000, 6_000), (500, 500)).gives(&[]);
    lookups((4_000, 6_000), (400, 599)).gives(&[]);
}

#[test]
fn emptying_it_is_told_while_it_happens_or_if_it_is_often() {
    let flushed = |calls: u32, hours: u32| {
        let text =
            format!("cmdstat_flushall:calls={calls},usec=9\nuptime_in_seconds:{}", hours * 3_600);
        Sample::cache().info(&text)
    };
    flushed(5, 5).gives(&[]);
    flushed(6, 5).gives(&[("redis-flushed", Note)]);
    flushed(9, 0).gives(&[]);
    let now = flushed(5, 5).now("cmdstat_flushall:calls=6,usec=10");
    now.gives(&[("redis-flushed", Warning)]);
    Sample::cache().now("cmdstat_flushdb:calls=1,usec=10").gives(&[("redis-flushed", Warning)]);
}

#[test]
fn who_asks_how_long_keys_live_has_read_nothing() {
    let asked = lookups((9_000, 1_000), (0, 100)).info("cmdstat_ttl:calls=8500,usec=9");
    asked.gives(&[("redis-hits", Warning)]);
}

#[test]
fn a_replica_must_be_asked_more_for_it_to_count() {
    let replica =
        |misses| lookups((9_000, 1_000), (0, misses)).info("role:slave\nslave_read_only:0");
    replica(999).gives(&[]);
    replica(1_000).gives(&[("redis-hits", Critical)]);
}
