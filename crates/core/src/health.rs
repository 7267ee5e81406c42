//! Whether a server is fit to be used: one machine for each server, one mind for the process.
//!
//! # Intuition
//! Workers report what went wrong; they never conclude anything from it. The first failure makes
//! a server Suspect, and a canary goes out at once on a connection of its own: a `set`, `get`,
//! compare and `delete` of our own key, the path that requests take. The canary decides. A
//! server that refuses to be connected to is Down without further question. A Down server gets
//! no requests, is probed by canaries, and when several in a row are good it gets its keys back
//! bit by bit.
//!
//! [`Health`] judges one server by what is known of it alone. [`PoolHealth`] owns the machines of a
//! pool and judges what can only be seen by comparing: who is slow, and whether the fault is ours.
//!
//! # States and transitions
//! | from | event | to | rule |
//! |---|---|---|---|
//! | Up | a failure reported, a request overdue, or a canary failed | Suspect | `suspicion` |
//! | Up, Suspect, Returning | connection refused, or its address unreachable | Down | `refused` |
//! | Up, Suspect, Returning | `eject_after` timeouts in a row without a byte between | Down | `timeouts` |
//! | Up, Suspect | `eject_after` unusable responses within `window` | Down | `garbled` |
//! | Returning | one unusable response | Down | `garbled` |
//! | Up, Suspect, Returning | `eject_percent` of `window_attempts_min` or more requests failed | Down | `ratio` |
//! | Up, Suspect, Returning | slower than the others for `slow_windows` | Down | `slow` |
//! | Suspect, Returning | a canary failed | Down | `canary` |
//! | Suspect | a good canary, and no failure for `suspect_clear` | Up | `cleared` |
//! | Down | `rise` good canaries in a row, and the hold is over | Returning | `canaries` |
//! | Returning | `ramp` has passed, or no other server could have its keys | Up | `ramp` |
//! | Down by soft evidence, not for longer than `window` | too many others look bad too | Suspect | `mass-failure` |
//! | any | an operator's word | Drained | `drain`, `eject` |
//! | Drained, Down | an operator takes the word back | Down without a hold | `readmit` |
//!
//! Requests are sent to Up and Suspect servers, and to Returning ones for the share of hash space
//! that they have got back. A failure on a Returning server sends a canary at once.
//!
//! Beside its state a server takes writes or does not:
//!
//! | writes | event | then | rule |
//! |---|---|---|---|
//! | taken | `write_refusals_min` writes, and `eject_percent` of them, answered `SERVER_ERROR` within `window` | ejected | `writes-refused` |
//! | taken | not Up, and a canary's `set` refused but its `get` and `delete` good | ejected | `writes-refused` |
//! | ejected | `rise` canaries in a row whose `set` was good too, and the hold is over | taken | `canaries` |
//!
//! # Evidence
//! *Hard* evidence is what only the server can have done: it refused, reset, closed, answered
//! `SERVER_ERROR`, or answered something that cannot be the response. *Soft* evidence is that
//! something took too long: timeouts, slowness. A stall of our own, or of our network, looks the
//! same. So:
//!
//! - A worker drops soft evidence that it gathered across a stall of its own loop; the control
//!   plane takes a canary that came late across a stall of its loop, or of a worker's, for none
//!   ([`CanaryReport::Void`]). For `mass_failure_hold` at most, as below.
//! - What a server is late with behind large values that we asked it for is not counted: a worker
//!   leaves such requests out of its counts ([`crate::report`]), and a canary that is late while they
//!   come in is followed by another. For as long, too.
//! - When soft evidence would have more than `soft_ejected_percent_max` of a pool out of use, nobody
//!   is ejected by it: not the server it speaks against, and not those that it ejected within the
//!   last `window`, which are Suspect again. One event says `mass-failure`.
//!
//! What follows from the second rule:
//!
//! | pool | what happens | outcome |
//! |---|---|---|
//! | three servers, packets dropped to one | soft, one of three | ejected at once |
//! | three servers, all killed | hard: they refuse | all ejected at once |
//! | three servers, packets dropped to all | soft, three of three | nobody ejected for `mass_failure_hold` |
//! | two servers, one hangs | soft, and one server is always allowed | ejected at once |
//! | two servers, both hang | soft, two of two | nobody ejected for `mass_failure_hold` |
//! | one server, it hangs | soft, one is always allowed: whoever is at fault, waiting for it is in vain | ejected at once |
//! | three servers, two hang, minutes apart | the second: soft, two of three | ejected after `mass_failure_hold` |
//!
//! The doubt is bounded, because P2 says that a hang costs later requests nothing: a server that has
//! not been cleared for `mass_failure_hold` and fails again is ejected whoever is at fault, since its requests
//! wait in vain. Until then each request to it waits for its timeout, and reads are misses. A server that
//! is cleared of suspicion is no longer counted. A slow server answers, so slowness has no such end.
//!
//! # Timers
//! | when | what |
//! |---|---|
//! | Up: every `canary_interval`, jittered | a canary |
//! | Suspect: at once, then `suspect_clear` after the last failure | a canary |
//! | Suspect, Returning: on a stall or timeout, `canary_timeout` after the last canary was sent | a canary |
//! | Down: after `probe_interval_min`, growing to `probe_interval_max`, jittered | a canary |
//! | Down, after a good canary | the next at once, or when the hold is over |
//! | writes ejected | as if Down |
//! | Returning: every twentieth of `ramp` | a larger share |
//! | every `window` | latencies are compared, and `suspect_after` follows the 99th percentile |
//!
//! At most one canary on its way to a server counts: the newest. The driver bounds each by
//! `canary_timeout` and reports every one; no other goes out before that, unless the server's
//! state changes.
//!
//! # Flapping
//! The first ejection within `flap_memory` has no hold; the next lasts for `flap_hold_min` at least,
//! and each further one twice as long, up to `flap_hold_max`. A server that fails a canary after
//! good ones, while it is held, is held anew: it has just shown that it comes and goes. A server
//! whose canaries are good and whose requests hang thus goes round less and less often.
//!
//! # Hard cases
//! - A canary sent before the server became Suspect or Down says nothing about it now: its result
//!   is ignored.
//! - A server that hangs completes TCP handshakes. That is why a canary stores and reads.
//! - A short restart: the connection is lost, the server is Suspect, the reconnect and the canary
//!   are good, and the server was never out of use. That it is empty is an event: see `lineage`,
//!   also for why so little is concluded from it.
//! - A lost connection fails everything on it at once. It is *one* failure in a window, or a short
//!   restart would always be a ratio.
//! - Failures that follow from an ejection (`ejected`, `no-server`) or from our own limits
//!   (`overload`) are not evidence.
//! - All servers return at once. A ramp would leave most keys without any server, so the first one
//!   has none; the same holds when the others fail while one returns, and with `failover = "none"`.
//! - A server that adds 60 ms to each response answers canaries in time. One that was ejected for
//!   slowness comes back only by canaries that are not slow either, by the same measure.
//! - A server without memory refuses writes and serves reads. Its canary's `set` fails and the rest
//!   is good, so it is not Down, and the worst it costs is `write_refusals_min` errors.
//! - A server without memory for *large* items passes the canary's small `set`. The ratio ejects its
//!   writes, the canaries bring them back, and the hold grows each time.
//! - A server of one thread that is asked for hundreds of megabytes at once sends them, connection
//!   by connection, and has no time for canaries. Ejecting it would move the load to the next one.
//!   Only large responses excuse it: servers divide their time by requests, so that small ones, however
//!   many, keep no canary waiting.
//! - A hanging server that is killed: what ejected it was soft, and its refusals are hard. It then
//!   counts no longer as one of those that may look bad through our own fault.
//! - A server slows down and with it the 99th percentile that its `suspect_after` follows. The pool's
//!   `timeout` is the bound.
//!
//! # Rejected alternatives
//! - Counting failures and ejecting at N (twemproxy, spymemcached): a success between them resets
//!   the count, so a server that answers one request in ten is never ejected.
//! - Letting every worker judge for itself: N connections then retry and flap on N schedules.
//! - `version` as a probe: a server can answer it and serve nothing (PRIOR-ART: mcrouter).
//! - Judging windows only when they end: at 100 writes a second that is 100 errors before a server
//!   without memory is passed over. Ratios are judged on every report.
//! - Ejecting the worst third in a mass failure: it moves keys for a fault that is likely our own.
//!
//! # Source
//! Suspicion before ejection is from SWIM (Das, Gupta, Motivala 2002); doubting oneself from Lifeguard
//! (Dadgar, Phillips, Currey 2017). Outliers against the other servers of a pool, and the bound on how
//! many may be ejected, are Envoy's outlier detection.

mod server;

mod pool;

mod probation;

mod lineage;

pub use self::lineage::Identity;
pub use self::pool::PoolHealth;
pub use self::server::{Canary, CanaryId, CanaryReport, Health, Peers, Soft};

#[cfg(test)]
mod tests;
