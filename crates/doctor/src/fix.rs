//! Carries out a change that somebody has said yes to, and looks whether it took effect.
//!
//! It sends the change's command and what reads its effect, before and after, over one connection;
//! nothing else. Whether it is wanted, its caller has asked.

mod effect;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use self::effect::Sight;
use crate::check::Change;
use crate::examine::{MemcachedLine, RedisLine, Unheard};
use crate::facts::Unreachable;
use crate::target::{Protocol, Target};

/// A change that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// When: UTC, as RFC 3339 has it.
    pub at: String,
    /// How what it changes was before, as the server says it; `None` if that cannot be read.
    pub before: Option<String>,
    /// How it is now.
    pub after: Option<String>,
    /// Whether it took effect.
    pub effect: Effect,
}

/// Whether a change took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The server says what was wanted.
    Took,
    /// The server said yes, and says the same as before.
    None,
    /// The server said yes, and nothing could be read back.
    Unseen,
}

/// Why a change was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FixError {
    /// It says nothing, or something that cannot be one request. Nothing was sent.
    #[error("its command cannot be sent as one request")]
    Unfit,
    /// The server could not be reached, or did not let us in. Nothing was sent.
    #[error("the server was not reached: {0}")]
    Unreachable(#[from] Unreachable),
    /// It did not answer when it was asked how things are. Nothing was changed.
    #[error("the server does not answer ({0}), and was told nothing")]
    Silent(String),
    /// Somebody else has changed it since it was looked at, so that what was said of undoing it is
    /// not true any more. Nothing was changed.
    #[error("it is {now:?} by now, not {before:?}, and was left so; look again")]
    Changed {
        /// How it was when it was looked at.
        before: String,
        /// How it is.
        now: String,
    },
    /// The server will not or cannot. Nothing was changed.
    #[error("the server refused it: {0}")]
    Refused(String),
    /// Nothing came back. It may have been done.
    #[error("no answer came ({0}): it may have been done; look again")]
    Unanswered(String),
}

/// Carries a change out at one of the server's addresses: the one that was examined.
pub async fn carry_out(
    target: &Target,
    addr: SocketAddr,
    change: &Change,
) -> Result<Carried, FixError> {
    let words: Vec<_> = change.command.iter().map(String::as_str).collect();
    let is_text = |word: &&str| match target.protocol {
        Protocol::Memcached => !word.is_empty() && word.bytes().all(|it| it.is_ascii_graphic()),
        Protocol::Redis(_) => true,
    };
    if words.is_empty() || !words.iter().all(is_text) {
        return Err(FixError::Unfit);
    }
    let mut line = Line::open(target, addr).await?;
    let sight = Sight::of(&words);
    let before = line.see(sight.as_ref()).await.map_err(FixError::Silent)?;
    if let (Some(before), Some(now)) = (&change.before, &before)
        && before != now
    {
        return Err(FixError::Changed { before: before.clone(), now: now.clone() });
    }
    let at = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    line.ask(&words, ANSWER_TIMEOUT).await.map_err(|error| match error {
        Unheard::Refused(words) => FixError::Refused(words),
        Unheard::Broken(words) => FixError::Unanswered(words),
    })?;
    // It has said yes; how it is now may be unknown.
    let after = line.see(sight.as_ref()).await.ok().flatten();
    let effect = match (&sight, &after) {
        (Some(sight), Some(after)) => sight.effect(before.as_deref(), after),
        (Some(_) | None, _) => Effect::Unseen,
    };
    Ok(Carried { at, before, after, effect })
}

/// A connection to a server of either protocol.
enum Line {
    Memcached(MemcachedLine),
    Redis(RedisLine),
}

impl Line {
    async fn open(target: &Target, addr: SocketAddr) -> Result<Self, Unreachable> {
        let deadline = Instant::now() + OPEN_TIMEOUT;
        match &target.protocol {
            Protocol::Memcached => MemcachedLine::open(addr, deadline).await.map(Self::Memcached),
            Protocol::Redis(login) => {
                let line = RedisLine::open(&target.address, login, addr, deadline);
                line.await.map(Self::Redis)
            }
        }
    }

    async fn ask(&mut self, words: &[&str], timeout: Duration) -> Result<Vec<String>, Unheard> {
        let deadline = Instant::now() + timeout;
        match self {
            Self::Memcached(line) => line.ask(words, deadline).await,
            Self::Redis(line) => line.ask(words, deadline).await,
        }
    }

    /// How what is looked at is now, if the server tells. Fails if it does not answer at all.
    async fn see(&mut self, sight: Option<&Sight>) -> Result<Option<String>, String> {
        let Some(sight) = sight else { return Ok(None) };
        match self.ask(&sight.question(), LOOK_TIMEOUT).await {
            Ok(answer) => Ok(sight.read(&answer)),
            Err(Unheard::Refused(_)) => Ok(None),
            Err(Unheard::Broken(words)) => Err(words),
        }
    }
}

const LOOK_TIMEOUT: Duration = Duration::from_secs(1);
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);
/// A change of the memory limit may have a server evict for a while before it answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
