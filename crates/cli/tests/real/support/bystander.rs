//! An ordinary session beside the trouble that a test makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::{Session, spread_key};

/// Sets and gets until it is stopped; a wrong value, a miss or a lost connection is a fault.
pub(crate) struct Bystander {
    is_stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Bystander {
    /// Begins; it has been served once when this returns.
    pub(crate) fn start(address: &str) -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let mut session = Session::connect(address);
        let seen = Arc::clone(&is_stopped);
        let mut turn = move |turn: usize| {
            let key = spread_key("bystander", turn % 50);
            let value = format!("turn {turn}");
            session.set(&key, &value);
            assert_eq!(session.get(&key), Some(value));
        };
        turn(0);
        let thread = thread::spawn(move || {
            let mut turns = 1;
            while !seen.load(Ordering::Relaxed) {
                turn(turns);
                turns += 1;
            }
        });
        Self { is_stopped, thread }
    }

    /// Ends it; fails the test if the bystander was harmed.
    #[track_caller]
    pub(crate) fn stop(self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.thread.join().expect("another session is served rightly all the time");
    }
}
