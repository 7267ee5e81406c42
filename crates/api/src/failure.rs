//! Why there is no answer.

use serde::{Deserialize, Serialize};

/// What every answer but a success says.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiFailure {
    /// One word: `unauthorized`, `not-found`, `bad-request`, `conflict`, `too-large`, `busy`,
    /// `stopping`.
    pub failure: String,
    /// What is wrong and what to do about it, in one sentence.
    pub message: String,
}
