//! `evenkeel events`.

use super::*;

/// The numbers of the events that a follower has printed.
fn numbers(follower: &Program) -> Vec<u64> {
    let output = follower.output();
    let events = output.lines().filter_map(|it| serde_json::from_str(it).ok());
    events.filter_map(|event: serde_json::Value| event["number"].as_u64()).collect()
}

#[test]
fn what_has_happened_is_listed_in_words_and_as_json() {
    let operated = Operated::start(2);
    operated.ask(&["server", "drain", "--wait", "b"]).success();
    let text = operated.ask(&["events"]).success();
    assert!(text.contains("main/b: up -> drained (drain: operator)\n"), "{text}");
    let lines = operated.ask(&["events", "--json", "--since", "1"]).success();
    let events: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events[0]["number"], 1);
    assert_eq!(events[0]["to"], "drained");
}

#[test]
fn a_follower_repeats_and_misses_nothing_when_the_proxy_is_restarted() {
    let mut operated = Operated::start(2);
    let drain_and_readmit = |operated: &Operated| {
        operated.ask(&["server", "drain", "--wait", "b"]).success();
        operated.ask(&["server", "readmit", "--wait", "b"]).success();
        operated.json(&["status", "--json"])["next_event"].as_u64().unwrap()
    };
    let before = drain_and_readmit(&operated);
    let follower = Program::start(&mut operated.command(&["events", "--follow", "--json"]));
    wait_until(TIMEOUT, "what happened before to be told", || {
        numbers(&follower).len() as u64 >= before
    });
    let all_before = drain_and_readmit(&operated);
    wait_until(TIMEOUT, "what happens now to be told", || {
        numbers(&follower).len() as u64 >= all_before
    });
    operated.kill();
    wait_until(TIMEOUT, "the end of the proxy to be told", || {
        follower.output().contains("evenkeel: no answer: ")
    });
    operated.restart();
    let after = drain_and_readmit(&operated);
    wait_until(TIMEOUT, "the events of the next process to be told", || {
        numbers(&follower).len() as u64 >= all_before + after
    });
    let expected: Vec<_> = (0..all_before).chain(0..after).collect();
    assert_eq!(numbers(&follower), expected);
    assert!(follower.output().contains("the proxy has been restarted"), "{}", follower.output());
}
