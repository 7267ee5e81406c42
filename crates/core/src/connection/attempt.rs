//! One send of one request to one server.

use std::ops::Range;

use crate::Instant;
use crate::id::ExchangeId;
use crate::protocol::meta::DecodedKey;
use crate::protocol::request::Class;
use crate::protocol::response::{Expect, Invalid, Response, check_meta_flags};
use crate::protocol::token::{self, Tokens};
use crate::recovery::Generation;
use crate::routing::{Effect, PoolId};

/// One send of one request to one server.
#[derive(Debug)]
pub struct Attempt {
    /// Whose it is.
    pub exchange: ExchangeId,
    /// Which part of that exchange.
    pub part: u16,
    /// How many keys it asks about.
    pub keys_len: u32,
    /// What the request does.
    pub class: Class,
    /// What kind of response it calls for.
    pub expect: Expect,
    /// The keys are written in base64 (meta flag `b`).
    pub base64_key: bool,
    /// The pool that its keys belong to.
    pub pool: PoolId,
    /// What it may do to its key's value.
    pub effect: Effect,
    /// Given by recovery when it was routed, and to be given back when it has ended.
    pub mark: Option<Generation>,
    /// What CAS tokens are disguised by; 0 if its server is the key's home.
    pub disguise: u64,
    /// It was given up; nobody waits for its response, but recovery wants to know that it came.
    pub is_late: bool,
    /// It was given up before the connection was made, and is not to be sent.
    pub is_void: bool,
    /// The request as the server is to see it.
    pub encoded: Vec<u8>,
    /// Where its keys stand in `encoded`.
    pub keys_at: Range<usize>,
    /// When it was given to the connection.
    pub sent_at: Instant,
    /// Where it starts in the connection's stream of bytes.
    pub(super) stream_at: u64,
    /// Which attempt of its connection it is.
    pub(super) number: u64,
}

impl Attempt {
    /// An attempt that has not been given to a connection yet, and that does nothing to a value.
    pub fn new(
        exchange: ExchangeId,
        part: u16,
        pool: PoolId,
        class: Class,
        expect: Expect,
        encoded: Vec<u8>,
        keys_at: Range<usize>,
    ) -> Self {
        Self {
            exchange,
            part,
            keys_len: 1,
            class,
            expect,
            base64_key: false,
            pool,
            effect: Effect::Reads,
            mark: None,
            disguise: 0,
            is_late: false,
            is_void: false,
            encoded,
            keys_at,
            sent_at: Instant::ZERO,
            stream_at: 0,
            number: 0,
        }
    }

    /// The same request again, to be sent elsewhere. `buffer` is an empty one to use.
    pub fn again(&self, mut buffer: Vec<u8>) -> Self {
        buffer.extend_from_slice(&self.encoded);
        Self {
            encoded: buffer,
            keys_at: self.keys_at.clone(),
            mark: None,
            is_late: false,
            is_void: false,
            ..*self
        }
    }

    /// Calls `f` with its key, decoded if need be.
    pub fn with_real_key<T>(&self, f: impl FnOnce(&[u8]) -> T) -> T {
        if self.base64_key
            && let Some(key) = DecodedKey::new(self.keys())
        {
            return f(key.as_slice());
        }
        f(self.keys())
    }

    /// Whether a response that is well formed can be the one to it.
    pub(super) fn check(&self, response: &Response<'_>) -> Result<(), Invalid> {
        let Expect::Meta(op) = self.expect else { return Ok(()) };
        let (line, _) = token::line(&self.encoded, self.keys_at.end).unwrap_or_default();
        let flags = Tokens::new(line.get(self.keys_at.end..).unwrap_or_default());
        check_meta_flags(response, op, &flags)
    }

    /// Its keys as they stand in the request, apart by spaces.
    pub fn keys(&self) -> &[u8] {
        &self.encoded[self.keys_at.clone()]
    }

    /// Where it ends there.
    pub(super) fn stream_end(&self) -> u64 {
        self.stream_at + self.encoded.len() as u64
    }
}

/// Whether a byte of an attempt may have reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// None has: it may go elsewhere.
    No,
    /// Some may have: a write's fate is unknown.
    Maybe,
}

/// Finds `key` among `keys` from `at` on, and returns where the search for the next goes on.
///
/// A server answers the keys of a retrieval in the order they were asked for and leaves out the
/// misses, so a key that is not among the rest was not asked for.
pub(super) fn take_key(keys: &[u8], at: usize, key: &[u8]) -> Result<usize, Invalid> {
    let rest = &keys[at..];
    let next = rest.strip_prefix(b" ").unwrap_or(rest);
    if next.starts_with(key) && matches!(next.get(key.len()), None | Some(b' ')) {
        return Ok(keys.len() - next.len() + key.len());
    }
    let mut rest = Tokens::new(rest);
    while let Some(asked) = rest.next() {
        if asked == key {
            return Ok(keys.len() - rest.rest().len());
        }
    }
    Err(Invalid::OtherKey)
}
