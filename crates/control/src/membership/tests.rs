//! Who stays, joins and leaves.

use super::*;

fn pool(name: &str, servers: &[&str]) -> PoolConfig {
    let server = |address: &&str| ServerConfig::new(address.parse().expect("an address"));
    PoolConfig::new(name.parse().expect("a name"), servers.iter().map(server).collect())
}

/// Who is there and where keys belong, after each of these configurations in turn.
fn after(configs: &[&[PoolConfig]]) -> (Plan, RoutingTable) {
    let mut table = RoutingTable { pools: Vec::new(), servers: Vec::new() };
    let mut directory = Directory::default();
    let mut last = None;
    for pools in configs {
        let plan = Plan::new(&directory, &table, pools, BTreeSet::new()).expect("it has no faults");
        table = plan.completed(&plan.prepared(&table));
        directory = plan.directory.clone();
        last = Some(plan);
    }
    (last.expect("there is one"), table)
}

fn ids(ids: &[u16]) -> Vec<ServerId> {
    ids.iter().copied().map(ServerId).collect()
}

#[test]
fn the_first_configuration_is_a_plan_for_nobody() {
    let (plan, table) = after(&[&[pool("main", &["a", "b"]), pool("spare", &["c"])]]);
    assert_eq!(plan.joined, ids(&[0, 1, 2]));
    assert_eq!((plan.left.len(), plan.moved.len()), (0, 0));
    assert_eq!(plan.new_pools, [PoolId(0), PoolId(1)]);
    assert_eq!((table.servers.len(), &table.pools[1].servers), (3, &ids(&[2])));
    assert!(table.servers.iter().all(ServerRoute::is_wanted));
}

#[test]
fn a_configuration_that_says_the_same_moves_nobody() {
    let config = [pool("main", &["a", "b"])];
    let (plan, table) = after(&[&config, &config]);
    let moved = (plan.joined.len(), plan.left.len(), plan.moved.len(), plan.new_pools.len());
    assert_eq!(moved, (0, 0, 0, 0));
    assert!(table.pools[0].former.is_empty());
}

#[test]
fn one_server_more_keeps_the_others_ids_and_what_is_known_of_them() {
    let (before, _) = after(&[&[pool("main", &["a", "b"])]]);
    let (plan, table) = after(&[&[pool("main", &["a", "b"])], &[pool("main", &["c", "a", "b"])]]);
    assert_eq!((&plan.joined, plan.left.len()), (&ids(&[2]), 0));
    assert_eq!(plan.moved, [PoolId(0)]);
    assert_eq!(table.pools[0].servers, ids(&[2, 0, 1]));
    assert!(!table.pools[0].former.is_empty());
    assert_eq!(
        before.directory.server(ServerId(0)).names,
        plan.directory.server(ServerId(0)).names
    );
}

#[test]
fn until_it_is_completed_a_prepared_table_leaves_keys_where_they_belong() {
    let mut table = RoutingTable { pools: Vec::new(), servers: Vec::new() };
    let first = [pool("main", &["a", "b"])];
    let plan = Plan::new(&Directory::default(), &table, &first, BTreeSet::new()).unwrap();
    table = plan.completed(&plan.prepared(&table));
    let next = [pool("main", &["b", "c"]), pool("other", &["d"])];
    let plan = Plan::new(&plan.directory, &table, &next, BTreeSet::new()).unwrap();
    let prepared = plan.prepared(&table);
    assert_eq!(prepared.pools[0].servers, ids(&[0, 1]));
    assert_eq!(prepared.pools[1].servers, ids(&[3]));
    assert!(prepared.servers.iter().all(|it| it.is_wanted() && !it.has_left));
    let completed = plan.completed(&prepared);
    assert_eq!(completed.pools[0].servers, ids(&[1, 2]));
    assert!(completed.servers[0].has_left && !completed.servers[0].is_wanted());
}

#[test]
fn a_server_that_comes_back_has_its_id_again_and_has_joined() {
    let (two, one) = ([pool("main", &["a", "b"])], [pool("main", &["a"])]);
    let (plan, table) = after(&[&two, &one]);
    assert_eq!(plan.left, ids(&[1]));
    assert!(plan.directory.server(ServerId(1)).has_left && table.servers[1].has_left);
    let (plan, table) = after(&[&two, &one, &two]);
    assert_eq!(plan.joined, ids(&[1]));
    assert!(!plan.directory.server(ServerId(1)).has_left && table.servers[1].is_wanted());
}

#[test]
fn the_same_address_in_another_pool_is_another_server() {
    let (plan, _) = after(&[&[pool("main", &["a", "b"])], &[pool("other", &["a", "b"])]]);
    assert_eq!((&plan.joined, &plan.left), (&ids(&[2, 3]), &ids(&[0, 1])));
    assert!(plan.directory.pool(PoolId(0)).has_left);
    assert_eq!(plan.directory.pool_named("main"), None);
    assert_eq!(plan.directory.present_servers().count(), 2);
}

#[test]
fn an_id_that_nobody_speaks_of_is_given_to_the_next_who_joins() {
    let (two, one) = ([pool("main", &["a", "b"])], [pool("main", &["a"])]);
    let (plan, table) = after(&[&two, &one]);
    let next = [pool("main", &["a", "c"])];
    let spare = BTreeSet::from([ServerId(1)]);
    let plan = Plan::new(&plan.directory, &table, &next, spare).unwrap();
    assert_eq!(plan.joined, ids(&[1]));
    assert_eq!(plan.directory.server(ServerId(1)).names.server, "c:11211");
    assert!(plan.prepared(&table).servers[1].is_wanted());
}

#[test]
fn an_id_is_not_given_away_that_another_in_the_same_configuration_comes_back_to() {
    let (two, one) = ([pool("main", &["a", "b"])], [pool("main", &["a"])]);
    let (plan, table) = after(&[&two, &one]);
    let next = [pool("main", &["a", "c", "b"])];
    let spare = BTreeSet::from([ServerId(1)]);
    let plan = Plan::new(&plan.directory, &table, &next, spare).unwrap();
    assert_eq!(plan.joined, ids(&[2, 1]));
    assert_eq!(plan.directory.server(ServerId(1)).names.server, "b:11211");
    assert_eq!(plan.directory.server(ServerId(2)).names.server, "c:11211");
}

#[test]
fn new_settings_reach_the_connections_of_servers_that_stay() {
    let mut slower = pool("main", &["a"]);
    slower.timeout = std::time::Duration::from_secs(3);
    let (plan, table) = after(&[&[pool("main", &["a"])], &[slower]]);
    assert_eq!(table.servers[0].settings.timeout.as_secs(), 3);
    assert!(plan.moved.is_empty());
}

#[test]
fn keys_that_come_back_to_a_former_home_are_noticed() {
    let (two, three) = ([pool("main", &["a", "b"])], [pool("main", &["a", "b", "c"])]);
    let (_, table) = after(&[&two, &three]);
    assert!(table.pools[0].regained().is_empty());
    let (_, table) = after(&[&two, &three, &two]);
    assert_eq!(table.pools[0].regained(), BTreeSet::from([ServerId(0), ServerId(1)]));
    let (_, table) = after(&[&three, &two]);
    assert!(table.pools[0].regained().is_empty(), "what leaves for good gives nothing back");
    // Only keys with a tag are placed otherwise, which no number has.
    let mut tagged = two.clone();
    let tag = "{}".parse().expect("a tag");
    tagged[0].distribution = tagged[0].distribution.clone().with_hash_tag(tag);
    let (_, table) = after(&[&tagged, &two]);
    assert!(table.pools[0].regained().is_empty());
    let (_, table) = after(&[&tagged, &two, &tagged]);
    assert_eq!(table.pools[0].regained(), BTreeSet::from([ServerId(0), ServerId(1)]));
}
