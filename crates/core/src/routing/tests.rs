//! Where a request goes by a table and by what its caller can send to. One behaviour a test.

use super::*;
use crate::distribution::{Member, Scheme, Settings};

const POOL: PoolId = PoolId(1);

/// Two pools over four servers; the second has its members in another order than the servers.
fn table(failover: Failover) -> RoutingTable {
    let members: Vec<_> = (1..=3).map(|number| Member::new("10.0.0.1", number)).collect();
    let pool = |servers: [u16; 3]| PoolRoutes {
        distribution: Arc::new(Distribution::new(Settings::new(Scheme::Ketama), &members).unwrap()),
        servers: servers.map(ServerId).to_vec(),
        failover,
        on_unavailable: OnUnavailable::Miss,
        deadline: Duration::from_millis(350),
    };
    let settings = ConnectionSettings {
        timeout: Duration::from_millis(250),
        connect_timeout: Duration::from_millis(250),
        attempts_in_flight_max: 10,
    };
    let server = ServerRoute { is_usable: true, settings };
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
    let table = table(Failover::Next);
    for key in keys() {
        let home = order(&table, &key)[0];
        let planned = table.plan(POOL, &key, |_| true);
        assert_eq!(planned, Some(Planned { server: home, is_home: true }));
    }
}

#[test]
fn a_key_whose_home_cannot_be_used_goes_to_the_next_in_its_order() {
    for key in keys() {
        let mut table = table(Failover::Next);
        let order = order(&table, &key);
        table.servers[usize::from(order[0].0)].is_usable = false;
        let planned = table.plan(POOL, &key, |_| true);
        assert_eq!(planned, Some(Planned { server: order[1], is_home: false }));
        // By the table or by the caller's own connection: it makes no difference.
        let planned = table.plan(POOL, &key, |server| server != order[1]);
        assert_eq!(planned, Some(Planned { server: order[2], is_home: false }));
        assert_eq!(table.plan(POOL, &key, |server| server == order[0]), None);
    }
}

#[test]
fn a_server_that_cannot_be_used_moves_no_other_key() {
    let mut table = table(Failover::Next);
    table.servers[2].is_usable = false;
    for key in keys() {
        let home = order(&table, &key)[0];
        if home != ServerId(2) {
            let planned = table.plan(POOL, &key, |_| true);
            assert_eq!(planned, Some(Planned { server: home, is_home: true }));
        }
    }
}

#[test]
fn without_failover_it_is_home_or_nothing() {
    let table = table(Failover::None);
    for key in keys() {
        let home = order(&table, &key)[0];
        let planned = table.plan(POOL, &key, |server| server == home);
        assert_eq!(planned, Some(Planned { server: home, is_home: true }));
        assert_eq!(table.plan(POOL, &key, |server| server != home), None);
    }
}

#[test]
fn a_pool_uses_its_own_servers_only() {
    let table = table(Failover::Next);
    for key in keys() {
        let planned = table.plan(POOL, &key, |server| server == ServerId(0));
        assert_eq!(planned, None, "server 0 is of the other pool");
    }
}

#[test]
fn a_server_that_the_table_rules_out_is_not_asked_about() {
    let mut table = table(Failover::Next);
    table.servers[1].is_usable = false;
    for key in keys() {
        table.plan(POOL, &key, |server| {
            assert_ne!(server, ServerId(1));
            true
        });
    }
}
