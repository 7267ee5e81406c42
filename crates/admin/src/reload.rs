//! The configuration, and how it is changed.

use axum::Json;
use axum::extract::State;
use evenkeel_api::{ApiFailure, Configuration, Reload};

use crate::refusal::Refusal;
use crate::subject::Subject;

/// The configuration in effect.
#[utoipa::path(
    get,
    path = "/api/v1/configuration",
    tag = "configuration",
    responses(
        (status = 200, description = "As TOML, with its defaults.", body = Configuration),
        (status = 404, description = "The process has none that it could show.", body = ApiFailure),
    ),
)]
pub(crate) async fn configuration(
    State(subject): State<Subject>,
) -> Result<Json<Configuration>, Refusal> {
    subject.driver.configuration().map(Json)
}

/// Reads the configuration again, and applies it.
#[utoipa::path(
    post,
    path = "/api/v1/reload",
    tag = "configuration",
    params(("x-evenkeel" = String, Header, description = "Anything: that it is there says that no page from elsewhere asks. A JSON content type says the same.")),
    responses(
        (status = 200, description = "It was read: what became of it.", body = Reload),
        (status = 409, description = "There is nothing to read.", body = ApiFailure),
    ),
)]
pub(crate) async fn reload(State(subject): State<Subject>) -> Result<Json<Reload>, Refusal> {
    subject.driver.reload().await.map(Json)
}
