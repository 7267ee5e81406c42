//! twemproxy's (nutcracker's) YAML: one pool a key, with its own listener.
//!
//! Source: `nc_conf.c` of twemproxy 0.5.0; its defaults are those that are written here.

use std::collections::BTreeSet;

use evenkeel_core::config::SocketMode;

use super::{Work, millis};
use crate::note::NoteKind;
use crate::place::Place;
use crate::plan::{Literal, MOVED, Origin, PoolPlan, ServerPlan, Setting, Timeout};
use crate::server::{is_socket, read_server, read_weight};
use crate::value::{Data, Entry, Value, shorten};

const HASHES: [&str; 13] = [
    "one_at_a_time",
    "md5",
    "crc16",
    "crc32",
    "crc32a",
    "fnv1_64",
    "fnv1a_64",
    "fnv1_32",
    "fnv1a_32",
    "hsieh",
    "murmur",
    "jenkins",
    "murmur3",
];

/// All pools of a file.
pub(crate) fn plan_twemproxy(work: &mut Work, source: &Value) {
    for entry in source.entries().unwrap_or_default() {
        if entry.value.entries().is_none() {
            work.unusable(entry, "a pool");
        } else if let Some(redis) = is_redis(&entry.value) {
            let text = format!(
                "pool {} is left out: it speaks Redis (`redis: true`), which Evenkeel does not \
                 yet. Leave it with twemproxy.",
                shorten(&entry.key)
            );
            work.lost(redis.line, text);
        } else {
            plan_pool(work, entry);
        }
    }
}

fn is_redis(pool: &Value) -> Option<&Entry> {
    pool.entry("redis").filter(|it| it.value.as_bool() != Some(false))
}

/// What is gathered of one pool.
struct Gathered {
    pool: PoolPlan,
    address: Option<(String, Origin)>,
    listener: Vec<Setting>,
}

fn plan_pool(work: &mut Work, entry: &Entry) {
    let name = work.plan.pool_name(&entry.key);
    let pool = PoolPlan::new(name, work.origin(entry.line, format!("{}:", entry.key)));
    let mut gathered = Gathered { pool, address: None, listener: Vec::new() };
    let settings = entry.value.entries().unwrap_or_default();
    place_keys(work, &mut gathered.pool, &entry.value, entry.line);
    let mut told = BTreeSet::new();
    for setting in settings {
        if !told.insert(&setting.key) {
            let text = format!(
                "`{}` stands twice in pool {}, which twemproxy refuses: remove the one that does \
                 not count.",
                shorten(&setting.key),
                gathered.pool.name
            );
            work.lost(setting.line, text);
        }
        if let Data::Dynamic(what) = &setting.value.data {
            let text = format!(
                "`{}` of pool {} is {what}, which twemproxy refuses: write out what it stands for.",
                shorten(&setting.key),
                gathered.pool.name
            );
            work.lost(setting.line, text);
            continue;
        }
        plan_setting(work, &mut gathered, setting);
    }
    decide_failover(work, &mut gathered.pool, &entry.value, entry.line);
    let Gathered { pool, address, listener } = gathered;
    work.plan.add(pool, address, listener);
}

/// `distribution`, `hash` and `hash_tag`, first in the table.
fn place_keys(work: &mut Work, pool: &mut PoolPlan, source: &Value, line: usize) {
    let distribution = source.entry("distribution");
    let said = distribution.and_then(|it| it.value.as_text());
    let origin = match distribution {
        Some(entry) => work.of(entry),
        None => Origin::chosen("twemproxy's default"),
    };
    match said.map(str::to_ascii_lowercase).as_deref() {
        Some("modula") => pool.set_text("distribution", "twemproxy-modula", origin),
        Some("ketama") => pool.set_text("distribution", "ketama", origin),
        Some("random") => {
            let at = distribution.map_or(line, |it| it.line);
            let text = "`random` stores every key on any server, and cannot be matched: nothing \
                        would be found again. Pool is given ketama, and starts with misses.";
            work.lost(at, text.replace("Pool", &format!("Pool {}", pool.name)));
            pool.set_text("distribution", "ketama", Origin::chosen("in place of random"));
        }
        _ => {
            if let Some(entry) = distribution {
                work.unusable(entry, "a distribution of twemproxy");
            }
            pool.set_text("distribution", "ketama", Origin::chosen("twemproxy's default"));
        }
    }
    match source.entry("hash") {
        Some(entry) => match entry.value.as_text().filter(|it| HASHES.contains(it)) {
            Some(hash) => pool.set_text("hash", hash, work.of(entry)),
            None => work.unusable(entry, "a hash of twemproxy"),
        },
        None => pool.set_text("hash", "fnv1a_64", Origin::chosen("twemproxy's default")),
    }
    if let Some(entry) = source.entry("hash_tag") {
        let is_pair = |it: &&str| it.len() == 2 && it.bytes().all(|byte| byte.is_ascii_graphic());
        match entry.value.as_text().filter(is_pair) {
            Some(tag) => pool.set_text("hash_tag", tag, work.of(entry)),
            None => work.unusable(entry, "two visible ASCII characters"),
        }
    }
}

fn plan_setting(work: &mut Work, gathered: &mut Gathered, entry: &Entry) {
    let pool = &mut gathered.pool;
    match entry.key.as_str() {
        "distribution"
        | "hash"
        | "hash_tag"
        | "auto_eject_hosts"
        | "server_retry_timeout"
        | "server_failure_limit" => {}
        "redis" => work.needless(entry.line, "`redis: false` is all there is."),
        "listen" => gathered.listen(work, entry),
        "servers" => plan_servers(work, pool, entry),
        "timeout" => match millis(&entry.value).filter(|it| !it.is_zero()) {
            Some(time) => {
                let origin = work.of(entry);
                pool.set_timeout(Timeout::Answer, time, &origin, work.plan);
                pool.set_timeout(Timeout::Connect, time, &origin, work.plan);
            }
            None => work.unusable(entry, "a number of milliseconds"),
        },
        "client_connections" => match entry.value.as_integer() {
            Some(0) => work.needless(entry.line, NO_LIMIT),
            Some(number) if (1..=1_000_000).contains(&number) => {
                let value = Literal::Number(number.unsigned_abs());
                let setting = Setting::new("sessions_max", value, work.of(entry));
                setting.put(&mut gathered.listener);
            }
            _ => work.unusable(entry, "a number of connections from 1 to 1000000"),
        },
        "backlog" => work.needless(entry.line, "`backlog`: listeners take what the system allows."),
        "preconnect" => {
            work.needless(entry.line, "`preconnect`: connections are made at the start anyway.");
        }
        "server_connections" => work.needless(
            entry.line,
            "`server_connections`: each worker has one connection to a server, with many requests \
             in flight on it.",
        ),
        "tcpkeepalive" => {
            work.needless(entry.line, "`tcpkeepalive`: canaries notice servers that are gone.");
        }
        "reuse_port" => work.needless(entry.line, "`reuse_port`: workers share the port anyway."),
        "redis_auth" | "redis_db" => {
            let text = format!("`{}`: Evenkeel does not speak Redis yet.", entry.key);
            work.lost(entry.line, text);
        }
        _ => work.unknown(entry),
    }
}

const NO_LIMIT: &str = "`client_connections: 0` is no limit; `sessions_max` is 10000 by default.";

impl Gathered {
    /// Where it listens: an address, or a socket and its mode.
    fn listen(&mut self, work: &mut Work, entry: &Entry) {
        self.listener.retain(|it| it.key != "socket_mode");
        let Some(text) = entry.value.as_text() else {
            work.unusable(entry, "an address");
            return;
        };
        if !is_socket(text) {
            self.address = listen_at(work, entry, text);
            return;
        }
        let (path, mode) = text.split_once(' ').unwrap_or((text, ""));
        self.address = Some((format!("unix:{path}"), work.of(entry)));
        match mode.trim() {
            "" => {}
            mode if mode.parse::<SocketMode>().is_ok() => {
                self.listener.push(Setting::text("socket_mode", mode, work.of(entry)));
            }
            mode => {
                let text = format!("`listen`: {mode:?} is not the mode of a socket such as 0660.");
                work.lost(entry.line, text);
            }
        }
    }
}

/// An address of a network; a name is none here.
fn listen_at(work: &mut Work, entry: &Entry, text: &str) -> Option<(String, Origin)> {
    let text = if text.contains(':') { text.to_owned() } else { format!("{text}:22121") };
    let (host, port) = text.rsplit_once(':').unwrap_or((&text, ""));
    match host {
        "localhost" => {
            let note = format!(
                "`listen: {text}`: a listener takes no names. It is given 127.0.0.1, where \
                 localhost mostly leads."
            );
            work.chosen(entry.line, note);
            Some((format!("127.0.0.1:{port}"), work.of(entry)))
        }
        "" | "*" => Some((format!("0.0.0.0:{port}"), work.of(entry))),
        _ if text.parse::<std::net::SocketAddr>().is_ok() => Some((text, work.of(entry))),
        _ if format!("[{host}]:{port}").parse::<std::net::SocketAddr>().is_ok() => {
            Some((format!("[{host}]:{port}"), work.of(entry)))
        }
        _ => {
            let note = format!(
                "`listen: {}`: a listener takes an IP address and no name. Set the address that \
                 it stands for.",
                shorten(&text)
            );
            work.lost(entry.line, note);
            None
        }
    }
}

fn plan_servers(work: &mut Work, pool: &mut PoolPlan, entry: &Entry) {
    let Some(items) = entry.value.items() else {
        work.unusable(entry, "a list of servers");
        return;
    };
    for item in items {
        let Some(text) = item.as_text() else {
            let text = format!("a server of pool {} is {}. {MOVED}", pool.name, item.shown());
            work.lost(item.line, text);
            continue;
        };
        match read_line(text) {
            Ok((mut server, name)) => {
                server.origin = Origin::Source(Place::new(&work.file, item.line), text.to_owned());
                server.name = name;
                pool.push(server, work.plan);
            }
            Err(why) => {
                let text = format!(
                    "server {:?} is left out of pool {}: {why}. {MOVED}",
                    shorten(text),
                    pool.name
                );
                work.lost(item.line, text);
            }
        }
    }
}

/// Reads `host:port:weight` or `host:port:weight name`, from its end as twemproxy does.
fn read_line(text: &str) -> Result<(ServerPlan, Option<String>), String> {
    let (address, name) = match text.trim().split_once(' ') {
        Some((address, name)) => (address, Some(name.trim().to_owned())),
        None => (text.trim(), None),
    };
    if is_socket(address) {
        return Err("a server behind a Unix socket is not supported yet".to_owned());
    }
    let form = "it is not `host:port:weight`";
    let (rest, weight) = address.rsplit_once(':').ok_or(form)?;
    let (host, port) = rest.rsplit_once(':').ok_or(form)?;
    let weight = read_weight(weight)?;
    let is_bare_ipv6 = host.contains(':') && !host.starts_with('[');
    let address = if is_bare_ipv6 { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let address = read_server(&address)?.address;
    if let Some(name) = &name {
        name.parse::<evenkeel_core::config::ServerName>()
            .map_err(|error| format!("its name cannot be carried over: {error}"))?;
    }
    let origin = Origin::chosen("");
    Ok((ServerPlan { address, name: None, weight, origin }, name))
}

/// `auto_eject_hosts` and what goes with it.
fn decide_failover(work: &mut Work, pool: &mut PoolPlan, source: &Value, line: usize) {
    let entry = source.entry("auto_eject_hosts");
    let ejects = entry.and_then(|it| it.value.as_bool());
    if let Some(entry) = entry.filter(|it| matches!(it.value.data, Data::Dynamic(_))) {
        work.unusable(entry, "true or false");
    }
    if ejects != Some(true) {
        let origin = match entry {
            Some(entry) => work.of(entry),
            None => Origin::chosen("twemproxy's default: auto_eject_hosts: false"),
        };
        pool.set_text("failover", "none", origin);
        for key in ["server_retry_timeout", "server_failure_limit"] {
            if let Some(entry) = source.entry(key) {
                let text = format!("`{key}` has no effect without `auto_eject_hosts: true`.");
                work.needless(entry.line, text);
            }
        }
        return;
    }
    let origin = entry.map_or(Origin::chosen(""), |it| work.of(it));
    pool.set_text("failover", "next", origin);
    let text = format!(
        "pool {}: twemproxy builds the ring again without an ejected server, and sends it live \
         requests after `server_retry_timeout`. Here the ring stays and only the failed server's \
         keys move; it is ejected on canaries and on what requests meet, and is used again when \
         canaries are good ([pool.{}.health]).",
        pool.name, pool.name
    );
    let place = work.at(entry.map_or(line, |it| it.line));
    work.plan.note(NoteKind::Differs, Some(place), text);
    for key in ["server_retry_timeout", "server_failure_limit"] {
        if let Some(entry) = source.entry(key) {
            let text = format!("`{key}`: canaries decide when a server is out and back.");
            work.needless(entry.line, text);
        }
    }
}
