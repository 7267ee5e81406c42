//! The configuration, and how it is changed.

use axum::Json;
use axum::extract::State;
use evenkeel_api::{Configuration, Reload};

use crate::refusal::Refusal;
use crate::subject::Subject;

pub(crate) async fn configuration(
    State(subject): State<Subject>,
) -> Result<Json<Configuration>, Refusal> {
    subject.driver.configuration().map(Json)
}

pub(crate) async fn reload(State(subject): State<Subject>) -> Result<Json<Reload>, Refusal> {
    subject.driver.reload().await.map(Json)
}
