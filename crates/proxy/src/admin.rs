//! The admin server of the proxy, and what only the proxy can tell it.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering;

use evenkeel_admin::refusal::Refusal;
use evenkeel_admin::subject::{Answer, HookOutcomes, KeyTarget};
use evenkeel_admin::time;
use evenkeel_admin::{Access, Driver, Lab, Limits, Subject, Token, TokenError, router, serve};
use evenkeel_api::{self as api, Configuration, Reload};
use evenkeel_control::loss::Loss;
use evenkeel_core::config::{
    AdminConfig, Config, ListenerConfig, ListenerName, Operation, RouteConfig,
};
use evenkeel_hooks::{Deliveries, HookTally};

use crate::proxy::Origin;
use crate::reconfigure::{Listening, Reconfigure};
use crate::reload::Reloader;

/// Why there is no admin server. The proxy does not start without one that is wanted.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Its address cannot be bound.
    #[error(
        "the admin server cannot listen on {address}; end what listens there (another evenkeel?), \
         or choose another address in [admin]"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Its token cannot be had.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// An admin server that listens and does not answer yet.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    access: Access,
    limits: Limits,
}

impl Admin {
    /// Listens, and reads the token. `refused` counts connections that were too many.
    pub(crate) fn bind(config: &AdminConfig, refused: Loss) -> Result<Self, AdminError> {
        let error = |source| AdminError::Bind { address: config.address, source };
        let token = config.token_file.as_deref().map(Token::from_file).transpose()?;
        let listener = TcpListener::bind(config.address).map_err(error)?;
        listener.set_nonblocking(true).map_err(error)?;
        Ok(Self {
            address: listener.local_addr().map_err(error)?,
            listener,
            access: Access { token, names: config.names.clone() },
            limits: Limits {
                connections_max: config.connections_max,
                request_len_max: config.request_size_max.as_len(),
                step_timeout: config.request_timeout,
                refused,
            },
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers, on the runtime that polls this.
    pub(crate) async fn serve(self, subject: Subject) {
        let subject = subject.with_streams_max(self.limits.connections_max / 2);
        match tokio::net::TcpListener::from_std(self.listener) {
            Ok(listener) => {
                serve(listener, self.access.guard(router(subject)), self.limits).await;
            }
            Err(error) => tracing::error!(%error, "the admin server cannot be watched"),
        }
    }
}

/// What there is to read again.
#[derive(Clone, Debug)]
pub(crate) enum ReadAgain {
    /// A source.
    By(Reloader),
    /// Nothing; the settings, as TOML, if they are known.
    Never { settings: Option<String> },
}

impl ReadAgain {
    pub(crate) fn from(origin: Origin, reconfigure: &Reconfigure) -> io::Result<Self> {
        Ok(match origin {
            Origin::Code => Self::Never { settings: None },
            Origin::Settings(settings) => Self::Never { settings: Some(settings) },
            Origin::Source(source, beginning) => {
                Self::By(Reloader::start(source, reconfigure.clone(), *beginning)?)
            }
        })
    }

    pub(crate) fn reloader(&self) -> Option<&Reloader> {
        match self {
            Self::By(reloader) => Some(reloader),
            Self::Never { .. } => None,
        }
    }
}

/// What only the proxy knows.
pub(crate) struct ProxyDriver {
    pub(crate) reconfigure: Reconfigure,
    pub(crate) source: ReadAgain,
    pub(crate) losses: Vec<Loss>,
    pub(crate) deliveries: Deliveries,
    pub(crate) lab: Option<Box<dyn Lab>>,
}

impl std::fmt::Debug for ProxyDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyDriver").finish_non_exhaustive()
    }
}

impl Driver for ProxyDriver {
    fn sessions_open(&self) -> Option<usize> {
        Some(self.reconfigure.shared.sessions_open())
    }

    fn sessions_refused(&self) -> Option<u64> {
        Some(self.reconfigure.shared.sessions_refused.times())
    }

    fn listeners(&self) -> Vec<api::Listener> {
        let in_effect = self.reconfigure.in_effect();
        let describe = |it: &Listening| api::Listener {
            name: it.config.name.to_string(),
            address: it.address.to_string(),
            pool: it.config.pool.to_string(),
            routes: routes_of(&it.config.name, &in_effect.config.routes),
        };
        in_effect.listening.iter().map(describe).collect()
    }

    fn target(
        &self,
        listener: Option<&str>,
        operation: Operation,
        key: &[u8],
    ) -> Result<Option<KeyTarget>, Refusal> {
        let in_effect = self.reconfigure.in_effect();
        let config = &in_effect.config;
        let listener = listener_of(config, listener)?;
        let route = config.route_of(&listener.name, operation, key);
        let stripping = route.filter(|it| it.strip_prefix);
        Ok(Some(KeyTarget {
            pool: route.map_or(&listener.pool, |it| &it.pool).to_string(),
            prefix: route.map(|it| it.prefix.to_string()),
            stripped_len: stripping.map_or(0, |it| it.prefix.as_bytes().len()),
            operations: config.operations_with(listener, operation, key),
        }))
    }

    fn configuration(&self) -> Result<Configuration, Refusal> {
        let toml = match &self.source {
            ReadAgain::By(reloader) => return Ok(reloader.configuration()),
            ReadAgain::Never { settings: Some(settings) } => settings.clone(),
            ReadAgain::Never { settings: None } => {
                let why = "this process was configured by its own code".to_owned();
                return Err(Refusal::NotFound(why));
            }
        };
        let handle = &self.reconfigure.shared.control;
        let applied_at = time::written(std::time::UNIX_EPOCH + handle.started_at);
        Ok(Configuration { file: None, applied_at, toml, last_reload: None })
    }

    fn last_reload(&self) -> Option<Reload> {
        self.source.reloader().and_then(Reloader::last)
    }

    fn reload(&self) -> Answer<'_, Reload> {
        let Some(reloader) = self.source.reloader() else {
            let why = "there is no file to reload: this process was started without one";
            return Box::pin(std::future::ready(Err(Refusal::Conflict(why.to_owned()))));
        };
        Box::pin(reloader.reload())
    }

    fn is_stopping(&self) -> bool {
        self.reconfigure.shared.is_stopping.load(Ordering::Acquire)
    }

    fn losses(&self) -> Vec<(&'static str, u64)> {
        let missed = self.deliveries.tallies().iter().map(|it| it.events_missed).sum();
        let losses = self.losses.iter().map(|loss| (loss.what(), loss.times()));
        losses.chain([("events missed by hooks", missed)]).collect()
    }

    fn hook_outcomes(&self) -> Vec<HookOutcomes> {
        let outcomes = |it: HookTally| HookOutcomes {
            hook: it.hook,
            outcomes: vec![
                ("delivered", it.delivered),
                ("failed", it.failed),
                ("retried", it.retried),
            ],
        };
        self.deliveries.tallies().into_iter().map(outcomes).collect()
    }

    fn lab(&self) -> Option<&dyn Lab> {
        self.lab.as_deref()
    }
}

/// The routes for the sessions of `listener`, without what others of it take from them: of two with
/// the same prefix, the one that names the listener counts.
fn routes_of(listener: &ListenerName, routes: &[RouteConfig]) -> Vec<api::PrefixRoute> {
    let named = routes.iter().filter(|it| it.listener.as_ref() == Some(listener));
    let taken: BTreeSet<_> = named
        .flat_map(|it| it.operations.iter().map(|operation| (&it.prefix, operation.name())))
        .collect();
    let own = routes.iter().filter(|it| it.is_for(listener)).map(|it| {
        let operations = it.operations.iter().map(|operation| operation.name());
        let left = |name: &&str| it.listener.is_some() || !taken.contains(&(&it.prefix, *name));
        api::PrefixRoute {
            prefix: it.prefix.to_string(),
            pool: it.pool.to_string(),
            strip_prefix: it.strip_prefix,
            operations: operations.filter(left).map(str::to_owned).collect(),
        }
    });
    own.filter(|it| !it.operations.is_empty()).collect()
}

/// The listener of this name. None need be named if all send every key the same way.
fn listener_of<'c>(config: &'c Config, name: Option<&str>) -> Result<&'c ListenerConfig, Refusal> {
    let names: Vec<_> = config.listeners.iter().map(|it| it.name.as_str()).collect();
    let names = names.join(", ");
    let missing =
        |name: &str| Refusal::NotFound(format!("there is no listener {name:?}; there are {names}"));
    let first = config.listeners.first().ok_or_else(|| missing("main"))?;
    let is_all_one = config.listeners.iter().all(|it| it.pool == first.pool)
        && (config.listeners.len() == 1 || config.routes.iter().all(|it| it.listener.is_none()));
    match name {
        Some(name) => {
            let found = config.listeners.iter().find(|it| it.name.as_str() == name);
            found.ok_or_else(|| missing(name))
        }
        None if is_all_one => Ok(first),
        None => Err(Refusal::BadRequest(format!(
            "listeners differ in where keys go; add listener= one of {names}, or pool="
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(pool: &str, listener: Option<&str>, operations: &[Operation]) -> RouteConfig {
        let prefix = "user:".parse().expect("it is a prefix");
        RouteConfig {
            operations: operations.to_vec(),
            listener: listener.map(|it| it.parse().expect("it is a name")),
            ..RouteConfig::new(prefix, pool.parse().expect("it is a name"))
        }
    }

    #[test]
    fn of_two_routes_with_the_same_prefix_only_what_counts_is_told() {
        let routes = [
            route("users", None, &Operation::ALL),
            route("copies", Some("main"), &[Operation::Get]),
            route("all", Some("other"), &Operation::ALL),
        ];
        let told = |listener: &str| {
            let told = routes_of(&listener.parse().expect("it is a name"), &routes);
            let told = told.into_iter().map(|it| (it.pool, it.operations.join(" ")));
            told.collect::<Vec<_>>()
        };
        let word = |pool: &str, operations: &str| (pool.to_owned(), operations.to_owned());
        let all = "get set delete touch arithmetic";
        let without_get = word("users", "set delete touch arithmetic");
        assert_eq!(told("main"), [without_get, word("copies", "get")]);
        assert_eq!(told("other"), [word("all", all)]);
        assert_eq!(told("third"), [word("users", all)]);
    }
}
