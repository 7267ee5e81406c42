//! Whether keys lie on the servers where a configuration looks for them: `evenkeel verify-map`.
//!
//! ```text
//! Placement ──┐
//!             ├─► survey (dumps, or keys that are given) ──► rows ──► MapReport
//! servers ────┘                    asks                                 pure; fit: a hint
//! ```
//!
//! | part | what it is |
//! |---|---|
//! | [`Placement`] | which servers there are, and each key's home: core decides |
//! | [`sample()`] | asks each server for its keys, and homes for those that lie elsewhere |
//! | [`Given`] | asks for keys that the caller names |
//! | [`MapReport`] | what was found, as it is printed |
//! | [`Fit`] | which other distribution explains what was found |
//! | [`key`] | keys as text, one a line |
//!
//! # What it never does
//! Write, delete, or make a key look used: keys are listed by `lru_crawler metadump` and asked for
//! by `me`, neither of which counts as a use of an item. A server that does not know `me` is asked
//! by `get`, which does; the report says so.
//!
//! # Cost
//! A dump is one pass of the server's own crawler beside its other work, some 100 bytes a key. It
//! is closed where enough is known, and read to its end where the server's version asks for that.
//! Questions are paced ([`Options::rate`]), and asked 64 at a time.
//!
//! # Limits
//! At most [`KEPT_MAX`] keys are kept in memory, whatever is looked at. A line has 4 KiB at most. A
//! server is given up when it has been silent for [`Options::silence`], and everything ends at
//! [`Options::deadline`].

mod ask;

mod placement;

mod sample;

mod given;

mod row;

mod report;

mod fit;

mod part;

pub mod key;

use std::time::Duration;

pub use fit::Fit;
pub use given::{CHUNK, Given};
pub use placement::{PlacedServer, Placement};
pub use report::{Example, MapReport, MapVerdict, ServerRow, Unproven, Way};
pub use sample::sample;

/// How much is looked at, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// How many keys of each server are looked at; `None` is all.
    pub keys_max: Option<u64>,
    /// How many keys a second each server is asked for, at most.
    pub rate: u32,
    /// How long a server may be silent.
    pub silence: Duration,
    /// How long all of it may take.
    pub deadline: Duration,
    /// How many keys in a hundred may miss.
    pub allowed_percent: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keys_max: Some(10_000),
            rate: 10_000,
            silence: Duration::from_secs(2),
            deadline: Duration::from_mins(10),
            allowed_percent: 0.0,
        }
    }
}

/// How many keys are kept in memory, of all servers together: to be asked for at home, or to be
/// tried with other distributions.
pub const KEPT_MAX: usize = 500_000;
/// How many servers are asked at a time.
const SERVERS_AT_ONCE: usize = 64;
