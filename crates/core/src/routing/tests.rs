//! Where a request goes by a table and by what its caller can send to. One behaviour a test.

use super::*;
use crate::distribution::{Member, Scheme, Settings};

const POOL: PoolId = PoolId(1);

/// Two pools over four servers; the second has its members in another order than the servers.
fn table(failover: Substitute) -> RoutingTable {
    let members: Vec<_> = (1..=3).map(|number| Member::new("10.0.0.1", number)).collect();
    let pool = |servers: [u16; 3]| PoolRoutes {
        distribution: Arc::new(
            Distribution::new(&Settings::new(Scheme::Ketama), &members).unwrap(),
        ),
        servers: servers.map(ServerId).to_vec(),
        failover,
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
    RoutingTable { pools: vec![pool([0, 1, 2]), pool([3, 2, 1])], servers: vec![server; 4] }
}

/// The servers for `key` in the order they are to be tried.
fn order(table: &RoutingTable, key: &[u8]) -> Vec<ServerId> {
    let pool = table.pool(POOL);
    let members = pool.distribution.order(key);
    members.iter().map(|member| pool.servers[member.as_usize()]).collect()
}

fn keys() -> impl Iterator<Item = Vec<u8>> {
    (0..100).map(|number| format!("key:{number}").into_bytes())
}

#[test]
fn a_key_goes_home_while_all_is_well() {
    let table = table(Substitute::Next);
    for key in keys() {
        let home = order(&table, &key)[0];
        let planned = table.plan(POOL, &key, Effect::Reads, |_| true);
        assert_eq!(planned, Some(Planned { server: home, is_home: true }));
    }
}

#[test]
fn a_key_whose_home_cannot_be_used_goes_to_the_next_in_its_order() {
    for key in keys() {
        let mut table = table(Substitute::Next);
        let order = order(&table, &key);
        table.servers[usize::from(order[0].0)].usable = Usable::No;
        let planned = table.plan(POOL, &key, Effect::Reads, |_| true);
        assert_eq!(planned, Some(Planned { server: order[1], is_home: false }));
        // By the table or by the caller's own connection: it makes no difference.
        let planned = table.plan(POOL, &key, Effect::Reads, |server| server != order[1]);
        assert_eq!(planned, Some(Planned { server: order[2], is_home: false }));
        assert_eq!(table.plan(POOL, &key, Effect::Reads, |server| server == order[0]), None);
    }
}

#[test]
fn a_server_that_cannot_be_used_moves_no_other_key() {
    let mut table = table(Substitute::Next);
    table.servers[2].usable = Usable::No;
    for key in keys() {
        let home = order(&table, &key)[0];
        if home != ServerId(2) {
            let planned = table.plan(POOL, &key, Effect::Reads, |_| true);
            assert_eq!(planned, Some(Planned { server: home, is_home: true }));
        }
    }
}

#[test]
fn without_failover_it_is_home_or_nothing() {
    let table = table(Substitute::None);
    for key in keys() {
        let home = order(&table, &key)[0];
        let planned = table.plan(POOL, &key, Effect::Reads, |server| server == home);
        assert_eq!(planned, Some(Planned { server: home, is_home: true }));
        assert_eq!(table.plan(POOL, &key, Effect::Reads, |server| server != home), None);
    }
}

#[test]
fn a_pool_uses_its_own_servers_only() {
    let table = table(Substitute::Next);
    for key in keys() {
        let planned = table.plan(POOL, &key, Effect::Reads, |server| server == ServerId(0));
        assert_eq!(planned, None, "server 0 is of the other pool");
    }
}

#[test]
fn a_server_that_the_table_rules_out_is_not_asked_about() {
    let mut table = table(Substitute::Next);
    table.servers[1].usable = Usable::No;
    for key in keys() {
        table.plan(POOL, &key, Effect::Reads, |server| {
            assert_ne!(server, ServerId(1));
            true
        });
    }
}

#[test]
fn a_share_holds_its_part_of_the_keys_and_a_larger_one_holds_them_too() {
    let keys: Vec<_> = (0..10_000).map(|number| format!("user:{number}").into_bytes()).collect();
    let held = |percent| keys.iter().filter(move |key| Share::percent(percent).holds(key));
    for percent in [0, 10, 50, 90] {
        let len = held(percent).count();
        assert!(len.abs_diff(keys.len() * percent as usize / 100) < 200, "{len} at {percent} %");
        assert!(held(percent).all(|key| Share::percent(percent + 10).holds(key)));
    }
}

#[test]
fn a_server_that_is_coming_back_is_used_for_its_share_only() {
    let mut table = table(Substitute::Next);
    for key in keys() {
        let order = order(&table, &key);
        table.servers[usize::from(order[0].0)].usable = Usable::Share(Share::percent(50));
        let planned = table.plan(POOL, &key, Effect::Reads, |_| true).unwrap();
        assert_eq!(planned.is_home, Share::percent(50).holds(&key));
        table.servers[usize::from(order[0].0)].usable = Usable::Yes;
    }
}

#[test]
fn a_server_that_refuses_writes_still_gets_reads_and_deletes() {
    let mut table = table(Substitute::Next);
    let key = b"key";
    let order = order(&table, key);
    table.servers[usize::from(order[0].0)].takes_writes = false;
    let server = |effect| table.plan(POOL, key, effect, |_| true).unwrap().server;
    assert_eq!(server(Effect::Reads), order[0]);
    assert_eq!(server(Effect::Deletes), order[0]);
    assert_eq!(server(Effect::Writes), order[1]);
}

#[test]
fn a_key_whose_home_cannot_be_used_goes_to_the_gutter() {
    let mut table = table(Substitute::Gutter(PoolId(0)));
    table.pools[1].servers = vec![ServerId(3), ServerId(4), ServerId(5)];
    table.servers.resize(6, table.servers[0]);
    for key in keys() {
        let home = order(&table, &key)[0];
        let planned =
            |can_send: &dyn Fn(ServerId) -> bool| table.plan(POOL, &key, Effect::Reads, can_send);
        assert_eq!(planned(&|_| true), Some(Planned { server: home, is_home: true }));
        let spare = table.pools[0].distribution.order(&key);
        let [first, second] = [spare[0].0, spare[1].0].map(ServerId);
        let away = planned(&|server| server != home);
        assert_eq!(away, Some(Planned { server: first, is_home: false }));
        let away = planned(&|server| server != home && server != first);
        assert_eq!(away, Some(Planned { server: second, is_home: false }));
        assert_eq!(planned(&|server| server.0 > 2 && server != home), None);
    }
}

#[test]
fn a_key_outside_every_share_is_served_all_the_same() {
    let mut table = table(Substitute::Next);
    for server in &mut table.servers {
        server.usable = Usable::Share(Share::percent(10));
    }
    for key in keys() {
        let home = order(&table, &key)[0];
        let planned = table.plan(POOL, &key, Effect::Reads, |_| true).unwrap();
        assert_eq!(planned, Planned { server: home, is_home: true });
    }
}

// Former layouts.

/// A layout of so many servers, of which the first has the number `first`.
fn layout(first: u16, servers_len: u16) -> Layout {
    let servers = (first..first + servers_len).map(ServerId).collect();
    let members: Vec<_> = (0..servers_len).map(|it| Member::new("10.0.0.1", it + 1)).collect();
    let distribution = Distribution::new(&Settings::new(Scheme::Ketama), &members).unwrap();
    Layout { distribution: Arc::new(distribution), servers }
}

#[test]
fn a_layout_that_comes_again_is_kept_once() {
    let mut former = Former::default();
    for _ in 0..=FORMER_LAYOUTS_MAX {
        former = former.with(layout(0, 2)).with(layout(0, 3));
    }
    assert_eq!((former.layouts.len(), former.is_incomplete()), (2, false));
}

#[test]
fn past_as_many_layouts_as_are_kept_every_server_may_have_been_a_home() {
    let max = u16::try_from(FORMER_LAYOUTS_MAX).unwrap();
    let of = |len| (0..len).fold(Former::default(), |former, first| former.with(layout(first, 1)));
    let full = of(max);
    assert!(!full.is_incomplete() && full.has(b"k", ServerId(0)));
    assert!(!full.has(b"k", ServerId(max)));
    let over = of(max + 1);
    assert!(over.is_incomplete() && over.has(b"k", ServerId(max + 7)));
}
