//! Why a running proxy gave no answer.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use crate::failure::{EXIT_FAILED, EXIT_USAGE};

use super::stream::StreamError;

/// Why a question to a running proxy has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// The caller's address is none. Nothing was sent.
    #[error("{address:?} is no address of an admin server; write it as in 127.0.0.1:9311")]
    Address {
        /// As it was given.
        address: String,
    },
    /// The caller's file of a token gives none. Nothing was sent.
    #[error("{file} gives no token: {why}", file = file.display())]
    Token {
        /// Its path as given.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The caller's configuration has no admin server that could be found by it. Nothing was sent.
    #[error("{file}: {why}", file = file.display())]
    NotConfigured {
        /// Its path as given.
        file: PathBuf,
        /// What it lacks, and what to do about it.
        why: &'static str,
    },
    /// Nobody is there. Nothing was done.
    #[error(
        "no admin server at {address}: {why}; is evenkeel running, and has its configuration an \
         [admin] table? --admin names another address"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// What the system said.
        why: String,
    },
    /// It was asked, and nothing came back in time. What was ordered may have been done.
    #[error("the admin server at {address} does not answer in time: the process may hang")]
    Silent {
        /// Where.
        address: String,
    },
    /// The connection ended in the middle. What was ordered may have been done.
    #[error("what listens at {address} has closed the connection without a whole answer: {why}")]
    Closed {
        /// Where.
        address: String,
        /// What the system said.
        why: String,
    },
    /// It asks for a token, or for another one. Nothing was done.
    #[error("the admin server at {address} {}", remedy(.file.as_ref()))]
    Unauthorized {
        /// Where.
        address: String,
        /// Where the token was read from, if there was one.
        file: Option<PathBuf>,
    },
    /// It understood and declined. Nothing was done.
    #[error("{message}")]
    Refused {
        /// Its word for it.
        failure: String,
        /// Its words.
        message: String,
    },
    /// It is something else, or of another time. What was ordered may have been done.
    #[error(
        "what answers at {address} is no admin server of Evenkeel's ({what}); --admin names another address"
    )]
    Foreign {
        /// Where.
        address: String,
        /// How it shows.
        what: String,
    },
}

impl AdminError {
    /// What the HTTP client's error means.
    pub(super) fn of(error: ureq::Error, address: &str) -> Self {
        let address = address.to_owned();
        match error {
            ureq::Error::Io(error) => Self::of_io(&error, address),
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                Self::Unreachable { address, why: "it does not answer".to_owned() }
            }
            ureq::Error::Timeout(_) => Self::Silent { address },
            ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => {
                Self::Unreachable { address, why: error.to_string() }
            }
            error => Self::Foreign { address, what: crate::text::printable(&error.to_string()) },
        }
    }

    /// What the end of a stream means.
    pub(super) fn of_stream(error: StreamError, address: &str) -> Self {
        let address = address.to_owned();
        match error {
            StreamError::Read(error) if error.kind() == ErrorKind::TimedOut => {
                Self::Silent { address }
            }
            StreamError::Read(error) => {
                Self::Closed { address, why: crate::text::printable(&error.to_string()) }
            }
            StreamError::Garbled(what) => {
                Self::Foreign { address, what: crate::text::printable(&what) }
            }
        }
    }

    fn of_io(error: &io::Error, address: String) -> Self {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Self::Silent { address },
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Self::Closed { address, why: error.to_string() },
            _ => Self::Unreachable { address, why: error.to_string() },
        }
    }

    /// The same for somebody who knows which proxy it is, and that it was there.
    pub(crate) fn in_brief(&self) -> String {
        match self {
            Self::Unreachable { why, .. } | Self::Closed { why, .. } => why.clone(),
            Self::Silent { .. } => "it does not answer in time".to_owned(),
            Self::Address { .. }
            | Self::Token { .. }
            | Self::NotConfigured { .. }
            | Self::Unauthorized { .. }
            | Self::Refused { .. }
            | Self::Foreign { .. } => self.to_string(),
        }
    }

    /// The exit code of a verb that ends by it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Address { .. } | Self::Token { .. } | Self::NotConfigured { .. } => EXIT_USAGE,
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::Closed { .. }
            | Self::Unauthorized { .. }
            | Self::Refused { .. }
            | Self::Foreign { .. } => EXIT_FAILED,
        }
    }

    /// Whether it may be another time: nobody was there, or did not answer.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Closed { .. } => true,
            Self::Refused { failure, .. } => failure == "busy" || failure == "stopping",
            Self::Address { .. }
            | Self::Token { .. }
            | Self::NotConfigured { .. }
            | Self::Unauthorized { .. }
            | Self::Foreign { .. } => false,
        }
    }
}

fn remedy(file: Option<&PathBuf>) -> String {
    match file {
        None => "asks for a token; give the file it is in with --token-file, or as \
                 EVENKEEL_TOKEN_FILE"
            .to_owned(),
        Some(file) => format!(
            "refuses the token in {}; give the file that its [admin] table names with --token-file",
            file.display()
        ),
    }
}
