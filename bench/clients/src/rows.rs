//! Who is compared, on which workloads, and what is asked of Evenkeel.

use crate::measure::Figure;

/// A client library, in one of its forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Ours, with every default: health, canaries and recovery on.
    Evenkeel,
    /// The async client of the crate `memcache`, its pool large enough for all tasks.
    Memcache,
    /// The crate `async-memcached`. It has no pool: each task has a connection of its own, the best
    /// that any pool can come to.
    AsyncMemcached,
    /// The blocking client of the crate `memcache`: a thread for each task, and a connection for
    /// each thread.
    MemcacheBlocking,
    /// redis-rs' multiplexed connection, on redis-server.
    Redis,
}

/// One workload.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) work: Work,
    pub(crate) tasks: usize,
    pub(crate) runtime: Runtime,
    pub(crate) asked: Vec<Asked>,
}

/// What each task does, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Reads one value, of one server.
    Get,
    /// Reads one value, then writes one, of one server.
    GetAndSet,
    /// Reads [`MANY`] values, of three servers.
    GetMany,
}

/// What the tasks run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    /// tokio's multi-threaded one, with two threads.
    TwoThreads,
    /// tokio's current-thread one.
    OneThread,
}

/// A figure of Evenkeel that has a bound, as a ratio to that of others.
pub(crate) struct Asked {
    pub(crate) figure: Figure,
    /// To the best of these, in each round.
    pub(crate) to: &'static [Peer],
    pub(crate) bound: Bound,
}

/// How a ratio is bound.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Peer {
    pub(crate) const ALL: [Self; 5] =
        [Self::Evenkeel, Self::Memcache, Self::AsyncMemcached, Self::MemcacheBlocking, Self::Redis];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Evenkeel => "evenkeel",
            Self::Memcache => "memcache",
            Self::AsyncMemcached => "async-memcached",
            Self::MemcacheBlocking => "memcache, blocking",
            Self::Redis => "redis-rs",
        }
    }
}

impl Bound {
    pub(crate) fn is_kept_by(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(bound) => ratio <= bound,
            Self::AtLeast(bound) => ratio >= bound,
        }
    }
}

impl Row {
    fn new(name: &'static str, work: Work, tasks: usize, runtime: Runtime) -> Self {
        Self { name, work, tasks, runtime, asked: Vec::new() }
    }

    fn asks(mut self, figure: Figure, to: &'static [Peer], bound: Bound) -> Self {
        self.asked.push(Asked { figure, to, bound });
        self
    }

    /// Can this peer do the work, and would it tell anything?
    pub(crate) fn suits(&self, peer: Peer) -> bool {
        match peer {
            // It knows one server.
            Peer::AsyncMemcached => self.work != Work::GetMany,
            // Its threads know nothing of the runtime: once is enough.
            Peer::MemcacheBlocking => self.runtime == Runtime::TwoThreads,
            Peer::Evenkeel | Peer::Memcache | Peer::Redis => true,
        }
    }
}

/// All that is compared.
pub(crate) fn rows() -> Vec<Row> {
    use Bound::{AtLeast, AtMost};
    use Figure::{Cpu, P50, Rate};
    use Runtime::{OneThread, TwoThreads};
    use Work::{Get, GetAndSet, GetMany};
    let gets = |name, runtime| {
        Row::new(name, Get, 64, runtime)
            .asks(Cpu, ASYNC, AtMost(0.45))
            .asks(Rate, ASYNC, AtLeast(3.0))
            .asks(Cpu, &[Peer::Redis], AtMost(1.0))
    };
    let in_turn = |name, runtime| {
        Row::new(name, GetAndSet, 1, runtime).asks(Cpu, ASYNC, AtMost(1.1)).asks(
            P50,
            ASYNC,
            AtMost(1.1),
        )
    };
    let many =
        |name, tasks| {
            Row::new(name, GetMany, tasks, TwoThreads)
                .asks(Cpu, &[Peer::Memcache], AtMost(0.7))
                .asks(Cpu, &[Peer::Redis], AtMost(1.0))
        };
    vec![
        gets("64 tasks, gets, two threads", TwoThreads),
        gets("64 tasks, gets, one thread", OneThread),
        in_turn("1 task, gets and sets, two threads", TwoThreads)
            .asks(Cpu, &[Peer::MemcacheBlocking], AtMost(1.1))
            .asks(P50, &[Peer::MemcacheBlocking], AtMost(1.1)),
        in_turn("1 task, gets and sets, one thread", OneThread),
        many("1 task, gets of 100 keys, two threads", 1),
        many("16 tasks, gets of 100 keys, two threads", 16),
    ]
}

/// The keys that one [`Work::GetMany`] asks for.
pub(crate) const MANY: usize = 100;
const ASYNC: &[Peer] = &[Peer::Memcache, Peer::AsyncMemcached];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_a_figure_is_compared_with_is_measured() {
        for row in rows() {
            for peer in row.asked.iter().flat_map(|asked| asked.to) {
                assert!(row.suits(*peer), "{}: {peer:?}", row.name);
            }
        }
    }
}
