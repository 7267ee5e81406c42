//! `mg`, `ms`, `md`, `ma` and `me`.
//!
//! Flags take effect and come back in the order they were written: `t` before `T` gives the old
//! time to live, after it the new one.

use evenkeel_core::protocol::meta::DecodedKey;
use evenkeel_core::protocol::token::{Tokens, push_number};
use evenkeel_core::protocol::{MetaOp, MetaRequest};

use crate::answer::flags::{BadFlags, MetaFlags, Opaque};
use crate::answer::returned::{self, Status};
use crate::answer::{NOT_A_NUMBER, TOO_LARGE};
use crate::store::clock::UnixTime;
use crate::store::item::{Freshness, Item, KeyForm, Recache, item_size};
use crate::store::write::{Delta, Direction, Mode, NumberOrigin, OlderCas, Summed, Write, Written};
use crate::store::{Deleted, Look, Store};

/// Carries out a meta request and appends its answer, if its caller wants one.
pub(super) fn answer(store: &mut Store, request: &MetaRequest<'_>, output: &mut Vec<u8>) {
    request.with_real_key(|key| {
        let mut exchange = Exchange { store, request, key, output };
        match request.op {
            MetaOp::Get => exchange.with_flags(Exchange::get),
            MetaOp::Set => exchange.with_flags(Exchange::set),
            MetaOp::Delete => exchange.with_flags(Exchange::delete),
            MetaOp::Arithmetic => exchange.with_flags(Exchange::arithmetic),
            MetaOp::Debug => exchange.debug(),
        }
    });
}

/// One meta request being answered.
struct Exchange<'a> {
    store: &'a mut Store,
    request: &'a MetaRequest<'a>,
    /// The real key.
    key: &'a [u8],
    output: &'a mut Vec<u8>,
}

/// What `mg` has found out about an item's recache permit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Permit {
    NotWon,
    Won,
}

/// Whether the request has just made the item it answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Found,
    Vivified,
}

impl Exchange<'_> {
    fn with_flags(&mut self, act: fn(&mut Self, &MetaFlags)) {
        match MetaFlags::new(self.request.key, self.request.flags) {
            Ok(flags) => act(self, &flags),
            Err(bad) => self.refuse(bad),
        }
    }

    fn refuse(&mut self, bad: BadFlags) {
        self.line(match self.request.op {
            MetaOp::Get | MetaOp::Set | MetaOp::Debug => bad.answer(),
            MetaOp::Delete | MetaOp::Arithmetic => b"CLIENT_ERROR invalid or duplicate flag\r\n",
        });
    }

    fn get(&mut self, flags: &MetaFlags) {
        let origin = self.vivify_if_missing(flags);
        let look = if flags.is_unnoticed { Look::Peek } else { Look::Fetch };
        let now = self.store.now();
        let Some(mut item) = self.store.item_mut(self.key, look) else {
            self.count_get(flags, false);
            if flags.opaque == Opaque::TooLong {
                return self.line(OPAQUE_TOO_LONG);
            }
            return self.status(Status::Miss);
        };
        let output = &mut *self.output;
        let start = output.len();
        returned::head(flags.wants_value.then_some(item.value.len()), output);
        // Whoever makes an item is the one to fill it.
        let mut permit = match origin {
            Origin::Found => Permit::NotWon,
            Origin::Vivified => Permit::Won,
        };
        for flag in Tokens::new(self.request.flags) {
            match flag[0] {
                b'T' | b'N' => change_expiry(&mut item, flags, flag[0], origin, now),
                b'R' if is_recache_due(&item, flags, origin, now) => permit = Permit::Won,
                // What stands before it has had its effect.
                b'O' if flags.opaque == Opaque::TooLong => {
                    output.truncate(start);
                    return output.extend_from_slice(OPAQUE_TOO_LONG);
                }
                _ => returned::push(flag, &item, self.key, item.key_form, now, output),
            }
        }
        settle_permit(&mut item, permit, output);
        output.extend_from_slice(b"\r\n");
        if flags.wants_value {
            output.extend_from_slice(&item.value);
            output.extend_from_slice(b"\r\n");
        }
        if look == Look::Fetch {
            item.note_fetch(now);
        }
        drop(item);
        self.count_get(flags, true);
    }

    fn vivify_if_missing(&mut self, flags: &MetaFlags) -> Origin {
        let is_found = self.store.item_mut(self.key, Look::Peek).is_some();
        if is_found || flags.vivify_exptime.is_none() {
            return Origin::Found;
        }
        self.store.write(&plain_write(self.key, b"", Mode::Add, 0));
        Origin::Vivified
    }

    fn count_get(&mut self, flags: &MetaFlags, is_hit: bool) {
        let counters = self.store.counters_mut();
        let (commands, outcome) = match (flags.exptime, is_hit) {
            (Some(_), true) => (&mut counters.touch_cmds, &mut counters.touch_hits),
            (Some(_), false) => (&mut counters.touch_cmds, &mut counters.touch_misses),
            (None, true) => (&mut counters.get_cmds, &mut counters.get_hits),
            (None, false) => (&mut counters.get_cmds, &mut counters.get_misses),
        };
        *commands += 1;
        *outcome += 1;
    }

    fn set(&mut self, flags: &MetaFlags) {
        let mode = match (flags.mode, flags.cas) {
            (None | Some(b'S' | b'R'), Some(_)) => Mode::Cas,
            (None | Some(b'S'), None) => Mode::Set,
            (Some(b'R'), None) => Mode::Replace,
            (Some(b'E'), _) => Mode::Add,
            (Some(b'A'), _) => Mode::Append,
            (Some(b'P'), _) => Mode::Prepend,
            (Some(_), _) => {
                return self.line(b"CLIENT_ERROR invalid mode for ms M token\r\n");
            }
        };
        if flags.opaque == Opaque::TooLong {
            return self.line(OPAQUE_TOO_LONG);
        }
        let value = self.request.value.unwrap_or_default();
        let older_cas =
            if flags.is_invalidation { OlderCas::StoredAsStale } else { OlderCas::Refused };
        let written = self.store.write(&Write {
            cas: flags.cas.unwrap_or(0),
            older_cas,
            client_flags: flags.client_flags,
            key_form: self.key_form(),
            ..plain_write(self.key, value, mode, flags.exptime.unwrap_or(0))
        });
        match written {
            Written::Stored(cas) => self.status(Status::Stored { cas }),
            Written::NotStored => self.status(Status::NotStored),
            Written::Exists => self.status(Status::StoreExists),
            Written::NotFound => self.status(Status::StoreNotFound),
            Written::TooLarge => {
                // Whatever the mode: `ms` leaves nothing behind that was meant to change.
                self.store.forget(self.key);
                self.line(TOO_LARGE);
            }
        }
    }

    fn delete(&mut self, flags: &MetaFlags) {
        if flags.opaque == Opaque::TooLong {
            return self.line(OPAQUE_TOO_LONG);
        }
        let deleted = if flags.is_invalidation {
            self.store.mark_stale(self.key, flags.cas, flags.exptime)
        } else {
            self.store.delete(self.key, flags.cas)
        };
        self.status(match deleted {
            Deleted::Done => Status::Done,
            Deleted::NotFound => Status::NotFound,
            Deleted::Exists => Status::Exists,
        });
    }

    fn arithmetic(&mut self, flags: &MetaFlags) {
        let direction = match flags.mode {
            None | Some(b'I' | b'+') => Direction::Up,
            Some(b'D' | b'-') => Direction::Down,
            Some(_) => return self.line(b"CLIENT_ERROR invalid mode for ma M token\r\n"),
        };
        let (amount, cas) = (flags.delta.unwrap_or(1), flags.cas.unwrap_or(0));
        let delta = Delta { key: self.key, direction, amount, cas };
        let start = self.output.len();
        match self.store.sum(&delta) {
            Summed::Number { number, origin } => {
                self.number(number, flags, origin);
                if self.request.quiet {
                    self.output.truncate(start);
                }
            }
            Summed::NotFound if flags.vivify_exptime.is_some() => {
                let mut digits = itoa::Buffer::new();
                let value = digits.format(flags.initial).as_bytes();
                self.store.write(&plain_write(self.key, value, Mode::Add, 0));
                self.number(flags.initial, flags, NumberOrigin::Vivified);
            }
            Summed::NotFound => self.status(Status::NotFound),
            Summed::Exists => self.status(Status::Exists),
            Summed::NotANumber => return self.line(NOT_A_NUMBER),
        }
        if flags.opaque == Opaque::TooLong {
            // The sum is done all the same.
            self.output.truncate(start);
            self.line(OPAQUE_TOO_LONG);
        }
    }

    /// The answer to `ma` that has a number for its caller.
    fn number(&mut self, number: u64, flags: &MetaFlags, origin: NumberOrigin) {
        let (now, key_form) = (self.store.now(), self.key_form());
        let Some(mut item) = self.store.item_mut(self.key, Look::Peek) else {
            return;
        };
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number).as_bytes();
        let output = &mut *self.output;
        returned::head(flags.wants_value.then_some(digits.len()), output);
        let expires_at = item.expires_at;
        let is_vivified =
            if origin == NumberOrigin::Vivified { Origin::Vivified } else { Origin::Found };
        for flag in Tokens::new(self.request.flags) {
            match flag[0] {
                b'O' if flags.opaque == Opaque::TooLong => break,
                b'T' | b'N' => change_expiry(&mut item, flags, flag[0], is_vivified, now),
                b'c' | b't' | b'O' | b'k' => {
                    returned::push(flag, &item, self.key, key_form, now, output);
                }
                _ => {}
            }
        }
        if origin == NumberOrigin::Renewed {
            // memcached sets the expiry of the item that it has just replaced.
            item.expires_at = expires_at;
        }
        output.extend_from_slice(b"\r\n");
        if flags.wants_value {
            output.extend_from_slice(digits);
            output.extend_from_slice(b"\r\n");
        }
    }

    fn debug(&mut self) {
        if self.request.base64_key && DecodedKey::new(self.request.key).is_none() {
            return self.line(b"CLIENT_ERROR bad command line format\r\n");
        }
        let now = self.store.now();
        let Some(item) = self.store.item_mut(self.key, Look::Peek) else {
            return self.line(b"EN\r\n");
        };
        let output = &mut *self.output;
        output.extend_from_slice(b"ME ");
        returned::push_key(self.key, item.key_form, output);
        output.extend_from_slice(b" exp=");
        match item.seconds_left(now) {
            None => output.extend_from_slice(b"-1"),
            Some(0) => output.push(b'0'),
            Some(seconds) => {
                output.push(b'-');
                push_number(output, seconds);
            }
        }
        output.extend_from_slice(b" la=");
        push_number(output, now.seconds_since(item.accessed_at));
        output.extend_from_slice(b" cas=");
        push_number(output, item.cas);
        output.extend_from_slice(b" fetch=");
        output.extend_from_slice(if item.is_fetched { b"yes" } else { b"no" });
        output.extend_from_slice(b" cls=1 size=");
        push_number(output, item_size(self.key.len(), item.client_flags, item.value.len()));
        output.extend_from_slice(b"\r\n");
    }

    fn status(&mut self, status: Status) {
        if self.request.quiet && status.is_left_out_when_quiet() {
            return;
        }
        returned::status(status, self.request.flags, self.key, self.key_form(), self.output);
    }

    fn line(&mut self, line: &[u8]) {
        self.output.extend_from_slice(line);
    }

    fn key_form(&self) -> KeyForm {
        if self.request.base64_key { KeyForm::Base64 } else { KeyForm::Plain }
    }
}

const OPAQUE_TOO_LONG: &[u8] = b"CLIENT_ERROR opaque token too long\r\n";

fn plain_write<'a>(key: &'a [u8], value: &'a [u8], mode: Mode, exptime: i64) -> Write<'a> {
    let (older_cas, key_form) = (OlderCas::Refused, KeyForm::Plain);
    Write { key, value, mode, cas: 0, older_cas, client_flags: 0, exptime, key_form }
}

/// Carries out `T`, or `N` for an item it has made.
fn change_expiry(item: &mut Item, flags: &MetaFlags, letter: u8, origin: Origin, now: UnixTime) {
    let exptime = match (letter, origin) {
        (b'T', _) => flags.exptime,
        (_, Origin::Vivified) => flags.vivify_exptime,
        (_, Origin::Found) => return,
    };
    item.expires_at = exptime.and_then(|exptime| now.expiry(exptime));
}

/// Whether `R` finds that the item has too little time left and nobody is told to renew it.
fn is_recache_due(item: &Item, flags: &MetaFlags, origin: Origin, now: UnixTime) -> bool {
    // A negative one is the earliest time there is: nothing expires before.
    let exptime = flags.recache_exptime.filter(|exptime| *exptime >= 0);
    let threshold = exptime.and_then(|exptime| now.expiry(exptime));
    origin == Origin::Found
        && item.recache == Recache::Free
        && item.expires_at.zip(threshold).is_some_and(|(at, threshold)| at < threshold)
}

/// Appends `Z`, `X` and `W`, and notes that the permit is given out if it is.
fn settle_permit(item: &mut Item, mut permit: Permit, output: &mut Vec<u8>) {
    if item.recache == Recache::Claimed {
        output.extend_from_slice(b" Z");
    }
    if item.freshness == Freshness::Stale {
        output.extend_from_slice(b" X");
        if item.recache == Recache::Free {
            permit = Permit::Won;
        }
    }
    if permit == Permit::Won {
        output.extend_from_slice(b" W");
        item.recache = Recache::Claimed;
    }
}
