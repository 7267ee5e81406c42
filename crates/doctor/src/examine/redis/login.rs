//! Opens connections to a Redis server: connect, encrypt, log in, choose the database; and what it
//! means when the server will not.

use std::net::SocketAddr;
use std::time::Duration;

use evenkeel_core::config::ServerAddress;
use redis::{Cmd, Value};
use tokio::time::Instant;

use super::conversation::{Broken, Conversation, Failure, shortened};
use super::dial::{self, NO_TLS, Stream, WANTS_TLS};
use crate::facts::{Unreachable, UnreachableKind};
use crate::target::RedisLogin;

/// Where and how connections are opened.
#[derive(Clone, Debug)]
pub(super) struct Door {
    address: ServerAddress,
    login: RedisLogin,
}

/// A connection that is open, and what is known of it.
pub(super) struct Opened {
    pub(super) conversation: Conversation,
    /// How long connecting took.
    pub(super) connect: Duration,
    /// Our end of it.
    pub(super) local_addr: Option<SocketAddr>,
}

impl Door {
    pub(super) fn new(address: &ServerAddress, login: &RedisLogin) -> Self {
        Self { address: address.clone(), login: login.clone() }
    }

    /// Connects and encrypts; nothing has been said yet.
    pub(super) async fn open(
        &self,
        addr: SocketAddr,
        deadline: Instant,
    ) -> Result<Opened, Unreachable> {
        let (stream, connect) = dial::connect(addr, deadline).await?;
        let stream = if self.login.is_tls {
            Stream::encrypt(stream, &self.address, deadline).await?
        } else {
            Stream::Plain(stream)
        };
        let local_addr = stream.local_addr().ok();
        Ok(Opened { conversation: Conversation::new(stream), connect, local_addr })
    }

    /// Finds out whether a server that says nothing to the purpose would say more with TLS, or
    /// without.
    pub(super) async fn explain(&self, error: Unreachable, deadline: Instant) -> Unreachable {
        let Some(addr) = error.addr else { return error };
        let words = match (error.kind, self.login.is_tls) {
            // Redis takes the handshake for the beginning of a command, and waits for its end.
            (UnreachableKind::Silent, true) if self.answers_in_the_clear(addr, deadline).await => {
                format!("{NO_TLS}: it answers without")
            }
            // Redis closes the connection of a client that does not begin with a handshake.
            (UnreachableKind::Reset, false) if self.answers_tls(addr, deadline).await => {
                WANTS_TLS.to_owned()
            }
            _ => return error,
        };
        Unreachable { kind: UnreachableKind::Tls, words, ..error }
    }

    async fn answers_in_the_clear(&self, addr: SocketAddr, deadline: Instant) -> bool {
        let in_the_clear = Self { login: RedisLogin::default(), address: self.address.clone() };
        let Ok(mut opened) = in_the_clear.open(addr, deadline).await else { return false };
        let answer = opened.conversation.ask(&redis::cmd("PING"), deadline).await;
        !matches!(answer, Err(Failure::Broken(_)))
    }

    async fn answers_tls(&self, addr: SocketAddr, deadline: Instant) -> bool {
        let Ok((stream, _)) = dial::connect(addr, deadline).await else { return false };
        match Stream::encrypt(stream, &self.address, deadline).await {
            Ok(_) => true,
            // A certificate that we do not trust is one all the same.
            Err(error) => error.kind == UnreachableKind::Tls && error.words != NO_TLS,
        }
    }

    /// Logs in, chooses the database, and says `PING`. Gives the server's words if it refuses that
    /// for a reason of its own (it is loading, a script runs, our user may not): it is reached.
    pub(super) async fn enter(
        &self,
        conversation: &mut Conversation,
        deadline: Instant,
    ) -> Result<Option<String>, (UnreachableKind, String)> {
        let steps = self.steps();
        let commands: Vec<Cmd> = steps.iter().map(|(_, command)| command.clone()).collect();
        let answers = conversation.ask_all(&commands, deadline).await;
        let mut refusal = None;
        for ((step, _), answer) in steps.iter().zip(answers) {
            match answer {
                Ok(Value::Okay) if *step != Step::Greet => {}
                Ok(Value::SimpleString(word)) if *step == Step::Greet && word == "PONG" => {}
                // Who repeats what it is told repeats the password.
                Ok(_) if *step == Step::LogIn => {
                    let words = "AUTH was answered by something else than OK".to_owned();
                    return Err((UnreachableKind::Protocol, words));
                }
                Ok(other) => {
                    let words = format!("{} was answered by {other:?}", step.command());
                    return Err((UnreachableKind::Protocol, shortened(&words)));
                }
                Err(Failure::Broken(broken)) => return Err(unanswered(*step, broken)),
                Err(Failure::Refused(words)) => match refused(*step, &words) {
                    Some(kind) => return Err((kind, words)),
                    None => refusal = Some(words),
                },
            }
        }
        Ok(refusal)
    }

    /// Logs in and chooses the database on a further connection. Gives its number at the server,
    /// if that tells.
    pub(super) async fn enter_again(
        &self,
        conversation: &mut Conversation,
        deadline: Instant,
    ) -> Result<Option<i64>, Failure> {
        let steps = self.steps();
        let (_, steps) = steps.split_last().expect("the greeting is the last");
        let mut commands: Vec<Cmd> = steps.iter().map(|(_, command)| command.clone()).collect();
        commands.push(redis::cmd("CLIENT").arg("ID").to_owned());
        let mut answers = conversation.ask_all(&commands, deadline).await;
        let id = answers.pop();
        // A server that cannot answer now says so to whatever is asked next.
        for answer in answers {
            match answer {
                Err(Failure::Refused(words)) if is_about_itself(&words) => {}
                Err(failure) => return Err(failure),
                Ok(_) => {}
            }
        }
        match id {
            Some(Ok(Value::Int(id))) => Ok(Some(id)),
            Some(Err(Failure::Refused(words))) if is_full(&words) => Err(Failure::Refused(words)),
            Some(Err(failure @ Failure::Broken(_))) => Err(failure),
            _ => Ok(None),
        }
    }

    fn steps(&self) -> Vec<(Step, Cmd)> {
        let mut steps = Vec::new();
        let RedisLogin { user, password, database, .. } = &self.login;
        if let Some(password) = password {
            let mut command = redis::cmd("AUTH");
            if let Some(user) = user {
                command.arg(user);
            }
            steps.push((Step::LogIn, command.arg(password.expose()).to_owned()));
        }
        if *database != 0 {
            steps.push((Step::Select, redis::cmd("SELECT").arg(*database).to_owned()));
        }
        steps.push((Step::Greet, redis::cmd("PING")));
        steps
    }
}

/// What is said first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    LogIn,
    Select,
    Greet,
}

impl Step {
    fn command(self) -> &'static str {
        match self {
            Self::LogIn => "AUTH",
            Self::Select => "SELECT",
            Self::Greet => "PING",
        }
    }
}

fn unanswered(step: Step, broken: Broken) -> (UnreachableKind, String) {
    match broken {
        Broken::TimedOut => {
            (UnreachableKind::Silent, format!("no answer to {} in time", step.command()))
        }
        Broken::Closed(words) => (UnreachableKind::Reset, words),
        Broken::Tls(words) => (UnreachableKind::Tls, words),
        Broken::TooLong => (UnreachableKind::Protocol, Broken::TooLong.to_string()),
        Broken::Garbled(words) => (UnreachableKind::Protocol, words),
    }
}

/// In which way a server is not reached that refuses one of our first words; `None` if it is
/// reached all the same.
fn refused(step: Step, words: &str) -> Option<UnreachableKind> {
    let code = words.split(' ').next().unwrap_or_default();
    let wants_login = ["NOAUTH", "WRONGPASS", "DENIED"].contains(&code)
        || words.starts_with("ERR operation not permitted");
    if is_full(words) {
        Some(UnreachableKind::Full)
    } else if wants_login {
        Some(UnreachableKind::Authentication)
    } else if is_about_itself(words) {
        None
    } else if words.starts_with("ERR Protocol error") {
        Some(UnreachableKind::Protocol)
    } else {
        match step {
            // Old servers word a wrong login as they like.
            Step::LogIn => Some(UnreachableKind::Authentication),
            Step::Select => Some(UnreachableKind::Database),
            // Who may not say PING may do other things.
            Step::Greet => None,
        }
    }
}

/// Whether the server says that it cannot answer at all at present, whoever asks.
pub(super) fn is_about_itself(words: &str) -> bool {
    ["LOADING ", "BUSY ", "MASTERDOWN "].iter().any(|it| words.starts_with(it))
}

fn is_full(words: &str) -> bool {
    words.contains("max number of clients")
}
