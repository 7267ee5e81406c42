//! What makes a plan whole: what Evenkeel would find a fault in is taken out, and said.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::net::SocketAddr;

use evenkeel_core::config::ListenAddress;
use evenkeel_core::distribution::Scheme;

use super::{ListenerPlan, Origin, Plan, PoolPlan, ServerPlan};
use crate::note::NoteKind;

/// The first port that is chosen for a listener that the source knows none for.
const PORT: u16 = 11311;

/// The first port that is chosen for `[admin]`: where `evenkeel status` and the others look.
const ADMIN_PORT: u16 = 9311;

impl Plan {
    /// Makes it one that `check` finds no fault in.
    pub(crate) fn finish(&mut self) {
        for mut pool in mem::take(&mut self.pools) {
            self.part_same_servers(&mut pool);
            self.drop_useless_weights(&mut pool);
            self.pools.push(pool);
        }
        self.drop_pools_without_servers();
        self.drop_listeners_without_pool();
        self.part_same_addresses();
        self.choose_addresses();
        self.choose_admin();
        self.say_failover();
        self.say_timeouts();
        self.sort_notes();
    }

    /// No two servers of a pool are known by one address or name.
    fn part_same_servers(&mut self, pool: &mut PoolPlan) {
        let mut kept: Vec<ServerPlan> = Vec::new();
        let mut places = BTreeMap::new();
        let mut names = BTreeSet::new();
        let is_listed_by_weight = pool.placing() == "gomemcache";
        for server in mem::take(&mut pool.servers) {
            let last = kept.len().wrapping_sub(1);
            match places.get(&server.address) {
                Some(&idx) if is_listed_by_weight => {
                    let first: &mut ServerPlan = &mut kept[idx];
                    first.weight = first.weight.saturating_add(server.weight).min(1_000_000);
                    let text = format!(
                        "server {} is listed again: it has the weight {} here.",
                        server.address, first.weight
                    );
                    let (kind, text) = if idx == last {
                        (NoteKind::Needless, text)
                    } else {
                        let why = "Others stand between, so keys lie elsewhere than they did.";
                        (NoteKind::Lost, format!("{text} {why}"))
                    };
                    self.note(kind, server.origin.place().cloned(), text);
                }
                Some(_) => self.lose_server(pool, &server, "no two servers may share an address"),
                None if !names.insert(known_by(&server)) => {
                    self.lose_server(pool, &server, "no two servers may share a name");
                }
                None => {
                    places.insert(server.address.clone(), kept.len());
                    kept.push(server);
                }
            }
        }
        pool.servers = kept;
    }

    fn lose_server(&mut self, pool: &PoolPlan, server: &ServerPlan, why: &str) {
        let text =
            format!("server {} is left out of pool {}: {why}. {MOVED}", server.address, pool.name);
        self.note(NoteKind::Lost, server.origin.place().cloned(), text);
    }

    /// A weight where the distribution knows none is a fault.
    fn drop_useless_weights(&mut self, pool: &mut PoolPlan) {
        if knows_weights(pool.placing()) {
            return;
        }
        let placing = pool.placing().to_owned();
        for server in pool.servers.iter_mut().filter(|it| it.weight != 1) {
            let text = format!(
                "the weight {} of server {} has no effect: {placing} knows no weights.",
                server.weight, server.address
            );
            self.note(NoteKind::Needless, server.origin.place().cloned(), text);
            server.weight = 1;
        }
    }

    fn drop_pools_without_servers(&mut self) {
        let (kept, empty): (Vec<_>, Vec<_>) =
            mem::take(&mut self.pools).into_iter().partition(|it| !it.servers.is_empty());
        self.pools = kept;
        for gone in empty {
            let text = format!("pool {} is left out: none of its servers is known.", gone.name);
            self.note(NoteKind::Lost, gone.origin.place().cloned(), text);
            for pool in &mut self.pools {
                if pool.text_of("gutter") == Some(&gone.name) {
                    pool.settings.retain(|it| !matches!(it.key, "gutter" | "failover"));
                }
            }
        }
    }

    fn drop_listeners_without_pool(&mut self) {
        let pools: Vec<_> = self.pools.iter().map(|pool| pool.name.clone()).collect();
        self.listeners.retain(|it| pools.contains(&it.pool.0));
        self.routes.retain(|it| pools.contains(&it.pool));
    }

    /// No two listeners share an address.
    fn part_same_addresses(&mut self) {
        let mut taken: Vec<ListenAddress> = Vec::new();
        let mut parted = Vec::new();
        for listener in &mut self.listeners {
            let Some((text, origin)) = listener.address.take() else { continue };
            match text.parse::<ListenAddress>() {
                Ok(address) if !taken.iter().any(|it| it.is_same_place(&address)) => {
                    taken.push(address);
                    listener.address = Some((text, origin));
                }
                Ok(_) | Err(_) => parted.push((origin, listener.name.clone(), text)),
            }
        }
        for (origin, name, text) in parted {
            let text = format!("listener {name} cannot listen at {text}: another one does.");
            self.note(NoteKind::Differs, origin.place().cloned(), text);
        }
    }

    /// That keys stay with a failed server is kept, and seldom what is wanted here.
    fn say_failover(&mut self) {
        let stay = self.pools.iter().filter(|it| it.text_of("failover") == Some("none"));
        let stay: Vec<_> = stay.map(|it| it.name.clone()).collect();
        if !stay.is_empty() {
            let text = format!(
                "{}: keys of a failed server stay its own, as before: reads of them are misses \
                 until it is back. `failover = \"next\"` has the others serve them meanwhile.",
                stay.join(", ")
            );
            self.note(NoteKind::Chosen, None, text);
        }
    }

    /// Without a timeout of its own a pool has ours, which is not what it had.
    fn say_timeouts(&mut self) {
        let without = self.pools.iter().filter(|it| it.text_of("timeout").is_none());
        let without: Vec<_> = without.map(|it| it.name.clone()).collect();
        if !without.is_empty() {
            let text = format!(
                "{}: nothing sets a timeout. An attempt ends after 250ms and a request after \
                 350ms, whatever it was before (`timeout`, `deadline`).",
                without.join(", ")
            );
            self.note(NoteKind::Chosen, None, text);
        }
    }

    /// Gravest first, then as they stand in the source; each once.
    pub(crate) fn sort_notes(&mut self) {
        self.notes.sort_by_key(|note| {
            let place = note.place.as_ref();
            (note.kind, place.is_none(), place.map(|it| (it.file.clone(), it.line)))
        });
        let mut told = BTreeSet::new();
        self.notes.retain(|note| told.insert((note.kind, note.to_string())));
        let untold = self.notes.len().saturating_sub(NOTES_MAX);
        if untold > 0 {
            self.notes.truncate(NOTES_MAX);
            self.note(NoteKind::Lost, None, format!("there is more to say: {untold} notes."));
        }
    }

    fn choose_addresses(&mut self) {
        let taken: Vec<_> =
            self.listeners.iter().filter_map(|it| Some(it.address.as_ref()?.0.clone())).collect();
        let free = (PORT..=u16::MAX).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let mut free = free.map(|it| it.to_string()).filter(|it| !taken.contains(it));
        let mut texts = Vec::new();
        for listener in self.listeners.iter_mut().filter(|it| it.address.is_none()) {
            let Some(address) = free.next() else { continue };
            texts.push(format!(
                "listener {} listens at {address}. Name that to the application in place of the \
                 servers, or set another address.",
                listener.name
            ));
            let why = Origin::chosen("chosen: nothing said where to listen");
            listener.address = Some((address, why));
        }
        self.listeners.retain(|it| it.address.is_some());
        for text in texts {
            self.note(NoteKind::Chosen, None, text);
        }
    }

    /// No source has it, and without it an operator is blind.
    fn choose_admin(&mut self) {
        let taken: BTreeSet<_> = self.listeners.iter().filter_map(port_of).collect();
        let Some(port) = (ADMIN_PORT..=u16::MAX).find(|port| !taken.contains(port)) else { return };
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        self.admin = Some(address);
        let of_verbs = if port == ADMIN_PORT {
            "`evenkeel status`".to_owned()
        } else {
            format!("`evenkeel status --admin {address}`")
        };
        let text = format!(
            "[admin] listens at {address}, for this machine only: {of_verbs}, the page, health \
             and metrics."
        );
        self.note(NoteKind::Chosen, None, text);
    }
}

/// The port of a listener's address, if it is no socket.
fn port_of(listener: &ListenerPlan) -> Option<u16> {
    let (address, _) = listener.address.as_ref()?;
    address.rsplit_once(':')?.1.parse().ok()
}

/// The most notes that are told; nobody reads so many.
const NOTES_MAX: usize = 10_000;

/// What follows a server that is left out.
pub(crate) const MOVED: &str =
    "Without it keys lie elsewhere than they did: check with `evenkeel verify-map`.";

fn known_by(server: &ServerPlan) -> String {
    server.name.clone().unwrap_or_else(|| server.address.to_string())
}

/// Whether servers have weights under a distribution, or with a client.
fn knows_weights(placing: &str) -> bool {
    let mut all = Scheme::NAMES.into_iter().chain(Scheme::CLIENTS);
    all.any(|(name, scheme)| name == placing && scheme.is_weighted())
}
