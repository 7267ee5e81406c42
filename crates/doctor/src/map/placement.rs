//! Which servers there are, and which of them is each key's home.
//!
//! It reads a configuration and asks core's routes and distributions. It decides nothing itself.
//!
//! # Hard cases
//! Where a route strips its prefix, servers know keys without it. What is asked of them is what they
//! would be sent; and a key that is found on a server may belong there under any prefix that leads to
//! its pool, so that each of them is tried. A key that is found with such a prefix was stored before
//! the route was there: it is looked for without, and is not at home, whichever server has it.

use evenkeel_core::config::{Config, ListenerName, Operation, PoolConfig, ServerAddress};
use evenkeel_core::distribution::Distribution;

use super::key;

/// The servers of what is verified, and where keys belong among them.
#[derive(Clone, Debug)]
pub struct Placement {
    servers: Vec<PlacedServer>,
    pools: Vec<PlacedPool>,
    /// Whose routes say which pool a key goes to; without it the only pool has every key.
    routes: Option<(Config, ListenerName)>,
}

/// One server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedServer {
    /// What the configuration calls it: its name, or its address; with the pool if there are several.
    pub name: String,
    /// Where it is.
    pub address: ServerAddress,
}

/// One pool, and its servers' places among all.
#[derive(Clone, Debug)]
pub(super) struct PlacedPool {
    pub(super) config: PoolConfig,
    distribution: Distribution,
    pub(super) servers: Vec<usize>,
}

/// Where a key belongs, and what its server would be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Home<'k> {
    pub(super) server: usize,
    pub(super) pool: usize,
    pub(super) sent: &'k [u8],
}

impl Placement {
    /// The servers of one pool, whose keys are placed by its distribution alone.
    ///
    /// # Panics
    /// If the pool has faults.
    pub fn of_pool(pool: &PoolConfig) -> Self {
        let mut placement = Self { servers: Vec::new(), pools: Vec::new(), routes: None };
        placement.add(pool, false);
        placement
    }

    /// The servers of every pool that a listener's reads go to, by its routes.
    ///
    /// # Panics
    /// If the configuration has faults, or no such listener.
    pub fn of_listener(config: &Config, name: &ListenerName) -> Self {
        let listener = config.listeners.iter().find(|it| it.name == *name);
        let listener = listener.expect("the listener was chosen among these");
        let routes = config.routes.iter().filter(|it| it.is_for(name));
        let mut names = vec![&listener.pool];
        for route in routes.filter(|it| it.operations.contains(&Operation::Get)) {
            if !names.contains(&&route.pool) {
                names.push(&route.pool);
            }
        }
        let routes = Some((config.clone(), name.clone()));
        let mut placement = Self { servers: Vec::new(), pools: Vec::new(), routes };
        for pool in &names {
            let pool = config.pool(pool).expect("a configuration without faults has its pools");
            placement.add(pool, names.len() > 1);
        }
        placement
    }

    fn add(&mut self, pool: &PoolConfig, is_one_of_several: bool) {
        let mut places = Vec::new();
        for server in &pool.servers {
            let known = self.servers.iter().position(|it| it.address == server.address);
            places.push(known.unwrap_or(self.servers.len()));
            if known.is_none() {
                let name = if is_one_of_several {
                    format!("{}/{server}", pool.name)
                } else {
                    server.to_string()
                };
                self.servers.push(PlacedServer { name, address: server.address.clone() });
            }
        }
        let distribution = pool.build_distribution();
        self.pools.push(PlacedPool {
            config: pool.clone(),
            distribution: distribution.expect("the pool was found to have no faults"),
            servers: places,
        });
    }

    /// The servers. Others name them by their places in this list.
    pub fn servers(&self) -> &[PlacedServer] {
        &self.servers
    }

    /// The pools, the listener's own first.
    pub(super) fn pools(&self) -> &[PlacedPool] {
        &self.pools
    }

    /// Where a key belongs that an application asks for. `None` if nothing is left of it without the
    /// prefix of its route: it is refused.
    pub(super) fn home<'k>(&self, key: &'k [u8]) -> Option<Home<'k>> {
        let Some((config, listener)) = &self.routes else { return Some(self.home_in(0, key)) };
        let Some(route) = config.route_of(listener, Operation::Get, key) else {
            return Some(self.home_in(0, key));
        };
        let pool = self.pools.iter().position(|it| it.config.name == route.pool);
        let sent = if route.strip_prefix { &key[route.prefix.as_bytes().len()..] } else { key };
        (!sent.is_empty()).then(|| self.home_in(pool.unwrap_or(0), sent))
    }

    /// Where a key belongs that was found on the server `at`: there, if any key of an application
    /// that is known to servers as this one does. One that begins with a prefix that is stripped
    /// from it is looked for as less than it is.
    pub(super) fn home_of_found<'k>(&self, found: &'k [u8], at: usize) -> Home<'k> {
        let as_it_is = self.home(found);
        if let Some(home) = as_it_is
            && (home.server == at || home.sent != found || self.routes.is_none())
        {
            return home;
        }
        let mut stripped = self.homes_stripped(found).peekable();
        let first = stripped.peek().copied();
        let here = stripped.find(|it| it.server == at);
        let of_pool = |it: &Home<'_>| self.pools[it.pool].servers.contains(&at);
        here.or(as_it_is.filter(of_pool))
            .or(first.filter(of_pool))
            .or(as_it_is)
            .or(first)
            .unwrap_or_else(|| self.home_in(0, found))
    }

    /// Its homes as what is left of longer keys.
    fn homes_stripped<'k>(&self, found: &'k [u8]) -> impl Iterator<Item = Home<'k>> {
        let routes = self.routes.iter().flat_map(move |(config, listener)| {
            let strips = config.routes.iter().filter(|it| it.strip_prefix);
            strips.filter_map(move |route| {
                let key = [route.prefix.as_bytes(), found].concat();
                let counts = config.route_of(listener, Operation::Get, &key);
                counts.filter(|it| *it == route)
            })
        });
        routes.map(|route| {
            let pool = self.pools.iter().position(|it| it.config.name == route.pool);
            self.home_in(pool.unwrap_or(0), found)
        })
    }

    /// What is to be known of a key with a prefix that its route strips.
    pub(super) fn unstripped(&self, key: &[u8]) -> Option<String> {
        let (config, listener) = self.routes.as_ref()?;
        let route = config.route_of(listener, Operation::Get, key).filter(|it| it.strip_prefix)?;
        Some(format!(
            "there are keys on servers that begin with {:?}, which their route strips: whoever asks \
             for them is given what lies under the rest of the key. Keys that servers know with the \
             prefix need strip_prefix = false",
            key::text(route.prefix.as_bytes())
        ))
    }

    fn home_in<'k>(&self, pool: usize, sent: &'k [u8]) -> Home<'k> {
        let PlacedPool { distribution, servers, .. } = &self.pools[pool];
        Home { server: servers[distribution.home(sent).as_usize()], pool, sent }
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_core::config::{ListenerConfig, RouteConfig, ServerConfig};

    use super::*;

    /// Pool `rest` of two servers, and pool `users` of two others for the keys that begin so.
    fn placement(strip_prefix: bool) -> Placement {
        let pool = |name: &str, numbers: [u8; 2]| {
            let servers = numbers.map(|it| format!("10.0.0.{it}:11211").parse().unwrap());
            PoolConfig::new(name.parse().unwrap(), servers.map(ServerConfig::new).to_vec())
        };
        let address = "127.0.0.1:11311".parse().unwrap();
        let listener =
            ListenerConfig::new("main".parse().unwrap(), address, "rest".parse().unwrap());
        let name = listener.name.clone();
        let route = RouteConfig::new("user:".parse().unwrap(), "users".parse().unwrap());
        let config = Config {
            pools: vec![pool("rest", [1, 2]), pool("users", [3, 4])],
            listeners: vec![listener],
            routes: vec![RouteConfig { strip_prefix, ..route }],
            ..Config::default()
        };
        Placement::of_listener(&config, &name)
    }

    #[test]
    fn a_route_leads_to_its_pool_and_what_is_found_there_is_at_home() {
        let placement = placement(false);
        let names: Vec<_> = placement.servers().iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names[0], "rest/10.0.0.1:11211");
        assert_eq!(names[2], "users/10.0.0.3:11211");
        for number in 0..50 {
            let key = format!("user:{number}").into_bytes();
            let home = placement.home(&key).unwrap();
            assert!(home.server >= 2 && home.sent == key, "{home:?}");
            assert_eq!(placement.home_of_found(&key, home.server), home);
            assert_eq!(placement.home_of_found(&key, 0), home, "a key of users in the other pool");
            let other = format!("page:{number}").into_bytes();
            assert!(placement.home(&other).unwrap().server < 2);
        }
    }

    #[test]
    fn a_key_with_a_prefix_that_is_stripped_is_looked_for_without_it() {
        let placement = placement(true);
        for number in 0..50 {
            let key = format!("user:{number}").into_bytes();
            for at in 0..4 {
                let home = placement.home_of_found(&key, at);
                assert_eq!(Some(home), placement.home(&key), "on {at}");
                assert_eq!(home.sent, &key[5..]);
            }
        }
        assert!(placement.unstripped(b"user:1").is_some_and(|it| it.contains("\"user:\"")));
        assert_eq!(placement.unstripped(b"page:1"), None);
    }

    #[test]
    fn a_prefix_that_is_stripped_is_found_without_it() {
        let placement = placement(true);
        assert_eq!(placement.home(b"user:"), None, "nothing is left of it");
        for number in 0..50 {
            let key = format!("user:{number}").into_bytes();
            let home = placement.home(&key).unwrap();
            assert_eq!(home.sent, &key[5..]);
            assert!(home.server >= 2);
            assert_eq!(placement.home_of_found(home.sent, home.server), home);
            let other = if home.server == 2 { 3 } else { 2 };
            assert_eq!(
                placement.home_of_found(home.sent, other),
                home,
                "the other one of its pool"
            );
        }
    }
}
