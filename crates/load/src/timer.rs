//! Wakes a poll at a moment, to the microsecond: the poll's own clock ticks in milliseconds.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// One timer of the system.
pub(crate) struct Timer(OwnedFd);

impl Timer {
    /// Makes a timer whose events have this token. It need not be read: each end of it is an
    /// event.
    pub(crate) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self(timer))
    }

    /// Ends once, after this time, which is not zero; what it was set to before is forgotten.
    pub(crate) fn set(&self, after: Duration) -> io::Result<()> {
        let it_value = Timespec::try_from(after).map_err(io::Error::other)?;
        let it_interval = Timespec::default();
        let value = Itimerspec { it_interval, it_value };
        timerfd_settime(&self.0, TimerfdTimerFlags::empty(), &value)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use mio::{Events, Poll};

    use super::*;

    #[test]
    fn each_end_is_an_event_and_none_comes_early() {
        let mut poll = Poll::new().unwrap();
        let timer = Timer::new(poll.registry(), Token(3)).unwrap();
        let mut events = Events::with_capacity(4);
        for after in [Duration::from_micros(100), Duration::from_micros(1500)] {
            let start = Instant::now();
            timer.set(after).unwrap();
            while events.is_empty() {
                poll.poll(&mut events, None).unwrap();
            }
            assert!(start.elapsed() >= after);
            assert!(events.iter().all(|event| event.token() == Token(3)));
            events.clear();
        }
    }
}
