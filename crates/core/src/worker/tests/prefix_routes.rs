//! Sessions whose keys go to several pools, with or without what they begin with.

use super::*;
use crate::config::{ListenerConfig, Operation, RouteConfig};
use crate::routing::{PrefixRoutes, ServerId};

const NOBODY: [usize; 0] = [];

fn get(key: &str) -> String {
    format!("get {key}\r\n")
}

/// Pool `main` on servers 0 and 1, pool `users` on servers 2 and 3; a session with these routes.
struct Two {
    rig: Rig,
    id: SessionId,
}

fn route(prefix: &str, pool: &str) -> RouteConfig {
    RouteConfig::new(prefix.parse().unwrap(), pool.parse().unwrap())
}

fn stripping(prefix: &str) -> RouteConfig {
    RouteConfig { strip_prefix: true, ..route(prefix, "users") }
}

fn of(operations: &[Operation], route: RouteConfig) -> RouteConfig {
    RouteConfig { operations: operations.to_vec(), ..route }
}

fn routes(routes: &[RouteConfig]) -> Arc<PrefixRoutes> {
    let address = "127.0.0.1:1".parse().unwrap();
    let listener = ListenerConfig::new("main".parse().unwrap(), address, "main".parse().unwrap());
    let id_of = |name: &crate::config::PoolName| match name.as_str() {
        "main" => Some(PoolId(0)),
        "users" => Some(PoolId(1)),
        _ => None,
    };
    Arc::new(PrefixRoutes::new(&listener, routes, id_of).unwrap())
}

impl Two {
    fn new(given: &[RouteConfig]) -> Self {
        Self::with(given, |_| {})
    }

    fn with(given: &[RouteConfig], change: impl FnOnce(&mut RoutingTable)) -> Self {
        let mut rig = Rig::with(4, |table| {
            let two = rig::table(2).pools.remove(0);
            let mut users = two.clone();
            users.servers = vec![ServerId(2), ServerId(3)];
            table.pools = vec![two, users];
            change(table);
        });
        let id = rig.open();
        rig.worker.handle_session_moved(id, routes(given));
        Self { rig, id }
    }

    fn ask(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.rig.ask(self.id, bytes)
    }

    /// The servers that hold `key`.
    fn holders(&self, key: &str) -> Vec<usize> {
        let holds = |idx: &usize| self.rig.servers[*idx].items.contains_key(key.as_bytes());
        (0..4).filter(holds).collect()
    }

    #[track_caller]
    fn check(&mut self, conversation: &[(&str, &str)]) {
        for (request, answer) in conversation {
            assert_eq!(self.ask(request), *answer, "{request}");
        }
    }
}

#[test]
fn keys_go_to_the_pool_of_what_they_begin_with() {
    let mut two = Two::new(&[route("user:", "users")]);
    for number in 0..20 {
        assert_eq!(two.ask(set(&format!("user:{number}"), "1")), "STORED\r\n");
        assert_eq!(two.ask(set(&format!("page:{number}"), "2")), "STORED\r\n");
        assert!(two.holders(&format!("user:{number}"))[0] >= 2);
        assert!(two.holders(&format!("page:{number}"))[0] < 2);
    }
    assert_eq!(two.ask(get("user:7")), value("user:7", "1") + "END\r\n");
    assert_eq!(two.ask(get("page:7")), value("page:7", "2") + "END\r\n");
}

#[test]
fn a_retrieval_of_keys_of_several_pools_is_answered_in_their_order() {
    let mut two = Two::new(&[route("u", "users"), route("v", "users")]);
    let keys: Vec<_> = (0..10).flat_map(|it| [format!("u{it}"), format!("k{it}")]).collect();
    for key in &keys {
        two.ask(set(key, key));
    }
    let values: String = keys.iter().map(|key| value(key, key)).collect();
    assert_eq!(two.ask(format!("get v {} v\r\n", keys.join(" "))), values + "END\r\n");
    assert_eq!((two.rig.worker.counters().hits, two.rig.worker.counters().misses), (20, 2));
}

#[test]
fn keys_of_a_pool_that_fails_are_misses_beside_others() {
    let mut two = Two::new(&[route("u", "users")]);
    for key in ["u1", "k1"] {
        two.ask(set(key, "1"));
    }
    two.rig.publish(2, false);
    two.rig.publish(3, false);
    assert_eq!(two.ask("get u1 k1\r\n"), value("k1", "1") + "END\r\n");
}

#[test]
fn a_pool_whose_failures_are_errors_says_so_for_its_own_keys_only() {
    let mut two = Two::with(&[route("u", "users")], |table| {
        table.pools[1].on_unavailable = OnUnavailable::Error;
    });
    two.ask(set("k1", "1"));
    for server in [2, 3] {
        two.rig.publish(server, false);
    }
    assert_eq!(two.ask("get u1 k1\r\n"), NO_SERVER);
    assert_eq!(two.ask("get k2 k1\r\n"), value("k1", "1") + "END\r\n");
    for server in [0, 1] {
        two.rig.publish(server, false);
        two.rig.publish(server + 2, true);
    }
    assert_eq!(two.ask("get u1 k1\r\n"), "END\r\n", "the other pool's failures are misses");
}

#[test]
fn a_retrieval_has_the_time_of_its_most_patient_pool() {
    let mut two = Two::with(&[route("u", "users")], |table| {
        table.pools[0].deadline = Duration::from_millis(50);
        for server in 0..4 {
            table.servers[server].settings.timeout =
                Duration::from_millis(if server < 2 { 50 } else { 250 });
        }
    });
    two.ask(set("k1", "1") + &set("u1", "1"));
    for server in 0..4 {
        two.rig.servers[server].manner = Manner::Hangs;
    }
    assert_eq!(two.ask("get k1 u1\r\n"), "");
    two.rig.advance_ms(60);
    for server in 2..4 {
        two.rig.servers[server].manner = Manner::Serves;
    }
    two.rig.drive();
    assert_eq!(two.rig.answers(two.id), value("u1", "1") + "END\r\n");
}

#[test]
fn operations_go_their_own_ways() {
    for (operation, requests) in [
        (Operation::Get, &["get u1\r\n", "gets u1\r\n", "mg u1 v\r\n", "me u1\r\n"][..]),
        (
            Operation::Set,
            &[
                "set u1 0 0 1\r\nx\r\n",
                "add u1 0 0 1\r\nx\r\n",
                "append u1 0 0 1\r\nx\r\n",
                "cas u1 0 0 1 5\r\nx\r\n",
                "ms u1 1\r\nx\r\n",
            ],
        ),
        (Operation::Delete, &["delete u1\r\n", "md u1\r\n"]),
        (Operation::Touch, &["touch u1 0\r\n", "gat 0 u1\r\n", "gats 0 u1\r\n"]),
        (Operation::Arithmetic, &["incr u1 1\r\n", "decr u1 1\r\n", "ma u1\r\n"]),
    ] {
        for request in requests {
            let mut two = Two::new(&[of(&[operation], route("u", "users"))]);
            two.ask(request);
            let word = request.split(' ').next().unwrap();
            let has_received = |it: u16| two.rig.has_received(it, word);
            assert!(has_received(2) || has_received(3), "{request}");
            let others: Vec<_> = Operation::ALL.into_iter().filter(|it| *it != operation).collect();
            let mut two = Two::new(&[of(&others, route("u", "users"))]);
            two.ask(request);
            assert!(two.rig.has_received(0, word) || two.rig.has_received(1, word), "{request}");
        }
    }
}

#[test]
fn a_value_that_is_too_large_is_dropped_where_it_would_have_been_stored() {
    for given in [route("u", "users"), stripping("u:")] {
        let key = if given.strip_prefix { "1" } else { "u:1" };
        let mut two = Two::new(&[of(&[Operation::Set], given)]);
        assert_eq!(two.ask(set("u:1", "old")), "STORED\r\n");
        assert_eq!(two.holders(key).len(), 1);
        let refusal = "SERVER_ERROR object too large for cache\r\n";
        assert_eq!(two.ask(set("u:1", &"x".repeat(1001))), refusal);
        assert_eq!(two.holders(key), NOBODY);
    }
}

#[test]
fn flush_all_reaches_every_pool_of_the_session() {
    let mut two = Two::new(&[route("u", "users")]);
    two.ask(set("k", "1") + &set("u", "1"));
    assert_eq!(two.ask("flush_all\r\n"), "OK\r\n");
    assert_eq!(two.ask("get k u\r\n"), "END\r\n");
    two.rig.publish(2, false);
    two.ask(set("k", "1"));
    assert_eq!(two.ask("flush_all\r\n"), "OK\r\n");
    assert_eq!(two.holders("k"), NOBODY);
}

#[test]
fn flush_all_has_the_time_of_the_most_patient_pool() {
    let mut two = Two::with(&[route("u", "users")], |table| {
        table.pools[0].deadline = Duration::from_millis(50);
        for server in 0..4 {
            // So that it is watched by the deadline.
            table.servers[server].settings.timeout = Duration::from_millis(400);
        }
    });
    two.rig.servers[2].manner = Manner::Hangs;
    assert_eq!(two.ask("flush_all\r\n"), "");
    two.rig.advance_ms(60);
    two.rig.servers[2].manner = Manner::Serves;
    two.rig.drive();
    assert_eq!(two.rig.answers(two.id), "OK\r\n");
}

#[test]
fn the_longest_key_is_stripped_and_comes_back_whole() {
    let prefix = "u".repeat(248) + ":";
    let mut two = Two::new(&[stripping(&prefix)]);
    let key = format!("{prefix}1");
    two.check(&[
        (&set(&key, "x"), "STORED\r\n"),
        (&get(&key), &(value(&key, "x") + "END\r\n")),
        (&format!("get {key} {prefix}2 {key}\r\n"), &(value(&key, "x").repeat(2) + "END\r\n")),
        (&format!("mg {key} k v\r\n"), &format!("VA 1 k{key}\r\nx\r\n")),
    ]);
    assert!(two.holders("1")[0] >= 2);
}

#[test]
fn servers_see_keys_without_their_prefix_and_applications_with_it() {
    let mut two = Two::new(&[stripping("u:")]);
    two.check(&[
        ("set u:key 0 0 1\r\n1\r\n", "STORED\r\n"),
        ("get u:key\r\n", "VALUE u:key 0 1\r\n1\r\nEND\r\n"),
        ("gat 9 u:key\r\n", "VALUE u:key 0 1\r\n1\r\nEND\r\n"),
        ("incr u:key 4\r\n", "5\r\n"),
        ("touch u:key 0\r\n", "TOUCHED\r\n"),
        ("mg u:key v k O9\r\n", "VA 1 ku:key O9\r\n5\r\n"),
        ("mg u:key v\r\n", "VA 1\r\n5\r\n"),
        ("mg u:none k O3\r\n", "EN ku:none O3\r\n"),
        ("md u:key k q O1\r\nmn\r\n", "MN\r\n"),
        ("md u:key k O1\r\n", "NF ku:key O1\r\n"),
        ("get u:key\r\n", "END\r\n"),
        ("delete u:key\r\n", "NOT_FOUND\r\n"),
    ]);
    two.ask(set("u:key", "1"));
    assert!(two.holders("key")[0] >= 2);
}

#[test]
fn a_retrieval_of_several_stripped_keys_names_them_as_they_were_asked_for() {
    let mut two = Two::new(&[stripping("u:"), stripping("user:"), route("x", "users")]);
    for key in ["u:1", "user:2", "k", "x1"] {
        two.ask(set(key, key));
    }
    let shared = value("user:1", "u:1");
    let values = [
        value("k", "k"),
        value("u:1", "u:1"),
        shared,
        value("x1", "x1"),
        value("user:2", "user:2"),
    ];
    let answer = two.ask("get k none u:1 user:1 u:9 x1 user:2\r\n");
    assert_eq!(answer, values.concat() + "END\r\n");
}

#[test]
fn a_key_in_base64_is_stripped_and_comes_back_whole() {
    let mut two = Two::new(&[stripping("u:")]);
    // `u:key` and `u:no`.
    two.check(&[
        ("ms dTprZXk= 1 b\r\n1\r\n", "HD\r\n"),
        ("mg u:key v k\r\n", "VA 1 ku:key\r\n1\r\n"),
        ("md dTpubw== b k O2\r\n", "NF kdTpubw== b O2\r\n"),
    ]);
    assert!(two.holders("key")[0] >= 2);
}

#[test]
fn an_error_of_a_server_is_passed_on_as_it_is() {
    let mut two = Two::new(&[stripping("u:")]);
    for server in [2, 3] {
        two.rig.servers[server].manner = Manner::Hangs;
    }
    assert_eq!(two.ask("mg u:key v\r\n"), "");
    let asked = [2, 3].into_iter().find(|it| two.rig.has_received(*it, "mg key v k\r\n"));
    two.rig.say(asked.unwrap(), "CLIENT_ERROR error decoding key\r\n");
    assert_eq!(two.rig.answers(two.id), "CLIENT_ERROR error decoding key\r\n");
}

#[test]
fn a_key_that_is_only_a_prefix_is_refused_as_memcached_refuses_an_empty_one() {
    let mut two = Two::new(&[stripping("u:")]);
    let refusal = "CLIENT_ERROR bad command line format\r\n";
    two.check(&[
        ("get u:\r\n", refusal),
        ("get u:1 u:\r\n", refusal),
        ("set u: 0 0 1\r\nx\r\n", refusal),
        ("set u: 0 0 1 noreply\r\nx\r\nmn\r\n", "MN\r\n"),
        ("mg u: v\r\n", refusal),
        ("mg dTo= v b\r\n", refusal),
        ("delete u:\r\n", refusal),
    ]);
    let too_large = "SERVER_ERROR object too large for cache\r\n";
    assert_eq!(two.ask(set("u:", &"x".repeat(1001))), too_large);
    assert_eq!(two.rig.worker.counters().refused, 8);
    assert_eq!(two.ask("get u:1\r\n"), "END\r\n");
}

#[test]
fn a_miss_that_we_make_up_names_the_key_as_it_was_asked_for() {
    let mut two = Two::new(&[stripping("u:")]);
    for server in [2, 3] {
        two.rig.publish(server, false);
    }
    two.check(&[
        ("get u:key\r\n", "END\r\n"),
        ("mg u:key v k O1\r\n", "EN ku:key O1\r\n"),
        ("set u:key 0 0 1\r\nx\r\n", NO_SERVER),
    ]);
}

#[test]
fn a_stripped_key_is_misplaced_and_cleaned_by_the_name_its_servers_know() {
    let mut two = Two::new(&[stripping("u:"), route("", "users")]);
    // Both pools place keys alike: server 2 is to the one what server 0 is to the other.
    let key = two.rig.key(&[0]);
    two.ask(set(&format!("u:{key}"), "old"));
    assert_eq!(two.holders(&key), [2]);
    two.rig.publish(2, false);
    assert_eq!(two.ask(set(&format!("u:{key}"), "new")), "STORED\r\n");
    assert_eq!(two.holders(&key), [2, 3]);
    two.rig.publish(2, true);
    // Asked for by either name, the last write is found, and not what its home held before.
    let whole = format!("u:{key}");
    assert_eq!(two.ask(get(&whole)), value(&whole, "new") + "END\r\n");
    assert_eq!(two.ask(get(&key)), value(&key, "new") + "END\r\n");
    let answer = two.ask(format!("gets {whole}\r\n"));
    assert!(answer.starts_with(&format!("VALUE {whole} 0 3 ")), "{answer}");
    let token: u64 = answer.split_whitespace().nth(4).unwrap().parse().unwrap();
    assert!(token > 1 << 62, "a token from elsewhere than home is disguised: {token}");
}

#[test]
fn what_is_in_flight_while_routes_change_is_answered_by_the_old_ones() {
    let mut two = Two::new(&[stripping("u:")]);
    two.ask(set("u:key", "1"));
    for server in 0..4 {
        two.rig.servers[server].manner = Manner::Hangs;
    }
    assert_eq!(two.ask("get u:key\r\nget u:key k\r\n"), "");
    two.rig.worker.handle_session_moved(two.id, routes(&[route("u", "main")]));
    for server in 0..4 {
        two.rig.servers[server].manner = Manner::Serves;
    }
    two.rig.drive();
    let one = value("u:key", "1") + "END\r\n";
    assert_eq!(two.rig.answers(two.id), format!("{one}{one}"));
    assert_eq!(two.ask(get("u:key")), "END\r\n", "its new pool has not got it");
}
