//! Servers that join and leave a pool while it is used (rule 9 of recovery).

use super::*;
use crate::routing::ServerId;

fn get(key: &str) -> String {
    format!("get {key}\r\n")
}

/// A key that belongs to server 0 of two, and to server 2 of three, which fails over to 0 first.
fn moving_key(rig: &Rig) -> String {
    let three = rig::table(3);
    let order = |key: &str| three.pools[0].distribution.order(key.as_bytes());
    let is_it = |key: &String| order(key).iter().map(|it| it.0).eq([2, 0, 1]);
    rig.keys(&[0, 1]).find(is_it).unwrap()
}

#[test]
fn a_server_that_joins_is_connected_to_and_gets_its_keys() {
    let mut rig = Rig::new(2);
    let (id, key) = (rig.open(), moving_key(&rig));
    assert_eq!(rig.ask(id, set(&key, "1")), "STORED\r\n");
    rig.reconfigure(&[0, 1, 2]);
    assert_eq!(rig.ask(id, get(&key)), "END\r\n");
    assert_eq!(rig.ask(id, set(&key, "2")), "STORED\r\n");
    assert!(rig.servers[2].items.contains_key(key.as_bytes()));
    assert_eq!(rig.ask(id, get(&key)), value(&key, "2") + "END\r\n");
}

#[test]
fn a_key_is_never_diverted_to_its_former_home() {
    let mut rig = Rig::new(2);
    let (id, key) = (rig.open(), moving_key(&rig));
    assert_eq!(rig.ask(id, set(&key, "old")), "STORED\r\n");
    rig.reconfigure(&[0, 1, 2]);
    assert_eq!(rig.ask(id, set(&key, "new")), "STORED\r\n");
    rig.publish(2, false);
    assert_eq!(rig.ask(id, get(&key)), "END\r\n", "server 0 has the old value");
    assert_eq!(rig.ask(id, set(&key, "newer")), "STORED\r\n");
    assert_eq!(rig.servers[0].items[key.as_bytes()], b"old");
    assert_eq!(rig.ask(id, get(&key)), value(&key, "newer") + "END\r\n");
}

#[test]
fn a_server_that_leaves_answers_what_it_was_sent_and_its_connection_is_closed() {
    let mut rig = Rig::new(3);
    let (id, key) = (rig.open(), rig.key(&[2, 0]));
    assert_eq!(rig.ask(id, set(&key, "1")), "STORED\r\n");
    rig.servers[2].manner = Manner::Hangs;
    assert_eq!(rig.ask(id, get(&key)), "");
    rig.reconfigure(&[0, 1]);
    assert_eq!(rig.servers[2].links_len(), 1, "an answer is owed");
    rig.servers[2].manner = Manner::Serves;
    rig.drive();
    assert_eq!(rig.answers(id), value(&key, "1") + "END\r\n");
    assert_eq!(rig.servers[2].links_len(), 0);
    assert_eq!(rig.ask(id, set(&key, "2")), "STORED\r\n");
    assert_eq!(rig.ask(id, get(&key)), value(&key, "2") + "END\r\n");
}

#[test]
fn a_server_that_leaves_while_it_hangs_keeps_nobody_past_the_timeout() {
    let mut rig = Rig::new(3);
    let (id, key) = (rig.open(), rig.key(&[2, 0]));
    rig.servers[2].manner = Manner::Hangs;
    assert_eq!(rig.ask(id, get(&key)), "");
    rig.reconfigure(&[0, 1]);
    rig.advance_ms(250);
    assert_eq!(rig.answers(id), "END\r\n");
    rig.advance_ms(60_000);
    assert_eq!(rig.servers[2].links_len(), 0);
}

#[test]
fn a_server_that_left_may_come_back() {
    let mut rig = Rig::new(3);
    let (id, key) = (rig.open(), rig.key(&[2, 0]));
    rig.reconfigure(&[0, 1]);
    rig.reconfigure(&[0, 1, 2]);
    rig.flush(2);
    assert_eq!(rig.ask(id, set(&key, "1")), "STORED\r\n");
    assert!(rig.servers[2].items.contains_key(key.as_bytes()));
    assert_eq!(rig.servers[2].links_len(), 1);
}

#[test]
fn from_one_step_on_every_worker_routes_by_the_new_table_whichever_it_has() {
    let mut rig = Rig::new(2);
    let (id, key) = (rig.open(), moving_key(&rig));
    assert_eq!(rig.ask(id, set(&key, "old")), "STORED\r\n");
    let next = rig.next_table(&[0, 1, 2]);
    rig.recovery.0.lock().unwrap().begin_handover();
    assert_eq!(rig.ask(id, get(&key)), value(&key, "old") + "END\r\n");
    rig.recovery.0.lock().unwrap().hand_over(rig::POOL, next);
    assert_eq!(rig.ask(id, get(&key)), "END\r\n", "another worker may have written at server 2");
    assert_eq!(rig.ask(id, set(&key, "new")), "STORED\r\n");
    assert_eq!(rig.servers[0].items[key.as_bytes()], b"old", "it went where nobody reads it yet");
    assert!(rig.servers[1].items.contains_key(key.as_bytes()));
    assert_eq!(rig.ask(id, get(&key)), value(&key, "new") + "END\r\n");
}

#[test]
fn flush_all_reaches_who_has_joined_whichever_table_its_worker_has() {
    let mut rig = Rig::new(2);
    let id = rig.open();
    let next = rig.next_table(&[0, 1, 2]);
    rig.recovery.0.lock().unwrap().begin_handover();
    assert_eq!(rig.ask(id, "flush_all\r\n"), "OK\r\n");
    assert!(!rig.recovery.0.lock().unwrap().is_unflushed(ServerId(2)));
    rig.recovery.0.lock().unwrap().hand_over(rig::POOL, next);
    assert_eq!(rig.ask(id, "flush_all\r\n"), "OK\r\n");
    assert!(rig.recovery.0.lock().unwrap().is_unflushed(ServerId(2)), "it has no connection yet");
}

#[test]
fn a_write_from_before_a_handover_is_not_tried_again_after_it() {
    let mut rig = Rig::new(2);
    let (id, key) = (rig.open(), moving_key(&rig));
    rig.servers[0].manner = Manner::Hangs;
    assert_eq!(rig.ask(id, set(&key, "first") + &set(&key, "second")), "");
    rig.reconfigure(&[0, 1, 2]);
    assert_eq!(rig.ask(id, set(&key, "third")), "", "behind the others");
    rig.lose(0, Failure::Reset);
    let answers = rig.answers(id);
    assert!(answers.ends_with("STORED\r\n") && answers.matches("SERVER_ERROR").count() == 2);
    assert_eq!(rig.servers[2].items[key.as_bytes()], b"third");
}

#[test]
fn a_session_is_moved_to_another_pool() {
    let mut rig = Rig::with(2, |table| {
        let mut other = table.pools[0].clone();
        other.servers = vec![ServerId(1), ServerId(1)];
        table.pools.push(other);
    });
    let (id, key) = (rig.open(), rig.key(&[0, 1]));
    rig.worker.handle_session_moved(id, PoolId(1));
    assert_eq!(rig.ask(id, set(&key, "1")), "STORED\r\n");
    assert!(rig.servers[1].items.contains_key(key.as_bytes()));
}

#[test]
fn a_session_that_is_not_wanted_ends_with_what_it_is_owed() {
    let mut rig = Rig::new(1);
    let id = rig.open();
    rig.servers[0].manner = Manner::Hangs;
    rig.send(id, get("k"));
    rig.worker.handle_session_unwanted(id);
    rig.drive();
    assert!(!rig.is_closed(id));
    rig.servers[0].manner = Manner::Serves;
    rig.drive();
    assert_eq!(rig.answers(id), "END\r\n");
    assert!(rig.is_closed(id));
}
