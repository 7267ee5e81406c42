//! What becomes of each line of an ini file that is no pool's setting.

use super::super::Work;
use super::Client;
use crate::value::{Data, Entry, shorten};

/// Says what becomes of a line: nothing of it is a setting here, or all of it is said elsewhere.
pub(super) fn say(work: &mut Work, entry: &Entry, client: Option<Client>) {
    let key = entry.key.as_str();
    if is_setting(key) {
        check_value(work, entry);
    } else if key.starts_with("session.save") {
        say_session(work, entry, client);
    } else if let Some(text) = unlike(entry) {
        work.lost(entry.line, text);
    } else if let Some(text) = alike(entry) {
        work.needless(entry.line, text);
    } else if is_of_the_program(key) {
        let text = format!("`{}` stays with PHP: values and keys pass as they are.", shorten(key));
        work.needless(entry.line, text);
    } else if key.contains("memcache") && key != "extension" {
        work.unknown(entry);
    }
    // The rest of php.ini is not about caches.
}

/// What pools are made of, and where.
fn is_setting(key: &str) -> bool {
    let known = [
        "memcache.hash_strategy",
        "memcache.hash_function",
        "memcache.session_save_path",
        "memcache.allow_failover",
        "memcache.default_port",
        "memcached.sess_servers",
        "memcached.sess_prefix",
        "memcached.sess_consistent_hash",
        "memcached.sess_consistent_hash_type",
        "memcached.default_consistent_hash",
        "memcached.sess_remove_failed_servers",
        "memcached.sess_remove_failed",
    ];
    known.contains(&key)
}

/// A value that its program refuses, and has its default for.
fn check_value(work: &mut Work, entry: &Entry) {
    let known: &[&str] = match entry.key.as_str() {
        "memcache.hash_strategy" => &["standard", "consistent"],
        "memcache.hash_function" => &["crc32", "fnv"],
        "memcached.sess_consistent_hash_type" => &["ketama", "ketama_weighted"],
        _ => return,
    };
    if !entry.value.as_text().is_some_and(|it| known.contains(&it)) {
        work.unusable(entry, "a value that PHP knows; its default is taken");
    }
}

fn say_session(work: &mut Work, entry: &Entry, client: Option<Client>) {
    let line = entry.line;
    match (entry.key.as_str(), entry.value.as_text()) {
        ("session.save_handler", Some("memcache" | "memcached")) => {}
        ("session.save_handler", Some("redis" | "rediscluster")) => {
            work.lost(line, "sessions are in Redis, which Evenkeel does not speak yet.");
        }
        ("session.save_handler", _) => {
            work.needless(line, "`session.save_handler`: sessions are not in memcached.");
        }
        ("session.save_path", _) if client.is_none() => {
            work.needless(line, "`session.save_path`: sessions are not in memcached.");
        }
        ("session.save_path", _) => {}
        _ => work.unknown(entry),
    }
}

/// What Evenkeel does not do.
fn unlike(entry: &Entry) -> Option<String> {
    let name = shorten(&entry.key);
    let is_on = entry.value.as_bool() == Some(true);
    match entry.key.as_str() {
        "memcache.redundancy"
        | "memcache.session_redundancy"
        | "memcached.sess_number_of_replicas" => {
            let copies_least = if name.starts_with("memcached.") { 1 } else { 2 };
            let is_one = entry.value.as_integer().is_some_and(|copies| copies < copies_least);
            (!is_one).then(|| format!("`{name}`: Evenkeel stores one copy of a value."))
        }
        "memcache.protocol"
        | "memcached.sess_binary_protocol"
        | "memcached.sess_binary"
        | "memcached.default_binary_protocol" => {
            let is_binary = is_on || entry.value.as_text() == Some("binary");
            let text = "Evenkeel does not speak the binary protocol; turn it off.";
            is_binary.then(|| format!("`{name}`: {text}"))
        }
        "memcached.use_sasl" | "memcached.sess_sasl_username" | "memcached.sess_sasl_password" => {
            let is_set = entry.value.as_bool() != Some(false) && entry.value.data != Data::Null;
            is_set.then(|| format!("`{name}`: Evenkeel has no SASL; servers must do without."))
        }
        _ => None,
    }
}

/// What need not be set.
fn alike(entry: &Entry) -> Option<String> {
    let name = shorten(&entry.key);
    let text = match entry.key.as_str() {
        "memcache.redundancy"
        | "memcache.session_redundancy"
        | "memcached.sess_number_of_replicas"
        | "memcached.sess_randomize_replica_read" => "there is one copy, as here.",
        "memcache.protocol"
        | "memcached.sess_binary_protocol"
        | "memcached.sess_binary"
        | "memcached.default_binary_protocol" => "the text protocol is spoken here.",
        "memcached.use_sasl" | "memcached.sess_sasl_username" | "memcached.sess_sasl_password" => {
            "it is not used."
        }
        "memcache.max_failover_attempts" => {
            "every server is tried in the key's order, within `deadline`."
        }
        "memcached.sess_server_failure_limit"
        | "memcached.sess_connect_timeout"
        | "memcached.default_connect_timeout"
        | "memcached.store_retry_count" => {
            "it is between PHP and the proxy now; for servers there are `connect_timeout`, \
             `timeout` and `deadline`."
        }
        _ => return None,
    };
    Some(format!("`{name}`: {text}"))
}

/// What concerns values, locks, and keys before they are sent.
fn is_of_the_program(key: &str) -> bool {
    let (extension, name) = key.split_once('.').unwrap_or((key, ""));
    let starts = [
        "compress",
        "serializer",
        "chunk_size",
        "lock_timeout",
        "sess_lock",
        "prefix_",
        "igbinary",
        "session_prefix_",
        "sess_persistent",
        "dbpath",
        "maxreclevel",
        "maxfiles",
        "archivememlim",
        "maxfilesize",
        "maxratio",
        "item_size_limit",
    ];
    matches!(extension, "memcache" | "memcached") && starts.iter().any(|it| name.starts_with(it))
}
