//! The proxy and the embedded server against the real memcached: the same requests, the same bytes
//! back.
//!
//! | what is asked | where |
//! |---|---|
//! | scripts, each step answered before the next | [`scripts`] |
//! | random sequences, from a seed | [`generate`] |
//! | mutations of the scripts and of what was found before | [`mutate`], `corpus/` |
//!
//! `make differential` and `make fuzz` run the last two for long; a difference is told with the
//! requests it needs, and its seed. What differs and is to differ is listed in [`deviations`].

#![expect(clippy::print_stderr, reason = "for the reader of a failure")]

mod arena;

mod peer;

mod conversation;

mod sequence;

mod answers;

mod search;

mod deviations;

mod scripts;

mod played;

mod generate;

mod mutate;

mod random;
