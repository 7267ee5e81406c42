//! What a driver brings for a control plane, and what it gets: the one way to make one.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use evenkeel_core::config::PoolConfig;
use evenkeel_core::routing::RoutingTable;
use tokio::sync::{mpsc, oneshot};

use crate::control_plane::{ControlPlane, Inputs};
use crate::directory::Directory;
use crate::handle::Handle;
use crate::loss::Loss;
use crate::membership::{Plan, PlanError};
use crate::misplaced::Misplaced;
use crate::reconfiguration::Reconfigurer;
use crate::routes;
use crate::shared::Shared;
use crate::worker::SharedWorker;

/// What a driver brings.
#[derive(Debug, Default)]
pub struct Driver {
    /// Its workers. Their places in this list are what [`Shared::worker_settings`] counts by.
    pub workers: Vec<SharedWorker>,
    /// What it may have to drop or refuse.
    pub losses: Vec<Loss>,
}

/// What a driver gets: a control plane that is ready to run, and the ways to it.
#[derive(Debug)]
pub struct Parts {
    /// What it shares with the workers. In its first table every server is usable.
    pub shared: Arc<Shared>,
    /// What operators ask of it.
    pub handle: Handle,
    /// Changes who is there while it runs.
    pub reconfigurer: Reconfigurer,
    /// To be run.
    pub control_plane: ControlPlane,
    /// Ends it.
    pub stop: Stop,
}

/// Ends a control plane when it is used or dropped.
#[derive(Debug)]
pub struct Stop(oneshot::Sender<()>);

impl Stop {
    /// Ends it soon: it does not wait for that.
    pub fn stop(self) {
        // It fails only if the control plane has ended.
        let _ = self.0.send(());
    }
}

/// A control plane for the servers of `pools`, which have no faults, in their order.
///
/// No server's address is known yet: see [`Shared::resolve_blocking`]. It needs no runtime.
pub fn set_up(pools: &[PoolConfig], driver: Driver) -> Result<Parts, PlanError> {
    let nobody = RoutingTable { pools: Vec::new(), servers: Vec::new() };
    let plan = Plan::new(&Directory::default(), &nobody, pools, BTreeSet::new())?;
    let table = plan.completed(&plan.prepared(&nobody));
    let recoveries = pools.iter().map(routes::recovery_settings);
    // The one source of randomness that the standard library has.
    let misplaced = Misplaced::new(recoveries, RandomState::new().build_hasher().finish());
    let (shared, reports) = Shared::new(plan.directory, table, misplaced, driver.workers);
    let (stop_sender, stop) = oneshot::channel();
    let (orders_in, orders) = mpsc::unbounded_channel();
    let (reconfigurations_in, reconfigurations) = mpsc::channel(1);
    let inputs = Inputs { reports, orders, reconfigurations, stop };
    Ok(Parts {
        handle: Handle::new(Arc::clone(&shared), orders_in),
        control_plane: ControlPlane::new(Arc::clone(&shared), inputs, driver.losses),
        reconfigurer: Reconfigurer::new(reconfigurations_in),
        stop: Stop(stop_sender),
        shared,
    })
}
