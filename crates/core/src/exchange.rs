//! One request's life: its attempts, its deadline, and the one answer its caller gets.
//!
//! # Intuition
//! An exchange is opened when a request has been read and is settled exactly once: by a response,
//! by a failure, or by its deadline. A request that names keys of several servers has a part for
//! each server and is settled when the last part is.
//!
//! # What it decides
//! How an outcome is worded for the caller: a response is passed on; a read that failed is a
//! miss, or an error if the pool says so (P3); a write that failed says so. Quiet requests get
//! what memcached would have said and nothing else.
//!
//! # Hard cases
//! - A part that fails contributes misses; the other parts' values are still given.
//! - Values of several parts are given in the order of the keys asked for.
//! - A part may be reported on twice: as late and then as lost, or answered after all. Only the
//!   first counts, or it would stand for another part that is still waited for.
//! - A response that comes after the exchange was settled finds no exchange: ids are never used
//!   again.
//! - A caller that told requests apart by an opaque must find it in a miss that we made up.
//!
//! # Rejected alternatives
//! - Passing on values as they come, part by part: a part that then fails after its first value
//!   would have to be taken back.

use std::ops::Range;

use crate::Instant;
use crate::config::OnUnavailable;
use crate::connection::ConnectionId;
use crate::failure::Failure;
use crate::id::SessionId;
use crate::protocol::request::{Class, MetaOp, MetaRequest, Request};
use crate::protocol::response::{self, END, Response, Status};
use crate::protocol::strip;
use crate::protocol::token::Tokens;

/// Who wants to know the outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// The session that sent it.
    Session(SessionId),
    /// A caller, who has named the call so.
    Call(u64),
    /// Whoever asked is gone. What may still store or remove something is watched to its end.
    Nobody,
}

/// One request's life.
#[derive(Debug)]
pub struct Exchange {
    /// Who asked.
    pub asker: Asker,
    /// How its outcome is worded.
    pub wording: Wording,
    /// When its caller is told something, whatever has come.
    pub deadline: Instant,
    /// How often it has been sent, the first time counted before it is.
    pub attempts: u8,
    /// Where its attempt is in flight, if it may store or remove something: the connection, and
    /// the attempt's number there.
    pub placed: Option<(ConnectionId, u64)>,
    /// Its answer, once it is settled but older requests of the session are not.
    pub settled: Option<Vec<u8>>,
    /// Its parts, if it has several.
    pub split: Option<Box<Split>>,
}

impl Exchange {
    /// An exchange that has just been opened.
    #[inline]
    pub fn new(asker: Asker, deadline: Instant, wording: Wording) -> Self {
        let (placed, settled, split) = (None, None, None);
        Self { asker, wording, deadline, attempts: 1, placed, settled, split }
    }

    /// How its outcome is handed over.
    #[inline]
    pub fn form(&self) -> Form {
        match (&self.split, self.asker) {
            (Some(_), _) => Form::Split,
            (None, Asker::Call(_) | Asker::Nobody) => Form::Call,
            (None, Asker::Session(_)) => Form::Request,
        }
    }

    /// Whether its part `part` has no outcome yet. The first outcome counts: a part that has
    /// failed stays so, whatever its server still sends.
    #[inline]
    pub fn waits_for(&self, part: u16) -> bool {
        match &self.split {
            Some(split) => !split.parts[usize::from(part)].has_outcome,
            None => self.settled.is_none(),
        }
    }
}

/// How the outcome of an exchange is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As bytes, to a session.
    Request,
    /// As data, to a caller or to nobody.
    Call,
    /// Part by part, before it is the one or the other.
    Split,
}

/// How an outcome is worded for the caller.
#[derive(Debug)]
pub struct Wording {
    kind: Kind,
    class: Class,
    /// Nothing is said.
    noreply: bool,
    /// Nothing is said in the ordinary case (meta flag `q`).
    quiet: bool,
    /// The caller asked for the key of a meta response.
    returns_key: bool,
    /// The prefix that was stripped off the key, and then opaque and key of a meta request, to be
    /// given back in a miss that we make up.
    reflected: Vec<u8>,
    /// How long that prefix is.
    stripped_len: u8,
    on_unavailable: OnUnavailable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Values, then `END`.
    Retrieval,
    /// One line.
    Line,
    /// A two-letter code.
    Meta(MetaOp),
    /// `OK` if every server said so.
    FlushAll,
    /// The same words whatever comes.
    Fixed(&'static [u8]),
}

impl Wording {
    /// How the outcome of `request` is worded. `buffer` is an empty one to use.
    pub fn new(request: &Request<'_>, on_unavailable: OnUnavailable, buffer: Vec<u8>) -> Self {
        let mut wording = Self {
            kind: Kind::Line,
            class: request.class().unwrap_or(Class::Delete),
            noreply: false,
            quiet: false,
            returns_key: true,
            reflected: buffer,
            stripped_len: 0,
            on_unavailable,
        };
        match request {
            Request::Retrieve { .. } => wording.kind = Kind::Retrieval,
            Request::Store { noreply, .. }
            | Request::Delete { noreply, .. }
            | Request::Arithmetic { noreply, .. }
            | Request::Touch { noreply, .. } => wording.noreply = *noreply,
            Request::FlushAll { noreply, .. } => {
                wording.kind = Kind::FlushAll;
                wording.noreply = *noreply;
            }
            Request::Meta(meta) => {
                wording.kind = Kind::Meta(meta.op);
                wording.quiet = meta.quiet;
                wording.returns_key = meta.returns_key || meta.op == MetaOp::Debug;
                reflect(meta, &mut wording.reflected);
            }
            Request::MetaNoop
            | Request::Version
            | Request::Verbosity { .. }
            | Request::Stats { .. }
            | Request::Quit => unreachable!("no server is asked {request:?}"),
        }
        wording
    }

    /// `words` whatever comes of `request`.
    pub fn fixed(words: &'static [u8], noreply: bool) -> Self {
        Self {
            kind: Kind::Fixed(words),
            class: Class::Delete,
            noreply,
            quiet: false,
            returns_key: true,
            reflected: Vec::new(),
            stripped_len: 0,
            on_unavailable: OnUnavailable::Miss,
        }
    }

    /// The same of a request whose server is sent the key without `prefix`, which has less than 256
    /// bytes.
    pub fn without_prefix(mut self, prefix: &[u8]) -> Self {
        self.stripped_len = u8::try_from(prefix.len()).expect("a prefix has less than 250 bytes");
        self.reflected.splice(..0, prefix.iter().copied());
        self
    }

    /// What was stripped off the key; nothing if nothing was.
    #[inline]
    pub fn prefix(&self) -> &[u8] {
        &self.reflected[..usize::from(self.stripped_len)]
    }

    /// What is given back in an answer that we make up.
    fn reflected(&self) -> &[u8] {
        &self.reflected[usize::from(self.stripped_len)..]
    }

    /// Whether nobody is to be told the outcome.
    pub fn is_silent(&self) -> bool {
        self.noreply
    }

    /// The buffer it was given, to be used again.
    pub fn into_buffer(self) -> Vec<u8> {
        self.reflected
    }

    /// Whether a server's answer is to be taken as a failure of the request.
    #[inline]
    pub fn is_failure(&self, status: Status) -> bool {
        match status {
            Status::Error(response::ErrorKind::Server) => self.class == Class::Read,
            Status::Error(_)
            | Status::End
            | Status::Hit
            | Status::Miss
            | Status::Done
            | Status::NotStored
            | Status::Exists
            | Status::NotFound => false,
        }
    }

    /// Appends a server's answer. `body` holds the values of a retrieval.
    #[inline]
    pub fn write_response(&self, body: &[u8], response: &Response<'_>, output: &mut Vec<u8>) {
        match self.kind {
            Kind::Fixed(words) if !self.noreply => output.extend_from_slice(words),
            Kind::Retrieval => {
                // An error in place of the end stands alone, as memcached has it.
                if response.status == Status::End {
                    output.extend_from_slice(body);
                }
                response.write(true, output);
            }
            Kind::Line | Kind::FlushAll if !self.noreply => response.write(true, output),
            Kind::Meta(op) if !(self.quiet && is_ordinary(op, response.status)) => {
                response.write(self.returns_key, output);
            }
            Kind::Fixed(_) | Kind::Line | Kind::FlushAll | Kind::Meta(_) => {}
        }
    }

    /// Appends what is said to a delete that no server could take and that is remembered: the
    /// value is gone for the caller.
    pub fn write_deleted(&self, output: &mut Vec<u8>) {
        match self.kind {
            _ if self.noreply => {}
            Kind::Fixed(words) => output.extend_from_slice(words),
            Kind::Meta(_) if self.quiet => {}
            Kind::Meta(_) => {
                output.extend_from_slice(b"HD");
                output.extend_from_slice(self.reflected());
                output.extend_from_slice(b"\r\n");
            }
            Kind::Retrieval | Kind::Line | Kind::FlushAll => {
                output.extend_from_slice(b"DELETED\r\n");
            }
        }
    }

    /// Appends what is said when no server's answer is to be had.
    pub fn write_failure(&self, failure: Failure, output: &mut Vec<u8>) {
        let is_miss = self.class == Class::Read && self.on_unavailable == OnUnavailable::Miss;
        match self.kind {
            _ if self.noreply => {}
            Kind::Fixed(words) => output.extend_from_slice(words),
            Kind::Retrieval if is_miss => output.extend_from_slice(b"END\r\n"),
            Kind::Meta(_) if is_miss && self.quiet => {}
            Kind::Meta(_) if is_miss => {
                output.extend_from_slice(b"EN");
                output.extend_from_slice(self.reflected());
                output.extend_from_slice(b"\r\n");
            }
            Kind::Retrieval | Kind::Line | Kind::FlushAll | Kind::Meta(_) => {
                write_error(failure, output);
            }
        }
    }
}

fn write_error(failure: Failure, output: &mut Vec<u8>) {
    output.extend_from_slice(b"SERVER_ERROR evenkeel: ");
    output.extend_from_slice(failure.to_string().as_bytes());
    output.extend_from_slice(b"\r\n");
}

/// Keeps what memcached would give back in any answer: opaque and key, in the caller's order, and
/// behind the key how it is written.
fn reflect(meta: &MetaRequest<'_>, reflected: &mut Vec<u8>) {
    for flag in Tokens::new(meta.flags) {
        match flag[0] {
            b'O' => {
                reflected.push(b' ');
                reflected.extend_from_slice(flag);
            }
            b'k' => {
                reflected.extend_from_slice(b" k");
                reflected.extend_from_slice(meta.key);
                if meta.base64_key {
                    reflected.extend_from_slice(b" b");
                }
            }
            _ => {}
        }
    }
}

/// What a quiet meta request is not told.
fn is_ordinary(op: MetaOp, status: Status) -> bool {
    match op {
        MetaOp::Get => status == Status::Miss,
        MetaOp::Set | MetaOp::Delete => status == Status::Done,
        MetaOp::Arithmetic => matches!(status, Status::Done | Status::Hit),
        MetaOp::Debug => false,
    }
}

/// The parts of a request that concerns several servers.
#[derive(Debug, Default)]
pub struct Split {
    /// How many parts have no outcome yet.
    pub waiting: usize,
    /// The parts, one for each server.
    pub parts: Vec<Part>,
    /// For each key of a retrieval, in order, the part it went to; `None` if no server could
    /// take it.
    pub part_of_key: Vec<Option<u16>>,
    /// Why no server could take them, for each such key, in order.
    pub unrouted: Vec<Failure>,
    /// The first failure among the parts.
    pub failure: Option<Failure>,
    /// The first failure that the caller is told of instead of values: its keys' pool says so.
    pub told: Option<Failure>,
    /// Keys that a prefix was stripped off, in order: which of all keys, and how long it was.
    pub stripped_keys: Vec<(usize, u8)>,
    /// Those prefixes, one behind the other.
    pub stripped: Vec<u8>,
}

/// One server's part of a request.
#[derive(Debug, Default)]
pub struct Part {
    /// It has been answered, or has failed.
    pub has_outcome: bool,
    /// Why it has failed, if it has.
    pub failure: Option<Failure>,
    /// What its failure means for the caller.
    pub on_unavailable: OnUnavailable,
    /// For each of its keys, in order, how long its value is in `body`; 0, or missing at the end, if
    /// it was a miss.
    pub value_lens: Vec<u32>,
    /// The values that came for them, in order.
    pub body: Vec<u8>,
    /// How many keys have been merged.
    keys_merged: usize,
    /// How much of `body` has been merged.
    body_merged: usize,
}

impl Part {
    /// A part without an outcome; `on_unavailable` is what its failure would mean.
    pub fn new(on_unavailable: OnUnavailable) -> Self {
        Self { on_unavailable, ..Self::default() }
    }

    /// Where the value of the next key is; nowhere if that key was a miss.
    fn next_place(&mut self) -> Range<usize> {
        let len = self.value_lens.get(self.keys_merged).map_or(0, |len| *len as usize);
        self.keys_merged += 1;
        let start = self.body_merged;
        self.body_merged += len;
        start..self.body_merged
    }
}

impl Split {
    /// Gives each part that has no outcome this one.
    pub fn fail_rest(&mut self, failure: Failure) {
        self.waiting = 0;
        self.failure = Some(failure);
        for part in self.parts.iter_mut().filter(|part| !part.has_outcome) {
            (part.has_outcome, part.failure) = (true, Some(failure));
            if part.on_unavailable == OnUnavailable::Error {
                self.told = self.told.or(Some(failure));
            }
        }
    }

    /// A part, or a key without one, has failed; `on_unavailable` is what that means.
    pub fn note_failure(&mut self, failure: Failure, on_unavailable: OnUnavailable) {
        self.failure = self.failure.or(Some(failure));
        if on_unavailable == OnUnavailable::Error {
            self.told = self.told.or(Some(failure));
        }
    }

    /// For each key of a retrieval, in order: the part that has its value and where in its `body`,
    /// nowhere for a miss, or why no server's answer is to be had. To be asked for once.
    pub fn take_places(&mut self, mut take: impl FnMut(Result<(usize, Range<usize>), Failure>)) {
        let mut unrouted = self.unrouted.iter();
        for part in &self.part_of_key {
            let Some(part) = part.map(usize::from) else {
                take(Err(*unrouted.next().expect("a key without a part has a reason")));
                continue;
            };
            let its = &mut self.parts[part];
            take(its.failure.map_or_else(|| Ok((part, its.next_place())), Err));
        }
    }

    /// Bytes that the parts keep.
    pub fn body_len(&self) -> usize {
        self.parts.iter().map(|part| part.body.len()).sum()
    }

    /// Appends the answer, all parts having an outcome.
    pub fn write(&mut self, wording: &Wording, output: &mut Vec<u8>) {
        match (wording.kind, self.failure) {
            (Kind::Retrieval, _) if let Some(failure) = self.told => write_error(failure, output),
            (Kind::Retrieval, _) => {
                self.write_values(output);
                output.extend_from_slice(END);
            }
            (_, Some(failure)) => wording.write_failure(failure, output),
            (_, None) if wording.noreply => {}
            (_, None) => output.extend_from_slice(b"OK\r\n"),
        }
    }

    /// Merges the parts' values into the order of the keys.
    fn write_values(&mut self, output: &mut Vec<u8>) {
        if !self.stripped_keys.is_empty() {
            return self.restore_values(output);
        }
        for part in self.part_of_key.iter().flatten() {
            let part = &mut self.parts[usize::from(*part)];
            let place = part.next_place();
            output.extend_from_slice(&part.body[place]);
        }
    }

    /// The same, with the prefixes that were stripped off the keys.
    fn restore_values(&mut self, output: &mut Vec<u8>) {
        let (mut stripped, mut keys) = (&self.stripped[..], self.stripped_keys.iter().peekable());
        for (idx, part) in self.part_of_key.iter().enumerate() {
            let len = keys.next_if(|(key, _)| *key == idx).map_or(0, |(_, len)| *len);
            let prefix;
            (prefix, stripped) = stripped.split_at(usize::from(len));
            let Some(part) = part else { continue };
            let part = &mut self.parts[usize::from(*part)];
            let place = part.next_place();
            strip::restore_value(&part.body[place], prefix, output);
        }
    }

    /// How many bytes there is room for, but in its parts.
    pub(crate) fn kept_len(&self) -> usize {
        self.part_of_key.capacity() * size_of::<Option<u16>>()
            + self.unrouted.capacity() * size_of::<Failure>()
            + self.stripped_keys.capacity() * size_of::<(usize, u8)>()
            + self.stripped.capacity()
    }

    /// Forgets everything but the room it has.
    pub(crate) fn clear(&mut self) {
        self.waiting = 0;
        self.parts.clear();
        self.part_of_key.clear();
        self.unrouted.clear();
        (self.failure, self.told) = (None, None);
        self.stripped_keys.clear();
        self.stripped.clear();
    }
}

#[cfg(test)]
mod tests;
