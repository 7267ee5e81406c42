//! What is asked of memcached about a value that is to be loaded if need be, and what its answer
//! means.
//!
//! # Intuition
//! memcached can tell one of all callers, of whichever process, to load: the meta command `mg` with
//! `N` makes an empty item in the place of a missing one and tells who made it (`W`), and others
//! that it has been told (`Z`). With `R` it tells one of those who read a value that is soon over.
//! A value is kept for longer than it is fresh, by the grace; from the time it has left (`t`)
//! follows how old it is, and nothing has to be written into it.
//!
//! # Hard cases
//! - **An empty value that was stored** looks like the empty item, if it has flags 0 and somebody
//!   has been told to load it. It is taken for the latter: it is loaded and not served
//!   stale.
//! - **That there is none** is a value too: empty, with flags of our own. It has its own time to live,
//!   so that its age is not known; it is fresh for as long as it is there, and never loaded early.
//! - **`R0` and a number above 30 days** mean something else to memcached: the first is left out,
//!   the second cut.
//!
//! # Source
//! `doc/protocol.txt` and `proto_text.c` of memcached 1.6.18.

use std::time::Duration;

use evenkeel_core::call::CallResult;
use evenkeel_core::protocol::response::{ErrorKind, Status};
use evenkeel_core::protocol::token::{self, Tokens, push_number};

use super::policy::{LoadPolicy, Reach};
use crate::outcome::Unavailable;
use crate::value::{Cas, Value};

/// What is stored to say that there is no value.
pub(crate) const ABSENT_FLAGS: u32 = 0x454b_00e0;

/// The largest number that memcached takes for seconds from now.
const SECONDS_MAX: u64 = 30 * 24 * 60 * 60;

/// The flags of the `mg` that asks for a value under this policy. `share`, from 0 to 1, says where in the
/// window of early recaching its moment is.
pub(super) fn flags(policy: &LoadPolicy, share: f64) -> Vec<u8> {
    let mut flags = Vec::with_capacity(FLAGS_LEN_MAX);
    flags.extend_from_slice(b"v f c t");
    if policy.reach == Reach::Processes {
        push(&mut flags, b'N', seconds(policy.load_timeout).max(1));
        let recache_at = seconds(policy.grace()).saturating_add(early_seconds(policy, share));
        if recache_at > 0 {
            push(&mut flags, b'R', recache_at);
        }
    }
    flags
}

/// `v f c t N2592000 R2592000`.
const FLAGS_LEN_MAX: usize = 25;

fn push(flags: &mut Vec<u8>, letter: u8, number: u64) {
    flags.extend_from_slice(&[b' ', letter]);
    push_number(flags, number.min(SECONDS_MAX));
}

/// How many seconds before its end a value is loaded anew.
///
/// The share belongs to key and process and is not drawn anew for each request: of many requests
/// for a popular key one would always draw the earliest moment. That few load early however many
/// ask (what `XFetch` draws for) is settled by memcached, which tells but one; what a share must do
/// is part the keys that were stored together, and the processes.
fn early_seconds(policy: &LoadPolicy, share: f64) -> u64 {
    let early = policy.early.min(policy.ttl).mul_f64(0.5 + share / 2.0).as_secs();
    // The end of `ttl` itself is not before a grace of whole seconds begins.
    early.max(u64::from(!policy.grace().is_zero()))
}

/// Whole seconds, rounded up.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// What was found under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Something, of which it says.
    Item(Item),
    /// Nothing, and nobody has been told to load it.
    Nothing,
    /// No server can say.
    Unavailable(Unavailable),
}

/// What memcached says of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) value: Value,
    pub(super) cas: Option<Cas>,
    /// What is left of its time, in seconds; `None` if it has no end, or none is known.
    left: Option<u64>,
    told: Told,
    /// Somebody has marked it as out of date.
    is_marked_stale: bool,
}

/// Who has been told to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Nobody,
    Us,
    Others,
}

/// The answer was none to this question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotUnderstood;

/// Reads the answer to an `mg` with [`flags`].
pub(super) fn read(result: CallResult) -> Result<Found, NotUnderstood> {
    let (line, body) = match result {
        CallResult::Answered { status: Status::Hit, line, body } => (line, body),
        CallResult::Answered { status: Status::Miss, .. } => return Ok(Found::Nothing),
        CallResult::Answered {
            status: Status::Error(ErrorKind::Server | ErrorKind::TooLarge),
            ..
        } => {
            let failure = evenkeel_core::failure::Failure::ServerError;
            return Ok(Found::Unavailable(Unavailable(failure)));
        }
        CallResult::Failed(failure) => return Ok(Found::Unavailable(Unavailable(failure))),
        CallResult::Answered { .. } | CallResult::Remembered | CallResult::Parts(_) => {
            return Err(NotUnderstood);
        }
    };
    let mut item = Item {
        value: Value::new(0, Vec::new()),
        cas: None,
        left: None,
        told: Told::Nobody,
        is_marked_stale: false,
    };
    let mut client_flags = 0;
    for word in Tokens::new(&line).skip(2) {
        let number = || token::unsigned(&word[1..]);
        match word[0] {
            b'f' => client_flags = number().and_then(|it| u32::try_from(it).ok()).unwrap_or(0),
            b'c' => item.cas = number().map(Cas::from_raw),
            b't' => item.left = number(),
            b'W' => item.told = Told::Us,
            b'Z' if item.told == Told::Nobody => item.told = Told::Others,
            b'X' => item.is_marked_stale = true,
            _ => {}
        }
    }
    item.value = Value::new(client_flags, body);
    Ok(Found::Item(item))
}

impl Item {
    /// A value of which only a `get` has told.
    pub(super) fn plain(value: Value) -> Self {
        let (left, told) = (None, Told::Nobody);
        Self { value, cas: None, left, told, is_marked_stale: false }
    }
}

/// What is to be done about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The value is to be given.
    Give {
        value: Value,
        age: Age,
        /// It is to be loaded anew meanwhile, to take the place of what has this token; and who has
        /// been told to.
        renew: Option<(Told, Cas)>,
        /// For how long it is fresh; `None` if it is not known.
        fresh_for: Option<Duration>,
    },
    /// It must be loaded.
    Load {
        /// By whom.
        by: Told,
        /// Of what is to be replaced.
        cas: Option<Cas>,
        /// It is the empty item that says that somebody loads.
        is_placeholder: bool,
        /// What may be given if that fails.
        stale: Option<Value>,
    },
}

/// Whether a value is what it is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Fresh,
    Stale,
}

impl Item {
    /// What is to be done about it.
    pub(super) fn judge(self, policy: &LoadPolicy, share: f64) -> Verdict {
        let Self { value, cas, left, told, is_marked_stale } = self;
        let is_placeholder = value.bytes().is_empty() && value.flags() == 0 && told != Told::Nobody;
        if is_placeholder {
            return Verdict::Load { by: told, cas, is_placeholder, stale: None };
        }
        let load = |by, stale| Verdict::Load { by, cas, is_placeholder, stale };
        if is_absence(&value) {
            return match (is_marked_stale, policy.absent_ttl.is_zero()) {
                (false, false) => {
                    let fresh_for = left.map(Duration::from_secs);
                    Verdict::Give { value, age: Age::Fresh, renew: None, fresh_for }
                }
                (true, _) | (_, true) => load(told, None),
            };
        }
        let grace = seconds(policy.grace());
        let fresh_for = left.map(|left| left.saturating_sub(grace));
        let is_over = !policy.grace().is_zero() && fresh_for == Some(0);
        if !is_over && !is_marked_stale {
            let is_due = match policy.reach {
                Reach::Processes => told == Told::Us,
                Reach::ThisProcess => {
                    fresh_for.is_some_and(|left| left < early_seconds(policy, share))
                }
            };
            let renew = if is_due { cas.map(|cas| (told, cas)) } else { None };
            let fresh_for = fresh_for.map(Duration::from_secs);
            return Verdict::Give { value, age: Age::Fresh, renew, fresh_for };
        }
        // How long it has been over; something marked as out of date became it just now.
        let over_for = Duration::from_secs(match (is_over, left) {
            (true, Some(left)) => grace.saturating_sub(left),
            (true | false, _) => 0,
        });
        let told = match told {
            // Whoever was told to load it and has not by now has perhaps failed.
            Told::Others if over_for > policy.peer_timeout => Told::Nobody,
            told => told,
        };
        if over_for < policy.stale_while_loading {
            let renew = if told == Told::Others { None } else { cas.map(|cas| (told, cas)) };
            let (age, fresh_for) = (Age::Stale, Some(Duration::ZERO));
            return Verdict::Give { value, age, renew, fresh_for };
        }
        load(told, (over_for < policy.stale_on_error).then_some(value))
    }
}

/// Whether a value says that there is none.
pub(crate) fn is_absence(value: &Value) -> bool {
    value.flags() == ABSENT_FLAGS && value.bytes().is_empty()
}

#[cfg(test)]
mod tests;
