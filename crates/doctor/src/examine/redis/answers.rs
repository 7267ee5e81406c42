//! What a Redis server's answers mean: values in, facts out. Whatever has another shape than it
//! should is left out.

use std::net::SocketAddr;
use std::time::Duration;

use redis::Value;

use super::conversation::{printable, shortened};
use crate::facts::{Figures, LatencyEvent, RedisClient, SlowCommand};

/// A text, as `INFO` and `CLIENT LIST` are.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.clone()),
        Value::Okay => Some("OK".to_owned()),
        _ => None,
    }
}

/// `name:value` by line, as in `INFO` and `CLUSTER INFO`.
pub(super) fn figures(text: &str) -> Figures {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.take(LINES_MAX).filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (printable(name), printable(value))).collect()
}

/// `CONFIG GET *`: names and values in turn. Whatever is or may be a password, or a user, is
/// dropped; whether there is one for the default user is told.
pub(super) fn config(value: Value) -> (Figures, Option<bool>) {
    let pairs = pairs(value);
    let password = pairs.iter().find(|(name, _)| name == "requirepass");
    let has_password = password.map(|(_, value)| !value.is_empty());
    let harmless = pairs.iter().filter(|(name, _)| !is_secret(name));
    let harmless = harmless.map(|(name, value)| (printable(name), printable(value)));
    (harmless.collect(), has_password)
}

fn pairs(value: Value) -> Vec<(String, String)> {
    let items = match value {
        Value::Array(items) => items,
        Value::Map(pairs) => pairs.into_iter().flat_map(|(name, value)| [name, value]).collect(),
        _ => Vec::new(),
    };
    let pairs = items.chunks_exact(2);
    pairs.filter_map(|pair| Some((text(&pair[0])?.to_ascii_lowercase(), text(&pair[1])?))).collect()
}

/// Rather one setting too many than a password in a report: names that servers and modules do not
/// have today are among them.
fn is_secret(name: &str) -> bool {
    // `acl-pubsub-default` and `aclfile` are none; `tls-auth-clients` is none.
    let words = ["pass", "secret", "token", "credential"];
    words.iter().any(|it| name.contains(it)) || name.ends_with("auth") || name.ends_with("user")
}

/// `SLOWLOG GET`, at `now` by the server's clock, in seconds since 1970.
pub(super) fn slow_log(value: &Value, now: u64) -> Vec<SlowCommand> {
    items(value).iter().filter_map(|entry| slow_command(items(entry), now)).collect()
}

fn slow_command(entry: &[Value], now: u64) -> Option<SlowCommand> {
    let [_, at, took, words, rest @ ..] = entry else { return None };
    let words: Vec<_> = items(words).iter().filter_map(text).collect();
    let client = rest.first().and_then(text).filter(|it| !it.is_empty());
    Some(SlowCommand {
        ago_seconds: now.saturating_sub(number(at)?),
        took: Duration::from_micros(number(took)?),
        command: slow_words(&words),
        client,
    })
}

/// A command of the slow log, cut to a line. Newer servers hide passwords; older ones do not.
fn slow_words(words: &[String]) -> String {
    let name = words.first().map(|it| it.to_ascii_uppercase()).unwrap_or_default();
    let kept = match name.as_str() {
        "AUTH" | "HELLO" | "MIGRATE" => 1,
        "ACL" | "CONFIG" | "SENTINEL" => 2,
        _ => words.len(),
    };
    let mut line = words[..kept.min(words.len())].join(" ");
    if kept < words.len() {
        line.push_str(" …");
    }
    let line = printable(&line);
    match line.char_indices().nth(COMMAND_LEN_MAX) {
        Some((end, _)) => format!("{} …", line[..end].trim_end()),
        None => line,
    }
}

/// `LATENCY LATEST`, at `now` by the server's clock.
pub(super) fn latency_events(value: &Value, now: u64) -> Vec<LatencyEvent> {
    let event = |event: &Value| {
        let [name, at, last, max, ..] = items(event) else { return None };
        Some(LatencyEvent {
            name: shortened(&text(name)?),
            ago_seconds: now.saturating_sub(number(at)?),
            last: Duration::from_millis(number(last)?),
            max: Duration::from_millis(number(max)?),
        })
    };
    items(value).iter().filter_map(event).collect()
}

/// `CLIENT LIST`, without those whose number or address is one of ours.
pub(super) fn clients(text: &str, our_ids: &[i64], our_addrs: &[SocketAddr]) -> Vec<RedisClient> {
    let ours: Vec<_> = our_addrs.iter().map(ToString::to_string).collect();
    let clients = text.lines().take(LINES_MAX).filter_map(|line| client(line, &ours));
    clients.filter(|it| !our_ids.iter().any(|id| u64::try_from(*id) == Ok(it.id))).collect()
}

fn client(line: &str, ours: &[String]) -> Option<RedisClient> {
    let fields: Figures = line.split(' ').filter_map(|field| field.split_once('=')).collect();
    let word = |name: &str| fields.word(name).unwrap_or_default();
    let number = |name: &str| word(name).parse().unwrap_or(0);
    let addr = fields.word("addr")?;
    if ours.iter().any(|it| it == addr) {
        return None;
    }
    // A client on a Unix socket has the path and `:0`.
    let address = addr.rsplit_once(':').map_or(addr, |(address, _)| address);
    Some(RedisClient {
        id: number("id"),
        address: shortened(address.trim_start_matches('[').trim_end_matches(']')),
        name: shortened(word("name")),
        flags: shortened(word("flags")),
        age: Duration::from_secs(number("age")),
        idle: Duration::from_secs(number("idle")),
        doing: shortened(word("cmd")),
        output_bytes: number("omem"),
    })
}

/// `TIME`, in seconds since 1970.
pub(super) fn time(value: &Value) -> Option<f64> {
    let [seconds, micros] = items(value) else { return None };
    let parse = |value| text(value)?.parse::<u32>().ok().map(f64::from);
    Some(parse(seconds)? + parse(micros)? / 1e6)
}

/// The items of a list; none, if it is none.
pub(super) fn items(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        _ => &[],
    }
}

/// A number that is not negative.
pub(super) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        other => text(other)?.parse().ok(),
    }
}

/// How many lines of a text are read: more clients than a server has by default, four times over.
const LINES_MAX: usize = 40_000;
/// The most of a command that is kept, in characters.
const COMMAND_LEN_MAX: usize = 120;

#[cfg(test)]
mod tests;
