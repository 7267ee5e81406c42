//! What a library must be able to do to be compared.

use std::error::Error;
use std::net::SocketAddr;

use crate::items::Window;

/// One task's way to the servers, through some library.
///
/// Each library is used as its documentation says, and turns nothing into a form of ours: what it
/// returns is compared with what is expected, and dropped.
pub(crate) trait Client: Send + Sized + 'static {
    /// A way for each task.
    fn connect(
        servers: &[SocketAddr],
        tasks: usize,
    ) -> impl Future<Output = Result<Vec<Self>, Fault>> + Send;

    /// Reads a value and checks it.
    fn get(&mut self, key: &str, value: &[u8]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Writes a value that never expires.
    fn set(&mut self, key: &str, value: &[u8]) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Reads several values at once and checks each.
    fn get_many(&mut self, items: Window<'_>) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Why an operation is no result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There was no value, or an error: on a machine that was away for long enough, somebody gave
    /// up. Measuring again may help.
    NotServed(String),
    /// Another value than was stored. Nothing this library does can be trusted.
    Wrong(String),
}

/// Is what was found what was stored?
pub(crate) fn check(key: &str, found: Option<&[u8]>, stored: &[u8]) -> Result<(), Fault> {
    match found {
        Some(found) if found == stored => Ok(()),
        Some(found) => Err(Fault::Wrong(format!("{key}: {}", found.escape_ascii()))),
        None => Err(Fault::NotServed(format!("{key}: a miss"))),
    }
}

impl<E: Error> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::NotServed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_differs_in_one_byte_is_wrong_and_none_at_all_is_a_miss() {
        assert_eq!(check("k", Some(b"one"), b"one"), Ok(()));
        assert!(matches!(check("k", Some(b"onf"), b"one"), Err(Fault::Wrong(_))));
        assert!(matches!(check("k", Some(b"on"), b"one"), Err(Fault::Wrong(_))));
        assert!(matches!(check("k", None, b"one"), Err(Fault::NotServed(_))));
    }
}
