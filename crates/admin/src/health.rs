//! Whether the process lives, and whether it can serve.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use evenkeel_api::{Live, Pool, PoolReadiness, Ready};

use crate::status::all_pools;
use crate::subject::Subject;

/// Whether the process lives.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "health",
    responses((status = 200, description = "It does: one that does not, does not answer.", body = Live)),
)]
pub(crate) async fn live() -> Json<Live> {
    Json(Live { is_live: true })
}

/// Whether every pool can serve something.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "health",
    responses(
        (status = 200, description = "Every pool can, and the process is not being stopped.", body = Ready),
        (status = 503, description = "Not so: which pool, and why.", body = Ready),
    ),
)]
pub(crate) async fn ready(State(subject): State<Subject>) -> Response {
    let ready = judged(&all_pools(&subject), subject.driver.is_stopping());
    let status = if ready.is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ready)).into_response()
}

/// Every pool can serve something, or which cannot, and why.
///
/// A pool whose gutter can stand in for it is ready. A gutter serves nobody else: without it the
/// process is as ready as before.
fn judged(pools: &[Pool], is_stopping: bool) -> Ready {
    let stopping = is_stopping.then(|| "the process is being stopped".to_owned());
    let is_gutter = |name: &str| pools.iter().any(|pool| pool.gutter.as_deref() == Some(name));
    let judged: Vec<_> = pools.iter().map(|pool| judged_pool(pool, pools)).collect();
    let not_ready = judged.iter().filter(|it| !it.is_ready && !is_gutter(&it.pool));
    let of_pools =
        not_ready.filter_map(|pool| Some(format!("{}: {}", pool.pool, pool.reason.as_ref()?)));
    let reasons: Vec<_> = stopping.into_iter().chain(of_pools).collect();
    let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
    Ready { is_ready: reason.is_none(), reason, pools: judged }
}

fn judged_pool(pool: &Pool, pools: &[Pool]) -> PoolReadiness {
    let gutter = pools.iter().find(|it| pool.gutter.as_ref() == Some(&it.name));
    PoolReadiness {
        pool: pool.name.clone(),
        is_ready: pool.is_ready || gutter.is_some_and(|gutter| gutter.is_ready),
        servers_usable: pool.servers_usable,
        servers: pool.servers.len(),
        reason: pool.reason.clone(),
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_control::set_up;
    use evenkeel_control::setup::Driver;
    use evenkeel_core::config::{Failover, PoolConfig, ServerConfig};

    use super::*;
    use crate::subject::Library;

    /// A pool whose gutter is `spare`, and that.
    fn pools(is_ready: [bool; 2]) -> Vec<Pool> {
        let configs = ["main", "spare"].map(|name| {
            let server = ServerConfig::new("10.0.0.1".parse().unwrap());
            PoolConfig::new(name.parse().unwrap(), vec![server])
        });
        let [mut main, spare] = configs;
        (main.failover, main.gutter) = (Failover::Gutter, Some(spare.name.clone()));
        let parts = set_up(&[main, spare], Driver::default()).expect("nothing is wrong with it");
        let mut pools = all_pools(&Subject::new(parts.handle, Library));
        for (pool, is_ready) in pools.iter_mut().zip(is_ready) {
            pool.is_ready = is_ready;
            pool.reason = (!is_ready).then(|| "no server is usable".to_owned());
        }
        pools
    }

    #[test]
    fn a_process_that_is_being_stopped_is_not_ready_and_says_so() {
        let ready = judged(&pools([true, true]), true);
        assert!(!ready.is_ready && ready.pools[0].is_ready);
        assert_eq!(ready.reason.as_deref(), Some("the process is being stopped"));
    }

    #[test]
    fn a_pool_is_ready_while_its_gutter_is() {
        let check = |usable, expected: (bool, [bool; 2])| {
            let ready = judged(&pools(usable), false);
            assert_eq!((ready.is_ready, [0, 1].map(|idx| ready.pools[idx].is_ready)), expected);
        };
        check([true, true], (true, [true, true]));
        check([false, true], (true, [true, true]));
        check([true, false], (true, [true, false]));
        check([false, false], (false, [false, false]));
        let ready = judged(&pools([false, false]), false);
        assert_eq!(ready.reason.as_deref(), Some("main: no server is usable"));
    }
}
