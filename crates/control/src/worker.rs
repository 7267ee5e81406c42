//! One of a driver's workers, as the control plane and whoever reads figures know it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use evenkeel_core::worker::Counters;

use crate::pace::Pace;
#[cfg(doc)]
use crate::shared::Shared;

/// One worker, for others to see and to wake.
pub struct SharedWorker {
    wake: Box<dyn Fn() + Send + Sync>,
    /// What it has done.
    pub counters: SharedCounters,
    /// Whether its loop keeps up.
    pub pace: Pace,
    /// The last edition of what is published that it has seen.
    pub(crate) seen: AtomicU64,
}

impl SharedWorker {
    /// A worker that has done nothing yet.
    ///
    /// `wake` has it turn its loop once, and ask for [`Shared::newer_table`]; from any thread,
    /// without waiting for it. If its loop has ended, it does nothing. Each turn must show in its
    /// [`Pace`], or it is taken to stand still, and no canary that is late is believed.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            wake: Box::new(wake),
            counters: SharedCounters::default(),
            pace: Pace::default(),
            seen: AtomicU64::new(0),
        }
    }

    /// Has it turn its loop.
    pub fn wake(&self) {
        (self.wake)();
    }
}

impl fmt::Debug for SharedWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wake: _, counters, pace, seen: _ } = self;
        f.debug_struct("SharedWorker")
            .field("counters", counters)
            .field("pace", pace)
            .finish_non_exhaustive()
    }
}

macro_rules! shared_counters {
    ($($name:ident),* $(,)?) => {
        /// A worker's counters as it last published them.
        #[derive(Debug, Default)]
        pub struct SharedCounters {
            $($name: AtomicU64,)*
        }

        impl SharedCounters {
            /// Publishes a worker's counters.
            pub fn store(&self, counters: &Counters) {
                $(self.$name.store(counters.$name, Ordering::Relaxed);)*
            }

            pub(crate) fn add_to(&self, sum: &mut Counters) {
                $(sum.$name += self.$name.load(Ordering::Relaxed);)*
            }
        }
    };
}

shared_counters!(
    requests,
    refused,
    reads,
    writes,
    deletes,
    hits,
    misses,
    failed,
    diverted,
    retried,
    values_dropped,
    late_responses,
    bytes_read,
    bytes_written,
    sessions,
);
