//! What another configuration would change, in words.
//!
//! For who is about to put it into effect (`evenkeel check --against`) and for who has: a reload says
//! the same. What it changes for keys is found by placing some thousands of them both ways.

use super::{Config, ListenerConfig, PoolConfig, PoolName, ServerConfig};
use crate::distribution::Settings;

/// What one configuration changes of another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// One line each; none if both say the same.
    pub changes: Vec<String>,
    /// What does not take effect while the process runs, one line each.
    pub warnings: Vec<String>,
    /// What may come of it, by what happened since the process started, one line each: a reload
    /// knows.
    pub doubts: Vec<String>,
}

/// How many keys are placed both ways.
const KEYS_LEN: usize = 10_000;

impl Comparison {
    /// Compares. Neither configuration has faults.
    pub fn new(before: &Config, after: &Config) -> Self {
        let mut comparison = Self::default();
        for pool in &after.pools {
            match before.pool(&pool.name) {
                None => comparison.change(format!("pool {} is new", pool.name)),
                Some(known) => comparison.compare_pools(known, pool),
            }
        }
        for pool in before.pools.iter().filter(|it| after.pool(&it.name).is_none()) {
            comparison.change(format!("pool {} is gone", pool.name));
        }
        comparison.compare_listeners(&before.listeners, &after.listeners);
        let changes_len = comparison.changes.len();
        comparison.compare_routes(before, after);
        if before.routes != after.routes && comparison.changes.len() == changes_len {
            comparison.change("the routes are written otherwise, and say the same".to_owned());
        }
        if before.hooks != after.hooks {
            comparison.change("the hooks are configured otherwise".to_owned());
        }
        for (table, has_changed) in [
            ("[proxy]", before.proxy != after.proxy),
            ("[admin]", before.admin != after.admin),
            ("[log]", before.log != after.log),
        ] {
            if has_changed {
                let warning = format!("{table} takes effect when the process is started anew");
                comparison.warnings.push(warning);
            }
        }
        comparison
    }

    /// Whether both say the same.
    pub fn is_empty(&self) -> bool {
        let Self { changes, warnings, doubts } = self;
        changes.is_empty() && warnings.is_empty() && doubts.is_empty()
    }

    fn change(&mut self, line: String) {
        self.changes.push(line);
    }

    fn compare_pools(&mut self, before: &PoolConfig, after: &PoolConfig) {
        let name = &after.name;
        let is_in = |servers: &[ServerConfig], server: &ServerConfig| {
            servers.iter().any(|it| it.address == server.address)
        };
        for server in after.servers.iter().filter(|it| !is_in(&before.servers, it)) {
            self.change(format!("server {name}/{server} joins; it is flushed before it is used"));
        }
        let left: Vec<_> = before.servers.iter().filter(|it| !is_in(&after.servers, it)).collect();
        for server in &left {
            self.change(format!("server {name}/{server} leaves"));
        }
        let moved_percent = moved_percent(before, after);
        if moved_percent > 0 {
            let line = format!(
                "pool {name}: some {moved_percent} % of the keys get another home, and are misses \
                 until they are stored again"
            );
            self.change(line);
        }
        self.compare_hashed_parts(name, &before.distribution, &after.distribution);
        if !left.is_empty() {
            let names: Vec<_> = left.iter().map(|it| format!("{name}/{it}")).collect();
            let doubt = format!(
                "if {} joined while the proxy ran, keys come back to servers that may hold older \
                 values of them; the reload says which, to be flushed",
                names.join(" or ")
            );
            self.doubts.push(doubt);
        }
        let settings_of = |pool: &PoolConfig| PoolConfig { servers: Vec::new(), ..pool.clone() };
        if settings_of(before) != settings_of(after) {
            self.change(format!("pool {name} has other settings"));
        }
    }

    /// Which keys are placed otherwise because another part of them is hashed. Those that are placed
    /// both ways are numbers, and have no such part.
    fn compare_hashed_parts(&mut self, pool: &PoolName, before: &Settings, after: &Settings) {
        let tag = |it: &Settings| it.hash_tag().map(|it| it.to_string());
        let stop = |it: &Settings| it.hash_stop().map(|it| it.as_str().to_owned());
        let prefix = |it: &Settings| it.unhashed_prefix().map(|it| it.as_str().to_owned());
        for (setting, before, after) in [
            ("hash_tag", tag(before), tag(after)),
            ("hash_stop", stop(before), stop(after)),
            ("unhashed_prefix", prefix(before), prefix(after)),
        ] {
            if before == after {
                continue;
            }
            let texts = before.into_iter().chain(after).map(|it| format!("{it:?}"));
            let texts = texts.collect::<Vec<_>>().join(" or ");
            self.change(format!(
                "pool {pool}: keys with the {setting} {texts} may get another home, and are then \
                 misses until they are stored again"
            ));
        }
    }

    fn compare_listeners(&mut self, before: &[ListenerConfig], after: &[ListenerConfig]) {
        for listener in after {
            match before.iter().find(|it| it.name == listener.name) {
                None => self.change(format!("listener {} is new", listener.name)),
                Some(known) if known != listener => {
                    self.change(format!("listener {} has other settings", listener.name));
                }
                Some(_) => {}
            }
        }
        for listener in before.iter().filter(|it| !after.iter().any(|new| new.name == it.name)) {
            self.change(format!("listener {} is gone; its sessions stay", listener.name));
        }
    }
}

/// How many hundredths of the keys get another home, rounded up.
fn moved_percent(before: &PoolConfig, after: &PoolConfig) -> usize {
    let (Ok(placed_before), Ok(placed_after)) =
        (before.build_distribution(), after.build_distribution())
    else {
        return 0;
    };
    let has_moved = |number: &usize| {
        let key = number.to_string();
        let home_before = placed_before.home(key.as_bytes()).as_usize();
        let home_after = placed_after.home(key.as_bytes()).as_usize();
        before.servers[home_before].address != after.servers[home_after].address
    };
    ((0..KEYS_LEN).filter(has_moved).count() * 100).div_ceil(KEYS_LEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ListenAddress;

    fn config(servers: &[&str]) -> Config {
        let server = |address: &&str| ServerConfig::new(address.parse().expect("an address"));
        let servers = servers.iter().map(server).collect();
        let pool = PoolConfig::new("main".parse().expect("a name"), servers);
        let address = ListenAddress::Tcp(([127, 0, 0, 1], 11311).into());
        let name = "main".parse().expect("a name");
        let listener = ListenerConfig::new(name, address, pool.name.clone());
        Config { listeners: vec![listener], pools: vec![pool], ..Config::default() }
    }

    #[test]
    fn two_that_say_the_same_differ_in_nothing() {
        let same = config(&["a", "b"]);
        assert!(Comparison::new(&same, &same.clone()).is_empty());
    }

    #[test]
    fn a_server_that_joins_takes_its_share_of_the_keys() {
        let compared = Comparison::new(&config(&["a", "b", "c"]), &config(&["a", "b", "c", "d"]));
        let [joins, moved] = &compared.changes[..] else { panic!("{compared:?}") };
        assert_eq!(joins, "server main/d:11211 joins; it is flushed before it is used");
        let words: Vec<_> = moved.split(' ').collect();
        let percent: usize = words[3].parse().expect("pool main: some N %");
        assert!((15..=35).contains(&percent), "{moved}");
        assert_eq!(compared.warnings, Vec::<String>::new());
    }

    #[test]
    fn of_a_server_that_leaves_is_warned() {
        let compared = Comparison::new(&config(&["a", "b"]), &config(&["a"]));
        assert_eq!(compared.changes[0], "server main/b:11211 leaves");
        let [warning] = &compared.doubts[..] else { panic!("{compared:?}") };
        assert!(warning.starts_with("if main/b:11211 joined while the proxy ran"), "{warning}");
    }

    #[test]
    fn another_part_of_a_key_that_is_hashed_is_told() {
        let (mut before, mut after) = (config(&["a", "b"]), config(&["a", "b"]));
        let pool = &mut before.pools[0];
        let stop = "|#|".parse().expect("a text of keys");
        pool.distribution = pool.distribution.clone().with_hash_stop(stop);
        let pool = &mut after.pools[0];
        let (stop, tag) = ("##".parse().expect("a text of keys"), "{}".parse().expect("a tag"));
        pool.distribution = pool.distribution.clone().with_hash_stop(stop).with_hash_tag(tag);
        assert_eq!(
            Comparison::new(&before, &after).changes,
            [
                "pool main: keys with the hash_tag \"{}\" may get another home, and are then \
                 misses until they are stored again",
                "pool main: keys with the hash_stop \"|#|\" or \"##\" may get another home, and \
                 are then misses until they are stored again",
                "pool main has other settings",
            ]
        );
    }

    #[test]
    fn settings_that_take_effect_only_at_the_start_are_warned_of() {
        let (before, mut after) = (config(&["a"]), config(&["a"]));
        after.proxy.workers = 7;
        after.pools[0].timeout *= 2;
        after.listeners[0].sessions_max += 1;
        let compared = Comparison::new(&before, &after);
        assert_eq!(
            compared.changes,
            ["pool main has other settings", "listener main has other settings"]
        );
        assert_eq!(compared.warnings, ["[proxy] takes effect when the process is started anew"]);
    }
}
