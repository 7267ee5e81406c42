//! Which servers are examined: each once, and each with a name of its own.

use evenkeel_doctor::Target;
use evenkeel_doctor::facts::{Group, Member};

/// Servers, each once and each with a name of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Roster {
    pub(super) targets: Vec<Target>,
}

impl Roster {
    /// Adds a server, unless it is there; what it is called.
    pub(super) fn add(&mut self, target: Target) -> String {
        if let Some(known) = self.targets.iter().find(|it| it.is_same(&target)) {
            return known.name.clone();
        }
        let is_taken = |name: &str| self.targets.iter().any(|it| it.name == name);
        let mut name = target.name.clone();
        if is_taken(&name) {
            name = format!("{name} ({})", target.address);
        }
        let mut serial = 2;
        while is_taken(&name) {
            name = format!("{} ({}, {serial})", target.name, target.address);
            serial += 1;
        }
        self.targets.push(target.named(name.clone()));
        name
    }

    /// Those that were named one by one, as groups of one protocol.
    pub(super) fn named(&self, pools: &[Group], listeners: &[String]) -> Vec<Group> {
        let of_pools: Vec<_> =
            pools.iter().flat_map(|it| &it.members).map(|it| it.server.as_str()).collect();
        let alone = |protocol: &str| {
            let alone = self.targets.iter().map(|it| &it.name).filter(|name| {
                name.starts_with(protocol)
                    && !of_pools.contains(&name.as_str())
                    && !listeners.contains(name)
            });
            alone.map(|name| Member { server: name.clone(), weight: 1 }).collect::<Vec<_>>()
        };
        let groups = [("memcached", "memcached://"), ("Redis", "redis")].map(|(name, protocol)| {
            let name = format!("the {name} servers named");
            Group { name, is_pool: false, members: alone(protocol) }
        });
        groups.into_iter().filter(|it| it.members.len() > 1).collect()
    }
}
