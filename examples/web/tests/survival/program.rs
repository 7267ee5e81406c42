//! A child process that does not outlive its test.

use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A running program, killed when dropped.
pub(crate) struct Program(pub(crate) Child);

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.spawn();
        Self(child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")))
    }

    /// Kills the program with `SIGKILL` and waits for its end.
    pub(crate) fn kill(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).expect("the program has not ended");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("our own child can be waited for").is_some()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for a condition.
#[track_caller]
pub(crate) fn wait_until(timeout: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + timeout;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited {timeout:?} for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
