//! A connection over which a Redis server is told something, and asked whether it took.

use redis::Value;
use tokio::time::Instant;

use super::answers;
use super::conversation::{Conversation, Failure};
use super::dial;
use super::gather::command;
use super::login::Door;
use crate::examine::Unheard;
use crate::facts::Unreachable;
use crate::target::{RedisLogin, Target};

/// An open connection, logged in.
pub(crate) struct RedisLine(Conversation);

impl RedisLine {
    /// Connects to the first of the server's addresses that answers, and logs in.
    pub(crate) async fn open(
        target: &Target,
        login: &RedisLogin,
        deadline: Instant,
    ) -> Result<Self, Unreachable> {
        let door = Door::new(&target.address, login);
        let (addrs, _) = dial::look_up(&target.address, deadline).await?;
        let mut failed = None;
        for addr in addrs {
            let begun_at = Instant::now();
            match door.open(addr, deadline).await {
                Ok(mut opened) => {
                    let entered = door.enter(&mut opened.conversation, deadline).await;
                    entered.map_err(|(kind, words)| Unreachable {
                        kind,
                        words,
                        addr: Some(addr),
                        after: begun_at.elapsed(),
                    })?;
                    return Ok(Self(opened.conversation));
                }
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.expect("a name that was looked up has an address"))
    }

    /// Sends a command; its answer, or of several values each.
    pub(crate) async fn ask(
        &mut self,
        words: &[&str],
        deadline: Instant,
    ) -> Result<Vec<String>, Unheard> {
        match self.0.ask(&command(words), deadline).await {
            Ok(Value::Map(pairs)) => {
                let texts = pairs.iter().flat_map(|(name, value)| [name, value]);
                Ok(texts.filter_map(answers::text).collect())
            }
            Ok(value) => match answers::items(&value) {
                [] => Ok(answers::text(&value).into_iter().collect()),
                items => Ok(items.iter().filter_map(answers::text).collect()),
            },
            Err(Failure::Refused(words)) => Err(Unheard::Refused(words)),
            Err(Failure::Broken(broken)) => Err(Unheard::Broken(broken.to_string())),
        }
    }
}
