//! A new configuration while the control plane runs: how it is asked for, and what becomes of it.

use std::sync::Arc;

use evenkeel_core::config::PoolConfig;
use evenkeel_core::routing::{FORMER_LAYOUTS_MAX, PoolId, RoutingTable};
use tokio::sync::{mpsc, oneshot};

use crate::directory::Directory;
use crate::membership::PlanError;

/// Has a running control plane take other pools and servers.
#[derive(Clone, Debug)]
pub struct Reconfigurer(mpsc::Sender<Reconfiguration>);

/// What is to be in effect.
#[derive(Debug)]
pub(crate) struct Reconfiguration {
    pub(crate) pools: Vec<PoolConfig>,
    pub(crate) reply: oneshot::Sender<Result<HandedOver, ReconfigureError>>,
}

/// What is in effect now.
#[derive(Debug)]
pub(crate) struct HandedOver {
    pub(crate) directory: Directory,
    pub(crate) table: Arc<RoutingTable>,
    /// Pools that were there and whose keys belong elsewhere.
    pub(crate) moved: Vec<PoolId>,
}

/// What a new configuration has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconfigured {
    /// What the operator should know, one line each.
    pub warnings: Vec<String>,
}

/// Why a configuration is not in effect. What was before still is.
#[derive(Debug, thiserror::Error)]
pub enum ReconfigureError {
    /// It cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The control plane has ended.
    #[error("the control plane has ended")]
    Stopping,
}

impl Reconfigurer {
    pub(crate) fn new(reconfigurations: mpsc::Sender<Reconfiguration>) -> Self {
        Self(reconfigurations)
    }

    /// Has `pools`, which have no faults, be what there is, and returns when every worker routes by
    /// it. That takes some turns of the slowest worker's loop; requests wait for nothing.
    ///
    /// Servers are the same if they have the same address in a pool of the same name: they keep
    /// their connections, their state and their misplaced keys. Others are flushed before they are
    /// used, unless their pool's `rejoin` is `trust`.
    ///
    /// # Errors
    /// Nothing has changed.
    pub async fn apply(&self, pools: Vec<PoolConfig>) -> Result<Reconfigured, ReconfigureError> {
        let (reply, replied) = oneshot::channel();
        let sent = self.0.send(Reconfiguration { pools, reply }).await;
        sent.map_err(|_| ReconfigureError::Stopping)?;
        let handed_over = replied.await.map_err(|_| ReconfigureError::Stopping)??;
        // Here, because it places thousands of keys: the control plane has no time for that.
        Ok(Reconfigured { warnings: handed_over.warnings() })
    }
}

impl HandedOver {
    fn warnings(&self) -> Vec<String> {
        let of_pool =
            |id: &PoolId| [self.warning_about_values(*id), self.warning_about_memory(*id)];
        self.moved.iter().flat_map(of_pool).flatten().collect()
    }

    /// Servers to which keys have come home that were at home there before the last change: those
    /// may be served values that are older than what was written since.
    fn warning_about_values(&self, pool: PoolId) -> Option<String> {
        let regained = self.table.pool(pool).regained();
        let names: Vec<_> =
            regained.iter().map(|id| self.directory.server(*id).names.to_string()).collect();
        let orders: Vec<_> = names.iter().map(|it| format!("evenkeel server flush {it}")).collect();
        let (name, names) = (&self.directory.pool(pool).config.name, names.join(", "));
        (!regained.is_empty()).then(|| {
            format!(
                "pool {name}: keys have come back to {names}, where they were before an earlier \
                 change; older values of them may be read there until they expire. To be sure, \
                 empty these servers one after another: {}",
                orders.join("; ")
            )
        })
    }

    /// More changes than are remembered: safe, and no longer of use while a server is away.
    fn warning_about_memory(&self, pool: PoolId) -> Option<String> {
        let name = &self.directory.pool(pool).config.name;
        self.table.pool(pool).former.is_incomplete().then(|| {
            format!(
                "pool {name}: its keys have been placed in more than {FORMER_LAYOUTS_MAX} ways since \
                 the proxy started, and who may hold old values is not known any more: keys of a \
                 server that fails are misses and go nowhere else. Restart the proxy at a good time"
            )
        })
    }
}
