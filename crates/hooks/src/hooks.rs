//! Starts, changes and ends all hooks.

use std::fmt;
use std::io;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use evenkeel_api::{Event, HookProcess};
use evenkeel_control::Handle;
use evenkeel_control::events::Numbered;
use evenkeel_core::config::HookConfig;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::deliveries::Deliveries;
use crate::hook::Hook;

/// Describes an event to people who were not there.
pub type Describe = Arc<dyn Fn(&Numbered) -> Event + Send + Sync>;

/// The hooks of a process. Dropping it ends them at once.
pub struct Hooks {
    handle: Handle,
    describe: Describe,
    process: HookProcess,
    deliveries: Deliveries,
    /// There is none before the first hook.
    runtime: Option<Runtime>,
    running: Vec<Running>,
}

struct Running {
    config: HookConfig,
    task: JoinHandle<()>,
}

impl Hooks {
    /// No hooks. `handle` is of the control plane whose events they are told.
    pub fn new(handle: Handle, describe: Describe) -> Self {
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let process = HookProcess { machine, pid: std::process::id(), version };
        let (deliveries, running) = (Deliveries::default(), Vec::new());
        Self { handle, describe, process, deliveries, runtime: None, running }
    }

    /// What becomes of messages, counted.
    pub fn deliveries(&self) -> Deliveries {
        self.deliveries.clone()
    }

    /// Has these hooks and no others, told of what happens from event `since` on.
    ///
    /// One that is there already and says the same goes on undisturbed. A message that another is
    /// telling is not told to its end.
    ///
    /// # Errors
    /// The system has no thread or descriptors for them. Those that were there are still there.
    pub fn apply(&mut self, configs: &[HookConfig], since: u64) -> io::Result<()> {
        if self.runtime.is_none() && !configs.is_empty() {
            self.runtime = Some(start_runtime()?);
        }
        let Some(runtime) = &self.runtime else { return Ok(()) };
        let (kept, removed): (Vec<_>, Vec<_>) =
            self.running.drain(..).partition(|it| configs.contains(&it.config));
        self.running = kept;
        for hook in removed {
            hook.task.abort();
        }
        for config in configs {
            if self.running.iter().any(|it| it.config == *config) {
                continue;
            }
            let counts = self.deliveries.of(config.name.as_str());
            let describe = Arc::clone(&self.describe);
            let hook = Hook::new(config.clone(), describe, self.process.clone(), counts);
            let task = runtime.spawn(hook.run(self.handle.read_events(since)));
            self.running.push(Running { config: config.clone(), task });
        }
        Ok(())
    }

    /// Ends them when the control plane has ended and they have been told so much, at the latest
    /// after this time.
    pub fn stop(mut self, patience: Duration) {
        let Some(runtime) = self.runtime.take() else { return };
        let (is_over, over) = mpsc::channel();
        let tasks: Vec<_> = self.running.drain(..).map(|it| it.task).collect();
        runtime.spawn(async move {
            for task in tasks {
                // One that panicked has ended too.
                let _ = task.await;
            }
            // It fails if nobody waits any more.
            let _ = is_over.send(());
        });
        let _ = over.recv_timeout(patience);
        runtime.shutdown_background();
    }
}

impl Drop for Hooks {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let configs: Vec<_> = self.running.iter().map(|it| &it.config).collect();
        f.debug_struct("Hooks").field("running", &configs).finish_non_exhaustive()
    }
}

/// One thread for all hooks, and a few for the time of their requests.
fn start_runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("hooks")
        .enable_all()
        .build()
}
