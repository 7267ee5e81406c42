//! Servers that fail: bounded time (P2), misses rather than outages (P3), and the evidence.

use super::*;

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
fn a_write_in_flight_on_a_lost_connection_is_sent_to_another_server_only() {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0]);
    rig.servers[0].manner = Manner::Hangs;
    let id = rig.open();
    rig.send(id, format!("{}incr {key} 1\r\ndelete {key}\r\n", set(&key, "1")));
    rig.lose(0, Failure::Closed);
    assert_eq!(rig.answers(id), "STORED\r\n2\r\nDELETED\r\n");
    assert_eq!(rig.servers[0].received(), b"");
    assert_eq!(rig.worker.counters().retried, 3);
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
    assert_eq!(rig.answers(id), "STORED\r\nSTORED\r\n");
    assert_eq!(rig.servers[1].items[key.as_bytes()], b"second");
    let counters = rig.worker.counters();
    assert_eq!((counters.diverted, counters.retried), (2, 1), "the second was never sent before");
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
    let mut rig = Rig::with(2, |table| table.pools[0].failover = Substitute::None);
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
    assert_eq!(rig.answers(id), format!("END\r\nEND\r\n{EJECTED}"));
}

#[test]
fn ejection_sends_elsewhere_what_was_not_written() {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0, 1]);
    rig.set_room(0, 12);
    let id = rig.open();
    assert_eq!(rig.ask(id, set(&key, "first") + &set(&key, "second")), "");
    rig.publish(0, false);
    assert_eq!(rig.answers(id), "STORED\r\nSTORED\r\n");
    assert_eq!(rig.servers[1].items[key.as_bytes()], b"second");
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
    rig.servers[0].forget_requests();
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
fn what_the_only_server_refuses_is_a_miss_or_passed_on() {
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
    let answers = "END\r\n".repeat(4) + "OK\r\n";
    assert_eq!(rig.answers(id), answers, "it is flushed before it is used again");
    assert_eq!(rig.ask(id, "get a\r\n"), "END\r\n");
    assert_eq!(rig.servers[0].received(), b"get a\r\nget a\r\n");
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
    let connection = rig.connection(0);
    rig.worker.handle_server_bytes(rig.now, connection, b"garbage\r\n");
    rig.worker.handle_server_bytes(rig.now, connection, b"garbage\r\n");
    rig.worker.handle_server_lost(rig.now, connection, Failure::Closed);
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
    rig.worker.handle_server_lost(rig.now, rig.connection(0), Failure::Closed);
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
fn a_deadline_is_watched_only_where_no_other_timer_ends_the_request_before() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    for _ in 0..1000 {
        rig.send(id, "get a\r\n");
    }
    assert!(rig.worker.deadlines.is_empty());
}
