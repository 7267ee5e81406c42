//! A worker among servers and applications, good and bad. One behaviour a test.

mod several_keys;

mod prefix_routes;

mod applications;

mod calls;

mod failing_servers;

mod misplaced_keys;

mod membership;

mod cross_talk;

mod chaos;

mod reporting;

mod rig;
mod server;
mod shared;

use std::time::Duration;

use self::rig::{LIMITS, Rig};
use self::server::Manner;
use super::*;
use crate::config::OnUnavailable;
use crate::failure::Failure;
use crate::protocol::ParseLimits;
use crate::report::Outcome;
use crate::routing::{PoolId, Substitute};

const TIMED_OUT: &str = "SERVER_ERROR evenkeel: timed out\r\n";
const NO_SERVER: &str = "SERVER_ERROR evenkeel: no usable server\r\n";
const EJECTED: &str = "SERVER_ERROR evenkeel: server ejected\r\n";

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
    let connection = rig.connection(0);
    assert_eq!(rig.worker.poll_connection_to_write(), Some(connection));
    assert_eq!(rig.worker.connection_output(connection), b"get a\r\nget a\r\nget a\r\n");
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
