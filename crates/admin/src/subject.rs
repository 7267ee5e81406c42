//! What is asked: the control plane, and what only its driver knows.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use evenkeel_api::{Configuration, LabFault, LabServer, Listener, Reload};
use evenkeel_control::Handle;
use evenkeel_core::config::Operation;
use tokio::sync::Semaphore;

use crate::refusal::Refusal;

/// The process that is asked about. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its control plane.
    pub handle: Handle,
    /// What only its driver knows.
    pub driver: Arc<dyn Driver>,
    /// Places for streams of events. Each stream holds its connection.
    pub(crate) streams: Arc<Semaphore>,
}

/// How many streams of events there may be at once if nothing else is said.
pub const STREAMS_MAX_DEFAULT: usize = 32;

impl Subject {
    /// A process with this control plane and this driver.
    pub fn new(handle: Handle, driver: impl Driver) -> Self {
        let streams = Arc::new(Semaphore::new(STREAMS_MAX_DEFAULT));
        Self { handle, driver: Arc::new(driver), streams }
    }

    /// The same, with at most so many streams of events at once.
    pub fn with_streams_max(self, streams_max: usize) -> Self {
        Self { streams: Arc::new(Semaphore::new(streams_max)), ..self }
    }
}

/// What comes of a question that takes time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// Where a key goes by the routes of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyTarget {
    /// The pool.
    pub pool: String,
    /// The prefix of the route; `None` if no route fits.
    pub prefix: Option<String>,
    /// How many bytes at the key's start servers are not sent.
    pub stripped_len: usize,
    /// The operations that go there so.
    pub operations: Vec<Operation>,
}

/// What only the driver of a control plane knows.
///
/// Every method is called on the control plane's runtime and must return soon. What a driver does
/// not have (a library has no sessions, most processes no lab) it leaves as it is here.
pub trait Driver: fmt::Debug + Send + Sync + 'static {
    /// Sessions that are open; `None` if there is no such thing.
    fn sessions_open(&self) -> Option<usize> {
        None
    }

    /// Sessions refused because there were too many; `None` if there is no such thing.
    fn sessions_refused(&self) -> Option<u64> {
        None
    }

    /// Where applications connect.
    fn listeners(&self) -> Vec<Listener> {
        Vec::new()
    }

    /// Where a key goes by the routes of a listener, the only one if none is named; `None` if there
    /// are no listeners.
    fn target(
        &self,
        listener: Option<&str>,
        operation: Operation,
        key: &[u8],
    ) -> Result<Option<KeyTarget>, Refusal> {
        let _ = (operation, key);
        match listener {
            None => Ok(None),
            Some(name) => Err(Refusal::NotFound(format!("there is no listener {name:?}"))),
        }
    }

    /// Whether the process is being stopped: it still answers, and is ready no more.
    fn is_stopping(&self) -> bool {
        false
    }

    /// The configuration in effect.
    fn configuration(&self) -> Result<Configuration, Refusal> {
        Err(Refusal::NotFound("this process was configured by its own code".to_owned()))
    }

    /// The last reload; `None` if there was none.
    fn last_reload(&self) -> Option<Reload> {
        None
    }

    /// Reads the configuration again, and applies it.
    fn reload(&self) -> Answer<'_, Reload> {
        let why = "there is no file to reload: this process was started without one";
        Box::pin(std::future::ready(Err(Refusal::Conflict(why.to_owned()))))
    }

    /// What became of each hook's messages.
    fn hook_outcomes(&self) -> Vec<HookOutcomes> {
        Vec::new()
    }

    /// What the driver had to drop or refuse because a limit was reached, and how often.
    fn losses(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// Its servers, if they can be broken on purpose.
    fn lab(&self) -> Option<&dyn Lab> {
        None
    }
}

/// What became of one hook's messages since the process started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookOutcomes {
    /// The hook.
    pub hook: String,
    /// How many messages, by what became of them, in one word.
    pub outcomes: Vec<(&'static str, u64)>,
}

/// Servers that can be broken on purpose.
pub trait Lab: Send + Sync {
    /// The servers, and what is the matter with each.
    fn servers(&self) -> Vec<LabServer>;

    /// What can be done to a server.
    fn faults(&self) -> Vec<LabFault>;

    /// Does it to a server. Both are known: they are among [`Lab::servers`] and [`Lab::faults`].
    ///
    /// # Errors
    /// It cannot be done now ([`Refusal::Conflict`]): why, and what to do first.
    fn apply<'a>(&'a self, server: &'a str, fault: &'a str) -> Answer<'a, ()>;
}

/// A driver that knows nothing more than its control plane does: an application with the library.
#[derive(Clone, Copy, Debug, Default)]
pub struct Library;

impl Driver for Library {}
