//! The flags of a meta request: those we act on, those we pass through.
//!
//! # What we act on
//! | flag | what we do |
//! |---|---|
//! | `b` | route by the decoded key: `mg YQ== b` and `get a` are one item |
//! | `k` | ask for it always, so that every response names its key; take it out again if the caller did not want it |
//! | `q` | take it out, so that every request has one response; leave the response out ourselves |
//!
//! memcached knows a flag by its first letter, whatever stands behind it.
//!
//! All other flags are between the caller and the server, and may be newer than we are. A server
//! that does not know one, or finds it wrong, says so in one line, having swallowed the value of
//! `ms`. What it would not swallow the value for is refused here: a key too long, too many flags.
//! So is a flag given twice: what would come back is not sure to be ours to understand.
//!
//! `me` looks at nothing but a `b` that stands first.

use crate::protocol::KEY_LEN_MAX;
use crate::protocol::number;
use crate::protocol::refusal::{self, Refusal};
use crate::protocol::request::{MetaOp, MetaRequest};
use crate::protocol::token::Tokens;

/// The longest opaque memcached takes, with its letter.
const OPAQUE_LEN_MAX: usize = 32;

/// The most words of a meta request, its command among them.
const WORDS_LEN_MAX: usize = 19;

/// Flags that versions after 1.6.18 know.
const NEWER_FLAGS: &[u8] = b"Ex";

/// The key that a base64 key stands for, without allocation.
///
/// Decoded as memcached does it, which no library does: bytes outside the alphabet are passed
/// over, and all that follows the first group with padding.
pub struct DecodedKey {
    bytes: [u8; DECODED_LEN_MAX],
    len: usize,
}

/// Room for what [`KEY_LEN_MAX`] base64 characters decode to, rounded up to whole groups.
const DECODED_LEN_MAX: usize = KEY_LEN_MAX.div_ceil(4) * 3;

impl DecodedKey {
    /// Decodes `text`; `None` if memcached would not, or if it is longer than a key.
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut sextets = text.iter().filter_map(|byte| sextet(*byte));
        let len = sextets.clone().count();
        if text.len() > KEY_LEN_MAX || len == 0 || len % 4 != 0 {
            return None;
        }
        let mut key = Self { bytes: [0; DECODED_LEN_MAX], len: 0 };
        while let (Some(a), Some(b), Some(c), Some(d)) =
            (sextets.next(), sextets.next(), sextets.next(), sextets.next())
        {
            let padding: usize =
                [a, b, c, d].map(|sextet| usize::from(sextet / PADDING)).iter().sum();
            let [a, b, c, d] = [a, b, c, d].map(|sextet| sextet % PADDING);
            let group = [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d];
            key.bytes[key.len..key.len + 3].copy_from_slice(&group);
            key.len += 3_usize.checked_sub(padding).filter(|len| *len > 0)?;
            if padding > 0 {
                break;
            }
        }
        Some(key)
    }

    /// The real key.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What a key would do to a line if its real bytes were written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawForm {
    /// It is a word as others are.
    OneWord,
    /// It has blanks.
    SeveralWords,
    /// It would end the line.
    EndsLine,
}

/// The form of the key that `text` stands for in base64. What is no base64 is a word of text.
pub fn raw_form(text: &[u8]) -> RawForm {
    match DecodedKey::new(text) {
        Some(key) if key.as_slice().contains(&b'\n') => RawForm::EndsLine,
        Some(key) if key.as_slice().contains(&b' ') => RawForm::SeveralWords,
        Some(_) | None => RawForm::OneWord,
    }
}

impl MetaRequest<'_> {
    /// Whether the server may be asked to name the key.
    ///
    /// memcached 1.6.18 forgets, of an item that it makes itself, that its key came in base64, and
    /// then writes the key's real bytes.
    pub(super) fn may_name_key(&self) -> bool {
        self.op != MetaOp::Get
            || !self.base64_key
            || match raw_form(self.key) {
                RawForm::OneWord => true,
                RawForm::SeveralWords => self.returns_key,
                RawForm::EndsLine => false,
            }
    }
}

/// What a base64 character stands for; `None` if it is none.
fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        b'=' => PADDING,
        _ => return None,
    })
}

/// What padding is told from the others by. It adds no bits.
const PADDING: u8 = 64;

impl MetaRequest<'_> {
    /// Calls `f` with the key's real bytes, decoded if need be.
    pub fn with_real_key<T>(&self, f: impl FnOnce(&[u8]) -> T) -> T {
        if !self.base64_key {
            return f(self.key);
        }
        match DecodedKey::new(self.key) {
            Some(key) => f(key.as_slice()),
            // The parser has refused this; a request built by hand routes by its text.
            None => f(self.key),
        }
    }
}

/// Parses what follows `mg`, `md`, `ma` or `me`.
pub(super) fn parse<'a>(
    command: &[u8],
    mut words: Tokens<'a>,
    value: Option<&'a [u8]>,
) -> Result<MetaRequest<'a>, Refusal> {
    let op = match command {
        b"mg" => MetaOp::Get,
        b"md" => MetaOp::Delete,
        b"ma" => MetaOp::Arithmetic,
        _ => MetaOp::Debug,
    };
    let no_key = if op == MetaOp::Debug { Refusal::BadFormat } else { Refusal::UnknownCommand };
    let key = words.next().ok_or(no_key)?;
    request(op, key, &words, value)
}

/// Parses the rest of `ms` after its key and length.
pub(super) fn parse_set<'a>(
    key: &'a [u8],
    words: &Tokens<'a>,
    value: &'a [u8],
) -> Result<MetaRequest<'a>, Refusal> {
    request(MetaOp::Set, key, words, Some(value))
}

/// Why an `ms` whose length is none is refused: that it has too many flags is told first.
pub(super) fn refusal_of_length(key: &[u8], words: &Tokens<'_>) -> Refusal {
    match parse_set(key, words, &[]) {
        Err(Refusal::TooManyFlags) => Refusal::TooManyFlags,
        Ok(_) | Err(_) => Refusal::BadFormat,
    }
}

/// The delete that removes the item `set` was meant to replace.
pub(super) fn delete_of<'a>(set: &MetaRequest<'a>) -> MetaRequest<'a> {
    let flags: &[u8] = if set.base64_key { b"b" } else { b"" };
    MetaRequest { op: MetaOp::Delete, flags, value: None, quiet: false, returns_key: false, ..*set }
}

/// Why memcached refuses a well-formed `ms` before it looks at its value, if it does.
pub(super) fn refusal_of_set(set: &MetaRequest<'_>) -> Option<Refusal> {
    fault(set.key, set.flags).or_else(|| {
        let (mut mode, mut is_opaque_long) = (b'S', false);
        for flag in Tokens::new(set.flags) {
            match flag {
                [b'M', letter] => mode = *letter,
                [b'O', ..] => is_opaque_long |= flag.len() > OPAQUE_LEN_MAX,
                _ => {}
            }
        }
        match mode {
            b'E' | b'A' | b'P' | b'R' | b'S' => is_opaque_long.then_some(Refusal::OpaqueTooLong),
            _ => Some(Refusal::BadMode),
        }
    })
}

fn request<'a>(
    op: MetaOp,
    key: &'a [u8],
    words: &Tokens<'a>,
    value: Option<&'a [u8]>,
) -> Result<MetaRequest<'a>, Refusal> {
    let key = refusal::key(key)?;
    let mut flags = words.rest();
    if op == MetaOp::Debug {
        flags = if words.clone().next() == Some(b"b") { b"b" } else { b"" };
    }
    let (mut seen, mut flags_len) = (Seen::default(), 0);
    let mut is_twice = false;
    for flag in Tokens::new(flags) {
        is_twice |= !seen.add(flag[0]);
        flags_len += 1;
    }
    let (base64_key, quiet, returns_key) = (seen.has(b'b'), seen.has(b'q'), seen.has(b'k'));
    // As many as any server is sent, and no more than it takes: what goes elsewhere than home is
    // given an expiry. A server runs the value of an `ms` with more as commands.
    let expiry_len = usize::from(op == MetaOp::Set && !seen.has(b'T'));
    let sent_len = flags_len + usize::from(!returns_key) + expiry_len - usize::from(quiet);
    let others_len = if op == MetaOp::Set { 3 } else { 2 };
    if others_len + flags_len.max(sent_len) > WORDS_LEN_MAX {
        let is_get = op == MetaOp::Get;
        return Err(if is_get { Refusal::TooManyFlagsOfGet } else { Refusal::TooManyFlags });
    }
    if op == MetaOp::Debug && base64_key && raw_form(key) == RawForm::EndsLine {
        // It would be answered with the key's real bytes.
        return Err(Refusal::BadFormat);
    }
    if is_twice && let Some(refusal) = fault(key, flags) {
        return Err(refusal.of(op));
    }
    Ok(MetaRequest { op, key, flags, value, base64_key, quiet, returns_key })
}

impl Refusal {
    /// The words that memcached has for this command: deletes and arithmetic have the same for
    /// whatever is wrong with flags.
    fn of(self, op: MetaOp) -> Self {
        match op {
            MetaOp::Delete | MetaOp::Arithmetic => Self::BadOrDuplicateFlag,
            MetaOp::Get | MetaOp::Set | MetaOp::Debug => self,
        }
    }
}

/// What is wrong with flags in the eyes of memcached 1.6.18: one that it does not know or that comes
/// twice ends the reading; of several other faults the last is told.
fn fault(key: &[u8], flags: &[u8]) -> Option<Refusal> {
    let (mut seen, mut fault) = (Seen::default(), None);
    for flag in Tokens::new(flags) {
        let (letter, argument) = (flag[0], &flag[1..]);
        if letter >= LETTER_MAX || !seen.add(letter) {
            return Some(Refusal::DuplicateFlag);
        }
        let is_bad = match letter {
            b'b' => DecodedKey::new(key).is_none().then_some(Refusal::BadBase64),
            b'N' | b'T' | b'R' => number::signed(argument).is_none().then_some(Refusal::BadToken),
            b'C' => number::unsigned(argument).is_none().then_some(Refusal::BadToken),
            b'M' => (argument.len() != 1).then_some(Refusal::BadModeLength),
            b'J' => number::unsigned(argument).is_none().then_some(Refusal::BadInitial),
            b'D' => number::unsigned(argument).is_none().then_some(Refusal::BadDeltaFlag),
            b'F' if number::client_flags(argument).is_none() => fault.or(Some(Refusal::BadFormat)),
            b'F' | b'I' | b'L' | b'O' | b'P' | b'c' | b'f' | b'h' | b'k' | b'l' | b'q' | b's'
            | b't' | b'u' | b'v' => None,
            _ if NEWER_FLAGS.contains(&letter) => None,
            _ => return Some(Refusal::BadFlag),
        };
        fault = is_bad.or(fault);
    }
    fault
}

/// Which bytes have been seen first in a flag.
#[derive(Default)]
struct Seen([u64; 4]);

impl Seen {
    /// Notes one; whether it is new.
    fn add(&mut self, letter: u8) -> bool {
        let is_new = !self.has(letter);
        self.0[usize::from(letter / 64)] |= 1 << (letter % 64);
        is_new
    }

    fn has(&self, letter: u8) -> bool {
        self.0[usize::from(letter / 64)] & (1 << (letter % 64)) != 0
    }
}

/// The first byte that memcached takes for no flag at all, and says that it came twice.
const LETTER_MAX: u8 = 127;

#[cfg(test)]
mod tests;
