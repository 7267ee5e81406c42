//! What happened: as a list, and as a stream.
//!
//! Both read the control plane's one log by number. A stream holds one event at a time, and its
//! reader's pace is its own: who is too slow misses events, and sees so by their numbers.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{self, KeepAlive, Sse};
use evenkeel_api as api;
use evenkeel_control::Handle;
use evenkeel_control::events::{EVENTS_MAX, Event};
use evenkeel_core::event::Happening;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;

use crate::refusal::Refusal;
use crate::subject::Subject;
use crate::time::written;

/// A comment is sent on a stream without events this often, so that nobody on the way closes it.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Which events.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// The number of the first event wanted.
    #[serde(default)]
    since: u64,
    /// How many are wanted at most.
    #[serde(default = "limit_default")]
    limit: usize,
}

fn limit_default() -> usize {
    EVENTS_MAX
}

/// From which event on; from now on if nothing is said.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamQuery {
    /// The number of the first event wanted; that of the next to happen if it is left out.
    since: Option<u64>,
}

/// What happened, oldest first; the last 1,024 events are kept.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    params(
        ("since" = Option<u64>, Query, description = "The number of the first event wanted; 0 if it is left out", minimum = 0, maximum = 9_007_199_254_740_991_i64),
        ("limit" = Option<u32>, Query, description = "How many are wanted at most", minimum = 1, maximum = 1024),
    ),
    responses(
        (status = 200, description = "The events, and what to ask for next.", body = api::EventList),
        (status = 400, description = "A number is out of range.", body = api::ApiFailure),
    ),
)]
pub(crate) async fn list(
    State(subject): State<Subject>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<api::EventList>, Refusal> {
    let Query(ListQuery { since, limit }) = query?;
    check_number(since)?;
    if !(1..=EVENTS_MAX).contains(&limit) {
        let message = format!("limit={limit} is out of range; choose one from 1 to {EVENTS_MAX}");
        return Err(Refusal::BadRequest(message));
    }
    let read = subject.handle.events_since(since);
    let first = since + read.missed;
    let events: Vec<_> = (first..)
        .zip(&read.events)
        .take(limit)
        .map(|(number, event)| described(&subject.handle, number, event))
        .collect();
    let next = if events.is_empty() { read.next } else { first + events.len() as u64 };
    Ok(Json(api::EventList { events, missed: read.missed, next }))
}

/// What happens, as it happens: server-sent events whose data is an `Event`.
#[utoipa::path(
    get,
    path = "/api/v1/events/stream",
    tag = "events",
    params(
        ("since" = Option<u64>, Query, description = "The number of the first event wanted; that of the next to happen if it is left out", minimum = 0, maximum = 9_007_199_254_740_991_i64),
        ("last-event-id" = Option<u64>, Header, description = "The number of the event that was seen last: goes on after it"),
    ),
    responses(
        (status = 200, description = "It does not end.", body = String, content_type = "text/event-stream"),
        (status = 400, description = "A number is out of range.", body = api::ApiFailure),
        (status = 503, description = "There are too many streams.", body = api::ApiFailure),
    ),
)]
pub(crate) async fn stream(
    State(subject): State<Subject>,
    query: Result<Query<StreamQuery>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Refusal> {
    let Query(query) = query?;
    query.since.map_or(Ok(()), check_number)?;
    let Subject { handle, streams, .. } = subject;
    let place = streams.try_acquire_owned().map_err(|_| too_many_streams())?;
    let since = last_seen(&headers).map(|number| number.saturating_add(1)).or(query.since);
    let reader = handle.read_events(since.unwrap_or_else(|| handle.next_event_number()));
    let events = unfold((reader, handle, place), |(mut reader, handle, place)| async {
        let told = reader.next().await?;
        let event = described(&handle, told.number, &told.event);
        Some((Ok(as_sse(&event)), (reader, handle, place)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL)))
}

fn check_number(since: u64) -> Result<(), Refusal> {
    if since <= NUMBER_MAX {
        return Ok(());
    }
    let message = format!("since={since} is out of range; choose a number from 0 to {NUMBER_MAX}");
    Err(Refusal::BadRequest(message))
}

/// The largest number that everybody reads in JSON as it is meant.
const NUMBER_MAX: u64 = (1 << 53) - 1;

fn too_many_streams() -> Refusal {
    let message = "there are too many streams of events; close one, or raise connections_max";
    Refusal::Busy(message.to_owned())
}

/// The event that a browser has seen last which connects again.
fn last_seen(headers: &HeaderMap) -> Option<u64> {
    headers.get("last-event-id")?.to_str().ok()?.parse().ok()
}

fn as_sse(event: &api::Event) -> sse::Event {
    let data = sse::Event::default().id(event.number.to_string()).event(&event.kind);
    data.json_data(event).expect("an event is plain data")
}

/// An event as others are told it.
pub fn described(handle: &Handle, number: u64, event: &Event) -> api::Event {
    let what = &event.what;
    let mut described = api::Event {
        number,
        at: written(handle.wall_time(event.at)),
        kind: what.label().to_owned(),
        pool: None,
        server: None,
        from: None,
        to: None,
        rule: None,
        evidence: None,
        text: what.to_string(),
    };
    if let Some((names, happening)) = what.server() {
        described.pool = Some(names.pool.to_string());
        described.server = Some(names.server.clone());
        describe_happening(&mut described, happening);
    }
    described
}

fn describe_happening(described: &mut api::Event, happening: &Happening) {
    match happening {
        Happening::State(transition) => {
            described.from = Some(transition.from.label().to_owned());
            described.to = Some(transition.to.label().to_owned());
            described.rule = Some(transition.rule.label().to_owned());
            described.evidence = Some(transition.evidence.to_string());
        }
        Happening::WritesEjected(rule, evidence) | Happening::WritesReadmitted(rule, evidence) => {
            described.rule = Some(rule.label().to_owned());
            described.evidence = Some(evidence.to_string());
        }
        Happening::Restarted { .. }
        | Happening::MassFailure { .. }
        | Happening::Ordered(_)
        | Happening::FlushRequired
        | Happening::FlushRefused
        | Happening::Flushed
        | Happening::Overflowed { .. }
        | Happening::Joined
        | Happening::Left => {}
    }
}
