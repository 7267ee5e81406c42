//! A new configuration while the control plane runs: how it is asked for, and what becomes of it.

use evenkeel_core::config::PoolConfig;
use tokio::sync::{mpsc, oneshot};

use crate::membership::PlanError;

/// Has a running control plane take other pools and servers.
#[derive(Clone, Debug)]
pub struct Reconfigurer(mpsc::Sender<Reconfiguration>);

/// What is to be in effect.
#[derive(Debug)]
pub(crate) struct Reconfiguration {
    pub(crate) pools: Vec<PoolConfig>,
    pub(crate) reply: oneshot::Sender<Result<Reconfigured, ReconfigureError>>,
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
        replied.await.map_err(|_| ReconfigureError::Stopping)?
    }
}
