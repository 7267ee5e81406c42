//! A connection over which a memcached server is told something, and asked whether it took.

use std::net::SocketAddr;

use tokio::time::Instant;

use super::conversation::Conversation;
use crate::examine::Unheard;
use crate::facts::Unreachable;

/// An open connection.
pub(crate) struct MemcachedLine(Conversation);

impl MemcachedLine {
    /// Connects.
    pub(crate) async fn open(addr: SocketAddr, deadline: Instant) -> Result<Self, Unreachable> {
        let (conversation, _) = Conversation::open(addr, deadline).await?;
        Ok(Self(conversation))
    }

    /// Sends a command that is answered by one line, or by the lines of `stats`.
    pub(crate) async fn ask(
        &mut self,
        words: &[&str],
        deadline: Instant,
    ) -> Result<Vec<String>, Unheard> {
        let request = words.join(" ") + "\r\n";
        let is_last = |line: &str| !line.starts_with("STAT ");
        let lines = self.0.ask(request.as_bytes(), is_last, deadline).await;
        let lines = lines.map_err(|broken| Unheard::Broken(broken.to_string()))?;
        let last = lines.last().map_or("", String::as_str);
        if ["ERROR", "CLIENT_ERROR", "SERVER_ERROR"].iter().any(|it| last.starts_with(it)) {
            return Err(Unheard::Refused(last.to_owned()));
        }
        Ok(lines)
    }
}
