//! Text → logical request, or the answer memcached gives to bad input.
//!
//! # Grammar
//! `COMMAND {SP word}* [CR] LF`, followed for `set`, `add`, `replace`, `append`, `prepend`,
//! `cas` and `ms` by a data block of the announced length and CR LF.
//!
//! # Limits
//! A line of [`LINE_LEN_MAX`] bytes, for meta commands of [`META_LINE_LEN_MAX`], except for
//! retrievals, which are bounded by [`ParseLimits::keys_per_get_max`] keys. A value of
//! [`ParseLimits::item_size_max`] bytes. Past a limit the request is refused and, where its length
//! is known, its value is swallowed.
//!
//! # Deviations from memcached 1.6.18
//! - A refused store command whose length can be read has its value swallowed. memcached runs
//!   the value as commands, which lets one caller's data become another's requests.
//! - An announced length that needs more than 31 bits is refused. memcached takes the low 32 bits
//!   of it for the length.
//! - A line that is longer than its limit is told so. memcached closes the connection, or takes
//!   the line if all of it happened to come at once.
//! - A line that begins with the first byte of the binary protocol ends the session wherever it
//!   comes; memcached looks at the first byte of a connection only.

mod ordinary;

mod words;

use crate::protocol::KEY_LEN_MAX;
use crate::protocol::meta;
use crate::protocol::number;
use crate::protocol::refusal::{Refusal, key};
use crate::protocol::request::{ArithmeticOp, Keys, Request, Retrieval, StoreOp};
use crate::protocol::token::{self, Tokens};

use words::Args;

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

/// The same of a meta command. A server is sent a longer one: the key is asked for, numbers are
/// written otherwise, and an expiry is added. At more than [`LINE_LEN_MAX`] it closes the
/// connection, unless all of the line happens to come at once.
pub const META_LINE_LEN_MAX: usize = LINE_LEN_MAX - 128;

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

/// Reads one request as it is sent to a server: of what has been taken once, nothing is too long.
pub(super) fn parse_sent(encoded: &[u8]) -> Option<Request<'_>> {
    let limits = ParseLimits { item_size_max: encoded.len(), keys_per_get_max: encoded.len() };
    let (line, line_len) = token::line(encoded, 0)?;
    let mut words = Tokens::new(line);
    let source = Source { input: encoded, line_len, limits: &limits };
    match source.command(words.next()?, words) {
        Ok(Parsed::Request { request, .. }) => Some(request),
        Ok(Parsed::Refused(_) | Parsed::Incomplete { .. }) | Err(_) => None,
    }
}

/// A request of any form.
fn parse_any<'a>(input: &'a [u8], scanned: usize, limits: &ParseLimits) -> Parsed<'a> {
    if input.first() == Some(&BINARY_REQUEST) {
        return refused(Refusal::BinaryProtocol, input.len());
    }
    let Some((line, line_len)) = token::line(input, scanned) else {
        return unfinished_line(input, limits);
    };
    // To memcached a line is a C string: it ends before the first NUL.
    let line = token::find(0, line).map_or(line, |len| &line[..len]);
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
        Err(Fault { refusal, noreply }) => {
            let (len, swallow) = (line_len, 0);
            Parsed::Refused(Refused { refusal, len, swallow, noreply, invalidates: None })
        }
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
        b"get" | b"gets" | b"gat" | b"gats" | b"bget" => {
            // One key more than allowed fits, so that too many keys can be told from an endless
            // line.
            RETRIEVAL_HEAD_LEN_MAX + (limits.keys_per_get_max + 1) * (KEY_LEN_MAX + 1)
        }
        b"mg" | b"ms" | b"md" | b"ma" | b"me" => META_LINE_LEN_MAX,
        _ => LINE_LEN_MAX,
    }
}

fn refused<'a>(refusal: Refusal, len: usize) -> Parsed<'a> {
    Parsed::Refused(Refused { refusal, len, swallow: 0, noreply: false, invalidates: None })
}

/// What is wrong with a line.
struct Fault {
    refusal: Refusal,
    /// The caller does not want to hear of it.
    noreply: bool,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, noreply: false }
    }
}

/// One command line and where it stands.
#[derive(Clone, Copy)]
struct Source<'a, 'l> {
    input: &'a [u8],
    line_len: usize,
    limits: &'l ParseLimits,
}

impl<'a> Source<'a, '_> {
    fn command(self, command: &[u8], words: Tokens<'a>) -> Result<Parsed<'a>, Fault> {
        match command {
            // `bget` is what `get` was called once, and memcached still takes it.
            b"get" | b"bget" => self.retrieve(Retrieval::Get, &words),
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
            b"delete" => words::delete(words).map(|request| self.whole_line(request)),
            b"incr" => words::arithmetic(ArithmeticOp::Incr, words).map(|it| self.whole_line(it)),
            b"decr" => words::arithmetic(ArithmeticOp::Decr, words).map(|it| self.whole_line(it)),
            b"touch" => words::touch(words).map(|request| self.whole_line(request)),
            b"flush_all" => words::flush_all(words).map(|request| self.whole_line(request)),
            b"verbosity" => words::verbosity(words).map(|request| self.whole_line(request)),
            b"mn" => Ok(self.whole_line(Request::MetaNoop)),
            b"version" => Ok(self.whole_line(Request::Version)),
            b"stats" => Ok(self.whole_line(Request::Stats { arg: words.rest() })),
            b"quit" => Ok(self.whole_line(Request::Quit)),
            b"shutdown" | b"slabs" | b"lru" | b"lru_crawler" | b"watch" | b"cache_memlimit"
            | b"refresh_certs" | b"extstore" => Err(Refusal::PerServer.into()),
            _ if words::is_http(command, words) => Err(Refusal::Http.into()),
            _ => Err(Refusal::UnknownCommand.into()),
        }
    }

    fn whole_line(self, request: Request<'a>) -> Parsed<'a> {
        Parsed::Request { request, len: self.line_len }
    }

    fn retrieve(self, how: Retrieval, words: &Tokens<'a>) -> Result<Parsed<'a>, Fault> {
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
            return Err(Refusal::UnknownCommand.into());
        }
        if len > self.limits.keys_per_get_max {
            return Err(Refusal::TooManyKeys.into());
        }
        Ok(self.whole_line(Request::Retrieve { how, keys: Keys::from_checked(raw, len) }))
    }

    fn retrieve_and_touch(self, has_cas: bool, mut words: Tokens<'a>) -> Result<Parsed<'a>, Fault> {
        let word = words.next().ok_or(Refusal::UnknownCommand)?;
        let exptime = number::signed(word).map(i64::from).ok_or(Refusal::BadExptime)?;
        if words.rest().is_empty() {
            return Err(Refusal::NoKeys.into());
        }
        let how = if has_cas { Retrieval::Gats(exptime) } else { Retrieval::Gat(exptime) };
        self.retrieve(how, &words)
    }

    fn store(self, op: StoreOp, words: Tokens<'a>) -> Result<Parsed<'a>, Fault> {
        let line = StoreLine::new(op, words)?;
        let noreply = line.noreply;
        let value_len = match line.value_len {
            ValueLen::Bytes(len) => len,
            ValueLen::Unreadable => return Ok(self.refuse(Refusal::BadFormat, 0, noreply, None)),
            ValueLen::TooLong(len) => {
                return Ok(self.refuse(Refusal::BadFormat, len + 2, noreply, None));
            }
        };
        let unread = match self.value(value_len) {
            Value::Whole { value, len, is_terminated } => {
                let refusal = match line.request(value) {
                    Ok(request) if is_terminated => return Ok(Parsed::Request { request, len }),
                    Ok(_) => Refusal::BadDataChunk,
                    Err(refusal) => refusal,
                };
                let refused = Refused { refusal, len, swallow: 0, noreply, invalidates: None };
                return Ok(Parsed::Refused(refused));
            }
            unread @ (Value::Incomplete { .. } | Value::TooLarge) => unread,
        };
        // Refused at once, so that the value need not be kept until it is all there.
        if let Err(refusal) = line.request(&[]) {
            return Ok(self.refuse(refusal, value_len + 2, noreply, None));
        }
        if let Value::Incomplete { needed } = unread {
            return Ok(self.incomplete(needed));
        }
        let delete = Request::Delete { key: line.key, noreply };
        let invalidates = (op == StoreOp::Set).then_some(delete);
        Ok(self.refuse(Refusal::TooLarge, value_len + 2, noreply, invalidates))
    }

    fn meta(self, command: &[u8], words: Tokens<'a>) -> Result<Parsed<'a>, Fault> {
        Ok(meta::parse(command, words, None).map(|meta| self.whole_line(Request::Meta(meta)))?)
    }

    fn meta_set(self, mut words: Tokens<'a>) -> Result<Parsed<'a>, Fault> {
        let key_word = words.next().ok_or(Refusal::UnknownCommand)?;
        let length = words.next().map_or(ValueLen::Unreadable, ValueLen::new);
        let length = match length {
            ValueLen::Bytes(len) => len,
            ValueLen::Unreadable => return Err(meta::refusal_of_length(key_word, &words).into()),
            ValueLen::TooLong(len) => {
                let refusal = meta::refusal_of_length(key_word, &words);
                return Ok(self.refuse(refusal, len + 2, false, None));
            }
        };
        let build = |value| meta::parse_set(key_word, &words, value);
        match self.value(length) {
            Value::TooLarge => {
                // What is wrong with the flags is told first.
                let set =
                    build(&[]).and_then(|set| meta::refusal_of_set(&set).map_or(Ok(set), Err));
                let (refusal, invalidates) = match set {
                    Ok(set) => (Refusal::TooLarge, Some(Request::Meta(meta::delete_of(&set)))),
                    Err(refusal) => (refusal, None),
                };
                Ok(self.refuse(refusal, length + 2, false, invalidates))
            }
            Value::Incomplete { needed } => match build(&[]) {
                Err(refusal) => Ok(self.refuse(refusal, length + 2, false, None)),
                Ok(_) => Ok(self.incomplete(needed)),
            },
            Value::Whole { value, len, is_terminated } => match build(value) {
                Ok(request) if is_terminated => {
                    Ok(Parsed::Request { request: Request::Meta(request), len })
                }
                Ok(set) => {
                    Ok(refused(meta::refusal_of_set(&set).unwrap_or(Refusal::BadDataChunk), len))
                }
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

/// The length that a store command announces.
#[derive(Clone, Copy)]
enum ValueLen {
    /// One that memcached takes.
    Bytes(u64),
    /// One of 2 GiB and more.
    TooLong(u64),
    /// None: no number, or a negative one.
    Unreadable,
}

impl ValueLen {
    fn new(word: &[u8]) -> Self {
        match number::wide(word).map(u64::try_from) {
            Some(Ok(len)) if len <= VALUE_LEN_MAX => Self::Bytes(len),
            Some(Ok(len)) => Self::TooLong(len),
            Some(Err(_)) | None => Self::Unreadable,
        }
    }
}

/// The longest value that memcached has a number for, with its end.
const VALUE_LEN_MAX: u64 = i32::MAX as u64 - 2;

/// The words of a store command.
struct StoreLine<'a> {
    op: StoreOp,
    key: &'a [u8],
    client_flags: &'a [u8],
    exptime: &'a [u8],
    value_len: ValueLen,
    cas: Option<&'a [u8]>,
    noreply: bool,
}

impl<'a> StoreLine<'a> {
    fn new(op: StoreOp, words: Tokens<'a>) -> Result<Self, Refusal> {
        let is_cas = matches!(op, StoreOp::Cas(_));
        let args = Args::new(words, if is_cas { 5..=6 } else { 4..=5 })?;
        let [key, client_flags, exptime, value_len] =
            [args.word(0), args.word(1), args.word(2), args.word(3)];
        let value_len = ValueLen::new(value_len);
        let (cas, noreply) = (is_cas.then(|| args.word(4)), args.noreply());
        Ok(Self { op, key, client_flags, exptime, value_len, cas, noreply })
    }

    fn request(&self, value: &'a [u8]) -> Result<Request<'a>, Refusal> {
        let key = key(self.key)?;
        let client_flags = number::client_flags(self.client_flags).ok_or(Refusal::BadFormat)?;
        let exptime = number::signed(self.exptime).map(i64::from).ok_or(Refusal::BadFormat)?;
        let op = match self.cas {
            Some(cas) => StoreOp::Cas(number::unsigned(cas).ok_or(Refusal::BadFormat)?),
            None => self.op,
        };
        Ok(Request::Store { op, key, client_flags, exptime, value, noreply: self.noreply })
    }
}

#[cfg(test)]
mod tests;
