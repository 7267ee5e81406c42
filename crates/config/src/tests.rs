//! Which faults are found in a text, and where.

use std::time::Duration;

use evenkeel_core::config::{
    ByteSize, Failover, HealthConfig, Io, ListenerConfig, OnUnavailable, PoolConfig, ProxyConfig,
    Rejoin, ServerConfig,
};
use evenkeel_core::distribution::{HashFunction, Scheme, Weight};

use super::*;

mod admin;
mod distributions;
mod hooks;
mod pools;
mod routes;

/// The least that is a configuration; five lines.
const LEAST: &str = "\
[listener.main]
address = \"127.0.0.1:11311\"
pool = \"main\"
[pool.main]
servers = [\"10.0.0.1\"]
";

fn parse_ok(text: &str) -> Config {
    parse("t.toml", text).unwrap_or_else(|faults| panic!("{faults}"))
}

/// Checks all faults of a text, each as `LINE:COLUMN: what is wrong; what to do`.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let faults = match parse("t.toml", text) {
        Ok(_) => Vec::new(),
        Err(file) => file.faults,
    };
    let found: Vec<_> = faults
        .iter()
        .map(|fault| {
            format!("{}:{}: {}; {}", fault.line, fault.column, fault.message, fault.remedy)
        })
        .collect();
    assert_eq!(found, expected, "\n{text}");
}

/// Checks the faults of a line in `[pool.main]`, which is line 6.
#[track_caller]
fn check_pool_line(line: &str, expected: &[&str]) {
    check(&format!("{LEAST}{line}\n"), expected);
}

#[track_caller]
fn check_listener_line(line: &str, expected: &[&str]) {
    check(
        &format!("{LEAST}[listener.b]\naddress = \"[::1]:1\"\npool = \"main\"\n{line}\n"),
        expected,
    );
}

/// Checks the faults of a list of servers, which begins at 2:11.
#[track_caller]
fn check_servers(servers: &str, expected: &[&str]) {
    let listener = "[listener.main]\naddress = \"127.0.0.1:11311\"\npool = \"main\"\n";
    check(&format!("[pool.main]\nservers = {servers}\n{listener}"), expected);
}

#[test]
fn what_is_not_set_has_its_default() {
    let config = parse_ok(LEAST);
    assert_eq!(config.proxy, ProxyConfig::default());
    let [listener] = &config.listeners[..] else { panic!("one listener") };
    let address = "127.0.0.1:11311".parse().unwrap();
    let pool_name = "main".parse().unwrap();
    assert_eq!(*listener, ListenerConfig::new("main".parse().unwrap(), address, pool_name));
    let [pool] = &config.pools[..] else { panic!("one pool") };
    let server = ServerConfig::new("10.0.0.1:11211".parse().unwrap());
    assert_eq!(*pool, PoolConfig::new("main".parse().unwrap(), vec![server]));
}

#[test]
fn the_defaults_are_these() {
    let config = parse_ok(LEAST);
    assert_eq!(config.proxy.workers, 0);
    assert_eq!(config.proxy.shutdown_timeout, Duration::from_secs(5));
    let listener = &config.listeners[0];
    assert_eq!(listener.sessions_max, 10_000);
    assert_eq!(listener.requests_in_flight_max, 1024);
    assert_eq!(listener.keys_per_get_max, 10_000);
    assert_eq!(listener.item_size_max, ByteSize::from_mib(1));
    assert_eq!(listener.session_output_max, ByteSize::from_mib(64));
    let pool = &config.pools[0];
    assert_eq!(pool.distribution.scheme(), Scheme::Ketama);
    assert_eq!(pool.distribution.hash(), Some(HashFunction::Fnv1a64));
    assert_eq!(pool.distribution.hash_tag(), None);
    assert_eq!(pool.failover, Failover::Next);
    assert_eq!(pool.on_unavailable, OnUnavailable::Miss);
    assert_eq!(pool.timeout, Duration::from_millis(250));
    assert_eq!(pool.deadline, Duration::from_millis(350));
    assert_eq!(pool.connect_timeout, Duration::from_millis(250));
    assert_eq!(pool.attempts_in_flight_max, 16_384);
    assert_eq!(pool.stats_interval, Duration::from_secs(10));
    assert_eq!(pool.health.canary_interval, Duration::from_secs(1));
    assert_eq!(pool.health.canary_timeout, Duration::from_millis(100));
    assert_eq!(pool.health.suspect_clear, Duration::from_secs(1));
    assert_eq!(pool.health.eject_after, 3);
    assert_eq!(pool.health.rise, 2);
    assert_eq!(pool.health.probe_interval_min, Duration::from_millis(100));
    assert_eq!(pool.health.probe_interval_max, Duration::from_millis(500));
    assert_eq!(pool.servers[0].weight, Weight::ONE);
    assert_eq!(pool.servers[0].name, None);
}

/// Every setting, away from its default.
const EVERYTHING: &str = r#"
[proxy]
workers = 4
io = "epoll"
shutdown_timeout = "0s"
[listener.b]
address = "unix:/run/evenkeel.sock"
pool = "p"
sessions_max = 1
requests_in_flight_max = 2
keys_per_get_max = 1_000
item_size_max = "2MiB"
session_output_max = "10MB"
[listener.a]
address = "[::1]:0"
pool = "p"
[pool.p]
servers = ["h1", { address = "[::1]:2", name = "x", weight = 1 }]
distribution = "libmemcached-consistent"
hash = "md5"
point_hash = "crc"
hash_tag = "{}"
hash_stop = "|#|"
unhashed_prefix = "app:"
failover = "none"
rejoin = "flush"
failover_ttl = "30s"
late_write_grace = "2s"
misplaced_max = "1MiB"
on_unavailable = "error"
timeout = "1.5s"
deadline = "2s"
connect_timeout = "1s"
attempts_in_flight_max = 7
stats_interval = "0s"
[pool.p.health]
canary_interval = "2s"
canary_timeout = "50ms"
suspect_clear = "3s"
eject_after = 4
rise = 5
probe_interval_min = "200ms"
probe_interval_max = "2s"
suspect_after_min = "3s"
suspect_after_factor = 4
window = "5s"
window_attempts_min = 6
eject_percent = 7
write_refusals_min = 8
slow_factor = 9
slow_floor = "10s"
slow_windows = 11
soft_ejected_percent_max = 12
mass_failure_hold = "13s"
flap_hold_min = "14s"
flap_hold_max = "15s"
flap_memory = "16s"
ramp = "17s"
"#;

#[test]
fn every_setting_is_read() {
    let config = parse_ok(EVERYTHING);
    assert_eq!(config.proxy.workers, 4);
    assert_eq!(config.proxy.io, Io::Epoll);
    assert_eq!(config.proxy.shutdown_timeout, Duration::ZERO);
    let names: Vec<_> = config.listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(names, ["b", "a"], "in the order of the file");
    let listener = &config.listeners[0];
    assert_eq!(listener.address.to_string(), "unix:/run/evenkeel.sock");
    assert_eq!(listener.pool.as_str(), "p");
    assert_eq!(listener.sessions_max, 1);
    assert_eq!(listener.requests_in_flight_max, 2);
    assert_eq!(listener.keys_per_get_max, 1000);
    assert_eq!(listener.item_size_max, ByteSize::from_mib(2));
    assert_eq!(listener.session_output_max, ByteSize::from_bytes(10_000_000));
    let pool = &config.pools[0];
    assert_eq!(pool.servers[0].address.to_string(), "h1:11211");
    assert_eq!(pool.servers[1].address.to_string(), "[::1]:2");
    assert_eq!(pool.servers[1].name.as_ref().unwrap().as_str(), "x");
    assert_eq!(pool.distribution.scheme(), Scheme::LibmemcachedConsistent);
    assert_eq!(pool.distribution.hash(), Some(HashFunction::Md5));
    assert_eq!(pool.distribution.point_hash(), Some(HashFunction::Crc15));
    assert_eq!(pool.distribution.hash_tag(), Some("{}".parse().unwrap()));
    assert_eq!(pool.distribution.hash_stop().unwrap().as_str(), "|#|");
    assert_eq!(pool.distribution.unhashed_prefix().unwrap().as_str(), "app:");
    assert_eq!(pool.failover, Failover::None);
    assert_eq!(pool.rejoin, Rejoin::Flush);
    assert_eq!(pool.failover_ttl, Duration::from_secs(30));
    assert_eq!(pool.late_write_grace, Duration::from_secs(2));
    assert_eq!(pool.misplaced_max, ByteSize::from_mib(1));
    assert_eq!(pool.on_unavailable, OnUnavailable::Error);
    assert_eq!(pool.timeout, Duration::from_millis(1500));
    assert_eq!(pool.deadline, Duration::from_secs(2));
    assert_eq!(pool.connect_timeout, Duration::from_secs(1));
    assert_eq!(pool.attempts_in_flight_max, 7);
    assert_eq!(pool.stats_interval, Duration::ZERO);
    let expected = HealthConfig {
        canary_interval: Duration::from_secs(2),
        canary_timeout: Duration::from_millis(50),
        suspect_clear: Duration::from_secs(3),
        eject_after: 4,
        rise: 5,
        probe_interval_min: Duration::from_millis(200),
        probe_interval_max: Duration::from_secs(2),
        suspect_after_min: Duration::from_secs(3),
        suspect_after_factor: 4,
        window: Duration::from_secs(5),
        window_attempts_min: 6,
        eject_percent: 7,
        write_refusals_min: 8,
        slow_factor: 9,
        slow_floor: Duration::from_secs(10),
        slow_windows: 11,
        soft_ejected_percent_max: 12,
        mass_failure_hold: Duration::from_secs(13),
        flap_hold_min: Duration::from_secs(14),
        flap_hold_max: Duration::from_secs(15),
        flap_memory: Duration::from_secs(16),
        ramp: Duration::from_secs(17),
    };
    assert_eq!(pool.health, expected);
}

#[test]
fn a_weight_is_read() {
    let text = LEAST.replace("\"10.0.0.1\"", "{ address = \"a\", weight = 0x10 }");
    assert_eq!(parse_ok(&text).pools[0].servers[0].weight.as_u32(), 16);
}

#[test]
fn servers_may_be_written_as_tables_of_their_own() {
    let listener = &LEAST[..LEAST.find("[pool").unwrap()];
    let text = format!(
        "{listener}[[pool.main.servers]]\naddress = \"a\"\n[[pool.main.servers]]\naddress = \"b\"\n"
    );
    assert_eq!(parse_ok(&text).pools[0].servers[1].address.to_string(), "b:11211");
}

#[test]
fn all_faults_of_a_file_are_found_in_one_go() {
    check(
        r#"[proxy]
workers = 300

[listener.main]
address = "localhost:11311"
pool = "mian"

[pool.main]
servers = ["10.0.0.1:11211", "10.0.0.1", "10.0.0.2:0"]
timout = "250ms"
deadline = 350
failover = "nxt"

[pool.main.health]
rise = 0
"#,
        &[
            "2:11: proxy.workers: 300 is out of range; choose a value from 0 to 256",
            "5:11: listener.main.address: cannot listen on \"localhost:11311\": \
             it is neither an IP address with a port nor unix:PATH; \
             write \"127.0.0.1:11311\", or \"0.0.0.0:11311\" for every interface",
            "6:8: listener.main.pool: there is no pool \"mian\"; did you mean \"main\"?",
            "9:30: pool.main.servers[1]: server 10.0.0.1:11211 is already in this pool (line 9); \
             remove one; to give it more keys, raise its weight",
            "9:42: pool.main.servers[2]: \"10.0.0.2:0\" is not the address of a server: \
             the port \"0\" is not from 1 to 65535; write host:port, or the host alone for 11211",
            "10:1: unknown key \"timout\" in [pool.main]; did you mean \"timeout\"?",
            "11:12: pool.main.deadline: an integer where a duration in quotes belongs; \
             write it as in \"350ms\"",
            "12:12: pool.main.failover: unknown choice \"nxt\"; did you mean \"next\"?",
            "15:8: pool.main.health.rise: 0 is out of range; choose a value from 1 to 100",
        ],
    );
}

#[test]
fn an_empty_file_lacks_a_listener_and_a_pool() {
    let expected = [
        "1:1: listener: there is no listener; add a [listener.NAME] table with address and pool",
        "1:1: pool: there is no pool; add a [pool.NAME] table with servers",
    ];
    check("", &expected);
    check("# nothing\n", &expected);
    check(
        "[listener]\n[pool]\n",
        &[
            "1:2: listener: there is no listener; add a [listener.NAME] table with address and pool",
            "2:2: pool: there is no pool; add a [pool.NAME] table with servers",
        ],
    );
}

#[test]
fn a_key_that_must_be_there_is_missed() {
    check(
        "[listener.a]\n[pool.main]\n",
        &[
            "1:11: listener.a.address is missing; add address = \"127.0.0.1:11311\"",
            "1:11: listener.a.pool is missing; add pool = \"NAME\" with the NAME of a [pool.NAME] table",
            "2:7: pool.main.servers is missing; add servers = [\"10.0.0.1:11211\"]",
        ],
    );
    check_servers(
        "[{ name = \"x\" }]",
        &["2:12: pool.main.servers[0].address is missing; add address = \"10.0.0.1:11211\""],
    );
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    check_pool_line(
        "time_out = \"1ms\"",
        &["6:1: unknown key \"time_out\" in [pool.main]; did you mean \"timeout\"?"],
    );
    check_pool_line(
        "[pool.main.healht]\nrise = 1",
        &["6:12: unknown key \"healht\" in [pool.main]; did you mean \"health\"?"],
    );
    check_pool_line(
        "[pool.main.health]\nprobe_interval = \"1s\"",
        &["7:1: unknown key \"probe_interval\" in [pool.main.health]; \
           did you mean \"probe_interval_min\"?"],
    );
    check_pool_line("[porxy]", &["6:2: unknown key \"porxy\"; did you mean \"proxy\"?"]);
    check_pool_line(
        "[proxy]\nthreads = 3",
        &["7:1: unknown key \"threads\" in [proxy]; \
           choose \"workers\", \"io\" or \"shutdown_timeout\""],
    );
    check_servers(
        "[{ address = \"a\", wieght = 2 }]",
        &["2:29: unknown key \"wieght\" in pool.main.servers[0]; did you mean \"weight\"?"],
    );
}

#[test]
fn a_misspelt_key_is_not_also_missing() {
    check(
        "[listener.a]\nadress = \"127.0.0.1:1\"\npool = \"main\"\n[pool.main]\nserver = [\"a\"]\n",
        &[
            "2:1: unknown key \"adress\" in [listener.a]; did you mean \"address\"?",
            "5:1: unknown key \"server\" in [pool.main]; did you mean \"servers\"?",
        ],
    );
    check(
        "[listner.a]\naddress = \"127.0.0.1:1\"\npool = \"main\"\n[pool.main]\nservers = [\"a\"]\n",
        &["1:2: unknown key \"listner\"; did you mean \"listener\"?"],
    );
    check(
        "[listener.a]\naddress = \"127.0.0.1:1\"\npool = \"main\"\n[pools.main]\nservers = [\"a\"]\n",
        &["4:2: unknown key \"pools\"; did you mean \"pool\"?"],
    );
}

#[test]
fn a_gutter_must_be_another_pool_and_be_used() {
    check_pool_line(
        "failover = \"gutter\"",
        &["4:7: pool.main.gutter: failover is \"gutter\", and gutter names no pool; \
           set gutter to the NAME of a pool of spare servers"],
    );
    check_pool_line(
        "gutter = \"main\"\nfailover = \"gutter\"",
        &["6:10: pool.main.gutter: a pool cannot be its own gutter; name a pool of other servers"],
    );
    check_pool_line(
        "gutter = \"spare\"\nfailover = \"gutter\"",
        &["6:10: pool.main.gutter: there is no pool \"spare\"; the only pool is main"],
    );
    check_pool_line(
        "gutter = \"spare\"\nfailover = \"gutter\"\n[pool.spare]\nservers = [\"10.0.0.1\"]\n\
         [listener.spare]\naddress = \"127.0.0.1:1\"\npool = \"spare\"",
        &[
            "6:10: pool.main.gutter: pool spare is not this pool's alone; \
             give each pool a gutter of its own that no listener and no route names",
            "6:10: pool.main.gutter: server 10.0.0.1:11211 is in the pool and in its gutter; \
             give the gutter servers of its own",
        ],
    );
    check_pool_line(
        "gutter = \"main\"",
        &["6:10: pool.main.gutter: gutter has no effect unless failover is \"gutter\"; \
           remove it, or set failover to \"gutter\""],
    );
}

#[test]
fn a_value_of_another_type_is_shown_how_to_write_it() {
    check_pool_line(
        "timeout = 250",
        &["6:11: pool.main.timeout: an integer where a duration in quotes belongs; \
           write it as in \"250ms\""],
    );
    check_pool_line(
        "attempts_in_flight_max = \"9\"",
        &["6:26: pool.main.attempts_in_flight_max: a string where an integer belongs; \
           write it as in 16384"],
    );
    check_pool_line(
        "attempts_in_flight_max = 1.5",
        &["6:26: pool.main.attempts_in_flight_max: a number with a fraction where an integer \
           belongs; write it as in 16384"],
    );
    check_pool_line(
        "failover = false",
        &["6:12: pool.main.failover: true or false where a string belongs; \
           write it as in \"next\""],
    );
    check_pool_line(
        "health = 1979-05-27",
        &["6:10: pool.main.health: a date or time where a table belongs; \
           write it as in [pool.main.health]"],
    );
    check_listener_line(
        "item_size_max = 1",
        &["9:17: listener.b.item_size_max: an integer where a size in quotes belongs; \
           write it as in \"1MiB\""],
    );
    check_servers(
        "\"a\"",
        &["2:11: pool.main.servers: a string where a list belongs; \
           write it as in [\"10.0.0.1:11211\"]"],
    );
    check_servers(
        "[[\"a\"], 1]",
        &[
            "2:12: pool.main.servers[0]: a list where an address in quotes, or a table, belongs; \
             write it as in \"10.0.0.1:11211\"",
            "2:19: pool.main.servers[1]: an integer where an address in quotes, or a table, \
             belongs; write it as in \"10.0.0.1:11211\"",
        ],
    );
}

#[test]
fn a_table_without_a_name_is_shown_one() {
    check(
        "[listener]\naddress = \"127.0.0.1:1\"\n[pool.main]\nservers = [\"a\"]\n",
        &["2:1: listener.address stands outside a table with a name; \
           write it under a header such as [listener.main]"],
    );
    check(
        "pool = 3\n[listener.a]\naddress = \"127.0.0.1:1\"\npool = \"main\"\n",
        &["1:8: pool: an integer where a table belongs; write it as in [pool.NAME]"],
    );
}

#[test]
fn a_name_that_cannot_be_is_refused_and_its_table_read() {
    check(
        "[listener.a]\naddress = \"127.0.0.1:1\"\npool = \"m.n\"\n[pool.\"m.n\"]\nservers = []\nx = 1\n",
        &[
            "3:8: listener.a.pool: \"m.n\" is not the name of a pool: \
             a name cannot have '.' in it; write the NAME of a [pool.NAME] table",
            "4:7: pool.\"m.n\": a name cannot have '.' in it; use letters, digits, _ and -",
            "6:1: unknown key \"x\" in [pool.\"m.n\"]; choose \"servers\", \
             \"distribution\", \"compatible_with\", \"hash\", \"point_hash\", \"name_format\", \
             \"salt\", \"hash_tag\", \"hash_stop\", \"unhashed_prefix\", \"failover\", \"gutter\", \"rejoin\", \
             \"failover_ttl\", \"late_write_grace\", \"misplaced_max\", \"on_unavailable\", \"timeout\", \"deadline\", \
             \"connect_timeout\", \"attempts_in_flight_max\", \"stats_interval\" or \"health\"",
        ],
    );
}

#[test]
fn a_quantity_without_a_known_unit_names_the_units() {
    let remedy = "write a number and a unit (us, ms, s, m, h), as in \"250ms\"";
    for (value, why) in [
        ("250", "the unit is missing"),
        ("250 ms", "its unit is unknown"),
        ("1d", "its unit is unknown"),
        ("fast", "it does not begin with a number"),
        ("0.0000000001s", "it is finer than can be kept"),
        ("99999999999999999999h", "it is too large"),
    ] {
        check_pool_line(
            &format!("timeout = {value:?}"),
            &[&format!("6:11: pool.main.timeout: {value:?} is not a duration: {why}; {remedy}")],
        );
    }
    check_listener_line(
        "item_size_max = \"1m\"",
        &["9:17: listener.b.item_size_max: \"1m\" is not a size: its unit is unknown; \
           write a number and a unit (B, kB, KiB, MB, MiB, GB, GiB), as in \"1MiB\""],
    );
}

#[test]
fn a_range_is_held_at_the_bound_and_named_one_past_it() {
    let range = "is out of range; choose a value from 1 to 1048576";
    check_pool_line("attempts_in_flight_max = 1", &[]);
    check_pool_line("attempts_in_flight_max = 1_048_576", &[]);
    for value in ["0", "1048577", "-1", "9223372036854775808"] {
        let fault = format!("6:26: pool.main.attempts_in_flight_max: {value} {range}");
        check_pool_line(&format!("attempts_in_flight_max = {value}"), &[&fault]);
    }
    let range = "is out of range; choose a value from 1ms to 1m";
    check_pool_line("connect_timeout = \"1ms\"", &[]);
    check_pool_line("connect_timeout = \"1m\"", &[]);
    for (value, written) in [("0.999ms", "999us"), ("60.001s", "60001ms"), ("0s", "0s")] {
        let fault = format!("6:19: pool.main.connect_timeout: {written} {range}");
        check_pool_line(&format!("connect_timeout = {value:?}"), &[&fault]);
    }
    check_servers("[{ address = \"a\", weight = 1000000 }]", &[]);
    check_servers(
        "[{ address = \"a\", weight = 1000001 }]",
        &["2:38: pool.main.servers[0].weight: 1000001 is out of range; \
           choose a value from 1 to 1000000"],
    );
}

#[test]
fn two_settings_that_disagree_are_shown_at_the_one_that_is_written() {
    check_pool_line(
        "timeout = \"1s\"",
        &["6:11: pool.main.deadline: deadline (350ms, its default) is less than timeout (1s); \
           set deadline to at least 1s, or timeout to at most 350ms"],
    );
    check_pool_line(
        "timeout = \"1s\"\ndeadline = \"0.5s\"",
        &["7:12: pool.main.deadline: deadline (500ms) is less than timeout (1s) (line 6); \
           set deadline to at least 1s, or timeout to at most 500ms"],
    );
    check_pool_line("timeout = \"1s\"\ndeadline = \"1s\"", &[]);
}

#[test]
fn a_faulty_setting_is_not_compared_with_its_stand_in() {
    check_pool_line(
        "timeout = \"1s\"\ndeadline = 2",
        &["7:12: pool.main.deadline: an integer where a duration in quotes belongs; \
           write it as in \"350ms\""],
    );
    check_pool_line(
        "timeout = \"1s\"\ndeadlin = \"2s\"",
        &["7:1: unknown key \"deadlin\" in [pool.main]; did you mean \"deadline\"?"],
    );
}

#[test]
fn a_server_address_is_shown_how_to_write_it() {
    check_servers(
        "[\"10.0.0.1:11211:2 cache-1\"]",
        &["2:12: pool.main.servers[0]: \"10.0.0.1:11211:2 cache-1\" is not the address of a \
           server: it has more than one colon; \
           write { address = \"10.0.0.1:11211\", name = \"cache-1\", weight = 2 }"],
    );
    check_servers(
        "[\"2001:db8::1\"]",
        &["2:12: pool.main.servers[0]: \"2001:db8::1\" is not the address of a server: \
           it has more than one colon; \
           write an IPv6 address in brackets, as in \"[2001:db8::1]:11211\""],
    );
    check_servers(
        "[{ address = \"/run/x\" }]",
        &["2:24: pool.main.servers[0].address: \"/run/x\" is not the address of a server: \
           a server behind a Unix socket is not supported yet; \
           let the server listen on loopback, and write host:port"],
    );
    check_servers(
        "[{ address = \"a\", name = \"b c\" }]",
        &["2:36: pool.main.servers[0].name: \"b c\" is not the name of a server: \
           a name cannot have ' ' in it; write up to 253 characters without blanks"],
    );
}

#[test]
fn servers_are_compared_across_faulty_ones() {
    check_servers(
        "[\"a\", \":1\", \":2\", \"a\"]",
        &[
            "2:17: pool.main.servers[1]: \":1\" is not the address of a server: \
             the host is missing; write host:port, as in \"10.0.0.1:11211\"",
            "2:23: pool.main.servers[2]: \":2\" is not the address of a server: \
             the host is missing; write host:port, as in \"10.0.0.1:11211\"",
            "2:29: pool.main.servers[3]: server a:11211 is already in this pool (line 2); \
             remove one; to give it more keys, raise its weight",
        ],
    );
    check_servers(
        "[]",
        &["2:11: pool.main.servers: a pool needs at least one server; \
           set servers to a list such as [\"10.0.0.1:11211\"]"],
    );
}

#[test]
fn listeners_do_not_share_an_address() {
    check(
        &format!("{LEAST}[listener.b]\naddress = \"127.0.0.1:11311\"\npool = \"main\"\n"),
        &["7:11: listener.b.address: listener main already listens on 127.0.0.1:11311 (line 2); \
           give each listener an address of its own"],
    );
    let ephemeral = LEAST.replace("11311", "0");
    check(&format!("{ephemeral}[listener.b]\naddress = \"127.0.0.1:0\"\npool = \"main\"\n"), &[]);
}

#[test]
fn a_listen_address_is_shown_how_to_write_it() {
    let faulty = |address: &str| LEAST.replace("127.0.0.1:11311", address);
    for (address, why, remedy) in [
        (
            "*:8000",
            "it is neither an IP address with a port nor unix:PATH",
            "write \"127.0.0.1:8000\", or \"0.0.0.0:8000\" for every interface",
        ),
        (
            "127.0.0.1",
            "it is neither an IP address with a port nor unix:PATH",
            "write \"127.0.0.1:11311\", or \"0.0.0.0:11311\" for every interface",
        ),
        (
            "unix:x.sock",
            "the path of a Unix socket must begin with /",
            "write the whole path, as in \"unix:/run/evenkeel.sock\"",
        ),
    ] {
        check(
            &faulty(address),
            &[&format!(
                "2:11: listener.main.address: cannot listen on {address:?}: {why}; {remedy}"
            )],
        );
    }
}

#[test]
fn syntax_faults_have_a_place_and_do_not_hide_others() {
    check(
        "[listener.main]\naddress = 127.0.0.1:11311\npool = \"main\"\n[pool.main]\nservers = [\"a\"]\n\
         timeout = 250ms\ntimout = \"1s\"\ntimeout = \"1s\"\n",
        &[
            "2:11: this value needs quotes; write \"127.0.0.1:11311\"",
            "6:11: this value needs quotes; write \"250ms\"",
            "7:1: unknown key \"timout\" in [pool.main]; did you mean \"timeout\"?",
            "8:1: duplicate key; remove one of the two",
        ],
    );
    for (value, written) in [("10.0.0.1", "10.0.0.1"), ("next # x", "next"), ("trueish", "trueish")]
    {
        let fault = format!("1:9: this value needs quotes; write {written:?}");
        check(&format!("proxy = {value}\n"), &[&fault]);
    }
    check("proxy = 1__0\n", &["1:10: `_` may only go between digits; remove it"]);
    check("[listener.main\n", &["1:15: unclosed table; expected `]`"]);
    check("a = \"b\n", &["1:7: invalid basic string; expected `\"`"]);
}

#[test]
fn an_unclosed_list_is_one_fault() {
    check(
        "timeout = 1\n[pool.main]\nservers = [\"a\",\n \"b\"\n\n[listener.a]\nadress = \"x\"\n",
        &[
            "1:1: unknown key \"timeout\"; choose \"proxy\", \"listener\", \"route\", \"pool\", \"admin\", \"log\" or \"hook\"",
            "6:1: missing comma between array elements (in the list that begins in line 3); \
             expected `,`",
        ],
    );
}

#[test]
fn a_fault_is_displayed_with_file_place_and_line() {
    let faults = parse("evenkeel.toml", &format!("{LEAST}\ttimout = \"250ms\"\n")).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "evenkeel.toml:6:2: unknown key \"timout\" in [pool.main]; did you mean \"timeout\"?\n    \
         6 |  timout = \"250ms\"\n      |  ^^^^^^"
    );
}

#[test]
fn a_long_value_is_not_repeated_whole() {
    let faults =
        parse("t.toml", &format!("{LEAST}timeout = \"{}\"", "9".repeat(1000))).unwrap_err();
    let message = &faults.faults[0].message;
    assert_eq!(message.chars().count(), 601);
    assert!(message.ends_with("999…"), "{message}");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let path = Path::new("no/such/evenkeel.toml");
    let error = load(path).unwrap_err();
    assert!(matches!(error, LoadError::Unreadable { .. }));
    assert!(error.to_string().starts_with("cannot read no/such/evenkeel.toml: "), "{error}");
}

#[test]
fn bytes_that_are_no_text_are_a_fault_with_a_place() {
    let faults = text_of("t.toml", b"[proxy]\nworkers = \xff\n").unwrap_err();
    assert_eq!(
        faults.to_string(),
        "t.toml:2:11: this byte is not UTF-8; save the file as UTF-8 text\n    \
         2 | workers = \u{fffd}\n      |           ^"
    );
}

#[test]
fn a_file_of_nothing_but_faults_is_given_up_on() {
    let unknown: Vec<_> = (0..1500).map(|idx| format!("x{idx} = 1")).collect();
    let faults = parse("t.toml", &unknown.join("\n")).unwrap_err();
    assert_eq!(faults.faults.len(), FAULTS_MAX);
    let shown = faults.to_string();
    let last = shown.lines().last().unwrap();
    assert_eq!(last, "t.toml: there may be more than these 1000 faults");
    let garbage = "x\n".repeat(100_000);
    assert_eq!(parse("t.toml", &garbage).unwrap_err().faults.len(), FAULTS_MAX);
}

#[test]
fn an_endless_file_is_refused() {
    let error = load(Path::new("/dev/zero")).unwrap_err();
    assert_eq!(error.to_string(), "/dev/zero is larger than 16 MiB, the most that is read");
}

#[test]
fn the_reference_has_every_key_once() {
    let keys: Vec<_> = reference().iter().map(|key| format!("{} {}", key.table, key.key)).collect();
    assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), keys.len());
    for key in ["proxy workers", "pool.NAME.health rise", "pool.NAME.servers weight"] {
        assert!(keys.iter().any(|known| known == key), "{key}");
    }
}
