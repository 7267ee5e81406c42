//! One connection, without a worker. One behaviour a test.

mod joint;

use super::*;
use crate::id::ExchangeId;
use crate::protocol::request::Request;
use crate::protocol::response::Invalid;
use crate::protocol::response::{Expect, Status};
use crate::protocol::{ParseLimits, Parsed, encode, parse_request};
use crate::routing::PoolId;

const SETTINGS: ConnectionSettings = ConnectionSettings {
    timeout: Duration::from_millis(250),
    connect_timeout: Duration::from_millis(200),
    attempts_in_flight_max: 4,
};

fn ms(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// Wanted and connecting since 0 ms.
fn connecting() -> Connection {
    let mut connection = Connection::new(ServerId(0), SETTINGS);
    connection.want(ms(0));
    assert!(connection.poll_connect(ms(0)).is_some());
    connection
}

/// Connected since 0 ms.
fn ready() -> Connection {
    let mut connection = connecting();
    connection.handle_connected(ms(0));
    connection
}

fn attempt(request: &str) -> (Attempt, Vec<u8>) {
    let Parsed::Request { request, .. } =
        parse_request(request.as_bytes(), 0, &ParseLimits::default())
    else {
        panic!("{request:?} is no request");
    };
    let mut encoded = Vec::new();
    let keys_at = encode::request(&request, &mut encoded);
    let (class, expect) = (request.class().unwrap(), Expect::of(&request).unwrap());
    let mut attempt = Attempt::new(ExchangeId::default(), 0, PoolId(0), class, expect);
    attempt.set_keys_at(keys_at);
    if let Request::Retrieve { keys, .. } = request {
        attempt.keys_len = u32::try_from(keys.len()).unwrap();
    }
    (attempt, encoded)
}

impl Connection {
    fn take(&mut self, now: Instant, request: &str) {
        let (attempt, encoded) = attempt(request);
        self.enqueue(now, attempt, &encoded);
    }

    fn send(&mut self, now: Instant, request: &str) {
        self.take(now, request);
        self.handle_written(self.output().len());
    }

    /// What is matched when `bytes` come: the body and the last line of each response.
    fn hear(&mut self, now: Instant, bytes: &str) -> Result<Vec<(String, String)>, Invalid> {
        let received = self.receive(now, bytes.as_bytes());
        let (mut at, mut all) = (0, Vec::new());
        while let Some(matched) = self.match_response(received.as_slice(), &mut at)? {
            all.push((text(matched.body), text(matched.response.line)));
        }
        self.keep(received, at);
        Ok(all)
    }

    /// Loses the connection: the requests it gives back, and whether they were sent.
    fn lose(&mut self, now: Instant) -> Vec<(String, Sent)> {
        let lost = self.handle_lost(now, &mut Random::new(1));
        lost.iter().map(|(_, encoded, sent)| (text(encoded), sent)).collect()
    }

    fn take_back_texts(&mut self) -> Vec<String> {
        self.take_back().iter().map(|(_, encoded, _)| text(encoded)).collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

// Connecting.

#[test]
fn a_connection_that_nobody_wants_is_never_made() {
    let mut connection = Connection::new(ServerId(0), SETTINGS);
    assert_eq!(connection.poll_connect(ms(1000)), None);
    assert!(connection.is_lost() && !connection.can_send());
    assert_eq!(connection.next_timeout(), None);
    connection.want(ms(1000));
    connection.unwant();
    assert_eq!(connection.poll_connect(ms(1000)), None);
}

#[test]
fn attempts_may_wait_for_the_first_connect() {
    let mut connection = connecting();
    assert!(connection.can_send() && !connection.is_ready());
    connection.take(ms(0), "get a\r\n");
    connection.handle_connected(ms(1));
    assert!(connection.is_ready());
    assert_eq!(connection.output(), b"get a\r\n");
}

#[test]
fn a_connect_that_takes_too_long_has_timed_out() {
    let mut connection = connecting();
    assert_eq!(connection.next_timeout(), Some(ms(200)));
    assert_eq!(connection.poll_timeout(ms(199)), None);
    assert_eq!(connection.poll_timeout(ms(200)), Some(TimedOut::Connect));
}

#[test]
fn the_pause_between_connects_grows_to_its_limit() {
    let mut connection = connecting();
    let mut now = ms(0);
    for pause_ms in [50, 100, 200, 400, 800, 1000, 1000, 1000] {
        connection.lose(now);
        let pause = connection.next_timeout().unwrap() - now;
        let (min, max) = (pause_ms * 80 / 100, pause_ms * 120 / 100);
        assert!((min..=max).contains(&pause.as_millis()), "{pause:?} is not about {pause_ms} ms");
        now = connection.next_timeout().unwrap();
        assert!(connection.poll_connect(now).is_some());
    }
}

#[test]
fn a_connection_that_never_responded_is_no_better_than_one_refused() {
    let mut connection = ready();
    connection.lose(ms(0));
    assert_eq!(connection.poll_connect(ms(39)), None);
    assert!(connection.poll_connect(ms(60)).is_some());
    assert!(!connection.can_send());
    connection.handle_connected(ms(60));
    assert!(connection.can_send());
}

#[test]
fn a_connection_that_has_responded_is_made_again_at_once() {
    let mut connection = ready();
    connection.send(ms(0), "get a\r\n");
    connection.hear(ms(1), "END\r\n").unwrap();
    connection.lose(ms(1));
    assert!(connection.poll_connect(ms(1)).is_some());
    assert!(connection.can_send());
}

#[test]
fn losing_it_twice_does_not_shorten_the_pause() {
    let mut connection = connecting();
    connection.lose(ms(0));
    let pause = connection.next_timeout();
    connection.lose(ms(1));
    assert_eq!(connection.next_timeout(), pause);
}

#[test]
fn a_server_that_is_wanted_again_is_connected_to_without_pause() {
    let mut connection = connecting();
    connection.lose(ms(0));
    connection.unwant();
    connection.want(ms(1));
    assert!(connection.poll_connect(ms(1)).is_some());
    assert!(connection.can_send());
}

#[test]
fn a_connection_that_is_made_is_kept_when_it_is_unwanted() {
    let mut connection = ready();
    connection.unwant();
    assert!(connection.is_ready());
    let mut connection = connecting();
    connection.unwant();
    connection.handle_connected(ms(1));
    assert!(connection.is_ready());
}

#[test]
fn a_report_of_success_for_a_connect_that_was_given_up_changes_nothing() {
    let mut connection = connecting();
    connection.lose(ms(0));
    connection.handle_connected(ms(1));
    assert!(connection.is_lost());
}

// Sent or not.

#[test]
fn an_attempt_is_unsent_until_its_first_byte_is_written() {
    let first_len = "get first\r\n".len();
    for (written, sent) in [
        (0, [Sent::No, Sent::No]),
        (1, [Sent::Maybe, Sent::No]),
        (first_len, [Sent::Maybe, Sent::No]),
        (first_len + 1, [Sent::Maybe, Sent::Maybe]),
        (2 * first_len + 1, [Sent::Maybe, Sent::Maybe]),
    ] {
        let mut connection = ready();
        connection.take(ms(0), "get first\r\n");
        connection.take(ms(0), "get second\r\n");
        connection.handle_written(written);
        let lost = connection.lose(ms(1));
        assert_eq!([lost[0].1, lost[1].1], sent, "{written} bytes written");
        assert_eq!(lost[0].0, "get first\r\n");
    }
}

#[test]
fn bytes_are_counted_anew_for_each_connection() {
    let mut connection = ready();
    connection.send(ms(0), "get a\r\n");
    connection.hear(ms(1), "END\r\n").unwrap();
    connection.lose(ms(1));
    assert!(connection.poll_connect(ms(1)).is_some());
    connection.take(ms(1), "get b\r\n");
    assert_eq!(connection.lose(ms(2)), [("get b\r\n".to_owned(), Sent::No)]);
}

#[test]
fn those_not_begun_are_taken_back_in_order() {
    let mut connection = ready();
    for request in ["get first\r\n", "get second\r\n", "get third\r\n"] {
        connection.take(ms(0), request);
    }
    connection.handle_written("get fi".len());
    assert_eq!(connection.take_back_texts(), ["get second\r\n", "get third\r\n"]);
    assert!(connection.take_back_texts().is_empty());
    assert_eq!(connection.output(), b"rst\r\n");
}

#[test]
fn what_is_enqueued_after_a_take_back_is_told_apart_still() {
    let mut connection = ready();
    connection.take(ms(0), "get first\r\n");
    connection.take(ms(0), "get second\r\n");
    connection.handle_written("get first\r\n".len());
    assert_eq!(connection.take_back_texts().len(), 1);
    connection.take(ms(0), "get other\r\n");
    assert_eq!(connection.output(), b"get other\r\n");
    let lost = connection.lose(ms(1));
    assert_eq!(lost[0], ("get first\r\n".to_owned(), Sent::Maybe));
    assert_eq!(lost[1], ("get other\r\n".to_owned(), Sent::No));
}

#[test]
fn all_may_be_taken_back_before_the_connection_is_made() {
    let mut connection = connecting();
    connection.take(ms(0), "get a\r\n");
    connection.take(ms(0), "get b\r\n");
    assert_eq!(connection.take_back_texts(), ["get a\r\n", "get b\r\n"]);
    assert!(connection.output().is_empty());
}

#[test]
fn output_is_the_same_however_it_is_written() {
    let mut connection = ready();
    let value = "v".repeat(900 * 1024);
    let mut left = String::new();
    for key in ["a", "b", "c"] {
        let request = format!("set {key} 0 0 {}\r\n{value}\r\n", value.len());
        connection.take(ms(0), &request);
        left.push_str(&request);
    }
    let mut left = left.as_bytes();
    while !left.is_empty() {
        assert_eq!(connection.output().len(), left.len());
        assert_eq!(connection.output()[..50.min(left.len())], left[..50.min(left.len())]);
        let len = left.len().min(100 * 1024);
        connection.handle_written(len);
        left = &left[len..];
    }
    assert!(connection.output().is_empty());
}

// Limits.

#[test]
fn it_takes_as_many_attempts_as_it_may_and_no_more() {
    let mut connection = ready();
    for _ in 0..SETTINGS.attempts_in_flight_max {
        assert!(connection.can_send());
        connection.send(ms(0), "get a\r\n");
    }
    assert!(!connection.can_send());
    connection.hear(ms(1), "END\r\n").unwrap();
    assert!(connection.can_send());
}

#[test]
fn it_takes_no_attempt_while_too_much_waits_to_be_written() {
    let mut connection = ready();
    let (large, _) = attempt("get a\r\n");
    connection.enqueue(ms(0), large, &vec![b' '; OUTPUT_LEN_MAX]);
    assert!(!connection.can_send());
    connection.handle_written(1);
    assert!(connection.can_send());
}

#[test]
#[should_panic(expected = "the caller asks before it sends")]
fn an_attempt_is_not_given_to_a_connection_that_cannot_send() {
    Connection::new(ServerId(0), SETTINGS).take(ms(0), "get a\r\n");
}

#[test]
fn values_of_a_response_that_is_too_long_are_thrown_away() {
    let mut connection = ready();
    connection.body_len_max = 40;
    connection.send(ms(0), "get a b c d e\r\n");
    // Each value takes 20 bytes; the third is one too many.
    let value = |key: &str| format!("VALUE {key} 0 5\r\n12345\r\n");
    assert_eq!(value("a").len(), 20);
    for key in ["a", "b", "c", "d"] {
        assert_eq!(connection.hear(ms(1), &value(key)), Ok(vec![]));
        assert!(connection.input.len() <= 40);
    }
    let received = connection.receive(ms(2), b"END\r\n");
    let matched = connection.match_response(received.as_slice(), &mut 0).unwrap().unwrap();
    assert_eq!((matched.values_len, matched.values_dropped), (1, 3));
    assert_eq!(matched.value_lens, [0, 0, 0, 20]);
    assert_eq!(text(matched.body), value("d"));
}

// Matching.

#[test]
fn responses_belong_to_the_attempts_in_order() {
    let mut connection = ready();
    connection.send(ms(0), "get a b\r\n");
    connection.send(ms(0), "set c 0 0 1\r\n1\r\n");
    let matched = connection.hear(ms(1), "VALUE b 0 1\r\nx\r\nEND\r\nSTORED\r\n").unwrap();
    let value = ("VALUE b 0 1\r\nx\r\n".to_owned(), "END".to_owned());
    assert_eq!(matched, [value, (String::new(), "STORED".to_owned())]);
    assert_eq!(connection.in_flight().len(), 0);
}

#[test]
fn each_key_of_a_retrieval_has_the_length_of_its_value() {
    let mut connection = ready();
    connection.send(ms(0), "get a b c b d\r\n");
    connection.send(ms(0), "get e\r\n");
    let response = "VALUE b 0 1\r\nx\r\nVALUE b 0 3\r\nxyz\r\nEND\r\nVALUE e 0 0\r\n\r\nEND\r\n";
    let received = connection.receive(ms(2), response.as_bytes());
    let mut at = 0;
    let mut lens = || {
        let matched = connection.match_response(received.as_slice(), &mut at).unwrap();
        matched.unwrap().value_lens.to_vec()
    };
    assert_eq!(lens(), [0, 16, 0, 18]);
    assert_eq!(lens(), [15]);
}

#[test]
fn a_key_that_begins_another_is_not_taken_for_it() {
    let mut connection = ready();
    connection.send(ms(0), "get a aa b\r\n");
    let received = connection.receive(ms(2), b"VALUE aa 0 1\r\nx\r\nVALUE b 0 1\r\ny\r\nEND\r\n");
    let matched = connection.match_response(received.as_slice(), &mut 0).unwrap().unwrap();
    assert_eq!(matched.value_lens, [0, 17, 16]);
}

#[test]
fn what_is_not_answered_is_kept_when_what_is_answered_is_let_go() {
    let mut connection = ready();
    let value = "v".repeat(100 * 1024);
    connection.send(ms(0), &format!("set a 0 0 {}\r\n{value}\r\n", value.len()));
    connection.send(ms(0), "get b\r\n");
    connection.take(ms(0), "get c\r\n");
    connection.hear(ms(1), "STORED\r\n").unwrap();
    assert!(connection.stream.buffer_len() < 100);
    assert_eq!(connection.output(), b"get c\r\n");
    let lost = connection.lose(ms(2));
    let wanted = [("get b\r\n".to_owned(), Sent::Maybe), ("get c\r\n".to_owned(), Sent::No)];
    assert_eq!(lost, wanted);
}

#[test]
fn a_response_is_the_same_wherever_it_is_split() {
    let response = "VALUE a 0 3\r\n\r\nE\r\nVALUE c 1 0\r\n\r\nEND\r\nSTORED\r\nEND\r\n";
    let whole = |splits: &[usize]| {
        let mut connection = ready();
        connection.send(ms(0), "get a b c\r\n");
        connection.send(ms(0), "set c 0 0 1\r\n1\r\n");
        connection.send(ms(0), "get d\r\n");
        let mut matched = Vec::new();
        let mut from = 0;
        for to in splits.iter().copied().chain([response.len()]) {
            matched.extend(connection.hear(ms(1), &response[from..to]).unwrap());
            from = to;
        }
        matched
    };
    let wanted = whole(&[]);
    assert_eq!(wanted.len(), 3);
    for first in 0..response.len() {
        for second in first..response.len() {
            assert_eq!(whole(&[first, second]), wanted, "split at {first} and {second}");
        }
    }
}

#[track_caller]
fn check_invalid(requests: &[&str], response: &str, invalid: Invalid) {
    let mut connection = ready();
    for request in requests {
        connection.send(ms(0), request);
    }
    assert_eq!(connection.hear(ms(1), response), Err(invalid));
}

#[test]
fn what_was_not_asked_for_is_invalid() {
    check_invalid(&[], "END\r\n", Invalid::Unasked);
    check_invalid(&["get a\r\n"], "END\r\nEND\r\n", Invalid::Unasked);
    check_invalid(&["get a\r\n"], "VALUE b 0 1\r\nx\r\nEND\r\n", Invalid::OtherKey);
    check_invalid(&["get a b\r\n"], "VALUE b 0 0\r\n\r\nVALUE a 0 0\r\n\r\n", Invalid::OtherKey);
    check_invalid(&["get a\r\n"], "VALUE a 0 0\r\n\r\nVALUE a 0 0\r\n\r\n", Invalid::OtherKey);
    check_invalid(&["get ab\r\n"], "VALUE a 0 0\r\n\r\nEND\r\n", Invalid::OtherKey);
    check_invalid(&["get a\r\n"], "STORED\r\n", Invalid::Unexpected);
    check_invalid(&["get a\r\n"], "VALUE a 0 1\r\nxy\r\nEND\r\n", Invalid::BadValue);
    check_invalid(&["gets a\r\n"], "VALUE a 0 1\r\nx\r\nEND\r\n", Invalid::Unexpected);
    check_invalid(&["mg a v\r\n"], "VA 1 kb\r\nx\r\n", Invalid::OtherKey);
    check_invalid(&["mg a v\r\n"], "VA 1\r\nx\r\n", Invalid::OtherKey);
}

#[test]
fn a_key_asked_for_twice_may_be_answered_once_or_twice() {
    for response in ["VALUE a 0 0\r\n\r\nEND\r\n", "VALUE a 0 0\r\n\r\nVALUE a 0 0\r\n\r\nEND\r\n"]
    {
        let mut connection = ready();
        connection.send(ms(0), "get a a\r\n");
        assert_eq!(connection.hear(ms(1), response).unwrap().len(), 1);
    }
}

#[test]
fn a_response_to_what_has_not_been_written_is_invalid() {
    let mut connection = ready();
    connection.take(ms(0), "get a\r\n");
    assert_eq!(connection.hear(ms(1), "END\r\n"), Err(Invalid::Unasked));
}

#[test]
fn only_an_error_may_come_before_the_whole_request_was_written() {
    let begun = || {
        let mut connection = ready();
        connection.take(ms(0), "set a 0 0 5\r\n12345\r\n");
        connection.handle_written("set a 0 0 5\r\n".len());
        connection
    };
    assert_eq!(begun().hear(ms(1), "STORED\r\n"), Err(Invalid::Unasked));
    let mut connection = begun();
    assert_eq!(connection.hear(ms(1), "SERVER_ERROR no\r\n").unwrap().len(), 1);
    assert_eq!(connection.output(), b"12345\r\n", "what was begun is ended");
    connection.take(ms(1), "get b\r\n");
    connection.handle_written("12345\r\n".len());
    assert_eq!(connection.lose(ms(2)), [("get b\r\n".to_owned(), Sent::No)]);
}

#[test]
fn an_error_may_stand_for_any_response() {
    for request in ["get a\r\n", "set a 0 0 0\r\n\r\n", "mg a v\r\n", "incr a 1\r\n"] {
        let mut connection = ready();
        connection.send(ms(0), request);
        let received = connection.receive(ms(1), b"SERVER_ERROR busy\r\n");
        let matched = connection.match_response(received.as_slice(), &mut 0).unwrap().unwrap();
        assert!(matches!(matched.response.status, Status::Error(_)), "{request}");
    }
}

#[test]
fn nothing_of_one_connection_is_left_for_the_next() {
    let mut connection = ready();
    connection.send(ms(0), "get a b\r\n");
    connection.hear(ms(1), "VALUE a 0 1\r\nx\r\nVALUE b 0 10\r\n12").unwrap();
    connection.lose(ms(2));
    assert!(connection.poll_connect(connection.next_timeout().unwrap()).is_some());
    connection.handle_connected(ms(100));
    connection.send(ms(100), "get a b\r\n");
    let matched = connection.hear(ms(101), "END\r\n").unwrap();
    assert_eq!(matched, [(String::new(), "END".to_owned())]);
}

// Timeouts.

#[test]
fn a_connection_without_progress_since_its_oldest_attempt_has_timed_out() {
    let mut connection = ready();
    assert_eq!(connection.next_timeout(), None);
    connection.send(ms(10), "get a\r\n");
    connection.send(ms(20), "get b\r\n");
    assert_eq!(connection.next_timeout(), Some(ms(260)));
    assert_eq!(connection.poll_timeout(ms(259)), None);
    assert_eq!(connection.poll_timeout(ms(260)), Some(TimedOut::Connection));
    assert_eq!(connection.timeouts_in_a_row(), 1);
}

#[test]
fn with_progress_only_the_attempts_that_are_late_have_timed_out() {
    let mut connection = ready();
    connection.send(ms(0), "get a\r\n");
    connection.send(ms(10), "get b\r\n");
    connection.send(ms(200), "get c\r\n");
    connection.hear(ms(100), "VALUE a 0 100\r\n").unwrap();
    assert_eq!(connection.poll_timeout(ms(260)), Some(TimedOut::Attempt { idx: 0 }));
    assert_eq!(connection.poll_timeout(ms(260)), Some(TimedOut::Attempt { idx: 1 }));
    assert_eq!(connection.poll_timeout(ms(260)), None);
    assert_eq!(connection.in_flight().len(), 3, "they take their responses with them");
    assert_eq!(connection.next_timeout(), Some(ms(350)), "silent since the last byte");
    assert_eq!(connection.poll_timeout(ms(349)), None);
    assert_eq!(connection.poll_timeout(ms(350)), Some(TimedOut::Connection));
    assert_eq!(connection.timeouts_in_a_row(), 1, "the others came while bytes did");
}

#[test]
fn a_connection_on_which_every_response_is_late_has_timed_out() {
    let mut connection = ready();
    // Three responses were lost: each request is answered with the third after it.
    for at in [0, 100, 200] {
        connection.send(ms(at), "get a\r\n");
    }
    connection.hear(ms(200), "E").unwrap();
    for at in (300..1000).step_by(100) {
        let late = connection.poll_timeout(ms(at));
        assert_eq!(late, Some(TimedOut::Attempt { idx: 0 }), "at {at} ms");
        assert_eq!(connection.hear(ms(at), "ND\r\nE").unwrap().len(), 1);
        connection.send(ms(at), "get a\r\n");
    }
    assert_eq!(connection.poll_timeout(ms(1000)), Some(TimedOut::Connection));
}

#[test]
fn late_attempts_that_were_never_sent_are_taken_back_and_the_rest_goes_on() {
    let mut connection = ready();
    connection.send(ms(0), "get a\r\n");
    for (at, request) in [(10, "get b\r\n"), (20, "get c\r\n"), (100, "get d\r\n")] {
        connection.take(ms(at), request);
    }
    // The server takes one byte of the second, and answers a little of the first.
    connection.handle_written(1);
    connection.hear(ms(100), "EN").unwrap();
    assert_eq!(connection.poll_timeout(ms(270)), Some(TimedOut::Attempt { idx: 0 }));
    assert_eq!(connection.poll_timeout(ms(270)), Some(TimedOut::Attempt { idx: 1 }));
    assert_eq!(connection.poll_timeout(ms(270)), Some(TimedOut::Unsent));
    let late = connection.take_back_late(ms(270));
    let late: Vec<_> = late.iter().map(|(_, encoded, _)| text(encoded)).collect();
    assert_eq!(late, ["get c\r\n"]);
    assert_eq!(connection.poll_timeout(ms(270)), None);
    assert_eq!(connection.output(), b"et b\r\nget d\r\n");
    connection.handle_written(connection.output().len());
    let matched = connection.hear(ms(280), "D\r\nEND\r\nVALUE d 0 1\r\nx\r\nEND\r\n").unwrap();
    assert_eq!(matched[2], ("VALUE d 0 1\r\nx\r\n".to_owned(), "END".to_owned()));
}

#[test]
fn a_late_response_makes_the_next_attempt_the_oldest() {
    let mut connection = ready();
    connection.send(ms(0), "get a\r\n");
    connection.send(ms(100), "get b\r\n");
    connection.hear(ms(50), "E").unwrap();
    assert_eq!(connection.poll_timeout(ms(250)), Some(TimedOut::Attempt { idx: 0 }));
    assert_eq!(connection.hear(ms(300), "ND\r\n").unwrap().len(), 1);
    assert_eq!(connection.timeouts_in_a_row(), 0, "a server that sends has not hung");
    assert_eq!(connection.next_timeout(), Some(ms(350)));
    assert_eq!(connection.hear(ms(310), "END\r\n").unwrap().len(), 1);
    assert_eq!(connection.next_timeout(), None);
}

#[test]
fn a_response_that_stops_half_way_is_no_progress() {
    let mut connection = ready();
    connection.send(ms(0), "get a\r\n");
    connection.hear(ms(1), "E").unwrap();
    assert_eq!(connection.poll_timeout(ms(250)), Some(TimedOut::Attempt { idx: 0 }));
    assert_eq!(connection.next_timeout(), Some(ms(251)));
    assert_eq!(connection.poll_timeout(ms(251)), Some(TimedOut::Connection));
    assert_eq!(connection.timeouts_in_a_row(), 1, "it was counted when it was late");
}

#[test]
fn a_server_that_lost_a_response_is_found_out_by_its_silence() {
    let mut connection = ready();
    connection.send(ms(0), "set a 0 0 1\r\n1\r\n");
    connection.send(ms(100), "set b 0 0 1\r\n1\r\n");
    connection.hear(ms(101), "STORED\r\n").unwrap();
    assert_eq!(connection.poll_timeout(ms(350)), Some(TimedOut::Attempt { idx: 0 }));
    assert_eq!(connection.poll_timeout(ms(351)), Some(TimedOut::Connection));
}

#[test]
fn attempts_of_one_connection_that_timed_out_hide_none_of_the_next() {
    let mut connection = ready();
    connection.send(ms(0), "get a\r\n");
    connection.hear(ms(1), "E").unwrap();
    assert!(connection.poll_timeout(ms(250)).is_some());
    connection.lose(ms(250));
    assert!(connection.poll_connect(ms(400)).is_some());
    connection.handle_connected(ms(400));
    connection.send(ms(400), "get b\r\n");
    assert_eq!(connection.next_timeout(), Some(ms(650)));
}

#[test]
fn an_attempt_that_timed_out_unsent_may_be_taken_back() {
    let mut connection = ready();
    connection.send(ms(0), "get a\r\n");
    connection.take(ms(0), "get b\r\n");
    connection.hear(ms(1), "E").unwrap();
    assert!(
        connection.poll_timeout(ms(250)).is_some() && connection.poll_timeout(ms(250)).is_some()
    );
    assert_eq!(connection.take_back_texts().len(), 1);
    connection.hear(ms(250), "N").unwrap();
    connection.send(ms(251), "get c\r\n");
    assert_eq!(connection.next_timeout(), Some(ms(500)), "what was taken back is not counted");
}
