use super::super::sample::{Sample, findings};
use super::*;
use crate::check::Severity;

#[test]
fn versions_before_the_fix_are_a_note() {
    for (version, is_told) in [
        ("5.0.14", true),
        ("6.2.19", true),
        ("6.2.20", false),
        ("7.0.15", true),
        ("7.2.10", true),
        ("7.2.11", false),
        ("7.4.5", true),
        ("7.4.6", false),
        ("8.0.4", false),
        ("8.2.1", true),
        ("8.2.2", false),
        ("8.4.0", false),
        ("8.4.0-rc1", false),
        ("255.255.255", false),
        ("unknown", false),
    ] {
        check("redis_version", version, is_told);
    }
}

#[test]
fn valkey_is_judged_by_its_own_version() {
    for (version, is_told) in [
        ("7.2.10", true),
        ("7.2.11", false),
        ("8.0.5", true),
        ("8.0.6", false),
        ("8.1.3", true),
        ("8.1.4", false),
        ("9.0.0", false),
        ("9.1.1", false),
    ] {
        check("server_name:valkey\nredis_version:7.2.4\nvalkey_version", version, is_told);
    }
}

#[test]
fn what_only_says_that_it_is_like_redis_is_not_judged() {
    Sample::cache().info("server_name:other\nredis_version:7.2.4").gives(&[]);
}

#[test]
fn the_fix_is_told_of_the_same_series_or_the_next() {
    for (version, fixed) in [((7, 2, 1), "7.2.11"), ((7, 0, 15), "7.2.11"), ((5, 0, 1), "6.2.20")] {
        assert_eq!(fixed_in(version, &REDIS.scripts), fixed);
    }
    assert_eq!(fixed_in((8, 1, 0), &VALKEY.scripts), "8.1.4");
}

#[test]
fn older_ones_have_both_faults() {
    let faults = |version: &str| {
        let found = findings(Sample::cache().info(&format!("redis_version:{version}")).facts());
        found[0].evidence[1].value.clone()
    };
    assert!(faults("7.2.7").contains("CVE-2025-21605"));
    assert!(!faults("7.2.8").contains("CVE-2025-21605"));
    assert!(!faults("8.0.1").contains("CVE-2025-21605"));
}

#[track_caller]
fn check(names: &str, version: &str, is_told: bool) {
    let told: &[_] = if is_told { &[("redis-version", Severity::Note)] } else { &[] };
    Sample::cache().info(&format!("{names}:{version}")).gives(told);
}
