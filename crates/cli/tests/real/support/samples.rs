//! What became of a load's requests, one by one.

use std::time::{Duration, Instant};

use super::stalls::Stalls;

/// One request of a load and its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) op: Op,
    pub(crate) sent_at: Instant,
    pub(crate) answered_at: Instant,
    /// The home of its key, as an index into the cluster's servers.
    pub(crate) home: usize,
    /// Whether its key was written once before the load began and never since.
    pub(crate) is_untouched: bool,
    pub(crate) answer: Answer,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Read,
    Write,
}

/// What a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A value that may be read.
    Hit,
    Miss,
    /// A write that was done.
    Done,
    /// `SERVER_ERROR`, or what the library says instead.
    Failed,
    /// A value older than the last acknowledged one.
    Stale,
    /// A value or a line that has no business there.
    Wrong,
    /// None: the connection was closed, or nothing came for seconds.
    Lost,
}

/// What became of all requests of a load.
#[derive(Debug, Default)]
pub(crate) struct LoadReport {
    pub(crate) samples: Vec<Sample>,
    /// When the machine stalled meanwhile.
    pub(crate) stalls: Stalls,
    /// The first of what should not have been, for the reader of a failure.
    pub(crate) notes: Vec<String>,
}

impl LoadReport {
    /// How many requests were answered so.
    pub(crate) fn count(&self, op: Op, answer: Answer) -> usize {
        self.samples.iter().filter(|sample| sample.op == op && sample.answer == answer).count()
    }

    /// How many requests were answered so, whatever they asked for.
    pub(crate) fn count_all(&self, answer: Answer) -> usize {
        self.count(Op::Read, answer) + self.count(Op::Write, answer)
    }

    /// From sending a request to its answer, less what the machine added to it.
    pub(crate) fn took(&self, sample: &Sample) -> Duration {
        let Sample { sent_at, answered_at, .. } = *sample;
        (answered_at - sent_at).saturating_sub(self.stalls.between(sent_at, answered_at))
    }

    /// The longest of these requests; none of them is none.
    pub(crate) fn slowest<'a>(&self, samples: impl Iterator<Item = &'a Sample>) -> Duration {
        samples.map(|sample| self.took(sample)).max().unwrap_or_default()
    }

    /// Ninety-nine in a hundred of these requests took at most this long.
    pub(crate) fn p99<'a>(&self, samples: impl Iterator<Item = &'a Sample>) -> Duration {
        let mut all: Vec<_> = samples.map(|sample| self.took(sample)).collect();
        all.sort_unstable();
        all.get(all.len() * 99 / 100).copied().unwrap_or_default()
    }
}
