//! The place of Evenkeel's Rust client library. It is not built yet.
//!
//! It will be the same policy engine as the proxy's, inside the application's process and on
//! tokio: `evenkeel_core`'s exchanges and connections without the sessions. Its configuration is
//! `evenkeel_core::config::PoolConfig`, so that a file's `[pool.NAME]` table builds a client too.
//! Until then, run the proxy beside the application and use any memcached client.

pub mod key;

mod expiry;

mod flags;

mod value;

pub mod codec;

#[cfg(feature = "lz4")]
mod compression;

#[cfg(feature = "lz4")]
pub use compression::{Compression, DecompressError};
pub use expiry::Expiry;
pub use flags::{Dialect, Kind, Unreadable};
pub use value::{Cas, Value, ValueError};
