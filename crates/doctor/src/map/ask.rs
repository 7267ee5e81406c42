//! One connection to a server that is asked whether it has keys, at a bounded pace.
//!
//! # Hard cases
//! `me` tells of an item without using it, and is as old as memcached 1.6. An older server is asked
//! by `get`, whose values are read and thrown away; it cannot be asked for a key with blanks or
//! control characters at all. `me` is asked for such a key in base64, which is a third longer and may
//! have no more bytes than a key: one of more than 186 bytes cannot be asked for either.

use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use evenkeel_core::config::ServerAddress;
use evenkeel_core::protocol::KEY_LEN_MAX;
use tokio::time::{Instant, sleep_until};

use super::Options;
use crate::examine::dial;
use crate::examine::memcached::conversation::Conversation;
use crate::facts::Figures;

/// What is known to hold for one server's questions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) silence: Duration,
    pub(super) deadline: Instant,
    pub(super) rate: u32,
}

impl Bounds {
    pub(super) fn of(options: &Options, begun_at: Instant) -> Self {
        let Options { silence, deadline, rate, .. } = *options;
        Self { silence, deadline: begun_at + deadline, rate: rate.max(1) }
    }

    /// When an answer that is asked for now must have come.
    pub(super) fn soon(&self) -> Instant {
        self.deadline.min(Instant::now() + self.silence)
    }
}

/// A connection to ask on.
#[derive(Debug)]
pub(super) struct Asker {
    conversation: Conversation,
    manner: Manner,
    bounds: Bounds,
    /// When the next question may be sent.
    due_at: Instant,
}

/// How a server is asked for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// `me`: the item is not used by it.
    Debug,
    /// `get`: it is.
    Get,
}

impl Asker {
    /// Connects, and finds out how this server can be asked.
    ///
    /// # Errors
    /// Why it cannot be, in words.
    pub(super) async fn open(address: &ServerAddress, bounds: Bounds) -> Result<Self, String> {
        let (conversation, _) = connect(address, bounds).await?;
        let due_at = Instant::now();
        let mut asker = Self { conversation, manner: Manner::Debug, bounds, due_at };
        let line = asker.line(b"me evenkeel:verify-map\r\n").await?;
        match line.as_str() {
            "EN" => (),
            told if told.starts_with("ME ") => (),
            told if told.starts_with("ERROR") => asker.manner = Manner::Get,
            other => return Err(format!("it answers {other:?}")),
        }
        Ok(asker)
    }

    /// How this server is asked.
    pub(super) fn manner(&self) -> Manner {
        self.manner
    }

    /// Whether the server has each of the keys, in their order; `None` for one that this server
    /// cannot be asked for.
    pub(super) async fn has<K: AsRef<[u8]>>(
        &mut self,
        keys: &[K],
    ) -> Result<Vec<Option<bool>>, String> {
        let batch = usize::try_from(self.bounds.rate / 20).unwrap_or(BATCH_MAX);
        let mut has = Vec::with_capacity(keys.len());
        for keys in keys.chunks(batch.clamp(1, BATCH_MAX)) {
            sleep_until(self.due_at.min(self.bounds.deadline)).await;
            if Instant::now() >= self.bounds.deadline {
                return Err("not asked any more: the time for all was over".to_owned());
            }
            let count = u32::try_from(keys.len()).unwrap_or(u32::MAX);
            let pause = Duration::from_secs(1) * count / self.bounds.rate;
            self.due_at = Instant::now() + pause;
            match self.manner {
                Manner::Debug => self.debug(keys, &mut has).await?,
                Manner::Get => {
                    for key in keys {
                        has.push(self.get(key.as_ref()).await?);
                    }
                }
            }
        }
        Ok(has)
    }

    async fn debug<K: AsRef<[u8]>>(
        &mut self,
        keys: &[K],
        has: &mut Vec<Option<bool>>,
    ) -> Result<(), String> {
        let mut request = Vec::new();
        // Where the answers belong.
        let mut places = Vec::new();
        for key in keys.iter().map(AsRef::as_ref) {
            let (plain, encoded) = (is_plain(key), BASE64_STANDARD.encode(key));
            if !plain && encoded.len() > KEY_LEN_MAX {
                has.push(None);
                continue;
            }
            places.push(has.len());
            has.push(Some(false));
            let (name, flag): (_, &[u8]) =
                if plain { (key, b"\r\n") } else { (encoded.as_bytes(), b" b\r\n") };
            request.extend([b"me ", name, flag].concat());
        }
        if places.is_empty() {
            return Ok(());
        }
        let mut places = places.into_iter().peekable();
        let mut strange = None;
        let each = |line: &str| {
            let known = match line {
                "EN" => Some(false),
                line if line.starts_with("ME ") => Some(true),
                line => {
                    strange = Some(format!("it answers {line:?}"));
                    return ControlFlow::Break(());
                }
            };
            if let Some(place) = places.next() {
                has[place] = known;
            }
            if places.peek().is_none() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let Bounds { silence, deadline, .. } = self.bounds;
        let answer = self.conversation.follow(&request, each, silence, deadline).await;
        answer.map_err(|it| it.to_string())?;
        strange.map_or(Ok(()), Err)
    }

    async fn get(&mut self, key: &[u8]) -> Result<Option<bool>, String> {
        if !is_plain(key) {
            return Ok(None);
        }
        let head = self.line(&[b"get ", key, b"\r\n"].concat()).await?;
        if head == "END" {
            return Ok(Some(false));
        }
        let len = head.strip_prefix("VALUE ").and_then(|it| it.rsplit(' ').next()?.parse().ok());
        let Some(len) = len.filter(|len| *len <= VALUE_LEN_MAX) else {
            return Err(format!("it answers {head:?}"));
        };
        let skipped = self.conversation.skip(len, self.bounds.soon()).await;
        skipped.map_err(|it| it.to_string())?;
        match self.line(b"").await?.as_str() {
            "END" => Ok(Some(true)),
            other => Err(format!("it answers {other:?}")),
        }
    }

    /// Sends something, and reads one line.
    async fn line(&mut self, request: &[u8]) -> Result<String, String> {
        let lines = self.conversation.ask(request, |_| true, self.bounds.soon()).await;
        let lines = lines.map_err(|it| it.to_string())?;
        Ok(lines.into_iter().next().expect("an answer has a line"))
    }
}

/// Connects to the first of a name's addresses that answers.
pub(super) async fn connect(
    address: &ServerAddress,
    bounds: Bounds,
) -> Result<(Conversation, SocketAddr), String> {
    let (addrs, _) = dial::look_up(address, bounds.soon()).await.map_err(|it| it.to_string())?;
    let mut why = String::new();
    for addr in addrs {
        match Conversation::open(addr, bounds.soon()).await {
            Ok((conversation, _)) => return Ok((conversation, addr)),
            Err(unreachable) => why = unreachable.to_string(),
        }
    }
    Err(why)
}

/// What a server says of itself.
pub(super) async fn stats(
    conversation: &mut Conversation,
    bounds: Bounds,
) -> Result<Figures, String> {
    let is_last = |line: &str| !line.starts_with("STAT ");
    let lines = conversation.ask(b"stats\r\n", is_last, bounds.soon()).await;
    let lines = lines.map_err(|it| it.to_string())?;
    match lines.last().map(String::as_str) {
        Some("END") => (),
        other => return Err(format!("it answers {:?} to stats", other.unwrap_or_default())),
    }
    let pairs = lines.iter().filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '));
    Ok(pairs.collect())
}

/// Whether the text protocol can carry it as it is.
fn is_plain(key: &[u8]) -> bool {
    !key.iter().any(|byte| byte.is_ascii_control() || *byte == b' ')
}

/// How many questions are sent at once.
const BATCH_MAX: usize = 64;
/// The largest item there can be: 1 GiB.
const VALUE_LEN_MAX: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    /// What a server answers to a line.
    type Answers = fn(&str) -> &'static str;

    /// Asks a server that answers each request by `answer` whether it has these keys.
    async fn asked(
        answer: Answers,
        keys: &[&[u8]],
        rate: u32,
    ) -> Result<Vec<Option<bool>>, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let addr = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("it is asked");
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|len| len > 0) {
                // Whoever asked may have gone.
                let _ = stream.get_mut().write_all(answer(line.trim_end()).as_bytes()).await;
                line.clear();
            }
        });
        let address = ServerAddress::new("127.0.0.1", addr.port()).expect("an address");
        let silence = Duration::from_millis(500);
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut asker = Asker::open(&address, Bounds { silence, deadline, rate }).await?;
        asker.has(keys).await
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime needs a few files").block_on(work)
    }

    #[test]
    fn a_server_is_asked_without_using_its_items() {
        let answer = |line: &str| match line {
            "me a" | "me YiBj b" => "ME x exp=-1\r\n",
            _ => "EN\r\n",
        };
        let has = run(asked(answer, &[b"a", b"b c", b"d"], 10_000));
        assert_eq!(has, Ok(vec![Some(true), Some(true), Some(false)]));
    }

    #[test]
    fn a_key_that_is_too_long_in_base64_costs_no_other_its_answer() {
        let answer = |line: &str| match line {
            "me a" | "me b" => "ME x exp=-1\r\n",
            line if line.len() > 3 + 250 + 2 => "CLIENT_ERROR bad command line format\r\n",
            _ => "EN\r\n",
        };
        let (longest, longer) = ([b' '; 186], [b' '; 187]);
        let has = run(asked(answer, &[b"a", &longer, &longest, b"b"], 10_000));
        assert_eq!(has, Ok(vec![Some(true), None, Some(false), Some(true)]));
        assert_eq!(run(asked(answer, &[&longer], 10_000)), Ok(vec![None]));
    }

    #[test]
    fn an_older_server_is_asked_for_values() {
        let answer = |line: &str| match line {
            "get a" => "VALUE a 0 7\r\nEN\r\nEND\r\nEND\r\n",
            "get b" => "END\r\n",
            _ => "ERROR\r\n",
        };
        let has = run(asked(answer, &[b"a", b"b", b"c d", b"a"], 10_000));
        assert_eq!(has, Ok(vec![Some(true), Some(false), None, Some(true)]));
    }

    #[test]
    fn what_answers_otherwise_is_given_up() {
        let answers: [(Answers, &str); 4] = [
            (|_| "SERVER_ERROR busy\r\n", "SERVER_ERROR busy"),
            (|_| "ME", "no answer in time"),
            (
                |line| if line.starts_with("get") { "VALUE a 0 -1\r\n" } else { "ERROR\r\n" },
                "VALUE",
            ),
            (|line| if line == "me a" { "HD\r\n" } else { "EN\r\n" }, "HD"),
        ];
        for (answer, words) in answers {
            let why = run(asked(answer, &[b"a"], 10_000)).unwrap_err();
            assert!(why.contains(words), "{why}");
        }
    }

    #[test]
    fn questions_are_paced() {
        let keys: Vec<_> = (0..30).map(|_| &b"k"[..]).collect();
        let begun_at = Instant::now();
        let has = run(asked(|_| "EN\r\n", &keys, 100));
        assert_eq!(has.map(|it| it.len()), Ok(30));
        assert!(begun_at.elapsed() >= Duration::from_millis(240), "{:?}", begun_at.elapsed());
    }
}
