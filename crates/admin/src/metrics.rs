//! What Prometheus scrapes: the text format, version 0.0.4.
//!
//! Each family of figures is a row of [`FAMILIES`] with its name, kind, labels and meaning, and the
//! function that writes its samples; docs/operations.md has the same rows. Whatever is known by a
//! name in common has it (`cache_hits_total`); what is our own notion begins with `evenkeel_`.
//!
//! # Cost
//! Figures are read where the control plane has them already, and written in one pass: some hundred
//! bytes for each sample, about seventy samples for each server. Workers are not asked.
//!
//! # Limits
//! Labels are names of what is configured and words of ours, so there are as many series as the
//! configuration makes. A server that has left has none any more.
//!
//! # Hard cases
//! - A server's name may hold quotes and backslashes: both are escaped. It has no line breaks.
//! - A histogram's bounds are those at which latencies are counted, every fourth of them, so that no
//!   response is counted where it does not belong. What took longer than the last counted bound is
//!   in `+Inf` only.
//! - A report that was dropped is missing in these figures; how many are is among the losses.

mod families;
mod text;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use self::families::Snapshot;
pub use self::families::{FAMILIES, Family};
pub use self::text::{Kind, Samples};
use crate::router::App;

/// The media type of what is written here.
const MEDIA_TYPE: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// Figures for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "metrics",
    responses((status = 200, description = "In the text format 0.0.4.", body = String, content_type = "text/plain")),
)]
pub(crate) async fn metrics(State(app): State<App>) -> impl IntoResponse {
    ([(CONTENT_TYPE, MEDIA_TYPE)], written(&app))
}

fn written(app: &App) -> String {
    let snapshot = Snapshot::take(app);
    let mut text = String::new();
    for family in FAMILIES {
        let mut samples = Samples::new(&mut text, family.name, family.kind, family.help);
        (family.write)(&snapshot, &mut samples);
    }
    text
}
