use super::super::facts_by_hand::{ByHand, check};
use super::CHECKS;
use crate::Severity::{Critical, Note, Warning};
use crate::facts::{KeySample, Lane, Outcome, Probe, Step, StepKind};

const MEBIBYTE: u64 = 1 << 20;

/// A server that evicts so many items, the last one idle for so long.
fn evicting(items: u64, idle: u64) -> ByHand {
    let by_hand = ByHand::default().stats("evictions", 5, 5 + items);
    let by_hand = by_hand.items("items:3:evicted", 5, 5 + items);
    by_hand.items("items:3:evicted_time", idle, idle)
}

#[test]
fn evictions_of_what_was_just_used_are_found() {
    check(&evicting(19, 0), CHECKS, &[]);
    check(&evicting(20, 299), CHECKS, &[("memcached-evictions", Warning)]);
    check(&evicting(20, 300), CHECKS, &[("memcached-evictions", Note)]);
    check(&evicting(20, 86_399), CHECKS, &[("memcached-evictions", Note)]);
    check(&evicting(1_000, 86_400), CHECKS, &[]);
}

#[test]
fn the_class_that_evicts_most_is_judged() {
    let two = evicting(20, 0).items("items:5:evicted", 0, 21);
    let two = two.items("items:5:evicted_time", 100_000, 100_000);
    check(&two, CHECKS, &[]);
    let two = two.items("items:5:evicted", 0, 19);
    check(&two, CHECKS, &[("memcached-evictions", Warning)]);
}

#[test]
fn evictions_before_a_restart_are_no_evidence() {
    check(&evicting(20, 0).words("pid", "7", "8"), CHECKS, &[]);
}

#[test]
fn a_default_limit_is_noted_where_it_is_too_little() {
    let default = |items| {
        let by_hand = evicting(items, 100_000);
        by_hand.stats("limit_maxbytes", 64 * MEBIBYTE, 64 * MEBIBYTE)
    };
    check(&default(19), CHECKS, &[]);
    check(&default(20), CHECKS, &[("memcached-memory-default", Note)]);
}

#[test]
fn items_refused_for_want_of_memory_are_found() {
    check(&ByHand::default().stats("store_no_memory", 0, 0), CHECKS, &[]);
    let once = ByHand::default().stats("store_no_memory", 1, 1);
    check(&once, CHECKS, &[("memcached-out-of-memory", Note)]);
    let now = ByHand::default().stats("store_no_memory", 1, 2);
    check(&now, CHECKS, &[("memcached-out-of-memory", Critical)]);
    // 1 of 100, and of 101.
    let of = |sets| now.clone().stats("cmd_set", 0, sets);
    check(&of(99), CHECKS, &[("memcached-out-of-memory", Critical)]);
    check(&of(100), CHECKS, &[("memcached-out-of-memory", Warning)]);
    // That there are no evictions is not told beside it.
    let off = of(100).setting("evictions", "off");
    check(&off, CHECKS, &[("memcached-out-of-memory", Critical)]);
    let by_class = ByHand::default().items("items:7:outofmemory", 1, 2);
    check(&by_class, CHECKS, &[("memcached-out-of-memory", Critical)]);
    let mut probed = ByHand::default();
    let outcome = Outcome::Refused("SERVER_ERROR out of memory storing object".to_owned());
    let steps = vec![Step { kind: StepKind::Set, took: std::time::Duration::ZERO, outcome }];
    let lanes = vec![Lane { connect: Ok(std::time::Duration::ZERO), steps }];
    probed.probe = Probe { lanes, ..Probe::default() };
    check(&probed, CHECKS, &[("memcached-out-of-memory", Critical)]);
}

#[test]
fn evictions_that_are_off_are_found_before_memory_is_full() {
    let off = |bytes| ByHand::default().setting("evictions", "off").stats("bytes", bytes, bytes);
    let full = (1_u64 << 30) / 10 * 8;
    check(&off(full), CHECKS, &[("memcached-evictions-off", Note)]);
    check(&off(full + 10), CHECKS, &[("memcached-evictions-off", Warning)]);
}

#[test]
fn items_that_are_too_large_are_found() {
    check(&ByHand::default().stats("store_too_large", 0, 0), CHECKS, &[]);
    let once = ByHand::default().stats("store_too_large", 3, 3);
    check(&once, CHECKS, &[("memcached-too-large", Note)]);
    let now = ByHand::default().stats("store_too_large", 3, 4);
    check(&now, CHECKS, &[("memcached-too-large", Warning)]);
    check(&now.stats("cmd_set", 0, 100), CHECKS, &[("memcached-too-large", Note)]);
}

#[test]
fn a_memory_of_few_items_is_noted() {
    let item = |bytes: u64| {
        let by_hand = ByHand::default().setting("item_size_max", &bytes.to_string());
        by_hand.stats("limit_maxbytes", 10 * MEBIBYTE, 10 * MEBIBYTE)
    };
    check(&item(MEBIBYTE), CHECKS, &[]);
    check(&item(MEBIBYTE + 1), CHECKS, &[("memcached-item-size", Note)]);
}

#[test]
fn keys_that_never_expire_are_noted() {
    let keys = |looked_at, without_expiry| {
        let mut by_hand = ByHand::default();
        by_hand.more.keys = Some(KeySample { looked_at, without_expiry, examples: Vec::new() });
        by_hand
    };
    check(&keys(99, 99), CHECKS, &[]);
    check(&keys(100, 50), CHECKS, &[]);
    check(&keys(100, 51), CHECKS, &[("memcached-no-expiry", Note)]);
}
