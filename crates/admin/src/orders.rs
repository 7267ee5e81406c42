//! An operator's word about a server.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use evenkeel_api::{ApiFailure, OrderAccepted};
use evenkeel_core::event::Order;

use crate::refusal::Refusal;
use crate::status::find_server;
use crate::subject::Subject;

/// Gives an order about a server. What becomes of it is an event.
#[utoipa::path(
    post,
    path = "/api/v1/pools/{pool}/servers/{server}/{order}",
    tag = "orders",
    params(
        ("pool" = String, Path, description = "The pool's name"),
        ("server" = String, Path, description = "The server's name, or else its address"),
        ("order" = String, Path, description = "`drain`, `eject`, `readmit` or `flush`"),
        ("x-evenkeel" = String, Header, description = "Anything: that it is there says that no page from elsewhere asks. A JSON content type says the same."),
    ),
    responses(
        (status = 202, description = "It has been given.", body = OrderAccepted),
        (status = 404, description = "There is no such server, or no such order.", body = ApiFailure),
    ),
)]
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
