//! Text → logical request, or the answer memcached gives to bad input.
//!
//! # Grammar
//! `COMMAND {SP word}* [CR] LF`, followed for `set`, `add`, `replace`, `append`, `prepend`,
//! `cas` and `ms` by a data block of the announced length and CR LF.
//!
//! # Limits
//! A line of [`LINE_LEN_MAX`] bytes, except for retrievals, which are bounded by
//! [`ParseLimits::keys_per_get_max`] keys. A value of [`ParseLimits::item_size_max`] bytes. Past
//! a limit the request is refused and, where its length is known, its value is swallowed.
//!
//! # Deviations from memcached 1.6.18
//! - A refused store command whose length can be read has its value swallowed. memcached runs
//!   the value as commands, which lets one caller's data become another's requests.
//! - A NUL byte in a key is refused. memcached cuts the key there.
//! - Client flags above 32 bits are refused, as the protocol document has it.
//! - A base64 key with characters outside its alphabet is refused. memcached skips them.
//! - An announced length of 2 GiB and more is too large like any other. memcached calls the line
//!   badly formatted, and runs the value as commands.
//! - `me` takes flags as the other meta commands do. memcached looks at a leading `b` only.
//! - `gat` without a key answers `ERROR`, as `get` does; memcached answers `END`.

mod ordinary;

use crate::protocol::KEY_LEN_MAX;
use crate::protocol::meta;
use crate::protocol::refusal::{Refusal, key};
use crate::protocol::request::{ArithmeticOp, Keys, Request, Retrieval, StoreOp};
use crate::protocol::token::{self, Tokens};

/// Bounds that an operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// The longest value accepted, in bytes.
    pub item_size_max: usize,
    /// The most keys one retrieval may name; at least 1.
    pub keys_per_get_max: usize,
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self { item_size_max: 1024 * 1024, keys_per_get_max: 10_000 }
    }
}

/// What the bytes at hand amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// The request is not all there.
    ///
    /// Nothing is consumed. Parse again once `needed` bytes are there.
    Incomplete {
        /// How many bytes must be there before another try can end differently; more than there
        /// are now.
        needed: usize,
        /// How many bytes are known to hold no line end: pass them to the next try.
        scanned: usize,
    },
    /// A request, taking `len` bytes.
    Request {
        /// The request.
        request: Request<'a>,
        /// How many bytes it takes.
        len: usize,
    },
    /// Bad input.
    Refused(Refused<'a>),
}

/// Bad input: what to answer and how to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused<'a> {
    /// What is wrong.
    pub refusal: Refusal,
    /// How many bytes of the input are done with.
    pub len: usize,
    /// How many bytes after those must be thrown away unread: the value that was refused.
    pub swallow: u64,
    /// The caller wants no answer, not even this one.
    pub noreply: bool,
    /// A delete that must be carried out: memcached drops the old value when it refuses a new one
    /// as too large, or readers would go on seeing what was meant to be replaced.
    pub invalidates: Option<Request<'a>>,
}

/// The longest command line but for retrievals, with its end.
pub const LINE_LEN_MAX: usize = 2048;

/// What every request of the binary protocol begins with.
const BINARY_REQUEST: u8 = 0x80;

/// Room on a retrieval's line for its command word, its expiry and some spaces.
const RETRIEVAL_HEAD_LEN_MAX: usize = 64;

/// Reads one request from the start of `input`.
///
/// `input` holds every byte received and not yet consumed. `scanned` is 0 or what the last
/// [`Parsed::Incomplete`] said about the same bytes. Cost is linear in what is consumed.
#[inline]
pub fn parse_request<'a>(input: &'a [u8], scanned: usize, limits: &ParseLimits) -> Parsed<'a> {
    // What is not all there at first is not looked at from its start again.
    if scanned == 0
        && let Some(parsed) = ordinary::request(input, limits)
    {
        return parsed;
    }
    parse_any(input, scanned, limits)
}

/// A request of any form.
fn parse_any<'a>(input: &'a [u8], scanned: usize, limits: &ParseLimits) -> Parsed<'a> {
    if input.first() == Some(&BINARY_REQUEST) {
        return refused(Refusal::BinaryProtocol, input.len());
    }
    let Some((line, line_len)) = token::line(input, scanned) else {
        return unfinished_line(input, limits);
    };
    let mut words = Tokens::new(line);
    let Some(command) = words.next() else {
        return refused(Refusal::UnknownCommand, line_len);
    };
    if line_len > line_len_max(command, limits) {
        return refused(Refusal::LineTooLong, line_len);
    }
    let source = Source { input, line_len, limits };
    match source.command(command, words) {
        Ok(parsed) => parsed,
        Err(refusal) => refused(refusal, line_len),
    }
}

fn unfinished_line<'a>(input: &'a [u8], limits: &ParseLimits) -> Parsed<'a> {
    let command = Tokens::new(input).next().unwrap_or_default();
    if input.len() > line_len_max(command, limits) {
        return refused(Refusal::LineTooLong, input.len());
    }
    Parsed::Incomplete { needed: input.len() + 1, scanned: input.len() }
}

fn line_len_max(command: &[u8], limits: &ParseLimits) -> usize {
    match command {
        b"get" | b"gets" | b"gat" | b"gats" => {
            // One key more than allowed fits, so that too many keys can be told from an endless
            // line.
            RETRIEVAL_HEAD_LEN_MAX + (limits.keys_per_get_max + 1) * (KEY_LEN_MAX + 1)
        }
        _ => LINE_LEN_MAX,
    }
}

fn refused<'a>(refusal: Refusal, len: usize) -> Parsed<'a> {
    Parsed::Refused(Refused { refusal, len, swallow: 0, noreply: false, invalidates: None })
}

/// One command line and where it stands.
#[derive(Clone, Copy)]
struct Source<'a, 'l> {
    input: &'a [u8],
    line_len: usize,
    limits: &'l ParseLimits,
}

impl<'a> Source<'a, '_> {
    fn command(self, command: &[u8], words: Tokens<'a>) -> Result<Parsed<'a>, Refusal> {
        match command {
            b"get" => self.retrieve(Retrieval::Get, &words),
            b"set" => self.store(StoreOp::Set, words),
            b"mg" | b"md" | b"ma" | b"me" => self.meta(command, words),
            b"ms" => self.meta_set(words),
            b"gets" => self.retrieve(Retrieval::Gets, &words),
            b"gat" | b"gats" => self.retrieve_and_touch(command == b"gats", words),
            b"add" => self.store(StoreOp::Add, words),
            b"replace" => self.store(StoreOp::Replace, words),
            b"append" => self.store(StoreOp::Append, words),
            b"prepend" => self.store(StoreOp::Prepend, words),
            b"cas" => self.store(StoreOp::Cas(0), words),
            b"delete" => delete(words).map(|request| self.whole_line(request)),
            b"incr" => arithmetic(ArithmeticOp::Incr, words).map(|it| self.whole_line(it)),
            b"decr" => arithmetic(ArithmeticOp::Decr, words).map(|it| self.whole_line(it)),
            b"touch" => touch(words).map(|request| self.whole_line(request)),
            b"flush_all" => flush_all(words).map(|request| self.whole_line(request)),
            b"verbosity" => verbosity(words).map(|request| self.whole_line(request)),
            b"mn" => Ok(self.whole_line(Request::MetaNoop)),
            b"version" => Ok(self.whole_line(Request::Version)),
            b"stats" => Ok(self.whole_line(Request::Stats { arg: words.rest() })),
            b"quit" => Ok(self.whole_line(Request::Quit)),
            b"shutdown" | b"slabs" | b"lru" | b"lru_crawler" | b"watch" | b"cache_memlimit"
            | b"refresh_certs" | b"extstore" => Err(Refusal::PerServer),
            _ => Err(Refusal::UnknownCommand),
        }
    }

    fn whole_line(self, request: Request<'a>) -> Parsed<'a> {
        Parsed::Request { request, len: self.line_len }
    }

    fn retrieve(self, how: Retrieval, words: &Tokens<'a>) -> Result<Parsed<'a>, Refusal> {
        let mut raw = words.rest();
        while let [before @ .., b' '] = raw {
            raw = before;
        }
        let mut len = 0;
        for word in Tokens::new(raw) {
            key(word)?;
            len += 1;
        }
        if len == 0 {
            return Err(Refusal::UnknownCommand);
        }
        if len > self.limits.keys_per_get_max {
            return Err(Refusal::TooManyKeys);
        }
        Ok(self.whole_line(Request::Retrieve { how, keys: Keys::from_checked(raw, len) }))
    }

    fn retrieve_and_touch(
        self,
        has_cas: bool,
        mut words: Tokens<'a>,
    ) -> Result<Parsed<'a>, Refusal> {
        let word = words.next().ok_or(Refusal::UnknownCommand)?;
        let exptime = token::signed(word).ok_or(Refusal::BadExptime)?;
        let how = if has_cas { Retrieval::Gats(exptime) } else { Retrieval::Gat(exptime) };
        self.retrieve(how, &words)
    }

    fn store(self, op: StoreOp, words: Tokens<'a>) -> Result<Parsed<'a>, Refusal> {
        let line = StoreLine::new(op, words)?;
        let Some(value_len) = line.value_len else {
            return Ok(self.refuse(Refusal::BadFormat, 0, line.noreply, None));
        };
        let build = |value| line.request(value);
        match self.value(value_len) {
            Value::TooLarge => {
                let invalidates = match op {
                    StoreOp::Set => {
                        key(line.key).ok().map(|key| Request::Delete { key, noreply: line.noreply })
                    }
                    StoreOp::Add
                    | StoreOp::Replace
                    | StoreOp::Append
                    | StoreOp::Prepend
                    | StoreOp::Cas(_) => None,
                };
                Ok(self.refuse(
                    Refusal::TooLarge,
                    value_len.saturating_add(2),
                    line.noreply,
                    invalidates,
                ))
            }
            Value::Incomplete { needed } => match build(&[]) {
                // Refused at once, so that the value need not be kept until it is all there.
                Err(refusal) => {
                    Ok(self.refuse(refusal, value_len.saturating_add(2), line.noreply, None))
                }
                Ok(_) => Ok(self.incomplete(needed)),
            },
            Value::Whole { value, len, is_terminated } => {
                let refusal = match build(value) {
                    Ok(request) if is_terminated => return Ok(Parsed::Request { request, len }),
                    Ok(_) => Refusal::BadDataChunk,
                    Err(refusal) => refusal,
                };
                let noreply = line.noreply;
                let refused = Refused { refusal, len, swallow: 0, noreply, invalidates: None };
                Ok(Parsed::Refused(refused))
            }
        }
    }

    fn meta(self, command: &[u8], words: Tokens<'a>) -> Result<Parsed<'a>, Refusal> {
        meta::parse(command, words, None).map(|meta| self.whole_line(Request::Meta(meta)))
    }

    fn meta_set(self, mut words: Tokens<'a>) -> Result<Parsed<'a>, Refusal> {
        let key_word = words.next().ok_or(Refusal::UnknownCommand)?;
        let length = words.next().and_then(token::unsigned).ok_or(Refusal::BadFormat)?;
        let build = |value| meta::parse_set(key_word, &words, value);
        match self.value(length) {
            Value::TooLarge => {
                let invalidates = build(&[]).ok().map(|it| Request::Meta(meta::delete_of(&it)));
                Ok(self.refuse(Refusal::TooLarge, length.saturating_add(2), false, invalidates))
            }
            Value::Incomplete { needed } => match build(&[]) {
                Err(refusal) => Ok(self.refuse(refusal, length.saturating_add(2), false, None)),
                Ok(_) => Ok(self.incomplete(needed)),
            },
            Value::Whole { value, len, is_terminated } => match build(value) {
                Ok(request) if is_terminated => {
                    Ok(Parsed::Request { request: Request::Meta(request), len })
                }
                Ok(_) => Ok(refused(Refusal::BadDataChunk, len)),
                Err(refusal) => Ok(refused(refusal, len)),
            },
        }
    }

    fn value(self, value_len: u64) -> Value<'a> {
        let value_len = match usize::try_from(value_len) {
            Ok(value_len) if value_len <= self.limits.item_size_max => value_len,
            _ => return Value::TooLarge,
        };
        let len = self.line_len + value_len + b"\r\n".len();
        let Some(value) = self.input.get(self.line_len..len) else {
            return Value::Incomplete { needed: len };
        };
        let (value, end) = value.split_at(value_len);
        Value::Whole { value, len, is_terminated: end == b"\r\n" }
    }

    fn incomplete(self, needed: usize) -> Parsed<'a> {
        // The line's own end is found again at once: it is the last byte before the value.
        Parsed::Incomplete { needed, scanned: self.line_len - 1 }
    }

    fn refuse(
        self,
        refusal: Refusal,
        swallow: u64,
        noreply: bool,
        invalidates: Option<Request<'a>>,
    ) -> Parsed<'a> {
        Parsed::Refused(Refused { refusal, len: self.line_len, swallow, noreply, invalidates })
    }
}

/// The data block after a store command's line.
enum Value<'a> {
    TooLarge,
    Incomplete { needed: usize },
    Whole { value: &'a [u8], len: usize, is_terminated: bool },
}

/// The words of a store command.
struct StoreLine<'a> {
    op: StoreOp,
    key: &'a [u8],
    client_flags: &'a [u8],
    exptime: &'a [u8],
    value_len: Option<u64>,
    cas: Option<&'a [u8]>,
    noreply: bool,
}

impl<'a> StoreLine<'a> {
    fn new(op: StoreOp, mut words: Tokens<'a>) -> Result<Self, Refusal> {
        let mut word = || words.next().ok_or(Refusal::UnknownCommand);
        let (key, client_flags, exptime) = (word()?, word()?, word()?);
        let value_len = token::unsigned(word()?);
        let cas = if matches!(op, StoreOp::Cas(_)) { Some(word()?) } else { None };
        let noreply = words.next() == Some(b"noreply");
        if words.next().is_some() {
            return Err(Refusal::UnknownCommand);
        }
        Ok(Self { op, key, client_flags, exptime, value_len, cas, noreply })
    }

    fn request(&self, value: &'a [u8]) -> Result<Request<'a>, Refusal> {
        let client_flags = token::unsigned(self.client_flags)
            .and_then(|flags| u32::try_from(flags).ok())
            .ok_or(Refusal::BadFormat)?;
        let exptime = token::signed(self.exptime).ok_or(Refusal::BadFormat)?;
        let op = match self.cas {
            Some(cas) => StoreOp::Cas(token::unsigned(cas).ok_or(Refusal::BadFormat)?),
            None => self.op,
        };
        let (key, noreply) = (key(self.key)?, self.noreply);
        Ok(Request::Store { op, key, client_flags, exptime, value, noreply })
    }
}

fn delete(mut words: Tokens<'_>) -> Result<Request<'_>, Refusal> {
    let key = key(words.next().ok_or(Refusal::UnknownCommand)?)?;
    match (words.next(), words.next(), words.next()) {
        (None | Some(b"0"), None, None) => Ok(Request::Delete { key, noreply: false }),
        (Some(b"noreply"), None, None) | (Some(b"0"), Some(b"noreply"), None) => {
            Ok(Request::Delete { key, noreply: true })
        }
        (Some(_), _, None) => Err(Refusal::DeleteUsage),
        _ => Err(Refusal::UnknownCommand),
    }
}

fn arithmetic(op: ArithmeticOp, mut words: Tokens<'_>) -> Result<Request<'_>, Refusal> {
    let (key_word, delta, noreply) = key_number_noreply(&mut words)?;
    let key = key(key_word)?;
    let delta = token::unsigned(delta).ok_or(Refusal::BadDelta)?;
    Ok(Request::Arithmetic { op, key, delta, noreply })
}

fn touch(mut words: Tokens<'_>) -> Result<Request<'_>, Refusal> {
    let (key_word, exptime, noreply) = key_number_noreply(&mut words)?;
    let key = key(key_word)?;
    let exptime = token::signed(exptime).ok_or(Refusal::BadExptime)?;
    Ok(Request::Touch { key, exptime, noreply })
}

fn key_number_noreply<'a>(words: &mut Tokens<'a>) -> Result<(&'a [u8], &'a [u8], bool), Refusal> {
    let key = words.next().ok_or(Refusal::UnknownCommand)?;
    let number = words.next().ok_or(Refusal::UnknownCommand)?;
    let noreply = words.next() == Some(b"noreply");
    match words.next() {
        None => Ok((key, number, noreply)),
        Some(_) => Err(Refusal::UnknownCommand),
    }
}

fn flush_all(mut words: Tokens<'_>) -> Result<Request<'_>, Refusal> {
    let (delay, noreply) = match (words.next(), words.next(), words.next()) {
        (None, _, _) => (None, false),
        (Some(b"noreply"), None, _) => (None, true),
        (Some(delay), Some(b"noreply"), None) => (Some(delay), true),
        // Whatever else the second word is, memcached does not look at it.
        (Some(delay), _, None) => (Some(delay), false),
        _ => return Err(Refusal::UnknownCommand),
    };
    let delay = delay.map_or(Some(0), token::signed).ok_or(Refusal::BadExptime)?;
    Ok(Request::FlushAll { delay, noreply })
}

fn verbosity(mut words: Tokens<'_>) -> Result<Request<'_>, Refusal> {
    match (words.next(), words.next(), words.next()) {
        (None, _, _) | (Some(_), Some(_), Some(_)) => Err(Refusal::UnknownCommand),
        (Some(b"noreply"), None, _) => Ok(Request::Verbosity { noreply: true }),
        (Some(level), second, _) => match token::unsigned(level) {
            Some(_) => Ok(Request::Verbosity { noreply: second == Some(b"noreply") }),
            None => Err(Refusal::BadFormat),
        },
    }
}

#[cfg(test)]
mod tests;
