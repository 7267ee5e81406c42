//! No stale reads (P4): keys whose last write is not, or may not be, at home.

use super::*;
use crate::distribution::{Distribution, Member, Scheme, Settings};

/// A rig of two servers, a session, and a key whose home is the first.
fn rig() -> (Rig, SessionId, String) {
    let mut rig = Rig::new(2);
    let key = rig.key(&[0, 1]);
    let id = rig.open();
    assert_eq!(rig.ask(id, set(&key, "old")), "STORED\r\n");
    (rig, id, key)
}

fn get(key: &str) -> String {
    format!("get {key}\r\n")
}

#[test]
fn a_value_from_before_a_failover_is_never_read_after_it() {
    let (mut rig, id, key) = rig();
    rig.publish(0, false);
    assert_eq!(rig.ask(id, set(&key, "new")), "STORED\r\n");
    rig.publish(0, true);
    assert_eq!(rig.ask(id, get(&key)), value(&key, "new") + "END\r\n");
    rig.advance_ms(350);
    assert_eq!(rig.clean(), 2);
    assert_eq!(rig.ask(id, get(&key)), "END\r\n");
    assert!(rig.servers.iter().all(|server| server.items.is_empty()));
    assert_eq!(rig.ask(id, set(&key, "newer")), "STORED\r\n");
    assert!(rig.servers[0].items.contains_key(key.as_bytes()));
}

#[test]
fn a_write_that_timed_out_goes_elsewhere_within_its_deadline() {
    let (mut rig, id, key) = rig();
    rig.servers[0].manner = Manner::Hangs;
    assert_eq!(rig.ask(id, set(&key, "new")), "");
    rig.advance_ms(250);
    assert_eq!(rig.answers(id), "STORED\r\n");
    assert_eq!(rig.ask(id, get(&key)), value(&key, "new") + "END\r\n");
    // The first server goes on, with the write that it was sent: that one is not read.
    rig.servers[0].manner = Manner::Serves;
    rig.drive();
    assert_eq!(rig.answers(id), "");
    assert_eq!(rig.ask(id, get(&key)), value(&key, "new") + "END\r\n");
}

#[test]
fn a_connection_that_hangs_with_a_write_is_set_aside_until_it_answers() {
    let (mut rig, id, key) = rig();
    rig.servers[0].manner = Manner::Hangs;
    assert_eq!(rig.ask(id, set(&key, "late")), "");
    rig.advance_ms(250);
    assert_eq!(rig.answers(id), "STORED\r\n");
    assert_eq!(rig.servers[0].links_len(), 2, "and a new one is made");
    rig.canary(0);
    rig.advance_ms(5000);
    assert_eq!(rig.clean(), 0);
    rig.servers[0].manner = Manner::Serves;
    rig.drive();
    assert_eq!(rig.servers[0].links_len(), 1);
    assert_eq!(rig.clean(), 2);
    assert_eq!(rig.ask(id, get(&key)), "END\r\n");
}

#[test]
fn a_connection_that_hangs_with_reads_only_is_closed() {
    let (mut rig, id, key) = rig();
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, get(&key));
    rig.advance_ms(250);
    assert_eq!((rig.answers(id).as_str(), rig.servers[0].links_len()), ("END\r\n", 1));
}

#[test]
fn a_connection_that_was_set_aside_and_is_reset_ends_the_wait_after_a_canary() {
    let (mut rig, id, key) = rig();
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, set(&key, "late"));
    rig.advance_ms(250);
    rig.servers[0].manner = Manner::Serves;
    rig.servers[0].forget_requests();
    rig.lose(0, Failure::Reset);
    rig.advance_ms(5000);
    assert_eq!(rig.clean(), 0);
    rig.canary(0);
    rig.advance_ms(1000);
    assert_eq!(rig.clean(), 2);
}

#[test]
fn connections_that_are_set_aside_are_bounded_in_number_and_time() {
    let (mut rig, id, key) = rig();
    rig.servers[0].manner = Manner::Hangs;
    // Each write makes its key's server stale, so each is of another key.
    for key in rig.keys(&[0, 1]).take(12).collect::<Vec<_>>() {
        rig.send(id, set(&key, "late"));
        rig.advance_ms(300);
    }
    assert!(rig.servers[0].links_len() <= 5, "{}", rig.servers[0].links_len());
    rig.advance_ms(61_000);
    assert_eq!(rig.servers[0].links_len(), 1);
    rig.servers[0].manner = Manner::Serves;
    rig.drive();
    rig.answers(id);
    rig.canary(0);
    rig.advance_ms(1000);
    assert!(rig.clean() > 0);
    assert_eq!(rig.ask(id, get(&key)), "END\r\n");
}

#[test]
fn a_write_whose_time_is_over_before_its_connection_is_made_is_never_sent() {
    let mut rig =
        Rig::with(1, |table| table.servers[0].settings.connect_timeout = Duration::from_secs(5));
    let id = rig.open();
    assert_eq!(rig.ask(id, set("a", "1")), "STORED\r\n");
    rig.servers[0].manner = Manner::Ignores;
    rig.lose(0, Failure::Closed);
    rig.send(id, set("a", "2") + "get a\r\n");
    rig.advance_ms(400);
    assert_eq!(rig.answers(id), format!("{TIMED_OUT}END\r\n"));
    rig.servers[0].manner = Manner::Serves;
    let connection = rig.connection(0);
    assert!(rig.servers[0].connect(connection).is_some());
    rig.worker.handle_connected(rig.now, connection);
    rig.drive();
    assert!(!rig.has_received(0, "set"));
    assert_eq!(rig.ask(id, get("a")), value("a", "1") + "END\r\n");
}

#[test]
fn a_write_whose_session_is_gone_is_still_accounted_for() {
    let (mut rig, id, key) = rig();
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, set(&key, "late"));
    rig.worker.handle_session_closed(id);
    rig.advance_ms(250);
    let id = rig.open();
    assert_eq!(rig.ask(id, set(&key, "new")), "STORED\r\n");
    rig.servers[0].manner = Manner::Serves;
    rig.drive();
    assert_eq!(rig.ask(id, get(&key)), value(&key, "new") + "END\r\n");
}

#[test]
fn a_delete_with_no_server_in_use_is_made_up_for() {
    let (mut rig, id, key) = rig();
    rig.publish(0, false);
    rig.publish(1, false);
    assert_eq!(rig.ask(id, format!("delete {key}\r\n")), "DELETED\r\n");
    assert_eq!(rig.ask(id, format!("md {key} O7 k\r\n")), format!("HD O7 k{key}\r\n"));
    assert_eq!(rig.ask(id, format!("md {key} q\r\nmn\r\n")), "MN\r\n");
    rig.publish(0, true);
    rig.publish(1, true);
    assert_eq!(rig.ask(id, get(&key)), "END\r\n");
    rig.advance_ms(350);
    assert_eq!(rig.clean(), 1);
    assert!(rig.servers[0].items.is_empty());
}

#[test]
fn a_refused_write_goes_to_another_server() {
    let (mut rig, id, key) = rig();
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, set(&key, "new"));
    rig.say(0, "SERVER_ERROR out of memory storing object\r\n");
    assert_eq!(rig.answers(id), "STORED\r\n");
    assert_eq!(rig.ask(id, get(&key)), value(&key, "new") + "END\r\n");
    assert_eq!(rig.outcomes.len(), 1, "it is evidence all the same");
}

#[test]
fn a_token_given_at_home_does_not_fit_elsewhere_and_the_other_way_round() {
    let (mut rig, id, key) = rig();
    // Both servers would give, and take, the token 7.
    let at_home = format!("VALUE {key} 0 3 7\r\nold\r\nEND\r\n");
    assert_eq!(rig.ask(id, format!("gets {key}\r\n")), at_home);
    rig.publish(0, false);
    assert_eq!(rig.ask(id, set(&key, "new")), "STORED\r\n");
    let disguised = 7 ^ 1u64 << 63;
    let away = format!("VALUE {key} 0 3 {disguised}\r\nnew\r\nEND\r\n");
    assert_eq!(rig.ask(id, format!("gets {key}\r\n")), away);
    rig.send(id, format!("cas {key} 0 0 1 7\r\nx\r\n"));
    assert!(rig.has_received(1, &format!("cas {key} 0 60 1 {disguised}\r\n")));
    rig.send(id, format!("cas {key} 0 0 1 {disguised}\r\nx\r\n"));
    assert!(rig.has_received(1, &format!("cas {key} 0 60 1 7\r\n")));
}

#[test]
fn a_value_stored_elsewhere_does_not_live_long() {
    let (mut rig, id, key) = rig();
    rig.publish(0, false);
    rig.send(id, set(&key, "new"));
    assert!(rig.has_received(1, &format!("set {key} 0 60 3\r\n")));
    rig.send(id, format!("gat 0 {key}\r\ngat 0 {key} {key}\r\ntouch {key} 100\r\n"));
    assert!(rig.has_received(1, &format!("gat 60 {key}\r\ngat 60 {key} {key}\r\ntouch {key} 60")));
}

#[test]
fn a_retrieval_takes_each_key_from_where_it_is() {
    let (mut rig, id, key) = rig();
    let own = rig.key(&[1, 0]);
    rig.send(id, set(&own, "own"));
    rig.publish(0, false);
    rig.send(id, set(&key, "new"));
    rig.publish(0, true);
    rig.answers(id);
    let home = rig.keys(&[0, 1]).find(|it| *it != key).unwrap();
    rig.send(id, set(&home, "home"));
    rig.answers(id);
    let values = [value(&key, "new"), value(&own, "own"), value(&home, "home")].concat();
    assert_eq!(rig.ask(id, format!("get {key} {own} {home}\r\n")), values + "END\r\n");
}

#[test]
fn retries_have_a_budget() {
    let mut rig = Rig::with(2, |table| {
        for server in &mut table.servers {
            server.settings.attempts_in_flight_max = 5000;
        }
    });
    let id = rig.open_with(SessionLimits { requests_in_flight_max: 5000, ..LIMITS });
    // Until its answers are known to be short, a session has few requests in flight.
    for _ in 0..100 {
        rig.ask(id, get("short"));
    }
    rig.servers[0].manner = Manner::Hangs;
    let requests: String = rig.keys(&[0, 1]).take(3000).map(|key| set(&key, "x")).collect();
    rig.send(id, requests);
    rig.lose(0, Failure::Reset);
    // A thousand are saved up; what is earned on top of that is lost.
    assert_eq!(rig.worker.counters().retried, 1000);
    let answers = rig.answers(id);
    assert_eq!(answers.matches("STORED").count(), 1000);
    assert_eq!(answers.matches("SERVER_ERROR evenkeel: connection reset").count(), 2000);
    // Each five requests earn one more.
    rig.advance_ms(1000);
    let home: String = rig.keys(&[1]).take(50).map(|key| set(&key, "x")).collect();
    rig.send(id, home);
    rig.answers(id);
    rig.servers[0].manner = Manner::Hangs;
    let requests: String =
        rig.keys(&[0, 1]).skip(3000).take(40).map(|key| set(&key, "x")).collect();
    rig.send(id, requests);
    rig.lose(0, Failure::Reset);
    assert_eq!(rig.worker.counters().retried, 1018);
}

// One session's writes in order, whatever becomes of each.

#[test]
fn a_refused_write_does_not_overtake_the_one_behind_it() {
    let (mut rig, id, key) = rig();
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, set(&key, "first") + &set(&key, "second"));
    rig.servers[0].forget_requests();
    rig.servers[0].items.insert(key.clone().into_bytes(), b"second".to_vec());
    rig.say(0, "SERVER_ERROR out of memory storing object\r\nSTORED\r\n");
    assert_eq!(rig.answers(id), "STORED\r\nSTORED\r\n");
    rig.servers[0].manner = Manner::Serves;
    let read = rig.ask(id, get(&key));
    assert!(!read.contains("first"), "{read}");
}

#[test]
fn a_refused_write_does_not_undo_the_delete_behind_it() {
    let (mut rig, id, key) = rig();
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, set(&key, "first") + &format!("delete {key}\r\n"));
    rig.servers[0].forget_requests();
    rig.servers[0].items.clear();
    rig.say(0, "SERVER_ERROR out of memory storing object\r\nNOT_FOUND\r\n");
    assert_eq!(rig.answers(id), "STORED\r\nNOT_FOUND\r\n");
    rig.servers[0].manner = Manner::Serves;
    assert_eq!(rig.ask(id, get(&key)), "END\r\n");
}

#[test]
fn a_write_that_timed_out_does_not_overtake_the_one_behind_it() {
    let (mut rig, id, key) = rig();
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, get(&key) + &set(&key, "first"));
    rig.advance_ms(100);
    rig.send(id, set(&key, "second"));
    rig.advance_ms(100);
    rig.say(0, "END\r\n");
    rig.advance_ms(60);
    rig.servers[0].forget_requests();
    rig.servers[0].items.insert(key.clone().into_bytes(), b"second".to_vec());
    rig.say(0, "STORED\r\nSTORED\r\n");
    assert_eq!(rig.answers(id), "END\r\nSTORED\r\nSTORED\r\n");
    rig.servers[0].manner = Manner::Serves;
    let read = rig.ask(id, get(&key));
    assert!(!read.contains("first"), "{read}");
}

#[test]
fn a_key_is_not_cleaned_while_a_write_from_before_may_be_on_its_way() {
    let mut rig = Rig::with(2, |table| {
        for server in &mut table.servers {
            server.settings.attempts_in_flight_max = 1;
        }
    });
    let key = rig.key(&[0, 1]);
    let id = rig.open();
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, set(&key, "first") + &set(&key, "second"));
    assert_eq!(rig.clean(), 0);
    rig.servers[0].manner = Manner::Serves;
    rig.drive();
    assert_eq!(rig.answers(id), "STORED\r\nSTORED\r\n");
    let read = rig.ask(id, get(&key));
    assert!(!read.contains("first"), "{read}");
    rig.advance_ms(350);
    assert!(rig.clean() > 0);
    assert_eq!(rig.ask(id, get(&key)), "END\r\n");
}

#[test]
fn a_remembered_delete_is_not_undone_by_the_write_before_it() {
    let mut rig = Rig::with(1, |table| table.servers[0].settings.attempts_in_flight_max = 1);
    let id = rig.open();
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, set("a", "first") + "delete a\r\n");
    rig.clean();
    rig.servers[0].manner = Manner::Serves;
    rig.drive();
    assert_eq!(rig.answers(id), "STORED\r\nDELETED\r\n");
    assert_eq!(rig.ask(id, get("a")), "END\r\n");
}

#[test]
fn flush_all_reaches_the_gutter() {
    let mut rig = Rig::with(2, |table| {
        let one = |number| {
            let members = [Member::new("10.0.0.1", number)];
            Arc::new(Distribution::new(&Settings::new(Scheme::Ketama), &members).unwrap())
        };
        let mut gutter = table.pools[0].clone();
        (gutter.distribution, gutter.servers) = (one(11212), vec![ServerId(1)]);
        let main = &mut table.pools[0];
        (main.distribution, main.servers) = (one(11211), vec![ServerId(0)]);
        main.failover = Substitute::Gutter(PoolId(1));
        table.pools.push(gutter);
    });
    let id = rig.open();
    rig.publish(0, false);
    assert_eq!(rig.ask(id, set("a", "old")), "STORED\r\n");
    assert_eq!(rig.ask(id, get("a")), value("a", "old") + "END\r\n");
    assert_eq!(rig.ask(id, "flush_all\r\n"), "OK\r\n");
    assert_eq!(rig.ask(id, get("a")), "END\r\n");
}

#[test]
fn a_lock_that_is_held_is_not_given_twice_because_home_refuses() {
    let (mut rig, id, lock) = rig();
    assert_eq!(rig.ask(id, format!("delete {lock}\r\n")), "DELETED\r\n");
    let add = format!("add {lock} 0 0 1\r\n1\r\n");
    assert_eq!(rig.ask(id, &add), "STORED\r\n");
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, &add);
    rig.servers[0].forget_requests();
    rig.say(0, "SERVER_ERROR out of memory storing object\r\n");
    assert_eq!(rig.answers(id), "SERVER_ERROR out of memory storing object\r\n");
}

#[test]
fn a_connection_with_no_late_write_is_not_set_aside() {
    let (mut rig, id, key) = rig();
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, get(&key));
    rig.servers[0].room = 0;
    rig.send(id, set(&key, "unsent"));
    rig.advance_ms(250);
    assert_eq!(rig.answers(id), "END\r\nSTORED\r\n");
    assert_eq!(rig.worker.parked.len(), 0);
}

#[test]
fn a_write_that_was_never_sent_follows_the_one_before_it_to_another_server() {
    let mut rig = Rig::new(3);
    let key = rig.key(&[0, 1, 2]);
    let id = rig.open();
    rig.publish(0, false);
    assert_eq!(rig.ask(id, set(&key, "zeroth")), "STORED\r\n");
    // Of the next two the first is sent in part, and the second not at all.
    rig.set_room(1, 12);
    assert_eq!(rig.ask(id, set(&key, "first") + &set(&key, "second")), "");
    rig.lose(1, Failure::Reset);
    assert_eq!(rig.answers(id), "STORED\r\nSTORED\r\n");
    assert_eq!(rig.ask(id, get(&key)), value(&key, "second") + "END\r\n");
}
