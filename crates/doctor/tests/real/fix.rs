//! Changes to real servers: carried out, looked at, refused, undone.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use evenkeel_doctor::Target;
use evenkeel_doctor::check::Change;
use evenkeel_doctor::fix::{Carried, Effect, FixError, carry_out};
use evenkeel_doctor::target::Password;
use evenkeel_rig::{Memcached, Redis, free_port};

fn change(command: &[&str]) -> Change {
    Change {
        words: "a change".to_owned(),
        command: command.iter().map(|&it| it.to_owned()).collect(),
        before: None,
        undo: None,
        lasting: None,
    }
}

fn carry(target: &Target, command: &[&str]) -> Result<Carried, FixError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime is made of nothing");
    runtime.block_on(carry_out(target, addr(target), &change(command)))
}

fn addr(target: &Target) -> SocketAddr {
    target.address.to_string().parse().expect("an address of ours")
}

fn target(scheme: &str, address: &str) -> Target {
    format!("{scheme}://{address}").parse().expect("an address of ours")
}

#[test]
fn a_change_is_carried_out_and_undone_and_a_refusal_changes_nothing() {
    let redis = Redis::start_with(&["--requirepass", "secret"]);
    let bare = target("redis", &redis.address());
    let password = Password::from("secret".to_owned());
    let server = bare.clone().or_password(&password);

    let carried = carry(&server, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let Carried { before, after, effect, .. } = carried.expect("it is told");
    assert_eq!((before.as_deref(), after.as_deref()), (Some("noeviction"), Some("allkeys-lru")));
    assert_eq!(effect, Effect::Took);
    let policy = || redis.command(&["CONFIG", "GET", "maxmemory-policy"]);
    assert!(policy().contains("allkeys-lru"));

    let undone = carry(&server, &["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    assert_eq!(undone.map(|it| it.effect), Ok(Effect::Took));
    assert!(policy().contains("noeviction"));

    let refused = carry(&server, &["CONFIG", "SET", "maxmemory-policy", "none-such"]);
    assert!(matches!(refused, Err(FixError::Refused(_))), "{refused:?}");
    let shut_out = carry(&bare, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    assert!(matches!(shut_out, Err(FixError::Unreachable(_))), "{shut_out:?}");
    assert!(policy().contains("noeviction"));

    let size = carry(&server, &["CONFIG", "SET", "maxmemory", "100mb"]);
    assert_eq!(
        size.map(|it| (it.after, it.effect)),
        Ok((Some("104857600".to_owned()), Effect::Took))
    );
    let unseen = carry(&server, &["CONFIG", "RESETSTAT"]);
    assert_eq!(unseen.map(|it| it.effect), Ok(Effect::Unseen));
}

#[test]
fn what_was_examined_is_what_is_changed() {
    let redis = Redis::start();
    let server = target("redis", &redis.address());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime is made of nothing");
    let change = |before: &str| {
        let before = Some(before.to_owned());
        Change { before, ..change(&["CONFIG", "SET", "timeout", "600"]) }
    };
    // Its name may mean another server by now.
    let named = target("redis", "no-such-name.invalid");
    let carried = runtime.block_on(carry_out(&named, addr(&server), &change("0")));
    assert_eq!(carried.map(|it| it.effect), Ok(Effect::Took));
    // Somebody else was quicker, and what was said of undoing it is not true any more.
    redis.command(&["CONFIG", "SET", "timeout", "30"]);
    let late = runtime.block_on(carry_out(&server, addr(&server), &change("0")));
    let (before, now) = ("0".to_owned(), "30".to_owned());
    assert_eq!(late, Err(FixError::Changed { before, now }));
    assert!(redis.command(&["CONFIG", "GET", "timeout"]).contains("30"));
}

#[test]
fn a_client_is_gone_when_it_was_killed() {
    let redis = Redis::start();
    let _idle = redis.send(&["SET", "key", "value"]);
    let list = redis.command(&["CLIENT", "LIST"]);
    let id = list.split("id=").nth(1).and_then(|it| it.split(' ').next()).expect("a client");
    let carried = carry(&target("redis", &redis.address()), &["CLIENT", "KILL", "ID", id]);
    let carried = carried.map(|it| (it.before, it.after, it.effect));
    assert_eq!(carried, Ok((Some("connected".to_owned()), Some("gone".to_owned()), Effect::Took)));
}

#[test]
fn memcached_is_told_and_says_what_it_was_told() {
    let memcached = Memcached::start();
    let server = target("memcached", &memcached.address());
    let carried = carry(&server, &["cache_memlimit", "128"]);
    let Carried { before, after, effect, .. } = carried.expect("it is told");
    assert_eq!((before.as_deref(), after.as_deref()), (Some("67108864"), Some("134217728")));
    assert_eq!(effect, Effect::Took);
    let refused = carry(&server, &["cache_memlimit", "none"]);
    assert!(matches!(refused, Err(FixError::Refused(_))), "{refused:?}");
    for unfit in [&["flush\r\nall"][..], &["cache_memlimit", ""], &[]] {
        assert_eq!(carry(&server, unfit), Err(FixError::Unfit));
    }
    memcached.hang();
    let begun_at = Instant::now();
    let unanswered = carry(&server, &["verbosity", "1"]);
    assert!(matches!(unanswered, Err(FixError::Silent(_))), "{unanswered:?}");
    assert!(begun_at.elapsed() < Duration::from_secs(10), "{:?}", begun_at.elapsed());
}

#[test]
fn nobody_there_is_told_so() {
    let server = target("redis", &format!("127.0.0.1:{}", free_port()));
    let error = carry(&server, &["CONFIG", "SET", "timeout", "1"]).expect_err("nobody is there");
    assert!(matches!(error, FixError::Unreachable(_)), "{error:?}");
}
