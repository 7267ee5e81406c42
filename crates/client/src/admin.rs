//! The admin API of a client, to be mounted in the application's own server.
//!
//! It is the API of the proxy: health, states, figures, events, orders, where a key goes, and the
//! page. A client has no sessions and no file to read again, and says so.

use std::sync::Weak;

pub use evenkeel_admin::access::TokenProblem;
pub use evenkeel_admin::{Access, Token, TokenError, axum};
use evenkeel_admin::{Driver, Subject};

use crate::client::Client;
use crate::engine::Engine;

/// What only the client knows. It does not keep it in being.
#[derive(Debug)]
struct ClientDriver {
    engine: Weak<Engine>,
}

impl Driver for ClientDriver {
    fn is_stopping(&self) -> bool {
        self.engine.upgrade().is_none_or(|engine| engine.is_closed())
    }
}

impl Client {
    /// The admin API of this client's pool, to be nested under a path of the application's server.
    ///
    /// Whoever reaches it can take servers out of use: mount it where only operators come, or let
    /// it want a token ([`Access::guard`], before it is nested). Whatever is ordered by a page from
    /// elsewhere is refused in any case. It looks once a second at what the client has done, for as
    /// long as the router is there; it does not keep the client in being, and is not ready once the
    /// client is gone.
    ///
    /// ```no_run
    /// # async fn run(cache: evenkeel::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use evenkeel::admin::{Access, Token, axum};
    ///
    /// let access = Access { token: Some(Token::new(&std::env::var("ADMIN_TOKEN")?)?), ..Access::default() };
    /// let service = axum::Router::new().nest("/cache", access.guard(cache.admin_router()));
    /// # let _ = service;
    /// # Ok(())
    /// # }
    /// ```
    pub fn admin_router(&self) -> axum::Router {
        let engine = &self.inner.engine;
        let _runtime = engine.runtime().enter();
        let driver = ClientDriver { engine: std::sync::Arc::downgrade(engine) };
        evenkeel_admin::router(Subject::new(self.handle().clone(), driver))
    }
}
