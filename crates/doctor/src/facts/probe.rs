//! What became of our canary keys.

use std::time::Duration;

/// What several connections met, each by itself: a memcached server gives each connection to one of
/// its threads for good, so that one connection sees one thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// The connections, in the order in which they were opened.
    pub lanes: Vec<Lane>,
    /// For how long our own loop stood still at most while it ran: no answer is slow that came
    /// within this much of being quick. Zero if nobody looked.
    pub stalled: Duration,
}

/// What one connection met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// How long connecting took, or why it failed.
    pub connect: Result<Duration, String>,
    /// What was asked and what came back, in order. The connection ends with the first step that
    /// gets no answer.
    pub steps: Vec<Step>,
}

/// One request of the probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What was asked.
    pub kind: StepKind,
    /// How long the answer took, or how long was waited for it.
    pub took: Duration,
    /// What became of it.
    pub outcome: Outcome,
}

/// What a step of the probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepKind {
    /// What health checks ask: `version`, `PING`.
    Greeting,
    /// A canary key is stored, with an expiry.
    Set,
    /// It is read and compared.
    Get,
    /// It is deleted.
    Delete,
    /// It is read again: it must be gone.
    GetDeleted,
    /// A key is read while its expiry has not passed: it should be there.
    GetUnexpired,
    /// A key is read whose expiry has passed: it must be gone.
    GetExpired,
}

impl StepKind {
    /// The step in a word or two.
    pub fn label(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Set => "set",
            Self::Get => "get",
            Self::Delete => "delete",
            Self::GetDeleted => "get after delete",
            Self::GetUnexpired => "get before expiry",
            Self::GetExpired => "get after expiry",
        }
    }
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The answer is right.
    Good,
    /// The server answered that it will not or cannot, in these words.
    Refused(String),
    /// The server answered something that is not true: another value, a key that should be gone.
    Wrong(String),
    /// A key that should be there is not: evicted, or flushed by somebody.
    Missing,
    /// What came is no answer of the protocol.
    Garbled(String),
    /// Nothing came in time.
    TimedOut,
    /// The connection was closed or reset.
    Closed(String),
}

impl Probe {
    /// All steps of all connections.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.lanes.iter().flat_map(|lane| &lane.steps)
    }

    /// How long the good answers to what touches data took, shortest first.
    pub fn latencies(&self) -> Vec<Duration> {
        let of_data = self.steps().filter(|step| step.kind != StepKind::Greeting);
        let good = of_data.filter(|step| step.outcome == Outcome::Good);
        let mut latencies: Vec<_> = good.map(|step| step.took).collect();
        latencies.sort_unstable();
        latencies
    }
}
