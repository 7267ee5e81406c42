//! The policy engine of Evenkeel, free of input and output.
//!
//! Everything that decides lives here: how bytes become requests and responses
//! ([`protocol`]), which server a key belongs to ([`distribution`], [`routing`]), which keys are
//! not where they belong ([`recovery`]), what becomes of one request ([`exchange`]), what a
//! connection to a server may be trusted with ([`connection`]), and whether a server is fit to be
//! used ([`health`]).
//!
//! It is sans-IO. Bytes, events and `now` go in; bytes, events and the next wake-up come out.
//! Drivers (the proxy's workers, the client library, the simulator) own the sockets, the clock
//! and the threads. Clippy holds that promise: see `clippy.toml` beside this crate.
//!
//! Every machine has one face: `handle_*(now, …)` inputs, `poll_*` outputs, `next_timeout()`.

// Tests may say "anything else fails"; the engine itself names every case.
#![cfg_attr(not(test), warn(clippy::wildcard_enum_match_arm))]

pub mod time;

pub mod random;

pub mod failure;

pub mod id;

mod received;

mod spare;

pub mod protocol;

pub mod distribution;

pub mod config;

pub mod routing;

pub mod recovery;

pub mod session;

pub mod exchange;

pub mod call;

pub mod connection;

pub mod worker;

pub mod window;

pub mod slow;

pub mod report;

pub mod event;

pub mod health;

pub use time::Instant;
