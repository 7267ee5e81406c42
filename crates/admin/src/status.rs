//! The process, its pools, its servers.

mod pools;
mod servers;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use evenkeel_api::{ApiFailure, Pool, Server, Status};
use evenkeel_core::Instant;

pub(crate) use self::pools::{all_pools, hit_percent};
pub(crate) use self::servers::{is_usable, share_percent};
use crate::refusal::Refusal;
use crate::subject::Subject;
use crate::time::written;

/// Everything on one page.
#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "status",
    responses((status = 200, description = "The process, its pools, their servers.", body = Status)),
)]
pub(crate) async fn status(State(subject): State<Subject>) -> Json<Status> {
    let Subject { handle, driver, .. } = &subject;
    let now = handle.now();
    Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_at: written(handle.wall_time(Instant::ZERO)),
        uptime_seconds: (now - Instant::ZERO).as_secs(),
        at: written(handle.wall_time(now)),
        is_lab: driver.lab().is_some(),
        sessions_open: driver.sessions_open(),
        listeners: driver.listeners(),
        last_reload: driver.last_reload(),
        next_event: handle.next_event_number(),
        pools: all_pools(&subject),
    })
}

/// All pools.
#[utoipa::path(
    get,
    path = "/api/v1/pools",
    tag = "status",
    responses((status = 200, description = "In the order of the configuration.", body = Vec<Pool>)),
)]
pub(crate) async fn pools(State(subject): State<Subject>) -> Json<Vec<Pool>> {
    Json(all_pools(&subject))
}

/// One pool.
#[utoipa::path(
    get,
    path = "/api/v1/pools/{pool}",
    tag = "status",
    params(("pool" = String, Path, description = "The pool's name")),
    responses(
        (status = 200, description = "It, with its servers.", body = Pool),
        (status = 404, description = "There is no such pool.", body = ApiFailure),
    ),
)]
pub(crate) async fn pool(
    State(subject): State<Subject>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Json<Pool>, Refusal> {
    let Path(name) = path?;
    find_pool(&subject, &name).map(Json)
}

/// One server.
#[utoipa::path(
    get,
    path = "/api/v1/pools/{pool}/servers/{server}",
    tag = "status",
    params(
        ("pool" = String, Path, description = "The pool's name"),
        ("server" = String, Path, description = "The server's name, or else its address"),
    ),
    responses(
        (status = 200, description = "It.", body = Server),
        (status = 404, description = "There is no such server.", body = ApiFailure),
    ),
)]
pub(crate) async fn server(
    State(subject): State<Subject>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Server>, Refusal> {
    let Path((pool, server)) = path?;
    find_server(&subject, &pool, &server).map(Json)
}

pub(crate) fn find_pool(subject: &Subject, name: &str) -> Result<Pool, Refusal> {
    let mut pools = all_pools(subject);
    let Some(idx) = pools.iter().position(|it| it.name == name) else {
        let names: Vec<_> = pools.into_iter().map(|it| it.name).collect();
        let message = format!("there is no pool {name:?}; there are {}", names.join(", "));
        return Err(Refusal::NotFound(message));
    };
    Ok(pools.swap_remove(idx))
}

pub(crate) fn find_server(subject: &Subject, pool: &str, name: &str) -> Result<Server, Refusal> {
    let mut servers = find_pool(subject, pool)?.servers;
    let Some(idx) = servers.iter().position(|it| it.name == name) else {
        let names: Vec<_> = servers.into_iter().map(|it| it.name).collect();
        let names = names.join(", ");
        let message = format!("there is no server {name:?} in pool {pool}; there are {names}");
        return Err(Refusal::NotFound(message));
    };
    Ok(servers.swap_remove(idx))
}
