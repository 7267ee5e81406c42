//! One session's bytes: what has come in, how far it has been answered, what goes out.
//!
//! It decides what is parsed when and when to stop. Sockets belong to [`super::session`].
//!
//! # Limits
//! Input is kept until its request is whole: at most one value and its line, or one retrieval's
//! line, and one read. Output is at most [`OUTPUT_LEN_MAX`] and the answer that went past it: a
//! retrieval of many values is answered in parts.

use evenkeel_core::protocol::parse::{ParseLimits, Parsed, Refused, parse_request};
use evenkeel_core::protocol::{Request, request::MetaOp};

use crate::answer::{self, Next, ServerFacts};
use crate::server::MetaCommands;
use crate::store::Store;

/// One session's bytes.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    /// What has come in and is not answered.
    pub(crate) input: Vec<u8>,
    /// What is to go out.
    pub(crate) output: Vec<u8>,
    limits: ParseLimits,
    meta: MetaCommands,
    /// How much of `input` is known to hold no line end.
    scanned: usize,
    /// How many bytes of input `input` must hold before parsing makes sense.
    needed: usize,
    /// How many bytes that come next belong to a value that was refused.
    swallow: u64,
    /// How many keys of the retrieval at the start of `input` have been answered.
    keys_done: usize,
}

/// Why answering has paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// More input is needed: at least this many bytes more.
    Input(usize),
    /// Output must go out first.
    Output,
    /// The session ends once the output is out.
    Close,
}

/// How much output may be waiting before no more requests are answered, in bytes.
pub(crate) const OUTPUT_LEN_MAX: usize = 256 * 1024;

impl Conversation {
    /// A session without input yet. Values are limited to `item_size_max` bytes.
    pub(crate) fn new(item_size_max: usize, meta: MetaCommands) -> Self {
        let limits = ParseLimits { item_size_max, ..ParseLimits::default() };
        Self { limits, meta, ..Self::default() }
    }

    /// Answers whole requests from the start of `input` until there is no more or too much.
    ///
    /// What is answered has left `input`; the answers are at the end of `output`.
    pub(crate) fn answer(&mut self, store: &mut Store, facts: &ServerFacts) -> Pause {
        let mut input = std::mem::take(&mut self.input);
        let mut consumed = 0;
        let pause = loop {
            if self.output.len() > OUTPUT_LEN_MAX {
                break Pause::Output;
            }
            consumed += self.swallow(input.len() - consumed);
            let rest = &input[consumed..];
            if rest.is_empty() || rest.len() < self.needed {
                break Pause::Input(self.needed.saturating_sub(rest.len()).max(1));
            }
            match self.answer_one(rest, store, facts) {
                Ok(len) => {
                    consumed += len;
                    (self.scanned, self.needed) = (0, 0);
                }
                Err(pause) => break pause,
            }
        };
        input.drain(..consumed);
        self.input = input;
        pause
    }

    /// Answers the request at the start of `input` and returns its length.
    fn answer_one(
        &mut self,
        input: &[u8],
        store: &mut Store,
        facts: &ServerFacts,
    ) -> Result<usize, Pause> {
        match parse_request(input, self.scanned, &self.limits) {
            Parsed::Incomplete { needed, scanned } => {
                (self.needed, self.scanned) = (needed, scanned);
                Err(Pause::Input(needed - input.len()))
            }
            Parsed::Request { request: Request::Retrieve { how, keys }, len } => {
                let (done, output) = (self.keys_done, &mut self.output);
                let left = answer::retrieve(store, how, keys, done, OUTPUT_LEN_MAX, output);
                self.keys_done = left.unwrap_or(0);
                if left.is_some() { Err(Pause::Output) } else { Ok(len) }
            }
            Parsed::Request { request: Request::Meta(_) | Request::MetaNoop, .. }
                if self.meta == MetaCommands::Unknown =>
            {
                self.output.extend_from_slice(b"ERROR\r\n");
                Ok(input.iter().position(|byte| *byte == b'\n').map_or(input.len(), |at| at + 1))
            }
            Parsed::Request { request, len } => {
                match answer::answer(store, facts, &request, &mut self.output) {
                    Next::Continue => Ok(len),
                    Next::Close => Err(Pause::Close),
                }
            }
            Parsed::Refused(refused) => self.refuse(&refused, store),
        }
    }

    fn refuse(&mut self, refused: &Refused<'_>, store: &mut Store) -> Result<usize, Pause> {
        if let Some(invalidated) = &refused.invalidates {
            forget(store, invalidated);
        }
        if !refused.noreply {
            self.output.extend_from_slice(refused.refusal.answer());
        }
        self.swallow = refused.swallow;
        if refused.refusal.ends_session() { Err(Pause::Close) } else { Ok(refused.len) }
    }

    /// How many of the next `available` bytes to throw away.
    fn swallow(&mut self, available: usize) -> usize {
        let len = usize::try_from(self.swallow).unwrap_or(usize::MAX).min(available);
        self.swallow -= len as u64;
        len
    }
}

/// Drops the item that a refused value was meant to replace.
fn forget(store: &mut Store, invalidated: &Request<'_>) {
    match invalidated {
        Request::Delete { key, .. } => store.forget(key),
        Request::Meta(meta) if meta.op == MetaOp::Delete => {
            meta.with_real_key(|key| store.forget(key));
        }
        other => unreachable!("the parser asks for a delete, not for {other:?}"),
    }
}

#[cfg(test)]
mod tests;
