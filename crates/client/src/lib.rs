//! A memcached client that stays correct while servers fail.
//!
//! It is the policy engine of Evenkeel's proxy inside an application's process: one opinion of each
//! server's health, proved by requests that set, read and delete; failover in the order that the
//! distribution gives, without a stale read when a server returns; a deadline for every request; and
//! a failure is a miss, at once, and not an outage.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use evenkeel::Client;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let cache = Client::connect(["10.0.0.1:11211", "10.0.0.2:11211", "10.0.0.3:11211"]).await?;
//! let user = match cache.get("user:42").await?.hit() {
//!     Some(value) => value.into_bytes(),
//!     None => {
//!         let user = load_user(42).await;
//!         // What became of it is told; a cache that cannot be reached is no error.
//!         let _ = cache.set("user:42", &user, Duration::from_secs(300)).await?;
//!         user
//!     }
//! };
//! # Ok(())
//! # }
//! # async fn load_user(_: u32) -> bytes::Bytes { bytes::Bytes::new() }
//! ```
//!
//! # What it promises
//! - A response reaches its request and no other, whichever futures are dropped.
//! - No request outlives its deadline ([`ClientBuilder::deadline`], [`Client::with_deadline`]).
//! - Results are truthful: a value, a miss, or unavailable and why ([`Lookup`], [`Write`],
//!   [`Count`]).
//! - No read returns a value older than the last write or delete of its key that this client (with
//!   all its clones) acknowledged before the read began, whichever servers went and came back.
//!
//! Copies within the process (feature `near`) keep the last promise for this client's own writes;
//! what others write is seen after the copies' time to live at the latest: docs/client-loading.md.
//!
//! Between processes staleness is bounded by the partition plus the probe interval and by
//! `failover_ttl`: docs/failure-modes.md.
//!
//! # Cache-aside
//! [`Client::get_or_load`] does what the example above does by hand, and what that does not: one load
//! of a key at a time, in this process and among all, renewal before a value's end, stale values
//! in place of errors, cached absence, and a limit on loads while the cache is away.
//!
//! # How it is fast
//! All tasks share one connection to each server. What they ask for at about the same time leaves in
//! one write, and neighbouring reads as one `get`; a task that is alone writes for itself.
//!
//! # Where it lives
//! A client lives on the tokio runtime that it is built on (timers and sockets enabled, of either
//! flavour) and may be used from any other, or from none. When its runtime ends, so does it
//! ([`Error::Closed`]).
//!
//! # Versions
//! Rust 1.95 or newer. It follows semver; a newer compiler is a minor version.

mod builder;

mod client;

mod engine;

mod driver;

mod connection;

mod item;

mod outcome;

pub mod key;

mod register;

#[cfg(feature = "near")]
mod near;

mod loading;

mod expiry;

mod flags;

mod value;

pub mod codec;

#[cfg(feature = "lz4")]
mod compression;

mod typed;

mod servers;

mod events;

#[cfg(feature = "metrics")]
mod metrics;

#[cfg(feature = "admin")]
pub mod admin;

#[cfg(feature = "tracing")]
mod span;

#[cfg(feature = "blocking")]
pub mod blocking;

pub use builder::{BuildError, ClientBuilder};
pub use client::Client;
#[cfg(feature = "lz4")]
pub use compression::{Compression, DecompressError};
pub use evenkeel_control::Handle;
pub use evenkeel_core::{config, distribution, event};
pub use events::{Events, ServerEvent};
pub use expiry::Expiry;
pub use flags::{Dialect, Kind, Unreadable};
pub use item::Item;
pub use loading::{LoadError, LoadPolicy, Loaded, Source, Storing};
#[cfg(feature = "near")]
pub use near::NearConfig;
pub use outcome::{Count, Error, Lookup, Unavailable, Undecodable, Write};
pub use servers::{DownServer, PingError, ServerAnswer, ServerStats};
pub use typed::Typed;
pub use value::{Cas, Value, ValueError};
