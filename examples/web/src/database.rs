//! The truth: users in an `SQLite` file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension};

use crate::user::{User, UserId};

/// One connection, used by one request at a time.
///
/// That is enough for an example, and bounds the load that an outage of the cache can put on the
/// database.
#[derive(Clone)]
pub(crate) struct Database {
    connection: Arc<Mutex<Connection>>,
}

/// Why the database did not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// `SQLite` says no. Nothing was changed.
    #[error("the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The runtime is ending.
    #[error("the database: the service is being stopped")]
    Stopping(#[from] tokio::task::JoinError),
}

impl Database {
    /// Opens the file, and makes it if there is none.
    pub(crate) fn open(path: impl AsRef<Path>) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)",
        )?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// The user with this number, if there is one.
    pub(crate) async fn find(&self, id: UserId) -> Result<Option<User>, DatabaseError> {
        self.run(move |connection| {
            let query = "SELECT name FROM users WHERE id = ?";
            let name = connection.query_row(query, [id], |row| row.get(0)).optional()?;
            Ok(name.map(|name| User { id, name }))
        })
        .await
    }

    /// Stores a user in place of the one with this number, if there is one.
    pub(crate) async fn store(&self, user: User) -> Result<(), DatabaseError> {
        self.run(move |connection| {
            let query = "INSERT OR REPLACE INTO users (id, name) VALUES (?, ?)";
            connection.execute(query, (user.id, user.name)).map(drop)
        })
        .await
    }

    /// Succeeds if users can be read.
    pub(crate) async fn check(&self) -> Result<(), DatabaseError> {
        self.find(0).await.map(drop)
    }

    /// `SQLite` blocks: it is given a thread that may be blocked.
    async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let connection = Arc::clone(&self.connection);
        let task = tokio::task::spawn_blocking(move || {
            // Whoever panicked with it left a connection that is as good as before.
            query(&connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Ok(task.await??)
    }
}
