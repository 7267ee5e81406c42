//! Asks a server something on a connection that carries nothing else.
//!
//! The proof that it works (a value is stored, returned, and deleted), and what it says of itself.
//! Canaries ask so, and so does whoever wants to know now. It decides nothing: a server's state is
//! for [`ControlPlane`](crate::ControlPlane) to judge.
//!
//! What a server sends is read up to a limit; past it, it is no answer.

mod answers;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use evenkeel_core::failure::Failure;
use evenkeel_core::protocol::response::Invalid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use self::answers::Questions;
pub(crate) use self::answers::Verdict;
use crate::peer;
use crate::server::SharedServer;

/// Seconds after which the server forgets a value of ours that was not deleted.
const EXPTIME: u32 = 10;

/// More than the answers to a proof, or one line, can take.
const ANSWERS_LEN_MAX: usize = 4096;

/// More than `stats` says.
const STATS_LEN_MAX: usize = 64 * 1024;

/// What `stats` says, name and value each, in the server's order.
pub type Stats = Vec<(String, String)>;

/// Has a server store, return and delete a value of our own, on a new connection.
///
/// # Errors
/// It does not, or not within the timeout, connecting and all. Refusing to store is an error here.
pub async fn prove_server(server: &SharedServer, timeout: Duration) -> Result<(), Failure> {
    // Keys of two that ask at the same time must differ.
    let key = format!("evenkeel:asked:{:016x}", RandomState::new().build_hasher().finish());
    let ask = async |mut stream: TcpStream| match prove(&mut stream, &key, &key).await? {
        Verdict::Good => Ok(()),
        Verdict::WriteRefused => Err(Failure::ServerError),
    };
    on_new_connection(server, timeout, ask).await
}

/// Asks a server for its version, on a new connection.
///
/// # Errors
/// It does not say so within the timeout, connecting and all.
pub async fn version(server: &SharedServer, timeout: Duration) -> Result<String, Failure> {
    let ask = async |mut stream: TcpStream| {
        let answer = ask(&mut stream, "version\r\n", b"\r\n", ANSWERS_LEN_MAX).await?;
        let version = answer.strip_prefix(b"VERSION ").ok_or_else(|| refusal(&answer))?;
        Ok(String::from_utf8_lossy(version).trim_end().to_owned())
    };
    on_new_connection(server, timeout, ask).await
}

/// Asks a server for its statistics, on a new connection.
///
/// # Errors
/// It does not tell them within the timeout, connecting and all.
pub async fn stats(server: &SharedServer, timeout: Duration) -> Result<Stats, Failure> {
    let ask = async |mut stream: TcpStream| parse_stats(&raw_stats(&mut stream).await?);
    on_new_connection(server, timeout, ask).await
}

async fn on_new_connection<T>(
    server: &SharedServer,
    timeout: Duration,
    ask: impl AsyncFnOnce(TcpStream) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut is_connected = false;
    let steps = async {
        let stream = connect(server).await?;
        is_connected = true;
        ask(stream).await
    };
    match tokio::time::timeout(timeout, steps).await {
        Ok(result) => result,
        Err(_) if is_connected => Err(Failure::Timeout),
        Err(_) => Err(Failure::ConnectTimeout),
    }
}

/// A new connection to a server, whose name is looked up again.
pub(crate) async fn connect(server: &SharedServer) -> Result<TcpStream, Failure> {
    let addr = server.resolve().await?;
    let stream = TcpStream::connect(addr).await.map_err(|error| peer::connect_failure(&error))?;
    stream.set_nodelay(true).map_err(|_| Failure::Reset)?;
    Ok(stream)
}

/// Has a server store `value` under `key`, return it, and delete it.
pub(crate) async fn prove(
    stream: &mut TcpStream,
    key: &str,
    value: &str,
) -> Result<Verdict, Failure> {
    let len = value.len();
    let requests =
        format!("set {key} 0 {EXPTIME} {len}\r\n{value}\r\nget {key}\r\ndelete {key}\r\n");
    stream.write_all(requests.as_bytes()).await.map_err(|_| Failure::Reset)?;
    let questions = Questions { key, value };
    let mut answers = Vec::new();
    loop {
        if let Some(verdict) = questions.judge(&answers)? {
            return Ok(verdict);
        }
        read_more(stream, &mut answers, ANSWERS_LEN_MAX).await?;
    }
}

/// What a server answers to `stats`, with its end.
pub(crate) async fn raw_stats(stream: &mut TcpStream) -> Result<Vec<u8>, Failure> {
    ask(stream, "stats\r\n", b"END\r\n", STATS_LEN_MAX).await
}

async fn ask(
    stream: &mut TcpStream,
    request: &str,
    end: &[u8],
    len_max: usize,
) -> Result<Vec<u8>, Failure> {
    stream.write_all(request.as_bytes()).await.map_err(|_| Failure::Reset)?;
    let mut answer = Vec::new();
    while !has_ended(&answer, end) {
        read_more(stream, &mut answer, len_max).await?;
    }
    Ok(answer)
}

/// Whether the last line is the end, or the first one refuses.
fn has_ended(answer: &[u8], end: &[u8]) -> bool {
    let is_whole = answer.ends_with(b"\r\n");
    let ends = answer
        .strip_suffix(end)
        .is_some_and(|before| before.is_empty() || before.ends_with(b"\r\n") || end == b"\r\n");
    ends || (is_whole && is_error(answer))
}

fn is_error(answer: &[u8]) -> bool {
    [&b"ERROR"[..], b"SERVER_ERROR", b"CLIENT_ERROR"].iter().any(|word| answer.starts_with(word))
}

/// What is wrong with an answer that is not the one that was asked for.
fn refusal(answer: &[u8]) -> Failure {
    if is_error(answer) { Failure::ServerError } else { Failure::Garbled(Invalid::Unexpected) }
}

fn parse_stats(answer: &[u8]) -> Result<Stats, Failure> {
    let text = String::from_utf8_lossy(answer);
    let lines =
        text.strip_suffix("END\r\n").ok_or_else(|| refusal(answer))?.split_terminator("\r\n");
    let stat = |line: &str| {
        let stat = line.strip_prefix("STAT ")?;
        // Of a setting that is empty there is only the name.
        let (name, value) = stat.split_once(' ').unwrap_or((stat, ""));
        Some((name.to_owned(), value.to_owned()))
    };
    lines.map(|line| stat(line).ok_or_else(|| refusal(answer))).collect()
}

async fn read_more(
    stream: &mut TcpStream,
    bytes: &mut Vec<u8>,
    len_max: usize,
) -> Result<(), Failure> {
    match stream.read_buf(bytes).await {
        Ok(0) => Err(Failure::Closed),
        Ok(_) if bytes.len() <= len_max => Ok(()),
        Ok(_) => Err(Failure::Garbled(Invalid::Unasked)),
        Err(_) => Err(Failure::Reset),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_ended_at_its_last_line_or_where_it_refuses() {
        let check = |answer: &[u8], end: &[u8], has| assert_eq!(has_ended(answer, end), has);
        check(b"VERSION 1.6.18\r\n", b"\r\n", true);
        check(b"VERSION 1.6.18\r", b"\r\n", false);
        check(b"END\r\n", b"END\r\n", true);
        check(b"STAT pid 1\r\n", b"END\r\n", false);
        check(b"STAT pid 1\r\nEND\r\n", b"END\r\n", true);
        // A value that ends like the end.
        check(b"STAT x WEEKEND\r\n", b"END\r\n", false);
        check(b"ERROR\r\n", b"END\r\n", true);
        check(b"SERVER_ERROR busy\r\n", b"END\r\n", true);
        check(b"", b"\r\n", false);
    }

    #[test]
    fn statistics_are_names_and_values_or_nothing_at_all() {
        let stats = parse_stats(b"STAT pid 7\r\nSTAT libevent 2.1.12 x\r\nSTAT empty\r\nEND\r\n");
        let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let wanted = [owned("pid", "7"), owned("libevent", "2.1.12 x"), owned("empty", "")];
        assert_eq!(stats.unwrap(), wanted);
        assert_eq!(parse_stats(b"END\r\n"), Ok(Vec::new()));
        assert_eq!(parse_stats(b"ERROR\r\n"), Err(Failure::ServerError));
        let garbled = Err(Failure::Garbled(Invalid::Unexpected));
        assert_eq!(parse_stats(b"STAT pid 7\r\nx\r\nEND\r\n"), garbled);
        assert_eq!(parse_stats(b"VERSION 1\r\n"), garbled);
    }
}
