//! The control plane: health, canaries, cleaning, routing tables.
//!
//! Whoever moves the bytes of requests (a *driver*: the proxy, the client library) has workers,
//! each of them an `evenkeel_core::worker` with its sockets. What they have in common is here: one
//! state for each server, one prober, one map of misplaced keys, and the table that all of them
//! route by (P5). It knows tokio, and nothing of listeners, sessions or how a driver waits.
//!
//! ```text
//!               ┌──────── Shared ────────┐
//!  workers ───► │ feed of reports        │ ───► ControlPlane ── canaries, deletes ──► servers
//!          ◄─── │ table, addresses, keys │ ◄───      ▲
//!               └────────────────────────┘           │ orders
//!                                                  Handle
//! ```
//!
//! A driver calls [`set_up`] and has [`ControlPlane::run`] run on some tokio runtime. Its
//! workers report by [`Shared::report`], load [`Shared::table`] when they are woken, connect to where
//! [`Shared::server`] says, and tell by their [`Pace`](pace::Pace) whether they keep up.
//!
//! | part | what it does |
//! |---|---|
//! | [`setup`] | what a driver brings, and what it gets |
//! | [`control_plane`] | judges servers, sends canaries, publishes tables |
//! | [`asking`] | asks a server something on a connection that carries nothing else |
//! | [`handle`] | what an operator can ask of it while it runs |
//! | [`view`] | what there is to see of it |
//! | [`events`] | the last events |
//! | [`membership`] | what a configuration makes of who is there |
//! | [`reconfiguration`] | a new one, while it runs |
//! | `routes` | configuration into what tables are made of |
//! | [`misplaced`] | the misplaced keys, shared |
//! | [`shared`] | what it shares with the workers |
//! | [`directory`] | who is there: pools and servers as configured |
//! | [`says`] | what a server says of itself |
//! | [`server`] | one server: its configuration and its address |
//! | [`figures`] | what a server has done |
//! | [`worker`] | one worker, as it is known to others |
//! | [`pace`] | whether a worker keeps up |
//! | [`loss`] | what had to be dropped or refused |
//! | [`peer`] | what a server's socket says about it |

pub mod setup;

pub mod control_plane;

pub mod asking;

pub mod handle;

pub mod view;

pub mod events;

pub mod membership;

pub mod reconfiguration;

mod routes;

pub mod misplaced;

pub mod shared;

pub mod directory;

pub mod server;

pub mod says;

pub mod figures;

pub mod worker;

pub mod pace;

pub mod loss;

pub mod peer;

pub use control_plane::ControlPlane;
pub use handle::Handle;
pub use setup::set_up;
pub use shared::Shared;
