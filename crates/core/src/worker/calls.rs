//! Calls: requests without a session. See [`crate::call`].

use std::time::Duration;

use crate::Instant;
use crate::call::CallResult;
use crate::exchange::Asker;
use crate::id::ExchangeId;
use crate::protocol::request::Request;
use crate::routing::PoolId;
use crate::worker::Worker;
use crate::worker::dispatch::Origin;

impl Worker {
    /// Carries out a request and tells, within `deadline` or else the pool's, how it ended:
    /// [`Worker::drain_settled`], where the call has the name `name`. Of a request that says
    /// `noreply` nobody is told.
    ///
    /// # Panics
    /// For a request that no server is sent, such as `version`.
    pub fn call(
        &mut self,
        now: Instant,
        (pool, name): (PoolId, u64),
        request: &Request<'_>,
        deadline: Option<Duration>,
    ) -> ExchangeId {
        let at = now + deadline.unwrap_or(self.table.pool(pool).deadline);
        let origin = Origin { asker: Asker::Call(name), pool, deadline: at };
        let id = self.forward(now, origin, request);
        if deadline.is_some() {
            // The time of an attempt is no measure for it.
            self.watch_deadline(id);
        }
        id
    }

    /// Nobody waits for a call any more. If it has ended, nothing happens. A write that is on its
    /// way may still be carried out, until its deadline; after that it does not come back.
    pub fn drop_call(&mut self, id: ExchangeId) {
        self.abandon(id);
    }

    /// Nobody waits for an exchange any more. It is not tried again; if it may still store or
    /// remove something it is given up at its deadline as for a caller who waits, so that recovery
    /// learns of it.
    pub(super) fn abandon(&mut self, id: ExchangeId) {
        if self.desk.abandon(id) {
            self.watch_deadline(id);
        }
    }

    /// The calls that have ended since this was last asked, and how.
    pub fn drain_settled(&mut self) -> impl Iterator<Item = (u64, CallResult)> + '_ {
        self.desk.settled.drain(..)
    }

    /// Gives back what a call of several keys was made of, to be used again.
    pub fn recycle(&mut self, result: CallResult) {
        if let CallResult::Parts(split) = result {
            self.desk.spare.give_split(split);
        }
    }
}
