//! What had to be dropped or refused because a limit was reached, by name (P8).
//!
//! The control plane says once of each kind that it has occurred, and knows two kinds itself: reports
//! and values. A driver counts what only it can lose, and registers its counters when the control
//! plane is set up ([`Driver::losses`](crate::setup::Driver::losses)).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts one kind of loss; its clones count together.
#[derive(Clone, Debug)]
pub struct Loss {
    what: &'static str,
    times: Arc<AtomicU64>,
}

impl Loss {
    /// A kind of loss that has not occurred. `what` names it in the log: `sessions refused`.
    pub fn new(what: &'static str) -> Self {
        Self { what, times: Arc::default() }
    }

    /// It has occurred once more.
    pub fn count(&self) {
        self.times.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it has occurred.
    pub fn times(&self) -> u64 {
        self.times.load(Ordering::Relaxed)
    }

    /// What it is called.
    pub fn what(&self) -> &'static str {
        self.what
    }
}

/// Which kinds of loss have been spoken of.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    spoken_of: Vec<&'static str>,
}

impl Losses {
    /// Those of `losses`, each with how often it has occurred, that have occurred and that this has
    /// not named before.
    pub(crate) fn first_occurrences(
        &mut self,
        losses: impl Iterator<Item = (&'static str, u64)>,
    ) -> Vec<&'static str> {
        let is_first = |(what, times): &(&str, u64)| *times > 0 && !self.spoken_of.contains(what);
        let first: Vec<_> = losses.filter(is_first).map(|(what, _)| what).collect();
        self.spoken_of.extend(&first);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_named_when_it_first_occurs_and_never_again() {
        let loss = Loss::new("sessions refused");
        let mut losses = Losses::default();
        let mut look =
            |loss: &Loss| losses.first_occurrences([(loss.what(), loss.times())].into_iter());
        assert_eq!(look(&loss), [""; 0]);
        loss.clone().count();
        assert_eq!(look(&loss), ["sessions refused"]);
        loss.count();
        assert_eq!(look(&loss), [""; 0]);
        assert_eq!(loss.times(), 2);
    }
}
