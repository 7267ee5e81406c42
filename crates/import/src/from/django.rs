//! Django's `CACHES`, in a settings.py or as JSON.
//!
//! Django makes the key (`prefix:version:key`, or what `KEY_FUNCTION` makes) before its client sees
//! it, so it is hashed whole and none of that is a setting here. What the client is told is in
//! LOCATION and OPTIONS. Sources: Django 1.4 to 5, pylibmc (its table of behaviours is set in its
//! own order), pymemcache 4.

use super::{Work, parts, say_conditions, seconds, set_unhashed_prefix};
use crate::plan::{MOVED, Origin, PoolPlan, Timeout};
use crate::read::Found;
use crate::server::is_socket;
use crate::value::{Data, Entry, Value, shorten};

/// Everything that is assigned to `CACHES`, in order.
pub(crate) fn plan_django(work: &mut Work, found: &[Found]) {
    say_conditions(work, found);
    let found: Vec<_> = found.iter().map(|it| &it.entry).collect();
    let whole: Vec<_> = found.iter().filter(|it| it.key == "CACHES").collect();
    if let [first, second, ..] = whole.as_slice() {
        let text = format!(
            "`CACHES` is assigned here and in line {}: which of them counts is known at run time \
             only. All are here: remove what does not count.",
            second.line
        );
        work.differs(first.line, text);
    }
    for entry in found {
        if entry.key == "CACHES" {
            match entry.value.entries() {
                Some(caches) => caches.iter().for_each(|it| plan_cache(work, &it.key, it)),
                None => work.unusable(entry, "a dictionary of caches"),
            }
        } else if let Some(alias) = alias_of(&entry.key) {
            plan_cache(work, alias, entry);
        } else {
            let text = format!(
                "`{}` changes caches when the program runs: only whole ones that are assigned are \
                 read.",
                shorten(&entry.key)
            );
            work.lost(entry.line, text);
        }
    }
}

/// `CACHES["alias"]` and nothing behind it.
fn alias_of(target: &str) -> Option<&str> {
    let inner = target.strip_prefix("CACHES[")?.strip_suffix(']')?;
    let is_plain = !inner.contains(['[', ']']);
    is_plain.then(|| inner.trim_matches(['"', '\'']))
}

/// The client behind a backend.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Pymemcache,
    Pylibmc,
    PythonMemcached,
}

fn client_of(backend: &str) -> Option<Client> {
    let client = [
        ("PyMemcacheCache", Client::Pymemcache),
        ("PyLibMCCache", Client::Pylibmc),
        ("MemcachedCache", Client::PythonMemcached),
    ];
    let is_djangos = backend.starts_with("django.core.cache.backends.memcached.")
        || backend == "django_pylibmc.memcached.PyLibMCCache";
    let class = backend.rsplit('.').next()?;
    client.into_iter().find(|(name, _)| is_djangos && *name == class).map(|(_, client)| client)
}

fn plan_cache(work: &mut Work, alias: &str, entry: &Entry) {
    let cache = &entry.value;
    if cache.entries().is_none() {
        work.unusable(entry, "a dictionary");
        return;
    }
    let Some(backend) = cache.entry("BACKEND") else {
        work.lost(entry.line, format!("cache {:?} has no BACKEND.", shorten(alias)));
        return;
    };
    let Some(class) = backend.value.as_text() else {
        work.unusable(backend, "the name of a class");
        return;
    };
    let Some(client) = client_of(class) else {
        say_other_backend(work, alias, backend, class);
        return;
    };
    let name = work.plan.pool_name(alias);
    let mut pool = PoolPlan::new(name, work.origin(entry.line, format!("CACHES[{alias:?}]")));
    let preset = match client {
        Client::Pymemcache => "django-pymemcache",
        Client::Pylibmc => "django-pylibmc",
        Client::PythonMemcached => "python-memcached",
    };
    pool.set_text("compatible_with", preset, work.of(backend));
    for setting in cache.entries().unwrap_or_default() {
        match setting.key.as_str() {
            "BACKEND" => {}
            "LOCATION" => location(work, &mut pool, &setting.value, setting),
            "OPTIONS" => match (setting.value.entries(), client) {
                (None, _) => work.unusable(setting, "a dictionary"),
                (Some(options), Client::Pymemcache) => {
                    for option in options {
                        pymemcache_option(work, &mut pool, option);
                    }
                }
                (Some(_), Client::Pylibmc) => pylibmc_options(work, &mut pool, setting),
                (Some(options), Client::PythonMemcached) => {
                    for option in options {
                        python_memcached_option(work, option);
                    }
                }
            },
            "KEY_PREFIX" | "VERSION" | "KEY_FUNCTION" => {
                let text = format!(
                    "`{}` stays in Django: it is part of the key, which is hashed whole.",
                    setting.key
                );
                work.needless(setting.line, text);
            }
            "TIMEOUT" => {
                work.needless(
                    setting.line,
                    "`TIMEOUT` stays in Django: it is how long values live.",
                );
            }
            _ => work.unknown(setting),
        }
    }
    if cache.entry("LOCATION").is_none() {
        work.lost(entry.line, format!("cache {:?} has no LOCATION.", shorten(alias)));
    }
    if client == Client::Pylibmc && pool.text_of("failover").is_none() {
        let why = "libmemcached's default: keys of a failed server stay its own";
        pool.set_text("failover", "none", Origin::chosen(why));
    }
    add_or_share(work, pool, alias, entry.line);
}

fn say_other_backend(work: &mut Work, alias: &str, backend: &Entry, class: &str) {
    let (alias, class) = (shorten(alias), shorten(class));
    let lower = class.to_ascii_lowercase();
    if lower.contains("redis") || lower.contains("valkey") {
        let text = format!(
            "cache {alias:?} is left out: it is in Redis (`{class}`), which Evenkeel does not \
             speak yet."
        );
        work.lost(backend.line, text);
    } else if lower.contains("memcache") && !lower.contains("locmem") {
        let text = format!(
            "cache {alias:?} is left out: `{class}` is not known to `evenkeel import`. If its \
             client is one that Evenkeel knows, import its servers as a list with --as."
        );
        work.lost(backend.line, text);
    } else {
        let text = format!("cache {alias:?} is not in memcached (`{class}`) and stays as it is.");
        work.needless(backend.line, text);
    }
}

/// Two caches with the same servers are one pool: they have one set of keys.
fn add_or_share(work: &mut Work, pool: PoolPlan, alias: &str, line: usize) {
    let same = work.plan.pools.iter().find(|it| it.is_same(&pool)).map(|it| it.name.clone());
    let Some(same) = same.filter(|_| !pool.servers.is_empty()) else {
        work.plan.add(pool, None, Vec::new());
        return;
    };
    let text = format!(
        "cache {:?} has the servers and settings of pool {same}, and shares its listener.",
        shorten(alias)
    );
    work.chosen(line, text);
}

/// A text, a list of texts or of `(text, weight)`.
fn location(work: &mut Work, pool: &mut PoolPlan, value: &Value, setting: &Entry) {
    match &value.data {
        Data::Text(text) => {
            for part in parts(text) {
                server(work, pool, part, value.line);
            }
        }
        Data::List(items) => {
            for item in items {
                match (&item.data, item.items()) {
                    (Data::Text(text), _) => {
                        for part in parts(text) {
                            server(work, pool, part, item.line);
                        }
                    }
                    (_, Some([of, weight])) if of.as_text().is_some() => {
                        let text = of.as_text().unwrap_or_default();
                        let weight = weight.as_scalar().unwrap_or_default();
                        server(work, pool, &format!("{text}:{weight}"), item.line);
                    }
                    _ => {
                        let text = format!(
                            "a server of pool {} is known at run time only: `{}`. {MOVED}",
                            pool.name,
                            item.shown()
                        );
                        work.lost(item.line, text);
                    }
                }
            }
        }
        Data::Dynamic(source) => work.dynamic_servers(pool, value.line, source),
        _ => work.unusable(setting, "an address, or a list of them"),
    }
}

fn server(work: &mut Work, pool: &mut PoolPlan, text: &str, line: usize) {
    let text = text.strip_prefix("inet:").unwrap_or(text);
    let text = if is_socket(text) { text } else { text.trim_start_matches("//") };
    work.add_server(pool, text, line);
}

fn pymemcache_option(work: &mut Work, pool: &mut PoolPlan, entry: &Entry) {
    let key = entry.key.as_str();
    match key {
        "timeout" | "connect_timeout" => {
            if entry.value.data == Data::Null {
                work.differs(entry.line, NO_TIMEOUT);
                return;
            }
            let which = if key == "timeout" { Timeout::Answer } else { Timeout::Connect };
            match seconds(&entry.value).filter(|it| !it.is_zero()) {
                Some(time) => pool.set_timeout(which, time, &work.of(entry), work.plan),
                None => work.unusable(entry, "a number of seconds"),
            }
        }
        "key_prefix" => set_unhashed_prefix(work, pool, entry),
        "hasher" => {
            let shown = entry.value.shown();
            if shown.contains("RendezvousHash") || entry.value.data == Data::Null {
                work.needless(entry.line, "`hasher`: RendezvousHash is pymemcache's own.");
            } else {
                let text = format!(
                    "`hasher` is `{}`: a hasher of one's own cannot be matched, and keys would \
                     lie elsewhere. {VERIFY}",
                    entry.value.shown()
                );
                work.lost(entry.line, text);
            }
        }
        "retry_attempts" | "retry_timeout" | "dead_timeout" => {
            let text = format!(
                "`{key}`: it is between the client and the proxy now. Which server is out and \
                 when it is back, canaries decide ([pool.{}.health]).",
                pool.name
            );
            work.differs(entry.line, text);
        }
        "use_pooling" | "max_pool_size" | "pool_idle_timeout" | "no_delay" | "ignore_exc"
        | "default_noreply" | "allow_unicode_keys" | "serializer" | "deserializer" | "serde"
        | "encoding" | "lock_generator" | "socket_keepalive" | "socket_module" => {
            work.needless(entry.line, format!("`{key}` stays in Django."));
        }
        "tls_context" => {
            work.lost(entry.line, "`tls_context`: Evenkeel has no TLS to servers yet.");
        }
        "username" | "password" => work.lost(entry.line, NO_SASL),
        _ => work.unknown(entry),
    }
}

const NO_TIMEOUT: &str = "without a timeout pymemcache waits for ever; here an attempt ends after \
     250ms (`timeout`).";
const NO_SASL: &str = "Evenkeel has no SASL: the servers must do without.";
const VERIFY: &str = "Check with `evenkeel verify-map`.";

fn python_memcached_option(work: &mut Work, entry: &Entry) {
    match entry.key.as_str() {
        "server_max_value_length"
        | "server_max_key_length"
        | "pickleProtocol"
        | "pickler"
        | "unpickler"
        | "debug"
        | "flush_on_reconnect"
        | "check_keys"
        | "cache_cas"
        | "dead_retry"
        | "socket_timeout"
        | "pid"
        | "persistent_load" => {
            let text = format!("`{}` stays in Django.", entry.key);
            work.needless(entry.line, text);
        }
        _ => work.unknown(entry),
    }
}

/// `behaviors` of OPTIONS, or all of OPTIONS as before Django 1.11.
fn pylibmc_options(work: &mut Work, pool: &mut PoolPlan, setting: &Entry) {
    let mut behaviors = Vec::new();
    for entry in setting.value.entries().unwrap_or_default() {
        match entry.key.as_str() {
            "behaviors" => match entry.value.entries() {
                Some(entries) => behaviors.extend(entries),
                None => work.unusable(entry, "a dictionary"),
            },
            "binary" => {
                if entry.value.as_bool() != Some(false) {
                    work.lost(entry.line, NO_BINARY);
                }
            }
            "username" | "password" => work.lost(entry.line, NO_SASL),
            _ => behaviors.push(entry),
        }
    }
    place_pylibmc(work, pool, &behaviors);
    for entry in behaviors {
        behavior(work, pool, entry);
    }
}

const NO_BINARY: &str = "`binary`: Evenkeel does not speak the binary protocol; turn it off.";

/// pylibmc sets behaviours in an order of its own: `hash`, `ketama`, `ketama_weighted`, `distribution`.
fn place_pylibmc(work: &mut Work, pool: &mut PoolPlan, behaviors: &[&Entry]) {
    let find = |key: &str| behaviors.iter().rev().find(|it| it.key == key).copied();
    let is_on = |key: &str| find(key).filter(|it| it.value.as_bool() == Some(true));
    let distribution = find("distribution");
    let said = distribution.and_then(|it| it.value.as_text());
    let entry = is_on("ketama_weighted").or(is_on("ketama")).or(distribution);
    let Some(entry) = entry else { return plan_hash(work, pool, find("hash"), false) };
    let origin = work.of(entry);
    let is_weighted = is_on("ketama_weighted").is_some();
    pool.settings.retain(|it| it.key != "compatible_with");
    match said {
        _ if is_weighted && matches!(said, None | Some("consistent_ketama")) => {
            pool.set_text("distribution", "libmemcached-ketama", origin);
        }
        None | Some("consistent" | "consistent_ketama") => {
            pool.set_text("distribution", "libmemcached-consistent", origin);
        }
        Some("modula") => pool.set_text("distribution", "libmemcached-modula", origin),
        Some(_) => {
            work.unusable(entry, "a distribution that can be matched");
            pool.set_text("compatible_with", "django-pylibmc", Origin::chosen("pylibmc's default"));
        }
    }
    plan_hash(work, pool, find("hash"), is_weighted);
}

fn plan_hash(work: &mut Work, pool: &mut PoolPlan, entry: Option<&Entry>, is_weighted: bool) {
    let Some(entry) = entry else { return };
    let hash = match entry.value.as_text() {
        Some("default") => "one_at_a_time",
        Some("crc") => "crc",
        Some(
            known @ ("md5" | "fnv1_64" | "fnv1a_64" | "fnv1_32" | "fnv1a_32" | "murmur" | "hsieh"
            | "jenkins"),
        ) => known,
        _ => return work.unusable(entry, "a hash of pylibmc"),
    };
    if is_weighted {
        let text =
            "`hash` has no effect: pylibmc sets it before `ketama_weighted`, which sets md5.";
        return work.needless(entry.line, text);
    }
    pool.set_text("hash", hash, work.of(entry));
}

fn behavior(work: &mut Work, pool: &mut PoolPlan, entry: &Entry) {
    let key = entry.key.as_str();
    match key {
        "hash" | "ketama" | "ketama_weighted" | "distribution" => {}
        "ketama_hash" | "_hash_with_prefix_key" | "_sort_hosts" | "namespace" => {
            let text = format!("`{key}` changes where keys lie, and is not carried over. {VERIFY}");
            work.lost(entry.line, text);
        }
        "num_replicas" => {
            if entry.value.as_integer() != Some(0) {
                work.lost(entry.line, "`num_replicas`: Evenkeel stores one copy of a value.");
            }
        }
        "connect_timeout" => match super::millis(&entry.value).filter(|it| !it.is_zero()) {
            Some(time) => pool.set_timeout(Timeout::Connect, time, &work.of(entry), work.plan),
            None => work.unusable(entry, "a number of milliseconds"),
        },
        "receive_timeout" => {
            let micros = entry.value.as_integer().and_then(|it| u64::try_from(it).ok());
            match micros.filter(|it| *it > 0).map(std::time::Duration::from_micros) {
                Some(time) => pool.set_timeout(Timeout::Answer, time, &work.of(entry), work.plan),
                None => work.unusable(entry, "a number of microseconds"),
            }
        }
        "auto_eject" | "remove_failed" | "failure_limit" | "dead_timeout" | "retry_timeout" => {
            if matches!(key, "auto_eject" | "remove_failed") && entry.value.as_bool() != Some(false)
            {
                pool.set_text("failover", "next", work.of(entry));
            }
            let text = format!("`{key}`: canaries decide when a server is out and back.");
            work.differs(entry.line, text);
        }
        "no_block"
        | "tcp_nodelay"
        | "tcp_keepalive"
        | "cas"
        | "buffer_requests"
        | "verify_keys"
        | "send_timeout"
        | "_poll_timeout"
        | "_noreply"
        | "_io_msg_watermark"
        | "_io_bytes_watermark"
        | "_io_key_prefetch"
        | "_socket_send_size"
        | "_socket_recv_size"
        | "pickle_protocol"
        | "compress_level"
        | "min_compress_len" => {
            work.needless(entry.line, format!("`{key}` stays in Django."));
        }
        _ => work.unknown(entry),
    }
}
