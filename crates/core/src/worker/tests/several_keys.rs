//! Requests that concern several servers: retrievals of several keys, and `flush_all`.

use super::*;

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
fn no_server_is_sent_a_longer_line_of_gat_than_it_takes() {
    let mut rig = Rig::new(2);
    let id = rig.open();
    let keys: Vec<_> = (0..100).map(|number| format!("{number:0>200}")).collect();
    for key in &keys {
        rig.send(id, set(key, "1"));
    }
    rig.answers(id);
    let values: String = keys.iter().map(|key| value(key, "1")).collect();
    for command in ["gat 1000", "get"] {
        let answer = rig.ask(id, format!("{command} {}\r\n", keys.join(" ")));
        assert_eq!(answer, format!("{values}END\r\n"));
    }
    let len_max = |command: &[u8]| {
        let lines = rig.servers.iter().flat_map(|it| it.received().split(|byte| *byte == b'\n'));
        lines.filter(|it| it.starts_with(command)).map(<[u8]>::len).max()
    };
    assert!(len_max(b"gat ") < Some(2048), "memcached may close the connection");
    assert!(len_max(b"get ") > Some(2048), "one line is enough");
}

#[test]
fn a_gat_of_more_long_keys_than_it_may_have_parts_for_misses_the_rest() {
    let mut rig =
        Rig::with(1, |table| table.servers[0].settings.attempts_in_flight_max = 16 * 1024);
    let parse = ParseLimits { keys_per_get_max: 100_000, ..LIMITS.parse };
    let id = rig.open_with(SessionLimits { parse, ..LIMITS });
    let keys: Vec<_> = (0..20_000).map(|number| format!("{number:0>250}")).collect();
    rig.send(id, set(&keys[0], "1") + &set(&keys[19_999], "1"));
    rig.answers(id);
    let answer = rig.ask(id, format!("gat 1000 {}\r\n", keys.join(" ")));
    assert_eq!(answer, format!("{}END\r\n", value(&keys[0], "1")));
    let failed = 20_000 - 2048 * 7;
    assert_eq!(rig.worker.counters().failed, failed);
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
        rig.worker.handle_server_lost(rig.now, rig.connection(server), Failure::Reset);
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
fn flush_all_is_remembered_for_servers_that_cannot_be_reached() {
    let mut rig = Rig::new(3);
    rig.publish(1, false);
    let id = rig.open();
    assert_eq!(rig.ask(id, "flush_all\r\n"), "OK\r\n");
    assert!(rig.has_received(0, "flush_all") && rig.has_received(2, "flush_all"));
    rig.publish(1, true);
    let key = rig.key(&[1, 0]);
    assert_eq!(rig.ask(id, set(&key, "1")), "STORED\r\n");
    assert!(rig.servers[1].items.is_empty(), "it is not used before it is flushed");
    assert!(rig.servers[0].items.contains_key(key.as_bytes()));
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
