//! What routes say of keys by what they begin with: which other pool another configuration sends them
//! to, and which routes part reads from writes.
//!
//! Keys that begin with the same of all prefixes there are go the same way, so one key stands for
//! them all: the prefix itself.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use super::{Comparison, Config, ListenerName, Operation, PoolName, RouteConfig};

/// How many lines are said of routes, and of each kind; the rest is counted.
const LINES_MAX: usize = 20;

/// How some keys of a listener's sessions are routed: the pool, and how long a prefix its servers are
/// not sent.
type Way<'c> = (&'c PoolName, usize);

/// The routes of one configuration, to be asked about many keys.
struct Ways<'c> {
    config: &'c Config,
    routes: BTreeMap<(Option<&'c ListenerName>, Operation, &'c [u8]), &'c RouteConfig>,
}

impl<'c> Ways<'c> {
    fn new(config: &'c Config) -> Self {
        let mut routes = BTreeMap::new();
        for route in &config.routes {
            for operation in &route.operations {
                let key = (route.listener.as_ref(), *operation, route.prefix.as_bytes());
                routes.insert(key, route);
            }
        }
        Self { config, routes }
    }

    /// Where `key` goes; `None` if there is no such listener.
    fn way(
        &self,
        listener: &'c ListenerName,
        operation: Operation,
        key: &'c [u8],
    ) -> Option<Way<'c>> {
        let default = self.config.listeners.iter().find(|it| it.name == *listener)?;
        for len in (0..=key.len()).rev() {
            let route = |listener| self.routes.get(&(listener, operation, &key[..len]));
            if let Some(route) = route(Some(listener)).or_else(|| route(None)) {
                return Some((&route.pool, if route.strip_prefix { len } else { 0 }));
            }
        }
        Some((&default.pool, 0))
    }
}

impl Comparison {
    /// What the routes of `after` change: which keys go to another pool.
    pub(super) fn compare_routes(&mut self, before: &Config, after: &Config) {
        let (old, new) = (Ways::new(before), Ways::new(after));
        let mut moves = BTreeMap::<_, Vec<Operation>>::new();
        for_each_kind(after, &[before, after], |listener, prefix, operation| {
            let from = old.way(listener, operation, prefix.as_bytes());
            let to = new.way(listener, operation, prefix.as_bytes());
            if let (Some(from), Some(to)) = (from, to)
                && from != to
            {
                moves.entry((listener, prefix, from, to)).or_default().push(operation);
            }
        });
        let (mut changes, mut doubts) = (Vec::new(), BTreeSet::new());
        for ((listener, prefix, from, to), operations) in moves {
            let keys = keys(prefix, &operations);
            changes.push(if from.0 == to.0 {
                format!(
                    "listener {listener}: {keys} have another name in pool {}, and are misses until \
                     they are stored again",
                    to.0
                )
            } else {
                format!(
                    "listener {listener}: {keys} go to pool {}, no longer to {}, and are misses until \
                     they are stored again",
                    to.0, from.0
                )
            });
            if before.pool(to.0).is_some() {
                doubts.insert(to.0);
            }
        }
        self.changes.extend(cut(changes));
        self.doubts.extend(doubts.into_iter().map(|pool| {
            format!(
                "if keys that now go to pool {pool} went there before, it may hold older values of \
                 them; the reload says so if that was while the proxy ran"
            )
        }));
    }

    /// Warns of keys that `after` sends back to a pool where they were by one of `former`, and by
    /// `before` not: what that pool holds of them may be old.
    pub fn warn_of_return(&mut self, former: &[Config], before: &Config, after: &Config) {
        let (old, new) = (Ways::new(before), Ways::new(after));
        // Most reloads move no key, and there may be many routes.
        let former_ways = LazyCell::new(|| former.iter().map(Ways::new).collect::<Vec<_>>());
        let has_moved = before.listeners != after.listeners || before.routes != after.routes;
        if !has_moved {
            return;
        }
        let configs: Vec<_> = former.iter().chain([before, after]).collect();
        let mut returns = BTreeMap::<_, BTreeMap<_, BTreeSet<Operation>>>::new();
        for_each_kind(after, &configs, |listener, prefix, operation| {
            let key = prefix.as_bytes();
            let Some(way) = new.way(listener, operation, key) else { return };
            let was_there = |it: &Ways<'_>| it.way(listener, operation, key) == Some(way);
            let has_moved = old.way(listener, operation, key).is_some_and(|it| it != way);
            if has_moved && former_ways.iter().any(was_there) {
                let of_pool = returns.entry(way.0).or_default();
                of_pool.entry(prefix).or_default().insert(operation);
            }
        });
        for (pool, prefixes) in returns {
            let kinds = prefixes.iter().map(|(prefix, operations)| {
                keys(prefix, &operations.iter().copied().collect::<Vec<_>>())
            });
            let kinds = cut(kinds.collect()).join("; ");
            let servers = after.pool(pool).map_or(&[][..], |it| &it.servers);
            let orders: Vec<_> =
                servers.iter().map(|it| format!("evenkeel server flush {pool}/{it}")).collect();
            self.warnings.push(format!(
                "pool {pool}: keys have come back to it that were there before an earlier change \
                 ({kinds}); older values of them may be read there until they expire. To be sure, \
                 empty its servers one after another: {}",
                orders.join("; ")
            ));
        }
    }
}

impl Config {
    /// What is no fault, and what its author should know, one line each: routes that send what is
    /// written to another pool than what is read.
    pub fn cautions(&self) -> Vec<String> {
        let ways = Ways::new(self);
        let mut pools = BTreeMap::<_, BTreeMap<_, Vec<Operation>>>::new();
        for_each_kind(self, &[self], |listener, prefix, operation| {
            if let Some((pool, _)) = ways.way(listener, operation, prefix.as_bytes()) {
                let of_kind = pools.entry((prefix, listener)).or_default();
                of_kind.entry(pool).or_default().push(operation);
            }
        });
        let mut cautions = Vec::new();
        for ((prefix, listener), pools) in pools.into_iter().filter(|(_, pools)| pools.len() > 1) {
            let parts: Vec<_> = pools
                .iter()
                .map(|(pool, operations)| format!("{} to pool {pool}", words(operations)))
                .collect();
            cautions.push(format!(
                "listener {listener}: of {} {}; what is written or deleted in one pool is not seen \
                 in another",
                keys(prefix, &Operation::ALL),
                parts.join(", ")
            ));
        }
        cut(cautions)
    }
}

/// Calls `f` for every kind of key that these configurations tell apart, in sessions of listeners of
/// `config`, and every operation.
fn for_each_kind<'c>(
    config: &'c Config,
    configs: &[&'c Config],
    mut f: impl FnMut(&'c ListenerName, &'c str, Operation),
) {
    let routes = configs.iter().flat_map(|it| &it.routes);
    let prefixes: BTreeSet<_> = routes.map(|it| it.prefix.as_str()).chain([""]).collect();
    for listener in &config.listeners {
        for prefix in &prefixes {
            for operation in Operation::ALL {
                f(&listener.name, prefix, operation);
            }
        }
    }
}

/// Keys in words.
fn keys(prefix: &str, operations: &[Operation]) -> String {
    let keys = match prefix {
        "" => "keys that no other prefix fits".to_owned(),
        prefix => format!("keys that begin with {prefix:?}"),
    };
    match operations.len() {
        len if len == Operation::ALL.len() => keys,
        _ => format!("{keys} ({})", words(operations)),
    }
}

fn words(operations: &[Operation]) -> String {
    let words: Vec<_> = operations.iter().map(|it| it.name()).collect();
    words.join(", ")
}

fn cut(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX;
        lines.truncate(LINES_MAX);
        lines.push(format!("{more} more of this kind"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ListenAddress, ListenerConfig, PoolConfig, ServerConfig};

    fn route(prefix: &str, pool: &str) -> RouteConfig {
        RouteConfig::new(prefix.parse().unwrap(), pool.parse().unwrap())
    }

    fn config(routes: &[RouteConfig]) -> Config {
        let address = ListenAddress::Tcp(([127, 0, 0, 1], 11311).into());
        let listener = ListenerConfig::new("in".parse().unwrap(), address, "main".parse().unwrap());
        let pool = |name: &str| {
            let server = ServerConfig::new(name.parse().unwrap());
            PoolConfig::new(name.parse().unwrap(), vec![server])
        };
        Config {
            listeners: vec![listener],
            routes: routes.to_vec(),
            pools: ["main", "a", "b"].map(pool).to_vec(),
            ..Config::default()
        }
    }

    #[test]
    fn keys_that_get_another_pool_are_told() {
        let compared = Comparison::new(
            &config(&[route("u", "a")]),
            &config(&[
                route("u", "b"),
                RouteConfig { operations: vec![Operation::Get], ..route("u:", "a") },
            ]),
        );
        let doubt = |pool: &str| {
            format!(
                "if keys that now go to pool {pool} went there before, it may hold older values of \
                 them; the reload says so if that was while the proxy ran"
            )
        };
        assert_eq!(
            compared.changes,
            [
                "listener in: keys that begin with \"u\" go to pool b, no longer to a, and are misses \
                 until they are stored again",
                "listener in: keys that begin with \"u:\" (set, delete, touch, arithmetic) go to pool \
                 b, no longer to a, and are misses until they are stored again",
            ]
        );
        assert_eq!(compared.doubts, [doubt("b")]);
    }

    #[test]
    fn keys_that_are_stripped_from_now_on_have_another_name() {
        let stripped = RouteConfig { strip_prefix: true, ..route("u", "a") };
        let compared = Comparison::new(&config(&[route("u", "a")]), &config(&[stripped]));
        let expected = "listener in: keys that begin with \"u\" have another name in pool a, and are \
                        misses until they are stored again";
        assert_eq!(compared.changes, [expected]);
    }

    #[test]
    fn routes_that_say_the_same_change_nothing() {
        let one = config(&[route("u", "a"), route("v", "b")]);
        let other = config(&[route("v", "b"), route("u:1", "a"), route("u", "a")]);
        let compared = Comparison::new(&one, &other);
        assert_eq!(compared.changes, ["the routes are written otherwise, and say the same"]);
        assert!(Comparison::new(&one, &one.clone()).is_empty());
    }

    #[test]
    fn of_keys_that_come_back_to_a_pool_is_warned() {
        let (there, away) = (config(&[route("u", "a")]), config(&[]));
        let warnings = |former: &[Config], before: &Config, after: &Config| {
            let mut comparison = Comparison::default();
            comparison.warn_of_return(former, before, after);
            comparison.warnings
        };
        assert_eq!(
            warnings(std::slice::from_ref(&there), &away, &there),
            ["pool a: keys have come back to it that were there before an earlier change \
              (keys that begin with \"u\"); older values of them may be read there until they \
              expire. To be sure, empty its servers one after another: \
              evenkeel server flush a/a:11211"]
        );
        assert_eq!(warnings(&[], &away, &there), Vec::<String>::new());
        assert_eq!(warnings(std::slice::from_ref(&there), &there, &there), Vec::<String>::new());
        let elsewhere = config(&[route("u", "b")]);
        assert_eq!(warnings(&[there], &away, &elsewhere), Vec::<String>::new());
    }

    #[test]
    fn of_routes_that_part_reads_from_writes_is_cautioned() {
        let reads = RouteConfig { operations: vec![Operation::Get], ..route("u", "a") };
        assert_eq!(
            config(&[reads, route("v", "b")]).cautions(),
            ["listener in: of keys that begin with \"u\" get to pool a, set, delete, touch, \
              arithmetic to pool main; what is written or deleted in one pool is not seen in another"]
        );
        assert_eq!(config(&[route("u", "a"), route("v", "b")]).cautions(), Vec::<String>::new());
    }

    #[test]
    fn of_many_changes_only_some_are_told() {
        let many: Vec<_> = (0..1000).map(|it| route(&format!("u{it}"), "a")).collect();
        let changes = Comparison::new(&config(&[]), &config(&many)).changes;
        assert_eq!(changes.len(), LINES_MAX + 1);
        assert_eq!(changes[LINES_MAX], "980 more of this kind");
    }
}
