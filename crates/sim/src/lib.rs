//! The deterministic simulator over core: a whole cache tier in one thread, from one seed.
//!
//! # Intuition
//! Faults that matter come in combinations nobody thinks of: a server that hangs while a worker's
//! table lags and an application stops reading. Here such combinations are drawn by the thousand.
//! Everything around core is a model (network, servers, applications); core itself is the real
//! thing, driven as the proxy's event loop drives it. Time is virtual, so an hour of trouble takes
//! a second, and a seed gives the same run for ever.
//!
//! ```text
//! seed ──► Options ──► World ──► Verdict
//!
//! Application ══ network ══ Driver(Worker) ══ network ══ Server
//!      ├──── or calls ─────────┤        ▲                  ║
//!      │                   evidence   tables            network
//!      ▼                       ▼        │                  ║
//!   Checker                       Control ═════════════ canaries
//! ```
//!
//! | part | what it is |
//! |---|---|
//! | [`options`] | how many of everything, how likely, how long |
//! | [`world`] | the loop, and the phases of a run |
//! | [`agenda`], [`scene`], [`dice`] | time, what everybody can reach, chance |
//! | [`network`] | links with delays, buffers and faults |
//! | [`application`] | who asks, by a session or by calls, and reads the answers strictly |
//! | [`calls`] | calls on their way between callers and workers |
//! | [`driver`], [`control`] | what the proxy is around core, and servers that join and leave |
//! | [`routes`] | two pools behind one session, and the names that lead to each |
//! | [`recovery`] | the map of misplaced keys, whole or with one protection off |
//! | [`server`], [`faults`] | memcached, and what goes wrong with it |
//! | [`checker`] | what was promised |
//! | [`sabotage`] | doing things wrong, to see the checker find it |
//! | [`value`], [`trace`] | values that say what they are; what happened |
//!
//! # Hard cases
//! - A value that a server itself mixed up cannot be told from a good one: faults spoil framing
//!   and order, not the inside of a value, and where responses change places, answers that carry
//!   no key (a bare number) are not judged, and nothing is judged to be old.
//! - A connection that was lost in silence stays so when its server is well again: it must be
//!   found out by using it, or its own end gives up after some seconds.
//! - Servers join and leave while all that goes on. Keys that come back to a former home are left
//!   out: what is read there is promised to nobody. So are CAS tokens that a key's former home gave
//!   and that fit the new one's by accident: such runs' servers count apart.
//! - With prefix routes, in 30 % of the seeds, one item has two names, and one text names two items.
//!   What is said of an item is held against all its names. Of keys whose pool changes on the way, as
//!   by a reload, only P1 to P3 are judged: what a pool held of them before may be read there.
//! - Old values show for a moment: applications, spread over workers, read what another has just
//!   changed, workers' tables lag by up to a second, and faults follow one another from a home to
//!   the server that stands in for it.
//!
//! # Source
//! One thread, one seed, options with named probabilities: the simulator of `TigerBeetle`.

pub mod options;

pub mod world;

pub mod agenda;
pub mod dice;
pub mod scene;

pub mod network;

pub mod application;
pub mod calls;

pub mod control;
pub mod driver;
pub mod recovery;
pub mod routes;

pub mod faults;
pub mod server;

pub mod checker;

pub mod sabotage;

pub mod trace;
pub mod value;

pub use options::Options;
pub use world::{Verdict, World};

/// Runs one seed.
pub fn run(seed: u64, options: Options) -> Verdict {
    World::new(seed, options, None).run()
}
