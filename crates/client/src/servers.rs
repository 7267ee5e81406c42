//! What an application asks of the servers themselves, and not of what they hold.
//!
//! Each question goes to every server at once, those of a gutter pool among them, on a connection
//! that is opened for it: it neither waits for requests nor is waited for by any. What is judged of
//! a server does not change by it; that is for canaries.

use std::fmt;
use std::time::Duration;

use evenkeel_control::asking;
pub use evenkeel_control::asking::Stats as ServerStats;
use evenkeel_control::server::SharedServer;
use evenkeel_core::config::PoolName;
use evenkeel_core::failure::Failure;
use evenkeel_core::routing::ServerRoute;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::outcome::{Error, Unavailable};

/// What one server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAnswer<T> {
    /// Its pool.
    pub pool: PoolName,
    /// Its name, or else its address.
    pub server: String,
    /// What it says, or why it does not.
    pub result: Result<T, Unavailable>,
}

/// Why [`Client::ping`] is not content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PingError {
    /// Some servers do not do what they are asked.
    #[error("{} of {servers_len} servers cannot be used: {}", down.len(), DownList(down))]
    Down {
        /// Those that do not, with the reason.
        down: Vec<DownServer>,
        /// How many there are.
        servers_len: usize,
    },
    /// The runtime that the client was built on has ended.
    #[error("the client's runtime has ended; build a client on the one that is to use it")]
    Closed,
}

/// A server that does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownServer {
    /// Its pool.
    pub pool: PoolName,
    /// Its name, or else its address.
    pub server: String,
    /// What went wrong.
    pub why: Unavailable,
}

impl fmt::Display for DownServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} ({})", self.pool, self.server, self.why)
    }
}

struct DownList<'a>(&'a [DownServer]);

impl fmt::Display for DownList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, server) in self.0.iter().enumerate() {
            let separator = if idx == 0 { "" } else { ", " };
            write!(f, "{separator}{server}")?;
        }
        Ok(())
    }
}

/// What the servers are asked.
trait Question: Send + 'static {
    /// What they answer.
    type Answer: Send + 'static;

    fn ask(
        server: &SharedServer,
        timeout: Duration,
    ) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

struct Proof;

impl Question for Proof {
    type Answer = ();

    async fn ask(server: &SharedServer, timeout: Duration) -> Result<(), Failure> {
        asking::prove_server(server, timeout).await
    }
}

struct Version;

impl Question for Version {
    type Answer = String;

    async fn ask(server: &SharedServer, timeout: Duration) -> Result<String, Failure> {
        asking::version(server, timeout).await
    }
}

struct Stats;

impl Question for Stats {
    type Answer = asking::Stats;

    async fn ask(server: &SharedServer, timeout: Duration) -> Result<asking::Stats, Failure> {
        asking::stats(server, timeout).await
    }
}

impl Client {
    /// Whether any server is in use at the moment. If not, take your fallback: every read would be
    /// unavailable.
    ///
    /// It looks at what is known and asks nobody: cheap enough for each request.
    pub fn available(&self) -> bool {
        let engine = &self.inner.engine;
        !engine.is_closed() && engine.shared.table.load().servers.iter().any(ServerRoute::is_wanted)
    }

    /// Has every server store, return and delete a value of its own, each on a new connection and
    /// within the deadline.
    ///
    /// It is about what the servers do now, not about what they are taken for: a server that has
    /// just come back passes before it is used again.
    ///
    /// # Errors
    /// Some server does not: which, and why.
    pub async fn ping(&self) -> Result<(), PingError> {
        let answers = self.ask_all::<Proof>().await.map_err(|_| PingError::Closed)?;
        let servers_len = answers.len();
        let down: Vec<_> = answers
            .into_iter()
            .filter_map(|ServerAnswer { pool, server, result }| {
                result.err().map(|why| DownServer { pool, server, why })
            })
            .collect();
        if down.is_empty() { Ok(()) } else { Err(PingError::Down { down, servers_len }) }
    }

    /// What every server says its version is, in the order of the configuration; each is asked on
    /// a connection of its own, and within the deadline.
    ///
    /// # Errors
    /// Only [`Error::Closed`]: a server that does not answer is an answer among the others.
    pub async fn version(&self) -> Result<Vec<ServerAnswer<String>>, Error> {
        self.ask_all::<Version>().await
    }

    /// The statistics of every server, name and value each, as [`Client::version`] asks for
    /// versions. One server's may be 64 KiB at most.
    ///
    /// # Errors
    /// As [`Client::version`].
    pub async fn stats(&self) -> Result<Vec<ServerAnswer<ServerStats>>, Error> {
        self.ask_all::<Stats>().await
    }

    async fn ask_all<Q: Question>(&self) -> Result<Vec<ServerAnswer<Q::Answer>>, Error> {
        let engine = &self.inner.engine;
        let timeout = self.deadline.unwrap_or(self.inner.deadline);
        // Dropped before they have answered, none of them is asked any further.
        let mut asked = JoinSet::new();
        let directory = engine.shared.directory.load_full();
        let servers: Vec<_> = directory.present_servers().map(|(_, it)| it.clone()).collect();
        for (idx, server) in servers.iter().cloned().enumerate() {
            let ask = async move { (idx, Q::ask(&server, timeout).await) };
            asked.spawn_on(ask, &engine.runtime);
        }
        let mut results = Vec::new();
        while let Some(joined) = asked.join_next().await {
            // The runtime ends.
            results.push(joined.map_err(|_| Error::Closed)?);
        }
        results.sort_unstable_by_key(|(idx, _)| *idx);
        let answer = |(idx, result): (usize, Result<_, _>)| {
            let names = &servers[idx].names;
            let (pool, server) = (names.pool.clone(), names.server.clone());
            ServerAnswer { pool, server, result: result.map_err(Unavailable) }
        };
        Ok(results.into_iter().map(answer).collect())
    }
}
