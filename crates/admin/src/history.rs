//! The last minutes, second by second.
//!
//! `Past` is shown all servers and pools once a second and keeps what changed since: what it is
//! not shown in time is a second of which nothing is known. It keeps [`SECONDS_MAX`] seconds, or
//! fewer if there are so many servers that this would take too much memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use evenkeel_api::{ApiFailure, History, PoolHistory, ServerHistory};
use evenkeel_control::Handle;
use evenkeel_control::directory::ServerNames;
use evenkeel_control::figures::Totals;
use evenkeel_control::view::{PoolView, ServerView};
use evenkeel_core::Instant;
use evenkeel_core::config::PoolName;
use evenkeel_core::event::StateName;
use evenkeel_core::protocol::request::Class;
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::router::App;
use crate::status::hit_percent;
use crate::time::written;

/// The longest time that is remembered, in seconds.
pub const SECONDS_MAX: usize = 600;

/// At most so many seconds of one server each are kept: some 30 MB.
const SERVER_SECONDS_MAX: usize = 600_000;

/// How far into each second it is looked at: in the middle, where a look that is a little early or
/// late still belongs to it.
const OFFSET: Duration = Duration::from_millis(500);

/// How much of the past.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuery {
    /// How many seconds of it are wanted at most.
    #[serde(default = "seconds_default")]
    seconds: usize,
}

fn seconds_default() -> usize {
    SECONDS_MAX
}

/// The last minutes, second by second.
#[utoipa::path(
    get,
    path = "/api/v1/history",
    tag = "status",
    params(("seconds" = Option<u32>, Query, description = "How many are wanted at most; 600 if it is left out", minimum = 1, maximum = 600)),
    responses(
        (status = 200, description = "Columns of equal length.", body = History),
        (status = 400, description = "The number is out of range.", body = ApiFailure),
    ),
)]
pub(crate) async fn history(
    State(app): State<App>,
    query: Result<Query<HistoryQuery>, QueryRejection>,
) -> Result<Json<History>, Refusal> {
    let Query(HistoryQuery { seconds }) = query?;
    if !(1..=SECONDS_MAX).contains(&seconds) {
        let message =
            format!("seconds={seconds} is out of range; choose a number from 1 to {SECONDS_MAX}");
        return Err(Refusal::BadRequest(message));
    }
    Ok(Json(app.recorder.past().last(seconds, &app.subject.handle)))
}

/// What happened in the last seconds.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// Without gaps; the newest is the last.
    seconds: VecDeque<Second>,
    /// Seconds of one server each, in all.
    server_seconds: usize,
    /// What each server had done when it was looked at last.
    before: BTreeMap<ServerNames, Totals>,
    /// When that was; the start if it never was.
    looked_at: Instant,
}

/// One second.
#[derive(Debug)]
struct Second {
    /// Its number since the process started.
    number: u64,
    who: Arc<Who>,
    /// As in `who`.
    pools: Vec<PoolSecond>,
    /// As in `who`.
    servers: Vec<ServerSecond>,
}

/// Who was there; one for as long as nobody comes or goes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Who {
    pools: Vec<PoolName>,
    servers: Vec<ServerNames>,
}

#[derive(Clone, Copy, Debug)]
struct PoolSecond {
    hit_percent: Option<f64>,
    misplaced_keys: u64,
}

#[derive(Clone, Copy, Debug)]
struct ServerSecond {
    state: StateName,
    requests: f64,
    errors: f64,
    /// The 50th, 95th and 99th percentile.
    percentiles_us: Option<[u64; 3]>,
}

impl Past {
    /// How long to wait from now on until it wants to look.
    pub(crate) fn first_wait(now: Instant) -> Duration {
        let into_second = Duration::from_nanos(now.as_nanos() % 1_000_000_000);
        (Duration::from_secs(1) + OFFSET).saturating_sub(into_second)
    }

    /// Looks at everybody.
    pub(crate) fn note(&mut self, now: Instant, servers: Vec<ServerView>, pools: &[PoolView]) {
        let number = now.as_nanos() / 1_000_000_000;
        let elapsed = now.saturating_since(self.looked_at);
        self.looked_at = now;
        let who = self.who(&servers, pools);
        let mut keys: BTreeMap<PoolName, (u64, u64)> = BTreeMap::new();
        let mut before = std::mem::take(&mut self.before);
        let mut seconds = Vec::with_capacity(servers.len());
        for ServerView { names, standing, totals, .. } in servers {
            let earlier = before.remove(&*names).unwrap_or_default();
            let (hits, misses) = keys.entry(names.pool.clone()).or_default();
            *hits += totals.hits.saturating_sub(earlier.hits);
            *misses += totals.misses.saturating_sub(earlier.misses);
            seconds.push(server_second(standing.state, &earlier, &totals, elapsed));
            self.before.insert(ServerNames::clone(&names), totals);
        }
        let pools = pools.iter().map(|pool| {
            let (hits, misses) = keys.get(&pool.config.name).copied().unwrap_or_default();
            let misplaced_keys = pool.misplaced_keys as u64;
            PoolSecond { hit_percent: hit_percent(hits, misses), misplaced_keys }
        });
        self.push(Second { number, who, pools: pools.collect(), servers: seconds });
    }

    fn who(&self, servers: &[ServerView], pools: &[PoolView]) -> Arc<Who> {
        let who = Who {
            pools: pools.iter().map(|it| it.config.name.clone()).collect(),
            servers: servers.iter().map(|it| ServerNames::clone(&it.names)).collect(),
        };
        let last = self.seconds.iter().rev().find(|second| *second.who == who);
        last.map_or_else(|| Arc::new(who), |second| Arc::clone(&second.who))
    }

    fn push(&mut self, second: Second) {
        if let Some(last) = self.seconds.back().map(|last| last.number) {
            if second.number <= last {
                return;
            }
            // Of seconds that were missed nothing is known.
            let first_missed = (last + 1).max(second.number.saturating_sub(SECONDS_MAX as u64));
            for number in first_missed..second.number {
                let who = Arc::default();
                self.seconds.push_back(Second { number, who, pools: vec![], servers: vec![] });
            }
        }
        self.server_seconds += second.servers.len();
        self.seconds.push_back(second);
        while self.seconds.len() > SECONDS_MAX
            || (self.server_seconds > SERVER_SECONDS_MAX && self.seconds.len() > 1)
        {
            let oldest = self.seconds.pop_front().expect("there is more than one");
            self.server_seconds -= oldest.servers.len();
        }
    }

    /// The last seconds of those who are there now.
    fn last(&self, seconds: usize, handle: &Handle) -> History {
        let len = seconds.min(self.seconds.len());
        let seconds: Vec<_> = self.seconds.range(self.seconds.len() - len..).collect();
        let who = seconds.last().map(|second| Arc::clone(&second.who)).unwrap_or_default();
        let first = seconds.first().map_or(0, |second| second.number);
        let first_at = Instant::ZERO + (Duration::from_secs(first)).saturating_sub(OFFSET);
        let of_pool = |(idx, pool): (usize, &PoolName)| PoolHistory {
            pool: pool.to_string(),
            hit_percent: column(&seconds, |it| it.pool(&who, idx)?.hit_percent),
            misplaced_keys: column(&seconds, |it| Some(it.pool(&who, idx)?.misplaced_keys)),
            servers: servers_of(pool, &who, &seconds),
        };
        History {
            first_at: written(handle.wall_time(first_at)),
            interval_seconds: 1,
            len,
            pools: who.pools.iter().enumerate().map(of_pool).collect(),
        }
    }
}

fn servers_of(pool: &PoolName, who: &Arc<Who>, seconds: &[&Second]) -> Vec<ServerHistory> {
    let described = |(idx, names): (usize, &ServerNames)| {
        let cells: Vec<_> = column(seconds, |it| it.server(who, idx).copied());
        let percentile = |which: usize| {
            let cell = |it: &Option<ServerSecond>| Some(it.as_ref()?.percentiles_us?[which]);
            cells.iter().map(cell).collect()
        };
        let state = |it: ServerSecond| it.state.label().to_owned();
        ServerHistory {
            server: names.server.clone(),
            state: cells.iter().map(|it| it.map(state)).collect(),
            requests: cells.iter().map(|it| it.map(|it| it.requests)).collect(),
            errors: cells.iter().map(|it| it.map(|it| it.errors)).collect(),
            p50_us: percentile(0),
            p95_us: percentile(1),
            p99_us: percentile(2),
        }
    };
    let of_pool = who.servers.iter().enumerate().filter(|(_, names)| names.pool == *pool);
    of_pool.map(described).collect()
}

fn column<T>(seconds: &[&Second], cell: impl Fn(&Second) -> Option<T>) -> Vec<Option<T>> {
    seconds.iter().map(|second| cell(second)).collect()
}

impl Second {
    /// What is known of the pool that is at this place of `who`.
    fn pool(&self, who: &Arc<Who>, idx: usize) -> Option<&PoolSecond> {
        if Arc::ptr_eq(&self.who, who) {
            return self.pools.get(idx);
        }
        let there = self.who.pools.iter().position(|it| *it == who.pools[idx])?;
        self.pools.get(there)
    }

    /// What is known of the server that is at this place of `who`.
    fn server(&self, who: &Arc<Who>, idx: usize) -> Option<&ServerSecond> {
        if Arc::ptr_eq(&self.who, who) {
            return self.servers.get(idx);
        }
        let there = self.who.servers.iter().position(|it| *it == who.servers[idx])?;
        self.servers.get(there)
    }
}

fn server_second(
    state: StateName,
    earlier: &Totals,
    totals: &Totals,
    elapsed: Duration,
) -> ServerSecond {
    ServerSecond {
        state,
        requests: rate(totals.attempts().saturating_sub(earlier.attempts()), elapsed),
        errors: rate(totals.failed().saturating_sub(earlier.failed()), elapsed),
        percentiles_us: percentiles_us(latencies(earlier), latencies(totals)),
    }
}

/// So many per second, to a tenth.
fn rate(count: u64, elapsed: Duration) -> f64 {
    let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { (count / seconds * 10.0).round() / 10.0 } else { 0.0 }
}

/// How many responses took so long, of all classes.
fn latencies(totals: &Totals) -> impl Iterator<Item = (Duration, u64)> {
    Class::ALL.into_iter().flat_map(|class| totals.of_class(class).latencies.iter().copied())
}

/// The percentiles of what was counted between the two.
fn percentiles_us(
    earlier: impl Iterator<Item = (Duration, u64)>,
    later: impl Iterator<Item = (Duration, u64)>,
) -> Option<[u64; 3]> {
    let mut counts: BTreeMap<Duration, u64> = BTreeMap::new();
    for (took, count) in later {
        *counts.entry(took).or_default() += count;
    }
    for (took, count) in earlier {
        let left = counts.entry(took).or_default();
        *left = left.saturating_sub(count);
    }
    let len: u64 = counts.values().sum();
    let percentile = |percent: u64| {
        let wanted = (len * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = counts.iter().find(|(_, count)| {
            seen += **count;
            seen >= wanted
        });
        found.and_then(|(took, _)| u64::try_from(took.as_micros()).ok())
    };
    Some([percentile(50)?, percentile(95)?, percentile(99)?])
}

#[cfg(test)]
mod tests;
