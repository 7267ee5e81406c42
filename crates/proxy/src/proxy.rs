//! Starts and stops all of it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use evenkeel_admin::{Lab, Subject};
use evenkeel_control::directory::Directory;
use evenkeel_control::loss::Loss;
use evenkeel_control::membership::PlanError;
use evenkeel_control::setup::{Driver, Parts, Stop};
use evenkeel_control::worker::SharedWorker;
use evenkeel_control::{ControlPlane, Handle, set_up};
use evenkeel_core::config::{
    Config, Io, ListenAddress, ListenerName, LogConfig, PoolName, SlowRequestKeys,
};
use evenkeel_core::routing::PrefixRoutes;
use evenkeel_core::slow::SlowSettings;
use evenkeel_uring::Calls;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::admin::{Admin, AdminError, ProxyDriver, ReadAgain};
use crate::data_plane::DataPlane;
use crate::hooks;
use crate::listeners::{self, Listener, ListenerShare};
use crate::liveness::Liveness;
use crate::reconfigure::{InEffect, Listening, Reconfigure};
use crate::reload::{Beginning, Reloader, Source};
use crate::shared::Shared;

/// A running proxy. Dropping it leaves it running; see [`Proxy::stop`].
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    handle: Handle,
    reconfigure: Reconfigure,
    source: ReadAgain,
    admin_address: Option<SocketAddr>,
    workers: Vec<JoinHandle<()>>,
    control_plane: JoinHandle<()>,
    control_plane_stop: Stop,
    shutdown_timeout: Duration,
}

/// Where a proxy's configuration comes from: what the admin API says of it, and whether it is read
/// again.
pub enum Origin {
    /// Code: the API has nothing to say.
    Code,
    /// Nothing that can be read again. These are its settings, as TOML.
    Settings(String),
    /// A source, which is read again when it changes, or somebody asks: the admin API, or
    /// [`Proxy::reloader`].
    Source(Box<dyn Source>, Box<Beginning>),
}

/// Why a proxy could not start. Nothing is left running.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address cannot be bound.
    #[error("listener {name} cannot listen on {address}")]
    Bind {
        /// The listener.
        name: ListenerName,
        /// Its address.
        address: ListenAddress,
        /// Why.
        source: io::Error,
    },
    /// The pools cannot be set up.
    #[error(transparent)]
    Pools(#[from] PlanError),
    /// A listener names a pool that there is not.
    #[error("listener {0} names a pool that there is not")]
    UnknownPool(ListenerName),
    /// `io = "io_uring"`, and this process may not use it.
    #[error("the kernel allows no io_uring; with io = \"auto\" the proxy does without")]
    IoUring(#[source] io::Error),
    /// There cannot be the admin server that is wanted.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The kernel refused something that a worker or the control plane needs.
    #[error("a thread cannot be set up")]
    Thread(#[from] io::Error),
}

/// How long hooks may take to tell the last when everything else has ended.
const HOOKS_PATIENCE: Duration = Duration::from_secs(2);

/// Descriptors for everything but sessions and connections.
const DESCRIPTORS_SPARE: u64 = 64;

impl Proxy {
    /// Starts a proxy. When this returns, its listeners accept.
    ///
    /// `config` has no faults. Names of servers are looked up once here, and again by the control
    /// plane for as long as the proxy runs; one that cannot be found yet is no error.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        Self::start_from(config, Origin::Code, None)
    }

    /// The same with a configuration that comes from `origin`, and before servers that can be broken
    /// on purpose, if there are such.
    pub fn start_from(
        config: &Config,
        origin: Origin,
        lab: Option<Box<dyn Lab>>,
    ) -> Result<Self, StartError> {
        let workers_len = workers_len(config);
        raise_descriptor_limit(config, workers_len);
        let polls = (0..workers_len).map(|_| mio::Poll::new()).collect::<io::Result<Vec<_>>>()?;
        let workers = polls.iter().map(shared_worker).collect::<io::Result<Vec<_>>>()?;
        let sessions_refused = Loss::new("sessions refused");
        let admin_refused = Loss::new("admin connections refused");
        let losses = vec![sessions_refused.clone(), admin_refused.clone()];
        let driver = Driver { workers, losses: losses.clone() };
        let parts = set_up(&config.pools, driver)?;
        let Parts { shared: control, handle, control_plane, reconfigurer, stop } = parts;
        control.resolve_blocking();
        let (listeners, listening) = bind_all(config, &control.directory.load(), workers_len)?;
        let calls = calls(config.proxy.io, workers_len)?;
        let shared = Arc::new(Shared::new(control, sessions_refused));
        let mut hooks = hooks::hooks(&handle);
        hooks.apply(&config.hooks, 0)?;
        let deliveries = hooks.deliveries();
        let in_effect = InEffect { config: config.clone(), listening, former: Vec::new() };
        let reconfigure = Reconfigure {
            shared: Arc::clone(&shared),
            reconfigurer,
            in_effect: Arc::new(Mutex::new(in_effect)),
            hooks: Arc::new(Mutex::new(Some(hooks))),
            turn: Arc::default(),
        };
        let source = ReadAgain::from(origin, &reconfigure)?;
        let admin = config.admin.as_ref().map(|it| Admin::bind(it, admin_refused)).transpose()?;
        let admin_address = admin.as_ref().map(Admin::address);
        let served = admin.map(|admin| {
            let (reconfigure, source) = (reconfigure.clone(), source.clone());
            let driver = ProxyDriver { reconfigure, source, losses, deliveries, lab };
            admin.serve(Subject::new(handle.clone(), driver))
        });
        let mut proxy = Self {
            handle,
            shared,
            reconfigure,
            source,
            admin_address,
            workers: Vec::new(),
            control_plane: spawn(control_plane, served)?,
            control_plane_stop: stop,
            shutdown_timeout: config.proxy.shutdown_timeout,
        };
        for ((poll, listeners), calls) in polls.into_iter().zip(listeners).zip(calls) {
            if let Err(error) = proxy.start_worker(poll, listeners, calls) {
                proxy.stop();
                return Err(error.into());
            }
        }
        Ok(proxy)
    }

    fn start_worker(
        &mut self,
        poll: mio::Poll,
        listeners: Vec<Listener>,
        calls: Calls,
    ) -> io::Result<()> {
        let (idx, shared) = (self.workers.len(), Arc::clone(&self.shared));
        let slow = slow_settings(&self.reconfigure.in_effect().config.log);
        let settings = (self.shutdown_timeout, slow);
        let data_plane = DataPlane::new(poll, shared, idx, listeners, calls, settings)?;
        let thread = std::thread::Builder::new().name(format!("worker-{idx}"));
        self.workers.push(thread.spawn(move || data_plane.run())?);
        Ok(())
    }

    /// Where its listeners listen, with the ports that were given for port 0.
    pub fn addresses(&self) -> Vec<(ListenerName, ListenAddress)> {
        let in_effect = self.reconfigure.in_effect();
        let listening = in_effect.listening.iter();
        listening.map(|it| (it.config.name.clone(), it.address.clone())).collect()
    }

    /// Has its configuration read again; `None` if it comes from no [`Source`].
    pub fn reloader(&self) -> Option<&Reloader> {
        self.source.reloader()
    }

    /// A way to give it another configuration while it runs.
    pub fn reconfigure(&self) -> Reconfigure {
        self.reconfigure.clone()
    }

    /// Where its admin server listens, if it has one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// A way to ask things of it and to tell it things, from any thread.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// A way to ask whether it moves, from any thread.
    pub fn liveness(&self) -> Liveness {
        Liveness::new(Arc::clone(&self.shared))
    }

    /// How long [`Proxy::stop`] may take.
    pub fn shutdown_timeout(&self) -> Duration {
        self.shutdown_timeout
    }

    /// Accepts nothing more, finishes what is in flight, and returns when all threads have ended:
    /// at the latest after [`Proxy::shutdown_timeout`]; and two seconds more if hooks still have
    /// something to tell and nobody listens.
    pub fn stop(self) {
        self.shared.stop();
        for worker in self.workers {
            worker.join().expect("a worker does not panic");
        }
        self.control_plane_stop.stop();
        self.control_plane.join().expect("the control plane does not panic");
        let hooks = self.reconfigure.hooks.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(hooks) = hooks {
            hooks.stop(HOOKS_PATIENCE);
        }
    }
}

/// Which requests are told of because they took long.
fn slow_settings(log: &LogConfig) -> SlowSettings {
    let are_keys_shown = log.slow_request_keys == SlowRequestKeys::Shown;
    match log.slow_request {
        Duration::ZERO => SlowSettings::NEVER,
        after => SlowSettings { after, are_keys_shown },
    }
}

/// What the control plane is to know of the worker that this is for.
fn shared_worker(poll: &mio::Poll) -> io::Result<SharedWorker> {
    let waker = DataPlane::waker(poll)?;
    Ok(SharedWorker::new(move || {
        // A waker fails only if its loop is gone, and then there is nobody to wake.
        let _ = waker.wake();
    }))
}

/// Runs a control plane on a thread of its own, and the admin server beside it for as long.
fn spawn(
    control_plane: ControlPlane,
    admin: Option<impl Future<Output = ()> + Send + 'static>,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name("control-plane".to_owned());
    thread.spawn(move || {
        if let Some(admin) = admin {
            runtime.spawn(admin);
        }
        runtime.block_on(control_plane.run());
    })
}

/// Each worker's way of reading and writing.
fn calls(io: Io, workers_len: usize) -> Result<Vec<Calls>, StartError> {
    let one_by_one = || (0..workers_len).map(|_| Calls::one_by_one()).collect();
    let together = || (0..workers_len).map(|_| Calls::together()).collect::<io::Result<_>>();
    match io {
        Io::Epoll => Ok(one_by_one()),
        Io::IoUring => together().map_err(StartError::IoUring),
        Io::Auto => Ok(together().unwrap_or_else(|error| {
            tracing::info!(%error, "the kernel allows no io_uring; a system call for each socket");
            one_by_one()
        })),
    }
}

fn workers_len(config: &Config) -> usize {
    match config.proxy.workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    }
}

/// Every session and every connection takes a descriptor, and the usual limit of 1024 is a
/// default for programs that use `select`.
fn raise_descriptor_limit(config: &Config, workers_len: usize) {
    let sessions: usize = config.listeners.iter().map(|it| it.sessions_max).sum();
    let servers: usize = config.pools.iter().map(|it| it.servers.len()).sum();
    let wanted = (sessions + servers * (workers_len + 1)) as u64 + DESCRIPTORS_SPARE;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let reached = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let raised = Rlimit { current: Some(reached), maximum: limit.maximum };
    if setrlimit(Resource::Nofile, raised).is_err() || reached < wanted {
        tracing::warn!(
            wanted,
            reached,
            "the limit of open files is below what sessions_max may need; raise it (ulimit -n)"
        );
    }
}

type BoundAll = (Vec<Vec<Listener>>, Vec<Listening>);

/// Binds all listeners: for each worker its sockets, and where they listen.
fn bind_all(
    config: &Config,
    directory: &Directory,
    workers_len: usize,
) -> Result<BoundAll, StartError> {
    let mut of_worker: Vec<Vec<Listener>> = (0..workers_len).map(|_| Vec::new()).collect();
    let mut listening = Vec::new();
    for listener in &config.listeners {
        let name = listener.name.clone();
        let id_of = |pool: &PoolName| directory.pool_named(pool.as_str());
        let Some(routes) = PrefixRoutes::new(listener, &config.routes, id_of) else {
            return Err(StartError::UnknownPool(name));
        };
        let bound = listeners::bind(listener, workers_len).map_err(|source| StartError::Bind {
            name: name.clone(),
            address: listener.address.clone(),
            source,
        })?;
        let sessions_len = Arc::default();
        let share = Arc::new(ListenerShare::new(listener, routes, Arc::clone(&sessions_len)));
        for (worker, socket) in of_worker.iter_mut().zip(bound.sockets) {
            let (share, path) = (Arc::clone(&share), bound.path.clone());
            worker.push(Listener { share, socket, path });
        }
        let config = listener.clone();
        listening.push(Listening { config, address: bound.address, sessions_len });
    }
    Ok((of_worker, listening))
}
