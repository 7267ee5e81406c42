//! What is examined: one server, by its protocol and address.
//!
//! ```text
//! memcached://address[:port]
//! redis[s]://[[user]:password@]address[:port][/database]
//! ```
//!
//! What an address must hide from a URL (`@`, `/`, `:` in a password) is percent-encoded there, as
//! in every URL. Ports default to 11211 and 6379.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use evenkeel_core::config::{SERVER_PORT_DEFAULT, ServerAddress, ServerAddressError};
use percent_encoding::percent_decode_str;
use url::Url;

/// One server to examine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How reports call it: never with a password in it.
    pub name: String,
    /// Where it is.
    pub address: ServerAddress,
    /// How it is spoken to.
    pub protocol: Protocol,
}

/// How a server is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// memcached's text protocol.
    Memcached,
    /// Redis' protocol, which Valkey speaks too.
    Redis(RedisLogin),
}

/// What a Redis server is told first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisLogin {
    /// Whether the connection is encrypted.
    pub is_tls: bool,
    /// The user; `None` is the server's default user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Password>,
    /// The database.
    pub database: u32,
}

/// A password, which is not printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The password itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(password: String) -> Self {
        Self(password)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Target {
    /// A memcached server, called by its address.
    pub fn memcached(address: ServerAddress) -> Self {
        Self { name: format!("memcached://{address}"), address, protocol: Protocol::Memcached }
    }

    /// A Redis server, called by its address and its database if that is not the first.
    pub fn redis(address: ServerAddress, login: RedisLogin) -> Self {
        let scheme = if login.is_tls { "rediss" } else { "redis" };
        let database = match login.database {
            0 => String::new(),
            number => format!("/{number}"),
        };
        let name = format!("{scheme}://{address}{database}");
        Self { name, address, protocol: Protocol::Redis(login) }
    }

    /// The same with a password, if it is a Redis server that was named without one.
    #[must_use]
    pub fn or_password(mut self, password: &Password) -> Self {
        if let Protocol::Redis(login) = &mut self.protocol
            && login.password.is_none()
        {
            login.password = Some(password.clone());
        }
        self
    }

    /// Whether it was named with a user and without a password: no server can be told that.
    pub fn lacks_password(&self) -> bool {
        match &self.protocol {
            Protocol::Memcached => false,
            Protocol::Redis(login) => login.user.is_some() && login.password.is_none(),
        }
    }

    /// Whether it is the same server, asked in the same way.
    pub fn is_same(&self, other: &Self) -> bool {
        self.address == other.address && self.protocol == other.protocol
    }

    /// The same server by another name.
    #[must_use]
    pub fn named(self, name: String) -> Self {
        Self { name, ..self }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let url = Url::parse(text).map_err(|source| TargetError::NoUrl { source })?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(TargetError::Extra);
        }
        match url.scheme() {
            "memcached" => memcached(&url),
            "redis" => redis(&url, false),
            "rediss" => redis(&url, true),
            other => Err(TargetError::Scheme(other.to_owned())),
        }
    }
}

fn memcached(url: &Url) -> Result<Target, TargetError> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::MemcachedLogin);
    }
    if !matches!(url.path(), "" | "/") {
        return Err(TargetError::Extra);
    }
    Ok(Target::memcached(address(url, SERVER_PORT_DEFAULT)?))
}

fn redis(url: &Url, is_tls: bool) -> Result<Target, TargetError> {
    let user = decoded(url.username())?;
    let password = url.password().map(decoded).transpose()?;
    let database = match url.path().trim_start_matches('/') {
        "" => 0,
        // What stands before an `@` is a password in which a sign is not encoded: it is not told.
        number if number.contains('@') => return Err(TargetError::Unencoded),
        number => number.parse().map_err(|_| TargetError::Database(number.to_owned()))?,
    };
    let login = RedisLogin {
        is_tls,
        user: (!user.is_empty()).then(|| user.into_owned()),
        password: password.map(|it| Password(it.into_owned())),
        database,
    };
    Ok(Target::redis(address(url, REDIS_PORT_DEFAULT)?, login))
}

fn address(url: &Url, port_default: u16) -> Result<ServerAddress, TargetError> {
    let written = url.host_str().filter(|it| !it.is_empty()).ok_or(TargetError::NoAddress)?;
    let bare = written.trim_start_matches('[').trim_end_matches(']');
    Ok(ServerAddress::new(bare, url.port().unwrap_or(port_default))?)
}

fn decoded(text: &str) -> Result<Cow<'_, str>, TargetError> {
    percent_decode_str(text).decode_utf8().map_err(|_| TargetError::Encoding)
}

/// Why a text is no target. Nothing was asked of anybody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no URL.
    #[error("{source}; write memcached://address:port or redis://address:port")]
    NoUrl {
        /// What it lacks.
        source: url::ParseError,
    },
    /// The scheme is none that can be examined.
    #[error("the scheme {0:?} is none of memcached, redis, rediss")]
    Scheme(String),
    /// There is no address in it.
    #[error("there is no address; write memcached://address:port or redis://address:port")]
    NoAddress,
    /// The address is none.
    #[error(transparent)]
    Address(#[from] ServerAddressError),
    /// Something follows that has no meaning.
    #[error("nothing can follow the address, but a database number after a Redis server's")]
    Extra,
    /// memcached's text protocol knows no users.
    #[error("a memcached server is asked without user and password; leave them out")]
    MemcachedLogin,
    /// The database is no number.
    #[error("the database {0:?} is no number; write redis://address:port/0")]
    Database(String),
    /// The address is followed by what looks like the rest of a password.
    #[error("write /, ? and # in a password as %2F, %3F and %23")]
    Unencoded,
    /// User or password are no text when decoded.
    #[error("user and password must be UTF-8 when percent-decoded")]
    Encoding,
}

/// Redis' own port.
const REDIS_PORT_DEFAULT: u16 = 6379;

#[cfg(test)]
mod tests;
