//! One look at the proxy after another, and what has happened between them.

use evenkeel_api::{Event, History, Status};

use crate::admin::{Admin, AdminError};

/// What the proxy says at one moment.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) status: Status,
    /// The last minute; none from a proxy that keeps none.
    pub(super) history: Option<History>,
    /// What has happened since the last look.
    pub(super) events: Vec<Event>,
    /// It is another process than the last time.
    pub(super) is_restarted: bool,
}

/// Looks, and remembers how far it has read.
pub(super) struct Watch {
    admin: Admin,
    next_event: u64,
    started_at: Option<String>,
}

impl Watch {
    pub(super) fn new(admin: Admin) -> Self {
        Self { admin, next_event: 0, started_at: None }
    }

    /// Asks for everything; nothing is remembered of a look that fails.
    pub(super) fn look(&mut self) -> Result<Look, AdminError> {
        let status = self.admin.status()?;
        let is_restarted = self.started_at.as_ref().is_some_and(|it| *it != status.started_at);
        let since = if is_restarted { 0 } else { self.next_event };
        let list = self.admin.events(since)?;
        let history = match self.admin.history(HISTORY_SECONDS) {
            Ok(history) => Some(history),
            Err(AdminError::Refused { .. }) => None,
            Err(error) => return Err(error),
        };
        self.next_event = list.next;
        self.started_at = Some(status.started_at.clone());
        Ok(Look { status, history, events: list.events, is_restarted })
    }
}

/// As many seconds as a sparkline is wide at most.
pub(super) const HISTORY_SECONDS: u16 = 60;
