//! How a value is cached that is loaded when it is missing.

use std::time::Duration;

/// How a value is cached that is loaded when it is missing, and how long one waits for it.
///
/// Durations that memcached must keep count in whole seconds, rounded up. All of them may be
/// anything; those that together pass 30 days are cut where memcached needs it.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use evenkeel::LoadPolicy;
///
/// let policy = LoadPolicy::new(Duration::from_secs(300))
///     .stale_while_loading(Duration::from_secs(30))
///     .stale_on_error(Duration::from_secs(3600))
///     .absent_ttl(Duration::from_secs(10));
/// assert_eq!(policy.kept(), Duration::from_secs(300 + 3600));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct LoadPolicy {
    pub(super) ttl: Duration,
    pub(super) early: Duration,
    pub(super) stale_while_loading: Duration,
    pub(super) stale_on_error: Duration,
    pub(super) absent_ttl: Duration,
    pub(super) timeout: Duration,
    pub(super) load_timeout: Duration,
    pub(super) peer_timeout: Duration,
    pub(super) reach: Reach,
}

/// Among whom there is one load of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Processes,
    ThisProcess,
}

/// What part of `ttl` is the window of early recaching: one in so many.
const EARLY_PART: u32 = 10;

impl LoadPolicy {
    /// A value is fresh for `ttl`; all else is as each setting's default says.
    pub const fn new(ttl: Duration) -> Self {
        Self {
            ttl,
            early: match ttl.checked_div(EARLY_PART) {
                Some(early) => early,
                None => Duration::ZERO,
            },
            stale_while_loading: Duration::ZERO,
            stale_on_error: Duration::ZERO,
            absent_ttl: Duration::ZERO,
            timeout: Duration::from_secs(5),
            load_timeout: Duration::from_secs(30),
            peer_timeout: Duration::from_secs(1),
            reach: Reach::Processes,
        }
    }

    /// How long before a value's end it may be loaded anew, by one caller of all processes and in
    /// the background, so that nobody waits and the database is asked once. Default: a tenth of
    /// `ttl`. Below a second, and zero: not at all.
    ///
    /// Each key has its own moment within the later half of this, another one in each process.
    pub const fn early(mut self, early: Duration) -> Self {
        self.early = early;
        self
    }

    /// For how long after its `ttl` a value is still given, while it is loaded anew in the
    /// background. Default: zero.
    pub const fn stale_while_loading(mut self, grace: Duration) -> Self {
        self.stale_while_loading = grace;
        self
    }

    /// For how long after its `ttl` a value is given in place of the loader's failure (its error,
    /// its panic, or that it takes too long). Default: zero.
    pub const fn stale_on_error(mut self, grace: Duration) -> Self {
        self.stale_on_error = grace;
        self
    }

    /// For how long it is cached that there is none
    /// ([`Client::get_or_load_option`](crate::Client::get_or_load_option)). Default: zero, not at
    /// all.
    pub const fn absent_ttl(mut self, ttl: Duration) -> Self {
        self.absent_ttl = ttl;
        self
    }

    /// How long a caller waits in all: for the cache, for somebody else's load, for a permit and for
    /// the loader. Default: 5 s. The load itself goes on, and is stored.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long a loader may take before it is dropped, so that one that hangs does not keep
    /// its key and its permit for ever. Default: 30 s. It is also how long other processes take a
    /// load for being in progress at most.
    pub const fn load_timeout(mut self, timeout: Duration) -> Self {
        self.load_timeout = timeout;
        self
    }

    /// How long one waits for another process that is loading a missing value before one loads it
    /// oneself. Default: 1 s. Choose what a load takes when things are slow.
    pub const fn peer_timeout(mut self, timeout: Duration) -> Self {
        self.peer_timeout = timeout;
        self
    }

    /// Loads without regard to other processes: one load per key in each of them, and a plain `get`
    /// never sees the empty value that stands for a load in progress.
    pub const fn alone(mut self) -> Self {
        self.reach = Reach::ThisProcess;
        self
    }

    /// How long memcached is to keep a value: `ttl` and the longer of the two graces. Give this to
    /// [`Client::set`](crate::Client::set) when the same key is written without a loader, or its
    /// age will be taken for greater than it is.
    pub const fn kept(&self) -> Duration {
        self.ttl.saturating_add(self.grace())
    }

    pub(super) const fn grace(&self) -> Duration {
        if self.stale_while_loading.as_nanos() > self.stale_on_error.as_nanos() {
            self.stale_while_loading
        } else {
            self.stale_on_error
        }
    }
}

impl From<Duration> for LoadPolicy {
    /// [`LoadPolicy::new`].
    fn from(ttl: Duration) -> Self {
        Self::new(ttl)
    }
}
