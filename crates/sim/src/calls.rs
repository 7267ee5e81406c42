//! Calls on their way between callers and workers.
//!
//! A caller is a task of the process that the worker is part of: what it submits is there at
//! once, and so is what it is told. There is no link between the two that could break.

use std::collections::VecDeque;
use std::time::Duration;

use evenkeel_core::call::CallResult;

/// Which call; no two have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallName(pub u64);

impl CallName {
    /// Number `number` of an application's calls.
    pub fn new(application: usize, number: u32) -> Self {
        Self((application as u64) << 32 | u64::from(number))
    }

    /// Whose it is.
    pub fn application(self) -> usize {
        usize::try_from(self.0 >> 32).expect("it was a usize")
    }
}

/// What a caller wants of a worker.
#[derive(Clone, Debug)]
pub struct Order {
    /// Which worker.
    pub worker: usize,
    /// Which call it is about.
    pub name: CallName,
    /// What is to be done with it.
    pub what: Wanted,
}

/// What a caller wants done with a call.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// It is to be carried out.
    Submit {
        /// The request as a session would send it.
        encoded: Vec<u8>,
        /// How long its caller waits, if not as long as the pool says.
        deadline: Option<Duration>,
    },
    /// Nobody waits for it any more.
    GiveUp,
}

/// The calls that are on their way.
#[derive(Debug, Default)]
pub struct Calls {
    /// What callers want, in order.
    pub orders: VecDeque<Order>,
    /// The calls that have ended, and how.
    pub settled: VecDeque<(CallName, CallResult)>,
}
