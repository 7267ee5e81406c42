//! How attempts end, as recovery wants to know it, and which of them are made again.
//!
//! Every write that has been given to a connection is settled here, once when it ends or is given
//! up, and once more when what was given up has ended after all: whether or not anybody still
//! waits for it.

use crate::Instant;
use crate::connection::{Attempt, Matched, Sent};
use crate::failure::Failure;
use crate::recovery::{Ended, Fate, LateEnd, SharedRecovery};
use crate::routing::{Effect, RoutingTable, ServerId};
use crate::worker::desk::Desk;
use crate::worker::{ATTEMPTS_MAX, Worker};

/// A request to be sent again, elsewhere.
#[derive(Debug)]
pub(super) struct Retry {
    pub(super) attempt: Attempt,
    pub(super) encoded: Vec<u8>,
    /// Why; its caller is told so if it can go nowhere else.
    pub(super) failure: Failure,
}

/// What becomes of a write that was answered.
#[derive(Debug)]
pub(super) enum Answered {
    /// Its caller gets the answer.
    Settle,
    /// It is tried again elsewhere.
    Retry(Retry),
    /// Nobody waits for it any more.
    Late,
}

/// How much may be sent a second time, so that retries cannot double the load (P6).
///
/// Each request earns a part of a retry; what is earned and not spent is kept up to a burst, which
/// is what is in flight when a server fails.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// In hundredths of a retry.
    percents: u32,
}

/// Retries for each hundred requests.
const RETRY_PERCENT: u32 = 20;
/// Retries that may be saved up.
const RETRY_BURST: u32 = 1000;

impl Default for Budget {
    fn default() -> Self {
        Self { percents: RETRY_BURST * 100 }
    }
}

impl Budget {
    pub(super) fn earn(&mut self) {
        self.percents = (self.percents + RETRY_PERCENT).min(RETRY_BURST * 100);
    }

    fn spend(&mut self) -> bool {
        let left = self.percents.checked_sub(100);
        self.percents = left.unwrap_or(self.percents);
        left.is_some()
    }
}

/// Settles attempts that were given to a connection to `server`.
pub(super) struct Settler<'a> {
    pub(super) recovery: &'a dyn SharedRecovery,
    pub(super) now: Instant,
    pub(super) server: ServerId,
}

impl Settler<'_> {
    /// It was answered.
    pub(super) fn answer(
        &self,
        matched: &Matched<'_>,
        table: &RoutingTable,
        desk: &mut Desk,
        budget: &mut Budget,
    ) -> Answered {
        let (mut attempt, encoded) = (matched.attempt, matched.encoded);
        if attempt.is_late {
            self.forget(&mut attempt, encoded);
            desk.counters.late_responses += 1;
            return Answered::Late;
        }
        let is_refused = Desk::is_evidence(matched.response.status);
        // What depends on the value that is there must not find another server's.
        let may_move = matches!(attempt.effect, Effect::Writes | Effect::Deletes);
        if is_refused
            && may_move
            && self.has_other(table, &attempt, encoded)
            && may_be_tried_again(&attempt, desk, budget)
            && self.end(&mut attempt, encoded, Fate::Refused)
        {
            return Answered::Retry(retry(attempt, encoded, Failure::ServerError, desk));
        }
        if attempt.mark.is_some() || !self.recovery.is_clear(attempt.pool) {
            // Unmarked, too: another write of its key may have been given up since.
            self.end(&mut attempt, encoded, Fate::Known);
        }
        Answered::Settle
    }

    /// Whether another server could take it. If none could, the server's own words are worth more
    /// than ours.
    fn has_other(&self, table: &RoutingTable, attempt: &Attempt, encoded: &[u8]) -> bool {
        let is_other = |server| server != self.server;
        attempt.with_real_key(attempt.keys(encoded), |key| {
            table.plan(attempt.pool, key, attempt.effect, is_other).is_some()
        })
    }

    /// It is given up, and stays in flight. Reads fail at once; a write is tried again elsewhere
    /// if it may be.
    pub(super) fn give_up(
        &self,
        (attempt, encoded): (&mut Attempt, &[u8]),
        failure: Failure,
        desk: &mut Desk,
        budget: &mut Budget,
    ) -> Option<Retry> {
        if attempt.is_late {
            return None;
        }
        let is_kept_away = self.mark_late(attempt, encoded);
        if is_kept_away && may_be_tried_again(attempt, desk, budget) {
            return Some(retry(attempt.again(), encoded, failure, desk));
        }
        desk.settle_failure(attempt.exchange, attempt.part, failure);
        None
    }

    /// It may be carried out late. Returns whether its key is kept from the server.
    pub(super) fn mark_late(&self, attempt: &mut Attempt, encoded: &[u8]) -> bool {
        if attempt.effect == Effect::Reads || attempt.is_late {
            return false;
        }
        attempt.is_late = true;
        self.end(attempt, encoded, Fate::Late)
    }

    /// It does nothing any more: it was answered after it had been given up, or was never sent.
    pub(super) fn forget(&self, attempt: &mut Attempt, encoded: &[u8]) {
        if std::mem::take(&mut attempt.is_late) {
            let end = LateEnd::Answered;
            self.recovery.handle_late_end(self.now, attempt.pool, self.server, end);
        } else if attempt.mark.is_some() {
            self.end(attempt, encoded, Fate::Unsent);
        }
    }

    /// Its connection is lost. Returns whether it may be tried elsewhere, as far as recovery
    /// cares.
    pub(super) fn lose(&self, attempt: &mut Attempt, encoded: &[u8], sent: Sent) -> bool {
        match (attempt.effect, sent) {
            (Effect::Reads, _) => false,
            (_, Sent::No) => {
                self.forget(attempt, encoded);
                true
            }
            (_, Sent::Maybe) if attempt.is_late => {
                attempt.is_late = false;
                let end = LateEnd::Lost;
                self.recovery.handle_late_end(self.now, attempt.pool, self.server, end);
                false
            }
            (_, Sent::Maybe) => self.end(attempt, encoded, Fate::Lost),
        }
    }

    fn end(&self, attempt: &mut Attempt, encoded: &[u8], fate: Fate) -> bool {
        let (server, mark) = (self.server, attempt.mark.take());
        attempt.with_real_key(attempt.keys(encoded), |key| {
            self.recovery.settle(self.now, attempt.pool, &Ended { key, server, mark, fate })
        })
    }
}

fn retry(attempt: Attempt, encoded: &[u8], failure: Failure, desk: &mut Desk) -> Retry {
    let mut copy = desk.spare.take();
    copy.extend_from_slice(encoded);
    Retry { attempt, encoded: copy, failure }
}

/// Whether somebody waits for it, and it has not been tried too often.
fn may_be_tried_again(attempt: &Attempt, desk: &Desk, budget: &mut Budget) -> bool {
    let exchange = desk.exchanges.get(attempt.exchange);
    let is_wanted = exchange.is_some_and(|exchange| {
        exchange.attempts < ATTEMPTS_MAX
            && exchange.split.is_none()
            && exchange.waits_for(attempt.part)
    });
    is_wanted && attempt.effect != Effect::Reads && budget.spend()
}

impl Worker {
    /// An attempt has lost its connection.
    pub(super) fn fail(
        &mut self,
        now: Instant,
        server: ServerId,
        (mut attempt, encoded): (Attempt, &[u8]),
        sent: Sent,
        failure: Failure,
    ) {
        if sent == Sent::No {
            return self.move_unsent(now, server, (attempt, encoded), failure);
        }
        let was_late = attempt.is_late;
        let settler = Settler { recovery: &*self.recovery, now, server };
        let is_kept_away = settler.lose(&mut attempt, encoded, sent);
        if !was_late && is_kept_away && may_be_tried_again(&attempt, &self.desk, &mut self.budget) {
            self.desk.counters.retried += 1;
            return self.dispatch(now, attempt, encoded, failure);
        }
        if !was_late {
            self.desk.settle_failure(attempt.exchange, attempt.part, failure);
        }
    }

    /// An attempt of which no byte was written may go elsewhere, whatever it does.
    pub(super) fn move_unsent(
        &mut self,
        now: Instant,
        server: ServerId,
        (mut attempt, encoded): (Attempt, &[u8]),
        failure: Failure,
    ) {
        let was_given_up = attempt.is_late || attempt.is_void;
        let settler = Settler { recovery: &*self.recovery, now, server };
        settler.forget(&mut attempt, encoded);
        if !was_given_up {
            self.dispatch(now, attempt, encoded, failure);
        }
    }
}
