use std::time::Duration;

use super::super::facts_by_hand::{ByHand, check};
use super::CHECKS;
use crate::Severity::{Critical, Note, Warning};
use crate::facts::ClientConnection;

/// A server whose limit leaves room for 1,000 connections of others.
fn connected(connections: u64) -> ByHand {
    let by_hand = ByHand::default().stats("curr_connections", 1, connections);
    by_hand.stats("max_connections", 1_028, 1_028).stats("reserved_fds", 20, 20)
}

/// So many clients' connections that have been idle for so many seconds.
fn idle(connections: usize, seconds: u64) -> Vec<ClientConnection> {
    let idle = Some(Duration::from_secs(seconds));
    let address = "10.0.0.7".to_owned();
    vec![ClientConnection { address, idle, ..ClientConnection::default() }; connections]
}

#[test]
fn a_server_close_to_its_limit_is_found() {
    check(&connected(800), CHECKS, &[]);
    check(&connected(801), CHECKS, &[("memcached-connections", Warning)]);
    check(&connected(990), CHECKS, &[("memcached-connections", Warning)]);
    check(&connected(991), CHECKS, &[("memcached-connections", Critical)]);
    // 1.4.15 does not say it among its figures.
    let old = ByHand::default().stats("curr_connections", 950, 950);
    let old = old.stats("reserved_fds", 20, 20).setting("maxconns", "1024");
    check(&old, CHECKS, &[("memcached-connections", Warning)]);
    let closed = connected(10).stats("accepting_conns", 1, 0);
    check(&closed, CHECKS, &[("memcached-connections", Critical)]);
}

#[test]
fn who_holds_connections_is_told() {
    let mut by_hand = connected(900);
    by_hand.more.connections = Some([idle(60, 700), idle(2, 5)].concat());
    let found = by_hand.found(CHECKS);
    let held = found[0].evidence.iter().find(|it| it.what == "held by 10.0.0.7");
    assert_eq!(held.expect("it holds all").value, "62, of which 60 idle for ten minutes");
}

#[test]
fn a_server_that_turns_clients_away_is_found() {
    for name in ["rejected_connections", "listen_disabled_num"] {
        check(&ByHand::default().stats(name, 0, 0), CHECKS, &[]);
        let once = ByHand::default().stats(name, 7, 7);
        check(&once, CHECKS, &[("memcached-connections-refused", Note)]);
        let now = ByHand::default().stats(name, 7, 8);
        check(&now, CHECKS, &[("memcached-connections-refused", Critical)]);
    }
}

#[test]
fn idle_connections_are_found_where_they_are_many() {
    let holding = |connections, held| {
        let mut by_hand = connected(connections);
        by_hand.more.connections = Some(held);
        by_hand
    };
    check(&holding(200, idle(99, 600)), CHECKS, &[]);
    check(&holding(200, idle(100, 599)), CHECKS, &[]);
    check(&holding(200, idle(100, 600)), CHECKS, &[("memcached-idle-connections", Note)]);
    check(&holding(800, idle(100, 600)), CHECKS, &[("memcached-idle-connections", Note)]);
    let near = [("memcached-connections", Warning), ("memcached-idle-connections", Warning)];
    check(&holding(801, idle(100, 600)), CHECKS, &near);
    let mixed = [idle(100, 600), idle(101, 0)].concat();
    check(&holding(501, mixed), CHECKS, &[]);
}

#[test]
fn connections_that_are_not_kept_are_found() {
    let churn = |connections: u64| ByHand::default().stats("total_connections", 5, 5 + connections);
    check(&churn(199), CHECKS, &[]);
    check(&churn(200), CHECKS, &[("memcached-connection-churn", Note)]);
    check(&churn(1_999), CHECKS, &[("memcached-connection-churn", Note)]);
    check(&churn(2_000), CHECKS, &[("memcached-connection-churn", Warning)]);
}

#[test]
fn connections_that_wait_are_found() {
    let waiting = |connections| {
        let mut by_hand = ByHand::default();
        by_hand.more.accept_queue = Some(connections);
        by_hand
    };
    check(&waiting(49), CHECKS, &[]);
    check(&waiting(50), CHECKS, &[("memcached-accept-queue", Warning)]);
}
