//! The desk: where sessions hand in requests and collect answers.
//!
//! Owns the sessions and the exchanges. Knows nothing of servers: it is told outcomes.

use std::collections::VecDeque;

use slotmap::SlotMap;

use crate::Instant;
use crate::call::CallResult;
use crate::connection::{Attempt, Matched};
use crate::exchange::{Asker, Exchange, Form, Split, Wording};
use crate::failure::Failure;
use crate::id::{ExchangeId, SessionId};
use crate::protocol::divert;
use crate::protocol::request::Class;
use crate::protocol::response::{ErrorKind, Expect, Response, Status};
use crate::protocol::strip;
use crate::session::Session;
use crate::spare::Spare;
use crate::worker::{ATTEMPTS_MAX, Counters};

#[derive(Debug, Default)]
pub(super) struct Desk {
    pub(super) sessions: SlotMap<SessionId, Session>,
    pub(super) exchanges: SlotMap<ExchangeId, Exchange>,
    /// Sessions to look at: they have something to write, or room for more requests.
    pub(super) dirty: Vec<SessionId>,
    /// Calls that have ended.
    pub(super) settled: Vec<(u64, CallResult)>,
    pub(super) spare: Spare,
    pub(super) counters: Counters,
}

/// Room for this many exchanges is kept by an idle session.
const PENDING_KEPT_LEN: usize = 256;

impl Desk {
    /// Opens an exchange, behind those that the session has.
    #[inline]
    pub(super) fn open(&mut self, asker: Asker, deadline: Instant, wording: Wording) -> ExchangeId {
        let id = self.exchanges.insert(Exchange::new(asker, deadline, wording));
        if let Asker::Session(session) = asker
            && let Some(session) = self.sessions.get_mut(session)
        {
            session.pending.push_back(id);
        }
        id
    }

    /// Answers a request that needs no server, behind those before it.
    pub(super) fn answer(&mut self, session: SessionId, words: &'static [u8]) {
        let asker = Asker::Session(session);
        let id = self.open(asker, Instant::ZERO, Wording::fixed(words, false));
        self.settle(id, |_, output| output.extend_from_slice(words));
    }

    /// A server has answered an attempt; so many keys of it were there, and so many were not.
    #[inline]
    pub(super) fn settle_response(&mut self, matched: &Matched<'_>, keys: (u32, u32)) {
        let Matched { attempt, body, response, .. } = matched;
        let id = attempt.exchange;
        let waiting = self.exchanges.get(id).filter(|exchange| exchange.waits_for(attempt.part));
        let Some(exchange) = waiting else {
            self.counters.late_responses += 1;
            return;
        };
        if exchange.wording.is_failure(response.status) {
            return self.settle_failure(id, attempt.part, Failure::ServerError);
        }
        let (form, is_stripped) = (exchange.form(), !exchange.wording.prefix().is_empty());
        self.counters.values_dropped += matched.values_dropped as u64;
        if let Asker::Session(session) = exchange.asker {
            let session = &mut self.sessions[session];
            let len = body.len() + response.value.map_or(0, <[u8]>::len);
            session.note_answer(len);
            // Of a change only the caller can know what to do; and its value is a number.
            let may_be_miss = attempt.class == Class::Read;
            if len > 0 && may_be_miss && !session.has_room(len) {
                self.counters.values_dropped += 1;
                return self.settle_failure(id, attempt.part, Failure::Overload);
            }
        }
        let (hits, misses) = keys;
        self.counters.hits += u64::from(hits);
        self.counters.misses += u64::from(misses);
        if attempt.disguise != 0 || is_stripped {
            return self.settle_changed(matched, form);
        }
        self.settle_as_is(attempt, body, matched.value_lens, response, form);
    }

    #[inline]
    fn settle_as_is(
        &mut self,
        attempt: &Attempt,
        body: &[u8],
        value_lens: &[u32],
        response: &Response<'_>,
        form: Form,
    ) {
        let id = attempt.exchange;
        match form {
            Form::Request => {
                self.settle(id, |wording, output| wording.write_response(body, response, output));
            }
            Form::Call => self.settle_call(id, CallResult::new(body, response)),
            Form::Split => {
                let is_error = matches!(response.status, Status::Error(_));
                let failure = is_error.then_some(Failure::ServerError);
                self.settle_part(id, attempt.part, value_lens, body, failure);
            }
        }
    }

    /// A response that is not for the caller as it is: CAS tokens from elsewhere than their key's
    /// home are disguised, and what was stripped off a key is put before it again.
    #[cold]
    fn settle_changed(&mut self, matched: &Matched<'_>, form: Form) {
        let Matched { attempt, body, value_lens, response, .. } = matched;
        if attempt.disguise == 0 {
            return self.settle_restored(matched, body, value_lens, response, form);
        }
        let mut buffer = self.spare.take();
        match attempt.expect {
            Expect::Retrieval { has_cas: true } => {
                let mut lens = value_lens.to_vec();
                divert::disguise_values(body, &mut lens, attempt.disguise, &mut buffer);
                self.settle_restored(matched, &buffer, &lens, response, form);
            }
            Expect::Meta(_) => {
                divert::disguise_meta_line(response.line, attempt.disguise, &mut buffer);
                let response = Response { line: &buffer, ..*response };
                self.settle_restored(matched, body, value_lens, &response, form);
            }
            Expect::Retrieval { has_cas: false }
            | Expect::Store
            | Expect::Delete
            | Expect::Arithmetic
            | Expect::Touch
            | Expect::FlushAll => {
                self.settle_restored(matched, body, value_lens, response, form);
            }
        }
        self.spare.give(buffer);
    }

    /// What is left to do of that: the prefix. Values of several keys get theirs when they are
    /// merged.
    fn settle_restored(
        &mut self,
        matched: &Matched<'_>,
        body: &[u8],
        value_lens: &[u32],
        response: &Response<'_>,
        form: Form,
    ) {
        let attempt = &matched.attempt;
        let mut buffer = self.spare.take();
        let prefix = self.exchanges[attempt.exchange].wording.prefix();
        match attempt.expect {
            Expect::Retrieval { .. } if !prefix.is_empty() => {
                strip::restore_value(body, prefix, &mut buffer);
                self.settle_as_is(attempt, &buffer, value_lens, response, form);
            }
            // An error names no key, whatever its words begin with.
            Expect::Meta(_)
                if !prefix.is_empty() && !matches!(response.status, Status::Error(_)) =>
            {
                attempt.with_real_key(attempt.keys(matched.encoded), |key| {
                    strip::restore_meta_line(response.line, prefix, key, &mut buffer);
                });
                let response = Response { line: &buffer, ..*response };
                self.settle_as_is(attempt, body, value_lens, &response, form);
            }
            Expect::Retrieval { .. }
            | Expect::Meta(_)
            | Expect::Store
            | Expect::Delete
            | Expect::Arithmetic
            | Expect::Touch
            | Expect::FlushAll => self.settle_as_is(attempt, body, value_lens, response, form),
        }
        self.spare.give(buffer);
    }

    /// An exchange's part has failed.
    pub(super) fn settle_failure(&mut self, id: ExchangeId, part: u16, failure: Failure) {
        let Some(exchange) = self.exchanges.get(id) else { return };
        if !exchange.waits_for(part) {
            return;
        }
        self.counters.failed += 1;
        match exchange.form() {
            Form::Split => self.settle_part(id, part, &[], &[], Some(failure)),
            Form::Call => self.settle_call(id, CallResult::Failed(failure)),
            Form::Request => {
                self.settle(id, |wording, output| wording.write_failure(failure, output));
            }
        }
    }

    /// No server could take a delete; it will be made up for.
    pub(super) fn settle_deleted(&mut self, id: ExchangeId) {
        let waiting = self.exchanges.get(id).filter(|exchange| exchange.waits_for(0));
        match waiting.map(Exchange::form) {
            Some(Form::Call) => self.settle_call(id, CallResult::Remembered),
            Some(Form::Request | Form::Split) => self.settle(id, Wording::write_deleted),
            None => {}
        }
    }

    /// An exchange's part that has no value to give is done.
    pub(super) fn settle_part_done(&mut self, id: ExchangeId, part: u16) {
        self.settle_part(id, part, &[], &[], None);
    }

    /// Time is up for all that has no outcome yet.
    pub(super) fn expire(&mut self, id: ExchangeId) {
        let Some(exchange) = self.exchanges.get_mut(id) else { return };
        match &mut exchange.split {
            Some(split) if exchange.settled.is_none() => {
                split.fail_rest(Failure::Timeout);
                self.counters.failed += 1;
                self.settle_split(id);
            }
            _ => self.settle_failure(id, 0, Failure::Timeout),
        }
    }

    fn settle_part(
        &mut self,
        id: ExchangeId,
        part: u16,
        value_lens: &[u32],
        body: &[u8],
        failure: Option<Failure>,
    ) {
        let Self { exchanges, sessions, spare, .. } = self;
        let exchange = &mut exchanges[id];
        let split = exchange.split.as_mut().expect("only split exchanges come here");
        if let Some(failure) = failure {
            split.note_failure(failure, split.parts[usize::from(part)].on_unavailable);
        }
        let part = &mut split.parts[usize::from(part)];
        part.has_outcome = true;
        part.failure = failure;
        if !body.is_empty() {
            part.value_lens = spare.take_lens();
            part.value_lens.extend_from_slice(value_lens);
            part.body = spare.take();
            part.body.extend_from_slice(body);
            if let Asker::Session(session) = exchange.asker {
                sessions[session].pending_len += body.len();
            }
        }
        split.waiting -= 1;
        if split.waiting == 0 {
            self.settle_split(id);
        }
    }

    fn settle_split(&mut self, id: ExchangeId) {
        let exchange = &mut self.exchanges[id];
        let mut split = exchange.split.take().expect("only split exchanges come here");
        let Asker::Session(session) = exchange.asker else {
            return self.settle_call(id, CallResult::Parts(split));
        };
        self.sessions[session].pending_len -= split.body_len();
        self.settle(id, |wording, output| split.write(wording, output));
        self.spare.give_split(split);
    }

    /// Gives an exchange its parts. It is settled when all have an outcome.
    pub(super) fn split(&mut self, id: ExchangeId, split: Box<Split>) {
        let is_settled = split.waiting == 0;
        self.exchanges[id].split = Some(split);
        if is_settled {
            self.settle_split(id);
        }
    }

    /// Ends an exchange: its answer leaves at once if it is the oldest of its session, and
    /// otherwise waits for those before it.
    #[inline]
    fn settle(&mut self, id: ExchangeId, write: impl FnOnce(&Wording, &mut Vec<u8>)) {
        let Self { exchanges, sessions, spare, .. } = self;
        let exchange = &mut exchanges[id];
        let Asker::Session(session_id) = exchange.asker else {
            unreachable!("a call has no words");
        };
        let session = &mut sessions[session_id];
        if session.pending.front() != Some(&id) {
            let mut answer = spare.take();
            write(&exchange.wording, &mut answer);
            session.pending_len += answer.len();
            exchange.settled = Some(answer);
            return;
        }
        if session.output.capacity() == 0 {
            session.output = spare.take();
        }
        write(&exchange.wording, &mut session.output);
        self.release(session_id);
    }

    /// Ends a call.
    pub(super) fn settle_call(&mut self, id: ExchangeId, result: CallResult) {
        let exchange = self.exchanges.remove(id).expect("a call that is not settled exists");
        if let Asker::Call(name) = exchange.asker
            && !exchange.wording.is_silent()
        {
            self.settled.push((name, result));
        }
        self.spare.give(exchange.wording.into_buffer());
    }

    /// Lets go the session's oldest exchange, and those behind it that waited only for it.
    #[inline]
    fn release(&mut self, session_id: SessionId) {
        let Self { exchanges, sessions, spare, .. } = self;
        let session = &mut sessions[session_id];
        loop {
            let id = session.pending.pop_front().expect("the caller settled the oldest");
            let exchange = exchanges.remove(id).expect("a pending exchange exists");
            spare.give(exchange.wording.into_buffer());
            if let Some(answer) = exchange.settled {
                session.pending_len -= answer.len();
                session.output.extend_from_slice(&answer);
                spare.give(answer);
            }
            match session.pending.front() {
                Some(next) if exchanges[*next].settled.is_some() => {}
                _ => break,
            }
        }
        if session.pending.is_empty() && session.pending.capacity() > PENDING_KEPT_LEN {
            session.pending.shrink_to(PENDING_KEPT_LEN);
        }
        if session.output.is_empty() {
            // Nothing was said: an idle session holds no buffer.
            spare.give(std::mem::take(&mut session.output));
        }
        self.touch(session_id);
    }

    /// Settles an exchange with words that the driver has.
    pub(super) fn settle_with(&mut self, id: ExchangeId, words: &[u8]) {
        if self.exchanges.get(id).is_some_and(|exchange| exchange.settled.is_none()) {
            self.settle(id, |_, output| output.extend_from_slice(words));
        }
    }

    /// Has the worker look at the session.
    #[inline]
    pub(super) fn touch(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(id)
            && !session.is_dirty
        {
            session.is_dirty = true;
            self.dirty.push(id);
        }
    }

    /// The session is gone. Attempts in flight for it go on; their responses find nobody. Returns
    /// the exchanges it had.
    pub(super) fn close(&mut self, id: SessionId) -> VecDeque<ExchangeId> {
        let Some(session) = self.sessions.remove(id) else { return VecDeque::new() };
        self.spare.give(session.output);
        session.pending
    }

    /// Nobody waits for the exchange any more. Whether it must be watched to its end: it may be
    /// carried out, and that must be known.
    pub(super) fn abandon(&mut self, id: ExchangeId) -> bool {
        let Some(exchange) = self.exchanges.get_mut(id) else { return false };
        if exchange.placed.is_none() || exchange.settled.is_some() {
            self.exchanges.remove(id);
            return false;
        }
        exchange.asker = Asker::Nobody;
        exchange.attempts = ATTEMPTS_MAX;
        true
    }

    /// Whether an error line says something about the server rather than the request.
    #[inline]
    pub(super) fn is_evidence(status: Status) -> bool {
        matches!(status, Status::Error(ErrorKind::Server))
    }
}
