//! The page: what a browser is served, from the binary.
//!
//! Nothing it loads comes from anywhere else, and it may load nothing else: the policy that is sent
//! with it says so to the browser.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::IntoResponse;
use axum::routing::get;

/// One file of the page.
struct Asset {
    path: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

/// All of it.
const ASSETS: &[Asset] = &[Asset {
    path: "/",
    media_type: "text/html; charset=utf-8",
    bytes: include_bytes!("../page/index.html"),
}];

/// What the page may do: load what is here, and ask here.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    ASSETS
        .iter()
        .fold(Router::new(), |router, asset| router.route(asset.path, get(async || serve(asset))))
}

/// Whether a path is one of the page's own files.
pub(crate) fn is_asset(path: &str) -> bool {
    ASSETS.iter().any(|asset| asset.path == path)
}

fn serve(asset: &'static Asset) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // A new binary brings a new page.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, asset.bytes)
}
