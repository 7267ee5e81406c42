//! One session, without a worker. One behaviour a test.

use super::*;
use crate::protocol::{Refusal, Request};
use crate::routing::PoolId;

const LIMITS: SessionLimits = SessionLimits {
    parse: ParseLimits { item_size_max: 100, keys_per_get_max: 10 },
    requests_in_flight_max: 2,
    output_max: 1000,
};

fn session() -> Session {
    Session::new(PoolId(0).into(), LIMITS)
}

impl Session {
    /// What the session makes of `bytes`: a word for each request or refusal.
    fn hear(&mut self, bytes: impl AsRef<[u8]>) -> Vec<&'static str> {
        let received = self.receive(bytes.as_ref());
        let (mut at, mut all) = (0, Vec::new());
        while let Some(parsed) = self.next_request(received.as_slice(), &mut at) {
            all.push(match parsed {
                Parsed::Request { request: Request::Retrieve { .. }, .. } => "get",
                Parsed::Request { request: Request::Store { .. }, .. } => "set",
                Parsed::Refused(Refused { refusal: Refusal::TooLarge, .. }) => "too large",
                Parsed::Refused(Refused { refusal: Refusal::UnknownCommand, .. }) => "unknown",
                other => panic!("{other:?}"),
            });
        }
        self.keep(received, at);
        all
    }

    fn open_exchanges(&mut self, len: usize) {
        self.pending.resize_with(len, ExchangeId::default);
    }

    fn say(&mut self, len: usize) {
        self.output.resize(self.output.len() + len, b'x');
    }
}

// Input.

#[test]
fn a_request_is_read_whole_wherever_it_is_split() {
    let requests = "get a\r\nset a 0 0 7\r\nget b\r\n\r\nget c d\r\n";
    for split in 0..requests.len() {
        let mut session = session();
        let mut all = session.hear(&requests[..split]);
        all.extend(session.hear(&requests[split..]));
        assert_eq!(all, ["get", "set", "get"], "split at {split}");
        assert_eq!(session.input.capacity(), 0, "an idle session keeps no buffer");
    }
}

#[test]
fn a_value_is_not_looked_at_again_before_it_can_be_whole() {
    let mut session = session();
    assert!(session.hear("set a 0 0 50\r\n123").is_empty());
    assert_eq!(session.needed, "set a 0 0 50\r\n".len() + 52);
    assert!(!session.can_resume());
}

#[test]
fn a_line_is_searched_for_its_end_only_once() {
    let mut session = session();
    session.hear("get aaaa");
    assert_eq!(session.scanned, "get aaaa".len());
    assert_eq!(session.hear("a\r\n"), ["get"]);
    assert_eq!(session.scanned, 0);
}

#[test]
fn a_refused_value_is_swallowed_as_it_comes_and_never_kept() {
    let mut session = session();
    assert_eq!(session.hear("set a 0 0 130\r\n"), ["too large"]);
    for _ in 0..13 {
        assert!(session.hear("get a\r\n...").is_empty());
        assert!(session.input.is_empty());
    }
    assert_eq!(session.hear("\r\nget a\r\n"), ["get"]);
}

#[test]
fn a_refused_value_may_come_with_what_is_before_and_after_it() {
    let value = "v".repeat(101);
    let mut session = session();
    let requests = format!("get a\r\nset a 0 0 101\r\n{value}\r\nnonsense\r\nget a\r\n");
    assert_eq!(session.hear(requests), ["get", "too large", "unknown", "get"]);
}

#[test]
fn an_announced_length_costs_nothing() {
    let parse = ParseLimits { item_size_max: 1 << 30, ..LIMITS.parse };
    let mut session = Session::new(PoolId(0).into(), SessionLimits { parse, ..LIMITS });
    session.hear("set a 0 0 1000000000\r\n");
    assert!(session.input.capacity() <= 2 * BUFFER_KEPT_LEN_MAX);
}

// Pauses.

#[test]
fn as_many_requests_as_allowed_pause_it() {
    let mut session = session();
    session.open_exchanges(1);
    assert!(session.wants_input());
    session.open_exchanges(2);
    assert!(!session.wants_input());
    assert!(session.hear("get a\r\nget").is_empty());
    assert!(!session.can_resume());
    session.open_exchanges(1);
    assert!(session.can_resume());
    assert_eq!(session.hear(" b\r\n"), ["get", "get"]);
    assert!(!session.can_resume());
}

#[test]
fn unread_answers_pause_it_past_their_limit() {
    let mut session = session();
    session.say(OUTPUT_PAUSE_LEN);
    assert!(session.wants_input());
    session.say(1);
    assert!(!session.wants_input());
    session.handle_written(1);
    assert!(session.wants_input());
}

#[test]
fn a_value_that_is_being_swallowed_waits_too_while_it_is_paused() {
    let mut session = session();
    assert_eq!(session.hear("set a 0 0 101\r\n"), ["too large"]);
    session.open_exchanges(2);
    assert!(session.hear(format!("{}\r\nget a\r\n", "v".repeat(101))).is_empty());
    session.open_exchanges(0);
    assert!(session.can_resume());
    assert_eq!(session.hear(""), ["get"]);
}

#[test]
fn there_is_room_up_to_the_limit() {
    let mut session = session();
    session.say(600);
    session.pending_len = 300;
    assert!(session.has_room(100) && !session.has_room(101));
    session.handle_written(500);
    assert!(session.has_room(600) && !session.has_room(601));
}

// The end.

#[test]
fn an_open_session_never_ends_by_itself() {
    assert!(!session().is_finished());
    assert!(session().is_idle());
}

#[test]
fn a_finished_session_hears_nothing_and_ends_when_all_has_left() {
    let mut session = session();
    session.open_exchanges(1);
    session.finish();
    assert!(session.hear("get a\r\n").is_empty());
    assert!(!session.wants_input() && !session.can_resume() && !session.is_finished());
    session.open_exchanges(0);
    session.say(2);
    assert!(!session.is_finished());
    session.handle_written(1);
    assert!(!session.is_finished());
    session.handle_written(1);
    assert!(session.is_finished());
}

#[test]
fn a_half_closed_session_goes_on_with_the_requests_at_hand() {
    let mut session = session();
    session.open_exchanges(2);
    assert!(session.hear("get a\r\nget").is_empty());
    session.handle_eof();
    session.open_exchanges(0);
    assert!(!session.wants_input() && session.can_resume() && !session.is_finished());
    assert_eq!(session.hear(""), ["get"]);
    assert!(session.is_finished(), "half a request is none");
}

#[test]
fn the_end_of_input_does_not_reopen_a_finished_session() {
    let mut session = session();
    session.finish();
    session.handle_eof();
    assert!(session.hear("get a\r\n").is_empty());
    assert!(session.is_finished());
}

// Output.

#[test]
fn a_buffer_is_given_back_once_it_is_written() {
    let mut session = session();
    session.say(10);
    assert!(session.handle_written(4).is_none());
    assert_eq!(session.output().len(), 6);
    assert!(session.handle_written(6).is_some_and(|buffer| buffer.capacity() >= 10));
    assert_eq!(session.output.capacity(), 0);
}

#[test]
fn output_is_the_same_however_it_is_written() {
    let mut session = session();
    let all: Vec<u8> = (0..=250).cycle().take(3 * BUFFER_KEPT_LEN_MAX).collect();
    session.output.clone_from(&all);
    let mut left = &all[..];
    while !left.is_empty() {
        assert!(session.output() == left);
        let len = left.len().min(100_000);
        session.handle_written(len);
        left = &left[len..];
    }
}

#[test]
#[should_panic(expected = "no more is written than there was")]
fn more_cannot_be_written_than_there_was() {
    let mut session = session();
    session.say(1);
    session.handle_written(2);
}
