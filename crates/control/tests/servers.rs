//! The control plane against servers that break: what it finds out, and what it is told to do.
//!
//! No requests are sent here: what is found out is found out by canaries.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use evenkeel_control::events::{Event, Occasion};
use evenkeel_control::handle::OrderError;
use evenkeel_control::reconfiguration::{Reconfigured, Reconfigurer};
use evenkeel_control::setup::{Driver, Parts, Stop};
use evenkeel_control::{Handle, set_up};
use evenkeel_core::config::{PoolConfig, ServerConfig};
use evenkeel_core::event::{Happening, Order, Rule, StateName};
use evenkeel_lab::relay::{Fault, Relay};
use evenkeel_lab::server::{Config as LabConfig, Server};
use tokio::runtime::Builder;

/// Three servers named a, b and c, each behind a relay, and a control plane that watches them.
struct Rig {
    servers: Vec<Server>,
    relays: Vec<Relay>,
    running: Option<Running>,
    handle: Handle,
    reconfigurer: Reconfigurer,
}

/// A control plane on a thread of its own, without a worker.
struct Running {
    stop: Stop,
    thread: JoinHandle<()>,
}

impl Running {
    fn start(pools: &[PoolConfig]) -> (Self, Handle, Reconfigurer) {
        let parts = set_up(pools, Driver::default()).expect("the pools have no faults");
        let Parts { shared: _, handle, control_plane, stop, reconfigurer } = parts;
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let thread = std::thread::spawn(move || runtime.block_on(control_plane.run()));
        (Self { stop, thread }, handle, reconfigurer)
    }

    fn stop(self) {
        self.stop.stop();
        self.thread.join().expect("the control plane does not panic");
    }
}

const FREE_PORT: &str = "there are free ports";

const PLAIN: &str = "it is written as it must be";

/// Enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

impl Rig {
    fn new() -> Self {
        Self::with_members(&["a", "b", "c"])
    }

    /// The same, of which so many are in the pool.
    fn with_members(members: &[&str]) -> Self {
        let start = |_| Server::start(LabConfig::default()).expect(FREE_PORT);
        let servers: Vec<_> = (0..3).map(start).collect();
        let relays: Vec<_> =
            servers.iter().map(|it| Relay::start(it.addr()).expect(FREE_PORT)).collect();
        let pool = pool_of(&relays, members);
        let (running, handle, reconfigurer) = Running::start(&[pool]);
        Self { servers, relays, running: Some(running), handle, reconfigurer }
    }

    /// The pool has these servers from now on.
    fn reconfigure(&self, members: &[&str]) -> Reconfigured {
        self.apply(vec![pool_of(&self.relays, members)])
    }

    fn apply(&self, pools: Vec<PoolConfig>) -> Reconfigured {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(self.reconfigurer.apply(pools)).expect("it has no faults")
    }

    fn state(&self, server: usize) -> StateName {
        self.handle.servers()[server].standing.state
    }

    #[track_caller]
    fn wait_for(&self, server: usize, state: StateName) {
        wait_until(&format!("server {server} to be {state:?}"), || self.state(server) == state);
    }

    fn events(&self) -> Vec<Event> {
        self.handle.events_since(0).events
    }

    fn rules_of(&self, server: u16) -> Vec<Rule> {
        let rule = |event: &Event| match event.what {
            Occasion::Server { id, what: Happening::State(transition), .. } if id.0 == server => {
                Some(transition.rule)
            }
            _ => None,
        };
        self.events().iter().filter_map(rule).collect()
    }
}

/// What has happened to a server.
fn happening(event: &Event) -> Option<Happening> {
    event.what.server().map(|(_, what)| *what)
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop();
        }
    }
}

/// The pool "main" of these of the servers a, b and c.
fn pool_of(relays: &[Relay], members: &[&str]) -> PoolConfig {
    let servers = relays.iter().zip(["a", "b", "c"]);
    pool("main", servers.filter(|(_, name)| members.contains(name)))
}

fn pool<'a>(name: &str, servers: impl Iterator<Item = (&'a Relay, &'a str)>) -> PoolConfig {
    let server = |(relay, name): (&Relay, &str)| ServerConfig {
        name: Some(name.parse().expect(PLAIN)),
        ..ServerConfig::new(relay.addr().to_string().parse().expect(PLAIN))
    };
    let mut pool = PoolConfig::new(name.parse().expect(PLAIN), servers.map(server).collect());
    pool.health.canary_interval = Duration::from_millis(200);
    // This machine may be busy, and these servers are not.
    pool.health.canary_timeout = Duration::from_millis(200);
    pool.health.ramp = Duration::from_millis(200);
    pool
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn healthy_servers_are_up() {
    let rig = Rig::new();
    wait_until("canaries", || rig.servers.iter().all(|it| it.counters().set_cmds > 3));
    let states = rig.handle.servers();
    let names: Vec<_> =
        states.iter().map(|it| (it.names.pool.as_str(), it.names.server.as_str())).collect();
    assert_eq!(names, [("main", "a"), ("main", "b"), ("main", "c")]);
    assert!(states.iter().all(|it| it.standing.state == StateName::Up));
    assert!(states.iter().all(|it| it.standing.takes_writes));
}

#[test]
fn servers_in_use_are_asked_what_they_say_of_themselves_if_that_is_wanted() {
    let servers: Vec<_> =
        (0..2).map(|_| Server::start(LabConfig::default()).expect(FREE_PORT)).collect();
    let relays: Vec<_> =
        servers.iter().map(|it| Relay::start(it.addr()).expect(FREE_PORT)).collect();
    let mut asked = pool("asked", relays.iter().take(1).zip(["a"]));
    asked.stats_interval = Duration::from_secs(1);
    let mut silent = pool("silent", relays.iter().skip(1).zip(["b"]));
    silent.stats_interval = Duration::ZERO;
    let (running, handle, _) = Running::start(&[asked, silent]);
    let says = |idx: usize| handle.servers()[idx].says.clone();
    wait_until("an answer", || says(0).is_some());
    let first = says(0).expect("it has been waited for");
    assert_eq!(first.memory_bytes_max, Some(LabConfig::default().limits.memory_max as u64));
    assert!(first.connections.is_some_and(|connections| connections >= 1), "{first:?}");
    assert!(first.connections_max.is_some() && first.version.is_some(), "{first:?}");
    wait_until("another answer", || says(0).is_some_and(|it| first.at < it.at));
    assert_eq!(says(1), None, "nobody asks it");
    // What it said once is not shown when it says it no more.
    handle.drain("a").expect("it is there");
    wait_until("its being forgotten", || says(0).is_none());
    handle.readmit("a").expect("it is there");
    wait_until("an answer after its return", || says(0).is_some());
    running.stop();
}

#[test]
fn a_drained_server_stays_out_of_use_until_it_is_readmitted() {
    let rig = Rig::new();
    rig.handle.drain("b").unwrap();
    rig.wait_for(1, StateName::Drained);
    rig.handle.readmit("b").unwrap();
    rig.wait_for(1, StateName::Up);
    assert_eq!(rig.rules_of(1), [Rule::Drain, Rule::Readmit, Rule::Canaries, Rule::Ramp]);
    assert_eq!(rig.rules_of(0), []);
    rig.handle.eject("main/c").unwrap();
    rig.wait_for(2, StateName::Drained);
    assert_eq!(rig.rules_of(2), [Rule::Eject]);
}

#[test]
fn a_flush_empties_one_server() {
    let rig = Rig::new();
    for server in &rig.servers {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.write_all(b"set k 0 0 1\r\nx\r\n").unwrap();
        BufReader::new(stream).read_line(&mut String::new()).unwrap();
    }
    rig.handle.flush("b").unwrap();
    let is_flushed = |it: &Event| happening(it) == Some(Happening::Flushed);
    wait_until("the flush", || rig.events().iter().any(is_flushed));
    let flushes: Vec<_> = rig.servers.iter().map(|it| it.counters().flush_cmds).collect();
    assert_eq!(flushes, [0, 1, 0]);
    assert_eq!(rig.state(1), StateName::Up);
    assert_eq!(happening(&rig.events()[0]), Some(Happening::Ordered(Order::Flush)));
}

#[test]
fn an_order_for_nobody_names_the_nearest_server() {
    let servers: Vec<_> = (0..2).map(|_| Server::start(LabConfig::default()).unwrap()).collect();
    let relays: Vec<_> = servers.iter().map(|it| Relay::start(it.addr()).unwrap()).collect();
    let pools = [
        pool("one", relays[..1].iter().zip(["cache-eins"])),
        pool("two", relays.iter().zip(["cache-eins", "cache-zwei"])),
    ];
    let (running, handle, _) = Running::start(&pools);
    let error = |name: &str| handle.drain(name).unwrap_err().to_string();
    assert_eq!(
        error("cache-zwie"),
        "there is no server \"cache-zwie\"; did you mean \"cache-zwei\"?"
    );
    assert_eq!(
        error("nothing"),
        "there is no server \"nothing\"; \
         choose \"cache-eins\" or \"cache-zwei\""
    );
    assert_eq!(
        error("cache-eins"),
        "several pools have a server \"cache-eins\"; \
         write \"one/cache-eins\" or \"two/cache-eins\""
    );
    handle.drain("two/cache-eins").unwrap();
    let state = |idx: usize| handle.servers()[idx].standing.state;
    wait_until("the order to be carried out", || state(1) == StateName::Drained);
    assert_eq!(state(0), StateName::Up);
    running.stop();
    assert_eq!(handle.drain("cache-zwei"), Err(OrderError::Stopping));
}

#[test]
fn a_server_that_restarts_is_found_to_be_empty() {
    let mut rig = Rig::new();
    // The first canary has then asked who answers.
    wait_until("a second canary", || rig.servers[1].counters().set_cmds > 1);
    rig.servers[1].stop();
    // The relay then refuses nobody; a server that is gone does.
    rig.relays[1].set(Fault::Refuse);
    rig.wait_for(1, StateName::Down);
    let refused_at = rig.handle.now();
    std::thread::sleep(Duration::from_millis(500));
    rig.servers[1].restart().unwrap();
    rig.relays[1].clear();
    rig.wait_for(1, StateName::Up);
    let lost_before = rig.events().iter().find_map(|event| match happening(event) {
        Some(Happening::Restarted { lost_before }) => Some(lost_before),
        _ => None,
    });
    let lost_before = lost_before.expect("it is an event").expect("a canary was refused");
    assert!(lost_before < refused_at + Duration::from_secs(1), "no later than the refusal");
}

#[test]
fn a_server_that_answers_version_and_stats_only_is_ejected_and_stays_so() {
    let rig = Rig::new();
    rig.relays[0].set(Fault::OnlyVersion);
    rig.wait_for(0, StateName::Down);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(rig.state(0), StateName::Down);
    assert_eq!(rig.rules_of(0), [Rule::Suspicion, Rule::Canary]);
    rig.relays[0].clear();
    rig.wait_for(0, StateName::Up);
}

#[test]
fn a_server_that_refuses_writes_keeps_its_reads() {
    let rig = Rig::new();
    rig.relays[2].set(Fault::ServerErrorOnWrites("out of memory storing object".to_owned()));
    let takes_writes = || rig.handle.servers()[2].standing.takes_writes;
    wait_until("writes to be ejected", || !takes_writes());
    assert!(rig.state(2).is_usable());
    rig.relays[2].clear();
    wait_until("writes to be readmitted", takes_writes);
    rig.wait_for(2, StateName::Up);
}

#[test]
fn a_server_that_refuses_everything_is_ejected() {
    let rig = Rig::new();
    rig.relays[2].set(Fault::ServerError("busy".to_owned()));
    rig.wait_for(2, StateName::Down);
}

#[test]
fn a_server_that_is_slower_than_the_others_is_ejected_without_a_request() {
    let rig = Rig::new();
    rig.relays[1].set(Fault::Delay(Duration::from_millis(60)));
    rig.wait_for(1, StateName::Down);
    assert_eq!(rig.rules_of(1).last(), Some(&Rule::Slow));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(rig.state(1), StateName::Down, "its canaries are slow too");
    rig.relays[1].clear();
    rig.wait_for(1, StateName::Up);
}

#[test]
fn a_connection_that_is_reset_is_forgiven() {
    let rig = Rig::new();
    rig.relays[1].set(Fault::ResetEvery(Duration::from_millis(300)));
    wait_until("several resets", || rig.relays[1].counters().connections_total > 10);
    assert_ne!(rig.state(1), StateName::Down);
    rig.relays[1].clear();
    rig.wait_for(1, StateName::Up);
    assert!(!rig.rules_of(1).contains(&Rule::Canary), "{:?}", rig.rules_of(1));
}

#[test]
fn a_view_says_what_a_server_is_taken_for_and_why() {
    let rig = Rig::new();
    rig.wait_for(0, StateName::Up);
    rig.handle.drain("b").unwrap();
    rig.wait_for(1, StateName::Drained);
    let servers = rig.handle.servers();
    let drained = &servers[1];
    assert_eq!(drained.names.to_string(), "main/b");
    assert_eq!(drained.standing.last.map(|it| it.rule), Some(Rule::Drain));
    assert_eq!(drained.addr, Some(rig.relays[1].addr()));
    assert_eq!((drained.connections_wanted, drained.misplaced_keys), (0, 0));
    assert_eq!(servers[0].standing.last, None);
    assert_eq!(rig.handle.pools()[0].config.name.as_str(), "main");
}

#[test]
fn a_route_says_where_a_key_goes_now() {
    let rig = Rig::new();
    let before = rig.handle.route("main", b"user:1").expect("there is that pool");
    assert_eq!(before.read, Some(before.home));
    assert_eq!(before.order.len(), 3);
    assert!(before.order.iter().all(|(_, is_usable)| *is_usable));
    let home = usize::from(before.home.0);
    rig.handle.drain(["a", "b", "c"][home]).unwrap();
    rig.wait_for(home, StateName::Drained);
    wait_until("the table", || rig.handle.route("main", b"user:1").unwrap().read != before.read);
    let after = rig.handle.route("main", b"user:1").expect("there is that pool");
    assert_eq!((after.home, after.write), (before.home, Some(before.order[1].0)));
    assert_eq!(after.misplaced, None);
    assert!(rig.handle.route("other", b"user:1").is_none());
}

// Other configurations while it runs.

#[test]
fn a_server_that_joins_is_flushed_and_then_used() {
    let rig = Rig::with_members(&["a", "b"]);
    let mut stream = TcpStream::connect(rig.servers[2].addr()).unwrap();
    stream.write_all(b"set k 0 0 3\r\nold\r\n").unwrap();
    BufReader::new(stream).read_line(&mut String::new()).unwrap();
    let done = rig.reconfigure(&["a", "b", "c"]);
    assert_eq!(done.warnings, Vec::<String>::new());
    wait_until("the flush", || !rig.handle.servers()[2].is_flush_required);
    let flushes: Vec<_> = rig.servers.iter().map(|it| it.counters().flush_cmds).collect();
    assert_eq!(flushes, [0, 0, 1]);
    rig.wait_for(2, StateName::Up);
}

#[test]
fn a_server_that_leaves_is_unknown_and_its_events_keep_its_name() {
    let rig = Rig::new();
    rig.reconfigure(&["a", "c"]);
    let names: Vec<_> = rig.handle.servers().iter().map(|it| it.names.to_string()).collect();
    assert_eq!(names, ["main/a", "main/c"]);
    assert!(matches!(rig.handle.drain("b"), Err(OrderError::UnknownServer { .. })));
    let events = rig.events();
    let left = events.iter().find(|it| happening(it) == Some(Happening::Left));
    let (names, _) = left.and_then(|it| it.what.server()).expect("it is an event");
    assert_eq!(names.to_string(), "main/b");
}

#[test]
fn servers_that_stay_keep_what_they_are_taken_for() {
    let rig = Rig::new();
    rig.handle.drain("b").unwrap();
    rig.wait_for(1, StateName::Drained);
    let mut pool = pool_of(&rig.relays, &["b", "c"]);
    pool.timeout = Duration::from_millis(100);
    pool.health.canary_interval = Duration::from_millis(300);
    rig.apply(vec![pool]);
    rig.wait_for(0, StateName::Drained);
    assert_eq!(rig.handle.servers()[0].names.server, "b");
    rig.handle.readmit("b").unwrap();
    rig.wait_for(0, StateName::Up);
}

#[test]
fn a_server_that_leaves_and_comes_back_is_flushed_and_the_operator_is_told_what_others_may_hold() {
    let rig = Rig::with_members(&["a", "b"]);
    rig.reconfigure(&["a", "b", "c"]);
    wait_until("the flush", || !rig.handle.servers()[2].is_flush_required);
    let done = rig.reconfigure(&["a", "b"]);
    let [warning] = &done.warnings[..] else { panic!("{done:?}") };
    assert!(warning.contains("evenkeel server flush main/a; evenkeel server flush main/b"));
    rig.reconfigure(&["a", "b", "c"]);
    wait_until("a flush more", || rig.servers[2].counters().flush_cmds == 2);
    wait_until("it to be known", || !rig.handle.servers()[2].is_flush_required);
}

#[test]
fn a_pool_that_is_new_is_watched_and_not_flushed_and_one_that_is_gone_is_not() {
    let rig = Rig::with_members(&["a", "b"]);
    let other = pool("other", rig.relays.iter().zip(["a", "b", "c"]).skip(2));
    rig.apply(vec![pool_of(&rig.relays, &["a", "b"]), other.clone()]);
    let canaries = rig.servers[2].counters().set_cmds;
    wait_until("a canary", || rig.servers[2].counters().set_cmds > canaries);
    assert_eq!(rig.servers[2].counters().flush_cmds, 0);
    rig.apply(vec![other]);
    let pools: Vec<_> = rig.handle.pools().iter().map(|it| it.config.name.to_string()).collect();
    assert_eq!(pools, ["other"]);
    assert_eq!(rig.handle.servers().len(), 1);
}
