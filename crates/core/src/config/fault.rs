//! What can be wrong with a configuration whose every value was readable, and where.
//!
//! A fault names a setting by its path (`pool.main.deadline`), not by a place in a file: the
//! same checks serve a configuration that was built in code. Whoever read a file knows which
//! line a path came from.

use std::fmt;
use std::net::SocketAddr;

use crate::distribution::{BuildError, Scheme, Weight};

use super::name::{HookName, ListenerName, PoolName};
use super::route::{KeyPrefix, RouteConfig};

/// Where a setting stands: the keys that lead to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath(Vec<Step>);

/// One step of a [`KeyPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A key of a table.
    Key(String),
    /// An element of an array, counted from 0.
    Element(usize),
}

impl KeyPath {
    /// The configuration as a whole.
    pub const ROOT: Self = Self(Vec::new());

    /// The path of `key` in this table.
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.with(Step::Key(key.into()))
    }

    /// The path of an element of this array.
    pub fn element(&self, idx: usize) -> Self {
        self.with(Step::Element(idx))
    }

    /// The path without its last step; `None` for [`KeyPath::ROOT`].
    pub fn parent(&self) -> Option<Self> {
        let (_, before) = self.0.split_last()?;
        Some(Self(before.to_vec()))
    }

    /// Whether `other` is this path or leads further in.
    pub fn leads_to(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    fn with(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }
}

impl fmt::Display for KeyPath {
    /// As in `pool.main.servers[2].weight`; a key that needs quotes has them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, step) in self.0.iter().enumerate() {
            match step {
                Step::Element(element) => write!(f, "[{element}]")?,
                Step::Key(key) => {
                    let dot = if idx == 0 { "" } else { "." };
                    f.write_str(dot)?;
                    write_key(key, f)?;
                }
            }
        }
        Ok(())
    }
}

fn write_key(key: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_bare = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == '-';
    if !key.is_empty() && key.chars().all(is_bare) {
        f.write_str(key)
    } else {
        write!(f, "{key:?}")
    }
}

/// One thing that is wrong with a configuration.
///
/// Its text says what is wrong and names no place but [`Fault::other`]; [`Problem::remedy`] says
/// what to do. Nothing was changed or started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The setting at fault.
    pub at: KeyPath,
    /// A second setting it disagrees with.
    pub other: Option<KeyPath>,
    /// What is wrong.
    pub problem: Problem,
}

impl Fault {
    pub(super) fn new(at: KeyPath, problem: Problem) -> Self {
        Self { at, other: None, problem }
    }

    pub(super) fn between(at: KeyPath, other: KeyPath, problem: Problem) -> Self {
        Self { at, other: Some(other), problem }
    }
}

impl fmt::Display for Fault {
    /// `path: what is wrong; what to do`, for a configuration without a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.at, self.problem, self.problem.remedy())
    }
}

impl std::error::Error for Fault {}

/// What is wrong. The author of the configuration is at fault; nothing was changed or started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A value is outside its range.
    #[error("{value} is out of range")]
    OutOfRange {
        /// The value, as written.
        value: String,
        /// The lowest accepted.
        min: String,
        /// The highest accepted.
        max: String,
    },
    /// A setting is below one that it must reach.
    #[error("{low} is less than {high}")]
    Below {
        /// The setting that is too low.
        low: Current,
        /// The setting it must reach.
        high: Current,
    },
    /// No listener, of which a process needs one: no application could connect.
    #[error("there is no listener")]
    NoListeners,
    /// No pool: no request could be served.
    #[error("there is no pool")]
    NoPools,
    /// A pool without servers.
    #[error("a pool needs at least one server")]
    NoServers,
    /// A listener names a pool that is not there.
    #[error("there is no pool {name:?}")]
    UnknownPool {
        /// The name.
        name: String,
        /// The pools there are.
        pools: Vec<PoolName>,
    },
    /// A route names a listener that is not there.
    #[error("there is no listener {name:?}")]
    UnknownListener {
        /// The name.
        name: String,
        /// The listeners there are.
        listeners: Vec<ListenerName>,
    },
    /// Two routes for the same keys, operation and listeners: only one could count.
    #[error("another route has the prefix {:?} for {operation:?} already", prefix.as_str())]
    RouteTwice {
        /// The prefix of both.
        prefix: KeyPrefix,
        /// An operation of both.
        operation: &'static str,
    },
    /// A route that is for no request.
    #[error("a route without operations is for no request")]
    RouteWithoutOperations,
    /// A prefix to strip that is none.
    #[error("strip_prefix has no effect without a prefix")]
    NothingToStrip,
    /// More routes than [`RouteConfig::ROUTES_MAX`].
    #[error("there are {0} routes, and may be {max}", max = RouteConfig::ROUTES_MAX)]
    TooManyRoutes(usize),
    /// `failover = "gutter"` without the name of the pool.
    #[error("failover is \"gutter\", and gutter names no pool")]
    GutterMissing,
    /// A gutter that is never used.
    #[error("gutter has no effect unless failover is \"gutter\"")]
    GutterUnused,
    /// A pool that is to stand in for itself.
    #[error("a pool cannot be its own gutter")]
    OwnGutter,
    /// A server that would stand in for itself: what it was sent late under one name could be read
    /// under the other.
    #[error("server {0} is in the pool and in its gutter")]
    ServerInGutter(String),
    /// A gutter that another pool, a listener or a route uses too: their keys would mix there.
    #[error("pool {0} is not this pool's alone")]
    GutterShared(PoolName),
    /// Two listeners at one address: the system would share sessions between them at random.
    #[error("listener {first} already listens on {address}")]
    AddressTaken {
        /// The address.
        address: String,
        /// Who has it.
        first: ListenerName,
    },
    /// Permissions of a socket that has no file.
    #[error("socket_mode has no effect on a port")]
    NoSocketFile,
    /// The admin server would be open to whoever reaches it over the network.
    #[error("{0} is open to others, and there is no token_file")]
    AdminOpen(SocketAddr),
    /// The admin server at a listener's address.
    #[error("listener {first} already listens on {address}")]
    AdminAddressTaken {
        /// The address.
        address: SocketAddr,
        /// Who has it.
        first: ListenerName,
    },
    /// Two pools of one name. A file cannot say that; code can.
    #[error("there is already a pool {0}")]
    PoolNameTaken(PoolName),
    /// Two listeners of one name. A file cannot say that; code can.
    #[error("there is already a listener {0}")]
    ListenerNameTaken(ListenerName),
    /// Two hooks of one name. A file cannot say that; code can.
    #[error("there is already a hook {0}")]
    HookNameTaken(HookName),
    /// A hook that is told of nothing.
    #[error("a hook without events is never told of anything")]
    HookWithoutEvents,
    /// A setting of a hook that only webhooks heed.
    #[error("it has no effect on a command")]
    NoEffectOnCommand,
    /// A path that would mean something else in another directory.
    #[error("{0:?} is not a whole path")]
    RelativePath(String),
    /// One server twice in a pool.
    #[error("server {0} is already in this pool")]
    ServerTwice(String),
    /// A server's name that another server of the pool is already known by.
    #[error("another server of this pool is already known as {0:?}")]
    ServerNameTaken(String),
    /// A weight where the distribution knows none: it would have no effect.
    #[error("weight {weight} has no effect: distribution {:?} gives servers equal shares", .scheme.name())]
    WeightUnused {
        /// The weight.
        weight: Weight,
        /// The distribution.
        scheme: Scheme,
    },
    /// The servers do not fit the distribution in another way.
    #[error(transparent)]
    Distribution(BuildError),
}

/// A setting and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// Its name.
    pub key: &'static str,
    /// Its value, as written.
    pub value: String,
    /// The value it has if left out, as written.
    pub default: String,
}

impl fmt::Display for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Said because the reader will look for it in the file in vain.
        let note = if self.value == self.default { ", its default" } else { "" };
        write!(f, "{} ({}{note})", self.key, self.value)
    }
}

impl Problem {
    /// What to do about it: a clause without capital and full stop.
    pub fn remedy(&self) -> String {
        match self {
            Self::OutOfRange { min, max, .. } => format!("choose a value from {min} to {max}"),
            Self::Below { low, high } => format!(
                "set {} to at least {}, or {} to at most {}",
                low.key, high.value, high.key, low.value
            ),
            Self::NoListeners => "add a [listener.NAME] table with address and pool".to_owned(),
            Self::NoPools => "add a [pool.NAME] table with servers".to_owned(),
            Self::NoServers => "set servers to a list such as [\"10.0.0.1:11211\"]".to_owned(),
            Self::UnknownPool { pools, .. } => match pools.as_slice() {
                [] => "add a [pool.NAME] table with servers".to_owned(),
                [only] => format!("the only pool is {only}"),
                pools => format!("the pools are {}", joined(pools)),
            },
            Self::UnknownListener { listeners, .. } => match listeners.as_slice() {
                [] => "add a [listener.NAME] table with address and pool".to_owned(),
                [only] => format!("the only listener is {only}"),
                listeners => format!("the listeners are {}", joined(listeners)),
            },
            Self::RouteTwice { .. } => {
                "remove one, or give them different operations or listeners".to_owned()
            }
            Self::RouteWithoutOperations => {
                "remove operations for all of them, or the table".to_owned()
            }
            Self::NothingToStrip => "remove it, or give the route a prefix".to_owned(),
            Self::TooManyRoutes(_) => "use prefixes that many keys have in common".to_owned(),
            Self::GutterMissing => "set gutter to the NAME of a pool of spare servers".to_owned(),
            Self::GutterUnused => "remove it, or set failover to \"gutter\"".to_owned(),
            Self::OwnGutter => "name a pool of other servers".to_owned(),
            Self::ServerInGutter(_) => "give the gutter servers of its own".to_owned(),
            Self::GutterShared(_) => {
                "give each pool a gutter of its own that no listener and no route names".to_owned()
            }
            Self::AddressTaken { .. } => "give each listener an address of its own".to_owned(),
            Self::NoSocketFile => "remove it, or listen at \"unix:PATH\"".to_owned(),
            Self::AdminOpen(address) => format!(
                "set token_file to a file with a token, or address to \"127.0.0.1:{}\"",
                address.port()
            ),
            Self::AdminAddressTaken { .. } => {
                "give the admin server an address of its own".to_owned()
            }
            Self::PoolNameTaken(_) | Self::ListenerNameTaken(_) | Self::HookNameTaken(_) => {
                "give one of them another name".to_owned()
            }
            Self::HookWithoutEvents => "remove events for the usual ones, or the table".to_owned(),
            Self::NoEffectOnCommand => "remove it".to_owned(),
            Self::RelativePath(_) => "write it from the root, beginning with /".to_owned(),
            Self::ServerTwice(_) => "remove one; to give it more keys, raise its weight".to_owned(),
            Self::ServerNameTaken(_) => "give each server a name of its own".to_owned(),
            Self::WeightUnused { scheme, .. } => weight_remedy(*scheme),
            Self::Distribution(error) => distribution_remedy(error).to_owned(),
        }
    }
}

/// Names the distribution that the same client has for servers of unequal weight, if there is one.
fn weight_remedy(scheme: Scheme) -> String {
    let family = |name: &'static str| name.split('-').next();
    let weighted = Scheme::NAMES
        .into_iter()
        .find(|(name, other)| other.is_weighted() && family(name) == family(scheme.name()));
    match weighted {
        Some((name, _)) => format!("remove it, or choose {name:?}"),
        None => "remove it, or choose a distribution with weights such as \"ketama\"".to_owned(),
    }
}

fn distribution_remedy(error: &BuildError) -> &'static str {
    match error {
        BuildError::NoMembers => "set servers to a list such as [\"10.0.0.1:11211\"]",
        BuildError::TooManyMembers { .. } => "split the servers over several pools",
        BuildError::DuplicateText { .. } => "give each server a name of its own",
        BuildError::TotalWeightTooLarge { .. } => "divide all weights by a common factor",
    }
}

fn joined(names: &[impl fmt::Display]) -> String {
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_with_dots_and_brackets() {
        let path = KeyPath::ROOT.key("pool").key("main").key("servers").element(2).key("weight");
        assert_eq!(path.to_string(), "pool.main.servers[2].weight");
        assert_eq!(KeyPath::ROOT.to_string(), "");
        let quoted = KeyPath::ROOT.key("pool").key("a b\u{1b}").key("");
        assert_eq!(quoted.to_string(), r#"pool."a b\u{1b}"."""#);
        assert_eq!(path.parent().unwrap().to_string(), "pool.main.servers[2]");
        assert_eq!(KeyPath::ROOT.parent(), None);
    }

    #[test]
    fn a_path_leads_to_itself_and_further_in() {
        let pool = KeyPath::ROOT.key("pool");
        assert!(pool.leads_to(&pool.key("main")));
        assert!(pool.leads_to(&pool));
        assert!(!pool.key("main").leads_to(&pool));
        assert!(!pool.leads_to(&KeyPath::ROOT.key("pools")));
    }

    #[test]
    fn a_fault_says_where_what_and_what_to_do() {
        let at = KeyPath::ROOT.key("pool").key("main").key("servers");
        assert_eq!(
            Fault::new(at, Problem::NoServers).to_string(),
            "pool.main.servers: a pool needs at least one server; \
             set servers to a list such as [\"10.0.0.1:11211\"]"
        );
    }
}
