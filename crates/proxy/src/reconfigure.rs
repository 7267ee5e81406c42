//! Another configuration while the proxy runs.
//!
//! # The order
//! 1. New addresses are bound: what cannot be had is found out before anything has changed.
//! 2. The control plane takes the new pools and servers
//!    ([`evenkeel_control::reconfiguration`]), and keeps those that go.
//! 3. Workers open, change and close listeners. Sessions stay: those of a listener that changed follow
//!    its pool and routes, those of one that is gone go on until they end.
//! 4. When no request goes there any more, pools that are gone are taken away. Only sessions that
//!    may still reach one are ended, with what they are owed: those of a listener that is gone too.
//!
//! What a process takes once at its start (`[proxy]`, `[admin]`, `[log]`) stays as it was, and the
//! operator is told.

use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use evenkeel_control::reconfiguration::{ReconfigureError, Reconfigurer};
use evenkeel_core::config::{
    Comparison, Config, ListenAddress, ListenerConfig, ListenerName, PoolConfig, PoolName,
};
use evenkeel_core::routing::{PoolId, PrefixRoutes};
use evenkeel_hooks::Hooks;

use crate::listeners::{self, Bound, Listener, ListenerShare};
use crate::shared::{Change, Shared};

/// Gives a running proxy another configuration.
#[derive(Clone, Debug)]
pub struct Reconfigure {
    pub(crate) shared: Arc<Shared>,
    pub(crate) reconfigurer: Reconfigurer,
    pub(crate) in_effect: Arc<Mutex<InEffect>>,
    /// `None` once the proxy is being stopped.
    pub(crate) hooks: Arc<Mutex<Option<Hooks>>>,
    /// One at a time.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
}

/// What is in effect.
#[derive(Debug)]
pub(crate) struct InEffect {
    pub(crate) config: Config,
    pub(crate) listening: Vec<Listening>,
    /// How requests were routed before, oldest first, at most [`FORMER_ROUTINGS_MAX`]: listeners and
    /// routes of former configurations.
    pub(crate) former: Vec<Config>,
}

/// How many former routings are remembered, to warn of keys that come back to a pool.
const FORMER_ROUTINGS_MAX: usize = 64;

/// A listener that is in effect.
#[derive(Clone, Debug)]
pub(crate) struct Listening {
    pub(crate) config: ListenerConfig,
    /// With the port that was given for port 0.
    pub(crate) address: ListenAddress,
    pub(crate) sessions_len: Arc<AtomicUsize>,
}

/// Why a configuration is not in effect. What was before still is.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A listener's address cannot be bound.
    #[error("listener {name} cannot listen on {address}: {source}; choose an address that is free")]
    Bind {
        /// The listener.
        name: ListenerName,
        /// Its address.
        address: ListenAddress,
        /// Why.
        source: io::Error,
    },
    /// The pools cannot be what they are to be.
    #[error(transparent)]
    Pools(#[from] ReconfigureError),
}

impl Reconfigure {
    /// Has `config`, which has no faults, be in effect.
    ///
    /// # Errors
    /// Nothing has changed.
    pub async fn apply(&self, config: &Config) -> Result<Comparison, ApplyError> {
        let _turn = self.turn.lock().await;
        let (before, listening, former) = {
            let in_effect = self.in_effect();
            let InEffect { config, listening, former } = &*in_effect;
            (config.clone(), listening.clone(), former.clone())
        };
        if before == *config {
            return Ok(Comparison::default());
        }
        let mut bound = self.bind_new(config, &listening)?;
        let is_gone = |pool: &&PoolConfig| config.pool(&pool.name).is_none();
        let gone: Vec<_> = before.pools.iter().filter(is_gone).cloned().collect();
        let with_gone = [&config.pools[..], &gone].concat();
        let mut warnings = self.reconfigurer.apply(with_gone).await?.warnings;
        warnings.extend(change_socket_modes(config, &listening));
        let listening = self.change_listeners(config, &listening, &mut bound);
        if !gone.is_empty() {
            // Every worker has seen by which routes its sessions go before these end.
            warnings.extend(self.reconfigurer.apply(config.pools.clone()).await?.warnings);
            self.end_sessions(&gone);
        }
        let mut applied = Comparison::new(&before, config);
        applied.doubts.clear();
        applied.warnings.extend(warnings);
        applied.warn_of_return(&former, &before, config);
        if let Err(error) = self.change_hooks(config) {
            applied.warnings.push(format!("the hooks stay as they were: {error}"));
        }
        let former = with_routing_of(former, &before, config);
        let Config { proxy, admin, log, .. } = before;
        let config = Config { proxy, admin, log, ..config.clone() };
        *self.in_effect() = InEffect { config, listening, former };
        Ok(applied)
    }

    pub(crate) fn in_effect(&self) -> MutexGuard<'_, InEffect> {
        self.in_effect.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses that nobody listens on yet, in the order of the listeners that want them.
    fn bind_new(
        &self,
        config: &Config,
        listening: &[Listening],
    ) -> Result<Vec<(ListenerName, Bound)>, ApplyError> {
        let is_new = |it: &&ListenerConfig| !listening.iter().any(|known| is_same_place(known, it));
        let bind = |listener: &ListenerConfig| {
            let (name, address) = (listener.name.clone(), listener.address.clone());
            match listeners::bind(listener, self.shared.workers.len()) {
                Ok(bound) => Ok((name, bound)),
                Err(source) => Err(ApplyError::Bind { name, address, source }),
            }
        };
        config.listeners.iter().filter(is_new).map(bind).collect()
    }

    fn change_listeners(
        &self,
        config: &Config,
        before: &[Listening],
        bound: &mut Vec<(ListenerName, Bound)>,
    ) -> Vec<Listening> {
        for known in before {
            if !config.listeners.iter().any(|it| is_same_place(known, it)) {
                self.tell(|_| Some(Change::Close(known.config.name.clone())));
            }
        }
        let mut listening = Vec::new();
        for listener in &config.listeners {
            let known = before.iter().find(|known| is_same_place(known, listener));
            let sessions_len =
                known.map_or_else(Arc::default, |known| Arc::clone(&known.sessions_len));
            let routes = self.routes_of(listener, config);
            let share = Arc::new(ListenerShare::new(listener, routes, Arc::clone(&sessions_len)));
            let new = bound.iter().position(|(name, _)| *name == listener.name);
            let address = match (known, new) {
                (_, Some(idx)) => {
                    let (_, Bound { sockets, path, address }) = bound.swap_remove(idx);
                    let mut sockets = sockets.into_iter();
                    self.tell(|_| {
                        let (share, path) = (Arc::clone(&share), path.clone());
                        Some(Change::Open(Listener { share, socket: sockets.next()?, path }))
                    });
                    address
                }
                (Some(known), None) => known.address.clone(),
                (None, None) => unreachable!("who is not known has been bound"),
            };
            // Sessions of one that has moved to another address follow it to its pool, too.
            self.tell(|_| Some(Change::Replace(Arc::clone(&share))));
            listening.push(Listening { config: listener.clone(), address, sessions_len });
        }
        self.shared.control.wake_workers();
        listening
    }

    fn change_hooks(&self, config: &Config) -> io::Result<()> {
        let since = self.shared.control.events.next_number();
        let mut hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        hooks.as_mut().map_or(Ok(()), |hooks| hooks.apply(&config.hooks, since))
    }

    fn end_sessions(&self, gone: &[PoolConfig]) {
        for pool in gone {
            let directory = self.shared.control.directory.load();
            let mut pools = (0..).map(PoolId).zip(&directory.pools);
            let gone = pools.find(|(_, it)| it.has_left && it.config.name == pool.name);
            if let Some((id, _)) = gone {
                self.tell(|_| Some(Change::EndSessions(id)));
            }
        }
        self.shared.control.wake_workers();
    }

    /// Tells each worker something.
    fn tell(&self, mut change: impl FnMut(usize) -> Option<Change>) {
        for (idx, worker) in self.shared.workers.iter().enumerate() {
            if let Some(change) = change(idx) {
                worker.tell(change);
            }
        }
    }

    fn routes_of(&self, listener: &ListenerConfig, config: &Config) -> PrefixRoutes {
        let directory = self.shared.control.directory.load();
        let id_of = |name: &PoolName| directory.pool_named(name.as_str());
        let routes = PrefixRoutes::new(listener, &config.routes, id_of);
        routes.expect("the pools of listeners and routes are configured")
    }
}

/// `former`, and how `before` routed, if `after` routes otherwise.
fn with_routing_of(mut former: Vec<Config>, before: &Config, after: &Config) -> Vec<Config> {
    let routing = |it: &Config| {
        let (listeners, routes) = (it.listeners.clone(), it.routes.clone());
        Config { listeners, routes, ..Config::default() }
    };
    let (before, after) = (routing(before), routing(after));
    if before != after {
        former.retain(|known| *known != before);
        former.push(before);
    }
    if former.len() > FORMER_ROUTINGS_MAX {
        former.remove(0);
    }
    former
}

/// Has the sockets that stay be open to whom they are to be; what could not be done, in words.
fn change_socket_modes(config: &Config, listening: &[Listening]) -> Vec<String> {
    let mut warnings = Vec::new();
    for listener in &config.listeners {
        let known = listening.iter().find(|known| is_same_place(known, listener));
        let has_changed = known.is_some_and(|it| it.config.socket_mode != listener.socket_mode);
        let ListenAddress::Unix(path) = &listener.address else { continue };
        let (name, path_shown) = (&listener.name, path.display());
        match listener.socket_mode {
            Some(mode) if has_changed => {
                if let Err(error) = listeners::set_mode(path, mode) {
                    warnings.push(format!(
                        "listener {name}: {path_shown} keeps its permissions: {error}"
                    ));
                }
            }
            None if has_changed => warnings.push(format!(
                "listener {name}: {path_shown} keeps its permissions until the process is started \
                 anew, as socket_mode is set no more"
            )),
            Some(_) | None => {}
        }
    }
    warnings
}

/// Whether it is the same listener at the same address.
fn is_same_place(known: &Listening, listener: &ListenerConfig) -> bool {
    known.config.name == listener.name && known.config.address == listener.address
}
