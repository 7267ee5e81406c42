//! What a model server holds, and what memcached says to each request.
//!
//! The requests are parsed by core's own codec, so that what a worker writes is held to what a
//! worker reads. The answers are written here, by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::protocol::request::{
    ArithmeticOp, MetaOp, MetaRequest, Request, Retrieval, StoreOp,
};
use evenkeel_core::protocol::token::{self, Tokens};

/// Items by key.
#[derive(Debug, Default)]
pub(super) struct Store {
    items: BTreeMap<Vec<u8>, Item>,
    /// The token that each key's item had last. memcached counts all stores of a server as one;
    /// here each key has its own count, so that two servers often have the same token for
    /// different values. It outlives a restart: that a token from before it fits a value from
    /// after it is no proxy's doing.
    tokens: BTreeMap<Vec<u8>, u64>,
    /// What each key's count begins after.
    tokens_start: u64,
}

#[derive(Clone, Debug)]
struct Item {
    client_flags: u32,
    value: Vec<u8>,
    cas: u64,
    expires_at: Option<Instant>,
}

/// What became of a store.
enum Stored {
    Yes,
    No,
    Exists,
    NotFound,
}

impl Stored {
    fn line(&self) -> &'static [u8] {
        match self {
            Self::Yes => b"STORED\r\n",
            Self::No => b"NOT_STORED\r\n",
            Self::Exists => b"EXISTS\r\n",
            Self::NotFound => b"NOT_FOUND\r\n",
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Yes => "HD",
            Self::No => "NS",
            Self::Exists => "EX",
            Self::NotFound => "NF",
        }
    }
}

impl Store {
    /// One whose tokens are above `tokens_start`.
    pub(super) fn counting_after(tokens_start: u64) -> Self {
        Self { tokens_start, ..Self::default() }
    }

    /// Everything is lost, as by a restart.
    pub(super) fn clear(&mut self) {
        self.items.clear();
    }

    /// Carries out a request and returns what memcached says.
    pub(super) fn execute(&mut self, now: Instant, request: &Request<'_>) -> Vec<u8> {
        match request {
            Request::Retrieve { how, keys } => {
                let mut response = Vec::new();
                for key in keys {
                    self.retrieve(now, *how, key, &mut response);
                }
                response.extend_from_slice(b"END\r\n");
                response
            }
            Request::Store { op, key, client_flags, exptime, value, .. } => {
                let expires_at = expiry(now, *exptime);
                let item =
                    Item { client_flags: *client_flags, value: value.to_vec(), cas: 0, expires_at };
                self.store(now, *op, key, item).line().to_vec()
            }
            Request::Delete { key, .. } => {
                let was_there = self.live(now, key).is_some();
                self.items.remove(*key);
                if was_there { b"DELETED\r\n".to_vec() } else { b"NOT_FOUND\r\n".to_vec() }
            }
            Request::Arithmetic { op, key, delta, .. } => match self.add(now, *op, key, *delta) {
                Ok(Some(number)) => format!("{number}\r\n").into_bytes(),
                Ok(None) => b"NOT_FOUND\r\n".to_vec(),
                Err(()) => NOT_A_NUMBER.to_vec(),
            },
            Request::Touch { key, exptime, .. } => match self.touch(now, key, *exptime) {
                Some(()) => b"TOUCHED\r\n".to_vec(),
                None => b"NOT_FOUND\r\n".to_vec(),
            },
            Request::Meta(meta) => meta.with_real_key(|key| self.meta(now, meta, key)),
            Request::FlushAll { .. } => {
                self.items.clear();
                b"OK\r\n".to_vec()
            }
            Request::MetaNoop => b"MN\r\n".to_vec(),
            Request::Version => b"VERSION 1.6.18\r\n".to_vec(),
            Request::Verbosity { .. } => b"OK\r\n".to_vec(),
            Request::Stats { .. } => b"END\r\n".to_vec(),
            Request::Quit => Vec::new(),
        }
    }

    /// Stores the value of another key under a key, if there are two.
    pub(super) fn mix_up(&mut self) {
        let mut keys = self.items.keys().filter(|key| key.starts_with(b"k")).cloned();
        if let (Some(one), Some(other)) = (keys.next(), keys.next_back()) {
            let item = self.items[&one].clone();
            self.items.insert(other, item);
        }
    }

    fn live(&self, now: Instant, key: &[u8]) -> Option<&Item> {
        self.items.get(key).filter(|item| item.expires_at.is_none_or(|at| at > now))
    }

    fn retrieve(&mut self, now: Instant, how: Retrieval, key: &[u8], response: &mut Vec<u8>) {
        if let Retrieval::Gat(exptime) | Retrieval::Gats(exptime) = how {
            self.touch(now, key, exptime);
        }
        let Some(item) = self.live(now, key) else { return };
        let (flags, len) = (item.client_flags, item.value.len());
        let cas = if how.has_cas() { format!(" {}", item.cas) } else { String::new() };
        response.extend_from_slice(b"VALUE ");
        response.extend_from_slice(key);
        response.extend_from_slice(format!(" {flags} {len}{cas}\r\n").as_bytes());
        response.extend_from_slice(&item.value);
        response.extend_from_slice(b"\r\n");
    }

    fn store(&mut self, now: Instant, op: StoreOp, key: &[u8], item: Item) -> Stored {
        let stored = match (op, self.live(now, key)) {
            (StoreOp::Add, Some(_))
            | (StoreOp::Replace | StoreOp::Append | StoreOp::Prepend, None) => Stored::No,
            (StoreOp::Cas(_), None) => Stored::NotFound,
            (StoreOp::Cas(cas), Some(held)) if held.cas != cas => Stored::Exists,
            _ => Stored::Yes,
        };
        if let Stored::Yes = stored {
            let token = self.tokens.entry(key.to_vec()).or_insert(self.tokens_start);
            *token += 1;
            self.items.insert(key.to_vec(), Item { cas: *token, ..item });
        }
        stored
    }

    fn touch(&mut self, now: Instant, key: &[u8], exptime: i64) -> Option<()> {
        self.live(now, key)?;
        self.items.get_mut(key)?.expires_at = expiry(now, exptime);
        Some(())
    }

    fn add(
        &mut self,
        now: Instant,
        op: ArithmeticOp,
        key: &[u8],
        delta: u64,
    ) -> Result<Option<u64>, ()> {
        let Some(held) = self.live(now, key) else { return Ok(None) };
        let number = token::unsigned(&held.value).ok_or(())?;
        let number = match op {
            ArithmeticOp::Incr => number.wrapping_add(delta),
            ArithmeticOp::Decr => number.saturating_sub(delta),
        };
        let item = Item { value: number.to_string().into_bytes(), ..held.clone() };
        self.store(now, StoreOp::Set, key, item);
        Ok(Some(number))
    }

    fn meta(&mut self, now: Instant, meta: &MetaRequest<'_>, key: &[u8]) -> Vec<u8> {
        match meta.op {
            MetaOp::Get => match self.live(now, key) {
                Some(item) => meta_item(meta, item),
                None => meta_line("EN", meta, None),
            },
            MetaOp::Set => {
                let client_flags = flag(meta, b'F').and_then(token::unsigned);
                let client_flags = client_flags.and_then(|it| u32::try_from(it).ok());
                let item = Item {
                    client_flags: client_flags.unwrap_or_default(),
                    value: meta.value.unwrap_or_default().to_vec(),
                    cas: 0,
                    expires_at: flag(meta, b'T').and_then(exptime).and_then(|it| expiry(now, it)),
                };
                meta_line(self.store(now, StoreOp::Set, key, item).code(), meta, None)
            }
            MetaOp::Delete => {
                let code = if self.live(now, key).is_some() { "HD" } else { "NF" };
                self.items.remove(key);
                meta_line(code, meta, None)
            }
            MetaOp::Arithmetic => match self.add(now, ArithmeticOp::Incr, key, 1) {
                Ok(None) => meta_line("NF", meta, None),
                Ok(Some(_)) => meta_item(meta, &self.items[key]),
                Err(()) => NOT_A_NUMBER.to_vec(),
            },
            MetaOp::Debug => meta_line("EN", meta, None),
        }
    }
}

fn meta_item(meta: &MetaRequest<'_>, item: &Item) -> Vec<u8> {
    if flag(meta, b'v').is_none() {
        return meta_line("HD", meta, Some(item));
    }
    let mut response = meta_line(&format!("VA {}", item.value.len()), meta, Some(item));
    response.extend_from_slice(&item.value);
    response.extend_from_slice(b"\r\n");
    response
}

/// A line with the flags that were asked for, in the order they were asked for.
fn meta_line(code: &str, meta: &MetaRequest<'_>, item: Option<&Item>) -> Vec<u8> {
    let mut line = code.as_bytes().to_vec();
    for word in Tokens::new(meta.flags) {
        let returned = match (word[0], item) {
            (b'O', _) => word.to_vec(),
            (b'k', _) => [&b"k"[..], meta.key, if meta.base64_key { b" b" } else { b"" }].concat(),
            (b'f', Some(item)) => format!("f{}", item.client_flags).into_bytes(),
            (b'c', Some(item)) => format!("c{}", item.cas).into_bytes(),
            (b's', Some(item)) => format!("s{}", item.value.len()).into_bytes(),
            (b't', Some(_)) => b"t-1".to_vec(),
            _ => continue,
        };
        line.push(b' ');
        line.extend_from_slice(&returned);
    }
    line.extend_from_slice(b"\r\n");
    line
}

fn flag<'a>(meta: &MetaRequest<'a>, letter: u8) -> Option<&'a [u8]> {
    Tokens::new(meta.flags).find(|word| word[0] == letter).map(|word| &word[1..])
}

fn exptime(word: &[u8]) -> Option<i64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Seconds from now, 0 for never, negative for at once.
fn expiry(now: Instant, exptime: i64) -> Option<Instant> {
    match exptime {
        0 => None,
        seconds => Some(now + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())),
    }
}

const NOT_A_NUMBER: &[u8] = b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";
