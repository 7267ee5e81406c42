//! The signals that are heard: SIGINT (Ctrl-C) and SIGTERM end a verb, SIGHUP has the configuration
//! read again.

use std::io;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that are caught from when this is made.
pub(crate) struct Signals {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To end.
    Stop,
    /// To read the configuration again.
    Reload,
}

/// The exit code of a process that Ctrl-C ended, as shells have it.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;

impl Signals {
    /// Catches them: none is missed that comes from now on.
    pub(crate) fn catch() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let [interrupt, terminate, hang_up] = {
            let _context = runtime.enter();
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal)
        };
        let (interrupt, terminate, hang_up) = (interrupt?, terminate?, hang_up?);
        Ok(Self { runtime, interrupt, terminate, hang_up })
    }

    /// Waits for the next one.
    pub(crate) fn wait(&mut self) -> Asked {
        let Self { runtime, interrupt, terminate, hang_up } = self;
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => Asked::Stop,
                _ = terminate.recv() => Asked::Stop,
                _ = hang_up.recv() => Asked::Reload,
            }
        })
    }

    /// Waits for the next one that asks to end.
    pub(crate) fn wait_for_stop(&mut self) {
        while self.wait() != Asked::Stop {}
    }
}
