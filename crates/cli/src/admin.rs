//! A running proxy, as its admin server shows it.
//!
//! Each method asks one question of the API and gives the answer in the types of `evenkeel-api`.
//! What comes back is somebody else's until it has been read: it is bounded in bytes and time, and
//! no text that is handed out can steer a terminal.
//!
//! It decides nothing and keeps nothing but open connections.

mod access;
mod error;
mod stream;

use std::io::Read;
use std::time::Duration;

use evenkeel_api::{
    ApiFailure, Configuration, Event, EventList, History, OrderAccepted, Pool, Reload, Route,
    Status,
};
use evenkeel_core::event::Order;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

use crate::text;

use access::Address;

pub(crate) use access::Token;

pub(crate) use error::AdminError;
pub(crate) use stream::EventStream;

/// A way to a running proxy; as many as wanted.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    agent: Agent,
    address: Address,
    token: Option<Token>,
}

impl Admin {
    fn new(address: Address, token: Option<Token>, patience: Option<Duration>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A proxy of the environment is for the world outside, and would see the token.
            .proxy(None)
            .user_agent(concat!("evenkeel/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(ANSWER_TIMEOUT))
            .timeout_per_read(Some(SILENCE_TIMEOUT))
            .timeout_global(patience)
            .build();
        Self { agent: config.into(), address, token }
    }

    /// Where it is asked, for people.
    pub(crate) fn address(&self) -> &str {
        self.address.as_str()
    }

    /// The configuration in effect.
    pub(crate) fn configuration(&self) -> Result<Configuration, AdminError> {
        self.ask("configuration")
    }

    /// What Prometheus is told, as it is told it.
    pub(crate) fn metrics(&self) -> Result<String, AdminError> {
        let url = format!("http://{}/metrics", self.address.as_str());
        let response = self.send(self.authorized(self.agent.get(url)).call())?;
        if !response.status().is_success() {
            return Err(self.failure(response, "metrics"));
        }
        let bytes = self.read_bytes(response, "metrics")?;
        let lines = String::from_utf8_lossy(&bytes);
        Ok(lines.lines().map(|line| text::printable(line) + "\n").collect())
    }

    /// The whole process.
    pub(crate) fn status(&self) -> Result<Status, AdminError> {
        self.ask("status")
    }

    /// The pools with their servers.
    pub(crate) fn pools(&self) -> Result<Vec<Pool>, AdminError> {
        self.ask("pools")
    }

    /// The events from number `since` on, as many as the server gives at once.
    pub(crate) fn events(&self, since: u64) -> Result<EventList, AdminError> {
        self.ask(&format!("events?since={since}"))
    }

    /// The events from number `since` on, and those to come.
    pub(crate) fn follow(&self, since: u64) -> Result<EventStream<impl Read + use<>>, AdminError> {
        let path = format!("events/stream?since={since}");
        let request = self.agent.get(self.url(&path)).header("accept", "text/event-stream");
        let response = self.send(self.authorized(request).call())?;
        let is_stream = response.body().mime_type() == Some("text/event-stream");
        if !response.status().is_success() || !is_stream {
            return Err(self.failure(response, &path));
        }
        let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        Ok(EventStream::new(reader))
    }

    /// Waits for the next event of a stream; `None` when it has ended.
    pub(crate) fn next<R: Read>(
        &self,
        stream: &mut EventStream<R>,
    ) -> Result<Option<Event>, AdminError> {
        stream.next().map_err(|error| AdminError::of_stream(error, self.address()))
    }

    /// The last so many seconds.
    pub(crate) fn history(&self, seconds: u16) -> Result<History, AdminError> {
        self.ask(&format!("history?seconds={seconds}"))
    }

    /// Where a key goes now. `by` has more to ask by: names and values.
    pub(crate) fn route(&self, by: &[(&str, &str)], key: &str) -> Result<Route, AdminError> {
        let by = by.iter().map(|(name, value)| format!("{name}={}&", encoded(value)));
        self.ask(&format!("route?{}key={}", by.collect::<String>(), encoded(key)))
    }

    /// Gives an order about a server.
    pub(crate) fn order(
        &self,
        order: Order,
        pool: &str,
        server: &str,
    ) -> Result<OrderAccepted, AdminError> {
        let (pool, server) = (encoded(pool), encoded(server));
        self.tell(&format!("pools/{pool}/servers/{server}/{}", order.label()))
    }

    /// Has the configuration file read again.
    pub(crate) fn reload(&self) -> Result<Reload, AdminError> {
        self.tell("reload")
    }

    fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        let request = self.agent.get(self.url(path)).header("accept", JSON);
        let response = self.send(self.authorized(request).call())?;
        self.read(response, path)
    }

    fn tell<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        let request = self.agent.post(self.url(path)).header("accept", JSON);
        let response = self.send(self.authorized(request).content_type(JSON).send("{}"))?;
        self.read(response, path)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/api/v1/{path}", self.address.as_str())
    }

    fn authorized<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("authorization", token.bearer()),
            None => request,
        }
    }

    fn send(
        &self,
        response: Result<Response<Body>, ureq::Error>,
    ) -> Result<Response<Body>, AdminError> {
        response.map_err(|error| AdminError::of(error, self.address()))
    }

    fn read<T: DeserializeOwned>(
        &self,
        response: Response<Body>,
        path: &str,
    ) -> Result<T, AdminError> {
        if !response.status().is_success() {
            return Err(self.failure(response, path));
        }
        let bytes = self.read_bytes(response, path)?;
        printable(&bytes).map_err(|error| self.foreign(path, &error.to_string()))
    }

    /// Why an answer is no success.
    fn failure(&self, response: Response<Body>, path: &str) -> AdminError {
        let status = response.status();
        if status == StatusCode::UNAUTHORIZED {
            let (address, token) = (self.address().to_owned(), self.token.as_ref());
            let file = token.map(|token| token.file().to_owned());
            return AdminError::Unauthorized { address, file };
        }
        match self.read_bytes(response, path).map(|bytes| printable::<ApiFailure>(&bytes)) {
            Ok(Ok(ApiFailure { failure, message })) => AdminError::Refused { failure, message },
            Ok(Err(_)) => self.foreign(path, &format!("it answers {}", status.as_u16())),
            Err(error) => error,
        }
    }

    fn read_bytes(&self, response: Response<Body>, path: &str) -> Result<Vec<u8>, AdminError> {
        let body = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX);
        body.read_to_vec().map_err(|error| match error {
            ureq::Error::BodyExceedsLimit(_) => {
                self.foreign(path, &format!("its answer exceeds {} MiB", ANSWER_BYTES_MAX >> 20))
            }
            error => AdminError::of(error, self.address()),
        })
    }

    fn foreign(&self, path: &str, what: &str) -> AdminError {
        let path = path.split('?').next().unwrap_or_default();
        AdminError::Foreign {
            address: self.address().to_owned(),
            what: text::printable(&format!("/api/v1/{path}: {what}")),
        }
    }
}

/// An answer, in which no text can steer a terminal.
fn printable<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    serde_json::from_value(text::printable_value(serde_json::from_slice(bytes)?))
}

/// One event, in the same way.
fn printable_event(data: &str) -> serde_json::Result<Event> {
    printable(data.as_bytes())
}

fn encoded(name: &str) -> String {
    utf8_percent_encode(name, &ENCODED).to_string()
}

/// What is encoded in a path or a question: all that is not plain there.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const JSON: &str = "application/json";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// A stream of events says something (a comment, if there is no event) far more often.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// Some ten thousand servers.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

#[cfg(test)]
mod tests;
