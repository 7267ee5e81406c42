//! One send of one request to one server.

use std::collections::VecDeque;
use std::ops::Range;

use crate::Instant;
use crate::id::ExchangeId;
use crate::protocol::meta::DecodedKey;
use crate::protocol::request::Class;
use crate::protocol::response::{Expect, Invalid, Response, check_meta_flags};
use crate::protocol::token::{self, Tokens};
use crate::recovery::Generation;
use crate::routing::{Effect, PoolId};

/// One send of one request to one server. Its bytes are with the connection.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
pub struct Attempt {
    /// Whose it is.
    pub exchange: ExchangeId,
    /// Which part of that exchange.
    pub part: u16,
    /// The pool that its keys belong to.
    pub pool: PoolId,
    /// How many keys it asks about.
    pub keys_len: u32,
    /// What the request does.
    pub class: Class,
    /// What kind of response it calls for.
    pub expect: Expect,
    /// The keys are written in base64 (meta flag `b`).
    pub base64_key: bool,
    /// What it may do to its key's value.
    pub effect: Effect,
    /// It was given up; nobody waits for its response, but recovery wants to know that it came.
    pub is_late: bool,
    /// It was given up before the connection was made, and is not to be sent.
    pub is_void: bool,
    /// It was written as a part of one `get` with the next in flight: the end of the response is
    /// theirs together, and comes to the last of them.
    pub(super) shares_end: bool,
    /// Where its keys stand in its bytes.
    keys_start: u32,
    keys_end: u32,
    /// How many bytes it has.
    len: u32,
    /// Given by recovery when it was routed, and to be given back when it has ended.
    pub mark: Option<Generation>,
    /// What CAS tokens are disguised by; 0 if its server is the key's home.
    pub disguise: u64,
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
    ) -> Self {
        Self {
            exchange,
            part,
            pool,
            keys_len: 1,
            class,
            expect,
            base64_key: false,
            effect: Effect::Reads,
            is_late: false,
            is_void: false,
            shares_end: false,
            keys_start: 0,
            keys_end: 0,
            len: 0,
            mark: None,
            disguise: 0,
            sent_at: Instant::ZERO,
            stream_at: 0,
            number: 0,
        }
    }

    /// The same request again, to be sent elsewhere.
    pub fn again(&self) -> Self {
        Self { mark: None, is_late: false, is_void: false, shares_end: false, ..*self }
    }

    /// Says where its keys stand in its bytes.
    pub fn set_keys_at(&mut self, keys_at: Range<usize>) {
        self.keys_start = short(keys_at.start);
        self.keys_end = short(keys_at.end);
    }

    /// Its keys as they stand in its bytes, apart by spaces.
    pub fn keys<'a>(&self, encoded: &'a [u8]) -> &'a [u8] {
        &encoded[self.keys_start as usize..self.keys_end as usize]
    }

    /// Calls `f` with its key, which is `written` so, decoded if need be.
    pub fn with_real_key<T>(&self, written: &[u8], f: impl FnOnce(&[u8]) -> T) -> T {
        if self.base64_key
            && let Some(key) = DecodedKey::new(written)
        {
            return f(key.as_slice());
        }
        f(written)
    }

    /// Whether a response that is well formed can be the one to it.
    pub(super) fn check(&self, encoded: &[u8], response: &Response<'_>) -> Result<(), Invalid> {
        let Expect::Meta(op) = self.expect else { return Ok(()) };
        let keys_end = self.keys_end as usize;
        let (line, _) = token::line(encoded, keys_end).unwrap_or_default();
        let flags = Tokens::new(line.get(keys_end..).unwrap_or_default());
        check_meta_flags(response, op, &flags)
    }

    /// It stands there in the connection's stream.
    pub(super) fn place(&mut self, at: &Range<u64>) {
        self.stream_at = at.start;
        self.len = u32::try_from(at.end - at.start).expect("a request has less than 4 GiB");
    }

    /// Where it stands in the connection's stream.
    pub(super) fn place_in_stream(&self) -> Range<u64> {
        self.stream_at..self.stream_at + u64::from(self.len)
    }
}

fn short(at: usize) -> u32 {
    u32::try_from(at).expect("a request has less than 4 GiB")
}

/// Whether a byte of an attempt may have reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// None has: it may go elsewhere.
    No,
    /// Some may have: a write's fate is unknown.
    Maybe,
}

/// Attempts that a connection has given back, with their bytes.
#[derive(Debug, Default)]
pub struct GivenBack {
    pub(super) attempts: VecDeque<Attempt>,
    pub(super) bytes: Vec<u8>,
    /// Where `bytes` start in the connection's stream.
    pub(super) start_at: u64,
    /// How far the stream was written.
    pub(super) written_at: u64,
}

impl GivenBack {
    /// Each attempt, oldest first, with its bytes, and whether the server may have seen some.
    pub fn iter(&self) -> impl Iterator<Item = (Attempt, &[u8], Sent)> {
        self.attempts.iter().map(|attempt| {
            let from = usize::try_from(attempt.stream_at - self.start_at).expect("in memory");
            let encoded = &self.bytes[from..from + attempt.len as usize];
            let sent = if attempt.stream_at < self.written_at { Sent::Maybe } else { Sent::No };
            (*attempt, encoded, sent)
        })
    }
}
