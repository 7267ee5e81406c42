//! The server around the routes: connections, and what each of them may take.
//!
//! It runs as a task among those of the control plane. So everything has a bound: how many
//! connections there are, what a request may bring, and how long each step may take: a request to
//! come, its answer to be found, and its reader to take some more of it. A reader that takes
//! nothing holds one answer for that long, and then nothing.
//!
//! # Rejected alternatives
//! `axum::serve`: it bounds neither connections nor times.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::{self, Next};
use axum::response::Response;
use evenkeel_control::loss::Loss;
use http_body_util::Limited;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

use crate::refusal::Refusal;

/// What the server may take.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections_max: usize,
    /// Bytes of a request's head, and of its body. At least 8 KiB.
    pub request_len_max: usize,
    /// How long one step may take.
    pub step_timeout: Duration,
    /// Counts connections refused because there were too many.
    pub refused: Loss,
}

/// After the system refused a connection for want of descriptors or memory.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// What is answered past [`Limits::connections_max`], whatever was asked.
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n\
    content-length: 80\r\nconnection: close\r\n\r\n\
    {\"failure\":\"busy\",\"message\":\"there are too many connections (connections_max)\"}\n";

/// Serves until it is dropped, and with it every connection.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits) {
    let router = bounded(router, &limits);
    let places = std::sync::Arc::new(Semaphore::new(limits.connections_max));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the admin server cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY_INTERVAL).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        let Ok(place) = std::sync::Arc::clone(&places).try_acquire_owned() else {
            limits.refused.count();
            // The few bytes fit the socket's empty buffer; if not, it is closed all the same.
            let _ = stream.try_write(BUSY);
            continue;
        };
        let connection = serve_connection(stream, router.clone(), limits.clone());
        connections.spawn(async move {
            connection.await;
            drop(place);
        });
    }
}

async fn serve_connection(stream: TcpStream, router: Router, limits: Limits) {
    // What is small leaves at once, and somebody who has gone without a word is not waited for.
    // A system that does not know these serves without.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(limits.step_timeout));
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.step_timeout));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.step_timeout)
        .max_buf_size(limits.request_len_max)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(router));
    // How it ended is for the other side to know.
    let _ = connection.await;
}

/// The routes, each request within its limits.
fn bounded(router: Router, limits: &Limits) -> Router {
    router.layer(middleware::from_fn_with_state(limits.clone(), bound))
}

async fn bound(
    State(limits): State<Limits>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let len_max = limits.request_len_max;
    let len = request.headers().get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    if len.is_some_and(|len: u64| len > len_max as u64) {
        return Err(Refusal::TooLarge);
    }
    let request = request.map(|body| Body::new(Limited::new(body, len_max)));
    tokio::time::timeout(limits.step_timeout, next.run(request)).await.map_err(|_| {
        Refusal::Busy(format!("it took longer than {} s", limits.step_timeout.as_secs()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_past_the_limit_is_as_long_as_it_says() {
        let text = str::from_utf8(BUSY).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{}", body.len());
        let failure: evenkeel_api::ApiFailure = serde_json::from_str(body).unwrap();
        assert_eq!(failure.failure, Refusal::Busy(String::new()).label());
    }
}
