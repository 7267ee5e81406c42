//! A connection over which a Redis server is told something, and asked whether it took.

use std::net::SocketAddr;

use evenkeel_core::config::ServerAddress;
use redis::Value;
use tokio::time::Instant;

use super::answers;
use super::conversation::{Conversation, Failure};
use super::gather::command;
use super::login::Door;
use crate::examine::Unheard;
use crate::facts::Unreachable;
use crate::target::RedisLogin;

/// An open connection, logged in.
pub(crate) struct RedisLine(Conversation);

impl RedisLine {
    /// Connects to one of the server's addresses and logs in.
    pub(crate) async fn open(
        address: &ServerAddress,
        login: &RedisLogin,
        addr: SocketAddr,
        deadline: Instant,
    ) -> Result<Self, Unreachable> {
        let door = Door::new(address, login);
        let begun_at = Instant::now();
        let mut conversation = door.open(addr, deadline).await?.conversation;
        let entered = door.enter(&mut conversation, deadline).await;
        let fail = |(kind, words)| Unreachable {
            kind,
            words,
            addr: Some(addr),
            after: begun_at.elapsed(),
        };
        entered.map_err(fail)?;
        Ok(Self(conversation))
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
