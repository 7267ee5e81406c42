//! No cross-talk (P1): a response reaches the request it answers, or nobody.

use super::*;

/// A response that is not the one asked for: only its connection's reads are misses, its writes go
/// elsewhere, and the next request is served by a new connection.
#[track_caller]
fn check_garbled(response: &str) {
    let mut rig = Rig::new(2);
    let (key, other) = (rig.key(&[0]), rig.key(&[1]));
    let id = rig.open();
    rig.send(id, set(&key, "1"));
    rig.answers(id);
    rig.servers[0].manner = Manner::Hangs;
    let requests = format!("get {key}\r\nset {key} 0 0 1\r\n2\r\nget {other}\r\n");
    assert_eq!(rig.ask(id, requests), "");
    rig.servers[0].manner = Manner::Serves;
    rig.say(0, response);
    assert_eq!(rig.answers(id), "END\r\nSTORED\r\nEND\r\n", "{response:?}");
    assert!(matches!(rig.outcomes[..], [Outcome { failure: Failure::Garbled(_), .. }]));
    assert_eq!(rig.servers[0].connects, 2, "{response:?}");
    assert_eq!(rig.ask(id, format!("get {key}\r\n")), value(&key, "2") + "END\r\n");
}

#[test]
fn a_response_that_cannot_be_the_one_closes_the_connection_and_fails_its_requests() {
    check_garbled("STORED\r\n");
    check_garbled("\r\n");
    check_garbled("HTTP/1.1 400 Bad Request\r\n");
    check_garbled("VALUE other 0 1\r\nx\r\nEND\r\n");
    check_garbled("VALUE k 0 1\r\nxxEND\r\n");
    check_garbled(&"x".repeat(5000));
    check_garbled("END\r\nEND\r\n");
}

/// A meta response about the right key that answers another request.
#[track_caller]
fn check_mistaken(request: &str, response: &str) {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    assert_eq!(rig.ask(id, request), "");
    rig.say(0, response);
    let is_garbled = matches!(rig.outcomes[..], [Outcome { failure: Failure::Garbled(_), .. }]);
    assert!(is_garbled, "{request:?} {response:?}: {:?}", rig.outcomes);
}

#[test]
fn a_meta_response_to_another_request_for_the_same_key_closes_the_connection() {
    check_mistaken("mg a v O1\r\n", "VA 1 O2 ka\r\nx\r\n");
    check_mistaken("mg a v O1\r\n", "VA 1 ka\r\nx\r\n");
    check_mistaken("mg a v\r\n", "VA 1 O2 ka\r\nx\r\n");
    check_mistaken("mg a v\r\n", "HD ka\r\n");
    check_mistaken("mg a t\r\n", "VA 1 ka\r\nx\r\n");
    check_mistaken("mg a v O1\r\n", "EN O2 ka\r\n");
    check_mistaken("ms a 1 O1\r\nx\r\n", "HD O2 ka\r\n");
    check_mistaken("md a O1\r\n", "NF O2 ka\r\n");
    check_mistaken("md a O1\r\n", "NF ka\r\n");
    check_mistaken("ma a v\r\n", "HD ka\r\n");
}

#[test]
fn a_miss_may_come_without_its_opaque() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "mg a v O1\r\n");
    rig.say(0, "EN\r\n");
    assert_eq!(rig.answers(id), "EN\r\n");
    assert_eq!(rig.outcomes, []);
}

#[test]
fn a_surplus_response_closes_the_connection_and_fails_nothing() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    assert_eq!(rig.ask(id, set("a", "1")), "STORED\r\n");
    rig.say(0, "STORED\r\n");
    assert_eq!(rig.servers[0].connects, 2);
    assert_eq!(rig.ask(id, "get a\r\n"), value("a", "1") + "END\r\n");
    assert_eq!(rig.worker.counters().failed, 0);
}

#[test]
fn a_response_before_its_request_was_written_is_garbage() {
    let mut rig = Rig::new(1);
    rig.set_room(0, 0);
    let id = rig.open();
    assert_eq!(rig.ask(id, set("a", "1")), "");
    rig.say(0, "STORED\r\n");
    assert!(matches!(rig.outcomes[..], [Outcome { failure: Failure::Garbled(_), .. }]));
}

#[test]
fn success_before_the_whole_request_was_written_is_garbage() {
    let mut rig = Rig::new(1);
    rig.set_room(0, 10);
    let id = rig.open();
    assert_eq!(rig.ask(id, set("a", "12345")), "");
    rig.say(0, "STORED\r\n");
    assert!(rig.answers(id).starts_with("SERVER_ERROR evenkeel: unusable response"));
}

#[test]
fn an_error_before_the_whole_request_was_written_is_an_answer() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    rig.set_room(0, 10);
    let id = rig.open();
    assert_eq!(rig.ask(id, set("a", "12345")), "");
    rig.say(0, "SERVER_ERROR object too large for cache\r\n");
    assert_eq!(rig.answers(id), "SERVER_ERROR object too large for cache\r\n");
    rig.set_room(0, usize::MAX);
    assert_eq!(rig.ask(id, "get a\r\n"), "");
    rig.say(0, "END\r\n");
    assert_eq!(rig.answers(id), "END\r\n");
}

#[test]
fn a_late_response_goes_to_nobody_and_the_next_request_gets_its_own() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\n");
    rig.advance_ms(200);
    rig.send(id, "get a\r\n");
    rig.say(0, "VALUE a 0 4\r\n");
    rig.advance_ms(50);
    assert_eq!(rig.answers(id), "END\r\n", "the first has timed out");
    rig.say(0, "late\r\nEND\r\n");
    assert_eq!(rig.answers(id), "");
    rig.say(0, "VALUE a 0 2\r\nok\r\nEND\r\n");
    assert_eq!(rig.answers(id), "VALUE a 0 2\r\nok\r\nEND\r\n");
    assert_eq!(rig.worker.counters().late_responses, 1);
}

#[test]
fn a_response_to_a_session_that_has_ended_goes_to_nobody() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let (first, second) = (rig.open(), rig.open());
    rig.send(first, "get a b\r\nget a\r\nset c 0 0 1\r\n1\r\n");
    rig.worker.handle_session_closed(first);
    rig.send(second, "get b\r\n");
    rig.say(0, "VALUE a 0 1\r\n1\r\nEND\r\nVALUE a 0 1\r\n1\r\nEND\r\nSTORED\r\nEND\r\n");
    assert_eq!(rig.answers(second), "END\r\n");
    assert_eq!(rig.answers(first), "");
}

#[test]
fn a_response_may_come_in_any_pieces() {
    let response = "VALUE a 0 5\r\nx\r\nyz\r\nVALUE b 0 0\r\n\r\nEND\r\nSTORED\r\n12\r\n";
    for split in 0..response.len() {
        let mut rig = Rig::new(1);
        rig.servers[0].manner = Manner::Hangs;
        let id = rig.open();
        rig.send(id, format!("get a miss b\r\n{}incr n 1\r\n", set("c", "1")));
        rig.say(0, &response[..split]);
        rig.say(0, &response[split..]);
        assert_eq!(rig.answers(id), response, "split at {split}");
    }
}

#[test]
fn requests_may_come_in_any_pieces() {
    let requests = "set a 0 0 4\r\nx\r\ny\r\nget a\r\nset b 0 0 1001\r\n";
    let requests = format!("{requests}{}\r\nms c 2\r\nzz\r\nmg c v\r\n", "!".repeat(1001));
    let wanted = "STORED\r\nVALUE a 0 4\r\nx\r\ny\r\nEND\r\n\
        SERVER_ERROR object too large for cache\r\nHD\r\nVA 2\r\nzz\r\n";
    for split in 0..requests.len() {
        let mut rig = Rig::new(1);
        let id = rig.open();
        rig.send(id, &requests[..split]);
        rig.send(id, &requests[split..]);
        assert_eq!(rig.answers(id), wanted, "split at {split}");
    }
    let mut rig = Rig::new(1);
    let id = rig.open();
    requests.bytes().for_each(|byte| rig.send(id, [byte]));
    assert_eq!(rig.answers(id), wanted);
}
