//! What [`Config::faults`] finds, and that it finds all of it.

use super::*;
use crate::distribution::{Scheme, Settings, Weight};

fn server(address: &str) -> ServerConfig {
    ServerConfig::new(address.parse().unwrap())
}

fn named(address: &str, name: &str) -> ServerConfig {
    ServerConfig { name: Some(name.parse().unwrap()), ..server(address) }
}

fn pool_of(servers: Vec<ServerConfig>) -> PoolConfig {
    PoolConfig::new("main".parse().unwrap(), servers)
}

fn pool() -> PoolConfig {
    pool_of(vec![server("10.0.0.1"), server("10.0.0.2")])
}

fn listener(name: &str, address: &str) -> ListenerConfig {
    let pool = "main".parse().unwrap();
    ListenerConfig::new(name.parse().unwrap(), address.parse().unwrap(), pool)
}

fn config() -> Config {
    Config {
        listeners: vec![listener("a", "127.0.0.1:1")],
        pools: vec![pool()],
        ..Config::default()
    }
}

#[track_caller]
fn check(config: &Config, expected: &[&str]) {
    let faults: Vec<_> = config.faults().iter().map(ToString::to_string).collect();
    assert_eq!(faults, expected);
}

#[track_caller]
fn check_pool(pool: PoolConfig, expected: &[&str]) {
    check(&Config { pools: vec![pool], ..config() }, expected);
}

#[test]
fn a_configuration_of_defaults_has_no_fault() {
    check(&config(), &[]);
}

#[test]
fn an_empty_configuration_has_neither_listener_nor_pool() {
    check(
        &Config::default(),
        &[
            "listener: there is no listener; add a [listener.NAME] table with address and pool",
            "pool: there is no pool; add a [pool.NAME] table with servers",
        ],
    );
}

#[test]
fn every_setting_is_accepted_at_its_bounds_and_not_past_them() {
    fn check_bounds<T: SettingValue>(setting: Setting<T>, below: T, above: T) {
        let faults_of = |value| {
            let mut faults = Vec::new();
            setting.check(value, &KeyPath::ROOT.key("table"), &mut faults);
            faults
        };
        assert!(faults_of(setting.min).is_empty());
        assert!(faults_of(setting.max).is_empty());
        assert!(faults_of(setting.default).is_empty());
        for value in [below, above] {
            let [fault] = &faults_of(value)[..] else { panic!("{value:?} was accepted") };
            assert_eq!(fault.at.to_string(), format!("table.{}", setting.key));
        }
    }
    fn check_duration(setting: Setting<Duration>) {
        let nanosecond = Duration::from_nanos(1);
        check_bounds(setting, setting.min.saturating_sub(nanosecond), setting.max + nanosecond);
    }
    check_duration(PoolConfig::TIMEOUT);
    check_duration(PoolConfig::DEADLINE);
    check_duration(PoolConfig::CONNECT_TIMEOUT);
    check_duration(HealthConfig::CANARY_INTERVAL);
    check_duration(HealthConfig::CANARY_TIMEOUT);
    check_duration(HealthConfig::SUSPECT_CLEAR);
    check_duration(HealthConfig::PROBE_INTERVAL_MIN);
    check_duration(HealthConfig::PROBE_INTERVAL_MAX);
    for setting in [
        PoolConfig::ATTEMPTS_IN_FLIGHT_MAX,
        ListenerConfig::SESSIONS_MAX,
        ListenerConfig::REQUESTS_IN_FLIGHT_MAX,
        ListenerConfig::KEYS_PER_GET_MAX,
    ] {
        check_bounds(setting, setting.min - 1, setting.max + 1);
    }
    for setting in [HealthConfig::RISE, HealthConfig::EJECT_AFTER] {
        check_bounds(setting, setting.min - 1, setting.max + 1);
    }
    for setting in [ListenerConfig::ITEM_SIZE_MAX, ListenerConfig::SESSION_OUTPUT_MAX] {
        let below = ByteSize::from_bytes(setting.min.bytes() - 1);
        let above = ByteSize::from_bytes(setting.max.bytes() + 1);
        check_bounds(setting, below, above);
    }
}

#[test]
fn a_range_that_begins_at_zero_ends_somewhere() {
    let default = ProxyConfig::default();
    let proxy =
        ProxyConfig { workers: 256, shutdown_timeout: Duration::from_hours(1), ..default.clone() };
    check(&Config { proxy, ..config() }, &[]);
    let proxy =
        ProxyConfig { workers: 257, shutdown_timeout: Duration::from_secs(3601), ..default };
    check(
        &Config { proxy, ..config() },
        &[
            "proxy.workers: 257 is out of range; choose a value from 0 to 256",
            "proxy.shutdown_timeout: 3601s is out of range; choose a value from 0s to 1h",
        ],
    );
}

fn health_out_of_range() -> HealthConfig {
    let zero = Duration::ZERO;
    HealthConfig {
        canary_interval: zero,
        canary_timeout: zero,
        suspect_clear: zero,
        eject_after: 0,
        rise: 0,
        probe_interval_min: zero,
        probe_interval_max: zero,
        suspect_after_min: zero,
        suspect_after_factor: 0,
        window: zero,
        window_attempts_min: 0,
        eject_percent: 0,
        write_refusals_min: 0,
        slow_factor: 0,
        slow_floor: zero,
        slow_windows: 0,
        soft_ejected_percent_max: u32::MAX,
        mass_failure_hold: Duration::MAX,
        flap_hold_min: Duration::MAX,
        flap_hold_max: Duration::MAX,
        flap_memory: zero,
        ramp: Duration::MAX,
    }
}

#[test]
fn every_setting_of_the_admin_server_is_checked() {
    let admin = AdminConfig {
        address: "10.0.0.1:9311".parse().unwrap(),
        connections_max: 0,
        request_size_max: ByteSize::default(),
        request_timeout: Duration::ZERO,
        ..AdminConfig::default()
    };
    let at = ["address", "connections_max", "request_size_max", "request_timeout"];
    let faults = Config { admin: Some(admin), ..config() }.faults();
    let found: Vec<_> = faults.iter().map(|fault| fault.at.to_string()).collect();
    assert_eq!(found, at.map(|key| format!("admin.{key}")));
}

#[test]
fn the_admin_server_listens_where_no_listener_does() {
    let listener = ListenAddress::Tcp(AdminConfig::ADDRESS_DEFAULT);
    let mut config = config();
    config.admin = Some(AdminConfig::default());
    assert_eq!(config.faults(), []);
    config.listeners[0].address = listener;
    let [fault] = &config.faults()[..] else { panic!("one fault") };
    assert_eq!(fault.at.to_string(), "admin.address");
}

#[test]
fn every_field_of_every_table_is_checked() {
    let zero = Duration::ZERO;
    let mut listener = listener("a", "127.0.0.1:1");
    listener.sessions_max = 0;
    listener.requests_in_flight_max = 0;
    listener.keys_per_get_max = 0;
    listener.item_size_max = ByteSize::default();
    listener.session_output_max = ByteSize::default();
    let mut pool = pool();
    pool.timeout = zero;
    pool.deadline = zero;
    pool.connect_timeout = zero;
    pool.attempts_in_flight_max = 0;
    pool.health = health_out_of_range();
    let config = Config { listeners: vec![listener], pools: vec![pool], ..Config::default() };
    let at: Vec<_> = config.faults().iter().map(|fault| fault.at.to_string()).collect();
    assert_eq!(
        at,
        [
            "listener.a.sessions_max",
            "listener.a.requests_in_flight_max",
            "listener.a.keys_per_get_max",
            "listener.a.item_size_max",
            "listener.a.session_output_max",
            "pool.main.timeout",
            "pool.main.deadline",
            "pool.main.connect_timeout",
            "pool.main.attempts_in_flight_max",
            "pool.main.health.canary_interval",
            "pool.main.health.canary_timeout",
            "pool.main.health.suspect_clear",
            "pool.main.health.eject_after",
            "pool.main.health.rise",
            "pool.main.health.probe_interval_min",
            "pool.main.health.probe_interval_max",
            "pool.main.health.suspect_after_min",
            "pool.main.health.suspect_after_factor",
            "pool.main.health.window",
            "pool.main.health.window_attempts_min",
            "pool.main.health.eject_percent",
            "pool.main.health.write_refusals_min",
            "pool.main.health.slow_factor",
            "pool.main.health.slow_floor",
            "pool.main.health.slow_windows",
            "pool.main.health.soft_ejected_percent_max",
            "pool.main.health.mass_failure_hold",
            "pool.main.health.flap_hold_min",
            "pool.main.health.flap_hold_max",
            "pool.main.health.flap_memory",
            "pool.main.health.ramp",
        ]
    );
}

#[test]
fn a_value_out_of_range_is_not_compared_with_others() {
    let timeout = Duration::from_mins(2);
    check_pool(
        PoolConfig { timeout, ..pool() },
        &["pool.main.timeout: 2m is out of range; choose a value from 1ms to 1m"],
    );
}

#[test]
fn a_deadline_may_equal_the_timeout_but_not_be_shorter() {
    let timeout = Duration::from_millis(350);
    check_pool(PoolConfig { timeout, ..pool() }, &[]);
    let timeout = Duration::from_millis(351);
    check_pool(
        PoolConfig { timeout, ..pool() },
        &["pool.main.deadline: deadline (350ms, its default) is less than timeout (351ms); \
           set deadline to at least 351ms, or timeout to at most 350ms"],
    );
}

#[test]
fn canaries_to_one_server_never_overlap() {
    let with_timeout = |millis| PoolConfig {
        health: HealthConfig {
            canary_timeout: Duration::from_millis(millis),
            ..HealthConfig::default()
        },
        ..pool()
    };
    check_pool(with_timeout(1000), &[]);
    check_pool(
        with_timeout(1001),
        &["pool.main.health.canary_interval: canary_interval (1s, its default) is less than \
           canary_timeout (1001ms); \
           set canary_interval to at least 1001ms, or canary_timeout to at most 1s"],
    );
}

#[test]
fn probe_intervals_do_not_shrink() {
    let with_max = |millis| PoolConfig {
        health: HealthConfig {
            probe_interval_max: Duration::from_millis(millis),
            ..HealthConfig::default()
        },
        ..pool()
    };
    check_pool(with_max(100), &[]);
    check_pool(
        with_max(99),
        &["pool.main.health.probe_interval_max: probe_interval_max (99ms) is less than \
           probe_interval_min (100ms, its default); \
           set probe_interval_max to at least 100ms, or probe_interval_min to at most 99ms"],
    );
}

#[test]
fn the_longest_flap_hold_is_not_below_the_first() {
    let with_max = |secs| PoolConfig {
        health: HealthConfig {
            flap_hold_min: Duration::from_secs(2),
            flap_hold_max: Duration::from_secs(secs),
            ..HealthConfig::default()
        },
        ..pool()
    };
    check_pool(with_max(2), &[]);
    check_pool(
        with_max(1),
        &["pool.main.health.flap_hold_max: flap_hold_max (1s) is less than flap_hold_min (2s); \
           set flap_hold_max to at least 2s, or flap_hold_min to at most 1s"],
    );
}

#[test]
fn a_session_can_be_given_the_largest_item() {
    let with_item = |mib| {
        let mut config = config();
        config.listeners[0].item_size_max = ByteSize::from_mib(mib);
        config
    };
    check(&with_item(64), &[]);
    check(
        &with_item(65),
        &["listener.a.session_output_max: session_output_max (64MiB, its default) is less than \
           item_size_max (65MiB); \
           set session_output_max to at least 65MiB, or item_size_max to at most 64MiB"],
    );
}

#[test]
fn a_pool_needs_servers() {
    check_pool(
        pool_of(vec![]),
        &["pool.main.servers: a pool needs at least one server; \
           set servers to a list such as [\"10.0.0.1:11211\"]"],
    );
}

#[test]
fn a_server_is_in_a_pool_once() {
    check_pool(
        pool_of(vec![server("10.0.0.1"), server("10.0.0.2"), named("10.0.0.1:11211", "b")]),
        &["pool.main.servers[2]: server 10.0.0.1:11211 is already in this pool; \
           remove one; to give it more keys, raise its weight"],
    );
}

#[test]
fn two_servers_of_a_pool_are_not_known_by_one_name() {
    let taken = |known_as: &str| {
        format!(
            "pool.main.servers[1]: another server of this pool is already known as {known_as:?}; \
             give each server a name of its own"
        )
    };
    check_pool(pool_of(vec![named("h1", "a"), named("h2", "a")]), &[&taken("a")]);
    check_pool(pool_of(vec![server("h1"), named("h2", "h1:11211")]), &[&taken("h1:11211")]);
    // What ketama hashes for a server on port 11211 is the host alone.
    check_pool(pool_of(vec![server("h1"), named("h2", "h1")]), &[&taken("h1")]);
    check_pool(pool_of(vec![server("h1"), named("h2", "h3")]), &[]);
}

#[test]
fn a_weight_without_effect_is_a_fault() {
    let weight = Weight::try_from(2).unwrap();
    let servers = vec![server("h1"), ServerConfig { weight, ..server("h2") }];
    check_pool(pool_of(servers.clone()), &[]);
    let with =
        |scheme| PoolConfig { distribution: Settings::new(scheme), ..pool_of(servers.clone()) };
    check_pool(
        with(Scheme::Jump),
        &["pool.main.servers[1].weight: weight 2 has no effect: \
           distribution \"jump\" gives servers equal shares; \
           remove it, or choose a distribution with weights such as \"ketama\""],
    );
    check_pool(
        with(Scheme::LibmemcachedModula),
        &["pool.main.servers[1].weight: weight 2 has no effect: \
           distribution \"libmemcached-modula\" gives servers equal shares; \
           remove it, or choose \"libmemcached-ketama\""],
    );
}

#[test]
fn a_pool_has_a_bounded_number_of_servers() {
    let servers = |len| (0..len).map(|idx| server(&format!("h{idx}"))).collect();
    check_pool(pool_of(servers(4096)), &[]);
    check_pool(
        pool_of(servers(4097)),
        &["pool.main.servers: 4097 servers are more than the limit of 4096; \
           split the servers over several pools"],
    );
}

#[test]
fn a_listener_names_a_pool_that_is_there() {
    let mut config = config();
    config.listeners[0].pool = "mian".parse().unwrap();
    let fault = "listener.a.pool: there is no pool \"mian\"; ";
    check(&config, &[&format!("{fault}the only pool is main")]);
    config.pools.push(PoolConfig::new("spare".parse().unwrap(), vec![server("10.0.0.3")]));
    check(&config, &[&format!("{fault}the pools are main, spare")]);
}

#[test]
fn listeners_do_not_share_an_address_or_a_name() {
    let mut config = config();
    config.listeners.push(listener("b", "127.0.0.1:2"));
    check(&config, &[]);
    config.listeners.push(listener("c", "127.0.0.1:1"));
    config.listeners.push(listener("b", "unix:/run/b"));
    check(
        &config,
        &[
            "listener.c.address: listener a already listens on 127.0.0.1:1; \
             give each listener an address of its own",
            "listener.b: there is already a listener b; give one of them another name",
        ],
    );
}

#[test]
fn pools_do_not_share_a_name() {
    let mut config = config();
    config.pools.push(pool());
    check(&config, &["pool.main: there is already a pool main; give one of them another name"]);
}

#[test]
fn routes_are_for_different_requests() {
    let route = |prefix: &str| RouteConfig::new(prefix.parse().unwrap(), "main".parse().unwrap());
    let reads = RouteConfig { operations: vec![Operation::Get], ..route("a") };
    let writes = RouteConfig { operations: vec![Operation::Set], ..route("a") };
    let of_listener = RouteConfig { listener: Some("a".parse().unwrap()), ..route("a") };
    check(&Config { routes: vec![reads.clone(), writes, of_listener], ..config() }, &[]);
    check(
        &Config { routes: vec![reads, route("b"), route("a")], ..config() },
        &["route[2]: another route has the prefix \"a\" for \"get\" already; \
           remove one, or give them different operations or listeners"],
    );
    check(
        &Config { routes: vec![route("a"); RouteConfig::ROUTES_MAX + 1], ..config() },
        &["route: there are 10001 routes, and may be 10000; \
           use prefixes that many keys have in common"],
    );
}

#[test]
fn the_pool_of_a_name_is_found() {
    assert_eq!(config().pool(&"main".parse().unwrap()), Some(&pool()));
    assert_eq!(config().pool(&"other".parse().unwrap()), None);
}

fn hook(name: &str, action: HookAction) -> HookConfig {
    HookConfig::new(name.parse().unwrap(), action)
}

fn command(program: &str) -> HookAction {
    HookAction::Command { program: program.into(), arguments: Vec::new() }
}

fn webhook() -> HookAction {
    HookAction::Webhook("https://example.com/x".parse().unwrap())
}

#[test]
fn hooks_have_names_of_their_own_and_something_to_tell() {
    let silent = HookConfig { events: Vec::new(), ..hook("a", webhook()) };
    let hooks = vec![hook("a", webhook()), hook("b", command("/bin/true")), silent];
    check(
        &Config { hooks, ..config() },
        &[
            "hook.a.events: a hook without events is never told of anything; \
             remove events for the usual ones, or the table",
            "hook.a: there is already a hook a; give one of them another name",
        ],
    );
}

#[test]
fn a_hook_has_whole_paths_and_no_setting_without_effect() {
    let signed = HookConfig { secret_file: Some("/s".into()), ..hook("a", command("/bin/true")) };
    let retried = HookConfig { retries: 1, ..hook("b", command("true")) };
    let elsewhere = HookConfig { secret_file: Some("s".into()), ..hook("c", webhook()) };
    check(
        &Config { hooks: vec![signed, retried, elsewhere], ..config() },
        &[
            "hook.a.secret_file: it has no effect on a command; remove it",
            "hook.b.command: \"true\" is not a whole path; write it from the root, beginning with /",
            "hook.b.retries: it has no effect on a command; remove it",
            "hook.c.secret_file: \"s\" is not a whole path; \
             write it from the root, beginning with /",
        ],
    );
}
