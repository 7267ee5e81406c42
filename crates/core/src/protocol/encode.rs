//! Logical request → text for a server.
//!
//! A server is always asked for exactly one response to each request: `noreply` and the meta
//! flag `q` are left out, and meta requests ask for their key (`k`). What the caller did not
//! want to hear is left out on the way back. That costs a few bytes and buys the promise that a
//! response can always be matched to its request (P1).

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::protocol::parse::LINE_LEN_MAX;
use crate::protocol::request::{ArithmeticOp, MetaOp, MetaRequest, Request, Retrieval, StoreOp};
use crate::protocol::response::Expect;
use crate::protocol::token::{Tokens, push_number};

/// Appends the start of a retrieval; keys follow by [`retrieval_key`], then [`retrieval_end`].
#[inline]
pub fn retrieval_start(how: Retrieval, output: &mut Vec<u8>) {
    match how {
        Retrieval::Get => output.extend_from_slice(b"get"),
        Retrieval::Gets => output.extend_from_slice(b"gets"),
        Retrieval::Gat(exptime) => {
            output.extend_from_slice(b"gat ");
            push_number(output, exptime);
        }
        Retrieval::Gats(exptime) => {
            output.extend_from_slice(b"gats ");
            push_number(output, exptime);
        }
    }
}

/// Appends one key of a retrieval.
#[inline]
pub fn retrieval_key(key: &[u8], output: &mut Vec<u8>) {
    output.push(b' ');
    output.extend_from_slice(key);
}

/// Whether another key fits on the line of a retrieval that has `len` bytes so far.
///
/// memcached takes a long line of `get` and `gets`. A connection that sends one of `gat` or `gats`
/// it closes, unless all of it happens to come at once.
#[inline]
pub fn has_room(how: Retrieval, len: usize, key: &[u8]) -> bool {
    match how {
        Retrieval::Get | Retrieval::Gets => true,
        Retrieval::Gat(_) | Retrieval::Gats(_) => len + 1 + key.len() <= TOUCHING_LINE_LEN_MAX,
    }
}

/// The longest line of `gat` and `gats` that is sent, without its end: [`LINE_LEN_MAX`], and room
/// for a longer expiry elsewhere than at home.
const TOUCHING_LINE_LEN_MAX: usize = LINE_LEN_MAX - 48;

/// Appends the end of a retrieval.
#[inline]
pub fn retrieval_end(output: &mut Vec<u8>) {
    output.extend_from_slice(b"\r\n");
}

/// Appends `request` and returns where its keys stand in `output`.
///
/// # Panics
/// For requests that name no key and are no `flush_all`: they are answered by the proxy itself.
#[inline]
pub fn request(request: &Request<'_>, output: &mut Vec<u8>) -> Range<usize> {
    match request {
        Request::Retrieve { how, keys } => {
            retrieval_start(*how, output);
            let start = output.len() + 1;
            match keys.only() {
                Some(key) => retrieval_key(key, output),
                None => keys.iter().for_each(|key| retrieval_key(key, output)),
            }
            let end = output.len();
            retrieval_end(output);
            start..end
        }
        Request::Store { op, key, client_flags, exptime, value, noreply: _ } => {
            let span = named(op.name(), key, output);
            store_line(*op, *client_flags, *exptime, value.len(), output);
            output.extend_from_slice(value);
            output.extend_from_slice(b"\r\n");
            span
        }
        Request::Delete { key, noreply: _ } => {
            let span = named("delete", key, output);
            output.extend_from_slice(b"\r\n");
            span
        }
        Request::Arithmetic { op, key, delta, noreply: _ } => {
            let name = match op {
                ArithmeticOp::Incr => "incr",
                ArithmeticOp::Decr => "decr",
            };
            let span = named(name, key, output);
            last_number(*delta, output);
            span
        }
        Request::Touch { key, exptime, noreply: _ } => {
            let span = named("touch", key, output);
            last_number(*exptime, output);
            span
        }
        Request::Meta(request) => meta(request, output),
        Request::FlushAll { delay, noreply: _ } => {
            output.extend_from_slice(b"flush_all");
            if *delay != 0 {
                output.push(b' ');
                push_number(output, *delay);
            }
            output.extend_from_slice(b"\r\n");
            output.len()..output.len()
        }
        Request::MetaNoop
        | Request::Version
        | Request::Verbosity { .. }
        | Request::Stats { .. }
        | Request::Quit => unreachable!("the proxy answers {request:?} itself"),
    }
}

/// Appends a delete of `key`. Returns what kind of response it calls for, and where its key stands
/// in `output`.
///
/// The key may be any bytes: what text cannot hold once came in base64, and goes out so.
pub fn delete(key: &[u8], output: &mut Vec<u8>) -> (Expect, Range<usize>) {
    // A CR is a byte as others are, wherever it stands.
    if key.iter().any(|byte| matches!(byte, b'\0' | b' ' | b'\n')) {
        output.extend_from_slice(b"md ");
        let start = output.len();
        base64(key, output);
        let keys_at = start..output.len();
        output.extend_from_slice(b" b k\r\n");
        return (Expect::Meta(MetaOp::Delete), keys_at);
    }
    let keys_at = named("delete", key, output);
    output.extend_from_slice(b"\r\n");
    (Expect::Delete, keys_at)
}

/// Appends `bytes` in base64.
pub(super) fn base64(bytes: &[u8], output: &mut Vec<u8>) {
    let start = output.len();
    output.resize(start + bytes.len().div_ceil(3) * 4, 0);
    STANDARD.encode_slice(bytes, &mut output[start..]).expect("there is room for the padding");
}

fn named(command: &str, key: &[u8], output: &mut Vec<u8>) -> Range<usize> {
    output.extend_from_slice(command.as_bytes());
    output.push(b' ');
    let start = output.len();
    output.extend_from_slice(key);
    start..output.len()
}

fn last_number(number: impl itoa::Integer, output: &mut Vec<u8>) {
    output.push(b' ');
    push_number(output, number);
    output.extend_from_slice(b"\r\n");
}

fn store_line(
    op: StoreOp,
    client_flags: u32,
    exptime: i64,
    value_len: usize,
    output: &mut Vec<u8>,
) {
    output.push(b' ');
    push_number(output, client_flags);
    output.push(b' ');
    push_number(output, exptime);
    output.push(b' ');
    push_number(output, value_len);
    if let StoreOp::Cas(cas) = op {
        output.push(b' ');
        push_number(output, cas);
    }
    output.extend_from_slice(b"\r\n");
}

fn meta(request: &MetaRequest<'_>, output: &mut Vec<u8>) -> Range<usize> {
    let span = named(request.op.name(), request.key, output);
    if let Some(value) = request.value {
        output.push(b' ');
        push_number(output, value.len());
    }
    let may_name_key = request.may_name_key();
    let is_sent = |flag: &[u8]| flag[0] != b'q' && (may_name_key || flag[0] != b'k');
    for flag in Tokens::new(request.flags).filter(|flag| is_sent(flag)) {
        output.push(b' ');
        output.extend_from_slice(flag);
    }
    // `me` names its key unasked.
    if may_name_key && !request.returns_key && request.op != MetaOp::Debug {
        output.extend_from_slice(b" k");
    }
    output.extend_from_slice(b"\r\n");
    if let Some(value) = request.value {
        output.extend_from_slice(value);
        output.extend_from_slice(b"\r\n");
    }
    span
}
