//! The proxy: data-plane workers, and a thread for the control plane.
//!
//! # Shape
//! Workers are threads, each with its own epoll loop, its own sessions and its own connections
//! to every server. They share nothing but what the control plane publishes: a routing table
//! that never changes once it is out, the servers' addresses, and a flag to stop. One more thread
//! runs the control plane (`evenkeel_control`): it gathers the workers' outcomes, sends canaries,
//! judges health and publishes tables.
//!
//! ```text
//!             ┌─ worker 0 ── sessions, connections ─┐
//! sessions ──►├─ worker 1 ── …                      ├──► servers
//!             └─ worker n                           ┘
//!        reports │ ▲ tables, addresses                  ▲
//!                 ▼ │                                    │
//!             control plane ─────── canaries ────────────┘
//! ```
//!
//! | part | what it does |
//! |---|---|
//! | [`proxy`] | starts and stops all of it |
//! | [`data_plane`] | one worker's sockets around `evenkeel_core::worker` |
//! | [`listeners`] | binding, and how many sessions each may have |
//! | `liveness` | whether it moves |
//! | `hooks` | whom to tell what happens |
//! | [`shared`] | what the workers share |
//! | [`reconfigure`] | another configuration while it runs |
//! | [`reload`] | reading it again, and when |
//! | [`stats`] | the words of `stats` |
//! | [`admin`] | the admin server, and what it is told |

pub mod proxy;

pub mod data_plane;

pub mod listeners;

mod hooks;

mod liveness;

pub mod shared;

pub mod reconfigure;

pub mod reload;

pub mod stats;

pub mod admin;

/// What the lab implements, so that its servers can be broken over the admin API.
pub use evenkeel_admin::{Lab, refusal::Refusal, subject::Answer};

pub use liveness::Liveness;
pub use proxy::{Origin, Proxy, StartError};
