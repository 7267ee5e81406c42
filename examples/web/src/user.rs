//! What the service is about.

use serde::{Deserialize, Serialize};

/// Names a user.
pub(crate) type UserId = u32;

/// A user, as the database has it, as it is cached, and as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) name: String,
}

/// What is sent to store a user.
#[derive(Debug, Deserialize)]
pub(crate) struct NewUser {
    pub(crate) name: String,
}
