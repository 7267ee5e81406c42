//! Where a running proxy is found, and what it asks for.
//!
//! The arguments say it; what they leave open the environment says (`EVENKEEL_ADMIN`,
//! `EVENKEEL_TOKEN_FILE`), and what that leaves open is the default of the configuration.

use std::env;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::http::uri::Authority;

use crate::args::{AdminArgs, ProxyArgs};
use crate::failure::Failure;

use super::{Admin, AdminError};

/// Where an admin server listens: a name or an IP address, and a port.
#[derive(Clone, Debug)]
pub(super) struct Address(String);

/// What an admin server asks for, and where it was read.
#[derive(Clone)]
pub(crate) struct Token {
    bearer: String,
    file: PathBuf,
}

impl Admin {
    /// The proxy that the arguments mean. Nothing is sent yet.
    pub(crate) fn find(args: &ProxyArgs) -> Result<Self, Failure> {
        let AdminArgs { admin, token_file } = &args.admin;
        let configured = args.config.as_deref().map(configured).transpose()?;
        let (configured, configured_file) = configured.unzip();
        let address = admin.clone().or(configured).or_else(|| variable(ADMIN_VARIABLE));
        let address = address.unwrap_or_else(|| DEFAULT_ADDRESS.to_owned());
        let file = token_file.clone().or_else(|| match configured_file {
            Some(configured) => configured,
            None => variable(TOKEN_FILE_VARIABLE).map(PathBuf::from),
        });
        let token = file.as_deref().map(Token::read).transpose()?;
        Ok(Self::new(Address::parse(&address)?, token, None))
    }

    /// The proxy at an address, for somebody who waits so long for each of its answers. Nothing is
    /// sent yet.
    pub(crate) fn at(
        address: &str,
        token: Option<Token>,
        patience: Duration,
    ) -> Result<Self, AdminError> {
        Ok(Self::new(Address::parse(address)?, token, Some(patience)))
    }

    /// Where a proxy is if nobody says otherwise: as the environment says, or the default.
    pub(crate) fn usual_address() -> String {
        variable(ADMIN_VARIABLE).unwrap_or_else(|| DEFAULT_ADDRESS.to_owned())
    }
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Self, AdminError> {
        let fault = || AdminError::Address { address: text.to_owned() };
        let address = text.strip_prefix("http://").unwrap_or(text);
        let address = address.strip_suffix('/').unwrap_or(address);
        let authority: Authority = address.parse().map_err(|_| fault())?;
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return Err(fault());
        }
        let port = authority.as_str().strip_prefix(authority.host()).ok_or_else(fault)?;
        match (port, authority.port_u16()) {
            ("", _) => Ok(Self(format!("{authority}:{DEFAULT_PORT}"))),
            (_, Some(1..)) => Ok(Self(authority.to_string())),
            (_, Some(0) | None) => Err(fault()),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Token {
    /// The token in the file that was named, or that the environment names; `None` if neither is.
    pub(crate) fn find(file: Option<&Path>) -> Result<Option<Self>, AdminError> {
        let file = file.map(Path::to_owned);
        let file = file.or_else(|| variable(TOKEN_FILE_VARIABLE).map(PathBuf::from));
        file.as_deref().map(Self::read).transpose()
    }

    fn read(file: &Path) -> Result<Self, AdminError> {
        let fault = |why: String| AdminError::Token { file: file.to_owned(), why };
        let mut text = String::new();
        let read = File::open(file)
            .and_then(|open| open.take(TOKEN_LEN_MAX + 1).read_to_string(&mut text));
        read.map_err(|error| fault(error.to_string()))?;
        if text.len() as u64 > TOKEN_LEN_MAX {
            return Err(fault(format!("it is longer than {TOKEN_LEN_MAX} bytes")));
        }
        let token = text.trim();
        if token.is_empty() {
            return Err(fault("it is empty".to_owned()));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(fault("a token is one word of plain letters, digits and signs".to_owned()));
        }
        Ok(Self { bearer: format!("Bearer {token}"), file: file.to_owned() })
    }

    pub(super) fn bearer(&self) -> &str {
        &self.bearer
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Where the proxy of a configuration has its admin server, and the file of its token.
fn configured(file: &Path) -> Result<(String, Option<PathBuf>), Failure> {
    let config = evenkeel_config_file::load(file)?;
    let fault = |why| AdminError::NotConfigured { file: file.to_owned(), why };
    let admin = config.admin.ok_or_else(|| {
        fault("it has no [admin] table, and so its proxy has no admin server; add one")
    })?;
    if admin.address.port() == 0 {
        return Err(fault(
            "the system picks the port of its admin server; give it with --admin, as the proxy's \
             log says it",
        )
        .into());
    }
    let mut address = admin.address;
    // It listens on every address of this machine; this is the nearest.
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Ok((address.to_string(), admin.token_file))
}

/// A variable of the environment that says something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

const ADMIN_VARIABLE: &str = "EVENKEEL_ADMIN";
const TOKEN_FILE_VARIABLE: &str = "EVENKEEL_TOKEN_FILE";
const DEFAULT_ADDRESS: &str = "127.0.0.1:9311";
const DEFAULT_PORT: u16 = 9311;
const TOKEN_LEN_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_address(text: &str, expected: Option<&str>) {
        let address = Address::parse(text).ok();
        assert_eq!(address.as_ref().map(Address::as_str), expected, "{text:?}");
    }

    #[test]
    fn an_address_is_a_name_or_ip_address_and_a_port() {
        check_address("127.0.0.1:9311", Some("127.0.0.1:9311"));
        check_address("[::1]:80", Some("[::1]:80"));
        check_address("proxy-3.example:1", Some("proxy-3.example:1"));
        check_address("http://localhost:9311/", Some("localhost:9311"));
    }

    #[test]
    fn an_address_without_a_port_has_the_default() {
        check_address("proxy-3", Some("proxy-3:9311"));
        check_address("[::1]", Some("[::1]:9311"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":9311",
            "a:",
            "a:b",
            "a:0",
            "a:65536",
            "a b",
            "u@a:1",
            "https://a:1",
            "a:1/path",
            "\x1b:1",
            "::1",
        ] {
            check_address(text, None);
        }
    }

    fn token(text: &str) -> Result<Token, AdminError> {
        let name = format!("evenkeel-token-{}-{:p}", std::process::id(), text.as_ptr());
        let file = env::temp_dir().join(name);
        std::fs::write(&file, text).unwrap();
        let token = Token::read(&file);
        std::fs::remove_file(&file).unwrap();
        token
    }

    #[test]
    fn a_token_is_one_word_in_a_file() {
        assert_eq!(token(" s3cret-_.~+/=\n").unwrap().bearer(), "Bearer s3cret-_.~+/=");
        assert_eq!(token(&"x".repeat(4096)).unwrap().bearer().len(), 4096 + "Bearer ".len());
    }

    #[test]
    fn a_file_without_a_token_says_what_is_wrong() {
        for (text, why) in [
            ("\n", "it is empty"),
            ("two words", "a token is one word"),
            ("gehe\u{ef}m", "a token is one word"),
            (&"x".repeat(4097), "it is longer than 4096 bytes"),
        ] {
            let error = token(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let error = Token::read(Path::new("no/such")).unwrap_err().to_string();
        assert_eq!(error, "no/such gives no token: No such file or directory (os error 2)");
    }

    #[test]
    fn a_token_is_not_shown() {
        assert!(!format!("{:?}", token("s3cret").unwrap()).contains("s3cret"));
    }
}
