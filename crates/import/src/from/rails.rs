//! Rails: `config.cache_store`, stores and `Dalli::Client`s in Ruby, and `MEMCACHE_SERVERS`.
//!
//! Rails makes the key (`namespace:key`) before dalli sees it, and dalli hashes its own namespace
//! too, so neither is a setting here. Sources: `ActiveSupport` 5 to 8, dalli 2.7 to 4.

use evenkeel_core::config::{ByteSize, ListenerConfig};

use super::{Work, say_conditions, seconds};
use crate::plan::{MOVED, Origin, PoolPlan, Setting, Timeout};
use crate::read::Found;
use crate::value::{Call, Data, Entry, Value, shorten};

/// Everything that was found, in order.
pub(crate) fn plan_rails(work: &mut Work, found: &[Found]) {
    say_conditions(work, found);
    let found: Vec<_> = found.iter().map(|it| &it.entry).collect();
    let stores = found.iter().filter(|it| it.key.ends_with(".cache_store")).collect::<Vec<_>>();
    if let [first, second, ..] = stores.as_slice() {
        let text = format!(
            "the cache store is set here and in line {}: which counts is known at run time only. \
             All are here: remove what does not count.",
            second.line
        );
        work.differs(first.line, text);
    }
    for entry in found {
        plan_entry(work, entry, &entry.value);
    }
}

fn plan_entry(work: &mut Work, entry: &Entry, value: &Value) {
    match &value.data {
        Data::Call(call) => plan_call(work, entry, call),
        Data::Text(store) => plan_store(work, entry, store, &[]),
        Data::List(items) => match items.split_first() {
            Some((first, rest)) => match &first.data {
                Data::Text(store) => plan_store(work, entry, store, rest),
                _ => plan_entry(work, entry, first),
            },
            None => work.unusable(entry, "a store"),
        },
        _ => work.unusable(entry, "a store"),
    }
}

fn plan_call(work: &mut Work, entry: &Entry, call: &Call) {
    if call.name.ends_with("Dalli::Client.new") {
        plan_pool(work, entry, "dalli", &call.arguments);
    } else if call.name.ends_with("MemCacheStore.new") {
        plan_pool(work, entry, "rails", &call.arguments);
    } else {
        match call.arguments.split_first() {
            Some((first, rest)) => match first.as_text() {
                Some(store) => plan_store(work, entry, store, rest),
                None => work.unusable(entry, "a store"),
            },
            None => work.unusable(entry, "a store"),
        }
    }
}

fn plan_store(work: &mut Work, entry: &Entry, store: &str, rest: &[Value]) {
    let what = shorten(&entry.key);
    match store {
        "mem_cache_store" | "dalli_store" => plan_pool(work, entry, "rails", rest),
        "redis_cache_store" | "redis_store" | "redis" => {
            let text = format!(
                "`{what}` is left out: it is in Redis (`{store}`), which Evenkeel does not speak \
                 yet."
            );
            work.lost(entry.line, text);
        }
        "memory_store"
        | "file_store"
        | "null_store"
        | "solid_cache_store"
        | "cookie_store"
        | "active_record_store"
        | "cache_store"
        | "disabled" => {
            let text = format!("`{what}` is `{store}`, not memcached, and stays as it is.");
            work.needless(entry.line, text);
        }
        _ => {
            let text = format!("`{what}`: the store `{}` is not known.", shorten(store));
            work.lost(entry.line, text);
        }
    }
}

fn plan_pool(work: &mut Work, entry: &Entry, client: &str, arguments: &[Value]) {
    let wanted = if entry.key.ends_with(".session_store") { "sessions" } else { "cache" };
    let name = work.plan.pool_name(wanted);
    let mut pool = PoolPlan::new(name, work.origin(entry.line, entry.key.clone()));
    let mut listener = Vec::new();
    let mut has_servers = false;
    for argument in arguments {
        if let Data::Map(options) = &argument.data {
            for option in options {
                if option.key == "memcache_server" {
                    servers(work, &mut pool, &option.value);
                    has_servers = true;
                    continue;
                }
                plan_option(work, &mut pool, &mut listener, option);
            }
        } else {
            servers(work, &mut pool, argument);
            has_servers = true;
        }
    }
    if !has_servers {
        let source = "ENV[\"MEMCACHE_SERVERS\"], or else localhost:11211";
        work.dynamic_servers(&mut pool, entry.line, source);
    }
    let origin = work.origin(entry.line, entry.key.clone());
    pool.settings.insert(0, Setting::text("compatible_with", client, origin));
    let says_protocol = arguments.iter().any(|it| it.entry("protocol").is_some());
    if !says_protocol {
        let text = format!(
            "pool {}: dalli 3 speaks the binary protocol unless told otherwise, and Evenkeel \
             speaks text and meta: add `protocol: :meta`.",
            pool.name
        );
        work.differs(entry.line, text);
    }
    work.plan.add(pool, None, listener);
}

/// `"a:11211"`, `"a:11211,b:11211:2"`, or a list of such.
fn servers(work: &mut Work, pool: &mut PoolPlan, value: &Value) {
    match &value.data {
        Data::Null => {}
        Data::Text(text) => {
            for part in super::parts(text) {
                let part = part.strip_prefix("memcached://").unwrap_or(part);
                if let Some((_, address)) = part.rsplit_once('@') {
                    let text = format!("server {address}: Evenkeel has no SASL; do without.");
                    work.lost(value.line, text);
                    work.add_server(pool, address.trim_end_matches('/'), value.line);
                } else {
                    work.add_server(pool, part.trim_end_matches('/'), value.line);
                }
            }
        }
        Data::List(items) => {
            for item in items {
                if item.as_text().is_some() {
                    servers(work, pool, item);
                } else {
                    let text = format!(
                        "a server of pool {} is known at run time only: `{}`. {MOVED}",
                        pool.name,
                        item.shown()
                    );
                    work.lost(item.line, text);
                }
            }
        }
        _ => work.dynamic_servers(pool, value.line, &value.shown()),
    }
}

fn plan_item_size(work: &mut Work, listener: &mut Vec<Setting>, entry: &Entry) {
    let bytes = entry.value.as_integer().and_then(|it| u64::try_from(it).ok());
    let size =
        bytes.map(ByteSize::from_bytes).filter(|it| ListenerConfig::ITEM_SIZE_MAX.accepts(*it));
    let Some(size) = size else {
        work.unusable(entry, "a size from 1 KiB to 1 GiB");
        return;
    };
    Setting::text("item_size_max", size.to_string(), work.of(entry)).put(listener);
    if size > ListenerConfig::SESSION_OUTPUT_MAX.default {
        let origin = Origin::chosen("at least `item_size_max`");
        Setting::text("session_output_max", size.to_string(), origin).put(listener);
    }
}

fn plan_option(work: &mut Work, pool: &mut PoolPlan, listener: &mut Vec<Setting>, entry: &Entry) {
    match entry.key.as_str() {
        "failover" => match entry.value.as_bool() {
            Some(true) => pool.set_text("failover", "next", work.of(entry)),
            Some(false) => pool.set_text("failover", "none", work.of(entry)),
            None => work.unusable(entry, "true or false"),
        },
        "socket_timeout" | "timeout" => match seconds(&entry.value).filter(|it| !it.is_zero()) {
            Some(time) => {
                let origin = work.of(entry);
                pool.set_timeout(Timeout::Answer, time, &origin, work.plan);
                pool.set_timeout(Timeout::Connect, time, &origin, work.plan);
            }
            None => work.unusable(entry, "a number of seconds"),
        },
        "value_max_bytes" => plan_item_size(work, listener, entry),
        "protocol" if entry.value.as_text() == Some("meta") => {
            work.needless(entry.line, "`protocol: :meta` is spoken here.");
        }
        _ => say_option(work, pool, entry),
    }
}

/// What is no setting here.
fn say_option(work: &mut Work, pool: &PoolPlan, entry: &Entry) {
    let key = shorten(&entry.key);
    let line = entry.line;
    match entry.key.as_str() {
        "namespace" | "version" => work.needless(
            line,
            format!("`{key}` stays in Rails: it is part of the key, which is hashed whole."),
        ),
        "protocol" => work.lost(
            line,
            "`protocol`: Evenkeel does not speak the binary protocol; set `protocol: :meta`.",
        ),
        "down_retry_delay" | "socket_max_failures" | "socket_failure_delay" => work.needless(
            line,
            format!(
                "`{key}` is between dalli and the proxy now. Which server is out and when it is \
                 back, canaries decide ([pool.{}.health]).",
                pool.name
            ),
        ),
        "username" | "password" => {
            work.lost(line, format!("`{key}`: Evenkeel has no SASL; servers must do without."));
        }
        "ssl_context" => work.lost(line, "`ssl_context`: Evenkeel has no TLS to servers yet."),
        known if STAYS_IN_RAILS.contains(&known) => {
            work.needless(line, format!("`{key}` stays in Rails."));
        }
        _ => work.unknown(entry),
    }
}

/// What concerns values, keys before they are sent, and connections to what is now the proxy.
const STAYS_IN_RAILS: [&str; 33] = [
    "cache_lookups",
    "cache_nils",
    "cas",
    "coder",
    "compress",
    "compress_threshold",
    "compression_max_size",
    "compression_min_size",
    "compressor",
    "digest_class",
    "domain",
    "error_handler",
    "error_when_over_max_size",
    "expire_after",
    "expires_in",
    "httponly",
    "keepalive",
    "key",
    "logger",
    "max_key_size",
    "path",
    "pool",
    "pool_size",
    "pool_timeout",
    "race_condition_ttl",
    "raw",
    "rcvbuf",
    "same_site",
    "secure",
    "serializer",
    "skip_nil",
    "sndbuf",
    "threadsafe",
];
