//! What happened to a server, and why: what the operator is told (P9).
//!
//! Machines make events; drivers keep the last of them, log them and hand them on. An event says
//! when, to which server, by which rule and on which evidence. There is one for each change, never
//! one for each connection or request.
//!
//! # What it never does
//! Decide anything. Nothing in core acts on an event.

use std::fmt;
use std::time::Duration;

use crate::failure::Failure;
use crate::routing::ServerId;
use crate::time::Instant;

/// Something that happened to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// To which server.
    pub server: ServerId,
    /// What.
    pub what: Happening,
}

/// What happened to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// It is taken for something else than before.
    State(Transition),
    /// It is sent no writes any more; reads and deletes go on.
    WritesEjected(Rule, Evidence),
    /// It is sent writes again.
    WritesReadmitted(Rule, Evidence),
    /// It has been restarted, and is empty.
    Restarted {
        /// Whatever it was sent before this is gone; `None` if that is not certain of anything.
        lost_before: Option<Instant>,
    },
    /// It would have been ejected on soft evidence, and so would too many others: the fault may be
    /// our own.
    MassFailure {
        /// How many look bad.
        failing: usize,
        /// Of how many.
        servers_len: usize,
    },
    /// An operator has said something about it.
    Ordered(Order),
    /// It is to be emptied by `flush_all`, and is not used before that.
    FlushRequired,
    /// It has refused to be emptied, and is not used until it does or comes back empty.
    FlushRefused,
    /// It has been emptied, and may be used.
    Flushed,
    /// There were too many misplaced keys; of some it may hold old values.
    Overflowed {
        /// How many of its keys were given up.
        keys: u64,
    },
    /// It has been added to its pool, by a new configuration.
    Joined,
    /// It has been taken out of its pool, by a new configuration.
    Left,
}

impl Happening {
    /// One word, for logs, metrics, the API and the page.
    pub fn label(&self) -> &'static str {
        match self {
            Self::State(_) => "state",
            Self::WritesEjected(..) => "writes-ejected",
            Self::WritesReadmitted(..) => "writes-readmitted",
            Self::Restarted { .. } => "restarted",
            Self::MassFailure { .. } => "mass-failure",
            Self::Ordered(_) => "ordered",
            Self::FlushRequired => "flush-required",
            Self::FlushRefused => "flush-refused",
            Self::Flushed => "flushed",
            Self::Overflowed { .. } => "overflowed",
            Self::Joined => "joined",
            Self::Left => "left",
        }
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(Transition { from, to, rule, evidence }) => {
                write!(f, "{} -> {} ({}: {evidence})", from.label(), to.label(), rule.label())
            }
            Self::WritesEjected(rule, evidence) => {
                write!(f, "is sent no writes ({}: {evidence})", rule.label())
            }
            Self::WritesReadmitted(rule, evidence) => {
                write!(f, "is sent writes again ({}: {evidence})", rule.label())
            }
            Self::Restarted { .. } => f.write_str("has restarted, and is empty"),
            Self::MassFailure { failing, servers_len } => {
                write!(f, "stays in use: {failing} of {servers_len} servers look bad at once")
            }
            Self::Ordered(order) => write!(f, "operator: {}", order.label()),
            Self::FlushRequired => f.write_str("is to be flushed before it is used"),
            Self::FlushRefused => f.write_str(
                "refuses flush_all and is not used: restart it, without -F if it has it",
            ),
            Self::Flushed => f.write_str("has been flushed"),
            Self::Overflowed { keys } => {
                write!(f, "has {keys} of the misplaced keys that were given up: there are too many")
            }
            Self::Joined => f.write_str("has joined its pool"),
            Self::Left => f.write_str("has left its pool"),
        }
    }
}

/// A change of state, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// From which state.
    pub from: StateName,
    /// To which state.
    pub to: StateName,
    /// By which rule.
    pub rule: Rule,
    /// On which evidence.
    pub evidence: Evidence,
}

/// What a server is taken for, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StateName {
    /// In use, nothing against it.
    Up,
    /// In use, and being looked at.
    Suspect,
    /// Not in use.
    Down,
    /// Coming back: in use for a growing share of its keys.
    Returning,
    /// Not in use, by an operator's word.
    Drained,
}

impl StateName {
    /// One word, for logs, metrics, the API and the page.
    pub fn label(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Suspect => "suspect",
            Self::Down => "down",
            Self::Returning => "returning",
            Self::Drained => "drained",
        }
    }

    /// Whether requests are sent to a server in this state, be it for some of its keys.
    pub fn is_usable(self) -> bool {
        match self {
            Self::Up | Self::Suspect | Self::Returning => true,
            Self::Down | Self::Drained => false,
        }
    }
}

/// Why a server changed its state: a row of the table in [`crate::health`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A first failure, or a request that waits for too long.
    Suspicion,
    /// It cannot be connected to.
    Refused,
    /// So many timeouts in a row.
    Timeouts,
    /// So many responses that cannot be what was asked for.
    Garbled,
    /// So large a part of its requests failed.
    Ratio,
    /// It is much slower than the others.
    Slow,
    /// A canary failed while it was in doubt.
    Canary,
    /// So many others look bad that the fault may be our own.
    MassFailure,
    /// A canary was good and no failure followed.
    Cleared,
    /// So many canaries were good while it was out of use.
    Canaries,
    /// It has got all its keys back.
    Ramp,
    /// It refuses writes.
    WritesRefused,
    /// An operator takes it out of use.
    Drain,
    /// An operator ejects it.
    Eject,
    /// An operator takes it back.
    Readmit,
}

impl Rule {
    /// One word, for logs, metrics, the API and the page.
    pub fn label(self) -> &'static str {
        match self {
            Self::Suspicion => "suspicion",
            Self::Refused => "refused",
            Self::Timeouts => "timeouts",
            Self::Garbled => "garbled",
            Self::Ratio => "ratio",
            Self::Slow => "slow",
            Self::Canary => "canary",
            Self::MassFailure => "mass-failure",
            Self::Cleared => "cleared",
            Self::Canaries => "canaries",
            Self::Ramp => "ramp",
            Self::WritesRefused => "writes-refused",
            Self::Drain => "drain",
            Self::Eject => "eject",
            Self::Readmit => "readmit",
        }
    }
}

/// What a transition was concluded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A request failed; so many timeouts had then followed one another.
    Request(Failure, u32),
    /// A request had waited so long, with no byte from the server since it was sent.
    Overdue(Duration),
    /// So many responses could not be what was asked for.
    Unusable(u32),
    /// So many requests failed within the window.
    Failed {
        /// So many.
        failed: u32,
        /// Of so many.
        attempts: u32,
    },
    /// So many writes were refused within the window.
    WritesRefused {
        /// So many.
        refused: u32,
        /// Of so many.
        attempts: u32,
    },
    /// It was slow for so many windows in a row.
    Slow {
        /// How many.
        windows: u32,
        /// The 95th percentile of its latency in the last of them.
        latency: Duration,
        /// The median of the other servers' 95th percentiles.
        others: Duration,
    },
    /// A canary failed.
    BadCanary(Failure),
    /// A canary's write was refused; its other requests were good.
    CanaryRefused,
    /// So many canaries were good in a row; the last took so long.
    GoodCanaries(u32, Duration),
    /// So many servers of its pool look bad on soft evidence.
    Others {
        /// So many.
        failing: usize,
        /// Of so many.
        servers_len: usize,
    },
    /// So long without a failure.
    Time(Duration),
    /// There was no other server to take its keys.
    NobodyElse,
    /// A person's word.
    Operator,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(Failure::Timeout, in_a_row) => {
                write!(f, "request timed out, {in_a_row} in a row")
            }
            Self::Request(failure, _) => write!(f, "request failed: {failure}"),
            Self::Overdue(waited) => {
                write!(f, "not a byte for {} ms while a request waits", waited.as_millis())
            }
            Self::Unusable(len) => write!(f, "{len} unusable responses"),
            Self::Failed { failed, attempts } => {
                write!(f, "{failed} of {attempts} requests failed")
            }
            Self::WritesRefused { refused, attempts } => {
                write!(f, "{refused} of {attempts} writes refused")
            }
            Self::Slow { windows, latency, others } => {
                let (latency, others) = (latency.as_micros(), others.as_micros());
                write!(f, "{latency} us for {windows} windows, the others {others} us")
            }
            Self::BadCanary(failure) => write!(f, "canary failed: {failure}"),
            Self::CanaryRefused => f.write_str("the canary's write was refused"),
            Self::GoodCanaries(len, latency) => {
                write!(f, "{len} good canaries, the last in {} us", latency.as_micros())
            }
            Self::Others { failing, servers_len } => {
                write!(f, "{failing} of {servers_len} servers look bad")
            }
            Self::Time(interval) => write!(f, "{} ms without a failure", interval.as_millis()),
            Self::NobodyElse => f.write_str("no other server could take its keys"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

/// An operator's word about a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send it no requests until it is readmitted.
    Drain,
    /// The same, because something is wrong with it.
    Eject,
    /// Take the word back: use it when its canaries are good, without any hold.
    Readmit,
    /// Empty it.
    Flush,
}

impl Order {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Drain, Self::Eject, Self::Readmit, Self::Flush];

    /// One word, as it is given.
    pub fn label(self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::Eject => "eject",
            Self::Readmit => "readmit",
            Self::Flush => "flush",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_reads_as_a_sentence() {
        for (evidence, wanted) in [
            (Evidence::Request(Failure::Timeout, 3), "request timed out, 3 in a row"),
            (Evidence::Request(Failure::Reset, 0), "request failed: connection reset"),
            (
                Evidence::Overdue(Duration::from_millis(20)),
                "not a byte for 20 ms while a request waits",
            ),
            (Evidence::Unusable(3), "3 unusable responses"),
            (Evidence::Failed { failed: 10, attempts: 20 }, "10 of 20 requests failed"),
            (Evidence::WritesRefused { refused: 5, attempts: 6 }, "5 of 6 writes refused"),
            (
                Evidence::Slow {
                    windows: 3,
                    latency: Duration::from_millis(60),
                    others: Duration::from_micros(90),
                },
                "60000 us for 3 windows, the others 90 us",
            ),
            (Evidence::BadCanary(Failure::WrongValue), "canary failed: wrong value"),
            (Evidence::CanaryRefused, "the canary's write was refused"),
            (
                Evidence::GoodCanaries(2, Duration::from_micros(80)),
                "2 good canaries, the last in 80 us",
            ),
            (Evidence::Others { failing: 2, servers_len: 3 }, "2 of 3 servers look bad"),
            (Evidence::Time(Duration::from_secs(5)), "5000 ms without a failure"),
            (Evidence::NobodyElse, "no other server could take its keys"),
            (Evidence::Operator, "operator"),
        ] {
            assert_eq!(evidence.to_string(), wanted);
        }
    }

    #[test]
    fn what_happened_reads_as_a_sentence_about_the_server() {
        let transition = Transition {
            from: StateName::Up,
            to: StateName::Suspect,
            rule: Rule::Suspicion,
            evidence: Evidence::Request(Failure::Reset, 0),
        };
        let at = Instant::from_nanos(1_500_000_000);
        for (what, label, wanted) in [
            (
                Happening::State(transition),
                "state",
                "up -> suspect (suspicion: request failed: connection reset)",
            ),
            (
                Happening::WritesEjected(Rule::WritesRefused, Evidence::CanaryRefused),
                "writes-ejected",
                "is sent no writes (writes-refused: the canary's write was refused)",
            ),
            (
                Happening::WritesReadmitted(Rule::Canaries, Evidence::Operator),
                "writes-readmitted",
                "is sent writes again (canaries: operator)",
            ),
            (
                Happening::Restarted { lost_before: Some(at) },
                "restarted",
                "has restarted, and is empty",
            ),
            (
                Happening::Restarted { lost_before: None },
                "restarted",
                "has restarted, and is empty",
            ),
            (
                Happening::MassFailure { failing: 2, servers_len: 3 },
                "mass-failure",
                "stays in use: 2 of 3 servers look bad at once",
            ),
            (Happening::Ordered(Order::Drain), "ordered", "operator: drain"),
            (Happening::FlushRequired, "flush-required", "is to be flushed before it is used"),
            (
                Happening::FlushRefused,
                "flush-refused",
                "refuses flush_all and is not used: restart it, without -F if it has it",
            ),
            (Happening::Flushed, "flushed", "has been flushed"),
            (
                Happening::Overflowed { keys: 9 },
                "overflowed",
                "has 9 of the misplaced keys that were given up: there are too many",
            ),
        ] {
            assert_eq!((what.label(), what.to_string().as_str()), (label, wanted));
        }
    }
}
