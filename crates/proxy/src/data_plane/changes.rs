//! Listeners that come and go, and sessions that are moved, while the loop turns.

use std::sync::Arc;

use evenkeel_core::Instant;
use evenkeel_core::config::ListenerName;
use evenkeel_core::id::SessionId;
use evenkeel_core::routing::PoolId;
use mio::{Interest, Token};

use super::{DataPlane, SessionSocket};
use crate::listeners::{Listener, ListenerShare, ListenerSocket};
use crate::shared::Change;

impl DataPlane {
    /// Accepts from a listener.
    pub(super) fn listen(&mut self, mut listener: Listener) -> std::io::Result<()> {
        let token = Token(self.next_listener);
        let registry = self.poll.registry();
        match &mut listener.socket {
            ListenerSocket::Tcp(it) => registry.register(it, token, Interest::READABLE),
            ListenerSocket::Unix(it) => registry.register(it, token, Interest::READABLE),
        }?;
        self.listeners.insert(self.next_listener, listener);
        self.next_listener += 1;
        Ok(())
    }

    /// Carries out what the control plane's side wants changed.
    pub(super) fn change(&mut self, now: Instant, change: Change) {
        match change {
            Change::Open(listener) => {
                if let Err(error) = self.listen(listener) {
                    tracing::error!(%error, "cannot watch a new listener");
                }
            }
            Change::Replace(share) => self.replace_listener(&share),
            Change::Close(name) => self.close_listener(now, &name),
            Change::EndSessions(pool) => self.end_sessions(pool),
        }
    }

    fn replace_listener(&mut self, share: &Arc<ListenerShare>) {
        for listener in self.listeners.values_mut().filter(|it| it.share.name == share.name) {
            listener.share = Arc::clone(share);
        }
        for (id, session) in &self.sessions {
            if session.listener.name == share.name {
                self.worker.handle_session_moved(id, Arc::clone(&share.routes));
            }
        }
    }

    fn close_listener(&mut self, now: Instant, name: &ListenerName) {
        let is_it = |listener: &Listener| listener.share.name == *name;
        let numbers: Vec<_> =
            self.listeners.iter().filter(|(_, it)| is_it(it)).map(|(number, _)| *number).collect();
        for number in numbers {
            // Whoever has connected is not turned away.
            self.accept(now, number);
            self.listeners.remove(&number);
        }
    }

    fn end_sessions(&mut self, pool: PoolId) {
        let is_its = |it: &(SessionId, &SessionSocket)| {
            self.worker.session_routes(it.0).is_some_and(|routes| routes.may_reach(pool))
        };
        let ids: Vec<_> = self.sessions.iter().filter(is_its).map(|(id, _)| id).collect();
        for id in ids {
            self.worker.handle_session_unwanted(id);
        }
    }
}
