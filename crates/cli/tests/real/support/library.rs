//! The library under test, in this process, on a runtime of its own.

use std::process::{self, Command};
use std::sync::{Arc, Barrier, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use evenkeel::Client;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A client of some servers with its default configuration, and the runtime that it and its
/// applications are on. Both end when it is dropped.
pub(crate) struct Library {
    client: Client,
    runtime: Handle,
    flavour: Flavour,
    /// Ends the runtime.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Which runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// Of two threads.
    MultiThread,
    /// Everything on one.
    CurrentThread,
}

/// Which threads of the runtime stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    One,
    All,
}

impl Library {
    /// Builds a client of these servers.
    pub(crate) fn start(servers: &[String], flavour: Flavour) -> Self {
        let mut builder = match flavour {
            Flavour::MultiThread => Builder::new_multi_thread(),
            Flavour::CurrentThread => Builder::new_current_thread(),
        };
        let builder = builder.worker_threads(flavour.threads_count()).enable_all();
        let runtime = builder.build().expect("threads can be started");
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            // It is told so, or whoever would have told it is gone.
            let _ = runtime.block_on(stopped);
        });
        let servers = servers.to_vec();
        let client = run_on(&handle, async move { Client::connect(servers).await })
            .expect("valid addresses");
        Self { client, runtime: handle, flavour, stop: Some(stop), thread: Some(thread) }
    }

    /// The client, as any task has it.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Has a task do this.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Has tasks block threads of the runtime for so long, as no task should; returns when they do
    /// so no longer.
    pub(crate) fn block(&self, threads: Threads, duration: Duration) {
        let count = match threads {
            Threads::One => 1,
            Threads::All => self.flavour.threads_count(),
        };
        // Each of them has a thread when all have one.
        let all_there = Arc::new(Barrier::new(count));
        let (done, all_done) = mpsc::channel();
        for _ in 0..count {
            let (all_there, done) = (Arc::clone(&all_there), done.clone());
            self.spawn(async move {
                all_there.wait();
                thread::sleep(duration);
                done.send(()).expect("they are waited for");
            });
        }
        all_done.into_iter().take(count).for_each(drop);
    }

    /// Stops this whole process for so long: the library, its applications, and who measures them.
    #[expect(clippy::unused_self, reason = "the process is the library's")]
    pub(crate) fn hang(&self, duration: Duration) {
        let (id, seconds) = (process::id(), duration.as_secs_f64());
        let script = format!("kill -STOP {id}; sleep {seconds}; kill -CONT {id}");
        let status = Command::new("sh").args(["-c", &script]).status();
        assert!(status.is_ok_and(|status| status.success()), "{script} failed");
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            ended.expect("it is joined once").expect("the runtime's thread does not panic");
        }
    }
}

impl Flavour {
    fn threads_count(self) -> usize {
        match self {
            Self::MultiThread => 2,
            Self::CurrentThread => 1,
        }
    }
}

/// Has a task do this, and waits for what comes of it.
fn run_on<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    let (sender, receiver) = mpsc::channel();
    runtime.spawn(async move { sender.send(work.await) });
    receiver.recv().expect("the task does not panic")
}
