//! Whether the process lives, and whether it can serve.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_api::{Live, Pool, PoolReadiness, Ready};

use crate::status::all_pools;
use crate::subject::Subject;

pub(crate) async fn live() -> Json<Live> {
    Json(Live { is_live: true })
}

pub(crate) async fn ready(State(subject): State<Subject>) -> Response {
    let ready = readiness(&subject);
    let status = if ready.is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready)).into_response()
}

fn readiness(subject: &Subject) -> Ready {
    let pools = all_pools(subject);
    // A gutter serves for other pools only: without it they are as ready as before.
    let gutters: Vec<_> = pools.iter().filter_map(|pool| pool.gutter.clone()).collect();
    let pools: Vec<_> = pools.into_iter().map(of_pool).collect();
    let stopping = subject.driver.is_stopping().then(|| "the process is being stopped".to_owned());
    let not_ready = pools.iter().filter(|it| !it.is_ready && !gutters.contains(&it.pool));
    let of_pools =
        not_ready.filter_map(|pool| Some(format!("{}: {}", pool.pool, pool.reason.as_ref()?)));
    let reasons: Vec<_> = stopping.into_iter().chain(of_pools).collect();
    let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
    Ready { is_ready: reason.is_none(), reason, pools }
}

fn of_pool(pool: Pool) -> PoolReadiness {
    PoolReadiness {
        pool: pool.name,
        is_ready: pool.is_ready,
        servers_usable: pool.servers_usable,
        servers: pool.servers.len(),
        reason: pool.reason,
    }
}
