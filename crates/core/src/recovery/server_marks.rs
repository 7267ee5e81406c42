//! What recovery remembers of one server.

use std::time::Duration;

use crate::Instant;
use crate::recovery::entry::Generation;

/// What recovery remembers of one server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ServerMarks {
    /// Writes that were given up and that a living connection may still answer.
    pub(super) late: u32,
    /// When the connection of a write without answer was last lost.
    lost_at: Option<Instant>,
    /// When a canary was first good that had been sent after that.
    served_at: Option<Instant>,
    /// It must be flushed before it is used; the generation tells two such demands apart.
    pub(super) flush: Option<Generation>,
    /// When that was last demanded.
    pub(super) flush_required_at: Instant,
    /// The server has refused it.
    pub(super) is_flush_refused: bool,
    /// Until when a flush that has been sent is waited for.
    pub(super) flush_deadline: Instant,
    /// What was stale there before is gone: it came back empty.
    pub(super) emptied_at: Instant,
    /// What had become stale there by then is gone: it was flushed.
    pub(super) flushed_at: Generation,
    /// It may hold keys that are not its own and have no entry any more.
    pub(super) closed_until: Option<Instant>,
}

impl ServerMarks {
    /// Whether it makes no difference to routing.
    pub(super) fn is_plain(&self) -> bool {
        self.flush.is_none() && self.closed_until.is_none()
    }

    /// The connection of a write without answer is lost.
    pub(super) fn lose(&mut self, now: Instant) {
        self.lost_at = Some(now);
        self.served_at = None;
    }

    pub(super) fn handle_good_canary(&mut self, now: Instant, sent_at: Instant) {
        if self.served_at.is_none() && self.lost_at.is_some_and(|lost_at| sent_at > lost_at) {
            self.served_at = Some(now);
        }
    }

    /// Whether what became stale there with this change is gone.
    pub(super) fn was_emptied_after(&self, changed_at: Instant, generation: Generation) -> bool {
        changed_at < self.emptied_at || generation <= self.flushed_at
    }

    /// Whether no write that was given up can be applied there any more.
    pub(super) fn is_settled(&self, now: Instant, grace: Duration) -> bool {
        let is_quiet = match (self.lost_at, self.served_at) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(_), Some(served_at)) => served_at + grace <= now,
        };
        is_quiet && self.late == 0
    }
}
