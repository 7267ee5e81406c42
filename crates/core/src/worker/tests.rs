//! A worker among servers that fail. One behaviour a test.

mod chaos;
mod rig;
mod server;

use std::time::Duration;

use self::rig::{LIMITS, POOL, Rig};
use self::server::Manner;
use super::*;
use crate::config::{Failover, OnUnavailable};
use crate::protocol::ParseLimits;

const TIMED_OUT: &str = "SERVER_ERROR evenkeel: timed out\r\n";
const NO_SERVER: &str = "SERVER_ERROR evenkeel: no usable server\r\n";

fn set(key: &str, value: &str) -> String {
    format!("set {key} 0 0 {}\r\n{value}\r\n", value.len())
}

fn value(key: &str, value: &str) -> String {
    format!("VALUE {key} 0 {}\r\n{value}\r\n", value.len())
}

fn limits_of_keys(keys_per_get_max: usize) -> SessionLimits {
    SessionLimits { parse: ParseLimits { keys_per_get_max, ..LIMITS.parse }, ..LIMITS }
}

// Answers.

#[test]
fn a_value_that_was_stored_is_read_again() {
    let mut rig = Rig::new(3);
    let id = rig.open();
    let conversation = [
        ("set a 0 0 1\r\n1\r\n", "STORED\r\n"),
        ("get a\r\n", "VALUE a 0 1\r\n1\r\nEND\r\n"),
        ("gets a\r\n", "VALUE a 0 1 7\r\n1\r\nEND\r\n"),
        ("add a 0 0 1\r\n2\r\n", "NOT_STORED\r\n"),
        ("incr a 4\r\n", "5\r\n"),
        ("mg a v k\r\n", "VA 1 ka\r\n5\r\n"),
        ("mg a v\r\n", "VA 1\r\n5\r\n"),
        ("touch a 1\r\n", "TOUCHED\r\n"),
        ("delete a\r\n", "DELETED\r\n"),
        ("get a\r\n", "END\r\n"),
    ];
    for (request, answer) in conversation {
        assert_eq!(rig.ask(id, request), answer, "{request}");
    }
}

#[test]
fn a_request_that_needs_no_server_is_answered_without_one() {
    let mut rig = Rig::new(1);
    rig.lose(0, Failure::Closed);
    rig.publish(0, false);
    let id = rig.open();
    let conversation = [
        ("mn\r\n", "MN\r\n"),
        ("verbosity 1\r\n", "OK\r\n"),
        ("verbosity 1 noreply\r\nmn\r\n", "MN\r\n"),
        ("stats\r\n", "STAT a 1\r\nEND\r\n"),
        ("stats reset\r\n", "RESET\r\n"),
        ("stats slabs\r\n", "END\r\n"),
        ("stats cachedump 1 1\r\n", "END\r\n"),
        ("stats noreply\r\n", "ERROR\r\n"),
        ("nonsense\r\n", "ERROR\r\n"),
    ];
    for (request, answer) in conversation {
        assert_eq!(rig.ask(id, request), answer, "{request}");
    }
    assert!(rig.ask(id, "version\r\n").starts_with("VERSION 1.6."));
}

#[test]
fn answers_leave_in_the_order_of_the_requests_whichever_server_is_first() {
    let mut rig = Rig::new(2);
    let (slow, quick) = (rig.key(&[0]), rig.key(&[1]));
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    let requests = format!("{}{}mn\r\nnonsense\r\n", set(&slow, "1"), set(&quick, "2"));
    assert_eq!(rig.ask(id, requests), "");
    rig.say(0, "NOT_STORED\r\n");
    assert_eq!(rig.answers(id), "NOT_STORED\r\nSTORED\r\nMN\r\nERROR\r\n");
}

#[test]
fn sessions_do_not_wait_for_each_other() {
    let mut rig = Rig::new(2);
    let (slow, quick) = (rig.key(&[0]), rig.key(&[1]));
    rig.servers[0].manner = Manner::Hangs;
    let (first, second) = (rig.open(), rig.open());
    assert_eq!(rig.ask(first, format!("get {slow}\r\n")), "");
    assert_eq!(rig.ask(second, format!("get {quick}\r\n")), "END\r\n");
}

#[test]
fn requests_of_many_sessions_go_out_in_one_write() {
    let mut rig = Rig::new(1);
    let ids = [rig.open(), rig.open(), rig.open()];
    for id in ids {
        rig.worker.handle_session_bytes(rig.now, id, b"get a\r\n");
    }
    assert_eq!(rig.worker.poll_connection_to_write(), Some(ServerId(0)));
    assert_eq!(rig.worker.connection_output(ServerId(0)), b"get a\r\nget a\r\nget a\r\n");
    assert_eq!(rig.worker.poll_connection_to_write(), None);
}

#[test]
fn noreply_and_quiet_requests_are_carried_out_and_not_answered() {
    let mut rig = Rig::new(2);
    let id = rig.open();
    let requests = "set a 0 0 1 noreply\r\n1\r\nincr a 1 noreply\r\ntouch a 0 noreply\r\n\
        ms b 1 q\r\nx\r\nmg nothing v q\r\nmd b q\r\ndelete nothing noreply\r\nmn\r\nget a\r\n";
    assert_eq!(rig.ask(id, requests), format!("MN\r\n{}END\r\n", value("a", "2")));
    assert_eq!(rig.ask(id, "mg b v\r\nmg a v q\r\n"), "EN\r\nVA 1\r\n2\r\n");
}

#[test]
fn a_quiet_request_that_fails_is_not_quiet_unless_it_reads() {
    let mut rig = Rig::new(1);
    rig.publish(0, false);
    rig.servers[0].manner = Manner::Refuses;
    let id = rig.open();
    assert_eq!(rig.ask(id, "mg a v q\r\nmn\r\n"), "MN\r\n");
    assert_eq!(rig.ask(id, "ms a 1 q\r\nx\r\n"), NO_SERVER);
    assert_eq!(rig.ask(id, "set a 0 0 1 noreply\r\nx\r\nmn\r\n"), "MN\r\n");
}

#[test]
fn a_miss_that_we_make_up_gives_back_opaque_and_key() {
    let mut rig = Rig::new(1);
    rig.publish(0, false);
    let id = rig.open();
    assert_eq!(rig.ask(id, "mg a v\r\n"), "EN\r\n");
    assert_eq!(rig.ask(id, "mg a O12 v k\r\n"), "EN O12 ka\r\n");
    assert_eq!(rig.ask(id, "mg a k O12 v\r\n"), "EN ka O12\r\n");
    assert_eq!(rig.ask(id, "mg YQ== k O12 b v\r\n"), "EN kYQ== b O12\r\n");
    assert_eq!(rig.ask(id, "me a\r\n"), "EN\r\n");
}

#[test]
fn a_base64_key_goes_where_its_decoded_form_goes() {
    let mut rig = Rig::new(4);
    let id = rig.open();
    for (key, base64) in [("a", "YQ=="), ("bb", "YmI="), ("ccc", "Y2Nj"), ("d", "ZA==")] {
        assert_eq!(rig.ask(id, set(key, "1")), "STORED\r\n");
        assert_eq!(rig.ask(id, format!("mg {base64} b v\r\n")), "VA 1\r\n1\r\n");
        let with_key = rig.ask(id, format!("mg {base64} b v k\r\n"));
        assert_eq!(with_key, format!("VA 1 k{base64} b\r\n1\r\n"));
    }
}

// Retrievals of several keys.

#[test]
fn values_of_several_servers_come_in_the_order_of_the_keys() {
    let mut rig = Rig::new(3);
    let id = rig.open();
    let keys: Vec<_> = (0..20).map(|number| format!("k{number}")).collect();
    let stored: Vec<_> = keys.iter().filter(|key| !key.ends_with('3')).collect();
    for key in &stored {
        rig.send(id, set(key, key));
    }
    rig.answers(id);
    let values: String = stored.iter().map(|key| value(key, key)).collect();
    assert_eq!(rig.ask(id, format!("get {}\r\n", keys.join(" "))), format!("{values}END\r\n"));
    let counters = rig.worker.counters();
    assert_eq!((counters.hits, counters.misses), (18, 2));
}

#[test]
fn a_key_named_twice_is_answered_twice() {
    let mut rig = Rig::new(2);
    let (first, second) = (rig.key(&[0]), rig.key(&[1]));
    let id = rig.open();
    rig.send(id, set(&first, "1") + &set(&second, "2"));
    rig.answers(id);
    let answer = rig.ask(id, format!("get {first} {second} {first} {second} {second}\r\n"));
    let (one, two) = (value(&first, "1"), value(&second, "2"));
    assert_eq!(answer, format!("{one}{two}{one}{two}{two}END\r\n"));
}

#[test]
fn a_part_that_fails_contributes_misses() {
    let mut rig = Rig::new(2);
    let (first, second) = (rig.key(&[0]), rig.key(&[1]));
    let id = rig.open();
    rig.send(id, set(&first, "1") + &set(&second, "2"));
    rig.answers(id);
    rig.servers[0].manner = Manner::Hangs;
    assert_eq!(rig.ask(id, format!("get {first} {second}\r\n")), "");
    rig.lose(0, Failure::Reset);
    assert_eq!(rig.answers(id), format!("{}END\r\n", value(&second, "2")));
}

#[test]
fn a_part_that_fails_is_an_error_if_the_pool_says_so() {
    let mut rig = Rig::with(2, |table| table.pools[0].on_unavailable = OnUnavailable::Error);
    let (first, second) = (rig.key(&[0]), rig.key(&[1]));
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    assert_eq!(rig.ask(id, format!("get {first} {second}\r\n")), "");
    rig.lose(0, Failure::Reset);
    assert_eq!(rig.answers(id), "SERVER_ERROR evenkeel: connection reset\r\n");
}

#[test]
fn a_part_that_is_late_costs_only_its_own_keys() {
    let mut rig = Rig::with(2, |table| {
        table.pools[0].deadline = Duration::from_millis(200);
    });
    let (first, second) = (rig.key(&[0]), rig.key(&[1]));
    let id = rig.open();
    rig.send(id, set(&first, "1") + &set(&second, "2"));
    rig.answers(id);
    rig.servers[0].manner = Manner::Hangs;
    assert_eq!(rig.ask(id, format!("get {first} {second}\r\n")), "");
    rig.advance_ms(200);
    assert_eq!(rig.answers(id), format!("{}END\r\n", value(&second, "2")));
}

/// The part that is late answers twice over: once by its timeout, once by its response.
#[test]
fn a_late_part_does_not_stand_for_one_that_is_still_waited_for() {
    let mut rig = Rig::with(2, |table| {
        table.pools[0].deadline = Duration::from_secs(10);
        table.servers[1].settings.timeout = Duration::from_secs(5);
    });
    let (first, second) = (rig.key(&[0]), rig.key(&[1]));
    rig.servers.iter_mut().for_each(|server| server.manner = Manner::Hangs);
    let id = rig.open();
    rig.send(id, format!("get {first} {second}\r\n"));
    rig.advance_ms(100);
    rig.say(0, "VAL");
    rig.advance_ms(200);
    rig.say(0, format!("UE {first} 0 1\r\n1\r\nEND\r\n"));
    assert_eq!(rig.answers(id), "", "the second server has not answered");
    rig.say(1, format!("{}END\r\n", value(&second, "2")));
    assert_eq!(rig.answers(id), format!("{}END\r\n", value(&second, "2")));
}

#[test]
fn a_part_whose_server_is_ejected_and_then_lost_fails_once() {
    let mut rig = Rig::new(2);
    let (first, second) = (rig.key(&[0]), rig.key(&[1]));
    rig.servers.iter_mut().for_each(|server| server.manner = Manner::Hangs);
    let id = rig.open();
    rig.send(id, format!("get {first} {second}\r\n"));
    rig.publish(0, false);
    rig.lose(0, Failure::Reset);
    assert_eq!(rig.answers(id), "", "the second server has not answered");
    rig.say(1, format!("{}END\r\n", value(&second, "2")));
    assert_eq!(rig.answers(id), format!("{}END\r\n", value(&second, "2")));
    assert_eq!(rig.worker.counters().failed, 1);
}

#[test]
fn a_retrieval_of_which_no_part_can_be_sent_is_answered_at_once() {
    let mut rig = Rig::new(2);
    rig.publish(0, false);
    rig.publish(1, false);
    let id = rig.open();
    assert_eq!(rig.ask(id, "get a b c\r\n"), "END\r\n");
    assert_eq!(rig.worker.counters().failed, 3);
}

#[test]
fn a_retrieval_may_lose_more_servers_than_a_byte_counts() {
    let mut rig = Rig::new(1000);
    let id = rig.open_with(limits_of_keys(3000));
    let keys: Vec<_> = (0..3000).map(|number| format!("k{number}")).collect();
    let request = format!("get {}\r\n", keys.join(" "));
    rig.worker.handle_session_bytes(rig.now, id, request.as_bytes());
    for server in 0..1000 {
        rig.worker.handle_server_lost(rig.now, ServerId(server), Failure::Reset);
    }
    rig.drive();
    assert_eq!(rig.answers(id), "END\r\n");
}

#[test]
fn a_retrieval_may_name_more_keys_than_16_bits_count() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open_with(limits_of_keys(1_000_000));
    rig.send(id, format!("get {}\r\n", "a ".repeat(70_000)));
    rig.say(0, "END\r\n");
    assert_eq!(rig.answers(id), "END\r\n");
    assert_eq!(rig.worker.counters().misses, 70_000);
}

// flush_all.

#[test]
fn flush_all_goes_to_every_server() {
    let mut rig = Rig::new(3);
    let id = rig.open();
    let keys = [rig.key(&[0]), rig.key(&[1]), rig.key(&[2])];
    for key in &keys {
        rig.send(id, set(key, "1"));
    }
    rig.answers(id);
    assert_eq!(rig.ask(id, "flush_all\r\n"), "OK\r\n");
    assert_eq!(rig.ask(id, format!("get {}\r\n", keys.join(" "))), "END\r\n");
    assert_eq!(rig.ask(id, "flush_all noreply\r\nmn\r\n"), "MN\r\n");
}

#[test]
fn flush_all_fails_if_one_server_cannot_be_reached() {
    let mut rig = Rig::new(3);
    rig.publish(1, false);
    let id = rig.open();
    assert_eq!(rig.ask(id, "flush_all\r\n"), NO_SERVER);
    assert!(rig.has_received(0, "flush_all") && rig.has_received(2, "flush_all"));
    rig.publish(0, false);
    rig.publish(2, false);
    assert_eq!(rig.ask(id, "flush_all\r\n"), NO_SERVER);
}

#[test]
fn flush_all_that_a_server_refuses_fails() {
    let mut rig = Rig::new(2);
    rig.servers[1].manner = Manner::Hangs;
    let id = rig.open();
    assert_eq!(rig.ask(id, "flush_all\r\n"), "");
    rig.say(1, "SERVER_ERROR no\r\n");
    assert_eq!(rig.answers(id), "SERVER_ERROR evenkeel: server error\r\n");
}

// P1: no cross-talk.

/// A response that is not the one asked for: only the requests of its connection fail, and the
/// next one is served by a new connection.
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
    let answer = rig.answers(id);
    let failed = "END\r\nSERVER_ERROR evenkeel: unusable response: ";
    assert!(answer.starts_with(failed), "{response:?}: {answer:?}");
    assert!(answer.ends_with("END\r\n"), "{response:?}: {answer:?}");
    assert!(matches!(rig.outcomes[..], [Outcome { failure: Failure::Garbled(_), .. }]));
    assert_eq!(rig.servers[0].connects, 2, "{response:?}");
    assert_eq!(rig.ask(id, format!("get {key}\r\n")), value(&key, "1") + "END\r\n");
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

// Bad input.

#[test]
fn an_oversized_set_is_swallowed_and_drops_the_value_it_was_to_replace() {
    let mut rig = Rig::new(2);
    let id = rig.open();
    for store in ["set a 0 0 2000\r\n", "ms a 2000\r\n", "ms YQ== 2000 b\r\n"] {
        assert_eq!(rig.ask(id, set("a", "old")), "STORED\r\n");
        rig.send(id, store);
        for _ in 0..20 {
            rig.send(id, "get a\r\n".repeat(100).get(..100).unwrap());
        }
        assert_eq!(rig.ask(id, "\r\n"), "SERVER_ERROR object too large for cache\r\n");
        assert_eq!(rig.ask(id, "get a\r\n"), "END\r\n", "{store}");
    }
}

#[test]
fn a_refused_request_is_answered_behind_those_before_it() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    assert_eq!(rig.ask(id, "get a\r\nincr a x\r\n"), "");
    rig.say(0, "END\r\n");
    assert_eq!(rig.answers(id), "END\r\nCLIENT_ERROR invalid numeric delta argument\r\n");
}

#[test]
fn an_endless_line_ends_the_session_once_it_has_its_answers() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, format!("get a\r\n{}", "x".repeat(3000)));
    assert!(!rig.is_closed(id));
    rig.say(0, "END\r\n");
    assert_eq!(rig.answers(id), "END\r\nCLIENT_ERROR line too long\r\n");
    assert!(rig.is_closed(id));
}

// The end of a session.

#[test]
fn quit_ends_a_session_that_waits_for_nothing() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    assert_eq!(rig.ask(id, "quit\r\nget a\r\n"), "");
    assert!(rig.is_closed(id));
    assert_eq!(rig.worker.sessions_len(), 0);
}

#[test]
fn quit_leaves_time_for_answers_that_are_owed() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    assert_eq!(rig.ask(id, "get a\r\nquit\r\nget b\r\n"), "");
    assert!(!rig.is_closed(id));
    rig.say(0, "END\r\n");
    assert_eq!(rig.answers(id), "END\r\n");
    assert!(rig.is_closed(id));
    assert!(!rig.has_received(0, "get b"));
}

#[test]
fn quit_ends_a_session_whose_last_request_wants_no_answer() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "set a 0 0 1 noreply\r\n1\r\nquit\r\n");
    rig.say(0, "STORED\r\n");
    assert!(rig.is_closed(id));
}

#[test]
fn an_application_that_sends_nothing_more_gets_what_it_is_owed() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\nget b");
    rig.worker.handle_session_eof(id);
    rig.drive();
    assert!(!rig.is_closed(id));
    rig.say(0, "END\r\n");
    assert_eq!(rig.answers(id), "END\r\n");
    assert!(rig.is_closed(id));
}

#[test]
fn requests_sent_before_the_end_are_answered_even_by_a_paused_session() {
    let mut rig = Rig::new(1);
    let limits = SessionLimits { requests_in_flight_max: 2, ..LIMITS };
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open_with(limits);
    rig.send(id, "get a\r\n".repeat(5));
    rig.worker.handle_session_eof(id);
    for _ in 0..5 {
        rig.say(0, "END\r\n");
    }
    assert_eq!(rig.answers(id), "END\r\n".repeat(5));
    assert!(rig.is_closed(id));
}

#[test]
fn shutdown_ends_idle_sessions_at_once_and_the_others_when_they_are_answered() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let (idle, waiting) = (rig.open(), rig.open());
    rig.send(waiting, "get a\r\n");
    rig.worker.handle_shutdown();
    rig.drive();
    assert!(rig.is_closed(idle) && !rig.is_closed(waiting));
    rig.say(0, "END\r\n");
    assert_eq!(rig.answers(waiting), "END\r\n");
    assert!(rig.is_closed(waiting));
}

#[test]
fn a_session_that_was_told_nothing_holds_no_buffer() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    rig.send(id, "get a\r\nset a 0 0 1 noreply\r\n1\r\n");
    rig.send(id, "set a 0 0 1 noreply\r\n1\r\n");
    assert_eq!(rig.worker.desk.sessions[id].output.capacity(), 0);
}

// Back-pressure.

#[test]
fn a_session_with_too_many_requests_in_flight_is_paused_and_goes_on_by_itself() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let limits = SessionLimits { requests_in_flight_max: 3, ..LIMITS };
    let id = rig.open_with(limits);
    rig.send(id, "get a\r\n".repeat(7));
    assert_eq!(rig.servers[0].received, b"get a\r\n".repeat(3));
    assert!(!rig.worker.wants_input(id));
    rig.say(0, "END\r\n".repeat(3));
    assert_eq!(rig.servers[0].received, b"get a\r\n".repeat(6));
    rig.say(0, "END\r\n".repeat(3));
    assert!(rig.worker.wants_input(id));
    rig.say(0, "END\r\n");
    assert_eq!(rig.answers(id), "END\r\n".repeat(7));
}

#[test]
fn a_session_paused_by_requests_that_want_no_answer_is_named_to_the_driver_again() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let limits = SessionLimits { requests_in_flight_max: 1, ..LIMITS };
    let id = rig.open_with(limits);
    rig.send(id, "set a 0 0 1 noreply\r\n1\r\n");
    assert!(!rig.worker.wants_input(id));
    rig.worker.handle_server_bytes(rig.now, ServerId(0), b"STORED\r\n");
    assert_eq!(rig.worker.poll_session_to_write(rig.now), Some(id));
    assert!(rig.worker.wants_input(id));
}

#[test]
fn a_session_that_does_not_read_is_paused_and_goes_on_when_it_does() {
    let mut rig = Rig::new(1);
    let limits =
        SessionLimits { parse: ParseLimits { item_size_max: 1 << 20, ..LIMITS.parse }, ..LIMITS };
    let id = rig.open_with(limits);
    rig.send(id, set("a", &"v".repeat(200 * 1024)));
    rig.answers(id);
    rig.set_deaf(id, true);
    rig.send(id, "get a\r\n");
    rig.send(id, "get a\r\n");
    assert!(!rig.worker.wants_input(id), "400 KiB are unread");
    rig.send(id, "get a\r\n".repeat(10));
    assert!(!rig.has_received(0, &"get a\r\n".repeat(3)), "what it sends stays unread");
    rig.set_deaf(id, false);
    assert_eq!(rig.answers(id).len(), 12 * (200 * 1024 + 25));
}

#[test]
fn values_past_the_limit_of_a_session_that_does_not_read_become_misses() {
    let mut rig = Rig::new(1);
    let limits = SessionLimits { output_max: 2500, ..LIMITS };
    let id = rig.open_with(limits);
    rig.send(id, set("a", &"v".repeat(1000)) + &set("n", "1"));
    rig.answers(id);
    rig.set_deaf(id, true);
    rig.send(id, "get a\r\nget a\r\nget a\r\nget n\r\nmg a v\r\n");
    rig.set_deaf(id, false);
    let whole = value("a", &"v".repeat(1000)) + "END\r\n";
    let wanted = format!("{whole}{whole}END\r\n{}END\r\nEN\r\n", value("n", "1"));
    assert_eq!(rig.answers(id), wanted);
    assert_eq!(rig.worker.counters().values_dropped, 2);
}

#[test]
fn the_answer_to_a_change_is_never_dropped() {
    let mut rig = Rig::new(1);
    let limits = SessionLimits { output_max: 1, ..LIMITS };
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open_with(limits);
    rig.send(id, "ma n v\r\n");
    rig.say(0, "VA 2 kn\r\n17\r\n");
    assert_eq!(rig.answers(id), "VA 2\r\n17\r\n");
}

// P2 and P3: servers that fail.

#[test]
fn a_read_in_flight_on_a_lost_connection_is_a_miss() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\nmg a v\r\n");
    rig.lose(0, Failure::Reset);
    assert_eq!(rig.answers(id), "END\r\nEN\r\n");
}

#[test]
fn a_read_in_flight_on_a_lost_connection_is_an_error_if_the_pool_says_so() {
    let mut rig = Rig::with(1, |table| table.pools[0].on_unavailable = OnUnavailable::Error);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\nmg a v\r\n");
    rig.lose(0, Failure::Reset);
    assert_eq!(rig.answers(id), "SERVER_ERROR evenkeel: connection reset\r\n".repeat(2));
}

#[test]
fn a_write_in_flight_on_a_lost_connection_says_so_and_is_not_sent_again() {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0]);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, format!("{}incr {key} 1\r\ndelete {key}\r\n", set(&key, "1")));
    rig.lose(0, Failure::Closed);
    assert_eq!(rig.answers(id), "SERVER_ERROR evenkeel: connection closed\r\n".repeat(3));
    assert!(rig.servers.iter().all(|server| server.received.is_empty()));
}

#[test]
fn an_attempt_of_which_nothing_was_written_goes_to_the_next_server() {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0, 1]);
    rig.set_room(0, 12);
    let id = rig.open();
    // The first is written in part, the second not at all.
    assert_eq!(rig.ask(id, set(&key, "first") + &set(&key, "second")), "");
    rig.lose(0, Failure::Reset);
    assert_eq!(rig.answers(id), "SERVER_ERROR evenkeel: connection reset\r\nSTORED\r\n");
    assert_eq!(rig.servers[1].items[key.as_bytes()], b"second");
    assert_eq!(rig.worker.counters().diverted, 1);
}

#[test]
fn an_attempt_goes_to_the_next_server_if_the_first_refuses_to_be_connected_to() {
    let mut rig = Rig::new(3);
    let key = rig.key(&[0, 1, 2]);
    for server in [0, 1] {
        rig.servers[server].manner = Manner::Refuses;
    }
    let id = rig.open();
    rig.lose(0, Failure::Closed);
    rig.lose(1, Failure::Closed);
    assert_eq!(rig.ask(id, set(&key, "1")), "STORED\r\n");
    assert_eq!(rig.servers[2].items.len(), 1);
}

#[test]
fn without_failover_a_key_never_moves() {
    let mut rig = Rig::with(2, |table| table.pools[0].failover = Failover::None);
    let (here, there) = (rig.key(&[0]), rig.key(&[1]));
    rig.publish(0, false);
    let id = rig.open();
    let requests = format!("get {here}\r\n{}get {here} {there}\r\n", set(&here, "1"));
    assert_eq!(rig.ask(id, requests), format!("END\r\n{NO_SERVER}END\r\n"));
    assert!(!rig.has_received(1, &here));
    assert!(rig.has_received(1, &there));
}

#[test]
fn a_server_that_hangs_costs_a_request_the_timeout_and_no_more() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\n".to_owned() + &set("a", "1"));
    rig.advance_ms(249);
    assert_eq!(rig.answers(id), "");
    rig.advance_ms(1);
    assert_eq!(rig.answers(id), format!("END\r\n{TIMED_OUT}"));
}

#[test]
fn no_request_outlives_its_deadline_wherever_it_waits() {
    let mut rig = Rig::with(2, |table| {
        for server in &mut table.servers {
            server.settings.timeout = Duration::from_secs(10);
            server.settings.connect_timeout = Duration::from_secs(10);
        }
    });
    let (hanging, connecting) = (rig.key(&[0]), rig.key(&[1]));
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    // A connection that has served is trusted to come back.
    assert_eq!(rig.ask(id, set(&connecting, "1")), "STORED\r\n");
    rig.servers[1].manner = Manner::Ignores;
    rig.lose(1, Failure::Closed);
    let many = format!("get {hanging} {connecting}\r\n");
    rig.send(id, format!("get {hanging}\r\n{}{many}flush_all\r\n", set(&connecting, "1")));
    rig.advance_ms(349);
    assert_eq!(rig.answers(id), "");
    rig.advance_ms(1);
    assert_eq!(rig.answers(id), format!("END\r\n{TIMED_OUT}END\r\n{TIMED_OUT}"));
}

#[test]
fn a_write_that_was_told_to_have_failed_is_not_sent_elsewhere() {
    let mut rig = Rig::with(2, |table| {
        table.pools[0].deadline = Duration::from_secs(10);
        table.servers[1].settings.timeout = Duration::from_secs(10);
    });
    let (older, key) = (rig.key(&[1]), rig.key(&[0, 1]));
    rig.servers.iter_mut().for_each(|server| server.manner = Manner::Hangs);
    let (id, other) = (rig.open(), rig.open());
    rig.send(other, format!("get {key}\r\n"));
    rig.set_room(0, 0);
    rig.send(id, format!("get {older}\r\n") + &set(&key, "1"));
    rig.advance_ms(100);
    rig.say(0, "VALUE");
    rig.advance_ms(150);
    // The write has timed out; its answer waits only for the read before it.
    rig.lose(0, Failure::Reset);
    assert!(!rig.has_received(1, "set"));
    rig.say(1, "END\r\n");
    assert_eq!(rig.answers(id), format!("END\r\n{TIMED_OUT}"));
}

#[test]
fn ejection_answers_at_once_what_was_in_flight() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\nget a b\r\n".to_owned() + &set("a", "1"));
    rig.publish(0, false);
    assert_eq!(rig.answers(id), format!("END\r\nEND\r\n{NO_SERVER}"));
}

#[test]
fn ejection_sends_elsewhere_what_was_not_written() {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0, 1]);
    rig.set_room(0, 12);
    let id = rig.open();
    assert_eq!(rig.ask(id, set(&key, "first") + &set(&key, "second")), "");
    rig.publish(0, false);
    assert_eq!(rig.answers(id), format!("{NO_SERVER}STORED\r\n"));
    rig.set_room(0, usize::MAX);
    assert!(rig.has_received(0, "first"), "what was begun is ended");
    assert!(!rig.has_received(0, "second"));
}

#[test]
fn ejection_while_connecting_sends_elsewhere_what_waits() {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0, 1]);
    let id = rig.open();
    assert_eq!(rig.ask(id, set(&key, "1")), "STORED\r\n");
    rig.servers[0].manner = Manner::Ignores;
    rig.lose(0, Failure::Closed);
    assert_eq!(rig.ask(id, set(&key, "2")), "");
    rig.publish(0, false);
    assert_eq!(rig.answers(id), "STORED\r\n");
}

#[test]
fn an_ejected_server_is_sent_nothing_and_its_late_responses_are_thrown_away() {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0, 1]);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, format!("get {key}\r\n"));
    rig.publish(0, false);
    assert_eq!(rig.answers(id), "END\r\n");
    assert_eq!(rig.ask(id, format!("get {key}\r\n")), "END\r\n");
    rig.say(0, format!("{}END\r\n", value(&key, "late")));
    assert_eq!(rig.answers(id), "");
    rig.servers[0].manner = Manner::Serves;
    rig.servers[0].received.clear();
    rig.publish(0, true);
    assert_eq!(rig.servers[0].connects, 1, "the connection was kept");
}

#[test]
fn a_server_that_was_ejected_and_lost_is_connected_to_when_it_is_usable_again() {
    let mut rig = Rig::new(1);
    rig.publish(0, false);
    rig.lose(0, Failure::Closed);
    rig.advance_ms(60_000);
    assert_eq!(rig.servers[0].connects, 1);
    rig.publish(0, true);
    assert_eq!(rig.servers[0].connects, 2);
    let id = rig.open();
    assert_eq!(rig.ask(id, "get a\r\n"), "END\r\n");
}

#[test]
fn a_read_that_a_server_refuses_is_a_miss_and_a_write_is_passed_on() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\nmg a v\r\n".to_owned() + &set("a", "1"));
    rig.say(0, "SERVER_ERROR out of memory\r\n".repeat(3));
    assert_eq!(rig.answers(id), "END\r\nEN\r\nSERVER_ERROR out of memory\r\n");
    assert_eq!(rig.outcomes.len(), 3);
}

#[test]
fn an_error_that_is_the_requests_own_fault_is_no_evidence() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, set("a", "1").repeat(2) + "mg a X\r\n");
    let errors = "SERVER_ERROR object too large for cache\r\nCLIENT_ERROR no\r\nERROR\r\n";
    rig.say(0, errors);
    assert_eq!(rig.answers(id), errors);
    assert_eq!(rig.outcomes, []);
}

#[test]
fn a_queue_that_is_full_takes_no_more() {
    let mut rig = Rig::with(1, |table| table.servers[0].settings.attempts_in_flight_max = 2);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\nget a\r\nget a\r\nget a b\r\nflush_all\r\n");
    rig.say(0, "END\r\nEND\r\n");
    assert_eq!(rig.answers(id), format!("{}{NO_SERVER}", "END\r\n".repeat(4)));
}

// Evidence.

#[test]
fn timeouts_are_counted_until_a_response_is_in_time() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    let counts = |rig: &mut Rig| -> Vec<_> {
        let outcomes = std::mem::take(&mut rig.outcomes);
        outcomes.iter().map(|outcome| (outcome.failure, outcome.timeouts_in_a_row)).collect()
    };
    for _ in 0..2 {
        rig.send(id, "get a\r\n");
        // And time to reconnect.
        rig.advance_ms(250 + 100);
    }
    let wanted = [(Failure::Timeout, 1), (Failure::Timeout, 2)];
    assert_eq!(counts(&mut rig), wanted, "each on its own connection");
    rig.servers[0].manner = Manner::Serves;
    assert_eq!(rig.ask(id, "get a\r\n"), "END\r\nEND\r\nEND\r\n");
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, "get a\r\n");
    rig.advance_ms(250);
    assert_eq!(counts(&mut rig), [(Failure::Timeout, 1)]);
}

#[test]
fn timeouts_before_an_ejection_do_not_count_after_it() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, "get a\r\n");
    rig.advance_ms(250);
    rig.publish(0, false);
    rig.publish(0, true);
    rig.outcomes.clear();
    rig.send(id, "get a\r\n");
    rig.advance_ms(250);
    assert_eq!(rig.outcomes[0].timeouts_in_a_row, 1);
}

#[test]
fn what_is_said_of_a_connection_that_was_given_up_is_not_evidence() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    assert_eq!(rig.ask(id, "get a\r\n"), "END\r\n");
    // The driver reads garbage and then the end, before it has been told to reconnect.
    rig.worker.handle_server_bytes(rig.now, ServerId(0), b"garbage\r\n");
    rig.worker.handle_server_bytes(rig.now, ServerId(0), b"garbage\r\n");
    rig.worker.handle_server_lost(rig.now, ServerId(0), Failure::Closed);
    rig.drive();
    assert_eq!(rig.outcomes.len(), 1);
    assert_eq!(rig.ask(id, "get a\r\n"), "END\r\n");
}

// Connecting.

#[test]
fn a_server_that_accepts_and_closes_is_not_connected_to_without_pause() {
    let mut rig = Rig::new(1);
    for _ in 0..20 {
        rig.lose(0, Failure::Closed);
        rig.advance_ms(5);
    }
    let connects = rig.servers[0].connects;
    assert!(connects <= 3, "{connects} connects in 100 ms");
    rig.advance_ms(2000);
    let id = rig.open();
    assert_eq!(rig.ask(id, "get a\r\n"), "END\r\n");
}

#[test]
fn requests_do_not_wait_for_a_server_that_could_not_be_connected_to() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Ignores;
    rig.lose(0, Failure::Closed);
    rig.advance_ms(1000);
    let id = rig.open();
    for _ in 0..100 {
        assert_eq!(rig.ask(id, "get a\r\n"), "END\r\n");
        rig.advance_ms(17);
    }
}

#[test]
fn requests_wait_for_a_server_that_has_only_just_closed() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    assert_eq!(rig.ask(id, set("a", "1")), "STORED\r\n");
    rig.worker.handle_server_lost(rig.now, ServerId(0), Failure::Closed);
    assert_eq!(rig.ask(id, "get a\r\n"), value("a", "1") + "END\r\n");
}

#[test]
fn a_worker_without_traffic_sleeps() {
    let mut rig = Rig::new(3);
    assert_eq!(rig.worker.next_timeout(), None);
    let id = rig.open();
    assert_eq!(rig.ask(id, "get a\r\n"), "END\r\n");
    rig.advance_ms(1000);
    assert_eq!(rig.worker.next_timeout(), None);
}

#[test]
fn deadlines_of_requests_long_answered_are_forgotten() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    for _ in 0..1000 {
        rig.send(id, "get a\r\n");
    }
    assert!(rig.worker.deadlines[usize::from(POOL.0)].len() <= 1);
}
