//! Commands that are one line of few words.

use std::ops::RangeInclusive;

use crate::protocol::number;
use crate::protocol::parse::Fault;
use crate::protocol::refusal::{self, Refusal};
use crate::protocol::request::{ArithmeticOp, Request};
use crate::protocol::token::Tokens;

/// The words behind a command.
///
/// memcached counts them before it looks at any, and says `ERROR` to any other number. Once the
/// number is right, a last word `noreply` silences all that is wrong with the others.
pub(super) struct Args<'a> {
    words: [&'a [u8]; ARGS_LEN_MAX],
    len: usize,
}

/// The most words that any such command takes: `cas`, without its own.
const ARGS_LEN_MAX: usize = 6;

impl<'a> Args<'a> {
    /// Takes all words there are, of which there must be so many.
    pub(super) fn new(
        words: Tokens<'a>,
        len_allowed: RangeInclusive<usize>,
    ) -> Result<Self, Refusal> {
        let mut args = Self { words: [&[]; ARGS_LEN_MAX], len: 0 };
        for word in words {
            *args.words.get_mut(args.len).ok_or(Refusal::UnknownCommand)? = word;
            args.len += 1;
        }
        if len_allowed.contains(&args.len) { Ok(args) } else { Err(Refusal::UnknownCommand) }
    }

    /// The word at `idx`; empty if there is none.
    pub(super) fn word(&self, idx: usize) -> &'a [u8] {
        self.words[idx]
    }

    /// Whether the last word is `noreply`.
    pub(super) fn noreply(&self) -> bool {
        self.len > 0 && self.words[self.len - 1] == b"noreply"
    }

    fn fault(&self, refusal: Refusal) -> Fault {
        Fault { refusal, noreply: self.noreply() }
    }

    fn key(&self) -> Result<&'a [u8], Fault> {
        refusal::key(self.words[0]).map_err(|refusal| self.fault(refusal))
    }
}

pub(super) fn delete(words: Tokens<'_>) -> Result<Request<'_>, Fault> {
    let args = Args::new(words, 1..=3)?;
    // Once `delete` took a time. What is left of that is a zero.
    let (is_zero, noreply) = (args.word(1) == b"0", args.len > 1 && args.noreply());
    let is_usual = match args.len {
        1 => true,
        2 => is_zero || noreply,
        _ => is_zero && noreply,
    };
    if !is_usual {
        return Err(args.fault(Refusal::DeleteUsage));
    }
    match args.key() {
        Ok(key) => Ok(Request::Delete { key, noreply }),
        Err(Fault { refusal, .. }) => Err(Fault { refusal, noreply }),
    }
}

pub(super) fn arithmetic(op: ArithmeticOp, words: Tokens<'_>) -> Result<Request<'_>, Fault> {
    let args = Args::new(words, 2..=3)?;
    let (key, noreply) = (args.key()?, args.noreply());
    let delta = number::unsigned(args.word(1)).ok_or(args.fault(Refusal::BadDelta))?;
    Ok(Request::Arithmetic { op, key, delta, noreply })
}

pub(super) fn touch(words: Tokens<'_>) -> Result<Request<'_>, Fault> {
    let args = Args::new(words, 2..=3)?;
    let (key, noreply) = (args.key()?, args.noreply());
    let exptime = number::signed(args.word(1)).ok_or(args.fault(Refusal::BadExptime))?;
    Ok(Request::Touch { key, exptime: exptime.into(), noreply })
}

pub(super) fn flush_all(words: Tokens<'_>) -> Result<Request<'_>, Fault> {
    let args = Args::new(words, 0..=2)?;
    let noreply = args.noreply();
    let delay = if args.len == usize::from(noreply) {
        0
    } else {
        number::signed(args.word(0)).ok_or(args.fault(Refusal::BadExptime))?
    };
    Ok(Request::FlushAll { delay: delay.into(), noreply })
}

pub(super) fn verbosity(words: Tokens<'_>) -> Result<Request<'_>, Fault> {
    let args = Args::new(words, 1..=2)?;
    number::unsigned(args.word(0)).ok_or(args.fault(Refusal::BadFormat))?;
    Ok(Request::Verbosity { noreply: args.noreply() })
}

/// Whether a line of an unknown command is the first one of a request of HTTP, as memcached tells
/// it: a browser that was led here must not have the rest of its request run as commands.
pub(super) fn is_http(command: &[u8], words: Tokens<'_>) -> bool {
    // It comes to that question only past the commands that begin with one of these.
    let is_looked_for =
        !matches!(command, [b'm', _] | [b'g' | b's' | b'a' | b'c' | b'i' | b'd' | b't', ..])
            && command.len() > 1;
    let last = words.take(WORDS_LEN_MAX - 1).last().unwrap_or(command);
    is_looked_for && last.starts_with(b"HTTP/")
}

/// How many words of a line memcached looks at together.
const WORDS_LEN_MAX: usize = 23;
