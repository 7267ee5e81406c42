//! Text from a server → logical response, judged against what was asked.
//!
//! A response is read knowing its request. What does not fit the request, is not well formed, or
//! names another key or opaque is [`Invalid`]: from then on nothing that the connection carries can be
//! trusted, and it must be closed (P1).
//!
//! # Grammar
//! A retrieval's response is any number of `VALUE key flags len [cas] CR LF data CR LF` and then
//! `END CR LF`. Every other response is one line, followed by data for the meta code `VA`.
//! In place of any of these a server may send one line that starts with `ERROR`,
//! `CLIENT_ERROR` or `SERVER_ERROR`.
//!
//! # Limits
//! A line of [`RESPONSE_LINE_LEN_MAX`] bytes; a value of [`VALUE_LEN_MAX`] bytes.

use crate::protocol::KEY_LEN_MAX;
use crate::protocol::meta::{self, DecodedKey, RawForm};
use crate::protocol::request::{MetaOp, Request};
use crate::protocol::token::{self, Tokens};

/// The longest line a server may send, with its end.
pub const RESPONSE_LINE_LEN_MAX: usize = 2048;

/// The longest value a server may send: the largest item memcached can be configured for.
pub const VALUE_LEN_MAX: usize = 1024 * 1024 * 1024;

/// What closes the values of a retrieval.
pub const END: &[u8] = b"END\r\n";

/// What kind of response a request calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Values, then `END`.
    Retrieval {
        /// Each value line carries a CAS token.
        has_cas: bool,
    },
    /// `STORED`, `NOT_STORED`, `EXISTS`, `NOT_FOUND`.
    Store,
    /// `DELETED`, `NOT_FOUND`.
    Delete,
    /// A number, `NOT_FOUND`.
    Arithmetic,
    /// `TOUCHED`, `NOT_FOUND`.
    Touch,
    /// `OK`.
    FlushAll,
    /// A two-letter code.
    Meta(MetaOp),
}

impl Expect {
    /// What `request` calls for; `None` for requests that no server is asked.
    pub fn of(request: &Request<'_>) -> Option<Self> {
        Some(match request {
            Request::Retrieve { how, .. } => Self::Retrieval { has_cas: how.has_cas() },
            Request::Store { .. } => Self::Store,
            Request::Delete { .. } => Self::Delete,
            Request::Arithmetic { .. } => Self::Arithmetic,
            Request::Touch { .. } => Self::Touch,
            Request::Meta(meta) => Self::Meta(meta.op),
            Request::FlushAll { .. } => Self::FlushAll,
            Request::MetaNoop
            | Request::Version
            | Request::Verbosity { .. }
            | Request::Stats { .. }
            | Request::Quit => return None,
        })
    }
}

/// What the bytes at hand amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParsedResponse<'a> {
    /// Not all there; `needed` bytes, more than there are now, before another try can end
    /// differently. Nothing is consumed.
    Incomplete {
        /// See above.
        needed: usize,
    },
    /// One value of a retrieval, taking `len` bytes. More follows.
    Value {
        /// The key that the server says it is for.
        key: &'a [u8],
        /// How many bytes the value takes with its line and end.
        len: usize,
    },
    /// The response ends here, taking `len` bytes.
    Last {
        /// What it says.
        response: Response<'a>,
        /// How many bytes it takes.
        len: usize,
    },
    /// This cannot be the response. The connection must be closed.
    Invalid(Invalid),
}

/// The last (or only) part of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// What the server says.
    pub status: Status,
    /// Its line without the end.
    pub line: &'a [u8],
    /// The data after `VA`, without its end.
    pub value: Option<&'a [u8]>,
}

/// What a server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `END`: all values there are have been sent.
    End,
    /// `VA`, or `HD` and `ME` in answer to a question.
    Hit,
    /// `EN`.
    Miss,
    /// `STORED`, `DELETED`, `TOUCHED`, `OK`, a number, or `HD` in answer to a change.
    Done,
    /// `NOT_STORED`, `NS`.
    NotStored,
    /// `EXISTS`, `EX`.
    Exists,
    /// `NOT_FOUND`, `NF`.
    NotFound,
    /// An error line.
    Error(ErrorKind),
}

/// Whose fault an error line says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// `ERROR` alone: the server does not know the command.
    UnknownCommand,
    /// `CLIENT_ERROR`: the request was bad. Says nothing about the server.
    Client,
    /// `SERVER_ERROR object too large for cache`: the item was bad. Says nothing about the
    /// server either.
    TooLarge,
    /// `SERVER_ERROR`, or `ERROR` with words (`ERROR Too many open connections`).
    Server,
}

/// Why bytes cannot be the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The line is longer than [`RESPONSE_LINE_LEN_MAX`].
    #[error("a response line of more than {RESPONSE_LINE_LEN_MAX} bytes")]
    LineTooLong,
    /// The line does not fit the request.
    #[error("a response that does not fit its request")]
    Unexpected,
    /// A value is not followed by its end, or announces a length past [`VALUE_LEN_MAX`].
    #[error("a value that does not end where it should")]
    BadValue,
    /// A meta response has the opaque of another request.
    #[error("a response to another request")]
    OtherOpaque,
    /// The response names a key that was not asked for.
    #[error("a response for another key")]
    OtherKey,
    /// Bytes came although nothing had been asked.
    #[error("bytes that nobody asked for")]
    Unasked,
}

/// Reads one response, or one value of it, from the start of `input`.
///
/// Keys are not judged here but for meta responses, whose request's key is `asked` (as written in
/// the request). A retrieval's values are matched by the connection, which knows how far it is.
#[inline]
pub fn parse_response<'a>(input: &'a [u8], expect: Expect, asked: &[u8]) -> ParsedResponse<'a> {
    let ordinary = match expect {
        Expect::Retrieval { has_cas } => ordinary_retrieval(input, has_cas),
        Expect::Store
        | Expect::Delete
        | Expect::Arithmetic
        | Expect::Touch
        | Expect::FlushAll
        | Expect::Meta(_) => None,
    };
    ordinary.unwrap_or_else(|| parse_any(input, expect, asked))
}

/// A response of any form.
fn parse_any<'a>(input: &'a [u8], expect: Expect, asked: &[u8]) -> ParsedResponse<'a> {
    let Some((line, line_len)) = token::line(input, 0) else {
        return match input.len() {
            len if len > RESPONSE_LINE_LEN_MAX => ParsedResponse::Invalid(Invalid::LineTooLong),
            len => ParsedResponse::Incomplete { needed: len + 1 },
        };
    };
    if line_len > RESPONSE_LINE_LEN_MAX {
        return ParsedResponse::Invalid(Invalid::LineTooLong);
    }
    let parsed = match expect {
        Expect::Retrieval { has_cas } => retrieval(input, line, line_len, has_cas),
        Expect::Meta(op) => meta_response(input, line, line_len, op, asked),
        Expect::Store | Expect::Delete | Expect::Arithmetic | Expect::Touch | Expect::FlushAll => {
            plain(line, expect).map(|status| last(status, line, line_len))
        }
    };
    parsed.unwrap_or_else(|invalid| match error_kind(line) {
        Some(kind) => last(Status::Error(kind), line, line_len),
        None => ParsedResponse::Invalid(invalid),
    })
}

fn last(status: Status, line: &[u8], len: usize) -> ParsedResponse<'_> {
    ParsedResponse::Last { response: Response { status, line, value: None }, len }
}

fn error_kind(line: &[u8]) -> Option<ErrorKind> {
    if line == b"ERROR" {
        Some(ErrorKind::UnknownCommand)
    } else if line.starts_with(b"CLIENT_ERROR") {
        Some(ErrorKind::Client)
    } else if line.starts_with(b"SERVER_ERROR object too large") {
        Some(ErrorKind::TooLarge)
    } else if line.starts_with(b"SERVER_ERROR") || line.starts_with(b"ERROR") {
        Some(ErrorKind::Server)
    } else {
        None
    }
}

fn plain(line: &[u8], expect: Expect) -> Result<Status, Invalid> {
    match (expect, line) {
        (Expect::Store, b"STORED")
        | (Expect::Delete, b"DELETED")
        | (Expect::Touch, b"TOUCHED")
        | (Expect::FlushAll, b"OK") => Ok(Status::Done),
        (Expect::Store, b"NOT_STORED") => Ok(Status::NotStored),
        (Expect::Store, b"EXISTS") => Ok(Status::Exists),
        (Expect::Store | Expect::Delete | Expect::Touch | Expect::Arithmetic, b"NOT_FOUND") => {
            Ok(Status::NotFound)
        }
        // A number that lost digits is padded with spaces.
        (Expect::Arithmetic, line) if token::unsigned(line.trim_ascii_end()).is_some() => {
            Ok(Status::Done)
        }
        _ => Err(Invalid::Unexpected),
    }
}

/// Reads what a retrieval is answered in nearly every case, without a look for the line's end
/// first. `None` for everything that needs a closer look, faults among it.
#[inline]
fn ordinary_retrieval(input: &[u8], has_cas: bool) -> Option<ParsedResponse<'_>> {
    if input.starts_with(END) {
        return Some(last(Status::End, &input[..3], END.len()));
    }
    let words = input.strip_prefix(b"VALUE ")?;
    let key_len = token::word_len(&words[..words.len().min(KEY_LEN_MAX + 1)])?;
    let (key, rest) = words.split_at(key_len);
    let (_client_flags, rest) = token::leading_number(rest.strip_prefix(b" ")?)?;
    let (len, mut rest) = token::leading_number(rest.strip_prefix(b" ")?)?;
    if has_cas {
        (_, rest) = token::leading_number(rest.strip_prefix(b" ")?)?;
    }
    let data_at = input.len() - rest.strip_prefix(b"\r\n")?.len();
    let (_, len) = data(input, data_at, value_len(len).ok()?).ok()??;
    (!key.is_empty()).then_some(ParsedResponse::Value { key, len })
}

fn retrieval<'a>(
    input: &'a [u8],
    line: &'a [u8],
    line_len: usize,
    has_cas: bool,
) -> Result<ParsedResponse<'a>, Invalid> {
    if line == b"END" {
        return Ok(last(Status::End, line, line_len));
    }
    let header = ValueLine::new(line, has_cas)?;
    Ok(match data(input, line_len, header.len)? {
        Some((_, len)) => ParsedResponse::Value { key: header.key, len },
        None => ParsedResponse::Incomplete { needed: line_len + header.len + 2 },
    })
}

/// Takes the data block that starts at `at`: it and where it ends; `None` if not all there.
#[inline]
fn data(input: &[u8], at: usize, len: usize) -> Result<Option<(&[u8], usize)>, Invalid> {
    let end = at + len;
    match input.get(at..end + 2) {
        Some(block) if block.ends_with(b"\r\n") => Ok(Some((&block[..len], end + 2))),
        Some(_) => Err(Invalid::BadValue),
        None => Ok(None),
    }
}

/// `VALUE key flags len [cas]`.
struct ValueLine<'a> {
    key: &'a [u8],
    len: usize,
}

impl<'a> ValueLine<'a> {
    fn new(line: &'a [u8], has_cas: bool) -> Result<Self, Invalid> {
        let words = line.strip_prefix(b"VALUE ").ok_or(Invalid::Unexpected)?;
        let mut words = Tokens::new(words);
        let key = words.next().ok_or(Invalid::Unexpected)?;
        words.next().and_then(token::unsigned).ok_or(Invalid::Unexpected)?;
        let len = words.next().and_then(token::unsigned).ok_or(Invalid::Unexpected)?;
        if has_cas {
            words.next().and_then(token::unsigned).ok_or(Invalid::Unexpected)?;
        }
        if words.next().is_some() {
            return Err(Invalid::Unexpected);
        }
        Ok(Self { key, len: value_len(len)? })
    }
}

fn value_len(len: u64) -> Result<usize, Invalid> {
    usize::try_from(len).ok().filter(|len| *len <= VALUE_LEN_MAX).ok_or(Invalid::BadValue)
}

fn meta_response<'a>(
    input: &'a [u8],
    line: &'a [u8],
    line_len: usize,
    op: MetaOp,
    asked: &[u8],
) -> Result<ParsedResponse<'a>, Invalid> {
    let mut words = Tokens::new(line);
    let code = words.next().unwrap_or_default();
    let status = meta_status(code, op).ok_or(Invalid::Unexpected)?;
    if code == b"ME" {
        let key = words.next().ok_or(Invalid::Unexpected)?;
        if !is_same_key(key, asked) && !names_raw_key(line, asked) {
            return Err(Invalid::OtherKey);
        }
        return Ok(last(status, line, line_len));
    }
    let len = match code {
        b"VA" => Some(words.next().and_then(token::unsigned).ok_or(Invalid::Unexpected)?),
        _ => None,
    };
    let key_must_be_named = || {
        matches!(code, b"VA" | b"HD")
            && (op != MetaOp::Get || meta::raw_form(asked) == RawForm::OneWord)
    };
    match named_key(words) {
        Some(key) if !is_same_key(key, asked) && !names_raw_key(line, asked) => {
            return Err(Invalid::OtherKey);
        }
        None if key_must_be_named() => return Err(Invalid::OtherKey),
        Some(_) | None => {}
    }
    let Some(value_len) = len.map(value_len).transpose()? else {
        return Ok(last(status, line, line_len));
    };
    Ok(match data(input, line_len, value_len)? {
        Some((value, len)) => {
            let response = Response { status, line, value: Some(value) };
            ParsedResponse::Last { response, len }
        }
        None => ParsedResponse::Incomplete { needed: line_len + value_len + 2 },
    })
}

/// Whether a meta response can be the one to a request with these `flags`.
///
/// The key alone does not tell: several requests in flight may name it. An opaque does, and so
/// does a value that was asked for or was not. Errors say nothing of the request.
pub fn check_meta_flags(
    response: &Response<'_>,
    op: MetaOp,
    flags: &Tokens<'_>,
) -> Result<(), Invalid> {
    let is_found = match response.status {
        Status::Hit | Status::Done => true,
        Status::Miss | Status::NotStored | Status::Exists | Status::NotFound => false,
        Status::Error(_) | Status::End => return Ok(()),
    };
    let (mut asked_opaque, mut is_value_asked) = (None, false);
    for flag in flags.clone() {
        match flag {
            [b'v', ..] => is_value_asked = true,
            [b'O', ..] if asked_opaque.is_none() => asked_opaque = Some(flag),
            _ => {}
        }
    }
    match Tokens::new(response.line).find(|word| word[0] == b'O') {
        // Older servers give nothing back with `EN`.
        None if response.status == Status::Miss => {}
        opaque if opaque == asked_opaque => {}
        _ => return Err(Invalid::OtherOpaque),
    }
    match op {
        MetaOp::Get | MetaOp::Arithmetic
            if is_found && is_value_asked != response.value.is_some() =>
        {
            Err(Invalid::Unexpected)
        }
        MetaOp::Get | MetaOp::Arithmetic | MetaOp::Set | MetaOp::Delete | MetaOp::Debug => Ok(()),
    }
}

fn meta_status(code: &[u8], op: MetaOp) -> Option<Status> {
    Some(match (op, code) {
        (MetaOp::Get | MetaOp::Arithmetic, b"VA")
        | (MetaOp::Get, b"HD")
        | (MetaOp::Debug, b"ME") => Status::Hit,
        (MetaOp::Get | MetaOp::Debug, b"EN") => Status::Miss,
        (MetaOp::Set | MetaOp::Delete | MetaOp::Arithmetic, b"HD") => Status::Done,
        (MetaOp::Set | MetaOp::Arithmetic, b"NS") => Status::NotStored,
        (MetaOp::Set | MetaOp::Delete | MetaOp::Arithmetic, b"EX") => Status::Exists,
        (MetaOp::Set | MetaOp::Delete | MetaOp::Arithmetic, b"NF") => Status::NotFound,
        _ => return None,
    })
}

fn named_key(words: Tokens<'_>) -> Option<&[u8]> {
    words.into_iter().find_map(|word| word.strip_prefix(b"k"))
}

/// Whether a server's `named` key is the one `asked` for.
///
/// The two may be written differently: memcached writes a key in base64 if the item was stored
/// that way, and as it is if not, however it was asked for.
fn is_same_key(named: &[u8], asked: &[u8]) -> bool {
    if named == asked {
        return true;
    }
    let (named_text, asked_text) = (DecodedKey::new(named), DecodedKey::new(asked));
    let (named_text, asked_text) = (
        named_text.as_ref().map(DecodedKey::as_slice),
        asked_text.as_ref().map(DecodedKey::as_slice),
    );
    // One key has many texts.
    named_text == Some(asked)
        || asked_text == Some(named)
        || (named_text.is_some() && named_text == asked_text)
}

/// Whether `line` names the key that `asked` stands for in its real bytes, blanks among them.
///
/// memcached 1.6.18 writes so the key of an item that it has made itself: for a flag `N`, for a
/// value that was joined, for a number with more digits.
fn names_raw_key(line: &[u8], asked: &[u8]) -> bool {
    let Some(key) = DecodedKey::new(asked) else { return false };
    let key = key.as_slice();
    let is_at = |at: usize| {
        let rest = line.get(at..).and_then(|rest| rest.strip_prefix(key));
        rest.is_some_and(|rest| rest.is_empty() || rest[0] == b' ')
    };
    let is_named_by_flag = |pair: &[u8]| pair == b" k";
    line.starts_with(b"ME ") && is_at(3)
        || line.windows(2).enumerate().any(|(at, pair)| is_named_by_flag(pair) && is_at(at + 2))
}

impl Response<'_> {
    /// Appends the response as the caller should see it.
    ///
    /// `returns_key`: the caller asked for the key of a meta response; if not, the key is taken
    /// out, and with it the `b` that says how the key is written. An error has none.
    #[inline]
    pub fn write(&self, returns_key: bool, output: &mut Vec<u8>) {
        let is_error = matches!(self.status, Status::Error(_));
        if returns_key || is_error {
            output.extend_from_slice(self.line);
        } else {
            self.write_line_without_key(output);
        }
        output.extend_from_slice(b"\r\n");
        if let Some(value) = self.value {
            output.extend_from_slice(value);
            output.extend_from_slice(b"\r\n");
        }
    }

    fn write_line_without_key(&self, output: &mut Vec<u8>) {
        let mut words = Tokens::new(self.line);
        output.extend_from_slice(words.next().unwrap_or_default());
        for word in words.filter(|word| !word.starts_with(b"k") && *word != b"b") {
            output.push(b' ');
            output.extend_from_slice(word);
        }
    }
}

#[cfg(test)]
mod tests;
