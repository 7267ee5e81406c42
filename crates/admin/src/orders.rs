//! An operator's word about a server.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use evenkeel_api::OrderAccepted;
use evenkeel_core::event::Order;

use crate::refusal::Refusal;
use crate::status::find_server;
use crate::subject::Subject;

pub(crate) async fn order(
    State(subject): State<Subject>,
    path: Result<Path<(String, String, String)>, PathRejection>,
) -> Result<(StatusCode, Json<OrderAccepted>), Refusal> {
    let Path((pool, server, word)) = path?;
    let order = Order::ALL.into_iter().find(|order| order.label() == word);
    let order = order.ok_or_else(|| unknown(&word))?;
    find_server(&subject, &pool, &server)?;
    subject.handle.order(&format!("{pool}/{server}"), order)?;
    Ok((StatusCode::ACCEPTED, Json(OrderAccepted { order: word, pool, server })))
}

fn unknown(word: &str) -> Refusal {
    let words = Order::ALL.map(Order::label).join(", ");
    Refusal::NotFound(format!("there is no order {word:?}; there are {words}"))
}
