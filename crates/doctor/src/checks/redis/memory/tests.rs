use super::super::sample::{Sample, findings};
use crate::check::Severity::{Critical, Note, Warning};
use crate::facts::{KeySample, RedisClient};

fn used(percent: u64) -> String {
    let bytes = 1_073_741_824 * percent / 100;
    format!("used_memory:{bytes}\nused_memory_rss:{bytes}")
}

#[test]
fn a_full_server_that_may_not_evict_is_told_before_it_refuses() {
    let server = |percent| Sample::cache().info("maxmemory_policy:noeviction").info(&used(percent));
    server(80).gives(&[("redis-memory-policy", Note)]);
    server(81).gives(&[("redis-memory-full", Warning)]);
    server(95).gives(&[("redis-memory-full", Warning)]);
    server(96).gives(&[("redis-memory-full", Critical)]);
}

#[test]
fn a_full_server_that_evicts_is_well() {
    Sample::cache().info(&used(100)).gives(&[]);
}

#[test]
fn a_volatile_policy_evicts_nothing_if_no_key_expires() {
    let server = Sample::cache().info("maxmemory_policy:volatile-lru").info(&used(90));
    server.clone().info("db0:keys=9,expires=0,avg_ttl=0").gives(&[("redis-memory-full", Warning)]);
    server.info("db0:keys=9,expires=0,avg_ttl=0\ndb3:keys=5,expires=1,avg_ttl=9").gives(&[]);
}

#[test]
fn what_a_replica_leaves_to_its_primary_is_not_judged() {
    let server = Sample::cache().info("maxmemory_policy:noeviction").info(&used(99));
    server.info("role:slave\nmaster_link_status:up").gives(&[("redis-replica-read-only", Note)]);
}

#[test]
fn buffers_for_replicas_do_not_count_towards_the_limit() {
    let server = Sample::cache().info("maxmemory_policy:noeviction").info(&used(90));
    server.info("mem_not_counted_for_evict:214748364").gives(&[("redis-memory-policy", Note)]);
}

#[test]
fn the_change_says_what_it_undoes_and_how_it_lasts() {
    let server = Sample::cache()
        .info("maxmemory_policy:noeviction\nconfig_file:/etc/redis/redis.conf")
        .info(&used(96))
        .config("maxmemory-policy noeviction");
    let found = findings(server.facts());
    let change = found[0].change.as_ref().unwrap();
    assert_eq!(change.command, ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    let undo = "redis-cli -h 127.0.0.1 -p 6380 CONFIG SET maxmemory-policy noeviction";
    assert_eq!(change.undo.as_deref(), Some(undo));
    let lasting = "redis-cli -h 127.0.0.1 -p 6380 CONFIG REWRITE";
    assert_eq!(change.lasting.as_deref(), Some(lasting));
}

#[test]
fn without_a_file_nothing_can_be_rewritten() {
    let server =
        Sample::cache().info("maxmemory_policy:noeviction").config("maxmemory-policy noeviction");
    let change = findings(server.facts())[0].change.clone().unwrap();
    assert!(change.lasting.unwrap().contains("`--maxmemory-policy allkeys-lru`"));
}

#[test]
fn a_refused_write_is_critical_and_one_of_the_past_a_note() {
    let refused = "OOM command not allowed when used memory > 'maxmemory'.";
    Sample::cache().refuses(refused).gives(&[("redis-memory-refused", Critical)]);
    let grew = Sample::cache().before("errorstat_OOM:count=1").now("errorstat_OOM:count=2");
    grew.gives(&[("redis-memory-refused", Critical)]);
    let first_ones = Sample::cache().now("errorstat_OOM:count=2");
    first_ones.gives(&[("redis-memory-refused", Critical)]);
    let past = Sample::cache().info("errorstat_OOM:count=2");
    past.gives(&[("redis-memory-refused", Note)]);
}

#[test]
fn a_full_server_that_refuses_writes_is_told_once_with_what_helps() {
    let full = Sample::cache().info("maxmemory_policy:noeviction").info(&used(100));
    let full = full.config("maxmemory-policy noeviction");
    full.clone().gives(&[("redis-memory-full", Critical)]);
    let refusing = full.refuses("OOM command not allowed when used memory > 'maxmemory'.");
    refusing.clone().gives(&[("redis-memory-refused", Critical)]);
    let change = findings(refusing.facts())[0].change.clone().unwrap();
    assert_eq!(change.command, ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
}

#[test]
fn a_limit_that_is_advised_is_no_less_than_what_is_used() {
    let limit = |used: u64| {
        let used = format!("maxmemory:0\nused_memory:{used}\nused_memory_rss:{used}");
        let server = Sample::cache().info(&used);
        findings(server.facts())[0].remedies[0].commands[0].clone()
    };
    // Three quarters of 25,276,510,208 bytes.
    assert!(limit(1 << 20).ends_with("CONFIG SET maxmemory 18080mb"), "{}", limit(1 << 20));
    assert!(limit(20_000 << 20).ends_with("CONFIG SET maxmemory 20000mb"));
}

#[test]
fn a_server_without_limit_is_measured_by_its_machine() {
    let server = |percent: u64| {
        let rss = format!("used_memory_rss:{}", 25_276_510_208 * percent / 100);
        Sample::cache().info("maxmemory:0").info(&rss)
    };
    server(80).gives(&[("redis-memory-unlimited", Note)]);
    server(81).gives(&[("redis-memory-unlimited", Warning)]);
    server(96).gives(&[("redis-memory-unlimited", Critical)]);
    let unknown = server(96).info("total_system_memory:0");
    unknown.gives(&[("redis-memory-unlimited", Note)]);
}

#[test]
fn evictions_matter_when_they_replace_everything_soon() {
    let server = |keys: u32, evicted: u32| {
        let keys = format!("db0:keys={keys},expires=0,avg_ttl=0");
        Sample::cache().info(&keys).before("evicted_keys:0").now(&format!("evicted_keys:{evicted}"))
    };
    server(100, 99).gives(&[]);
    server(14_999, 100).gives(&[("redis-memory-evicting", Warning)]);
    server(15_000, 100).gives(&[("redis-memory-evicting", Note)]);
}

#[test]
fn keys_that_never_expire_matter_by_policy() {
    let keys = |looked_at, without_expiry| KeySample {
        looked_at,
        without_expiry,
        examples: vec!["user:1".to_owned()],
    };
    let policy = |policy: &str, percent| {
        let sample = Sample::cache().info(&format!("maxmemory_policy:{policy}"));
        sample.info(&used(percent)).info("db0:keys=200,expires=50,avg_ttl=9")
    };
    let with = |sample: Sample, keys| sample.with(|it| it.keys = Some(keys));
    with(policy("volatile-lru", 10), keys(99, 99)).gives(&[]);
    with(policy("volatile-lru", 10), keys(100, 50)).gives(&[]);
    with(policy("volatile-lru", 10), keys(100, 51)).gives(&[("redis-memory-expiry", Note)]);
    with(policy("volatile-lru", 81), keys(100, 51)).gives(&[("redis-memory-expiry", Warning)]);
    with(policy("volatile-lru", 96), keys(100, 51)).gives(&[("redis-memory-expiry", Critical)]);
    with(policy("allkeys-lru", 96), keys(100, 100)).gives(&[]);
    let full = [("redis-memory-full", Critical), ("redis-memory-expiry", Note)];
    with(policy("noeviction", 96), keys(100, 100)).gives(&full);
}

#[test]
fn fragmentation_counts_where_it_wastes_much() {
    let server = |ratio: &str, bytes: u64| {
        let text = format!("mem_fragmentation_ratio:{ratio}\nmem_fragmentation_bytes:{bytes}");
        Sample::cache().info(&text)
    };
    server("7.44", 100 << 20).gives(&[]);
    server("1.50", 1 << 30).gives(&[]);
    server("1.51", (100 << 20) + 1).gives(&[("redis-memory-fragmentation", Warning)]);
}

#[test]
fn memory_that_is_not_in_ram_counts_where_it_is_large() {
    let server = |used: u64, rss: u64| {
        let text = format!("used_memory:{used}\nused_memory_rss:{rss}\nmaxmemory:99999999999");
        Sample::cache().info(&text)
    };
    server((1 << 30) - 1, 1 << 20).gives(&[]);
    server(1 << 30, (1 << 30) * 8 / 10 + 1).gives(&[]);
    server(1 << 30, (1 << 30) * 7 / 10).gives(&[("redis-memory-swapped", Warning)]);
    // Memory of a backlog that has not been filled was never touched, nor swapped out.
    let backlog = "mem_replication_backlog:536870912";
    server(3 << 29, 1 << 30).info(backlog).gives(&[]);
    server(3 << 29, 1 << 30).gives(&[("redis-memory-swapped", Warning)]);
}

#[test]
fn buffers_of_clients_are_told_with_the_greatest() {
    let client = |address: &str, output_bytes| RedisClient {
        address: address.to_owned(),
        output_bytes,
        doing: "lrange".to_owned(),
        ..RedisClient::default()
    };
    let server = Sample::cache()
        .info("used_memory:524288000\nmem_clients_normal:104857601")
        .with(|it| it.clients = Some(vec![client("10.0.0.1", 1), client("10.0.0.2", 99_999_999)]));
    let found = findings(server.clone().facts());
    assert_eq!((found[0].check, found[0].severity), ("redis-memory-clients", Warning));
    assert!(found[0].evidence[1].value.contains("for 10.0.0.2, which did lrange"));
    server.info("mem_clients_normal:104857600").gives(&[]);
}
