//! A conversation with one side: a request, and all that it is answered, before the next.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::peer::{FENCE, FENCE_ANSWER, NO_END, connect};

/// A connection that is made again when it has been closed.
pub(crate) struct Conversation {
    addr: SocketAddr,
    stream: Option<TcpStream>,
}

impl Conversation {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, stream: None }
    }

    /// Sends `step` and returns all bytes it is answered with, and then `<closed>` if the
    /// connection was closed.
    pub(crate) fn ask(&mut self, step: &[u8]) -> Vec<u8> {
        let mut stream = self.stream.take().unwrap_or_else(|| connect(self.addr));
        // A server that has closed already may refuse to take it; then reading says so.
        let _ = stream.write_all(&[step, FENCE].concat());
        let mut answer = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match stream.read(&mut chunk) {
                Ok(0) => break answer.extend_from_slice(b"<closed>"),
                Ok(len) => answer.extend_from_slice(&chunk[..len]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                    break answer.extend_from_slice(b"<closed>");
                }
                Err(_) => break answer.extend_from_slice(NO_END),
            }
            if answer.ends_with(FENCE_ANSWER) {
                answer.truncate(answer.len() - FENCE_ANSWER.len());
                self.stream = Some(stream);
                break;
            }
        }
        answer
    }
}
