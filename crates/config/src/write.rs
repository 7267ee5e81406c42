//! A configuration as TOML text, with every setting that is in effect: for people to read.
//!
//! Read again it is the same configuration, but for the addresses of webhooks, which may be secrets:
//! of those only the beginning is written.

use std::fmt::{Display, Write as _};
use std::path::Path;
use std::time::Duration;

use evenkeel_core::config::{
    AdminConfig, Config, HealthConfig, HookAction, HookConfig, ListenerConfig, LogConfig,
    PoolConfig, ProxyConfig, RouteConfig, ServerConfig, Written,
};
use evenkeel_core::distribution::{NameFormat, Settings};

/// Every setting of a configuration, those that have their default among them.
pub fn write(config: &Config) -> String {
    let mut text = Text::default();
    text.proxy(&config.proxy);
    text.log(&config.log);
    if let Some(admin) = &config.admin {
        text.admin(admin);
    }
    config.listeners.iter().for_each(|it| text.listener(it));
    config.routes.iter().for_each(|it| text.route(it));
    config.pools.iter().for_each(|it| text.pool(it));
    config.hooks.iter().for_each(|it| text.hook(it));
    text.0
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn table(&mut self, name: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        writeln!(self.0, "{gap}[{name}]").expect(NO_FAILURE);
    }

    fn set(&mut self, key: &str, value: impl Display) {
        writeln!(self.0, "{key} = {value}").expect(NO_FAILURE);
    }

    fn text(&mut self, key: &str, value: impl Display) {
        self.set(key, quoted(&value.to_string()));
    }

    fn text_if(&mut self, key: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    fn time(&mut self, key: &str, value: Duration) {
        self.text(key, Written(value));
    }

    fn list(&mut self, key: &str, values: impl Iterator<Item = String>) {
        let values: Vec<_> = values.collect();
        self.set(key, format_args!("[{}]", values.join(", ")));
    }

    fn path(&mut self, key: &str, path: Option<&Path>) {
        if let Some(path) = path {
            self.text(key, path.display());
        }
    }

    fn proxy(&mut self, proxy: &ProxyConfig) {
        self.table("proxy");
        self.set(ProxyConfig::WORKERS.key, proxy.workers);
        self.text("io", proxy.io.name());
        self.time(ProxyConfig::SHUTDOWN_TIMEOUT.key, proxy.shutdown_timeout);
    }

    fn log(&mut self, log: &LogConfig) {
        self.table("log");
        self.text("format", log.format.name());
        self.text("level", log.level.name());
        self.time(LogConfig::SLOW_REQUEST.key, log.slow_request);
        self.text("slow_request_keys", log.slow_request_keys.name());
    }

    fn admin(&mut self, admin: &AdminConfig) {
        self.table("admin");
        self.text("address", admin.address);
        self.path("token_file", admin.token_file.as_deref());
        self.list("names", admin.names.iter().map(|it| quoted(it.as_str())));
        self.set(AdminConfig::CONNECTIONS_MAX.key, admin.connections_max);
        self.text(AdminConfig::REQUEST_SIZE_MAX.key, admin.request_size_max);
        self.time(AdminConfig::REQUEST_TIMEOUT.key, admin.request_timeout);
    }

    fn listener(&mut self, listener: &ListenerConfig) {
        self.table(&format!("listener.{}", listener.name));
        self.text("address", &listener.address);
        self.text_if("socket_mode", listener.socket_mode);
        self.text("pool", &listener.pool);
        self.set(ListenerConfig::SESSIONS_MAX.key, listener.sessions_max);
        self.set(ListenerConfig::REQUESTS_IN_FLIGHT_MAX.key, listener.requests_in_flight_max);
        self.set(ListenerConfig::KEYS_PER_GET_MAX.key, listener.keys_per_get_max);
        self.text(ListenerConfig::ITEM_SIZE_MAX.key, listener.item_size_max);
        self.text(ListenerConfig::SESSION_OUTPUT_MAX.key, listener.session_output_max);
    }

    fn route(&mut self, route: &RouteConfig) {
        self.table("[route]");
        self.text("prefix", &route.prefix);
        self.text("pool", &route.pool);
        self.set("strip_prefix", route.strip_prefix);
        self.list("operations", route.operations.iter().map(|it| quoted(it.name())));
        if let Some(listener) = &route.listener {
            self.text("listener", listener);
        }
    }

    fn pool(&mut self, pool: &PoolConfig) {
        self.table(&format!("pool.{}", pool.name));
        self.list("servers", pool.servers.iter().map(server));
        self.text("distribution", pool.distribution.scheme().name());
        self.distribution(&pool.distribution);
        self.text("failover", pool.failover.name());
        if let Some(gutter) = &pool.gutter {
            self.text("gutter", gutter);
        }
        self.text("rejoin", pool.rejoin.name());
        self.time(PoolConfig::FAILOVER_TTL.key, pool.failover_ttl);
        self.time(PoolConfig::LATE_WRITE_GRACE.key, pool.late_write_grace);
        self.text(PoolConfig::MISPLACED_MAX.key, pool.misplaced_max);
        self.text("on_unavailable", pool.on_unavailable.name());
        self.time(PoolConfig::TIMEOUT.key, pool.timeout);
        self.time(PoolConfig::DEADLINE.key, pool.deadline);
        self.time(PoolConfig::CONNECT_TIMEOUT.key, pool.connect_timeout);
        self.set(PoolConfig::ATTEMPTS_IN_FLIGHT_MAX.key, pool.attempts_in_flight_max);
        self.time(PoolConfig::STATS_INTERVAL.key, pool.stats_interval);
        self.table(&format!("pool.{}.health", pool.name));
        self.health(&pool.health);
    }

    fn distribution(&mut self, settings: &Settings) {
        self.text_if("hash", settings.hash_name());
        self.text_if("point_hash", settings.point_hash_name());
        self.text_if("name_format", settings.name_format().map(NameFormat::name));
        self.text_if("salt", settings.salt());
        self.text_if("hash_tag", settings.hash_tag());
        self.text_if("hash_stop", settings.hash_stop());
        self.text_if("unhashed_prefix", settings.unhashed_prefix());
    }

    fn health(&mut self, health: &HealthConfig) {
        self.time(HealthConfig::CANARY_INTERVAL.key, health.canary_interval);
        self.time(HealthConfig::CANARY_TIMEOUT.key, health.canary_timeout);
        self.time(HealthConfig::SUSPECT_CLEAR.key, health.suspect_clear);
        self.set(HealthConfig::EJECT_AFTER.key, health.eject_after);
        self.set(HealthConfig::RISE.key, health.rise);
        self.time(HealthConfig::PROBE_INTERVAL_MIN.key, health.probe_interval_min);
        self.time(HealthConfig::PROBE_INTERVAL_MAX.key, health.probe_interval_max);
        self.time(HealthConfig::SUSPECT_AFTER_MIN.key, health.suspect_after_min);
        self.set(HealthConfig::SUSPECT_AFTER_FACTOR.key, health.suspect_after_factor);
        self.time(HealthConfig::WINDOW.key, health.window);
        self.set(HealthConfig::WINDOW_ATTEMPTS_MIN.key, health.window_attempts_min);
        self.set(HealthConfig::EJECT_PERCENT.key, health.eject_percent);
        self.set(HealthConfig::WRITE_REFUSALS_MIN.key, health.write_refusals_min);
        self.set(HealthConfig::SLOW_FACTOR.key, health.slow_factor);
        self.time(HealthConfig::SLOW_FLOOR.key, health.slow_floor);
        self.set(HealthConfig::SLOW_WINDOWS.key, health.slow_windows);
        self.set(HealthConfig::SOFT_EJECTED_PERCENT_MAX.key, health.soft_ejected_percent_max);
        self.time(HealthConfig::MASS_FAILURE_HOLD.key, health.mass_failure_hold);
        self.time(HealthConfig::FLAP_HOLD_MIN.key, health.flap_hold_min);
        self.time(HealthConfig::FLAP_HOLD_MAX.key, health.flap_hold_max);
        self.time(HealthConfig::FLAP_MEMORY.key, health.flap_memory);
        self.time(HealthConfig::RAMP.key, health.ramp);
    }

    fn hook(&mut self, hook: &HookConfig) {
        self.table(&format!("hook.{}", hook.name));
        match &hook.action {
            // Its path is what lets anybody send there.
            HookAction::Webhook(address) => self.text("webhook", address),
            HookAction::Command { program, arguments } => {
                let program = program.display().to_string();
                let words = std::iter::once(&program).chain(arguments);
                self.list("command", words.map(|it| quoted(it)));
            }
        }
        self.list("events", hook.events.iter().map(|it| quoted(it.name())));
        self.time(HookConfig::TIMEOUT.key, hook.timeout);
        self.set(HookConfig::RETRIES.key, hook.retries);
        self.time(HookConfig::INTERVAL.key, hook.interval);
        self.path("secret_file", hook.secret_file.as_deref());
    }
}

const NO_FAILURE: &str = "writing to memory does not fail";

/// An address in quotes, or a table.
fn server(server: &ServerConfig) -> String {
    let address = quoted(&server.address.to_string());
    let weight = server.weight.as_u32();
    let name = server.name.as_ref().map(|it| format!(", name = {}", quoted(it.as_str())));
    match (name, weight) {
        (None, 1) => address,
        (name, weight) => {
            let name = name.unwrap_or_default();
            format!("{{ address = {address}{name}, weight = {weight} }}")
        }
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(control)).expect(NO_FAILURE);
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn what_is_written_is_read_again_as_the_same() {
        let text = "[proxy]\nworkers = 3\n[log]\nslow_request = \"50ms\"\n\
            [admin]\naddress = \"127.0.0.1:1234\"\nnames = [\"a.example\"]\n\
            [listener.main]\naddress = \"unix:/run/a\\\"b.sock\"\npool = \"main\"\nsessions_max = 7\n\
            [[route]]\nprefix = \"ü\\\"\"\npool = \"main\"\nstrip_prefix = true\n\
            operations = [\"touch\", \"get\"]\nlistener = \"main\"\n[[route]]\npool = \"main\"\n\
            [pool.main]\nservers = [\"a\", { address = \"b:1\", name = \"ü\", weight = 3 }]\n\
            hash = \"crc32\"\nhash_tag = \"{}\"\nhash_stop = \"|#|\"\nunhashed_prefix = \"a:\"\n\
            failover = \"gutter\"\ngutter = \"spare\"\n\
            timeout = \"123ms\"\nmisplaced_max = \"1MiB\"\n\
            [pool.main.health]\nramp = \"7s\"\neject_after = 4\n\
            [pool.spare]\nservers = [\"c\"]\ncompatible_with = \"mcrouter\"\nsalt = \"a b\"\n\
            [pool.java]\nservers = [\"c\"]\ndistribution = \"spymemcached-ketama\"\n\
            name_format = \"libmemcached\"\nhash = \"native\"\n\
            [hook.pager]\ncommand = [\"/bin/notify\", \"a b\"]\nevents = [\"down\"]\n";
        let config = parse("a", text).expect("it has no faults");
        let written = write(&config);
        let again = parse("b", &written).unwrap_or_else(|faults| panic!("{faults}\n{written}"));
        assert_eq!(again, config, "{written}");
        assert_eq!(write(&again), written);
    }

    #[test]
    fn of_a_webhook_only_the_beginning_is_written() {
        let text = "[listener.main]\naddress = \"127.0.0.1:1\"\npool = \"main\"\n\
            [pool.main]\nservers = [\"a\"]\n\
            [hook.chat]\nwebhook = \"https://chat.example/services/SECRET\"\n";
        let written = write(&parse("a", text).expect("it has no faults"));
        assert!(written.contains("webhook = \"https://chat.example/"), "{written}");
        assert!(!written.contains("SECRET"), "{written}");
    }

    #[test]
    fn every_key_that_a_file_may_have_is_written_or_has_no_default() {
        let text = "[listener.main]\naddress = \"127.0.0.1:1\"\npool = \"main\"\n\
            [pool.main]\nservers = [\"a\"]\n[admin]\n[[route]]\npool = \"main\"\n\
            listener = \"main\"\n\
            [hook.it]\ncommand = [\"/bin/notify\"]\n";
        let written = write(&parse("a", text).expect("it has no faults"));
        let missing: Vec<_> = crate::reference()
            .into_iter()
            .filter(|known| !known.table.is_empty() && known.table != "pool.NAME.servers")
            .map(|known| known.key)
            .filter(|key| !written.contains(&format!("\n{key} = ")))
            .collect();
        let without_default = [
            "token_file",
            "socket_mode",
            "gutter",
            "compatible_with",
            "point_hash",
            "name_format",
            "salt",
            "hash_tag",
            "hash_stop",
            "unhashed_prefix",
            "webhook",
            "secret_file",
        ];
        assert!(missing.iter().all(|it| without_default.contains(it)), "{missing:?}");
    }
}
