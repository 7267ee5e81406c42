//! What clients send in nearly every case, read in one pass.
//!
//! `get` and `gets` of well-formed keys, and `set`, each with single spaces and CR LF: nothing is
//! looked for that has been passed already. Whatever is written in another way, is not all there
//! or is at fault is left to the parser that knows all of the grammar; what both accept means the
//! same, and a test holds them to it.

use crate::protocol::KEY_LEN_MAX;
use crate::protocol::parse::{ParseLimits, Parsed};
use crate::protocol::request::{Keys, Request, Retrieval, StoreOp};
use crate::protocol::token;

/// The request at the start of `input`, if it is an ordinary one.
#[inline]
pub(super) fn request<'a>(input: &'a [u8], limits: &ParseLimits) -> Option<Parsed<'a>> {
    if let Some(words) = input.strip_prefix(b"get ") {
        retrieve(input, words, Retrieval::Get, limits)
    } else if let Some(words) = input.strip_prefix(b"set ") {
        set(input, words, limits)
    } else if let Some(words) = input.strip_prefix(b"gets ") {
        retrieve(input, words, Retrieval::Gets, limits)
    } else {
        None
    }
}

#[inline]
fn retrieve<'a>(
    input: &'a [u8],
    words: &'a [u8],
    how: Retrieval,
    limits: &ParseLimits,
) -> Option<Parsed<'a>> {
    let mut rest = words;
    let mut keys_len = 1;
    loop {
        rest = &rest[key_len(rest)?..];
        match rest {
            [b' ', behind @ ..] => rest = behind,
            [b'\r', b'\n', ..] => break,
            _ => return None,
        }
        keys_len += 1;
    }
    let raw = &words[..words.len() - rest.len()];
    let len = input.len() - rest.len() + b"\r\n".len();
    let request = Request::Retrieve { how, keys: Keys::from_checked(raw, keys_len) };
    (keys_len <= limits.keys_per_get_max).then_some(Parsed::Request { request, len })
}

#[inline]
fn set<'a>(input: &'a [u8], words: &'a [u8], limits: &ParseLimits) -> Option<Parsed<'a>> {
    let (key, rest) = words.split_at(key_len(words)?);
    let (client_flags, rest) = token::leading_number(rest.strip_prefix(b" ")?)?;
    let (exptime, rest) = token::leading_number(rest.strip_prefix(b" ")?)?;
    let (value_len, rest) = token::leading_number(rest.strip_prefix(b" ")?)?;
    let (noreply, rest) = match rest.strip_prefix(b" noreply") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let data = rest.strip_prefix(b"\r\n")?;
    let value_len = usize::try_from(value_len).ok().filter(|len| *len <= limits.item_size_max)?;
    let (value, rest) = data.split_at_checked(value_len)?;
    let rest = rest.strip_prefix(b"\r\n")?;
    let request = Request::Store {
        op: StoreOp::Set,
        key,
        client_flags: u32::try_from(client_flags).ok()?,
        exptime: i32::try_from(exptime).ok()?.into(),
        value,
        noreply,
    };
    Some(Parsed::Request { request, len: input.len() - rest.len() })
}

/// The length of the key that `words` begin with, if memcached would take it.
#[inline]
fn key_len(words: &[u8]) -> Option<usize> {
    let near = &words[..words.len().min(KEY_LEN_MAX + 1)];
    token::word_len(near).filter(|len| *len > 0)
}
