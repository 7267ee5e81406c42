//! What an application is answered, read as strictly as the protocol is written.
//!
//! Anything that the request does not call for is wrong: a key that was not asked for, an order
//! that is not the order of asking, a flag that was not wanted, an opaque of another request.

use std::fmt;

use evenkeel_core::config::OnUnavailable;
use evenkeel_core::failure::Failure;
use evenkeel_core::protocol::meta::DecodedKey;
use evenkeel_core::protocol::request::{Class, MetaOp, Retrieval};
use evenkeel_core::protocol::token::{self, Tokens};

use super::ask::{Ask, Kind, MetaAsk, Voice};
use crate::options::Options;
use crate::trace::shortened;
use crate::value::{Key, write_id};

/// What the bytes at hand amount to.
#[derive(Clone, Debug)]
pub(super) enum Reading {
    /// The answer is not all there.
    Incomplete {
        /// How many bytes must be there before it is worth another look.
        needed: usize,
    },
    /// The request was one that needs no answer, and the bytes answer a later one.
    Silence,
    /// The answer, taking `len` bytes.
    Answer {
        /// What it says.
        said: Said,
        /// How many bytes it takes.
        len: usize,
    },
    /// No answer to this request.
    Wrong(String),
}

/// What an answer says.
#[derive(Clone, Debug)]
pub enum Said {
    /// Values, as many as were found.
    Values(Vec<Found>),
    /// It was done.
    Done,
    /// Nothing was found, or nothing was done for lack of it or because of it.
    NotDone,
    /// A counter's new number.
    Number(Key, u64),
    /// It failed.
    Failed(String),
    /// To a caller: no server's answer is to be had.
    Unavailable(Failure),
    /// To a caller: the values that were found, some keys being unavailable.
    Some(Vec<Found>, Failure),
}

/// A value that was given.
#[derive(Clone, Debug)]
pub struct Found {
    /// The key it was given for.
    pub key: Key,
    /// Its client flags, if they were asked for.
    pub client_flags: Option<u32>,
    /// Itself.
    pub value: Vec<u8>,
    /// Its token for `cas`.
    pub cas: Option<u64>,
}

impl Found {
    /// The write whose value it says it is; a counter's number does not say.
    pub fn write_id(&self) -> Option<u32> {
        if self.key.is_counter() { None } else { write_id(&self.value) }
    }
}

impl Said {
    /// Whether the request did what it was meant to, all of it.
    pub fn is_success_of(&self, ask: &Ask) -> bool {
        match (self, &ask.kind) {
            (Self::Values(found), Kind::Retrieve { keys, .. }) => found.len() == keys.len(),
            (Self::Values(found), _) => !found.is_empty(),
            (Self::Done | Self::Number(..), _) => true,
            (Self::NotDone | Self::Failed(_) | Self::Unavailable(_) | Self::Some(..), _) => false,
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values(found) if found.is_empty() => f.write_str("no values"),
            Self::Values(found) => {
                f.write_str("values of")?;
                for it in found {
                    write!(f, " {}", it.key.text())?;
                    if let Some(id) = it.write_id() {
                        write!(f, " (#{id})")?;
                    }
                }
                Ok(())
            }
            Self::Some(found, failure) => {
                write!(f, "{}, and {failure}", Self::Values(found.clone()))
            }
            Self::Done | Self::NotDone | Self::Number(..) | Self::Failed(_) => {
                write!(f, "{self:?}")
            }
            Self::Unavailable(failure) => write!(f, "unavailable: {failure}"),
        }
    }
}

/// What was found, or what is wrong with it.
type Read = Result<Part, String>;

/// What was found.
enum Part {
    /// An answer, in so many bytes.
    Whole(Said, usize),
    /// A part of one; so many bytes must be there before it is worth another look.
    Needs(usize),
}

/// What an answer may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strictness {
    /// What a read that cannot be served is answered.
    pub on_unavailable: OnUnavailable,
    /// Servers answer in order. If they do not, another answer about the same key may come that
    /// gives back other things, unless an opaque tells the two apart.
    pub is_orderly: bool,
}

impl Strictness {
    /// What answers to `ask` may be in a run with these options.
    pub(super) fn of(options: &Options, ask: &Ask) -> Self {
        let on_unavailable = options.on_unavailable(ask.keys());
        Self { on_unavailable, is_orderly: options.is_orderly() }
    }
}

/// Reads the answer to `ask` from the start of `input`, which is not empty.
pub(super) fn read_answer(ask: &Ask, input: &[u8], strictness: Strictness) -> Reading {
    if ask.voice == Voice::Noreply {
        return Reading::Silence;
    }
    let Some((line, line_len)) = token::line(input, 0) else {
        return Reading::Incomplete { needed: input.len() + 1 };
    };
    if ask.voice == Voice::Quiet && !answers_quiet(ask, line, strictness.on_unavailable) {
        return Reading::Silence;
    }
    let read = match &ask.kind {
        Kind::Fixed(fixed) if input.starts_with(fixed.answer) => {
            Ok(Part::Whole(Said::Done, line_len))
        }
        Kind::Fixed(_) | Kind::Quit => Err("is not what it is always answered".to_owned()),
        _ if line.starts_with(b"SERVER_ERROR") => {
            let words = String::from_utf8_lossy(line).into_owned();
            Ok(Part::Whole(Said::Failed(words), line_len))
        }
        Kind::Retrieve { how, keys } => retrieval(*how, keys, input),
        Kind::Meta(meta) => meta_answer(meta, input, line, line_len, strictness),
        Kind::Increment(key, _) if token::unsigned(line.trim_ascii_end()).is_some() => {
            let number = token::unsigned(line.trim_ascii_end()).unwrap_or_default();
            Ok(Part::Whole(Said::Number(*key, number), line_len))
        }
        kind => plain(kind, line).map(|said| Part::Whole(said, line_len)),
    };
    let read = match read {
        Ok(Part::Whole(said, _)) if ask.voice == Voice::Quiet && is_ordinary(&ask.kind, &said) => {
            Err("should not be said to a quiet request".to_owned())
        }
        read => read,
    };
    match read {
        Ok(Part::Needs(needed)) => Reading::Incomplete { needed },
        Ok(Part::Whole(said, len)) => Reading::Answer { said, len },
        Err(what) => Reading::Wrong(format!("{ask} is answered {}: it {what}", shortened(input))),
    }
}

/// Whether a line belongs to a quiet request rather than to one behind it.
///
/// An error line could belong to several: it is the first's that may have one.
fn answers_quiet(ask: &Ask, line: &[u8], on_unavailable: OnUnavailable) -> bool {
    let Kind::Meta(MetaAsk { opaque: Some(opaque), .. }) = &ask.kind else { return false };
    if line.starts_with(b"SERVER_ERROR") {
        return ask.class() != Some(Class::Read) || on_unavailable == OnUnavailable::Error;
    }
    let opaque = format!("O{opaque}");
    Tokens::new(line).any(|word| word == opaque.as_bytes())
}

/// What a quiet request is not told.
fn is_ordinary(kind: &Kind, said: &Said) -> bool {
    let Kind::Meta(meta) = kind else { return false };
    match meta.op {
        MetaOp::Get => matches!(said, Said::NotDone),
        MetaOp::Set | MetaOp::Delete => matches!(said, Said::Done),
        MetaOp::Arithmetic => matches!(said, Said::Done | Said::Number(..)),
        MetaOp::Debug => false,
    }
}

fn plain(kind: &Kind, line: &[u8]) -> Result<Said, String> {
    match (kind, line) {
        (Kind::Store { .. }, b"STORED")
        | (Kind::Delete(_), b"DELETED")
        | (Kind::Touch(..), b"TOUCHED")
        | (Kind::FlushAll, b"OK") => Ok(Said::Done),
        (Kind::Store { .. }, b"NOT_STORED" | b"EXISTS" | b"NOT_FOUND")
        | (Kind::Delete(_) | Kind::Touch(..) | Kind::Increment(..), b"NOT_FOUND") => {
            Ok(Said::NotDone)
        }
        _ => Err("does not fit".to_owned()),
    }
}

/// `VALUE key flags len [cas]`, data, … `END`.
fn retrieval(how: Retrieval, keys: &[Key], input: &[u8]) -> Read {
    let mut found = Vec::new();
    let mut asked = keys.iter();
    let mut at = 0;
    loop {
        let Some((line, line_len)) = token::line(&input[at..], 0) else {
            return Ok(Part::Needs(input.len() + 1));
        };
        at += line_len;
        if line == b"END" {
            return Ok(Part::Whole(Said::Values(found), at));
        }
        let words: Vec<_> = Tokens::new(line).collect();
        let words_len = if how.has_cas() { 5 } else { 4 };
        if words.len() != words_len || words[0] != b"VALUE" {
            return Err("has a line that is neither a value's nor the end".to_owned());
        }
        let key = asked.find(|key| key.text().as_bytes() == words[1]);
        let key = *key.ok_or("names a key that was not asked for, or out of order")?;
        let number = |idx: usize| token::unsigned(words[idx]).ok_or("has a bad number");
        let len = usize::try_from(number(3)?).map_err(|_| "has a huge value")?;
        let cas = if how.has_cas() { Some(number(4)?) } else { None };
        let client_flags = u32::try_from(number(2)?).map_err(|_| "has huge client flags")?;
        let Some(value) = block(&input[at..], len)? else {
            return Ok(Part::Needs(at + len + 2));
        };
        at += len + 2;
        let client_flags = (!key.is_counter()).then_some(client_flags);
        found.push(Found { key, client_flags, value, cas });
    }
}

/// A data block of `len` bytes and its end; `None` if it is not all there.
fn block(input: &[u8], len: usize) -> Result<Option<Vec<u8>>, String> {
    match input.get(..len + 2) {
        None => Ok(None),
        Some(block) if block.ends_with(b"\r\n") => Ok(Some(block[..len].to_vec())),
        Some(_) => Err("has a value that does not end where it should".to_owned()),
    }
}

fn meta_answer(
    ask: &MetaAsk,
    input: &[u8],
    line: &[u8],
    line_len: usize,
    strictness: Strictness,
) -> Read {
    let mut words = Tokens::new(line);
    let code = words.next().unwrap_or_default();
    let len = match code {
        b"VA" => Some(words.next().and_then(token::unsigned).ok_or("has no length")?),
        _ => None,
    };
    let flags: Vec<_> = words.collect();
    check_reflected(ask, code, &flags, strictness)?;
    let Some(len) = len else {
        return meta_code(ask, code).map(|said| Part::Whole(said, line_len));
    };
    let len = usize::try_from(len).map_err(|_| "has a huge value")?;
    let Some(value) = block(&input[line_len..], len)? else {
        return Ok(Part::Needs(line_len + len + 2));
    };
    let said = meta_value(ask, &flags, value)?;
    Ok(Part::Whole(said, line_len + len + 2))
}

/// Opaque and key are given back if and only if they were asked for, and nothing else is.
fn check_reflected(
    ask: &MetaAsk,
    code: &[u8],
    flags: &[&[u8]],
    strictness: Strictness,
) -> Result<(), String> {
    let is_found = matches!(code, b"VA" | b"HD");
    let opaque = ask.opaque.map(|opaque| format!("O{opaque}"));
    let key = ask.returns_key.then(|| format!("k{}", ask.key_text()));
    for (letter, wanted) in [(b'O', opaque), (b'k', key)] {
        let given = flags.iter().find(|flag| flag[0] == letter);
        if !strictness.is_orderly && is_excused(ask, code, given.copied()) {
            continue;
        }
        if given.copied() != wanted.as_deref().map(str::as_bytes) {
            return Err(format!("should give back {wanted:?}"));
        }
    }
    let is_wanted = |letter: u8| match letter {
        b'O' | b'k' => true,
        b'b' => ask.returns_key && (ask.is_base64 || !strictness.is_orderly),
        letter => is_found && (!strictness.is_orderly || ask.returned.as_bytes().contains(&letter)),
    };
    match flags.iter().find(|flag| !is_wanted(flag[0])) {
        Some(flag) => Err(format!("gives back {}, which nobody wanted", shortened(flag))),
        None => Ok(()),
    }
}

/// What another answer about the same key may say: a miss without an opaque, or the key as the
/// other request wrote it.
fn is_excused(ask: &MetaAsk, code: &[u8], given: Option<&[u8]>) -> bool {
    let Some(given) = given else { return code == b"EN" };
    let Some(key) = given.strip_prefix(b"k") else { return false };
    let text = ask.key.text();
    ask.returns_key
        && (key == text.as_bytes()
            || DecodedKey::new(key).is_some_and(|key| key.as_slice() == text.as_bytes()))
}

fn meta_code(ask: &MetaAsk, code: &[u8]) -> Result<Said, String> {
    let wants_value = ask.returned.contains('v');
    match (ask.op, code) {
        (MetaOp::Get, b"EN")
        | (MetaOp::Set | MetaOp::Arithmetic, b"NS")
        | (MetaOp::Set | MetaOp::Arithmetic | MetaOp::Delete, b"EX" | b"NF") => Ok(Said::NotDone),
        (MetaOp::Set | MetaOp::Delete, b"HD") => Ok(Said::Done),
        (MetaOp::Get | MetaOp::Arithmetic, b"HD") if !wants_value => Ok(Said::Done),
        _ => Err("does not fit".to_owned()),
    }
}

fn meta_value(ask: &MetaAsk, flags: &[&[u8]], value: Vec<u8>) -> Result<Said, String> {
    if !ask.returned.contains('v') {
        return Err("has a value that was not asked for".to_owned());
    }
    let flag = |letter: u8| {
        let flag = flags.iter().find(|flag| flag[0] == letter);
        flag.and_then(|flag| token::unsigned(&flag[1..]))
    };
    if ask.op == MetaOp::Arithmetic {
        let number = token::unsigned(value.trim_ascii_end()).ok_or("is no number")?;
        return Ok(Said::Number(ask.key, number));
    }
    if flag(b's').is_some_and(|len| len != value.len() as u64) {
        return Err("has another length than it says".to_owned());
    }
    let of_values = || flag(b'f').and_then(|it| u32::try_from(it).ok());
    let client_flags = if ask.key.is_counter() { None } else { of_values() };
    Ok(Said::Values(vec![Found { key: ask.key, client_flags, value, cas: flag(b'c') }]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::application::ask::Fixed;

    const STRICT: Strictness = Strictness { on_unavailable: OnUnavailable::Miss, is_orderly: true };

    fn get(keys: &[Key]) -> Ask {
        Ask::new(Kind::Retrieve { how: Retrieval::Get, keys: keys.to_vec() })
    }

    fn meta_get(opaque: u32, voice: Voice) -> Ask {
        let meta = MetaAsk {
            op: MetaOp::Get,
            key: Key::shared(0),
            content: None,
            exptime: 0,
            opaque: Some(opaque),
            is_base64: false,
            returns_key: false,
            returned: "v",
        };
        Ask { voice, ..Ask::new(Kind::Meta(meta)) }
    }

    #[track_caller]
    fn check(ask: &Ask, input: &str, wanted: &str) {
        let reading = format!("{:?}", read_answer(ask, input.as_bytes(), STRICT));
        assert!(reading.starts_with(wanted), "{input:?}: {reading}");
    }

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        let (ask, answer) = (get(&[Key::shared(0)]), "VALUE k0 0 1\r\nx\r\nEND\r\n");
        for len in 1..answer.len() {
            check(&ask, &answer[..len], "Incomplete");
        }
        check(&ask, &format!("{answer}STORED\r\n"), "Answer");
    }

    #[test]
    fn values_must_be_asked_for_and_in_order() {
        let ask = get(&[Key::shared(0), Key::shared(1)]);
        let (k0, k1) = ("VALUE k0 0 1\r\nx\r\n", "VALUE k1 0 1\r\ny\r\n");
        check(&ask, &format!("{k0}{k1}END\r\n"), "Answer");
        check(&ask, &format!("{k1}END\r\n"), "Answer");
        check(&ask, &format!("{k1}{k0}END\r\n"), "Wrong");
        check(&ask, &format!("{k0}{k0}END\r\n"), "Wrong");
        check(&ask, "VALUE k2 0 1\r\nx\r\nEND\r\n", "Wrong");
        check(&ask, "VALUE k0 0 1\r\nxyEND\r\n", "Wrong");
        check(&ask, "STORED\r\n", "Wrong");
    }

    #[test]
    fn an_opaque_must_come_back() {
        let ask = meta_get(7, Voice::Full);
        check(&ask, "VA 1 O7\r\nx\r\n", "Answer");
        check(&ask, "EN O7\r\n", "Answer");
        check(&ask, "VA 1 O8\r\nx\r\n", "Wrong");
        check(&ask, "VA 1\r\nx\r\n", "Wrong");
        check(&ask, "VA 1 O7 kk0\r\nx\r\n", "Wrong");
        check(&ask, "HD O7\r\n", "Wrong");
    }

    #[test]
    fn a_quiet_request_takes_only_its_own_answer() {
        let ask = meta_get(7, Voice::Quiet);
        check(&ask, "VA 1 O7\r\nx\r\n", "Answer");
        check(&ask, "EN O7\r\n", "Wrong");
        check(&ask, "VA 1 O8\r\nx\r\n", "Silence");
        check(&ask, "MN\r\n", "Silence");
        check(&Ask::new(Kind::Fixed(Fixed::NOOP)), "MN\r\n", "Answer");
    }
}
