//! What becomes of keys while their server is away and when it returns, by the pool's settings.
//!
//! Each test stops a server with what it holds (`SIGSTOP`), so that it returns with old data.

use std::time::Duration;

use crate::support::{Memcached, Proxy, Session, spread_key, wait_until};

/// Two servers behind a proxy, and a key of the first.
struct Rig {
    servers: Vec<Memcached>,
    session: Session,
    key: String,
    _proxy: Proxy,
}

impl Rig {
    fn new(pool_lines: &str) -> Self {
        Self::with(pool_lines, (0..2).map(|_| Memcached::start()).collect())
    }

    fn with(pool_lines: &str, servers: Vec<Memcached>) -> Self {
        let addresses: Vec<_> = servers.iter().take(2).map(Memcached::address).collect();
        let proxy = Proxy::start_with(&addresses, pool_lines);
        let mut session = Session::connect(&proxy.address());
        let mut first = Session::connect(&servers[0].address());
        let mut keys = (0..100).map(|serial| spread_key("mode", serial));
        let key = keys.find(|key| {
            session.set(key, "old");
            first.get(key).is_some()
        });
        let key = key.expect("half of the keys are at the first server");
        Self { servers, session, key, _proxy: proxy }
    }

    /// Hangs the first server and waits until it is out of use.
    fn hang(&mut self) {
        self.servers[0].hang();
        wait_until(PATIENCE, "the server to be ejected", || {
            self.session.send(format!("get {}\r\n", self.key).as_bytes());
            let head = self.session.read_line();
            if head != "END" {
                self.session.read_line();
                self.session.read_line();
            }
            self.stat("evenkeel_servers_usable") < self.stat("evenkeel_servers")
        });
    }

    /// Lets it go on and waits until it has all its keys back, and none is misplaced.
    fn resume(&mut self) {
        self.servers[0].resume();
        wait_until(PATIENCE, "the keys to be home", || {
            self.stat("evenkeel_servers_usable") == self.stat("evenkeel_servers")
                && self.stat("evenkeel_misplaced_keys") == 0
        });
    }

    fn stat(&mut self, name: &str) -> u64 {
        self.session.send(b"stats\r\n");
        let mut found = None;
        loop {
            let line = self.session.read_line();
            if line == "END" {
                return found.unwrap_or_else(|| panic!("no {name} in stats"));
            }
            let value = line.strip_prefix(&format!("STAT {name} "));
            found = found.or(value.and_then(|value| value.parse().ok()));
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(15);

#[test]
fn a_value_from_before_a_hang_is_gone_and_others_are_kept() {
    let mut rig = Rig::new("");
    let key = rig.key.clone();
    let mut first = Session::connect(&rig.servers[0].address());
    let other = (100..300).map(|serial| spread_key("mode", serial)).find(|key| {
        rig.session.set(key, "kept");
        first.get(key).is_some()
    });
    let other = other.expect("half of the keys are at the first server");
    rig.hang();
    rig.session.set(&key, "new");
    assert_eq!(rig.session.get(&key).as_deref(), Some("new"));
    rig.resume();
    assert_eq!(rig.session.get(&key), None, "a miss, once");
    assert_eq!(first.get(&key), None);
    wait_until(PATIENCE, "the ramp to end", || rig.session.get(&other).as_deref() == Some("kept"));
}

#[test]
fn without_failover_a_delete_reaches_the_server_before_it_serves_the_key() {
    let mut rig = Rig::new("failover = \"none\"");
    let key = rig.key.clone();
    rig.hang();
    rig.session.send(format!("set {key} 0 0 1\r\nx\r\n").as_bytes());
    assert!(rig.session.read_line().starts_with("SERVER_ERROR "));
    rig.session.expect(format!("delete {key}\r\n").as_bytes(), "DELETED\r\n");
    assert_eq!(rig.session.get(&key), None);
    rig.resume();
    assert_eq!(rig.session.get(&key), None);
    assert_eq!(Session::connect(&rig.servers[0].address()).get(&key), None);
}

#[test]
fn a_gutter_stands_in_and_is_cleaned() {
    let servers: Vec<_> = (0..3).map(|_| Memcached::start()).collect();
    let spare = servers[2].address();
    let gutter =
        format!("failover = \"gutter\"\ngutter = \"spare\"\n[pool.spare]\nservers = [\"{spare}\"]");
    let mut rig = Rig::with(&gutter, servers);
    let key = rig.key.clone();
    rig.hang();
    rig.session.set(&key, "new");
    assert_eq!(rig.session.get(&key).as_deref(), Some("new"));
    let mut spare = Session::connect(&spare);
    assert_eq!(spare.get(&key).as_deref(), Some("new"));
    rig.resume();
    assert_eq!(rig.session.get(&key), None);
    assert_eq!(spare.get(&key), None, "nothing is left in the gutter");
}

#[test]
fn a_server_that_is_flushed_on_its_return_has_nothing_left() {
    let mut rig = Rig::new("rejoin = \"flush\"");
    let key = rig.key.clone();
    rig.hang();
    rig.resume();
    let mut first = Session::connect(&rig.servers[0].address());
    wait_until(PATIENCE, "the flush", || first.get(&key).is_none());
    assert_eq!(rig.session.get(&key), None);
}

#[test]
fn flush_all_reaches_a_server_that_is_away_before_it_is_used() {
    let mut rig = Rig::new("");
    let key = rig.key.clone();
    rig.hang();
    rig.session.expect(b"flush_all\r\n", "OK\r\n");
    rig.resume();
    wait_until(PATIENCE, "the server to be used", || {
        assert_eq!(rig.session.get(&key), None, "flushed, whoever serves it");
        Session::connect(&rig.servers[0].address()).get(&key).is_none()
    });
}
