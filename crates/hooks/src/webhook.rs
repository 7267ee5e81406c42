//! One request to a webhook, and what its answer means.
//!
//! | answer | means |
//! |---|---|
//! | 200 to 299 | told |
//! | 408, 425, 429, 500 to 599; none in time; no connection | try again, not before `Retry-After` |
//! | any other | refused: to try again would be no use |
//!
//! A redirection is among the others: where a message goes is for the configuration to say.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_core::config::WebhookAddress;
use ring::hmac;
use ureq::config::Config;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// One request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) address: WebhookAddress,
    pub(crate) timeout: Duration,
    pub(crate) secret: Option<Secret>,
    /// The same whenever this message is sent again.
    pub(crate) message_id: String,
    pub(crate) body: Arc<[u8]>,
}

/// What requests are signed with.
#[derive(Debug)]
pub(crate) struct Secret(hmac::Key);

/// Why a request did not tell anybody anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// The receiver says that it never will. Another attempt is no use.
    #[error("it answered {status}{said}; {remedy}")]
    Refused {
        /// The status of its answer.
        status: u16,
        /// The beginning of its answer.
        said: Said,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The receiver cannot do it now. Another attempt may succeed.
    #[error("it answered {status}{said}")]
    Busy {
        /// The status of its answer.
        status: u16,
        /// The beginning of its answer.
        said: Said,
        /// For how long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// There was no answer. Another attempt may succeed.
    #[error("there was no answer: {0}")]
    NoAnswer(String),
    /// The address is none that can be asked. Another attempt is no use.
    #[error("its address cannot be asked; correct webhook")]
    BadAddress,
}

impl RequestError {
    /// Whether another attempt may succeed.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::NoAnswer(_))
    }

    /// For how long the receiver wants to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            Self::Refused { .. } | Self::NoAnswer(_) | Self::BadAddress => None,
        }
    }
}

/// What a receiver said, as much of it as fits a log line.
#[derive(Debug)]
pub(crate) struct Said(String);

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " ({:?})", self.0) }
    }
}

/// The most bytes of an answer that are looked at.
const SAID_LEN_MAX: u64 = 200;

/// The longest secret, in bytes.
const SECRET_LEN_MAX: u64 = 4096;

impl Secret {
    /// Reads the file, but for the end of its last line.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut secret = Vec::new();
        File::open(path)?.take(SECRET_LEN_MAX + 1).read_to_end(&mut secret)?;
        if secret.len() as u64 > SECRET_LEN_MAX {
            let what = format!("the secret has more than {SECRET_LEN_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        while secret.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            secret.pop();
        }
        if secret.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the secret is empty"));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }

    /// `sha256=` and the hexadecimal digits of the body's HMAC.
    fn signature(&self, body: &[u8]) -> String {
        let tag = hmac::sign(&self.0, body);
        let digits = tag.as_ref().iter().map(|byte| format!("{byte:02x}"));
        "sha256=".chars().chain(digits.collect::<String>().chars()).collect()
    }
}

impl Request {
    /// Makes the request, and waits for its answer.
    ///
    /// # Errors
    /// Nobody was told anything, as far as one can know.
    pub(crate) fn send(&self) -> Result<(), RequestError> {
        let mut request = self
            .agent()
            .post(self.address.as_str())
            .header("content-type", "application/json")
            .header("evenkeel-message", &self.message_id);
        if let Some(secret) = &self.secret {
            request = request.header("evenkeel-signature", secret.signature(&self.body));
        }
        match request.send(&self.body[..]) {
            Ok(response) => judge(response),
            Err(ureq::Error::BadUri(_) | ureq::Error::Http(_)) => Err(RequestError::BadAddress),
            Err(error) => Err(RequestError::NoAnswer(error.to_string())),
        }
    }

    /// For this request alone: nothing is kept open between messages.
    fn agent(&self) -> Agent {
        let config = Config::builder()
            .timeout_global(Some(self.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("evenkeel/", env!("CARGO_PKG_VERSION")));
        if !self.address.as_str().starts_with("https:") {
            return config.build().new_agent();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(system_roots())
            .build();
        config.tls_config(tls).build().new_agent()
    }
}

/// The certificates that this system trusts. Those that cannot be read are left out.
fn system_roots() -> RootCerts {
    let found = rustls_native_certs::load_native_certs();
    if let (true, Some(error)) = (found.certs.is_empty(), found.errors.first()) {
        tracing::warn!(%error, "no certificates that this system trusts can be read");
    }
    let certs: Vec<_> =
        found.certs.iter().map(|cert| Certificate::from_der(cert).to_owned()).collect();
    RootCerts::new_with_certs(&certs)
}

fn judge(mut response: Response<Body>) -> Result<(), RequestError> {
    let status = response.status().as_u16();
    if response.status().is_success() {
        return Ok(());
    }
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.and_then(|it| it.to_str().ok()?.parse().ok());
    let said = said(response.body_mut());
    match status {
        408 | 425 | 429 | 500..=599 => {
            let retry_after = retry_after.map(Duration::from_secs);
            Err(RequestError::Busy { status, said, retry_after })
        }
        300..=399 => {
            let remedy = "set webhook to where that leads";
            Err(RequestError::Refused { status, said, remedy })
        }
        _ => Err(RequestError::Refused { status, said, remedy: "correct webhook" }),
    }
}

fn said(body: &mut Body) -> Said {
    let mut bytes = Vec::new();
    // What cannot be read has not been said.
    let _ = body.as_reader().take(SAID_LEN_MAX).read_to_end(&mut bytes);
    Said(String::from_utf8_lossy(&bytes).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_signed_as_anybody_else_would() {
        // RFC 4231, test case 2.
        let secret = Secret(hmac::Key::new(hmac::HMAC_SHA256, b"Jefe"));
        assert_eq!(
            secret.signature(b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
