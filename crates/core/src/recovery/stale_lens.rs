//! In how many entries each server is stale: what the operator sees draining.

use std::collections::BTreeMap;

use crate::routing::ServerId;

/// In how many entries each server is stale.
#[derive(Clone, Debug, Default)]
pub(super) struct StaleLens(BTreeMap<ServerId, usize>);

impl StaleLens {
    pub(super) fn of(&self, server: ServerId) -> usize {
        self.0.get(&server).copied().unwrap_or_default()
    }

    /// An entry has these stale servers.
    pub(super) fn count(&mut self, stale: &[ServerId]) {
        for server in stale {
            *self.0.entry(*server).or_default() += 1;
        }
    }

    /// An entry no longer has them.
    pub(super) fn forget(&mut self, stale: &[ServerId]) {
        for server in stale {
            if let Some(len) = self.0.get_mut(server) {
                *len -= 1;
            }
        }
    }

    /// The server is stale in none.
    pub(super) fn clear(&mut self, server: ServerId) {
        self.0.remove(&server);
    }
}
