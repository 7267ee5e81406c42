//! The order of the servers on the screen.

use std::cmp::Ordering;

use evenkeel_api::{Pool, Server};

use crate::status::hit_percent;

/// What the servers are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SortBy {
    /// The order of the configuration.
    Configuration,
    Name,
    State,
    Requests,
    Hits,
    Errors,
    Latency,
    Misplaced,
}

/// By what, and whether the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sort {
    pub(super) by: SortBy,
    pub(super) is_reversed: bool,
}

impl Sort {
    /// As the configuration has them.
    pub(super) const START: Self = Self { by: SortBy::Configuration, is_reversed: false };

    /// By the next column.
    pub(super) fn next(self) -> Self {
        let place = SortBy::ALL.iter().position(|by| *by == self.by).unwrap_or(0);
        Self { by: SortBy::ALL[(place + 1) % SortBy::ALL.len()], is_reversed: false }
    }

    /// The other way round.
    pub(super) fn reversed(self) -> Self {
        Self { is_reversed: !self.is_reversed, ..self }
    }

    /// All servers in this order; those that are equal as the configuration has them.
    pub(super) fn sorted(self, pools: &[Pool]) -> Vec<&Server> {
        let mut servers: Vec<_> = pools.iter().flat_map(|pool| &pool.servers).collect();
        servers.sort_by(|one, other| self.by.compare(one, other));
        if self.is_reversed {
            servers.reverse();
        }
        servers
    }
}

impl SortBy {
    const ALL: [Self; 8] = [
        Self::Configuration,
        Self::Name,
        Self::State,
        Self::Requests,
        Self::Hits,
        Self::Errors,
        Self::Latency,
        Self::Misplaced,
    ];

    /// What somebody looks for comes first: the worst, or the most.
    fn compare(self, one: &Server, other: &Server) -> Ordering {
        match self {
            Self::Configuration => Ordering::Equal,
            Self::Name => (&one.pool, &one.name).cmp(&(&other.pool, &other.name)),
            Self::State => badness(one).cmp(&badness(other)).reverse(),
            Self::Requests => other.rates.requests.total_cmp(&one.rates.requests),
            Self::Hits => share(one).total_cmp(&share(other)),
            Self::Errors => other.rates.errors.total_cmp(&one.rates.errors),
            Self::Latency => p99_us(other).cmp(&p99_us(one)),
            Self::Misplaced => other.misplaced_keys.cmp(&one.misplaced_keys),
        }
    }
}

/// The 99th percentile over the last ten seconds, in microseconds.
pub(super) fn p99_us(server: &Server) -> Option<u64> {
    server.latencies.all.as_ref().map(|all| all.p99_us)
}

/// A server that was asked for nothing comes last.
fn share(server: &Server) -> f64 {
    hit_percent(server).unwrap_or(f64::INFINITY)
}

fn badness(server: &Server) -> u8 {
    match server.state.as_str() {
        "down" => 4,
        "suspect" => 3,
        "returning" => 2,
        "drained" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[track_caller]
    fn check(by: SortBy, is_reversed: bool, expected: [&str; 3]) {
        let status = samples::status();
        let sorted = Sort { by, is_reversed }.sorted(&status.pools);
        let names: Vec<_> = sorted.iter().map(|server| server.name.as_str()).collect();
        assert_eq!(names, expected, "{by:?}");
    }

    #[test]
    fn what_is_looked_for_comes_first() {
        let a = "10.0.0.1:11211";
        check(SortBy::Configuration, false, [a, "b", "c"]);
        check(SortBy::Configuration, true, ["c", "b", a]);
        check(SortBy::Name, false, [a, "b", "c"]);
        check(SortBy::State, false, ["b", "c", a]);
        check(SortBy::Requests, false, [a, "c", "b"]);
        check(SortBy::Hits, false, [a, "c", "b"]);
        check(SortBy::Errors, false, ["c", a, "b"]);
        check(SortBy::Latency, false, [a, "c", "b"]);
        check(SortBy::Misplaced, false, ["b", a, "c"]);
    }

    #[test]
    fn every_column_has_its_turn() {
        let mut sort = Sort::START;
        for by in SortBy::ALL {
            assert_eq!(sort.by, by);
            sort = sort.reversed().next();
        }
        assert_eq!(sort, Sort::START);
    }
}
