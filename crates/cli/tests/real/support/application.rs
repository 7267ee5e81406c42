//! What an application asks of its cache, and what it is told: through the proxy, or by the library.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use evenkeel::{Client, Lookup, Write};

use super::Session;

/// One application: a connection to the proxy, or a task in the library's process.
pub(crate) enum Application {
    /// It blocks its thread.
    Connection {
        address: String,
        /// None after it was lost, until the next request.
        session: Option<Session>,
    },
    Task(Client),
}

/// A request.
#[derive(Debug)]
pub(crate) enum Ask<'a> {
    /// Every value is so long.
    Get {
        key: &'a str,
        value_len: usize,
    },
    Set {
        key: &'a str,
        value: String,
    },
    Delete {
        key: &'a str,
    },
}

/// What came of a request, in its own words where there are some.
#[derive(Debug)]
pub(crate) enum Reply {
    Value(String),
    /// There is no value, or no server could say.
    Miss,
    /// A write was carried out.
    Done,
    /// An error that says so.
    Failed(String),
    /// Nothing that answers this request.
    Wrong(String),
    /// None: the connection was closed, or nothing came for seconds.
    Lost(String),
}

impl Reply {
    /// In words, for the reader of a failure.
    pub(crate) fn words(&self) -> &str {
        match self {
            Self::Value(words) | Self::Failed(words) | Self::Wrong(words) | Self::Lost(words) => {
                words
            }
            Self::Miss => "a miss",
            Self::Done => "done",
        }
    }
}

impl Application {
    /// Waits until then; a moment that has passed is not waited for.
    pub(crate) async fn wait_until(&self, at: Instant) {
        match self {
            Self::Connection { .. } => thread::sleep(at.saturating_duration_since(Instant::now())),
            Self::Task(_) => tokio::time::sleep_until(at.into()).await,
        }
    }

    /// Sends a request and waits for what comes of it.
    pub(crate) async fn request(&mut self, ask: &Ask<'_>) -> Reply {
        match self {
            Self::Connection { address, session } => {
                let reply = converse(address, session, ask);
                if matches!(reply, Reply::Wrong(_) | Reply::Lost(_)) {
                    // What comes on it now could be the rest of that answer.
                    *session = None;
                }
                reply
            }
            Self::Task(client) => call(client, ask).await,
        }
    }
}

fn converse(address: &str, session: &mut Option<Session>, ask: &Ask<'_>) -> Reply {
    try_converse(address, session, ask).unwrap_or_else(|error| Reply::Lost(error.to_string()))
}

fn try_converse(address: &str, session: &mut Option<Session>, ask: &Ask<'_>) -> io::Result<Reply> {
    let session = match session {
        Some(session) => session,
        None => session.insert(Session::try_connect(address)?),
    };
    match ask {
        Ask::Get { key, value_len } => read(session, key, *value_len),
        Ask::Set { key, value } => {
            let request = format!("set {key} 0 0 {}\r\n{value}\r\n", value.len());
            write(session, &request, &["STORED"])
        }
        Ask::Delete { key } => {
            write(session, &format!("delete {key}\r\n"), &["DELETED", "NOT_FOUND"])
        }
    }
}

fn read(session: &mut Session, key: &str, value_len: usize) -> io::Result<Reply> {
    session.try_send(format!("get {key}\r\n").as_bytes())?;
    let head = line(session)?;
    if head == "END" {
        return Ok(Reply::Miss);
    }
    if head.starts_with("SERVER_ERROR ") {
        return Ok(Reply::Failed(head));
    }
    if head != format!("VALUE {key} 0 {value_len}") {
        return Ok(Reply::Wrong(head));
    }
    let (value, end) = (line(session)?, line(session)?);
    Ok(if end == "END" { Reply::Value(value) } else { Reply::Wrong(format!("{value} {end}")) })
}

fn write(session: &mut Session, request: &str, done: &[&str]) -> io::Result<Reply> {
    session.try_send(request.as_bytes())?;
    let line = line(session)?;
    Ok(match line.as_str() {
        word if done.contains(&word) => Reply::Done,
        word if word.starts_with("SERVER_ERROR ") => Reply::Failed(line),
        _ => Reply::Wrong(line),
    })
}

fn line(session: &mut Session) -> io::Result<String> {
    let line = session.try_read_line()?;
    line.ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "closed by the proxy"))
}

async fn call(client: &Client, ask: &Ask<'_>) -> Reply {
    let write = match ask {
        Ask::Get { key, .. } => {
            return match client.get(key).await {
                Ok(Lookup::Hit(value)) if value.flags() == 0 => {
                    Reply::Value(String::from_utf8_lossy(value.bytes()).into_owned())
                }
                Ok(Lookup::Hit(value)) => Reply::Wrong(format!("{value:?}")),
                Ok(Lookup::Miss | Lookup::Unavailable(_)) => Reply::Miss,
                Err(error) => Reply::Wrong(error.to_string()),
            };
        }
        Ask::Set { key, value } => client.set(key, value, FOR_LONG).await,
        Ask::Delete { key } => client.delete(key).await,
    };
    match (write, ask) {
        (Ok(Write::Done), _) | (Ok(Write::NotFound), Ask::Delete { .. }) => Reply::Done,
        (Ok(Write::Unavailable(why)), _) => Reply::Failed(why.to_string()),
        (other, _) => Reply::Wrong(format!("{other:?}")),
    }
}

/// Longer than any run.
const FOR_LONG: Duration = Duration::from_hours(24);
