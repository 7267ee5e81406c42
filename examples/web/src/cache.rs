//! Users in the cache.
//!
//! It decides what a user's key and bytes are, and how long a request waits for the cache. It never
//! fails a request: what cannot be read is a miss, and what cannot be stored is not stored.

use std::time::Duration;

use evenkeel::{BuildError, Client, Handle, Lookup, Write};

use crate::user::{User, UserId};

/// A client of memcached, for users.
#[derive(Clone)]
pub(crate) struct UserCache {
    client: Client,
    /// The same one, for reads: a database that answers in a millisecond is not waited for longer
    /// than this.
    reader: Client,
}

impl UserCache {
    /// A cache on these servers. One that is not there is no error.
    pub(crate) async fn connect(servers: &[String]) -> Result<Self, BuildError> {
        let client = Client::connect(servers).await?;
        let reader = client.with_deadline(READ_DEADLINE);
        Ok(Self { client, reader })
    }

    /// The user, if it is cached and the cache can be asked.
    pub(crate) async fn find(&self, id: UserId) -> Option<User> {
        // Nothing here fails by itself: the key is valid, and an outage is an outcome.
        match self.reader.get(key(id)).await.ok()? {
            // Bytes that an older version of this program wrote may be none that we can read.
            Lookup::Hit(value) => serde_json::from_slice(value.bytes()).ok(),
            Lookup::Miss | Lookup::Unavailable(_) => None,
        }
    }

    /// Keeps a user that was just read from the database. Nobody waits for that.
    ///
    /// A user who is stored and forgotten between the read and this would be kept as it was, until
    /// [`LIFETIME`] is over: the old race of every cache-aside.
    pub(crate) fn keep(&self, user: &User) {
        if let Ok(bytes) = serde_json::to_vec(user) {
            // It fails only for an invalid key or a value of more than 1 MiB.
            let _ = self.client.set_noreply(key(user.id), &bytes, LIFETIME);
        }
    }

    /// Has nobody read what was cached of this user before.
    ///
    /// A delete that a server cannot take now is remembered and made up for before that server
    /// answers for this key again, so that a server that was lost comes back without old users. What is left
    /// is a delete whose fate is unknown: it is tried again, and after that [`LIFETIME`] bounds it.
    pub(crate) async fn forget(&self, id: UserId) {
        for _ in 0..FORGET_ATTEMPTS {
            match self.client.delete(key(id)).await {
                Ok(Write::Unavailable(_)) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// What is known of the servers.
    pub(crate) fn handle(&self) -> &Handle {
        self.client.handle()
    }
}

fn key(id: UserId) -> String {
    format!("user:{id}")
}

/// How long a request waits for the cache before it asks the database.
const READ_DEADLINE: Duration = Duration::from_millis(100);
/// How long a user is cached: the bound on all that can go wrong between processes.
const LIFETIME: Duration = Duration::from_mins(1);
const FORGET_ATTEMPTS: usize = 3;
