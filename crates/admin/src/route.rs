//! Where a key goes, and why.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use evenkeel_api::{ApiFailure, MisplacedKey, Route, RouteServer};
use evenkeel_control::Handle;
use evenkeel_control::view::{RouteView, ServerView};
use evenkeel_core::protocol::KEY_LEN_MAX;
use evenkeel_core::routing::ServerId;
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::subject::Subject;

/// Which key, of which pool; the pool may be left out if there is one only.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteQuery {
    /// The key: at most 250 bytes of UTF-8, without blanks and control characters.
    key: String,
    /// The pool; it may be left out if there is one only.
    pool: Option<String>,
}

/// Where a key goes at this moment, and why.
#[utoipa::path(
    get,
    path = "/api/v1/route",
    tag = "status",
    params(
        ("key" = String, Query, description = "At most 250 bytes of UTF-8, without blanks and control characters", min_length = 1, max_length = 250, pattern = "^[^\\x00-\\x20\\x7f]+$"),
        ("pool" = Option<String>, Query, description = "It may be left out if there is one only"),
    ),
    responses(
        (status = 200, description = "Its home, its order, where reads and writes go.", body = Route),
        (status = 400, description = "It is no key, or there are several pools.", body = ApiFailure),
        (status = 404, description = "There is no such pool.", body = ApiFailure),
    ),
)]
pub(crate) async fn route(
    State(subject): State<Subject>,
    query: Result<Query<RouteQuery>, QueryRejection>,
) -> Result<Json<Route>, Refusal> {
    let Query(RouteQuery { key, pool }) = query?;
    check_key(&key)?;
    let handle = &subject.handle;
    let pool = pool.map_or_else(|| only_pool(handle), Ok)?;
    let route = handle.route(&pool, key.as_bytes()).ok_or_else(|| no_pool(handle, &pool))?;
    Ok(Json(described(handle, (key, pool), &route)))
}

fn check_key(key: &str) -> Result<(), Refusal> {
    let len = key.len();
    let message = match key.chars().find(|char| char.is_ascii_control() || *char == ' ') {
        Some(char) => format!("a key cannot have {char:?} in it"),
        None if key.is_empty() => "a key has at least one byte".to_owned(),
        None if len > KEY_LEN_MAX => {
            format!("the key has {len} bytes, more than the {KEY_LEN_MAX} that a key can have")
        }
        None => return Ok(()),
    };
    Err(Refusal::BadRequest(message))
}

fn pool_names(handle: &Handle) -> Vec<String> {
    handle.pools().iter().map(|pool| pool.config.name.to_string()).collect()
}

fn only_pool(handle: &Handle) -> Result<String, Refusal> {
    let mut names = pool_names(handle);
    if names.len() == 1 {
        return Ok(names.remove(0));
    }
    let names = names.join(", ");
    Err(Refusal::BadRequest(format!("there are several pools; add pool= one of {names}")))
}

fn no_pool(handle: &Handle, pool: &str) -> Refusal {
    let names = pool_names(handle).join(", ");
    Refusal::NotFound(format!("there is no pool {pool:?}; there are {names}"))
}

fn described(handle: &Handle, (key, pool): (String, String), route: &RouteView) -> Route {
    let servers: BTreeMap<ServerId, ServerView> =
        handle.servers().into_iter().map(|server| (server.id, server)).collect();
    let name = |id: ServerId| handle.names_of(id).server.clone();
    let state = |id: ServerId| servers.get(&id).map_or("gone", |it| it.standing.state.label());
    let order = route.order.iter().map(|(id, is_usable)| RouteServer {
        server: name(*id),
        pool: handle.names_of(*id).pool.to_string(),
        state: state(*id).to_owned(),
        is_usable: *is_usable,
    });
    let misplaced = route.misplaced.as_ref().map(|(holder, stale)| MisplacedKey {
        holder: holder.map(name),
        stale: stale.iter().copied().map(name).collect(),
    });
    let mut described = Route {
        key,
        pool,
        home: name(route.home),
        reads_go_to: route.read.map(name),
        writes_go_to: route.write.map(name),
        reason: String::new(),
        order: order.collect(),
        misplaced,
    };
    described.reason = reason(&described, state(route.home));
    described
}

/// Why it goes there, in words.
fn reason(route: &Route, home_state: &str) -> String {
    let Route { home, reads_go_to, writes_go_to, misplaced, .. } = route;
    if let Some(MisplacedKey { holder, stale }) = misplaced {
        let holder = match holder {
            Some(holder) => format!("its last write is at {holder} only"),
            None => "no server has its last write".to_owned(),
        };
        let stale = match &stale[..] {
            [] => String::new(),
            stale => {
                format!("; {} may hold an old value, which is being deleted", stale.join(", "))
            }
        };
        return format!("it is misplaced: {holder}{stale}");
    }
    match (reads_go_to, writes_go_to) {
        (Some(read), Some(write)) if read == home && write == home => {
            format!("{home} is its home, and is {home_state}")
        }
        (None, None) => format!("{home} is its home, is {home_state}, and no other may have it"),
        (read, write) if read == write => {
            let there = read.as_deref().unwrap_or_default();
            format!("{home} is its home and is not used for it now ({home_state}); {there} is next")
        }
        (Some(read), _) if read == home => {
            format!("{home} is its home, and is sent no writes; they go elsewhere")
        }
        (_, _) => format!("{home} is its home, and is {home_state}"),
    }
}
