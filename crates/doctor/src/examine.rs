//! Asks servers everything there is to ask, within a deadline.
//!
//! # Order
//! Connect, then the probe, then the figures a first time; whatever else can be asked; the figures
//! again when [`Options::interval`] has passed; last the canary keys whose expiry has passed by
//! then. The probe comes before the first figures, so that what happens between the two is the
//! traffic of others.
//!
//! # Limits
//! A server is given up when [`Options::budget`] has passed, and a step after
//! [`Options::step_timeout`]. What is known by then is kept.
//! At most [`Options::servers_at_once`] are examined at a time.

pub(crate) mod dial;
pub(crate) mod memcached;
mod redis;
mod stall;

use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::facts::{Gap, Group, Probe, ProxyFacts, Says, ServerFacts};
use crate::target::{Protocol, Target};

pub(crate) use memcached::MemcachedLine;
pub(crate) use redis::RedisLine;

/// How thoroughly and for how long servers are examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How far apart the two samples of a server's figures are: rates are taken between them.
    pub interval: Duration,
    /// How long one answer is waited for.
    pub step_timeout: Duration,
    /// How long one server's examination takes at most, besides the interval.
    pub budget: Duration,
    /// How many servers are examined at a time: each takes up to [`FILES_OF_SERVER`] files. At least
    /// one is.
    pub servers_at_once: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(2),
            step_timeout: Duration::from_secs(1),
            budget: Duration::from_millis(2_500),
            servers_at_once: SERVERS_AT_ONCE,
        }
    }
}

/// Everything that was seen.
#[derive(Clone, Debug)]
pub struct Examination {
    /// When it began.
    pub at: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// Each server, in the order of the targets.
    pub servers: Vec<ServerFacts>,
    /// Each running proxy that was asked, by whoever asked it.
    pub proxies: Vec<ProxyFacts>,
    /// Which servers should be alike.
    pub groups: Vec<Group>,
}

impl Examination {
    /// A server that was examined, by its name.
    pub fn server(&self, name: &str) -> Option<&ServerFacts> {
        self.servers.iter().find(|facts| facts.target.name == name)
    }
}

/// Examines all targets, many at a time.
pub async fn examine(targets: Vec<Target>, options: Options) -> Examination {
    let (at, begun_at) = (SystemTime::now(), Instant::now());
    let mut waiting = targets.into_iter().enumerate();
    let mut running = JoinSet::new();
    let mut servers = Vec::new();
    loop {
        while running.len() < options.servers_at_once.max(1)
            && let Some((idx, target)) = waiting.next()
        {
            running.spawn(async move { (idx, examine_one(target, options).await) });
        }
        match running.join_next().await {
            Some(Ok(server)) => servers.push(server),
            Some(Err(error)) => std::panic::resume_unwind(error.into_panic()),
            None => break,
        }
    }
    servers.sort_by_key(|(idx, _)| *idx);
    let servers = servers.into_iter().map(|(_, facts)| facts).collect();
    Examination { at, took: begun_at.elapsed(), servers, proxies: Vec::new(), groups: Vec::new() }
}

/// Examines one server.
async fn examine_one(target: Target, options: Options) -> ServerFacts {
    let (at, begun_at) = (SystemTime::now(), Instant::now());
    let mut notes = Notes::new(options, begun_at);
    let reach = match &target.protocol {
        Protocol::Memcached => memcached::examine(&target, &mut notes).await,
        Protocol::Redis(_) => redis::examine(&target, &mut notes).await,
    };
    let Notes { probe, says, gaps, .. } = notes;
    ServerFacts { target, at, took: begun_at.elapsed(), reach, probe, says, gaps }
}

/// Why a server that was told something has not said yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unheard {
    /// It answered that it will not or cannot, in these words. Nothing was changed.
    Refused(String),
    /// No answer came. It may have been done.
    Broken(String),
}

/// What one server's examination has brought so far, and how long it may go on.
#[derive(Debug)]
struct Notes {
    options: Options,
    /// When the examination must be over.
    deadline: Instant,
    probe: Probe,
    says: Option<Says>,
    gaps: Vec<Gap>,
}

impl Notes {
    fn new(options: Options, begun_at: Instant) -> Self {
        let deadline = begun_at + options.interval + options.budget;
        Self { options, deadline, probe: Probe::default(), says: None, gaps: Vec::new() }
    }

    /// When a step that begins now must be over.
    fn step_deadline(&self) -> Instant {
        self.deadline.min(Instant::now() + self.options.step_timeout)
    }

    fn gap(&mut self, what: impl Into<String>, why: &dyn ToString) {
        self.gaps.push(Gap { what: what.into(), why: why.to_string() });
    }
}

/// How many servers are examined at a time if there are files enough.
pub const SERVERS_AT_ONCE: usize = 64;
/// How many files a server's examination has open at most: a connection that asks, one for the key
/// whose expiry is watched, and ten of the probe.
pub const FILES_OF_SERVER: usize = 12;
