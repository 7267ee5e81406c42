//! Which path is whose.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::{Method, Uri};
use axum::middleware;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::check_origin;
use crate::recorder::Recorder;
use crate::refusal::Refusal;
use crate::subject::Subject;
use crate::{events, health, history, lab, metrics, openapi, orders, page, reload, route, status};

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
/// It remembers the last minutes from now on. Who may ask is for whoever serves it to say
/// ([`Access`](crate::Access)); but nothing is changed by a page from elsewhere.
///
/// # Panics
/// Outside a tokio runtime, on which it looks once a second.
pub fn router(subject: Subject) -> Router {
    let app = App { recorder: Recorder::start(subject.clone()), subject };
    let (router, description) = described(app.subject.driver.lab().is_some()).split_for_parts();
    router
        .merge(openapi::routes(description))
        .merge(page::routes())
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app)
}

/// Every route of the API with its description: a route without one cannot be added.
fn described(has_lab: bool) -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::head()).merge(telling(has_lab)).merge(changing(has_lab))
}

/// The routes that only tell something.
fn telling(has_lab: bool) -> OpenApiRouter<App> {
    let router = OpenApiRouter::default()
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
        .routes(routes!(status::status))
        .routes(routes!(status::pools))
        .routes(routes!(status::pool))
        .routes(routes!(status::server))
        .routes(routes!(route::route))
        .routes(routes!(history::history))
        .routes(routes!(events::list))
        .routes(routes!(events::stream))
        .routes(routes!(reload::configuration));
    if has_lab { router.routes(routes!(lab::lab)) } else { router }
}

/// The routes that change something: by no page from elsewhere.
fn changing(has_lab: bool) -> OpenApiRouter<App> {
    let router =
        OpenApiRouter::default().routes(routes!(orders::order)).routes(routes!(reload::reload));
    let router = if has_lab { router.routes(routes!(lab::apply)) } else { router };
    router.layer(middleware::from_fn(check_origin))
}

async fn nothing_here(uri: Uri) -> Refusal {
    Refusal::NotFound(format!("there is nothing at {}; see api/v1/openapi.json", uri.path()))
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    let path = uri.path();
    Refusal::WrongMethod(format!("{path} is not asked by {method}; see api/v1/openapi.json"))
}
