//! Whether a running proxy moves.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::shared::Shared;

/// Asks a proxy whether it moves.
#[derive(Clone, Debug)]
pub struct Liveness {
    shared: Arc<Shared>,
}

/// How often to look whether the workers have turned.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

impl Liveness {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Has every worker turn its loop once, and waits for that. False if one of them has not after
    /// this time: it stands still, or has ended.
    pub fn has_turned_within(&self, time: Duration) -> bool {
        let control = &self.shared.control;
        let (asked_at, deadline) = (control.now(), Instant::now() + time);
        control.wake_workers();
        loop {
            if control.workers.iter().all(|it| it.pace.has_turned_since(asked_at)) {
                return true;
            }
            if deadline <= Instant::now() {
                return false;
            }
            thread::sleep(LOOK_INTERVAL);
        }
    }
}
