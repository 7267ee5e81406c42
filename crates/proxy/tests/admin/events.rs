//! Orders, and the events that tell what became of them.

use evenkeel_core::config::AdminConfig;
use serde_json::Value;

use crate::rig::{Rig, Stream, wait_until};

/// The events that are kept, from number `since` on.
fn events(rig: &Rig, since: u64) -> Vec<Value> {
    let list = rig.ask(&format!("/api/v1/events?since={since}")).json();
    list["events"].as_array().expect("a list").clone()
}

#[test]
fn an_order_is_carried_out_and_its_events_say_so() {
    let rig = Rig::start();
    let accepted = rig.order("a", "drain");
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.json(), serde_json::json!({"order":"drain","pool":"main","server":"a"}));
    wait_until("the server to be drained", || rig.state_of("a") == "drained");
    let server = rig.ask("/api/v1/pools/main/servers/a").json();
    assert_eq!((&server["rule"], &server["evidence"]), (&"drain".into(), &"operator".into()));
    assert_eq!(server["is_usable"], false);
    let reason = server["reason"].as_str().expect("a reason");
    assert_eq!(reason, "drained (drain: operator); it stays so until somebody orders: readmit");
    let [ordered, state] = &events(&rig, 0)[..] else { panic!("two events") };
    assert_eq!((&ordered["kind"], &ordered["number"]), (&"ordered".into(), &0.into()));
    assert_eq!((&state["from"], &state["to"]), (&"up".into(), &"drained".into()));
    assert_eq!((&state["pool"], &state["server"]), (&"main".into(), &"a".into()));
    assert_eq!((&state["rule"], &state["evidence"]), (&"drain".into(), &"operator".into()));
    assert!(state["at"].as_str().is_some_and(|it| it.ends_with('Z')), "{state}");
    assert_eq!(rig.order("a", "readmit").status, 202);
    wait_until("the server to be up again", || rig.state_of("a") == "up");
}

#[test]
fn a_list_is_cut_and_says_where_to_go_on() {
    let rig = Rig::start();
    for _ in 0..4 {
        assert_eq!(rig.order("a", "drain").status, 202);
    }
    wait_until("events", || events(&rig, 0).len() >= 4);
    let all = events(&rig, 0);
    let list = rig.ask("/api/v1/events?since=1&limit=2").json();
    assert_eq!((&list["next"], &list["missed"]), (&3.into(), &0.into()));
    assert_eq!(list["events"].as_array().expect("a list")[..], all[1..3]);
    let list = rig.ask("/api/v1/events?since=1000").json();
    assert_eq!(list["events"].as_array().map(Vec::len), Some(0));
    assert!(list["next"].as_u64().is_some_and(|next| next >= 4), "{list}");
}

#[test]
fn a_stream_tells_events_as_they_happen_and_goes_on_where_it_was() {
    let rig = Rig::start();
    let mut stream = Stream::open(&rig, "", &[]);
    assert_eq!(rig.order("b", "eject").status, 202);
    let (id, kind, data) = stream.next();
    assert_eq!((id, kind.as_str(), &data["server"]), (0, "ordered", &"b".into()));
    let (id, kind, data) = stream.next();
    assert_eq!((id, kind.as_str(), &data["rule"]), (1, "state", &"eject".into()));
    assert_eq!(data, events(&rig, 1)[0]);
    drop(stream);
    let mut again = Stream::open(&rig, "?since=0", &[("last-event-id", "0")]);
    assert_eq!(again.next().0, 1, "a browser that connects again says what it has seen");
    let mut from = Stream::open(&rig, "?since=1", &[]);
    assert_eq!(from.next().0, 1);
}

#[test]
fn streams_leave_room_for_others() {
    let rig = Rig::start_with(AdminConfig { connections_max: 4, ..AdminConfig::default() });
    let streams = [(); 2].map(|()| Stream::open(&rig, "", &[]));
    rig.ask("/api/v1/events/stream").check_failure(503, "busy");
    assert_eq!(rig.ask("/health/live").status, 200);
    drop(streams);
    wait_until("room for a stream", || {
        // An answer to a stream does not end: look at its first line only.
        let mut stream = rig.connect();
        crate::rig::request(&mut stream, "GET", "/api/v1/events/stream", &[]).is_ok()
            && crate::rig::status_of(&mut stream) == Some(200)
    });
}
