//! Requests without a session.

use super::*;
use crate::call::CallResult;
use crate::id::ExchangeId;
use crate::protocol::parse::{Parsed, parse_request};

#[derive(Clone, Copy)]
struct Call {
    id: ExchangeId,
    name: u64,
}

/// Submits what `text` asks for.
fn call_within(rig: &mut Rig, text: &str, deadline: Option<Duration>) -> Call {
    let Parsed::Request { request, .. } = parse_request(text.as_bytes(), 0, &LIMITS.parse) else {
        panic!("{text:?} is a request");
    };
    let name = rig.worker.counters().requests;
    let id = rig.worker.call(rig.now, (rig::POOL, name), &request, deadline);
    rig.drive();
    Call { id, name }
}

fn call(rig: &mut Rig, text: &str) -> Call {
    call_within(rig, text, None)
}

fn word(result: CallResult) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    match result {
        CallResult::Answered { status, line, body } => {
            format!("{status:?} {:?} {:?}", text(&line), text(&body))
        }
        CallResult::Remembered => "remembered".into(),
        CallResult::Failed(failure) => failure.to_string(),
        CallResult::Parts(mut split) => {
            let mut words = Vec::new();
            let bodies: Vec<_> = split.parts.iter().map(|part| part.body.clone()).collect();
            split.take_places(|place| {
                words.push(match place {
                    Ok((_, place)) if place.is_empty() => "miss".into(),
                    Ok((part, place)) => text(&bodies[part][place]),
                    Err(failure) => failure.to_string(),
                });
            });
            words.extend(split.failure.map(|failure| format!("in part: {failure}")));
            words.join(", ")
        }
    }
}

/// What has been settled since it was last asked for.
fn settled(rig: &mut Rig) -> Vec<(u64, String)> {
    rig.worker.drain_settled().map(|(name, result)| (name, word(result))).collect()
}

#[track_caller]
fn check(rig: &mut Rig, text: &str, wanted: &str) {
    let id = call(rig, text);
    assert_eq!(settled(rig), [(id.name, wanted.to_owned())], "{text:?}");
}

#[test]
fn a_call_is_answered_in_data() {
    let mut rig = Rig::new(3);
    check(&mut rig, "get a\r\n", r#"End "" """#);
    check(&mut rig, "set a 0 0 1\r\n1\r\n", r#"Done "" """#);
    check(&mut rig, "get a\r\n", r#"End "" "VALUE a 0 1\r\n1\r\n""#);
    check(&mut rig, "gets a\r\n", r#"End "" "VALUE a 0 1 7\r\n1\r\n""#);
    check(&mut rig, "add a 0 0 1\r\n2\r\n", r#"NotStored "" """#);
    check(&mut rig, "incr a 4\r\n", r#"Done "5" """#);
    check(&mut rig, "mg a v\r\n", r#"Hit "VA 1 ka" "5""#);
    check(&mut rig, "delete a\r\n", r#"Done "" """#);
    check(&mut rig, "delete a\r\n", r#"NotFound "" """#);
    check(&mut rig, "flush_all\r\n", "");
}

#[test]
fn calls_are_answered_as_servers_answer_them() {
    let mut rig = Rig::new(2);
    let (slow, quick) = (rig.key(&[0]), rig.key(&[1]));
    rig.servers[0].manner = Manner::Hangs;
    let first = call(&mut rig, &format!("get {slow}\r\n"));
    let second = call(&mut rig, &format!("get {quick}\r\n"));
    assert_eq!(settled(&mut rig), [(second.name, r#"End "" """#.to_owned())]);
    rig.advance_ms(250);
    assert_eq!(settled(&mut rig), [(first.name, "timed out".to_owned())]);
}

#[test]
fn of_several_keys_each_is_told_its_own() {
    let mut rig = Rig::new(2);
    let (lost, found, missed) = (rig.key(&[0]), rig.key(&[1]), rig.keys(&[1]).nth(1).unwrap());
    call(&mut rig, &set(&found, "x"));
    settled(&mut rig);
    rig.servers[0].manner = Manner::Hangs;
    let id = call(&mut rig, &format!("get {lost} {missed} {found}\r\n"));
    assert_eq!(settled(&mut rig), []);
    rig.advance_ms(250);
    let value = value(&found, "x");
    let wanted = format!("timed out, miss, {value}, in part: timed out");
    assert_eq!(settled(&mut rig), [(id.name, wanted)]);
}

#[test]
fn of_several_keys_those_that_no_server_can_take_are_told_so() {
    let mut rig = Rig::with(2, |table| table.pools[0].failover = Substitute::None);
    let (lost, missed) = (rig.key(&[0]), rig.key(&[1]));
    rig.publish(0, false);
    let wanted = "no usable server, miss, in part: no usable server";
    check(&mut rig, &format!("get {lost} {missed}\r\n"), wanted);
}

#[test]
fn of_several_keys_all_that_wait_at_the_deadline_are_told_so() {
    let mut rig = Rig::new(2);
    let (hung, missed) = (rig.key(&[0]), rig.key(&[1]));
    rig.servers[0].manner = Manner::Hangs;
    let text = format!("get {hung} {missed}\r\n");
    let id = call_within(&mut rig, &text, Some(Duration::from_millis(30)));
    rig.advance_ms(29);
    assert_eq!(settled(&mut rig), []);
    rig.advance_ms(1);
    assert_eq!(settled(&mut rig), [(id.name, "timed out, miss, in part: timed out".to_owned())]);
}

#[test]
fn a_call_may_have_a_deadline_of_its_own() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let short = call_within(&mut rig, "get a\r\n", Some(Duration::from_millis(10)));
    rig.advance_ms(10);
    assert_eq!(settled(&mut rig), [(short.name, "timed out".to_owned())]);
}

#[test]
fn a_write_that_ran_out_of_its_own_time_is_kept_from_coming_back() {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0, 1]);
    rig.servers[0].manner = Manner::Hangs;
    let text = set(&key, "late");
    let id = call_within(&mut rig, &text, Some(Duration::from_millis(10)));
    rig.advance_ms(10);
    assert_eq!(settled(&mut rig), [(id.name, "timed out".to_owned())]);
    assert!(!rig.recovery.is_clear(rig::POOL), "the key is kept from the server");
}

#[test]
fn nobody_is_told_of_a_call_without_reply_and_it_is_carried_out() {
    let mut rig = Rig::new(1);
    call(&mut rig, "set a 0 0 1 noreply\r\n1\r\n");
    assert_eq!(settled(&mut rig), []);
    check(&mut rig, "get a\r\n", r#"End "" "VALUE a 0 1\r\n1\r\n""#);
}

#[test]
fn the_response_to_a_call_that_was_given_up_goes_to_nobody() {
    let mut rig = Rig::new(1);
    call(&mut rig, &set("a", "1"));
    settled(&mut rig);
    rig.servers[0].manner = Manner::Hangs;
    let first = call(&mut rig, "get a\r\n");
    let second = call(&mut rig, "get b\r\n");
    rig.worker.drop_call(first.id);
    rig.say(0, value("a", "1") + "END\r\n");
    assert_eq!(settled(&mut rig), []);
    rig.say(0, "END\r\n");
    assert_eq!(settled(&mut rig), [(second.name, r#"End "" """#.to_owned())]);
    assert_eq!(rig.worker.counters().late_responses, 1);
}

#[test]
fn a_call_of_several_keys_can_be_given_up() {
    let mut rig = Rig::new(2);
    let keys = (rig.key(&[0]), rig.key(&[1]));
    rig.servers[0].manner = Manner::Hangs;
    let call = call(&mut rig, &format!("get {} {}\r\n", keys.0, keys.1));
    rig.worker.drop_call(call.id);
    rig.say(0, "END\r\n");
    rig.advance_ms(1000);
    assert_eq!(settled(&mut rig), []);
}

#[test]
fn a_write_that_was_given_up_is_kept_from_coming_back_after_its_deadline() {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0, 1]);
    rig.servers[0].manner = Manner::Hangs;
    let deadline = Duration::from_millis(10);
    let call = call_within(&mut rig, &set(&key, "late"), Some(deadline));
    rig.worker.drop_call(call.id);
    rig.advance_ms(9);
    assert!(rig.recovery.is_clear(rig::POOL), "it may be carried out");
    rig.advance_ms(1);
    assert!(!rig.recovery.is_clear(rig::POOL), "the key is kept from the server");
    assert_eq!(settled(&mut rig), []);
}

/// A worker whose connection to its only server was lost and is not made again.
fn connecting() -> Rig {
    let mut rig = Rig::with(1, |table| {
        table.servers[0].settings.connect_timeout = Duration::from_secs(10);
    });
    // A connection that has served is trusted to come back.
    call(&mut rig, "get a\r\n");
    settled(&mut rig);
    rig.servers[0].manner = Manner::Ignores;
    rig.lose(0, Failure::Closed);
    rig
}

#[test]
fn a_write_that_was_given_up_is_not_sent_after_its_deadline() {
    let mut rig = connecting();
    let call = call(&mut rig, &set("a", "late"));
    rig.worker.drop_call(call.id);
    rig.advance_ms(350);
    rig.worker.handle_connected(rig.now, rig.connection(0));
    rig.drive();
    assert!(!rig.has_received(0, "late"));
}

#[test]
fn a_write_of_a_session_that_is_gone_is_not_sent_after_its_deadline() {
    let mut rig = connecting();
    let session = rig.open();
    rig.send(session, set("a", "late"));
    rig.worker.handle_session_closed(session);
    rig.advance_ms(350);
    rig.worker.handle_connected(rig.now, rig.connection(0));
    rig.drive();
    assert!(!rig.has_received(0, "late"));
}

#[test]
fn a_write_that_was_given_up_is_not_tried_elsewhere() {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0, 1]);
    rig.servers[0].manner = Manner::Hangs;
    let call = call(&mut rig, &set(&key, "late"));
    rig.worker.drop_call(call.id);
    rig.lose(0, Failure::Reset);
    assert!(!rig.has_received(1, "late"));
    assert_eq!(settled(&mut rig), []);
}

#[test]
fn a_delete_that_no_server_can_take_is_remembered() {
    let mut rig = Rig::with(1, |table| table.pools[0].failover = Substitute::None);
    rig.publish(0, false);
    check(&mut rig, "delete a\r\n", "remembered");
}

#[test]
fn a_call_is_tried_elsewhere_as_any_request() {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0, 1]);
    rig.servers[0].manner = Manner::Hangs;
    let id = call(&mut rig, &set(&key, "x"));
    rig.lose(0, Failure::Reset);
    assert_eq!(settled(&mut rig), [(id.name, r#"Done "" """#.to_owned())]);
}

#[test]
fn what_a_server_refuses_is_told_in_its_words() {
    let mut rig = Rig::new(1);
    rig.servers[0].manner = Manner::Hangs;
    let read = call(&mut rig, "get a\r\n");
    let write = call(&mut rig, &set("a", "1"));
    rig.say(0, "SERVER_ERROR out of memory\r\nSERVER_ERROR out of memory storing object\r\n");
    let refused = r#"Error(Server) "SERVER_ERROR out of memory storing object" """#.to_owned();
    assert_eq!(settled(&mut rig), [(read.name, "server error".to_owned()), (write.name, refused)]);
}

#[test]
fn calls_and_sessions_share_a_connection() {
    let mut rig = Rig::new(1);
    let session = rig.open();
    assert_eq!(rig.ask(session, set("a", "1")), "STORED\r\n");
    check(&mut rig, "get a\r\n", r#"End "" "VALUE a 0 1\r\n1\r\n""#);
    assert_eq!(rig.ask(session, "get a\r\n"), value("a", "1") + "END\r\n");
}
