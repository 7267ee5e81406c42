//! What is remembered of servers that come, do something, and go.

use evenkeel_control::view::Standing;
use evenkeel_core::config::{PoolConfig, ServerConfig};
use evenkeel_core::recovery::RecoveryTally;
use evenkeel_core::routing::{PoolId, ServerId, Usable};
use evenkeel_core::window::Tally;

use super::*;

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds) + OFFSET
}

fn pool(misplaced_keys: usize) -> PoolView {
    PoolView {
        id: PoolId(0),
        config: PoolConfig::new("main".parse().unwrap(), Vec::new()),
        misplaced_keys,
        misplaced_bytes: 0,
        tally: RecoveryTally::default(),
    }
}

/// A server that has had so many keys, and not had so many.
fn server(name: &str, hits: u64, misses: u64) -> ServerView {
    let pool = "main".parse().unwrap();
    let mut totals = Totals::default();
    (totals.hits, totals.misses) = (hits, misses);
    ServerView {
        id: ServerId(0),
        names: Arc::new(ServerNames { pool, server: name.to_owned() }),
        config: ServerConfig::new("10.0.0.1".parse().unwrap()),
        addr: None,
        standing: Standing {
            state: StateName::Up,
            since: Instant::ZERO,
            takes_writes: true,
            last: None,
        },
        usable: Usable::Yes,
        is_flush_required: false,
        misplaced_keys: 0,
        connections_open: 0,
        connections_wanted: 0,
        totals,
        recent: Tally::default(),
        says: None,
    }
}

fn pool_of(past: &Past, seconds: usize) -> PoolHistory {
    let handle = handle();
    let History { pools, len, .. } = past.last(seconds, &handle);
    let [pool] = <[PoolHistory; 1]>::try_from(pools).expect("one pool");
    assert_eq!(pool.misplaced_keys.len(), len);
    pool
}

fn handle() -> Handle {
    let driver = evenkeel_control::setup::Driver::default();
    evenkeel_control::set_up(&[], driver).expect("nothing can be wrong with nothing").handle
}

#[test]
fn each_second_says_what_changed_in_it() {
    let mut past = Past::default();
    for (second, hits, misses) in [(0, 10, 0), (1, 10, 0), (2, 13, 1)] {
        let misplaced = usize::try_from(second).unwrap();
        past.note(at(second), vec![server("a", hits, misses)], &[pool(misplaced)]);
    }
    let pool = pool_of(&past, SECONDS_MAX);
    assert_eq!(pool.hit_percent, [Some(100.0), None, Some(75.0)]);
    assert_eq!(pool.misplaced_keys, [Some(0), Some(1), Some(2)]);
    assert_eq!(pool_of(&past, 2).misplaced_keys, [Some(1), Some(2)]);
}

#[test]
fn a_second_that_was_missed_is_not_known_and_keeps_its_place() {
    let mut past = Past::default();
    for second in [3, 6] {
        past.note(at(second), vec![server("a", 0, 0)], &[pool(7)]);
    }
    let pool = pool_of(&past, SECONDS_MAX);
    assert_eq!(pool.misplaced_keys, [Some(7), None, None, Some(7)]);
    let up = || Some("up".to_owned());
    assert_eq!(pool.servers[0].state, [up(), None, None, up()]);
}

#[test]
fn two_looks_in_one_second_count_once() {
    let mut past = Past::default();
    for ms in [1500, 1900] {
        past.note(Instant::ZERO + Duration::from_millis(ms), vec![], &[pool(0)]);
    }
    assert_eq!(pool_of(&past, SECONDS_MAX).misplaced_keys.len(), 1);
}

#[test]
fn those_who_are_there_now_have_columns_of_full_length() {
    let mut past = Past::default();
    past.note(at(0), vec![server("a", 0, 0), server("b", 0, 0)], &[pool(0)]);
    past.note(at(1), vec![server("c", 0, 0), server("b", 0, 0)], &[pool(0)]);
    let servers = pool_of(&past, SECONDS_MAX).servers;
    let known = servers.iter().map(|it| (it.server.as_str(), it.requests.clone()));
    assert_eq!(
        known.collect::<Vec<_>>(),
        [("c", vec![None, Some(0.0)]), ("b", vec![Some(0.0), Some(0.0)])]
    );
}

#[test]
fn no_more_than_ten_minutes_are_kept() {
    let mut past = Past::default();
    for second in 0..SECONDS_MAX as u64 + 5 {
        past.note(at(second), vec![server("a", 0, 0)], &[pool(0)]);
    }
    assert_eq!((past.seconds.len(), past.server_seconds), (SECONDS_MAX, SECONDS_MAX));
    past.note(at(100_000), vec![server("a", 0, 0)], &[pool(0)]);
    assert_eq!((past.seconds.len(), past.server_seconds), (SECONDS_MAX, 1));
}

#[test]
fn many_servers_are_remembered_for_a_shorter_time() {
    let many: Vec<_> = (0..2000).map(|idx| server(&idx.to_string(), 0, 0)).collect();
    let mut past = Past::default();
    for second in 0..302 {
        past.note(at(second), many.clone(), &[pool(0)]);
    }
    assert_eq!((past.seconds.len(), past.server_seconds), (300, SERVER_SECONDS_MAX));
}

#[test]
fn nothing_is_known_at_first() {
    let history = Past::default().last(SECONDS_MAX, &handle());
    assert_eq!((history.len, history.pools.len()), (0, 0));
}

#[test]
fn percentiles_are_of_what_was_counted_between() {
    let us = Duration::from_micros;
    let earlier = [(us(10), 1000), (us(1000), 3)];
    let later = [(us(10), 1050), (us(20), 45), (us(1000), 8)];
    assert_eq!(percentiles_us(earlier.into_iter(), later.into_iter()), Some([10, 20, 1000]));
    assert_eq!(percentiles_us(later.into_iter(), later.into_iter()), None);
}

#[test]
fn the_first_look_is_in_the_middle_of_a_second() {
    let ms = |ms| Instant::ZERO + Duration::from_millis(ms);
    for (now, wait) in [(0, 1500), (300, 1200), (3999, 501)] {
        assert_eq!(Past::first_wait(ms(now)), Duration::from_millis(wait));
    }
}
