//! Who may ask.
//!
//! # Intuition
//! The API can take servers out of use, and it usually listens on loopback, where every browser of
//! that machine reaches it too. Three things must not happen: somebody without the token asks; a
//! page from elsewhere has a browser give an order; a page from elsewhere has its own name lead to
//! loopback (DNS rebinding) and so becomes a page of ours.
//!
//! # Rules
//! | rule | of which requests | by whom |
//! |---|---|---|
//! | the token, if there is one | all but `/health/…` and the page's own files | [`Access::guard`] |
//! | without a token, `Host` names an IP address, `localhost` or one of [`Access::names`] | all but `/health/…` | [`Access::guard`] |
//! | `Sec-Fetch-Site` is of the same origin, or else `Origin` is `Host` | those that change something | every router |
//! | a JSON content type, or the header [`CUSTOM_HEADER`] | those that change something | every router |
//!
//! The last two hold without any configuration. A form can send neither, and a script from elsewhere
//! would first have to ask for leave (CORS), which nobody here gives.
//!
//! # Hard cases
//! - `Host` may be missing (HTTP/1.0) and is then not from a browser.
//! - A rebound name never is an IP address: those need no list.
//! - Whether a token is right is found out in the same time wherever it is wrong.
//!
//! # Rejected alternatives
//! A cookie for the page: it would be sent by requests of other pages too.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fmt, fs, io};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method};
use axum::middleware::{self, Next};
use axum::response::Response;
use evenkeel_core::config::BrowserName;
use subtle::ConstantTimeEq as _;

use crate::page;
use crate::refusal::Refusal;

/// A header that says as much as a JSON content type: no page from elsewhere sends it unasked.
pub const CUSTOM_HEADER: &str = "x-evenkeel";

/// The shortest token, in bytes.
pub const TOKEN_LEN_MIN: usize = 16;

/// The longest token, in bytes.
pub const TOKEN_LEN_MAX: usize = 256;

/// Who may ask.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// What requests must bring.
    pub token: Option<Token>,
    /// By which names browsers may ask, besides `localhost` and IP addresses, if there is no token.
    pub names: Vec<BrowserName>,
}

impl Access {
    /// The same routes, for those who may.
    pub fn guard(self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(Arc::new(self), check_access))
    }

    fn check(&self, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        if path.starts_with("/health/") {
            return Ok(());
        }
        match &self.token {
            Some(_) if page::is_asset(path) => Ok(()),
            Some(token) if brought(headers).is_some_and(|it| token.is(it)) => Ok(()),
            Some(_) => Err(Refusal::Unauthorized),
            None => self.check_name(headers),
        }
    }

    fn check_name(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(host) = headers.get(HOST) else { return Ok(()) };
        let name = host.to_str().map(without_port).unwrap_or_default();
        let is_known = |known: &BrowserName| known.as_str().eq_ignore_ascii_case(name);
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        if is_address || name.eq_ignore_ascii_case("localhost") || self.names.iter().any(is_known) {
            return Ok(());
        }
        Err(Refusal::Forbidden(format!(
            "requests by the name {name:?} are refused while there is no token; if it is one of \
             yours, add it to names in [admin], or set token_file"
        )))
    }
}

async fn check_access(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    access.check(request.uri().path(), request.headers())?;
    Ok(next.run(request).await)
}

/// Refuses what would change something and may come from a page from elsewhere. What else such a
/// request brings is read to its end and says nothing.
pub(crate) async fn check_origin(mut request: Request, next: Next) -> Result<Response, Refusal> {
    // Whatever else is asked of these routes is refused for its method.
    if request.method() == Method::POST {
        check_same_origin(request.headers())?;
        check_not_simple(request.headers())?;
        let body = std::mem::take(request.body_mut());
        to_bytes(body, BODY_LEN_MAX).await.map_err(|_| Refusal::TooLarge)?;
    }
    Ok(next.run(request).await)
}

/// The longest body that is read, if its server allows as much.
const BODY_LEN_MAX: usize = 1 << 20;

fn check_same_origin(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_same = match (headers.get("sec-fetch-site"), headers.get(ORIGIN)) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => {
            let authority = origin.to_str().ok().and_then(|it| it.split_once("://"));
            authority.is_some_and(|(_, it)| headers.get(HOST).is_some_and(|host| host == it))
        }
        (None, None) => true,
    };
    let why = "a page from elsewhere may not change anything here";
    if is_same { Ok(()) } else { Err(Refusal::Forbidden(why.to_owned())) }
}

/// A request that any page may have a browser send is a simple one.
fn check_not_simple(headers: &HeaderMap) -> Result<(), Refusal> {
    let media_type = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let is_json = media_type.eq_ignore_ascii_case("application/json");
    if is_json || headers.contains_key(CUSTOM_HEADER) {
        return Ok(());
    }
    let message = format!("send the header content-type: application/json, or {CUSTOM_HEADER}: 1");
    Err(Refusal::BadRequest(message))
}

/// The token that a request brings.
fn brought(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The name in `name:port`, without the dot that a full name may end with.
fn without_port(host: &str) -> &str {
    let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    let name = if is_port { name } else { host };
    name.strip_suffix('.').unwrap_or(name)
}

/// What requests must bring. It is never shown.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// From a text that is one.
    pub fn new(text: &str) -> Result<Self, TokenProblem> {
        let len = text.len();
        if !(TOKEN_LEN_MIN..=TOKEN_LEN_MAX).contains(&len) {
            return Err(TokenProblem::Length(len));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenProblem::Character);
        }
        Ok(Self(text.to_owned()))
    }

    /// From a file that holds nothing else but blanks around it.
    pub fn from_file(path: &Path) -> Result<Self, TokenError> {
        let error = |problem| TokenError { path: path.to_owned(), problem };
        let text = fs::read_to_string(path).map_err(|source| error(TokenProblem::File(source)))?;
        Self::new(text.trim()).map_err(error)
    }

    /// Takes as long wherever they differ; their lengths are no secret.
    fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A file without a token. There is none.
#[derive(Debug, thiserror::Error)]
#[error("cannot take the admin server's token from {}", path.display())]
pub struct TokenError {
    /// The file.
    path: PathBuf,
    /// What is wrong with it.
    #[source]
    problem: TokenProblem,
}

/// Why something is no token. There is none.
#[derive(Debug, thiserror::Error)]
pub enum TokenProblem {
    /// The file cannot be read.
    #[error(transparent)]
    File(io::Error),
    /// It is too short to be a secret, or too long to be meant.
    #[error(
        "it has {0} bytes; a token has from {TOKEN_LEN_MIN} to {TOKEN_LEN_MAX}, as made by openssl rand -hex 32"
    )]
    Length(usize),
    /// No header can carry it.
    #[error("a token has visible ASCII characters only, and the file holds nothing else")]
    Character,
}

#[cfg(test)]
mod tests;
