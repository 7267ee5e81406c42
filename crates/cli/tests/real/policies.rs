//! The failover policies of other clients and proxies under our own settings: what each row of
//! docs/migrating.md promises, seen with real servers behind the real proxy.
//!
//! Rows whose behaviour another test holds already name that one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::operator::evenkeel;
use crate::support::wait_until;
use crate::support::{Memcached, Program, Proxy, Session, free_port, scratch_path, spread_key};

/// Servers behind a proxy, and keys with their homes.
struct Rig {
    servers: Vec<Memcached>,
    session: Session,
    /// Each key, and which server has it while all are well.
    keys: Vec<(String, usize)>,
    proxy: Proxy,
}

impl Rig {
    /// Three servers and sixty keys, with these lines in the pool's part of the configuration.
    fn new(pool_lines: &str) -> Self {
        Self::with(pool_lines, (0..3).map(|_| Memcached::start()).collect())
    }

    /// The same with these servers, the first three of which are the pool's.
    fn with(pool_lines: &str, servers: Vec<Memcached>) -> Self {
        let addresses: Vec<_> = servers.iter().take(3).map(Memcached::address).collect();
        let proxy = Proxy::start_with(&addresses, pool_lines);
        let mut session = Session::connect(&proxy.address());
        let mut direct: Vec<_> = addresses.iter().map(|it| Session::connect(it)).collect();
        let keys = (0..60).map(|serial| {
            let key = spread_key("policy", serial);
            session.set(&key, "before");
            let home = direct.iter_mut().position(|it| it.get(&key).is_some());
            (key, home.expect("what was stored is at some server"))
        });
        let keys = keys.collect();
        Self { servers, session, keys, proxy }
    }

    /// A key of this server.
    fn key_of(&self, server: usize) -> String {
        self.keys_of(server).into_iter().next().expect("each server has some of sixty keys")
    }

    fn keys_of(&self, server: usize) -> Vec<String> {
        let keys = self.keys.iter().filter(|(_, home)| *home == server);
        keys.map(|(key, _)| key.clone()).collect()
    }

    /// Kills a server and waits until it is out of use.
    fn kill(&mut self, server: usize) {
        self.servers[server].kill();
        self.wait_for("evenkeel_servers_usable", |usable, all| usable < all);
    }

    /// Starts it again and waits until it is used for all its keys: after how long.
    fn restart(&mut self, server: usize) -> Duration {
        self.servers[server].restart();
        let restarted_at = Instant::now();
        self.wait_for("evenkeel_servers_usable", |usable, all| usable == all);
        self.wait_for("evenkeel_misplaced_keys", |misplaced, _| misplaced == 0);
        restarted_at.elapsed()
    }

    fn wait_for(&mut self, name: &str, is_so: impl Fn(u64, u64) -> bool) {
        wait_until(PATIENCE, name, || {
            let [value, all] = stats(&mut self.session, [name, "evenkeel_servers"]);
            is_so(value, all)
        });
    }

    /// Which servers have a key, asked of themselves.
    fn holders(&self, key: &str) -> Vec<usize> {
        let servers = self.servers.iter().enumerate();
        let has = servers.filter(|(_, it)| {
            Session::try_connect(&it.address()).is_ok_and(|mut it| it.get(key).is_some())
        });
        has.map(|(idx, _)| idx).collect()
    }
}

/// Figures of `stats`.
fn stats<const N: usize>(session: &mut Session, names: [&str; N]) -> [u64; N] {
    session.send(b"stats\r\n");
    let mut found = [None; N];
    loop {
        let line = session.read_line();
        if line == "END" {
            return found.map(|it| it.expect("all of them are in stats"));
        }
        for (found, name) in found.iter_mut().zip(names) {
            let value = line.strip_prefix(&format!("STAT {name} "));
            *found = found.or(value.and_then(|value| value.parse().ok()));
        }
    }
}

/// The first line of what is answered to this, and how long that took.
fn asked(session: &mut Session, request: &str) -> (String, Duration) {
    let asked_at = Instant::now();
    session.send(request.as_bytes());
    (session.read_line(), asked_at.elapsed())
}

#[test]
fn keys_of_a_server_that_is_away_go_to_the_next_and_no_other_moves() {
    let mut rig = Rig::new("failover = \"next\"\n[pool.main.health]\nramp = \"0s\"");
    rig.kill(0);
    let one_of_each: Vec<_> = (0..3).map(|server| rig.key_of(server)).collect();
    rig.session.send(format!("get {}\r\n", one_of_each.join(" ")).as_bytes());
    for key in &one_of_each[1..] {
        assert_eq!(rig.session.read_line(), format!("VALUE {key} 0 6"));
        assert_eq!(rig.session.read_line(), "before");
    }
    assert_eq!(rig.session.read_line(), "END", "only the keys of the one server are misses");

    for (key, home) in rig.keys.clone() {
        if home == 0 {
            assert_eq!(rig.session.get(&key), None);
            rig.session.set(&key, "meanwhile");
            assert_eq!(rig.session.get(&key).as_deref(), Some("meanwhile"));
            assert_eq!(rig.holders(&key).len(), 1);
        } else {
            assert_eq!(rig.session.get(&key).as_deref(), Some("before"));
            assert_eq!(rig.holders(&key), [home], "it has not moved");
        }
    }
    rig.restart(0);
    for key in rig.keys_of(0) {
        wait_until(PATIENCE, "the key to go home", || {
            rig.session.set(&key, "after");
            rig.holders(&key) == [0]
        });
    }
}

#[test]
fn keys_of_a_server_that_is_away_are_misses_at_once_and_never_move() {
    let mut rig = Rig::new("failover = \"none\"\n[pool.main.health]\nramp = \"0s\"");
    let key = rig.key_of(0);
    rig.kill(0);
    let (line, took) = asked(&mut rig.session, &format!("get {key}\r\n"));
    assert_eq!(line, "END");
    assert!(took < AT_ONCE, "{took:?}");
    let (line, _) = asked(&mut rig.session, &format!("set {key} 0 0 1\r\nx\r\n"));
    assert!(line.starts_with("SERVER_ERROR evenkeel: "), "what is not stored says so: {line}");
    assert!(rig.holders(&key).is_empty(), "it is nowhere else");
    rig.restart(0);
    rig.session.set(&key, "after");
    assert_eq!(rig.holders(&key), [0]);
}

#[test]
fn a_read_that_no_server_can_serve_is_an_error_where_that_is_wanted() {
    let mut rig = Rig::new("failover = \"none\"\non_unavailable = \"error\"");
    let (gone, other) = (rig.key_of(0), rig.key_of(1));
    rig.kill(0);
    let (line, took) = asked(&mut rig.session, &format!("get {gone}\r\n"));
    assert!(line.starts_with("SERVER_ERROR evenkeel: "), "{line}");
    assert!(took < AT_ONCE, "{took:?}");
    let (line, _) = asked(&mut rig.session, &format!("get {other} {gone}\r\n"));
    assert!(line.starts_with("SERVER_ERROR evenkeel: "), "of several keys too: {line}");
    assert_eq!(rig.session.get(&other).as_deref(), Some("before"));
}

#[test]
fn a_server_that_has_enough_to_do_is_waited_for_by_no_more() {
    // The server hangs, and nobody finds out: what is full is all that helps.
    let rig = Rig::new(
        "failover = \"none\"\nattempts_in_flight_max = 2\ntimeout = \"2s\"\ndeadline = \"2s\"\n\
         [pool.main.health]\ncanary_interval = \"10s\"\ncanary_timeout = \"10s\"",
    );
    let key = rig.key_of(0);
    rig.servers[0].hang();
    let waits: Vec<_> = thread::scope(|scope| {
        let address = rig.proxy.address();
        let sessions: Vec<_> = (0..20).map(|_| Session::connect(&address)).collect();
        let running = sessions.into_iter().map(|mut session| {
            let request = format!("get {key}\r\n");
            scope.spawn(move || asked(&mut session, &request))
        });
        let running: Vec<_> = running.collect();
        running.into_iter().map(|it| it.join().expect("it is answered")).collect()
    });
    assert!(waits.iter().all(|(line, _)| line == "END"), "{waits:?}");
    let slow = waits.iter().filter(|(_, took)| *took > Duration::from_secs(1)).count();
    assert!((1..=4).contains(&slow), "two of each of two workers wait: {waits:?}");
    rig.servers[0].resume();
}

#[test]
fn no_request_waits_longer_than_is_set() {
    let mut rig =
        Rig::new("timeout = \"100ms\"\ndeadline = \"150ms\"\nconnect_timeout = \"100ms\"");
    let keys = rig.keys_of(0);
    rig.servers[0].hang();
    let slow = keys.iter().cycle().take(40).filter(|key| {
        let (line, took) = asked(&mut rig.session, &format!("get {key}\r\n"));
        assert_eq!(line, "END");
        assert!(took < LONGEST, "{took:?}");
        took >= Duration::from_millis(100)
    });
    // Later ones are spared the wait; a stall of the machine may make one more of them slow.
    assert!(slow.count() < 20);
    rig.servers[0].resume();
}

#[test]
fn a_bad_item_or_key_takes_no_server_and_no_session_down() {
    let mut rig = Rig::new("");
    let mut bystander = Session::connect(&rig.proxy.address());
    let key = rig.key_of(0);
    for _ in 0..10 {
        let large = "x".repeat(2 << 20);
        let request = format!("set {key} 0 0 {}\r\n{large}\r\n", large.len());
        let (line, _) = asked(&mut rig.session, &request);
        assert_eq!(line, "SERVER_ERROR object too large for cache");
        let (line, _) = asked(&mut rig.session, &format!("get {}\r\n", "k".repeat(251)));
        assert!(line.starts_with("CLIENT_ERROR"), "{line}");
        let other = rig.key_of(1);
        assert_eq!(bystander.get(&other).as_deref(), Some("before"));
    }
    let names = ["evenkeel_servers_usable", "evenkeel_servers"];
    let [usable, all] = stats(&mut bystander, names);
    assert_eq!(usable, all);
}

#[test]
fn a_server_that_is_back_is_used_within_seconds_and_nobody_tries_it_out() {
    let mut rig = Rig::new("[pool.main.health]\nramp = \"0s\"");
    let key = rig.key_of(0);
    rig.kill(0);
    for _ in 0..200 {
        let (line, took) = asked(&mut rig.session, &format!("get {key}\r\n"));
        assert_eq!(line, "END");
        assert!(took < AT_ONCE, "no request is spent on finding out: {took:?}");
    }
    let took = rig.restart(0);
    assert!(took < SOON, "{took:?}");
}

#[test]
fn what_is_stored_elsewhere_ends_after_failover_ttl() {
    for mode in ["next", "gutter"] {
        let servers: Vec<_> = (0..4).map(|_| Memcached::start()).collect();
        let spare = servers[3].address();
        let gutter = match mode {
            "gutter" => format!("gutter = \"spare\"\n[pool.spare]\nservers = [\"{spare}\"]"),
            _ => String::new(),
        };
        let lines = format!("failover = \"{mode}\"\nfailover_ttl = \"30s\"\n{gutter}");
        let mut rig = Rig::with(&lines, servers);
        let key = rig.key_of(0);
        rig.kill(0);
        rig.session.set(&key, "meanwhile");
        let holders = rig.holders(&key);
        let [holder] = holders[..] else { panic!("it is at one server: {holders:?}") };
        assert_eq!(holder == 3, mode == "gutter", "{holder}");
        let mut direct = Session::connect(&rig.servers[holder].address());
        let (line, _) = asked(&mut direct, &format!("mg {key} t\r\n"));
        let left = line.strip_prefix("HD t").and_then(|it| it.parse::<u32>().ok());
        assert!(left.is_some_and(|left| left <= 30), "{line}");
    }
}

#[test]
fn a_weight_is_a_share_of_the_keys() {
    let servers: Vec<_> = (0..2).map(|_| Memcached::start()).collect();
    let [a, b] = [0, 1].map(|idx| servers[idx].address());
    let (port, path) = (free_port(), scratch_path("toml"));
    let text = format!(
        "[listener.main]\naddress = \"127.0.0.1:{port}\"\npool = \"main\"\n[pool.main]\n\
         servers = [{a:?}, {{ address = {b:?}, weight = 3 }}]\n"
    );
    fs::write(&path, text).expect("the scratch folder is writable");
    let _proxy = Program::start(evenkeel(&["run"]).arg(&path));
    let address = format!("127.0.0.1:{port}");
    wait_until(PATIENCE, "the proxy to accept", || Session::can_connect(&address));
    let mut session = Session::connect(&address);
    for serial in 0..400 {
        session.set(&spread_key("weight", serial), "x");
    }
    let [light, heavy] = [a, b].map(|it| stats(&mut Session::connect(&it), ["curr_items"])[0]);
    assert!(heavy > 2 * light && heavy < 5 * light, "{light} and {heavy}");
}

#[test]
fn many_sessions_share_few_connections_to_a_server() {
    let rig = Rig::new("");
    let mut sessions: Vec<_> = (0..60).map(|_| Session::connect(&rig.proxy.address())).collect();
    let key = rig.key_of(0);
    for session in &mut sessions {
        assert_eq!(session.get(&key).as_deref(), Some("before"));
    }
    let mut direct = Session::connect(&rig.servers[0].address());
    let [connections] = stats(&mut direct, ["curr_connections"]);
    assert!(connections < 15, "{connections} for sixty sessions");
}

/// The tests that docs/migrating.md names, `module::test`.
fn named_tests() -> BTreeSet<String> {
    let document = repository().join("docs/migrating.md");
    let document = fs::read_to_string(document).expect("it is there");
    let mut is_in_table = false;
    let mut named = BTreeSet::new();
    for line in document.lines() {
        if !line.starts_with('|') {
            is_in_table = false;
        } else if line.ends_with("| held by |") {
            is_in_table = true;
        } else if is_in_table && !line.starts_with("|---") {
            let last = line.trim_end_matches('|').rsplit('|').next().unwrap_or_default();
            let tests: Vec<_> = last.trim().split(", ").map(|it| it.trim_matches('`')).collect();
            assert!(tests.iter().all(|it| it.contains("::")), "a row without its test: {line}");
            named.extend(tests.into_iter().map(str::to_owned));
        }
    }
    named
}

fn repository() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_policy_that_is_promised_names_a_test_that_holds_it() {
    let named = named_tests();
    assert!(named.len() > 10, "{named:?}");
    let text = |module: &str| {
        let file = repository().join(format!("crates/cli/tests/real/{module}.rs"));
        fs::read_to_string(file).unwrap_or_default()
    };
    for test in &named {
        let (module, name) = test.rsplit_once("::").expect("it has been looked at");
        let found = text(&module.replace("::", "/")).contains(&format!("fn {name}()"));
        assert!(found, "docs/migrating.md names {test}, which is no test");
    }
    let ours = text("policies");
    let ours = ours.lines().filter_map(|line| line.strip_prefix("fn ")?.strip_suffix("() {"));
    for name in ours.filter(|name| !name.starts_with("every_policy")) {
        assert!(named.contains(&format!("policies::{name}")), "no row names {name}");
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
/// Far below any timeout, and far above what a machine under load takes.
const AT_ONCE: Duration = Duration::from_millis(200);
/// The deadline that is set, and what a machine under load takes.
const LONGEST: Duration = Duration::from_millis(900);
/// A probe or two, their jitter, and what a machine under load takes.
const SOON: Duration = Duration::from_secs(10);
