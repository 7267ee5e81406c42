//! Users in the cache.
//!
//! It decides what a user's key and bytes are, how long a user is cached, and how long a request waits
//! for the cache. It never fails a request by itself: without it users are loaded.

use std::future::Future;
use std::time::Duration;

use evenkeel::codec::Json;
use evenkeel::{BuildError, Client, Handle, LoadError, LoadPolicy, Loaded, Typed, Write};

use crate::user::{User, UserId};

/// A client of memcached, for users.
#[derive(Clone)]
pub(crate) struct UserCache {
    client: Client,
    users: Typed<Json>,
}

impl UserCache {
    /// A cache on these servers. One that is not there is no error.
    pub(crate) async fn connect(servers: &[String]) -> Result<Self, BuildError> {
        let client = Client::connect(servers).await?;
        let users = client.with_deadline(READ_DEADLINE).typed(Json);
        Ok(Self { client, users })
    }

    /// The user, from the cache or else by `load`, of which there is one at a time for each user,
    /// whoever asks. That there is no such user is cached too.
    pub(crate) async fn find_or_load<E, Fut>(
        &self,
        id: UserId,
        load: impl FnOnce() -> Fut + Send + 'static,
    ) -> Result<Loaded<Option<User>>, LoadError<E>>
    where
        E: Send + Sync + 'static,
        Fut: Future<Output = Result<Option<User>, E>> + Send + 'static,
    {
        self.users.get_or_load_option(key(id), POLICY, load).await
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
/// How users are loaded. Without the database one who was cached is shown for ten minutes more.
const POLICY: LoadPolicy = LoadPolicy::new(LIFETIME).stale_on_error(Duration::from_mins(10));
const FORGET_ATTEMPTS: usize = 3;
