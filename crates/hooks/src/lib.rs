//! Tells people what happens: webhooks and commands.
//!
//! It reads the control plane's events as any other reader does, and tells each hook those that it
//! is meant for: once for each transition in this process, however many connections saw it. The
//! first is told at once; what follows soon after is gathered into one summary, so that a rack that
//! fails at night is one message and not forty.
//!
//! ```text
//! events ──► trigger ──► outbox ──► message ──► webhook | command
//!            for whom?   when?      in words    with a time limit
//! ```
//!
//! | part | what it does |
//! |---|---|
//! | [`hooks`] | starts, changes and ends all hooks, on a thread of its own |
//! | `hook` | one hook's life |
//! | `trigger` | which events a hook is told of |
//! | `outbox` | what is told when |
//! | `message` | what is told, in words |
//! | `webhook` | one request |
//! | `command` | one run of a program |
//! | [`deliveries`] | what became of it all, counted |
//!
//! # Limits
//! Events wait in the control plane's log, which is bounded: a hook that is slow misses the oldest,
//! and its next message says how many. A message has at most 50 events, a request and its retries
//! have their times, and of what a receiver or a command says only a little is kept.
//!
//! # What it never does
//! Hold anybody up: no part of it runs on the control plane's thread or a worker's. Nor decide
//! anything about a server.
//!
//! # Rejected alternatives
//! - *An asynchronous HTTP client.* Requests here are rare. `ureq` brings a fifth of the crates,
//!   and a thread of the runtime's for the time of a request.
//! - *Certificates compiled in.* Inside companies receivers often have certificates of the
//!   company's own: the system's are read, anew for each message.
//! - *Telling all at the end of an interval.* The first event is the one that somebody should
//!   get up for.

pub mod hooks;

mod hook;

mod trigger;

mod outbox;

mod message;

mod command;
mod webhook;

pub mod deliveries;

pub use deliveries::{Deliveries, HookTally};
pub use hooks::{Describe, Hooks};
