//! The rules of recovery, one behaviour a test; three servers, time moved by hand.

use std::cell::RefCell;
use std::sync::Arc;

use super::*;
use crate::config::OnUnavailable;
use crate::distribution::{Distribution, Member, Scheme, Settings};
use crate::routing::{
    ConnectionSettings, Layout, PoolId, PoolRoutes, RoutingTable, ServerRoute, Share, Substitute,
    Usable,
};

mod cleaning;
mod overflow;
mod whole_servers;

const POOL: PoolId = PoolId(0);

/// One pool's recovery with the table that everybody has.
struct Rig {
    recovery: Recovery,
    table: RoutingTable,
    now: Instant,
    /// Servers that the asking worker cannot send to.
    cut_off: RefCell<Vec<ServerId>>,
}

const SETTINGS: RecoverySettings = RecoverySettings {
    rejoin: Rejoin::Clean,
    settle_interval: Duration::ZERO,
    late_write_grace: Duration::from_secs(1),
    failover_ttl: Duration::from_mins(1),
    misplaced_bytes_max: 1 << 20,
};

impl Rig {
    fn new() -> Self {
        Self::with(SETTINGS)
    }

    fn with(settings: RecoverySettings) -> Self {
        Self {
            recovery: Recovery::new(settings, 1),
            table: table(),
            now: Instant::from_nanos(1_000_000_000),
            cut_off: RefCell::default(),
        }
    }

    /// The servers of `key` in order: home, the next, the last.
    fn order(&self, key: &str) -> [ServerId; 3] {
        let order = self.table.pools[0].distribution.order(key.as_bytes());
        [0, 1, 2].map(|idx| ServerId(order[idx].0))
    }

    fn route(&mut self, key: &str, effect: Effect) -> Routed {
        let cut_off = &self.cut_off;
        let can_send = |server| !cut_off.borrow().contains(&server);
        let pool = self.table.pool(POOL);
        let (table, key) = (&self.table, key.as_bytes());
        let route = KeyRoute { table, pool, key, effect, can_send: &can_send };
        self.recovery.route(self.now, &route)
    }

    /// Where a read goes.
    fn read(&mut self, key: &str) -> Option<ServerId> {
        match self.route(key, Effect::Reads) {
            Routed::To { server, mark, .. } => {
                assert_eq!(mark, None, "a read is never marked");
                Some(server)
            }
            Routed::Nowhere(_) => None,
            Routed::Remembered => panic!("a read is nothing to remember"),
        }
    }

    /// Sends a write, and returns where and with which mark.
    #[track_caller]
    fn send(&mut self, key: &str, effect: Effect) -> (ServerId, Option<Generation>) {
        match self.route(key, effect) {
            Routed::To { server, mark, .. } => (server, mark),
            other => panic!("{key} goes nowhere: {other:?}"),
        }
    }

    /// A write that is answered at once.
    #[track_caller]
    fn write(&mut self, key: &str) -> ServerId {
        let (server, mark) = self.send(key, Effect::Writes);
        if mark.is_some() {
            self.settle(key, server, mark, Fate::Known);
        }
        server
    }

    fn settle(&mut self, key: &str, server: ServerId, mark: Option<Generation>, fate: Fate) {
        let key = key.as_bytes();
        self.recovery.settle(self.now, &Ended { key, server, mark, fate });
    }

    fn use_server(&mut self, server: ServerId, usable: Usable) {
        self.table.servers[usize::from(server.0)].usable = usable;
    }

    fn eject(&mut self, server: ServerId) {
        self.use_server(server, Usable::No);
    }

    fn readmit(&mut self, server: ServerId) {
        self.use_server(server, Usable::Yes);
    }

    /// The first server leaves the pool.
    fn leave_first(&mut self) {
        let pool = &mut self.table.pools[0];
        let (distribution, servers) = (Arc::clone(&pool.distribution), pool.servers.clone());
        pool.former = Arc::new(pool.former.with(Layout { distribution, servers }));
        pool.distribution = distribution_of(2..=3);
        pool.servers.remove(0);
        self.eject(ServerId(0));
        self.recovery.hand_over(POOL, Arc::new(self.table.clone()));
        self.recovery.handle_left(ServerId(0));
        self.recovery.end_handover(self.now);
    }

    fn advance_ms(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
    }

    fn poll(&mut self) -> Vec<Cleaning> {
        let mut steps = Vec::new();
        self.recovery.poll_cleaning(self.now, POOL, &self.table, 100, &mut steps);
        steps
    }

    /// Takes every step there is until there are none; returns where each was taken.
    fn clean(&mut self) -> Vec<ServerId> {
        let mut servers = Vec::new();
        for _ in 0..10 {
            let steps = self.poll();
            for step in &steps {
                self.recovery.handle_cleaned(self.now, step, Taken::Done);
            }
            servers.extend(steps.iter().map(|step| step.server));
        }
        servers
    }

    fn canary(&mut self, server: ServerId) {
        self.recovery.handle_good_canary(self.now, server, self.now);
    }
}

fn distribution_of(numbers: std::ops::RangeInclusive<u16>) -> Arc<Distribution> {
    let members: Vec<_> = numbers.map(|number| Member::new("10.0.0.1", number)).collect();
    Arc::new(Distribution::new(&Settings::new(Scheme::Ketama), &members).unwrap())
}

fn table() -> RoutingTable {
    let pool = PoolRoutes {
        distribution: distribution_of(1..=3),
        servers: (0..3).map(ServerId).collect(),
        failover: Substitute::Next,
        on_unavailable: OnUnavailable::Miss,
        deadline: Duration::from_millis(350),
        failover_ttl: Duration::from_mins(1),
        former: Arc::default(),
    };
    let settings = ConnectionSettings {
        timeout: Duration::from_millis(250),
        connect_timeout: Duration::from_millis(250),
        attempts_in_flight_max: 10,
    };
    let server = ServerRoute::in_use(settings, 1);
    RoutingTable { pools: vec![pool], servers: vec![server; 3] }
}

// Route and mark.

#[test]
fn without_failures_nothing_is_marked() {
    let mut rig = Rig::new();
    let [home, ..] = rig.order("k");
    for effect in [Effect::Writes, Effect::Changes, Effect::Deletes] {
        assert_eq!(rig.send("k", effect), (home, None));
    }
    assert_eq!(rig.read("k"), Some(home));
    assert!(rig.recovery.is_clear());
}

#[test]
fn a_diverted_write_is_read_where_it_went_although_home_is_back() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    rig.eject(home);
    assert_eq!(rig.write("k"), next);
    rig.readmit(home);
    assert_eq!(rig.read("k"), Some(next));
    assert_eq!(rig.read("other"), Some(rig.order("other")[0]));
}

#[test]
fn a_mark_is_made_before_the_write_is_answered() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    rig.eject(home);
    let (server, mark) = rig.send("k", Effect::Writes);
    assert!(server == next && mark.is_some());
    rig.readmit(home);
    assert_eq!(rig.read("k"), Some(next));
}

#[test]
fn a_diverted_read_leaves_nothing_behind() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    rig.eject(home);
    assert_eq!(rig.read("k"), Some(next));
    assert!(rig.recovery.is_clear());
}

#[test]
fn a_holder_that_cannot_be_used_makes_reads_misses() {
    let mut rig = Rig::new();
    let [home, next, last] = rig.order("k");
    rig.eject(home);
    rig.write("k");
    rig.eject(next);
    rig.readmit(home);
    assert_eq!(rig.route("k", Effect::Reads), Routed::Nowhere(Failure::Misplaced));
    // Home is stale, so the next write goes to the third.
    assert_eq!(rig.write("k"), last);
    rig.readmit(next);
    assert_eq!(rig.read("k"), Some(last), "the former holder is stale");
}

#[test]
fn a_worker_that_cannot_send_home_marks_although_the_table_has_it() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    rig.cut_off.borrow_mut().push(home);
    assert_eq!(rig.write("k"), next);
    rig.cut_off.borrow_mut().clear();
    assert_eq!(rig.read("k"), Some(next));
}

#[test]
fn a_second_writer_whose_table_lags_goes_to_the_holder() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    rig.eject(home);
    rig.write("k");
    // The table of the second still has home.
    rig.readmit(home);
    assert_eq!(rig.write("k"), next);
}

#[test]
fn a_write_goes_home_when_home_is_clean_and_a_change_goes_to_the_value() {
    let cleaned_at_home = || {
        let mut rig = Rig::new();
        let order = rig.order("k");
        rig.eject(order[0]);
        rig.write("k");
        rig.readmit(order[0]);
        for step in rig.poll() {
            rig.recovery.handle_cleaned(rig.now, &step, Taken::Done);
        }
        (rig, order)
    };
    let (mut rig, [home, ..]) = cleaned_at_home();
    assert_eq!(rig.write("k"), home);
    assert_eq!(rig.read("k"), Some(home));
    let (mut rig, [_, next, _]) = cleaned_at_home();
    assert_eq!(rig.send("k", Effect::Changes).0, next, "an `add` must meet the lock");
    assert_eq!(rig.read("k"), Some(next));
}

#[test]
fn a_server_that_refuses_writes_loses_those_and_keeps_other_keys_reads() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    rig.table.servers[usize::from(home.0)].takes_writes = false;
    assert_eq!(rig.read("k"), Some(home));
    assert_eq!(rig.write("k"), next);
    assert_eq!(rig.clean(), vec![home], "what is old there is deleted, and the key stays away");
    assert_eq!(rig.read("k"), Some(next));
    rig.table.servers[usize::from(home.0)].takes_writes = true;
    assert_eq!(rig.clean(), vec![next]);
    assert_eq!(rig.read("k"), Some(home));
    assert!(rig.recovery.is_clear());
}

// Unknown fates.

#[test]
fn a_write_without_an_answer_makes_its_key_a_miss() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    let (server, mark) = rig.send("k", Effect::Writes);
    rig.settle("k", server, mark, Fate::Lost);
    assert_eq!(rig.route("k", Effect::Reads), Routed::Nowhere(Failure::Misplaced));
    assert_eq!((server, rig.write("k")), (home, next), "it may be tried elsewhere");
    assert_eq!(rig.read("k"), Some(next));
}

#[test]
fn a_holder_with_a_write_without_an_answer_is_no_holder() {
    let mut rig = Rig::new();
    let [home, next, last] = rig.order("k");
    rig.eject(home);
    rig.write("k");
    let (server, mark) = rig.send("k", Effect::Changes);
    rig.settle("k", server, mark, Fate::Late);
    assert_eq!((server, rig.read("k")), (next, None));
    assert_eq!(rig.write("k"), last);
}

#[test]
fn a_write_home_that_fails_after_another_was_diverted_makes_home_stale_again() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    let (_, unmarked) = rig.send("k", Effect::Writes);
    rig.eject(home);
    rig.write("k");
    rig.readmit(home);
    let steps = rig.poll();
    rig.settle("k", home, unmarked, Fate::Lost);
    for step in &steps {
        rig.recovery.handle_cleaned(rig.now, step, Taken::Done);
    }
    assert_eq!(rig.poll(), Vec::new(), "it may still be applied");
    assert_eq!(rig.read("k"), Some(next));
    assert_eq!(rig.write("k"), next);
}

// Deletes, and modes.

#[test]
fn a_delete_that_no_server_can_take_is_remembered() {
    let mut rig = Rig::new();
    let order = rig.order("k");
    for server in order {
        rig.eject(server);
    }
    assert_eq!(rig.route("k", Effect::Deletes), Routed::Remembered);
    assert_eq!(rig.route("k", Effect::Writes), Routed::Nowhere(Failure::Misplaced));
    for server in order {
        rig.readmit(server);
    }
    assert_eq!(rig.read("k"), None);
    assert_eq!(rig.clean(), vec![order[0]]);
    assert_eq!(rig.read("k"), Some(order[0]));
}

#[test]
fn without_failover_a_key_waits_for_home_and_a_delete_reaches_it_first() {
    let mut rig = Rig::new();
    rig.table.pools[0].failover = Substitute::None;
    let [home, ..] = rig.order("k");
    rig.eject(home);
    assert_eq!(rig.route("k", Effect::Writes), Routed::Nowhere(Failure::NoServer));
    assert_eq!(rig.route("k", Effect::Deletes), Routed::Remembered);
    rig.readmit(home);
    assert_eq!(rig.read("k"), None);
    assert_eq!(rig.clean(), vec![home]);
    assert_eq!(rig.write("k"), home);
    assert!(rig.recovery.is_clear());
}

#[test]
fn a_server_that_is_trusted_may_be_stale() {
    let mut rig = Rig::with(RecoverySettings { rejoin: Rejoin::Trust, ..SETTINGS });
    let [home, next, _] = rig.order("k");
    rig.eject(home);
    assert_eq!(rig.send("k", Effect::Writes), (next, None));
    rig.readmit(home);
    assert_eq!(rig.read("k"), Some(home));
    assert!(rig.recovery.is_clear());
}

#[test]
fn an_answer_from_a_stale_server_takes_the_holder_away_and_makes_it_stale() {
    let mut rig = Rig::new();
    let [home, next, _] = rig.order("k");
    let (_, unmarked) = rig.send("k", Effect::Writes);
    rig.eject(home);
    rig.write("k");
    rig.settle("k", home, unmarked, Fate::Known);
    assert_eq!(rig.read("k"), None, "either may be the last");
    rig.readmit(home);
    let mut cleaned = rig.clean();
    cleaned.sort();
    let mut both = vec![home, next];
    both.sort();
    assert_eq!(cleaned, both);
    assert!(rig.recovery.is_clear());
}
