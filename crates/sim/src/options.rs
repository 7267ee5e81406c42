//! What a run is made of: how many of everything, how likely everything is, how long it takes.
//!
//! A run is decided by its seed and these. [`Options::drawn`] draws them from the seed as well,
//! so that seeds differ in kind and not only in order: each run knows only some faults, some
//! limits are tight, some links slow. (Swarm testing: Groce and others, 2012.)

use std::time::Duration;

use evenkeel_core::config::{OnUnavailable, PoolConfig, Rejoin, ServerConfig};
use evenkeel_core::protocol::ParseLimits;
use evenkeel_core::recovery::RecoverySettings;
use evenkeel_core::session::SessionLimits;

use crate::dice::{Chance, Dice};
use crate::faults::FaultKind;
use crate::network::GIVE_UP_MAX;
use crate::sabotage::Sabotage;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many workers; each has its own connections to every server.
    pub workers_len: usize,
    /// How many applications; each has one session at a time, or is a caller.
    pub applications_len: usize,
    /// How many of them are callers: the first.
    pub callers_len: usize,
    /// The pool: its servers, timeouts, and health settings.
    pub pool: PoolConfig,
    /// Another, that prefix routes lead to ([`crate::routes`]); `None` if there are no routes.
    pub second: Option<PoolConfig>,
    /// What recovery from failures may do.
    pub recovery: RecoverySettings,
    /// The bounds of every session.
    pub limits: SessionLimits,
    /// How long things break. At least 1 s.
    pub chaos_interval: Duration,
    /// How long after the last fault everything must be as it was, at least. Traffic goes on.
    pub recovery_interval: Duration,
    /// The links.
    pub network: NetworkOptions,
    /// The workers' drivers.
    pub driver: DriverOptions,
    /// The control plane.
    pub control: ControlOptions,
    /// What the applications do.
    pub load: LoadOptions,
    /// What breaks.
    pub faults: FaultOptions,
    /// Who joins and leaves.
    pub membership: MembershipOptions,
    /// Whether P4 is judged. Where servers disorder responses it never is.
    pub judges_staleness: bool,
    /// What is done wrong on purpose, to see the checker find it.
    pub sabotage: Option<Sabotage>,
}

/// The links.
#[derive(Clone, Debug)]
pub struct NetworkOptions {
    /// The shortest time from one end to the other.
    pub latency_min: Duration,
    /// The longest, but for spikes.
    pub latency_max: Duration,
    /// How often something takes longer.
    pub spike_chance: Chance,
    /// How much longer at most. Far below every timeout: a spike is no fault.
    pub spike_max: Duration,
    /// How many bytes a direction holds before its writer must wait.
    pub buffer_len: usize,
    /// How often a write takes less than there is room for.
    pub partial_write_chance: Chance,
    /// How often what was written at once arrives in two pieces.
    pub split_chance: Chance,
}

/// The workers' drivers.
#[derive(Clone, Debug)]
pub struct DriverOptions {
    /// The longest time from something to do to the turn that does it.
    pub turn_latency_max: Duration,
    /// How often a read takes less than there is.
    pub partial_read_chance: Chance,
}

/// The control plane.
#[derive(Clone, Debug)]
pub struct ControlOptions {
    /// The longest time from a failure to the control plane's knowing.
    pub evidence_lag_max: Duration,
    /// The longest time from a new table to a worker's using it, for each worker anew.
    pub table_lag_max: Duration,
    /// How often a worker's lag is that long, rather than a tenth of it.
    pub long_lag_chance: Chance,
}

/// What the applications do.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// How many keys they share. Counters are as many again by a quarter.
    pub keys_len: usize,
    /// Which requests they send.
    pub mix: Mix,
    /// The longest pause of an application between two bursts.
    pub pause_max: Duration,
    /// The most requests in one burst.
    pub burst_max: usize,
    /// The most keys of one retrieval.
    pub keys_per_get_max: usize,
    /// How often a request is a meta request.
    pub meta_chance: Chance,
    /// How often a request that can be is `noreply` or quiet.
    pub quiet_chance: Chance,
    /// How often a request is bad input.
    pub bad_chance: Chance,
    /// How often a request is `flush_all`.
    pub flush_chance: Chance,
    /// How often a request is about one of few keys that everybody uses.
    pub hot_chance: Chance,
    /// How often a request reads the key whose change was last acknowledged to anybody.
    pub echo_chance: Chance,
    /// How often a key is named by a prefix that has a route, if there are routes.
    pub routed_chance: Chance,
    /// How often a request uses a key as a lock, by `add` and `delete`.
    pub lock_chance: Chance,
    /// How often a value that is written expires soon.
    pub expiring_chance: Chance,
    /// How often a value is [`LoadOptions::BIG_LEN_MAX`] long at most, rather than 100 bytes.
    pub big_chance: Chance,
    /// How often an application goes away instead of sending a burst.
    pub leave_chance: Chance,
    /// How often a caller that has made some calls gives up half of what it waits for.
    pub give_up_chance: Chance,
    /// How often a caller gives a call less time than the pool would.
    pub hurry_chance: Chance,
    /// How often it stops reading for a while instead.
    pub deaf_chance: Chance,
    /// How long it stops reading at most.
    pub deaf_interval_max: Duration,
}

/// Which requests applications send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// All there are.
    Everything,
    /// `set` only: no response can be told from the next.
    Sets,
}

impl LoadOptions {
    /// The longest value written, in bytes.
    pub const BIG_LEN_MAX: usize = 24 * 1024;
}

/// What breaks.
#[derive(Clone, Debug)]
pub struct FaultOptions {
    /// The kinds that this run knows; those named twice come twice as often.
    pub kinds: Vec<FaultKind>,
    /// The longest time from one fault to the next.
    pub pause_max: Duration,
    /// The longest time a fault lasts.
    pub interval_max: Duration,
    /// How often the next fault comes while the last one lasts or right after it, and to another
    /// server: to the one that stands in for the first, if there are two.
    pub follow_chance: Chance,
    /// How often a fault strikes all servers at once.
    pub everywhere_chance: Chance,
    /// How often a server with a fault in what it says does so in a response.
    pub lie_chance: Chance,
}

/// Who joins and leaves.
#[derive(Clone, Debug)]
pub struct MembershipOptions {
    /// How many of the pool's servers are not in it at first: the last.
    pub outside_len: usize,
    /// The longest time from one change to the next; `None` if there is none.
    pub pause_max: Option<Duration>,
}

/// The phases of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Things break.
    Chaos,
    /// Nothing breaks any more; traffic goes on.
    Recovery,
    /// Applications send nothing more and collect what they are owed.
    Drain,
    /// Everything must work.
    Service,
    /// All must have been said.
    End,
}

impl Options {
    /// A run in which nothing breaks: one worker, three servers, four applications.
    pub fn calm() -> Self {
        Self {
            workers_len: 1,
            applications_len: 4,
            callers_len: 0,
            pool: pool(3),
            second: None,
            recovery: RecoverySettings {
                rejoin: Rejoin::Clean,
                settle_interval: Duration::from_millis(350),
                late_write_grace: Duration::from_secs(1),
                failover_ttl: Duration::from_mins(1),
                misplaced_bytes_max: 64 * 1024 * 1024,
            },
            limits: SessionLimits {
                parse: ParseLimits { item_size_max: 64 * 1024, keys_per_get_max: 100 },
                requests_in_flight_max: 1000,
                output_max: 1024 * 1024,
            },
            chaos_interval: Duration::from_secs(4),
            recovery_interval: Duration::from_secs(6),
            network: NetworkOptions {
                latency_min: Duration::from_micros(20),
                latency_max: Duration::from_micros(200),
                spike_chance: Chance::permille(5),
                spike_max: Duration::from_millis(5),
                buffer_len: 64 * 1024,
                partial_write_chance: Chance::percent(5),
                split_chance: Chance::percent(10),
            },
            driver: DriverOptions {
                turn_latency_max: Duration::from_micros(100),
                partial_read_chance: Chance::percent(10),
            },
            control: ControlOptions {
                evidence_lag_max: Duration::from_millis(1),
                table_lag_max: Duration::from_millis(50),
                long_lag_chance: Chance::percent(10),
            },
            load: LoadOptions::new(),
            faults: FaultOptions {
                kinds: Vec::new(),
                pause_max: Duration::from_millis(700),
                interval_max: Duration::from_millis(1500),
                follow_chance: Chance::percent(20),
                everywhere_chance: Chance::percent(5),
                lie_chance: Chance::percent(20),
            },
            membership: MembershipOptions { outside_len: 0, pause_max: None },
            judges_staleness: true,
            sabotage: None,
        }
    }

    /// What seed `seed` runs by default.
    pub fn drawn(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ OPTIONS_SALT);
        let mut options = Self::calm();
        options.workers_len = dice.between(1, 3);
        options.applications_len = dice.between(1, 6);
        options.pool = pool(dice.between(1, 5));
        if dice.happens(Chance::percent(15)) {
            options.pool.on_unavailable = OnUnavailable::Error;
        }
        if dice.happens(Chance::percent(20)) {
            // A handful of keys.
            options.recovery.misplaced_bytes_max = dice.pick(&[500, 2000]);
            options.recovery.failover_ttl = Duration::from_secs(dice.pick(&[2, 5]));
        }
        options.pool.health.mass_failure_hold = Duration::from_millis(dice.pick(&[0, 500, 5000]));
        options.draw_limits(&mut dice);
        options.draw_network(&mut dice);
        options.draw_load(&mut dice);
        options.draw_faults(&mut dice);
        options.draw_callers(&mut dice);
        options.draw_membership(&mut dice);
        options.draw_routes(&mut dice);
        options
    }

    fn draw_limits(&mut self, dice: &mut Dice) {
        if dice.happens(Chance::percent(30)) {
            self.limits.requests_in_flight_max = dice.between(1, 20);
        }
        if dice.happens(Chance::percent(30)) {
            self.limits.output_max = dice.between(1, 300) * 1024;
        }
        if dice.happens(Chance::percent(20)) {
            self.pool.attempts_in_flight_max = dice.between(8, 30);
        }
    }

    fn draw_network(&mut self, dice: &mut Dice) {
        let micros = |dice: &mut Dice, max| Duration::from_micros(dice.between(50, max) as u64);
        self.network.latency_max = micros(dice, 2000);
        self.network.buffer_len = dice.pick(&[2, 8, 64, 256]) * 1024;
        self.network.partial_write_chance = Chance::percent(dice.pick(&[0, 2, 20]));
        self.network.split_chance = Chance::percent(dice.pick(&[0, 5, 30]));
        self.driver.turn_latency_max = micros(dice, 1000);
        self.driver.partial_read_chance = Chance::percent(dice.pick(&[0, 5, 30]));
        self.control.table_lag_max = Duration::from_millis(dice.pick(&[1, 20, 300, 1000]));
        self.control.long_lag_chance = Chance::percent(dice.pick(&[10, 50]));
    }

    fn draw_load(&mut self, dice: &mut Dice) {
        let load = &mut self.load;
        load.keys_len = dice.pick(&[2, 10, 40]);
        if dice.happens(Chance::percent(10)) {
            load.mix = Mix::Sets;
        }
        load.pause_max = Duration::from_millis(dice.pick(&[10, 30, 100]));
        load.burst_max = dice.pick(&[1, 4, 16]);
        load.meta_chance = Chance::percent(dice.pick(&[0, 30, 90]));
        load.quiet_chance = Chance::percent(dice.pick(&[0, 10, 40]));
        load.big_chance = Chance::percent(dice.pick(&[0, 2, 20]));
        load.flush_chance = Chance::permille(dice.pick(&[0, 5]));
        load.hot_chance = Chance::percent(dice.pick(&[0, 20, 60]));
        load.echo_chance = Chance::percent(dice.pick(&[0, 10, 30]));
        load.lock_chance = Chance::percent(dice.pick(&[0, 5]));
        load.expiring_chance = Chance::percent(dice.pick(&[0, 5, 30]));
        load.leave_chance = Chance::percent(dice.pick(&[0, 1, 5]));
        load.deaf_chance = Chance::percent(dice.pick(&[0, 1, 3]));
    }

    fn draw_faults(&mut self, dice: &mut Dice) {
        let faults = &mut self.faults;
        // Where responses change places little else can be judged.
        let is_orderly = dice.happens(Chance::percent(75));
        let kinds = FaultKind::ALL.into_iter().filter(|kind| !(is_orderly && kind.disorders()));
        let kinds: Vec<_> = kinds.collect();
        let kinds_len = dice.between(1, 5);
        faults.kinds = (0..kinds_len).map(|_| dice.pick(&kinds)).collect();
        faults.pause_max = Duration::from_millis(dice.pick(&[200, 700, 2000]));
        faults.interval_max = Duration::from_millis(dice.pick(&[100, 500, 2500]));
        faults.follow_chance = Chance::percent(dice.pick(&[0, 20, 80]));
        if dice.happens(Chance::percent(20)) {
            self.chaos_interval = LONG_CHAOS_INTERVAL;
            faults.interval_max = Duration::from_millis(dice.pick(&[2500, 6000]));
        }
        faults.lie_chance = Chance::percent(dice.pick(&[2, 20, 100]));
    }

    fn draw_callers(&mut self, dice: &mut Dice) {
        let all = self.applications_len;
        self.callers_len = dice.pick(&[0, 0, 0, all.div_ceil(2), all]);
        self.load.give_up_chance = Chance::percent(dice.pick(&[0, 5, 30]));
        self.load.hurry_chance = Chance::percent(dice.pick(&[0, 10, 50]));
    }

    fn draw_membership(&mut self, dice: &mut Dice) {
        if dice.happens(Chance::percent(70)) {
            return;
        }
        let outside_len = dice.between(0, 2);
        self.pool.servers = pool(self.pool.servers.len() + outside_len).servers;
        let pause_max = Duration::from_millis(dice.pick(&[300, 1000, 3000]));
        self.membership = MembershipOptions { outside_len, pause_max: Some(pause_max) };
    }

    fn draw_routes(&mut self, dice: &mut Dice) {
        if dice.happens(Chance::percent(70)) {
            return;
        }
        let mut second = second_pool(dice.between(1, 3));
        second.health.mass_failure_hold = self.pool.health.mass_failure_hold;
        second.attempts_in_flight_max = self.pool.attempts_in_flight_max;
        if dice.happens(Chance::percent(20)) {
            second.on_unavailable = OnUnavailable::Error;
        }
        if dice.happens(Chance::percent(30)) {
            let hasty =
                if dice.happens(Chance::percent(50)) { &mut self.pool } else { &mut second };
            hasty.timeout = Duration::from_millis(150);
            hasty.deadline = Duration::from_millis(200);
        }
        // What is demanded in the end must fit, with prefixes.
        self.limits.output_max = self.limits.output_max.max(2 * 1024);
        self.second = Some(second);
    }

    /// How many servers are in the pool at first.
    pub fn members_len(&self) -> usize {
        self.pool.servers.len() - self.membership.outside_len
    }

    /// Whether servers answer in order, so that what carries no key is the right one's.
    pub fn is_orderly(&self) -> bool {
        !self.faults.kinds.iter().any(FaultKind::disorders)
    }

    /// How much later than its time a worker may do something.
    pub fn scheduling_step(&self) -> Duration {
        self.driver.turn_latency_max
    }

    /// How long after the last fault everything must be as it was. Kernels have given up by then
    /// on what went into a black hole.
    pub fn recovery_interval(&self) -> Duration {
        if self.faults.kinds.contains(&FaultKind::Blackhole) {
            return self.recovery_interval.max(GIVE_UP_MAX + GIVE_UP_SLACK);
        }
        self.recovery_interval
    }

    /// How long after the last request everything must have been said.
    pub fn drain_interval(&self) -> Duration {
        self.deadline(&[]) + self.load.deaf_interval_max + DRAIN_SLACK
    }
}

impl LoadOptions {
    fn new() -> Self {
        Self {
            keys_len: 20,
            mix: Mix::Everything,
            pause_max: Duration::from_millis(20),
            burst_max: 6,
            keys_per_get_max: 12,
            meta_chance: Chance::percent(30),
            quiet_chance: Chance::percent(10),
            bad_chance: Chance::percent(2),
            flush_chance: Chance::permille(2),
            hot_chance: Chance::percent(20),
            echo_chance: Chance::percent(10),
            routed_chance: Chance::percent(70),
            lock_chance: Chance::percent(5),
            expiring_chance: Chance::percent(5),
            big_chance: Chance::percent(3),
            leave_chance: Chance::percent(1),
            give_up_chance: Chance::percent(5),
            hurry_chance: Chance::percent(10),
            deaf_chance: Chance::percent(1),
            deaf_interval_max: Duration::from_millis(500),
        }
    }
}

/// A pool of so many servers with everything else at its default, but for holds and ramps.
pub fn pool(servers_len: usize) -> PoolConfig {
    pool_in("main", "10.0.0", servers_len)
}

/// The same, for [`Options::second`].
pub fn second_pool(servers_len: usize) -> PoolConfig {
    pool_in("second", "10.0.1", servers_len)
}

fn pool_in(name: &str, network: &str, servers_len: usize) -> PoolConfig {
    let servers = (1..=servers_len).map(|number| {
        let address = format!("{network}.{number}:11211");
        ServerConfig::new(address.parse().expect("a number is an address's last part"))
    });
    let name = name.parse().expect("a plain word is a name");
    let mut pool = PoolConfig::new(name, servers.collect());
    // A run is short, and in its end every server must be Up.
    pool.health.flap_hold_min = Duration::from_millis(100);
    pool.health.flap_hold_max = Duration::from_secs(1);
    pool.health.ramp = Duration::from_secs(1);
    pool
}

/// So that options and run draw different numbers from one seed.
const OPTIONS_SALT: u64 = 0x0da7_5ec0_0f5e_ed00;

/// Long enough for kernels to give up and for long faults to follow one another.
const LONG_CHAOS_INTERVAL: Duration = Duration::from_secs(14);

/// Time to forget the resets that come when kernels give up.
const GIVE_UP_SLACK: Duration = Duration::from_secs(3);

/// Time for what is on its way through slow links and small buffers. A session that has one request
/// in flight at a time sends a value of 64 KiB through a buffer of 2 KiB in 32 round trips of some
/// 4 ms, and dozens of requests may wait behind it. And where there was no room for misplaced keys,
/// servers take moved keys again `failover_ttl` (here 5 s) and 2 s after the last request.
const DRAIN_SLACK: Duration = Duration::from_secs(7);
