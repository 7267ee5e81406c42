//! What a service manager (systemd, `Type=notify`) is told of `evenkeel run`.
//!
//! That it accepts, that it is being stopped, and, if the manager wants to hear so, that all workers
//! turn their loops. Without a service manager nothing is told to anybody.

use std::thread;
use std::time::Duration;

use evenkeel_proxy::Liveness;
use sd_notify::NotifyState;

/// Says that it accepts, and from now on that it lives for as long as it does.
pub(crate) fn started(liveness: Liveness) {
    tell(&[NotifyState::Ready]);
    if let Some(interval) = sd_notify::watchdog_enabled() {
        // Twice within the time, as sd_watchdog_enabled(3) asks.
        thread::spawn(move || keep_telling(&liveness, interval / 2));
    }
}

/// Says that it is being stopped.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn keep_telling(liveness: &Liveness, interval: Duration) {
    loop {
        if liveness.has_turned_within(interval) {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!(
                "a worker stands still; the service manager is not told that all is well"
            );
        }
        thread::sleep(interval);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
