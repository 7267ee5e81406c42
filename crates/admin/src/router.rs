//! Which path is whose.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::{Method, Uri};
use axum::middleware;
use axum::routing::{get, post};

use crate::access::check_origin;
use crate::recorder::Recorder;
use crate::refusal::Refusal;
use crate::subject::Subject;
use crate::{events, health, history, lab, metrics, orders, page, reload, route, status};

/// What the routes work with.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) subject: Subject,
    pub(crate) recorder: Arc<Recorder>,
}

impl FromRef<App> for Subject {
    fn from_ref(app: &App) -> Self {
        app.subject.clone()
    }
}

/// The routes of the admin API and its page, to be served or mounted under a path of their own.
///
/// It remembers the last minutes from now on. Who may ask is for whoever serves it to say ([`Access`](crate::Access)); but nothing is changed by
/// a page from elsewhere.
///
/// # Panics
/// Outside a tokio runtime, on which it looks once a second.
pub fn router(subject: Subject) -> Router {
    let app = App { recorder: Recorder::start(subject.clone()), subject };
    let mut router = Router::new()
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/pools", get(status::pools))
        .route("/api/v1/pools/{pool}", get(status::pool))
        .route("/api/v1/pools/{pool}/servers/{server}", get(status::server))
        .route("/api/v1/pools/{pool}/servers/{server}/{order}", post(orders::order))
        .route("/api/v1/route", get(route::route))
        .route("/api/v1/history", get(history::history))
        .route("/api/v1/events", get(events::list))
        .route("/api/v1/events/stream", get(events::stream))
        .route("/api/v1/configuration", get(reload::configuration))
        .route("/api/v1/reload", post(reload::reload));
    if app.subject.driver.lab().is_some() {
        router = router
            .route("/api/v1/lab", get(lab::lab))
            .route("/api/v1/lab/servers/{server}/{fault}", post(lab::apply));
    }
    router
        .merge(page::routes())
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn(check_origin))
        .with_state(app)
}

async fn nothing_here(uri: Uri) -> Refusal {
    Refusal::NotFound(format!("there is nothing at {}; see api/v1/openapi.json", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    let path = uri.path();
    Refusal::WrongMethod(format!("{path} is not asked by {method}; see api/v1/openapi.json"))
}
