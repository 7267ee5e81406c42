//! The judge of a pool: it owns the servers' machines and decides what only comparing can show.

use std::time::Duration;

use super::server::{Canary, CanaryId, CanaryReport, Health, Peers, Soft};
use crate::config::{Failover, PoolConfig};
use crate::event::{Event, Evidence, Happening, Order, StateName};
use crate::failure::Failure;
use crate::random::Random;
use crate::report::{Outcome, Report};
use crate::routing::{ServerId, ServerRoute};
use crate::time::{Instant, earliest};
use crate::window::Tally;

/// The health of a pool's servers. See [`crate::health`].
#[derive(Debug)]
pub struct PoolHealth {
    members: Vec<Member>,
    /// Where a key goes while its server cannot be used.
    failover: Failover,
    slow_factor: u32,
    slow_floor: Duration,
    slow_windows: u32,
    /// How many servers may be out of use on soft evidence.
    soft_max: usize,
    window: Duration,
    /// When the next window ends.
    window_at: Instant,
    /// More servers look bad than may be, and it has been said.
    is_mass_failure: bool,
    events: Vec<Event>,
}

#[derive(Debug)]
struct Member {
    server: ServerId,
    health: Health,
    /// Its latency when it was last measured in use.
    latency: Option<Duration>,
    /// It was measured in the last window.
    is_measured: bool,
    /// For how many windows in a row it has been slow.
    slow_windows: u32,
}

/// What health says of a server to routing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SlowMember {
    idx: usize,
    latency: Duration,
    others: Duration,
}

impl Member {
    fn new(now: Instant, config: &PoolConfig, server: ServerId) -> Self {
        Self {
            server,
            health: Health::new(now, config.health.clone(), config.timeout),
            latency: None,
            is_measured: false,
            slow_windows: 0,
        }
    }

    fn measure(&mut self, now: Instant) {
        let measured = self.health.latency(now);
        self.is_measured = measured.is_some();
        if measured.is_some() || !self.health.state().is_usable() {
            self.latency = measured;
        }
    }
}

impl PoolHealth {
    /// All servers of a pool, taken to be Up. `servers` are their ids in the order of `config`.
    ///
    /// # Panics
    /// Unless there are as many ids as servers.
    pub fn new(
        now: Instant,
        config: &PoolConfig,
        servers: impl IntoIterator<Item = ServerId>,
    ) -> Self {
        let mut pool = Self {
            members: Vec::new(),
            soft_max: 1,
            failover: config.failover,
            slow_factor: config.health.slow_factor,
            slow_floor: config.health.slow_floor,
            slow_windows: config.health.slow_windows,
            window: config.health.window,
            window_at: now + config.health.window,
            is_mass_failure: false,
            events: Vec::new(),
        };
        pool.handle_config(now, config, servers);
        pool
    }

    /// The pool is configured otherwise: servers that were there keep what they are taken for, new
    /// ones are taken to be Up.
    ///
    /// # Panics
    /// Unless there are as many ids as servers.
    pub fn handle_config(
        &mut self,
        now: Instant,
        config: &PoolConfig,
        servers: impl IntoIterator<Item = ServerId>,
    ) {
        let mut before = std::mem::take(&mut self.members);
        for server in servers {
            let known = before.iter().position(|it| it.server == server);
            let mut member = match known {
                Some(idx) => before.swap_remove(idx),
                None => Member::new(now, config, server),
            };
            member.health.set_config(config.health.clone(), config.timeout);
            self.members.push(member);
        }
        assert_eq!(self.members.len(), config.servers.len(), "every server has an id");
        let percent = usize::try_from(config.health.soft_ejected_percent_max).unwrap_or(100);
        self.soft_max = (self.members.len() * percent / 100).max(1);
        self.failover = config.failover;
        self.slow_factor = config.health.slow_factor;
        self.slow_floor = config.health.slow_floor;
        self.slow_windows = config.health.slow_windows;
        self.window = config.health.window;
    }

    /// The pool is configured no more: it has no servers.
    pub fn handle_left(&mut self, now: Instant) {
        self.members.clear();
        self.is_mass_failure = false;
        self.window_at = now + self.window;
    }

    // What the servers are taken for.

    /// The pool's servers, in its order.
    pub fn servers(&self) -> impl Iterator<Item = ServerId> + '_ {
        self.members.iter().map(|member| member.server)
    }

    /// One server's machine.
    ///
    /// # Panics
    /// If it is not in this pool; so do all that name a server.
    pub fn server(&self, server: ServerId) -> &Health {
        &self.members[self.idx(server)].health
    }

    /// What each server is taken for, and since when, in the pool's order.
    pub fn states(&self) -> impl Iterator<Item = (ServerId, StateName, Instant)> + '_ {
        self.members.iter().map(|it| (it.server, it.health.state(), it.health.since()))
    }

    /// Writes what routing is to know of a server into its part of a table; true if that changes
    /// it.
    pub fn update_route(&self, server: ServerId, route: &mut ServerRoute) -> bool {
        let health = self.server(server);
        let before = *route;
        route.usable = health.usable();
        route.takes_writes = health.takes_writes();
        route.suspect_after = health.suspect_after();
        before.usable != route.usable
            || before.takes_writes != route.takes_writes
            || before.suspect_after != route.suspect_after
    }

    // Evidence from workers.

    /// A worker has reported something about one of the servers.
    pub fn handle_report(&mut self, now: Instant, report: &Report) {
        match report {
            Report::Failure(Outcome { server, failure, timeouts_in_a_row }) => {
                self.handle_failure(now, *server, *failure, *timeouts_in_a_row);
            }
            Report::Bulk { server } => {
                self.judge(now, *server, |health, _| health.handle_bulk(now));
            }
            Report::Overdue { server, waited } => self.handle_overdue(now, *server, *waited),
            Report::Tally { server, tally } => self.handle_tally(now, *server, tally),
            Report::Slow(_) => {}
        }
    }

    /// See [`Health::handle_failure`].
    pub fn handle_failure(
        &mut self,
        now: Instant,
        server: ServerId,
        failure: Failure,
        timeouts_in_a_row: u32,
    ) {
        self.judge(now, server, |health, peers| {
            health.handle_failure(now, failure, timeouts_in_a_row, peers);
        });
    }

    /// See [`Health::handle_overdue`].
    pub fn handle_overdue(&mut self, now: Instant, server: ServerId, waited: Duration) {
        self.judge(now, server, |health, _| health.handle_overdue(now, waited));
    }

    /// See [`Health::handle_tally`].
    pub fn handle_tally(&mut self, now: Instant, server: ServerId, tally: &Tally) {
        self.judge(now, server, |health, peers| health.handle_tally(now, tally, peers));
    }

    // Canaries.

    /// A canary to send now; call until `None`. Report each by [`PoolHealth::handle_canary`].
    pub fn poll_canary(&mut self, now: Instant) -> Option<(ServerId, Canary)> {
        self.members.iter_mut().find_map(|member| {
            let canary = member.health.poll_canary(now)?;
            Some((member.server, canary))
        })
    }

    /// See [`Health::handle_canary`].
    pub fn handle_canary(
        &mut self,
        now: Instant,
        server: ServerId,
        id: CanaryId,
        report: CanaryReport,
        random: &mut Random,
    ) {
        self.judge(now, server, |health, peers| {
            health.handle_canary(now, id, report, peers, random);
        });
    }

    // Orders.

    /// See [`Health::handle_order`].
    pub fn handle_order(&mut self, now: Instant, server: ServerId, order: Order) {
        self.judge(now, server, |health, _| health.handle_order(now, order));
    }

    // Judging.

    fn idx(&self, server: ServerId) -> usize {
        let idx = self.members.iter().position(|member| member.server == server);
        idx.expect("the caller knows which server is in which pool")
    }

    /// Gives one server's machine something to judge, and sees what follows for the others.
    fn judge(&mut self, now: Instant, server: ServerId, judge: impl FnOnce(&mut Health, Peers)) {
        let idx = self.idx(server);
        let peers = self.peers(idx);
        judge(&mut self.members[idx].health, peers);
        self.collect(idx);
        self.doubt_ourselves(now, idx);
        self.end_ramps(now);
    }

    /// A ramp spares the others' misses by leaving keys with them. Where no other server could have
    /// them it would spare nobody, and leave them without any.
    fn end_ramps(&mut self, now: Instant) {
        let has_all = |member: &Member| match member.health.state() {
            StateName::Up | StateName::Suspect => true,
            StateName::Down | StateName::Returning | StateName::Drained => false,
        };
        let is_of_use = match self.failover {
            Failover::None => false,
            Failover::Gutter => true,
            Failover::Next => self.members.iter().any(has_all),
        };
        if is_of_use {
            return;
        }
        for idx in 0..self.members.len() {
            self.members[idx].health.end_ramp(now);
            self.collect(idx);
        }
    }

    fn peers(&self, idx: usize) -> Peers {
        let others = self.softly_failing_len() - usize::from(self.is_softly_failing(idx));
        let soft = if others < self.soft_max { Soft::Ejects } else { Soft::IsDoubted };
        Peers { soft, slow_above: self.others(idx).map(|others| self.slow_above(others)) }
    }

    fn is_softly_failing(&self, idx: usize) -> bool {
        self.members[idx].health.is_softly_failing()
    }

    fn softly_failing_len(&self) -> usize {
        self.members.iter().filter(|member| member.health.is_softly_failing()).count()
    }

    /// If too many look bad, none stays ejected that has just been; said once.
    fn doubt_ourselves(&mut self, now: Instant, idx: usize) {
        let failing = self.softly_failing_len();
        let was_mass_failure = self.is_mass_failure;
        self.is_mass_failure = failing > self.soft_max;
        if !self.is_mass_failure || was_mass_failure {
            return;
        }
        let servers_len = self.members.len();
        let what = Happening::MassFailure { failing, servers_len };
        self.events.push(Event { at: now, server: self.members[idx].server, what });
        for other in 0..servers_len {
            let evidence = Evidence::Others { failing, servers_len };
            self.members[other].health.revoke(now, evidence);
            self.collect(other);
        }
    }

    fn collect(&mut self, idx: usize) {
        let member = &mut self.members[idx];
        let server = member.server;
        let happenings = member.health.drain_happenings();
        self.events.extend(happenings.map(|(at, what)| Event { at, server, what }));
    }

    // Slowness.

    /// The median of the other servers' latencies; of two the lower, so that of three servers two
    /// slow ones do not hide each other.
    fn others(&self, idx: usize) -> Option<Duration> {
        let others = self.members.iter().enumerate().filter(|(other, _)| *other != idx);
        let mut latencies: Vec<_> = others.filter_map(|(_, member)| member.latency).collect();
        latencies.sort_unstable();
        latencies.get(latencies.len().checked_sub(1)? / 2).copied()
    }

    fn slow_above(&self, others: Duration) -> Duration {
        others.saturating_mul(self.slow_factor).max(self.slow_floor)
    }

    fn handle_window_end(&mut self, now: Instant) {
        for member in &mut self.members {
            member.measure(now);
            member.health.handle_window_end(now);
        }
        let slow: Vec<_> =
            (0..self.members.len()).filter_map(|idx| self.slow_member(idx)).collect();
        for (idx, member) in self.members.iter_mut().enumerate() {
            let is_slow = slow.iter().any(|it| it.idx == idx);
            match (member.is_measured, is_slow) {
                // Without a request or a canary nothing is known, for better or worse.
                (false, _) => {}
                (true, true) => member.slow_windows = member.slow_windows.saturating_add(1),
                (true, false) => member.slow_windows = 0,
            }
        }
        let for_long = |it: &&SlowMember| {
            let member = &self.members[it.idx];
            member.is_measured && member.slow_windows >= self.slow_windows
        };
        let slow: Vec<_> = slow.iter().filter(for_long).copied().collect();
        self.eject_slow(now, &slow);
    }

    fn slow_member(&self, idx: usize) -> Option<SlowMember> {
        let latency = self.members[idx].latency?;
        let others = self.others(idx)?;
        (latency > self.slow_above(others)).then_some(SlowMember { idx, latency, others })
    }

    fn eject_slow(&mut self, now: Instant, slow: &[SlowMember]) {
        let Some(first) = slow.first() else { return };
        let failing_before = self.softly_failing_len();
        let new_len = slow.iter().filter(|it| !self.is_softly_failing(it.idx)).count();
        let (failing, servers_len) = (failing_before + new_len, self.members.len());
        if failing > self.soft_max {
            // Said when it begins: the windows before the last were not slow enough for it.
            let is_new =
                slow.iter().any(|it| self.members[it.idx].slow_windows == self.slow_windows);
            if is_new {
                let what = Happening::MassFailure { failing, servers_len };
                self.events.push(Event { at: now, server: self.members[first.idx].server, what });
            }
            return;
        }
        for SlowMember { idx, latency, others } in slow.iter().copied() {
            let member = &mut self.members[idx];
            let windows = std::mem::take(&mut member.slow_windows);
            member.health.eject_as_slow(now, Evidence::Slow { windows, latency, others });
            member.latency = None;
            self.collect(idx);
        }
    }

    // Time.

    /// Lets time take its course.
    pub fn handle_timeout(&mut self, now: Instant) {
        for idx in 0..self.members.len() {
            self.members[idx].health.handle_timeout(now);
            self.collect(idx);
        }
        if self.window_at <= now {
            self.window_at = now + self.window;
            self.handle_window_end(now);
        }
    }

    /// When to call [`PoolHealth::handle_timeout`] and [`PoolHealth::poll_canary`] next.
    pub fn next_timeout(&self) -> Option<Instant> {
        let members = self.members.iter().map(|member| member.health.next_timeout());
        members.fold(Some(self.window_at), earliest)
    }

    /// What has happened since the last call, oldest first.
    pub fn drain_events(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.events.drain(..)
    }
}

#[cfg(test)]
mod tests;
