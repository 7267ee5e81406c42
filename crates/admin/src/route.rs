//! Where a key goes, and why.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use evenkeel_api::{ApiFailure, MisplacedKey, Route, RouteServer};
use evenkeel_control::Handle;
use evenkeel_control::view::{RouteView, ServerView};
use evenkeel_core::config::Operation;
use evenkeel_core::protocol::KEY_LEN_MAX;
use evenkeel_core::routing::ServerId;
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::subject::{KeyTarget, Subject};

/// Which key, by the routes of which listener, or of which pool.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteQuery {
    /// The key: at most 250 bytes of UTF-8, without blanks and control characters.
    key: String,
    /// The pool, whatever routes say of the key.
    pool: Option<String>,
    /// The listener; it may be left out if all send keys the same way.
    listener: Option<String>,
    /// What is to be done with the key; `get` if it is left out.
    operation: Option<String>,
}

/// Where a key goes at this moment, and why.
#[utoipa::path(
    get,
    path = "/api/v1/route",
    tag = "status",
    params(
        ("key" = String, Query, description = "At most 250 bytes of UTF-8, without blanks and control characters", min_length = 1, max_length = 250, pattern = "^[^\\x00-\\x20\\x7f]+$"),
        ("pool" = Option<String>, Query, description = "The key as this pool's servers know it, whatever routes say"),
        ("listener" = Option<String>, Query, description = "Whose routes count; it may be left out if all listeners send keys the same way"),
        ("operation" = Option<String>, Query, description = "What is to be done with the key; get if it is left out", pattern = "^(get|set|delete|touch|arithmetic)$"),
    ),
    responses(
        (status = 200, description = "Its home, its order, where reads and writes go.", body = Route),
        (status = 400, description = "It is no key, or it is not plain which pool is meant.", body = ApiFailure),
        (status = 404, description = "There is no such pool or listener.", body = ApiFailure),
        (status = 409, description = "A pool is named, and a listener or an operation too.", body = ApiFailure),
    ),
)]
pub(crate) async fn route(
    State(subject): State<Subject>,
    query: Result<Query<RouteQuery>, QueryRejection>,
) -> Result<Json<Route>, Refusal> {
    let Query(query) = query?;
    check_key(&query.key)?;
    let handle = &subject.handle;
    let target = target(&subject, &query)?;
    let (key, pool) = (query.key, target.pool);
    let Some(sent) = key.as_bytes().get(target.stripped_len..).filter(|it| !it.is_empty()) else {
        let message = format!("nothing is left of the key {key:?} without its prefix");
        return Err(Refusal::BadRequest(message));
    };
    let route = handle.route(&pool, sent).ok_or_else(|| no_pool(handle, &pool))?;
    // A prefix is whole characters.
    let sent_as = String::from_utf8_lossy(sent).into_owned();
    let mut described = described(handle, (key, pool), &route);
    described.sent_as = (target.stripped_len > 0).then_some(sent_as);
    described.prefix = target.prefix;
    if target.operations.len() < Operation::ALL.len() {
        described.operations = target.operations.iter().map(|it| it.name().to_owned()).collect();
    }
    Ok(Json(described))
}

/// The pool that is asked for, or the one that the key goes to.
fn target(subject: &Subject, query: &RouteQuery) -> Result<KeyTarget, Refusal> {
    let RouteQuery { key, pool, listener, operation } = query;
    let pool_alone = |pool| {
        let operations = Operation::ALL.to_vec();
        KeyTarget { pool, prefix: None, stripped_len: 0, operations }
    };
    if let Some(pool) = pool {
        if listener.is_some() || operation.is_some() {
            let message = "pool= is instead of routes: it goes without listener= and operation=";
            return Err(Refusal::Conflict(message.to_owned()));
        }
        return Ok(pool_alone(pool.clone()));
    }
    let operation = operation.as_deref().map_or(Ok(Operation::Get), str::parse);
    let operation = operation.map_err(|error| {
        let known: Vec<_> = Operation::NAMES.iter().map(|(name, _)| *name).collect();
        Refusal::BadRequest(format!("{error}; operation= is one of {}", known.join(", ")))
    })?;
    let target = subject.driver.target(listener.as_deref(), operation, key.as_bytes())?;
    target.map_or_else(|| only_pool(&subject.handle).map(pool_alone), Ok)
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
        sent_as: None,
        prefix: None,
        operations: Vec::new(),
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
