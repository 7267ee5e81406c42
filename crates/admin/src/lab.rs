//! Servers that can be broken on purpose.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use evenkeel_api as api;

use crate::refusal::Refusal;
use crate::subject::{Lab, Subject};

/// The servers of the lab, and what can be done to them. Only `evenkeel lab` has it.
#[utoipa::path(
    get,
    path = "/api/v1/lab",
    tag = "lab",
    responses((status = 200, description = "Servers and faults.", body = api::Lab)),
)]
pub(crate) async fn lab(State(subject): State<Subject>) -> Result<Json<api::Lab>, Refusal> {
    Ok(Json(described(of(&subject)?)))
}

/// Does something to a server of the lab.
#[utoipa::path(
    post,
    path = "/api/v1/lab/servers/{server}/{fault}",
    tag = "lab",
    params(
        ("server" = String, Path, description = "The server's name, or else its address"),
        ("fault" = String, Path, description = "One of the lab's faults"),
        ("x-evenkeel" = String, Header, description = "Anything: that it is there says that no page from elsewhere asks. A JSON content type says the same."),
    ),
    responses(
        (status = 200, description = "It is done: the lab as it is now.", body = api::Lab),
        (status = 404, description = "There is no such server, or no such fault.", body = api::ApiFailure),
        (status = 409, description = "It cannot be done now.", body = api::ApiFailure),
    ),
)]
pub(crate) async fn apply(
    State(subject): State<Subject>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<api::Lab>, Refusal> {
    let Path((server, fault)) = path?;
    let lab = of(&subject)?;
    let there = described(lab);
    let servers: Vec<_> = there.servers.iter().map(|it| it.server.as_str()).collect();
    known("server", &server, &servers)?;
    let faults: Vec<_> = there.faults.iter().map(|it| it.name.as_str()).collect();
    known("fault", &fault, &faults)?;
    lab.apply(&server, &fault).await?;
    Ok(Json(described(lab)))
}

fn of(subject: &Subject) -> Result<&dyn Lab, Refusal> {
    subject.driver.lab().ok_or_else(|| Refusal::NotFound("this is no lab".to_owned()))
}

fn described(lab: &dyn Lab) -> api::Lab {
    api::Lab { servers: lab.servers(), faults: lab.faults() }
}

fn known(what: &str, word: &str, words: &[&str]) -> Result<(), Refusal> {
    if words.contains(&word) {
        return Ok(());
    }
    Err(Refusal::NotFound(format!("there is no {what} {word:?}; there are {}", words.join(", "))))
}
