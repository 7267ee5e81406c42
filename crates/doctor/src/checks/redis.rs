//! What is wrong with a Redis or Valkey server that answers.
//!
//! Figures carry the server's own names, which are those of Redis 6 to 8 and Valkey 7 to 9. What a
//! version does not tell is not judged. A counter is judged by how much it grew between the two
//! samples: what has been counted since the start may be years old.

pub(crate) mod clock;
pub(crate) mod configuration;
pub(crate) mod connections;
pub(crate) mod errors;
pub(crate) mod hits;
pub(crate) mod latency;
pub(crate) mod memory;
pub(crate) mod persistence;
pub(crate) mod replication;
pub(crate) mod restarts;
pub(crate) mod versions;

mod reading;
#[cfg(test)]
mod sample;

pub(crate) use reading::cli;
