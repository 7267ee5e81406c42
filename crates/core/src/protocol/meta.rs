//! The flags of a meta request: those we act on, those we pass through.
//!
//! # What we act on
//! | flag | what we do |
//! |---|---|
//! | `b` | route by the decoded key: `mg YQ== b` and `get a` are one item |
//! | `k` | ask for it always, so that every response names its key; take it out again if the caller did not want it |
//! | `q` | take it out, so that every request has one response; leave the response out ourselves |
//! | `O` | refuse one that is too long, as memcached does |
//!
//! All other flags are between the caller and the server, and may be newer than we are. A server
//! that does not know one says so in one line, having swallowed the value of `ms`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::protocol::KEY_LEN_MAX;
use crate::protocol::refusal::{self, Refusal};
use crate::protocol::request::{MetaOp, MetaRequest};
use crate::protocol::token::Tokens;

/// The longest opaque memcached takes, with its letter.
const OPAQUE_LEN_MAX: usize = 32;

/// The key that a base64 key stands for, without allocation.
pub struct DecodedKey {
    bytes: [u8; DECODED_LEN_MAX],
    len: usize,
}

/// Room for what [`KEY_LEN_MAX`] base64 characters decode to, rounded up as the decoder wants.
const DECODED_LEN_MAX: usize = KEY_LEN_MAX.div_ceil(4) * 3;

impl DecodedKey {
    /// Decodes `text`; `None` if it is no base64 with padding, too long, or stands for no bytes.
    pub fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; DECODED_LEN_MAX];
        let len = STANDARD.decode_slice(text, &mut bytes).ok()?;
        (len > 0).then_some(Self { bytes, len })
    }

    /// The real key.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

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

/// The delete that removes the item `set` was meant to replace.
pub(super) fn delete_of<'a>(set: &MetaRequest<'a>) -> MetaRequest<'a> {
    let flags: &[u8] = if set.base64_key { b"b" } else { b"" };
    MetaRequest { op: MetaOp::Delete, flags, value: None, quiet: false, returns_key: false, ..*set }
}

fn request<'a>(
    op: MetaOp,
    key: &'a [u8],
    words: &Tokens<'a>,
    value: Option<&'a [u8]>,
) -> Result<MetaRequest<'a>, Refusal> {
    let key = refusal::key(key)?;
    let flags = words.rest();
    let mut seen = Seen::default();
    for flag in Tokens::new(flags) {
        seen.add(flag).map_err(|refusal| refusal.of(op))?;
    }
    let base64_key = seen.has(b'b');
    if base64_key && DecodedKey::new(key).is_none() {
        return Err(Refusal::BadBase64);
    }
    let (quiet, returns_key) = (seen.has(b'q'), seen.has(b'k'));
    Ok(MetaRequest { op, key, flags, value, base64_key, quiet, returns_key })
}

impl Refusal {
    /// The words that memcached has for this command: deletes and arithmetic tell bad flags and
    /// flags given twice by the same ones.
    fn of(self, op: MetaOp) -> Self {
        match (op, self) {
            (MetaOp::Delete | MetaOp::Arithmetic, Self::BadFlag | Self::DuplicateFlag) => {
                Self::BadOrDuplicateFlag
            }
            (_, refusal) => refusal,
        }
    }
}

/// Which letters have been seen: bit n stands for the letter `A` + n.
#[derive(Default)]
struct Seen(u64);

impl Seen {
    fn add(&mut self, flag: &[u8]) -> Result<(), Refusal> {
        let letter = flag[0];
        if !letter.is_ascii_alphabetic() {
            return Err(Refusal::BadFlag);
        }
        if self.has(letter) {
            return Err(Refusal::DuplicateFlag);
        }
        if letter == b'O' && flag.len() > OPAQUE_LEN_MAX {
            return Err(Refusal::OpaqueTooLong);
        }
        self.0 |= 1 << (letter - b'A');
        Ok(())
    }

    fn has(&self, letter: u8) -> bool {
        self.0 & (1 << (letter - b'A')) != 0
    }
}
