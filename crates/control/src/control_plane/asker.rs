//! Asks servers now and then what they say of themselves, for people to see.
//!
//! Each usable server of a pool with a `stats_interval` is asked on a connection of its own that is
//! closed again, at moments that differ from process to process. What it said last is kept until it
//! is asked in vain or not asked any more: an old figure would look like a present one.
//!
//! It decides nothing, and nothing that is decided depends on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::Instant;
use evenkeel_core::random::Random;
use evenkeel_core::routing::{ServerId, Usable};
use tokio::task::JoinSet;

use crate::asking;
use crate::directory::Directory;
use crate::says::ServerSays;
use crate::server::SharedServer;
use crate::shared::Shared;

/// Asks all servers.
#[derive(Debug)]
pub(super) struct Asker {
    shared: Arc<Shared>,
    /// When each server is asked next.
    due: BTreeMap<ServerId, Instant>,
    random: Random,
    /// Those that are being asked. They end with this.
    asking: JoinSet<()>,
}

/// How often one looks whom to ask; a server is not asked more often.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// How long an answer may take, connecting and all. No server is asked twice at a time.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(800);

/// How much earlier or later than its interval a server is asked.
const JITTER_PERCENT: u32 = 20;

impl Asker {
    /// One whose moments depend on `seed`.
    pub(super) fn new(shared: Arc<Shared>, seed: u64) -> Self {
        let (due, asking) = (BTreeMap::new(), JoinSet::new());
        Self { shared, due, random: Random::new(seed), asking }
    }

    /// Asks, and never ends by itself.
    pub(super) async fn run(mut self) {
        loop {
            self.look();
            tokio::time::sleep(LOOK_INTERVAL).await;
            // What has ended is forgotten.
            while self.asking.try_join_next().is_some() {}
        }
    }

    fn look(&mut self) {
        let (directory, now) = (self.shared.directory.load_full(), self.shared.now());
        self.due.retain(|id, _| !directory.server(*id).has_left);
        for (id, server) in directory.present_servers() {
            if self.is_to_be_asked(&directory, id, server) {
                self.ask_if_due(now, id, &directory);
            } else {
                self.due.remove(&id);
                server.facts.says.store(None);
            }
        }
    }

    fn is_to_be_asked(&self, directory: &Directory, id: ServerId, server: &SharedServer) -> bool {
        let is_wanted = !directory.pool(server.pool).config.stats_interval.is_zero();
        let table = self.shared.table.load();
        let route = table.servers.get(usize::from(id.0));
        is_wanted && route.is_some_and(|route| route.usable != Usable::No)
    }

    fn ask_if_due(&mut self, now: Instant, id: ServerId, directory: &Directory) {
        let server = directory.server(id);
        let interval = directory.pool(server.pool).config.stats_interval;
        // The first time soon, and not all servers at once.
        let at = *self.due.entry(id).or_insert_with(|| {
            let within = interval.min(LOOK_INTERVAL * 3);
            let nanos = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX).max(1);
            now + Duration::from_nanos(self.random.below(nanos))
        });
        if now < at {
            return;
        }
        self.due.insert(id, now + self.random.jittered(interval, JITTER_PERCENT));
        let server = Arc::clone(server);
        self.asking.spawn(async move {
            let stats = asking::stats(&server, ANSWER_TIMEOUT).await;
            let says = stats.ok().map(|stats| ServerSays::from_stats(now, &stats));
            server.facts.says.store(says.map(Arc::new));
        });
    }
}
