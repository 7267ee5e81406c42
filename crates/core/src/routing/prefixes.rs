//! Which pool a session's requests go to: by what the key begins with, and by the operation.
//!
//! # Intuition
//! Prefixes stand sorted, apart for each operation. The last one that does not come after the key
//! fits it, or else one of those that this one begins with: each knows the next shorter of them. So
//! a lookup is a binary search and, rarely, a step or two more, and allocates nothing.
//!
//! # What it decides
//! Of the routes that fit, the one with the longest prefix; of two with the same prefix, the one
//! that names the listener; if none fits, the listener's own pool. [`Config::route_of`] says the
//! same of a configuration.
//!
//! [`Config::route_of`]: crate::config::Config::route_of

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::PoolId;
use crate::config::{ListenerConfig, Operation, PoolName, RouteConfig};

/// Where the requests of a listener's sessions go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixRoutes {
    /// Where a key goes that no route fits.
    default: PoolId,
    /// By [`Operation`]; none if there is no route.
    of_operation: Option<Box<[Prefixes; Operation::ALL.len()]>>,
}

/// Where a key goes, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The pool.
    pub pool: PoolId,
    /// How many bytes at the key's start its servers are not sent; the key has at least as many.
    pub stripped_len: u8,
}

/// The prefixes of one operation, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Prefixes(Vec<Prefix>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Prefix {
    bytes: Box<[u8]>,
    target: Target,
    /// Where the next shorter one stands that this one begins with.
    shorter: Option<u16>,
}

impl PrefixRoutes {
    /// The routes of a configuration for the sessions of `listener`. `id_of` says which pool is
    /// which; `None` if it does not know one.
    pub fn new(
        listener: &ListenerConfig,
        routes: &[RouteConfig],
        id_of: impl Fn(&PoolName) -> Option<PoolId>,
    ) -> Option<Self> {
        let default = id_of(&listener.pool)?;
        let mut by_prefix = Operation::ALL.map(|_| BTreeMap::new());
        let (own, general): (Vec<_>, Vec<_>) = routes
            .iter()
            .filter(|it| it.is_for(&listener.name))
            .partition(|it| it.listener.is_some());
        // What comes later takes the place of what came before.
        for route in general.iter().chain(&own) {
            let len = if route.strip_prefix { route.prefix.as_bytes().len() } else { 0 };
            let stripped_len = u8::try_from(len).expect("a prefix has less than 250 bytes");
            let target = Target { pool: id_of(&route.pool)?, stripped_len };
            for operation in &route.operations {
                by_prefix[*operation as usize].insert(route.prefix.as_bytes(), target);
            }
        }
        let has_routes = by_prefix.iter().any(|it| !it.is_empty());
        let of_operation = has_routes.then(|| Box::new(by_prefix.map(Prefixes::new)));
        Some(Self { default, of_operation })
    }

    /// The pool that every request goes to, if there is but one, and no prefix is stripped.
    #[inline]
    pub fn only(&self) -> Option<PoolId> {
        self.of_operation.is_none().then_some(self.default)
    }

    /// Where `key` goes.
    pub fn target(&self, operation: Operation, key: &[u8]) -> Target {
        let of_operation = self.of_operation.as_ref().map(|it| &it[operation as usize]);
        let found = of_operation.and_then(|it| it.find(key));
        found.unwrap_or(Target { pool: self.default, stripped_len: 0 })
    }

    /// Every pool that a request may go to, in their order.
    pub fn pools(&self) -> BTreeSet<PoolId> {
        self.reached().collect()
    }

    /// Whether a request may go to `pool`.
    pub fn may_reach(&self, pool: PoolId) -> bool {
        self.reached().any(|it| it == pool)
    }

    fn reached(&self) -> impl Iterator<Item = PoolId> + '_ {
        let routed = self.of_operation.iter().flat_map(|it| it.iter()).flat_map(|it| &it.0);
        routed.map(|it| it.target.pool).chain([self.default])
    }
}

impl From<PoolId> for PrefixRoutes {
    fn from(pool: PoolId) -> Self {
        Self { default: pool, of_operation: None }
    }
}

impl From<PoolId> for Arc<PrefixRoutes> {
    fn from(pool: PoolId) -> Self {
        Self::new(pool.into())
    }
}

impl Prefixes {
    fn new(sorted: BTreeMap<&[u8], Target>) -> Self {
        let mut prefixes = Self(Vec::with_capacity(sorted.len()));
        for (bytes, target) in sorted {
            // Those that it begins with come before it.
            let shorter = prefixes.longest(bytes);
            prefixes.0.push(Prefix { bytes: bytes.into(), target, shorter });
        }
        prefixes
    }

    #[inline]
    fn find(&self, key: &[u8]) -> Option<Target> {
        self.longest(key).map(|idx| self.0[usize::from(idx)].target)
    }

    /// Where the longest stands that `key` begins with.
    fn longest(&self, key: &[u8]) -> Option<u16> {
        let end = self.0.partition_point(|it| *it.bytes <= *key);
        let last = end.checked_sub(1)?;
        let mut idx = u16::try_from(last).expect("there are at most 10,000 routes");
        // Whatever stands between the longest and the key begins with the longest.
        while !key.starts_with(&self.0[usize::from(idx)].bytes) {
            idx = self.0[usize::from(idx)].shorter?;
        }
        Some(idx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use proptest::prelude::*;

    fn route(prefix: &str, pool: &str) -> RouteConfig {
        RouteConfig::new(prefix.parse().unwrap(), pool.parse().unwrap())
    }

    fn listener(name: &str) -> ListenerConfig {
        let address = "127.0.0.1:1".parse().unwrap();
        ListenerConfig::new(name.parse().unwrap(), address, "p0".parse().unwrap())
    }

    fn id_of(name: &PoolName) -> Option<PoolId> {
        name.as_str().strip_prefix('p')?.parse().ok().map(PoolId)
    }

    fn routes_of(routes: &[RouteConfig]) -> PrefixRoutes {
        PrefixRoutes::new(&listener("main"), routes, id_of).unwrap()
    }

    #[track_caller]
    fn check(routes: &PrefixRoutes, key: &str, pool: u16) {
        let target = routes.target(Operation::Get, key.as_bytes());
        assert_eq!(target, Target { pool: PoolId(pool), stripped_len: 0 }, "{key}");
    }

    #[test]
    fn the_longest_prefix_that_fits_wins() {
        let routes = [route("a", "p1"), route("a:b", "p2"), route("a:bc", "p3"), route("b", "p4")];
        let routes = routes_of(&routes);
        for (key, pool) in [
            ("a", 1),
            ("a:", 1),
            ("a:b", 2),
            ("a:bb", 2),
            ("a:bc", 3),
            ("a:bd", 2),
            ("a:c", 1),
            ("aa", 1),
            ("b", 4),
            ("bz", 4),
            ("c", 0),
            ("A", 0),
            ("", 0),
        ] {
            check(&routes, key, pool);
        }
    }

    #[test]
    fn an_empty_prefix_is_every_key() {
        let routes = routes_of(&[route("", "p1"), route("b", "p2")]);
        check(&routes, "a", 1);
        check(&routes, "b", 2);
        check(&routes, "c", 1);
        assert_eq!(routes.only(), None);
    }

    #[test]
    fn operations_go_their_own_ways() {
        let reads = RouteConfig { operations: vec![Operation::Get], ..route("a:b", "p1") };
        let routes = routes_of(&[reads, route("a", "p2")]);
        for operation in Operation::ALL {
            let expected = if operation == Operation::Get { 1 } else { 2 };
            assert_eq!(routes.target(operation, b"a:b:1").pool, PoolId(expected));
        }
    }

    #[test]
    fn a_route_that_names_the_listener_comes_before_one_that_names_none() {
        let own = RouteConfig { listener: Some("main".parse().unwrap()), ..route("a", "p1") };
        let other = RouteConfig { listener: Some("b".parse().unwrap()), ..route("a:", "p3") };
        for routes in [[own.clone(), route("a", "p2")], [route("a", "p2"), own.clone()]] {
            let routes = [routes.to_vec(), vec![other.clone()]].concat();
            check(&routes_of(&routes), "a:1", 1);
        }
    }

    #[test]
    fn a_prefix_is_stripped_if_its_route_says_so() {
        let strips = RouteConfig { strip_prefix: true, ..route("a:", "p1") };
        let routes = routes_of(&[strips]);
        assert_eq!(routes.target(Operation::Set, b"a:1").stripped_len, 2);
        assert_eq!(routes.target(Operation::Set, b"a:").stripped_len, 2);
        assert_eq!(routes.target(Operation::Set, b"a").stripped_len, 0);
    }

    #[test]
    fn without_a_route_there_is_one_pool() {
        assert_eq!(routes_of(&[]).only(), Some(PoolId(0)));
        let elsewhere = RouteConfig { listener: Some("b".parse().unwrap()), ..route("a", "p1") };
        assert_eq!(routes_of(&[elsewhere]).only(), Some(PoolId(0)));
    }

    #[test]
    fn every_pool_that_can_be_reached_is_known() {
        let routes = routes_of(&[route("a", "p3"), route("b", "p1"), route("c", "p3")]);
        assert_eq!(routes.pools(), [PoolId(0), PoolId(1), PoolId(3)].into());
        assert!(routes.may_reach(PoolId(3)) && !routes.may_reach(PoolId(2)));
    }

    #[test]
    fn a_pool_that_is_not_known_makes_no_routes() {
        assert_eq!(PrefixRoutes::new(&listener("main"), &[route("a", "x")], id_of), None);
    }

    prop_compose! {
        fn any_route()(
            prefix in "[ab]{0,4}",
            pool in 0u16..4,
            listener in 0usize..3,
            bits in 1usize..32,
            strip_prefix: bool,
        ) -> RouteConfig {
            let operations = Operation::ALL.into_iter();
            let listeners = [None, Some("main".parse().unwrap()), Some("b".parse().unwrap())];
            RouteConfig {
                strip_prefix,
                operations: operations.filter(|it| bits & 1 << *it as usize != 0).collect(),
                listener: listeners[listener].clone(),
                ..route(&prefix, &format!("p{pool}"))
            }
        }
    }

    proptest! {
        #[test]
        fn what_a_table_says_a_configuration_says(
            routes in prop::collection::vec(any_route(), 0..20),
            key in "[abc]{0,6}",
        ) {
            let mut config = Config { listeners: vec![listener("main")], ..Config::default() };
            for route in routes {
                config.routes.push(route);
                let is_twice = config.faults().iter().any(|it| {
                    matches!(it.problem, crate::config::Problem::RouteTwice { .. })
                });
                if is_twice {
                    config.routes.pop();
                }
            }
            let table = routes_of(&config.routes);
            for operation in Operation::ALL {
                let route = config.route_of(&config.listeners[0].name, operation, key.as_bytes());
                let pool = route.map_or(PoolId(0), |it| id_of(&it.pool).unwrap());
                let stripped = route.filter(|it| it.strip_prefix).map_or(0, |it| it.prefix.as_bytes().len());
                let target = table.target(operation, key.as_bytes());
                prop_assert_eq!((target.pool, usize::from(target.stripped_len)), (pool, stripped));
            }
        }
    }
}
