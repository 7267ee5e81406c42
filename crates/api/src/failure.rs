//! Why there is no answer.

use serde::{Deserialize, Serialize};

/// What every answer but a success says.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiFailure {
    /// One word: `bad-request` (400), `unauthorized` (401), `forbidden` (403), `not-found` (404),
    /// `wrong-method` (405), `conflict` (409), `too-large` (413), `busy` and `stopping` (503).
    pub failure: String,
    /// What is wrong and what to do about it, in one sentence.
    pub message: String,
}
