//! A look at a load while it runs, and a way to end it early.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Latencies;

/// What another thread holds of a load that runs.
#[derive(Debug, Default)]
pub struct Watch {
    is_stopped: AtomicBool,
    slots: Mutex<Vec<Arc<Slot>>>,
}

/// What has happened since the last look.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    /// Latencies of requests that were answered.
    pub latencies: Latencies,
    /// Keys read that had no value.
    pub misses: u64,
    /// Writes that were acknowledged.
    pub stored: u64,
    /// Requests that failed: with an error, a wrong answer, or none.
    pub failed: u64,
    /// Requests that wait for answers.
    pub waiting: u64,
    /// Connections that are lost and not made again yet.
    pub away: u64,
}

/// One lane's side of a watch. Whoever finds it taken comes again later: no lane ever waits.
#[derive(Debug)]
pub(crate) struct Slot(Mutex<Handover>);

#[derive(Debug)]
struct Handover {
    pulse: Pulse,
    is_full: bool,
}

impl Watch {
    /// A watch of nothing yet; see [`Load::watch`](crate::Load::watch).
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the load: nothing more is sent, what has been sent is awaited for a second at most,
    /// and what was measured is the report. Loads begun after this end at once.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    /// What has happened since this was last called. Lanes look a few times a second whether
    /// they are asked.
    pub fn take(&self) -> Pulse {
        let mut sum = Pulse::default();
        for slot in self.slots.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let mut handover = slot.0.lock().unwrap_or_else(PoisonError::into_inner);
            if mem::take(&mut handover.is_full) {
                sum.absorb(&handover.pulse);
                handover.pulse.clear();
            }
        }
        sum
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    /// Places for so many lanes; those of an earlier load are forgotten.
    pub(crate) fn begin(&self, lanes: usize) -> Vec<Arc<Slot>> {
        let slot =
            || Arc::new(Slot(Mutex::new(Handover { pulse: Pulse::default(), is_full: false })));
        let new: Vec<_> = (0..lanes).map(|_| slot()).collect();
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&new);
        new
    }
}

impl Slot {
    /// Hands the pulse over and empties it, if the last one was taken.
    pub(crate) fn hand_over(&self, pulse: &mut Pulse) {
        if let Ok(mut handover) = self.0.try_lock()
            && !handover.is_full
        {
            mem::swap(&mut handover.pulse, pulse);
            handover.is_full = true;
        }
    }

    /// Hands the last pulse over, together with one that was not taken.
    pub(crate) fn finish(&self, mut pulse: Pulse) {
        let mut handover = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (pulse.waiting, pulse.away) = (0, 0);
        handover.pulse.absorb(&pulse);
        handover.is_full = true;
    }
}

impl Pulse {
    fn absorb(&mut self, other: &Self) {
        self.latencies.absorb(&other.latencies);
        self.misses += other.misses;
        self.stored += other.stored;
        self.failed += other.failed;
        self.waiting += other.waiting;
        self.away += other.away;
    }

    fn clear(&mut self) {
        let Self { latencies, misses, stored, failed, waiting, away } = self;
        latencies.clear();
        (*misses, *stored, *failed, *waiting, *away) = (0, 0, 0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_handed_over_is_taken_once() {
        let watch = Watch::new();
        let slots = watch.begin(2);
        let mut pulse = Pulse::default();
        for slot in &slots {
            pulse.misses = 3;
            pulse.latencies.record(Duration::from_millis(1));
            slot.hand_over(&mut pulse);
            assert_eq!((pulse.misses, pulse.latencies.len()), (0, 0));
        }
        let taken = watch.take();
        assert_eq!((taken.misses, taken.latencies.len()), (6, 2));
        assert_eq!(watch.take().misses, 0);
    }

    #[test]
    fn what_is_not_taken_yet_is_kept() {
        let watch = Watch::new();
        let slots = watch.begin(1);
        let mut pulse = Pulse::default();
        for _ in 0..3 {
            pulse.misses += 1;
            slots[0].hand_over(&mut pulse);
        }
        assert_eq!((watch.take().misses, pulse.misses), (1, 2));
        slots[0].hand_over(&mut pulse);
        pulse.misses = 5;
        slots[0].finish(pulse);
        assert_eq!(watch.take().misses, 7);
    }
}
