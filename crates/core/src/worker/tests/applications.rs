//! Applications that send badly, do not read, or leave.

use super::*;

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
    assert_eq!(rig.servers[0].received(), b"get a\r\n".repeat(3));
    assert!(!rig.worker.wants_input(id));
    rig.say(0, "END\r\n".repeat(3));
    assert_eq!(rig.servers[0].received(), b"get a\r\n".repeat(6));
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
    rig.worker.handle_server_bytes(rig.now, rig.connection(0), b"STORED\r\n");
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
