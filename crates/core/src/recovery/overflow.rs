//! More misplaced keys than there is room for: rule 8.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::Instant;
use crate::event::Happening;
use crate::recovery::Recovery;
use crate::recovery::entry::Entry;
use crate::routing::{KeyRoute, RoutingTable, ServerId};

/// How much longer than `failover_ttl` a value may live: memcached counts in whole seconds.
const CLOSED_SLACK: Duration = Duration::from_secs(2);

impl Recovery {
    /// Sees that there is room for an entry.
    pub(super) fn make_room(&mut self, now: Instant, route: &KeyRoute<'_>) {
        let bytes = self.bytes + Entry::bytes(route.key);
        if bytes <= self.settings.misplaced_bytes_max || self.entries.contains_key(route.key) {
            return;
        }
        self.overflow(now, route.table);
    }

    /// Gives up entries until there is room again.
    pub(super) fn overflow(&mut self, now: Instant, table: &RoutingTable) {
        // Those whose servers are in use will be cleaned soon, and flushing such a server would
        // cost all that it holds.
        let len = self.entries.len();
        self.give_up(now, |server| !table.server(server).is_wanted());
        if self.bytes > self.settings.misplaced_bytes_max / 2 {
            self.give_up(now, |_| true);
        }
        self.entries.shrink_to_fit();
        self.tally.overflowed += (len - self.entries.len()) as u64;
    }

    /// Drops the entries all of whose stale servers `may_be_flushed`, and has those flushed.
    fn give_up(&mut self, now: Instant, may_be_flushed: impl Fn(ServerId) -> bool) {
        let closed_until = now + self.settings.failover_ttl + CLOSED_SLACK;
        let (mut to_flush, mut holders) = (BTreeMap::new(), BTreeSet::new());
        let Self { bytes, stale_lens, .. } = self;
        self.entries.retain(|key, entry| {
            let is_kept = !entry.stale.iter().all(|server| may_be_flushed(*server));
            if !is_kept {
                *bytes -= Entry::bytes(key);
                stale_lens.forget(&entry.stale);
                for server in &entry.stale {
                    *to_flush.entry(*server).or_default() += 1;
                }
                holders.extend(entry.holder);
            }
            is_kept
        });
        self.cursor = 0;
        for server in holders {
            self.servers.entry(server).or_default().closed_until = Some(closed_until);
        }
        for (server, keys) in to_flush {
            self.note(now, server, Happening::Overflowed { keys });
            self.require_flush(now, server);
        }
    }
}
