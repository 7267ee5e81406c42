//! A connection over which a memcached server is told something, and asked whether it took.

use tokio::time::Instant;

use super::conversation::Conversation;
use super::dial;
use crate::examine::Unheard;
use crate::facts::Unreachable;
use crate::target::Target;

/// An open connection.
pub(crate) struct MemcachedLine(Conversation);

impl MemcachedLine {
    /// Connects to the first of the server's addresses that answers.
    pub(crate) async fn open(target: &Target, deadline: Instant) -> Result<Self, Unreachable> {
        let (addrs, _) = dial::look_up(&target.address, deadline).await?;
        let mut failed = None;
        for addr in addrs {
            match Conversation::open(addr, deadline).await {
                Ok((conversation, _)) => return Ok(Self(conversation)),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.expect("a name that was looked up has an address"))
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
