//! What an orchestrator asks.
//!
//! `live`: the process answers. `ready`: it can serve users, which takes the database and nothing
//! else. A service that called itself unready without its cache would be taken out of use by every
//! outage of the cache, in all its processes at once. What the cache is, it only tells.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use evenkeel::Handle;
use evenkeel::event::Happening;
use serde::Serialize;

use crate::routes::Service;

/// What `/health/ready` says.
#[derive(Serialize)]
pub(crate) struct Readiness {
    is_ready: bool,
    /// What the database says, if it does not answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    database_error: Option<String>,
    cache: CacheReport,
}

/// What the cache is.
#[derive(Serialize)]
struct CacheReport {
    /// Whether any of its servers is in use.
    is_available: bool,
    servers: Vec<ServerReport>,
}

#[derive(Serialize)]
struct ServerReport {
    name: String,
    /// `up`, `suspect`, `down`, `returning` or `drained`.
    state: &'static str,
    /// The last change of its state, with the rule and the evidence, unless it is up.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// The process answers.
pub(crate) async fn live() -> &'static str {
    "live\n"
}

/// 200 if users can be served, else 503; and in either case what there is to know.
pub(crate) async fn ready(State(service): State<Service>) -> (StatusCode, Json<Readiness>) {
    let database_error = service.database.check().await.err().map(|error| error.to_string());
    let is_ready = database_error.is_none();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let cache = CacheReport::new(service.cache.handle());
    (status, Json(Readiness { is_ready, database_error, cache }))
}

impl CacheReport {
    fn new(handle: &Handle) -> Self {
        let servers: Vec<_> = handle
            .servers()
            .into_iter()
            .map(|server| {
                let state = server.standing.state.label();
                let last = server.standing.last.filter(|_| state != "up");
                let why = last.map(|change| Happening::State(change).to_string());
                ServerReport { name: server.names.server.clone(), state, why }
            })
            .collect();
        let is_used = |server: &ServerReport| !matches!(server.state, "down" | "drained");
        Self { is_available: servers.iter().any(is_used), servers }
    }
}
