//! Why there is no answer.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use evenkeel_api::ApiFailure;
use evenkeel_control::handle::OrderError;

/// Why a request is not carried out. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request cannot be understood. Ask otherwise.
    #[error("{0}")]
    BadRequest(String),
    /// The token is missing or wrong.
    #[error(
        "send the header authorization: Bearer TOKEN, with the token of the token_file in [admin]"
    )]
    Unauthorized,
    /// It may be somebody else's doing: see [`crate::access`].
    #[error("{0}")]
    Forbidden(String),
    /// There is no such thing. Ask for another.
    #[error("{0}")]
    NotFound(String),
    /// There is such a path, and it is not asked in this way.
    #[error("{0}")]
    WrongMethod(String),
    /// It cannot be done in the present state of things.
    #[error("{0}")]
    Conflict(String),
    /// The request brings more bytes than it may.
    #[error("the request brings too many bytes (request_size_max)")]
    TooLarge,
    /// Too much is asked at once. Ask again later.
    #[error("{0}")]
    Busy(String),
    /// The process is being stopped.
    #[error("the process is being stopped")]
    Stopping,
}

impl Refusal {
    /// One word.
    pub fn label(&self) -> &'static str {
        match self {
            Self::BadRequest(_) => "bad-request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not-found",
            Self::WrongMethod(_) => "wrong-method",
            Self::Conflict(_) => "conflict",
            Self::TooLarge => "too-large",
            Self::Busy(_) => "busy",
            Self::Stopping => "stopping",
        }
    }

    /// As HTTP says it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy(_) | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let failure = ApiFailure { failure: self.label().to_owned(), message: self.to_string() };
        let mut response = (self.status(), Json(failure)).into_response();
        if self == Self::Unauthorized {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::BadRequest(rejection.body_text())
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::BadRequest(rejection.body_text())
    }
}

impl From<OrderError> for Refusal {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::UnknownServer { .. } => Self::NotFound(error.to_string()),
            OrderError::SeveralServers { .. } => Self::BadRequest(error.to_string()),
            OrderError::Stopping => Self::Stopping,
        }
    }
}
