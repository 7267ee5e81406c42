//! Examines cache servers and says what is wrong, how it knows, how bad it is and what to do.
//!
//! ```text
//! Target ──examine──► ServerFacts ──checks──► Finding ──► Report ──► text | JSON | HTML
//!            asks        no judgement   pure
//! ```
//!
//! | part | what it is |
//! |---|---|
//! | [`target`] | what is examined: memcached or Redis, and where |
//! | [`mod@examine`] | asks a server everything, within a deadline |
//! | [`facts`] | what was seen of a server, or of a running proxy, as plain data |
//! | [`mod@check`] | what a check is, and what it finds |
//! | `checks` | the checks themselves: pure functions of facts; the list of all |
//! | [`mod@fix`] | carries out a change that somebody said yes to |
//! | [`vitals`] | the few figures that people look at first, read alike from both protocols |
//! | [`report`] | the findings of an examination, worst first, as they are printed |
//! | [`entry`] | findings about several servers that are told as one |
//! | [`turn`] | what has changed between two reports |
//! | [`html`] | a report as one page for a browser |
//! | [`map`] | whether keys lie where a configuration looks for them: a question of its own |
//!
//! # What it never does
//! Change data or settings. Its probe writes canary keys of its own (`evenkeel:doctor:…`), which it
//! deletes and which expire by themselves; everything else only reads. What could be changed is a
//! [`check::Change`], which [`mod@fix`] carries out when somebody has said yes to it, and not before.
//!
//! # Limits
//! A server has [`examine::Options::budget`] in all, whatever it does; an answer may have so many
//! bytes and no more ([`examine`](mod@examine)'s constants). A server that is slow is cut short and
//! what is known by then is judged.
//!
//! # Rejected alternatives
//! - *Asking through Evenkeel's own client.* It would route, fail over and hide just the faults
//!   that are looked for here. Each connection is opened and judged by itself.
//! - *Judging while asking.* A check that sends a command of its own cannot be tested without a
//!   server in just that condition, and two checks would ask twice.

pub mod target;

pub mod examine;

pub mod facts;

pub mod check;

mod checks;

mod words;

pub mod vitals;

pub mod report;

pub mod fix;

pub mod entry;

pub mod turn;

pub mod html;

pub mod map;

#[cfg(test)]
mod docs;

pub use check::{Check, Finding, Findings, Severity};
pub use checks::{CHECKS, check};
pub use entry::Entry;
pub use examine::{Examination, Options, examine};
pub use report::{Report, Verdict};
pub use target::{Protocol, Target};
pub use turn::Turn;
