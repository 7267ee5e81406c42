//! The tables of the file, key by key, as core's types.

use std::path::PathBuf;

use evenkeel_core::config::{
    AdminConfig, BrowserName, Config, Failover, HealthConfig, Io, KeyPath, ListenAddress,
    ListenAddressError, ListenerConfig, ListenerName, OnUnavailable, PoolConfig, PoolName,
    ProxyConfig, Rejoin, SocketMode, SocketModeError,
};
use toml::de::DeTable;

use super::distribution::read_distribution;
use super::hook::{read_hook, read_log};
use super::place::Finding;
use super::reading::{Expected, Purpose, Reading, Unreadable};
use super::reference::KnownKey;
use super::route::read_route;
use super::section::Section;
use super::server::read_server;
use super::syntax::SyntaxFaults;

/// The configuration in a text, or all that is wrong with it.
pub(super) fn read(text: &str) -> Result<Config, Vec<Finding>> {
    read_for(&Purpose::Proxy, text)
}

/// The pool of this name, or the only one, or all that is wrong with the text.
pub(super) fn read_pool_of(text: &str, pool: Option<&str>) -> Result<PoolConfig, Vec<Finding>> {
    let mut pools = read_for(&Purpose::Client { pool }, text)?.pools;
    let idx = match pool {
        Some(name) => pools.iter().position(|it| it.name.as_str() == name),
        None => Some(0),
    };
    Ok(pools.swap_remove(idx.expect("a text without the pool that is asked for is faulty")))
}

fn read_for(purpose: &Purpose<'_>, text: &str) -> Result<Config, Vec<Finding>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let syntax = SyntaxFaults::new(text, root.get_ref(), &errors);
    let mut reading = Reading::default();
    let config = read_root(root.get_ref(), &mut reading);
    reading.finish(config, text, syntax, purpose)
}

/// The keys that are asked for while this text is read.
pub(super) fn known_keys(text: &str) -> Vec<KnownKey> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut reading = Reading::default();
    read_root(root.get_ref(), &mut reading);
    reading.known
}

fn read_root(root: &DeTable<'_>, reading: &mut Reading) -> Config {
    let table = (root, KeyPath::ROOT, "");
    Section::read(table, reading, |root| Config {
        proxy: root.table("proxy", "proxy", read_proxy),
        listeners: root.named_tables("listener", "listener.NAME", read_listener),
        routes: root.tables("route", "route", read_route),
        pools: root.named_tables("pool", "pool.NAME", read_pool),
        admin: root.table_if_there("admin", "admin", read_admin),
        log: root.table("log", "log", read_log),
        hooks: root.named_tables("hook", "hook.NAME", read_hook),
    })
}

fn read_proxy(section: &mut Section<'_, '_>) -> ProxyConfig {
    ProxyConfig {
        workers: section.count(ProxyConfig::WORKERS),
        io: section.choice("io", Io::NAMES, &quoted(Io::default().name())).unwrap_or_default(),
        shutdown_timeout: section.duration(ProxyConfig::SHUTDOWN_TIMEOUT),
    }
}

fn read_listener(name: ListenerName, section: &mut Section<'_, '_>) -> ListenerConfig {
    let address = read_listen_address(section);
    let socket_mode = read_socket_mode(section);
    let pool = read_required_pool(section);
    ListenerConfig {
        socket_mode,
        sessions_max: section.count(ListenerConfig::SESSIONS_MAX),
        requests_in_flight_max: section.count(ListenerConfig::REQUESTS_IN_FLIGHT_MAX),
        keys_per_get_max: section.count(ListenerConfig::KEYS_PER_GET_MAX),
        item_size_max: section.size(ListenerConfig::ITEM_SIZE_MAX),
        session_output_max: section.size(ListenerConfig::SESSION_OUTPUT_MAX),
        ..ListenerConfig::new(name, address, pool)
    }
}

fn read_listen_address(section: &mut Section<'_, '_>) -> ListenAddress {
    let summary = "An IP address and a port, or `unix:` and a path; required.";
    let expected = Expected { kind: "a string", example: "\"127.0.0.1:11311\"" };
    let address = section.parsed("address", summary, expected, |text| {
        text.parse().map_err(|error| Unreadable {
            problem: format!("cannot listen on {text:?}: {error}"),
            remedy: listen_remedy(text, error, 11311),
        })
    });
    section.require("address", "address = \"127.0.0.1:11311\"");
    // Stands in for one that could not be read: port 0 is nobody else's.
    address.unwrap_or(ListenAddress::Tcp(([127, 0, 0, 1], 0).into()))
}

fn read_socket_mode(section: &mut Section<'_, '_>) -> Option<SocketMode> {
    let summary = "Three octal digits, or a 0 and three; none by default.";
    let expected = Expected { kind: "a string", example: "\"0660\"" };
    section.parsed("socket_mode", summary, expected, |text| {
        text.parse().map_err(|error: SocketModeError| Unreadable {
            problem: format!("cannot read {text:?}: {error}"),
            remedy: "write \"0660\" for owner and group, or \"0666\" for everybody".to_owned(),
        })
    })
}

fn listen_remedy(text: &str, error: ListenAddressError, port_default: u16) -> String {
    let port = text.rsplit_once(':').map(|(_, port)| port);
    let port = port.and_then(|port| port.parse().ok()).unwrap_or(port_default);
    match error {
        ListenAddressError::NoSocketAddress => {
            format!("write \"127.0.0.1:{port}\", or \"0.0.0.0:{port}\" for every interface")
        }
        ListenAddressError::RelativePath => {
            "write the whole path, as in \"unix:/run/evenkeel.sock\"".to_owned()
        }
        ListenAddressError::NulInPath => "remove it".to_owned(),
        ListenAddressError::PathTooLong(_) => "choose a shorter path".to_owned(),
    }
}

fn read_admin(section: &mut Section<'_, '_>) -> AdminConfig {
    let default = AdminConfig::ADDRESS_DEFAULT;
    let summary = format!("An IP address and a port; `\"{default}\"` by default.");
    let expected = Expected { kind: "a string", example: "\"127.0.0.1:9311\"" };
    let address = section.parsed("address", &summary, expected, |text| {
        text.parse().map_err(|_| Unreadable {
            problem: format!("cannot listen on {text:?}: it is not an IP address with a port"),
            remedy: listen_remedy(text, ListenAddressError::NoSocketAddress, default.port()),
        })
    });
    AdminConfig {
        address: address.unwrap_or(default),
        token_file: read_token_file(section),
        names: read_names(section),
        connections_max: section.count(AdminConfig::CONNECTIONS_MAX),
        request_size_max: section.size(AdminConfig::REQUEST_SIZE_MAX),
        request_timeout: section.duration(AdminConfig::REQUEST_TIMEOUT),
    }
}

fn read_token_file(section: &mut Section<'_, '_>) -> Option<PathBuf> {
    let summary = "The path of a file; none by default. Required unless `address` is loopback.";
    let expected = Expected { kind: "a string", example: "\"/etc/evenkeel/admin-token\"" };
    section.parsed("token_file", summary, expected, |text| match text {
        "" => Err(Unreadable {
            problem: "a path has at least one character".to_owned(),
            remedy: "write the path of a file with a token, or remove it".to_owned(),
        }),
        path => Ok(path.into()),
    })
}

fn read_names(section: &mut Section<'_, '_>) -> Vec<BrowserName> {
    let summary = "A list of names without ports; empty by default.";
    let example = "[\"cache-admin.example\"]";
    let expected = Expected { kind: "a string", example: "\"cache-admin.example\"" };
    let names = section.list("names", summary, example, |found, reading| {
        reading.parsed(found, expected, |text| {
            text.parse().map_err(|error| Unreadable {
                problem: format!("{text:?} is no name in an address bar: {error}"),
                remedy: "write it without scheme and port, as in \"cache-admin.example\""
                    .to_owned(),
            })
        })
    });
    names.into_iter().flatten().collect()
}

/// The pool that something goes to.
pub(super) fn read_required_pool(section: &mut Section<'_, '_>) -> PoolName {
    let summary = "The NAME of a `[pool.NAME]` table; required.";
    let pool = read_pool_name(section, "pool", summary);
    section.require("pool", "pool = \"NAME\" with the NAME of a [pool.NAME] table");
    pool.unwrap_or_else(|| "unnamed".parse().expect("a plain word is a name"))
}

fn read_pool_name(
    section: &mut Section<'_, '_>,
    key: &'static str,
    summary: &str,
) -> Option<PoolName> {
    let expected = Expected { kind: "a string", example: "\"main\"" };
    section.parsed(key, summary, expected, |text| {
        text.parse().map_err(|error| Unreadable {
            problem: format!("{text:?} is not the name of a pool: {error}"),
            remedy: "write the NAME of a [pool.NAME] table".to_owned(),
        })
    })
}

fn read_pool(name: PoolName, section: &mut Section<'_, '_>) -> PoolConfig {
    let servers = section.list(
        "servers",
        "A list of addresses, or of tables with the keys below; required, at least one.",
        "[\"10.0.0.1:11211\"]",
        read_server,
    );
    section.require("servers", "servers = [\"10.0.0.1:11211\"]");
    PoolConfig {
        distribution: read_distribution(section),
        failover: section
            .choice("failover", Failover::NAMES, &quoted(Failover::default().name()))
            .unwrap_or_default(),
        gutter: read_gutter(section),
        rejoin: section
            .choice("rejoin", Rejoin::NAMES, &quoted(Rejoin::default().name()))
            .unwrap_or_default(),
        failover_ttl: section.duration(PoolConfig::FAILOVER_TTL),
        late_write_grace: section.duration(PoolConfig::LATE_WRITE_GRACE),
        misplaced_max: section.size(PoolConfig::MISPLACED_MAX),
        on_unavailable: section
            .choice(
                "on_unavailable",
                OnUnavailable::NAMES,
                &quoted(OnUnavailable::default().name()),
            )
            .unwrap_or_default(),
        timeout: section.duration(PoolConfig::TIMEOUT),
        deadline: section.duration(PoolConfig::DEADLINE),
        connect_timeout: section.duration(PoolConfig::CONNECT_TIMEOUT),
        attempts_in_flight_max: section.count(PoolConfig::ATTEMPTS_IN_FLIGHT_MAX),
        stats_interval: section.duration(PoolConfig::STATS_INTERVAL),
        health: section.table("health", "pool.NAME.health", read_health),
        ..PoolConfig::new(name, servers)
    }
}

fn read_gutter(section: &mut Section<'_, '_>) -> Option<PoolName> {
    let summary = "The NAME of another `[pool.NAME]` table; none by default.";
    read_pool_name(section, "gutter", summary)
}

fn read_health(section: &mut Section<'_, '_>) -> HealthConfig {
    HealthConfig {
        canary_interval: section.duration(HealthConfig::CANARY_INTERVAL),
        canary_timeout: section.duration(HealthConfig::CANARY_TIMEOUT),
        suspect_clear: section.duration(HealthConfig::SUSPECT_CLEAR),
        eject_after: section.count(HealthConfig::EJECT_AFTER),
        rise: section.count(HealthConfig::RISE),
        probe_interval_min: section.duration(HealthConfig::PROBE_INTERVAL_MIN),
        probe_interval_max: section.duration(HealthConfig::PROBE_INTERVAL_MAX),
        suspect_after_min: section.duration(HealthConfig::SUSPECT_AFTER_MIN),
        suspect_after_factor: section.count(HealthConfig::SUSPECT_AFTER_FACTOR),
        window: section.duration(HealthConfig::WINDOW),
        window_attempts_min: section.count(HealthConfig::WINDOW_ATTEMPTS_MIN),
        eject_percent: section.count(HealthConfig::EJECT_PERCENT),
        write_refusals_min: section.count(HealthConfig::WRITE_REFUSALS_MIN),
        slow_factor: section.count(HealthConfig::SLOW_FACTOR),
        slow_floor: section.duration(HealthConfig::SLOW_FLOOR),
        slow_windows: section.count(HealthConfig::SLOW_WINDOWS),
        soft_ejected_percent_max: section.count(HealthConfig::SOFT_EJECTED_PERCENT_MAX),
        mass_failure_hold: section.duration(HealthConfig::MASS_FAILURE_HOLD),
        flap_hold_min: section.duration(HealthConfig::FLAP_HOLD_MIN),
        flap_hold_max: section.duration(HealthConfig::FLAP_HOLD_MAX),
        flap_memory: section.duration(HealthConfig::FLAP_MEMORY),
        ramp: section.duration(HealthConfig::RAMP),
    }
}

/// A word as it is written in the file, in Markdown.
pub(super) fn quoted(word: &str) -> String {
    format!("`{word:?}`")
}
