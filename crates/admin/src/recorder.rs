//! What has to be remembered so that it can be told: ejections by rule, reloads, and the last
//! minutes.
//!
//! The control plane keeps the last events and totals since its start. What is counted of events,
//! and what changed from one second to the next, is kept here. A [`Recorder`] looks once a second,
//! and whenever it is asked; it is bounded by what is configured, and what has left is forgotten.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::history::Past;
use crate::subject::Subject;
use crate::tally::EventTally;

/// Remembers for one router.
#[derive(Debug)]
pub(crate) struct Recorder {
    subject: Subject,
    tally: Mutex<EventTally>,
    past: Mutex<Past>,
}

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);

impl Recorder {
    /// One that has nothing to remember yet, and looks for as long as somebody else holds it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn start(subject: Subject) -> Arc<Self> {
        let recorder = Arc::new(Self { subject, tally: Mutex::default(), past: Mutex::default() });
        tokio::spawn(keep_looking(Arc::downgrade(&recorder)));
        recorder
    }

    /// What it counted of events, those of this moment among them.
    pub(crate) fn tally(&self) -> MutexGuard<'_, EventTally> {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        tally.catch_up(&self.subject.handle);
        tally
    }

    /// The last minutes.
    pub(crate) fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self) {
        drop(self.tally());
        let handle = &self.subject.handle;
        let (now, servers, pools) = (handle.now(), handle.servers(), handle.pools());
        self.past().note(now, servers, &pools);
    }
}

async fn keep_looking(recorder: Weak<Recorder>) {
    let Some(now) = recorder.upgrade().map(|it| it.subject.handle.now()) else { return };
    let first = tokio::time::Instant::now() + Past::first_wait(now);
    let mut interval = tokio::time::interval_at(first, INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        interval.tick().await;
        let Some(recorder) = recorder.upgrade() else { return };
        recorder.look();
    }
}
