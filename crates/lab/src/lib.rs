//! A cache tier you can break: an embedded memcached server and a faulty relay.
//!
//! | part | what it is |
//! |---|---|
//! | [`store`] | the items of one server: pure, told what time it is |
//! | [`answer`] | a request and a store → the bytes memcached would answer |
//! | [`server`] | sockets and a thread around the two: [`Server`] |
//! | [`relay`] | a relay that breaks connections on purpose: [`Relay`] |
//! | [`tier`] | several servers, each behind a relay, that are broken by a word: [`Tier`] |
//! | [`applications`] | users of a cache who judge what they read: [`Applications`] |
//! | [`truth`] | what was written to each key, to judge what is read: [`Truth`] |
//!
//! The server speaks the text and meta protocols of memcached 1.6.18, checked byte by byte
//! against the real one (`tests/differential`, with the proxy beside it). It serves `evenkeel run` without a file,
//! `evenkeel lab`, tests and benchmarks; it is no replacement for memcached in production.

pub mod store;

pub mod answer;

pub mod server;

pub mod relay;

pub mod tier;

pub mod applications;

pub mod truth;

mod port;

pub use applications::{Applications, Tally, Workload};
pub use relay::{Fault, Relay, RelayCounters};
pub use server::{Config, MetaCommands, Server};
pub use tier::{Tier, Trouble};
pub use truth::{Judgement, Truth};
