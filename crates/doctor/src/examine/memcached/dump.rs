//! A memcached server's list of its keys (`lru_crawler metadump`), a line at a time.
//!
//! # Hard cases
//! A dump that is closed early can crash memcached before 1.6.26 if that happens just when it
//! writes the last of it (its release notes for 1.6.26 and 1.4.34), so that an older server's is
//! read to its end or, if that is too far away for the caller, not asked for at all.
//!
//! The server does one such thing at a time and looks for expired items by itself now and then: it
//! answers `BUSY` and is asked again.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::conversation::Conversation;
use crate::facts::{Figures, version_of};

/// What is wanted of a dump.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dump {
    /// Whose.
    pub(crate) addr: SocketAddr,
    /// How much of it is read.
    pub(crate) extent: Extent,
    /// How long the server may be silent.
    pub(crate) silence: Duration,
    /// When it must be over, besides asking again.
    pub(crate) deadline: Instant,
    /// When a server that is busy is asked no more.
    pub(crate) busy_deadline: Instant,
}

/// How much of a dump is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// As much as is wanted, and no more.
    Begin,
    /// All of it, whatever is wanted of it.
    Whole,
}

impl Extent {
    /// What the server of these figures bears. `whole_keys_max` is how many keys are read where
    /// all must be.
    ///
    /// # Errors
    /// Why it is not asked.
    pub(crate) fn of(stats: &Figures, whole_keys_max: f64) -> Result<Self, String> {
        let version = version_of(stats);
        let keys = stats.number("curr_items").unwrap_or(0.0);
        match version {
            Some(version) if version >= CLOSED_SAFELY => Ok(Self::Begin),
            Some(version) if version < DUMP_WELL => {
                Err("not asked: memcached before 1.4.34 can crash when it is".to_owned())
            }
            Some(_) if keys <= whole_keys_max => Ok(Self::Whole),
            Some(_) => Err(format!(
                "not asked: memcached before 1.6.26 can crash when a dump is closed early, and \
                 {keys} keys are too many to read them all"
            )),
            None => Err("not asked of a version that is not known".to_owned()),
        }
    }
}

/// In which order a server dumps its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DumpOrder {
    /// By the table of all keys, where each is as likely as any other.
    Hash,
    /// Size by size: older servers know only the lists of each.
    Sizes,
}

impl DumpOrder {
    fn word(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Sizes => "all",
        }
    }

    /// The command for it.
    fn command(self) -> String {
        format!("{COMMAND} {}", self.word())
    }
}

/// Why there is no dump, or not all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoDump {
    /// What was sent.
    pub(crate) command: String,
    /// What the server answered, or how the connection failed.
    pub(crate) why: String,
}

impl Dump {
    /// Reads it on a connection of its own. `take` is given what follows `key=` in each line, and
    /// says whether more is wanted.
    pub(crate) async fn read(
        self,
        mut take: impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<DumpOrder, NoDump> {
        let mut order = DumpOrder::Hash;
        loop {
            let refusal = match self.once(order, &mut take).await {
                Ok(None) => return Ok(order),
                Ok(Some(words)) => words,
                Err(why) => return Err(NoDump { command: order.command(), why }),
            };
            if order == DumpOrder::Hash && refusal.starts_with("BADCLASS") {
                order = DumpOrder::Sizes;
            } else if refusal.starts_with("BUSY")
                && Instant::now() + BUSY_INTERVAL < self.busy_deadline
            {
                sleep(BUSY_INTERVAL).await;
            } else {
                return Err(NoDump { command: order.command(), why: refusal });
            }
        }
    }

    /// Asks once: the server's refusal, in its words, if it is one.
    async fn once(
        self,
        order: DumpOrder,
        take: &mut impl FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Option<String>, String> {
        let opened = Conversation::open(self.addr, self.deadline).await;
        let (mut conversation, _) = opened.map_err(|it| it.to_string())?;
        let mut is_enough = false;
        let mut refusal = None;
        let each = |line: &str| match line.strip_prefix("key=") {
            Some(rest) => {
                is_enough = is_enough || take(rest).is_break();
                if is_enough && self.extent == Extent::Begin {
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            }
            // Later versions say it first.
            None if line == "OK" => ControlFlow::Continue(()),
            None => {
                refusal = (line != "END").then(|| super::shortened(line));
                ControlFlow::Break(())
            }
        };
        let request = format!("{}\r\n", order.command());
        let answer =
            conversation.follow(request.as_bytes(), each, self.silence, self.deadline).await;
        answer.map_err(|it| it.to_string())?;
        Ok(refusal)
    }
}

/// The command, without its order.
pub(crate) const COMMAND: &str = "lru_crawler metadump";
/// How long after `BUSY` it is asked again.
const BUSY_INTERVAL: Duration = Duration::from_millis(50);
/// From here on a dump may be closed early.
const CLOSED_SAFELY: [u32; 3] = [1, 6, 26];
/// From here on a dump can be asked for.
const DUMP_WELL: [u32; 3] = [1, 4, 34];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_extent(version: &str, keys: u64, expected: Option<Extent>) {
        let stats = [("version", version.to_owned()), ("curr_items", keys.to_string())];
        let stats = stats.into_iter().collect();
        assert_eq!(Extent::of(&stats, 20_000.0).ok(), expected, "{version} {keys}");
    }

    #[test]
    fn a_dump_is_closed_early_only_where_the_server_bears_it() {
        check_extent("1.6.26", 1_000_000, Some(Extent::Begin));
        check_extent("1.6.25", 20_000, Some(Extent::Whole));
        check_extent("1.6.25", 20_001, None);
        check_extent("1.4.34", 0, Some(Extent::Whole));
        check_extent("1.4.33", 0, None);
        check_extent("something", 0, None);
    }
}
