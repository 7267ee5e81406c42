//! `evenkeel server`.

use super::*;

#[test]
fn an_order_that_is_waited_for_has_taken_effect() {
    let operated = Operated::start(2);
    let text = operated.ask(&["server", "drain", "--wait", "b"]).success();
    assert_eq!(text, "main/b: drain has taken effect; it is drained\n");
    let servers = operated.json(&["status", "--json"])["pools"][0]["servers"].clone();
    assert_eq!(servers[1]["state"], "drained");

    let readmitted = operated.json(&["server", "readmit", "--wait", "--json", "main/b"]);
    let expected = serde_json::json!({
        "order": "readmit", "pool": "main", "server": "b", "took_effect": true, "state": "up",
    });
    assert_eq!(readmitted, expected);
}

#[test]
fn a_flush_that_is_waited_for_has_emptied_the_server() {
    let operated = Operated::start(1);
    let mut session = operated.connect();
    session.set("key", "value");
    let refused = operated.ask(&["server", "flush", "a"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert_eq!(session.get("key").as_deref(), Some("value"), "nobody has said yes");
    operated.ask(&["server", "flush", "--yes", "--wait", "a"]).success();
    assert_eq!(session.get("key"), None);
}

#[test]
fn an_order_without_effect_ends_with_1_and_says_why() {
    let mut operated = Operated::start(2);
    operated.servers[1].kill();
    operated.wait_for_state(1, "down");
    let told = operated.ask(&["server", "readmit", "--wait", "--timeout", "100ms", "b"]);
    assert_eq!(told.code, Some(1));
    let expected = "evenkeel: readmit of main/b has not taken effect within 100ms: down";
    assert!(told.stderr.starts_with(expected), "{told:?}");
}

#[test]
fn an_order_about_nobody_names_who_there_is() {
    let operated = Operated::start(2);
    let told = operated.ask(&["server", "drain", "x"]);
    assert_eq!(told.code, Some(2));
    assert_eq!(told.stderr, "evenkeel: there is no server \"x\"; choose \"a\" or \"b\"\n");
}
