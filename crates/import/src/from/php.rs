//! PHP: `memcache.*` of PECL memcache, `memcached.*` of php-memcached, sessions in either, and the
//! connection strings that both take.
//!
//! An ini file seldom has servers but those of sessions: the others are in the program
//! (`addServer`). Sources: php-memcached's session handler and PECL memcache 8.0.

mod said;
mod servers;

use std::rc::Rc;

use evenkeel_core::config::SERVER_PORT_DEFAULT;

use super::{Work, set_unhashed_prefix};
use crate::note::NoteKind;
use crate::plan::{Origin, PoolPlan};
use crate::value::{Data, Entry, Value};

/// The lines of all ini files, in the order in which PHP reads them: the last of a key counts.
struct Ini<'s> {
    entries: Vec<(&'s Rc<str>, &'s Entry)>,
}

impl<'s> Ini<'s> {
    fn find(&self, key: &str) -> Option<(&'s Rc<str>, &'s Entry)> {
        self.entries.iter().rev().find(|(_, entry)| entry.key == key).copied()
    }

    fn text(&self, key: &str) -> Option<&'s str> {
        self.find(key)?.1.value.as_text()
    }
}

/// Whose a list of servers is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    Memcache,
    Memcached,
}

/// The settings of all ini files together.
pub(crate) fn plan_php(work: &mut Work, sources: &[(Rc<str>, Value)]) {
    let all = sources.iter().flat_map(|(file, value)| {
        value.entries().unwrap_or_default().iter().map(move |entry| (file, entry))
    });
    let ini = Ini { entries: all.collect() };
    let handler = ini.text("session.save_handler");
    let path = ini
        .find("memcache.session_save_path")
        .filter(|_| handler == Some("memcache"))
        .or_else(|| ini.find("memcached.sess_servers"))
        .or_else(|| ini.find("session.save_path"));
    let client = match handler {
        Some("memcache") => Some(Client::Memcache),
        Some("memcached") => Some(Client::Memcached),
        Some(_) => None,
        None => path.and_then(|(_, entry)| Some(client_of(entry.value.as_text()?))),
    };
    if let (Some(client), Some((file, entry))) = (client, path) {
        work.file = Rc::clone(file);
        plan_sessions(work, &ini, client, entry);
    }
    let has = |prefix: &str| ini.entries.iter().any(|(_, it)| it.key.starts_with(prefix));
    for (of, prefix) in [(Client::Memcache, "memcache."), (Client::Memcached, "memcached.")] {
        let is_of_sessions = client == Some(of) && path.is_some();
        if has(prefix) && (!is_of_sessions || work.servers.is_some()) {
            plan_application(work, &ini, of, prefix);
        }
    }
    for &(file, entry) in &ini.entries {
        work.file = Rc::clone(file);
        said::say(work, entry, client);
    }
}

/// A connection string.
pub(crate) fn plan_php_text(work: &mut Work, text: &str) {
    let name = work.plan.pool_name("main");
    let mut pool = PoolPlan::new(name, work.origin(1, "a connection string"));
    let ini = Ini { entries: Vec::new() };
    let text = text.trim();
    let text = text.strip_prefix("session.save_path=").unwrap_or(text).trim_matches(['"', '\'']);
    match client_of(text) {
        Client::Memcache => {
            place_memcache(work, &mut pool, &ini);
            servers::memcache_servers(work, &mut pool, text, 1, SERVER_PORT_DEFAULT);
        }
        Client::Memcached => {
            servers::memcached_servers(work, &mut pool, text, 1);
            let is_weighted = pool.servers.iter().any(|it| it.weight > 1);
            let why = Origin::chosen("php-memcached with its defaults");
            pool.set_text("compatible_with", "php-memcached", why);
            stay_at_home(&mut pool);
            let text = format!(
                "the string does not say how php-memcached is set up: pool {} has its defaults \
                 (modula{}). With OPT_LIBKETAMA_COMPATIBLE set `compatible_with = \
                 \"php-memcached-ketama\"`{}; for sessions import the ini file.",
                pool.name,
                if is_weighted { ", which ignores weights" } else { "" },
                if is_weighted { " and the weights" } else { "" },
            );
            work.differs(1, text);
        }
    }
    work.plan.add(pool, None, Vec::new());
}

fn client_of(text: &str) -> Client {
    if text.contains("://") { Client::Memcache } else { Client::Memcached }
}

fn plan_sessions(work: &mut Work, ini: &Ini, client: Client, path: &Entry) {
    let name = work.plan.pool_name("sessions");
    let mut pool = PoolPlan::new(name, work.origin(path.line, path.key.clone()));
    let text = if let Data::Text(text) = &path.value.data {
        text
    } else {
        work.dynamic_servers(&mut pool, path.line, &path.value.shown());
        ""
    };
    match client {
        Client::Memcache => {
            servers::memcache_servers(work, &mut pool, text, path.line, default_port(ini));
            place_memcache(work, &mut pool, ini);
            work.lost(path.line, SESSIONS);
            if ini.find("memcache.session_redundancy").is_none() {
                work.lost(path.line, REDUNDANCY);
            }
        }
        Client::Memcached => {
            servers::memcached_servers(work, &mut pool, text, path.line);
            place_memcached_sessions(work, &mut pool, ini, path.line);
        }
    }
    work.plan.add(pool, None, Vec::new());
}

const SESSIONS: &str = "PECL memcache's session handler places a session by its key with `-0` after \
     it, which no setting here says: most sessions that are there now are not found, and begin \
     anew.";

const REDUNDANCY: &str = "PECL memcache stores each session on two servers by default \
     (`memcache.session_redundancy = 2`). Evenkeel stores one copy: a session is lost with its \
     server, unless another was given it since.";

/// The pool of the clients that the program makes itself, whose servers are in it.
fn plan_application(work: &mut Work, ini: &Ini, client: Client, prefix: &str) {
    let Some(&(file, first)) = ini.entries.iter().find(|(_, it)| it.key.starts_with(prefix)) else {
        return;
    };
    work.file = Rc::clone(file);
    let name = work.plan.pool_name("main");
    let said = format!("{prefix}*");
    let mut pool = PoolPlan::new(name, work.origin(first.line, said));
    work.dynamic_servers(&mut pool, first.line, "addServer() in the program");
    match client {
        Client::Memcache => place_memcache(work, &mut pool, ini),
        Client::Memcached => {
            let is_on = |key| ini.find(key).filter(|(_, it)| it.value.as_bool() == Some(true));
            if let Some((file, entry)) = is_on("memcached.default_consistent_hash") {
                work.file = Rc::clone(file);
                let origin = work.of(entry);
                pool.set_text("distribution", "libmemcached-consistent", origin);
            } else {
                let why = Origin::chosen("php-memcached with its defaults");
                pool.set_text("compatible_with", "php-memcached", why);
            }
            stay_at_home(&mut pool);
            let text = format!(
                "pool {}: what the program sets by setOption() (OPT_LIBKETAMA_COMPATIBLE, \
                 OPT_HASH, OPT_PREFIX_KEY, …) is not in the ini file: set it here \
                 (docs/routing.md).",
                pool.name
            );
            work.differs(first.line, text);
        }
    }
    work.plan.add(pool, None, Vec::new());
}

fn default_port(ini: &Ini) -> u16 {
    let port = ini.find("memcache.default_port").and_then(|(_, it)| it.value.as_integer());
    port.and_then(|port| port.try_into().ok()).unwrap_or(SERVER_PORT_DEFAULT)
}

/// `hash_strategy`, `hash_function`, `allow_failover`.
fn place_memcache(work: &mut Work, pool: &mut PoolPlan, ini: &Ini) {
    let mut origin_of = |key: &str| {
        let (file, entry) = ini.find(key)?;
        work.file = Rc::clone(file);
        Some((entry.value.as_scalar().unwrap_or_default(), work.of(entry)))
    };
    let (distribution, origin) = match origin_of("memcache.hash_strategy") {
        Some(("standard", origin)) => ("pecl-standard", origin),
        Some((_, origin)) => ("pecl-consistent", origin),
        None => ("pecl-consistent", Origin::chosen("PECL memcache's default since 3.0")),
    };
    let hash = match origin_of("memcache.hash_function") {
        Some(("fnv", origin)) => ("fnv", origin),
        Some((_, origin)) => ("crc32", origin),
        None => ("crc32", Origin::chosen("PECL memcache's default")),
    };
    let failover = match origin_of("memcache.allow_failover") {
        Some(("0" | "Off" | "off" | "false", origin)) => ("none", origin),
        Some((_, origin)) => ("next", origin),
        None => ("next", Origin::chosen("PECL memcache's default: allow_failover = 1")),
    };
    if matches!(origin, Origin::Chosen(_)) {
        let text = format!(
            "pool {}: nothing sets memcache.hash_strategy; PECL memcache has consistent by \
             default since 3.0, and 2.x had standard (`distribution = \"pecl-standard\"`).",
            pool.name
        );
        work.plan.note(NoteKind::Chosen, None, text);
    }
    pool.set_text("distribution", distribution, origin);
    pool.set_text("hash", hash.0, hash.1);
    pool.set_text("failover", failover.0, failover.1);
}

/// libmemcached moves no key of a failed server unless it is told to.
fn stay_at_home(pool: &mut PoolPlan) {
    let why = "libmemcached's default: keys of a failed server stay its own";
    pool.set_text("failover", "none", Origin::chosen(why));
}

/// How the session handler of php-memcached places keys.
fn place_memcached_sessions(work: &mut Work, pool: &mut PoolPlan, ini: &Ini, line: usize) {
    let on = ini.find("memcached.sess_consistent_hash");
    let of_type = ini.find("memcached.sess_consistent_hash_type");
    let is_off = on.is_some_and(|(_, it)| it.value.as_bool() == Some(false));
    let origin = |work: &mut Work, found: Option<(&Rc<str>, &Entry)>, otherwise: &str| match found {
        Some((file, entry)) => {
            work.file = Rc::clone(file);
            work.of(entry)
        }
        None => Origin::chosen(otherwise),
    };
    if is_off {
        let origin = origin(work, on, "");
        pool.set_text("distribution", "libmemcached-modula", origin);
    } else {
        let said = of_type.and_then(|(_, it)| it.value.as_text());
        let origin = origin(work, of_type.or(on), "php-memcached's default");
        if said == Some("ketama_weighted") {
            pool.set_text("distribution", "libmemcached-ketama", origin);
        } else {
            // Servers are added before `ketama` is set, which turns their weights off again.
            pool.set_text("distribution", "libmemcached-consistent", origin);
        }
        if said.is_none() {
            let text = format!(
                "pool {}: nothing sets memcached.sess_consistent_hash_type. It is taken to be \
                 `ketama`, php-memcached 3's default; 2.x has `ketama_weighted`, which is \
                 `distribution = \"libmemcached-ketama\"`. Check with `evenkeel verify-map`.",
                pool.name
            );
            work.differs(line, text);
        }
    }
    stay_at_home(pool);
    for key in ["memcached.sess_remove_failed_servers", "memcached.sess_remove_failed"] {
        let found = ini.find(key).filter(|(_, it)| it.value.as_bool() == Some(true));
        if let Some((file, entry)) = found {
            work.file = Rc::clone(file);
            pool.set_text("failover", "next", work.of(entry));
        }
    }
    if let Some((file, entry)) = ini.find("memcached.sess_prefix") {
        work.file = Rc::clone(file);
        if entry.value.data != Data::Null {
            set_unhashed_prefix(work, pool, entry);
        }
    } else {
        let why = Origin::chosen("php-memcached's default since 2.2");
        pool.set_text("unhashed_prefix", "memc.sess.key.", why);
        let text = format!(
            "pool {}: nothing sets memcached.sess_prefix, whose default is \
             \"memc.sess.key.\" (it is sent and not hashed).",
            pool.name
        );
        work.plan.note(NoteKind::Chosen, None, text);
    }
    if ini.find("memcached.sess_binary_protocol").is_none() {
        work.differs(line, BINARY);
    }
}

const BINARY: &str = "php-memcached's sessions may speak the binary protocol by default, and \
     Evenkeel speaks the text protocol: set `memcached.sess_binary_protocol = Off`.";
