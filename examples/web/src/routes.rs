//! What can be asked over HTTP, and how it is answered.

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use evenkeel::{LoadError, Source};

use crate::cache::UserCache;
use crate::database::{Database, DatabaseError};
use crate::health;
use crate::user::{NewUser, User, UserId};

/// What requests are answered from.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) database: Database,
    pub(crate) cache: UserCache,
}

/// Why a request is not answered as it was meant.
#[derive(Debug)]
enum Problem {
    /// There is no such user.
    NoUser(UserId),
    /// The user could not be loaded: without the database there is no truth.
    Load(LoadError<DatabaseError>),
    /// The user could not be stored.
    Database(DatabaseError),
}

/// All routes.
pub(crate) fn of(service: Service) -> Router {
    Router::new()
        .route("/users/{id}", get(show).put(store))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .with_state(service)
}

/// Cache-aside: from the cache if the user is there, else from the database and then into the cache.
async fn show(
    State(service): State<Service>,
    Path(id): Path<UserId>,
) -> Result<impl IntoResponse, Problem> {
    let Service { database, cache } = service;
    let load = move || async move { database.find(id).await };
    let found = cache.find_or_load(id, load).await.map_err(Problem::Load)?;
    let from = match found.source {
        Source::Loaded(_) | Source::Shared(_) => "database",
        Source::Near | Source::Cache | Source::Stale | Source::Peer => "cache",
    };
    let user = found.value.ok_or(Problem::NoUser(id))?;
    Ok(([(SERVED_FROM, from)], Json(user)))
}

/// First the truth, then the cache: the other way round a reader in between would cache the user as
/// it was.
async fn store(
    State(service): State<Service>,
    Path(id): Path<UserId>,
    Json(NewUser { name }): Json<NewUser>,
) -> Result<Json<User>, Problem> {
    let user = User { id, name };
    service.database.store(user.clone()).await?;
    service.cache.forget(id).await;
    Ok(Json(user))
}

impl From<DatabaseError> for Problem {
    fn from(error: DatabaseError) -> Self {
        Self::Database(error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::NoUser(id) => (StatusCode::NOT_FOUND, format!("there is no user {id}\n")),
            Self::Load(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
            Self::Database(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
        }
        .into_response()
    }
}

/// A header that says where a user comes from.
const SERVED_FROM: &str = "x-served-from";
