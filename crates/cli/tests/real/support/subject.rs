//! What a load goes through: the proxy, or the library.

use std::thread;

use super::{Application, Library, Proxy};

/// What stands between applications and servers, and is under test.
pub(crate) enum Subject {
    Proxy(Proxy),
    Library(Library),
}

impl Subject {
    /// Another application of it.
    pub(crate) fn application(&self) -> Application {
        match self {
            Self::Proxy(proxy) => {
                Application::Connection { address: proxy.address(), session: None }
            }
            Self::Library(library) => Application::Task(library.client().clone()),
        }
    }

    /// Has an application do this: on a thread of its own, or as a task where the library is.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Proxy(_) => {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                let runtime = runtime.expect("a runtime without sockets and timers can be had");
                thread::spawn(move || runtime.block_on(work));
            }
            Self::Library(library) => library.spawn(work),
        }
    }
}
