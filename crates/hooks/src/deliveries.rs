//! What became of messages, counted by hook.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The counts of all hooks there are or were; its clones are the same counts.
#[derive(Clone, Debug, Default)]
pub struct Deliveries {
    by_hook: Arc<Mutex<BTreeMap<String, Arc<Counts>>>>,
}

/// What became of one hook's messages since the process started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookTally {
    /// The hook.
    pub hook: String,
    /// Messages that were told.
    pub delivered: u64,
    /// Requests that failed and were made again.
    pub retried: u64,
    /// Messages that were given up.
    pub failed: u64,
    /// Events that were no longer known when the hook was ready for them.
    pub events_missed: u64,
}

/// One hook's counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) delivered: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) events_missed: AtomicU64,
}

impl Deliveries {
    /// What became of each hook's messages, by name.
    pub fn tallies(&self) -> Vec<HookTally> {
        let by_hook = self.by_hook.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = |(hook, counts): (&String, &Arc<Counts>)| HookTally {
            hook: hook.clone(),
            delivered: counts.delivered.load(Ordering::Relaxed),
            retried: counts.retried.load(Ordering::Relaxed),
            failed: counts.failed.load(Ordering::Relaxed),
            events_missed: counts.events_missed.load(Ordering::Relaxed),
        };
        by_hook.iter().map(tally).collect()
    }

    /// The counts of a hook. One that was there before goes on where it was.
    pub(crate) fn of(&self, hook: &str) -> Arc<Counts> {
        let mut by_hook = self.by_hook.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(by_hook.entry(hook.to_owned()).or_default())
    }
}
