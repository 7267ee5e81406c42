//! Bringing misplaced keys home: rule 4.

use std::time::Duration;

use crate::Instant;
use crate::event::Happening;
use crate::recovery::Recovery;
use crate::recovery::entry::{Entry, Generation};
use crate::routing::{Effect, KeyRoute, PoolId, RoutingTable, ServerId};

/// A step of cleaning for the control plane to take; report it by [`Recovery::handle_cleaned`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaning {
    /// Where.
    pub server: ServerId,
    /// What.
    pub step: Step,
    /// It counts only if this is still the generation when it is done.
    generation: Generation,
    /// The last there was when it was made.
    polled_at: Generation,
}

/// What is to be done at a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Delete the key: the server may hold an old value.
    DeleteStale(Box<[u8]>),
    /// Delete the key: no server is stale, and the key goes home.
    DeleteHolder(Box<[u8]>),
    /// `flush_all`: the server is used only after that.
    Flush,
}

/// What has become of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The server has done it.
    Done,
    /// The server has said no.
    Refused,
    /// Nobody knows.
    Unanswered,
}

impl Step {
    /// The key to delete; `None` if all is to be flushed.
    pub fn key(&self) -> Option<&[u8]> {
        match self {
            Self::DeleteStale(key) | Self::DeleteHolder(key) => Some(key),
            Self::Flush => None,
        }
    }
}

/// How many entries one call looks at: it is made under a lock that requests wait for.
const SCAN_LEN_MAX: usize = 512;

/// How long a step that has been sent is waited for before it is sent again.
const CLEANING_TIMEOUT: Duration = Duration::from_secs(2);

impl Recovery {
    /// Appends at most `len_max` steps that can be taken now. Call again soon while it gives some,
    /// and now and then while [`Recovery::is_clear`] is false.
    ///
    /// `pool` and `table` say what is usable at this moment.
    pub fn poll_cleaning(
        &mut self,
        now: Instant,
        pool: PoolId,
        table: &RoutingTable,
        len_max: usize,
        steps: &mut Vec<Cleaning>,
    ) {
        if self.bytes > self.settings.misplaced_bytes_max {
            self.overflow(now, table);
        }
        self.poll_servers(now, table, steps);
        let steps_max = steps.len() + len_max;
        for _ in 0..SCAN_LEN_MAX.min(self.entries.len()) {
            if steps.len() >= steps_max || self.entries.is_empty() {
                break;
            }
            if self.cursor >= self.entries.len() {
                self.cursor = 0;
            }
            if self.poll_entry(now, pool, table, steps) {
                self.drop_entry(self.cursor);
            } else {
                self.cursor += 1;
            }
        }
    }

    /// Flushes that are due, and what need not be remembered any more.
    fn poll_servers(&mut self, now: Instant, table: &RoutingTable, steps: &mut Vec<Cleaning>) {
        let (grace, polled_at) = (self.settings.late_write_grace, self.last_generation);
        for (server, marks) in &mut self.servers {
            marks.closed_until.take_if(|until| *until <= now);
            let Some(generation) = marks.flush else { continue };
            let is_due = marks.flush_deadline <= now && marks.is_settled(now, grace);
            if is_due && table.server(*server).is_wanted() {
                marks.flush_deadline = now + CLEANING_TIMEOUT;
                let step = Step::Flush;
                steps.push(Cleaning { server: *server, step, generation, polled_at });
            }
        }
    }

    /// The steps for the entry at the cursor; true if it can be dropped.
    fn poll_entry(
        &mut self,
        now: Instant,
        pool: PoolId,
        table: &RoutingTable,
        steps: &mut Vec<Cleaning>,
    ) -> bool {
        let Self { entries, servers, settings, last_generation, stale_lens, .. } = self;
        let (key, entry) = entries.get_index_mut(self.cursor).expect("the cursor is inside");
        if entry.in_flight > 0 || now < entry.cleaning_deadline.max(entry.settled_at) {
            return false;
        }
        let marks = |server: ServerId| servers.get(&server).copied().unwrap_or_default();
        let (changed_at, generation) = (entry.changed_at, entry.generation);
        stale_lens.forget(&entry.stale);
        entry.stale.retain(|server| !marks(*server).was_emptied_after(changed_at, generation));
        stale_lens.count(&entry.stale);
        let is_cleanable = |server: &&ServerId| {
            let marks = marks(**server);
            table.server(**server).is_wanted()
                && marks.flush.is_none()
                && marks.is_settled(now, settings.late_write_grace)
        };
        let clean = |entry: &Entry, server, step| Cleaning {
            server,
            step,
            generation: entry.generation,
            polled_at: *last_generation,
        };
        let before = steps.len();
        if entry.stale.is_empty() {
            let effect = Effect::Writes;
            let route =
                KeyRoute { table, pool: table.pool(pool), key, effect, can_send: &|_| true };
            let home = route.home();
            let Some(holder) = entry.holder.filter(|holder| *holder != home) else { return true };
            let is_home_usable = route.is_usable(home) && marks(home).flush.is_none();
            if is_home_usable && is_cleanable(&&holder) {
                steps.push(clean(entry, holder, Step::DeleteHolder(key.clone())));
            }
        } else {
            for server in entry.stale.iter().filter(is_cleanable) {
                steps.push(clean(entry, *server, Step::DeleteStale(key.clone())));
            }
        }
        if steps.len() > before {
            entry.cleaning_deadline = now + CLEANING_TIMEOUT;
        }
        false
    }

    /// A step has been taken, or not.
    pub fn handle_cleaned(&mut self, now: Instant, cleaning: &Cleaning, taken: Taken) {
        let Some(key) = cleaning.step.key() else {
            return self.handle_flushed(now, cleaning, taken);
        };
        let Some((idx, _, entry)) = self.entries.get_full_mut(key) else { return };
        if entry.generation != cleaning.generation {
            return;
        }
        match taken {
            Taken::Done => {}
            // It is tried again when its time is over: a server that fails is not hurried.
            Taken::Refused | Taken::Unanswered => return,
        }
        match cleaning.step {
            Step::DeleteStale(_) => {
                self.stale_lens.forget(&entry.stale);
                entry.stale.retain(|server| *server != cleaning.server);
                self.stale_lens.count(&entry.stale);
                if entry.stale.is_empty() {
                    entry.cleaning_deadline = Instant::ZERO;
                }
            }
            Step::DeleteHolder(_) => self.drop_entry(idx),
            Step::Flush => unreachable!("a flush has no key"),
        }
    }

    fn handle_flushed(&mut self, now: Instant, cleaning: &Cleaning, taken: Taken) {
        let server = cleaning.server;
        let Some(marks) = self.servers.get_mut(&server) else { return };
        if marks.flush != Some(cleaning.generation) {
            // It was demanded again meanwhile; that one need not wait for this one's time.
            marks.flush_deadline = marks.flush_required_at + self.settings.settle_interval;
            return;
        }
        match taken {
            Taken::Done => {
                marks.flush = None;
                marks.flushed_at = cleaning.polled_at;
                self.note(now, server, Happening::Flushed);
            }
            Taken::Refused => {
                // Once for each demand: it is asked for again and again.
                if !std::mem::replace(&mut marks.is_flush_refused, true) {
                    self.note(now, server, Happening::FlushRefused);
                }
            }
            Taken::Unanswered => {}
        }
    }

    fn drop_entry(&mut self, idx: usize) {
        let (key, entry) = self.entries.swap_remove_index(idx).expect("the caller has found it");
        self.stale_lens.forget(&entry.stale);
        self.bytes -= Entry::bytes(&key);
        self.tally.cleaned += 1;
    }
}
