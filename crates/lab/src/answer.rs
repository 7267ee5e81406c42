//! A request and a store → the bytes that memcached would answer.
//!
//! It decides words: which line says what happened, what is left out for `noreply` and quiet
//! requests, in which order meta flags come back. What happens to items is decided by
//! [`crate::store`]. No sockets and no clock.
//!
//! # Deviations from memcached 1.6.18
//! - `la` of `me` and `l` of `mg` count from the last fetch; memcached counts from the second
//!   fetch of an item, later ones being noted by its LRU thread.
//! - `cls` of `me` is always 1: there are no slabs.
//! - A delayed flush happens at its moment; memcached's begins up to a second earlier and takes
//!   what is stored during that second.
//! - `stats` has the general statistics, `settings` and `reset`; `items`, `slabs`, `sizes` and
//!   `conns` are empty lists.
//! - What the parser refuses is refused in the parser's words; see its own deviations.

use evenkeel_core::protocol::token::push_number;
use evenkeel_core::protocol::{ArithmeticOp, Keys, Request, Retrieval, StoreOp};

use crate::store::item::{Item, KeyForm};
use crate::store::write::{Delta, Direction, Mode, OlderCas, Summed, Write, Written};
use crate::store::{Deleted, Store};

mod meta;

mod flags;

mod returned;

mod stats;

pub use stats::ServerFacts;

/// The version whose behaviour the server matches, and so the one it gives.
pub const MEMCACHED_VERSION: &str = "1.6.18";

/// Whether the session goes on after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It does.
    Continue,
    /// It ends once earlier answers are out.
    Close,
}

/// Carries out any request and appends its answer, if its caller wants one.
pub fn answer(
    store: &mut Store,
    facts: &ServerFacts,
    request: &Request<'_>,
    output: &mut Vec<u8>,
) -> Next {
    let start = output.len();
    let noreply = match request {
        Request::Retrieve { how, keys } => {
            retrieve(store, *how, *keys, 0, usize::MAX, output);
            false
        }
        Request::Store { op, key, client_flags, exptime, value, noreply } => {
            let (client_flags, exptime) = (*client_flags, *exptime);
            let write = Write { key, value, client_flags, exptime, ..condition(*op) };
            output.extend_from_slice(written_line(store.write(&write)));
            *noreply
        }
        Request::Delete { key, noreply } => {
            output.extend_from_slice(match store.delete(key, None) {
                Deleted::Done => b"DELETED\r\n",
                Deleted::NotFound | Deleted::Exists => NOT_FOUND,
            });
            *noreply
        }
        Request::Arithmetic { op, key, delta, noreply } => {
            let direction = direction(*op);
            sum(store, &Delta { key, direction, amount: *delta, cas: 0 }, output);
            *noreply
        }
        Request::Touch { key, exptime, noreply } => {
            let is_found = store.touch(key, *exptime).is_some();
            output.extend_from_slice(if is_found { b"TOUCHED\r\n" } else { NOT_FOUND });
            *noreply
        }
        Request::Meta(request) => {
            meta::answer(store, request, output);
            false
        }
        Request::FlushAll { delay, noreply } => {
            store.flush(*delay);
            output.extend_from_slice(b"OK\r\n");
            *noreply
        }
        Request::MetaNoop => {
            output.extend_from_slice(b"MN\r\n");
            false
        }
        Request::Version => {
            version(output);
            false
        }
        Request::Verbosity { noreply } => {
            output.extend_from_slice(b"OK\r\n");
            *noreply
        }
        Request::Stats { arg } => {
            stats::answer(store, facts, arg, output);
            false
        }
        Request::Quit => return Next::Close,
    };
    if noreply {
        output.truncate(start);
    }
    Next::Continue
}

/// Answers the keys of a retrieval from the one at `done`, until `output` is longer than
/// `output_len_max`.
///
/// Returns how many keys have been answered if some are left. `END` has been appended otherwise.
pub fn retrieve(
    store: &mut Store,
    how: Retrieval,
    keys: Keys<'_>,
    done: usize,
    output_len_max: usize,
    output: &mut Vec<u8>,
) -> Option<usize> {
    for (idx, key) in keys.iter().enumerate().skip(done) {
        if output.len() > output_len_max {
            return Some(idx);
        }
        let item = match how {
            Retrieval::Get | Retrieval::Gets => store.retrieve(key),
            Retrieval::Gat(exptime) | Retrieval::Gats(exptime) => store.touch(key, exptime),
        };
        if let Some(item) = item {
            value(key, &item, how, output);
        }
    }
    output.extend_from_slice(b"END\r\n");
    None
}

fn value(key: &[u8], item: &Item, how: Retrieval, output: &mut Vec<u8>) {
    output.extend_from_slice(b"VALUE ");
    output.extend_from_slice(key);
    output.push(b' ');
    push_number(output, item.client_flags);
    output.push(b' ');
    push_number(output, item.value.len());
    if how.has_cas() {
        output.push(b' ');
        push_number(output, item.cas);
    }
    output.extend_from_slice(b"\r\n");
    output.extend_from_slice(&item.value);
    output.extend_from_slice(b"\r\n");
}

fn version(output: &mut Vec<u8>) {
    output.extend_from_slice(b"VERSION ");
    output.extend_from_slice(MEMCACHED_VERSION.as_bytes());
    output.extend_from_slice(b"\r\n");
}

fn direction(op: ArithmeticOp) -> Direction {
    match op {
        ArithmeticOp::Incr => Direction::Up,
        ArithmeticOp::Decr => Direction::Down,
    }
}

fn sum(store: &mut Store, delta: &Delta<'_>, output: &mut Vec<u8>) {
    match store.sum(delta) {
        Summed::Number { number, .. } => {
            push_number(output, number);
            output.extend_from_slice(b"\r\n");
        }
        Summed::NotFound | Summed::Exists => output.extend_from_slice(NOT_FOUND),
        Summed::NotANumber => output.extend_from_slice(NOT_A_NUMBER),
    }
}

/// A write of nothing, under the condition of `op`.
fn condition(op: StoreOp) -> Write<'static> {
    let (mode, cas) = match op {
        StoreOp::Set => (Mode::Set, 0),
        StoreOp::Add => (Mode::Add, 0),
        StoreOp::Replace => (Mode::Replace, 0),
        StoreOp::Append => (Mode::Append, 0),
        StoreOp::Prepend => (Mode::Prepend, 0),
        StoreOp::Cas(cas) => (Mode::Cas, cas),
    };
    let (older_cas, key_form) = (OlderCas::Refused, KeyForm::Plain);
    Write { key: b"", value: b"", mode, cas, older_cas, client_flags: 0, exptime: 0, key_form }
}

fn written_line(written: Written) -> &'static [u8] {
    match written {
        Written::Stored(_) => b"STORED\r\n",
        Written::NotStored => b"NOT_STORED\r\n",
        Written::Exists => b"EXISTS\r\n",
        Written::NotFound => NOT_FOUND,
        Written::TooLarge => TOO_LARGE,
    }
}

const NOT_FOUND: &[u8] = b"NOT_FOUND\r\n";
const TOO_LARGE: &[u8] = b"SERVER_ERROR object too large for cache\r\n";
const NOT_A_NUMBER: &[u8] = b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";

#[cfg(test)]
mod tests;
