//! A non-blocking stream with what is left over on either side of it.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

/// A stream, the bytes to be sent, and the part of a message that was received last.
pub(crate) struct Socket {
    stream: TcpStream,
    output: Vec<u8>,
    output_sent: usize,
    /// The kernel takes no more for now, and will say when it does.
    is_blocked: bool,
    leftover: Vec<u8>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            output: Vec::new(),
            output_sent: 0,
            is_blocked: false,
            leftover: Vec::new(),
        })
    }

    /// The stream, for the poll.
    pub(crate) fn stream_mut(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Ends the stream both ways, though its descriptor stays for now.
    pub(crate) fn close(&self) {
        // An error means that the peer has ended it.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Reads once, behind what was left over: `buffer[..n]` is there to be dealt with. The second
    /// part says whether there may be more.
    ///
    /// # Errors
    /// `WouldBlock` when there is nothing; `UnexpectedEof` at the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
        let start = self.leftover.len();
        let Some(room) = buffer.get_mut(start..start + READ_LEN) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let len = self.stream.read(room)?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer[..start].copy_from_slice(&self.leftover);
        Ok((start + len, len == READ_LEN))
    }

    /// Keeps the part of a message for the next read.
    pub(crate) fn keep(&mut self, leftover: &[u8]) {
        self.leftover.clear();
        self.leftover.extend_from_slice(leftover);
    }

    /// Appends to what is to be sent. Says whether nothing else was waiting: the socket must then
    /// be written to at the end of this turn.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        let is_first = self.output.is_empty();
        self.output.extend_from_slice(bytes);
        is_first
    }

    /// The kernel may take more now: writes if that was waited for.
    pub(crate) fn handle_writable(&mut self) -> io::Result<()> {
        if !self.is_blocked {
            return Ok(());
        }
        self.is_blocked = false;
        self.write()
    }

    /// Sends what was pushed, in one write if the kernel takes it.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        while !self.is_blocked && self.output_sent < self.output.len() {
            match self.stream.write(&self.output[self.output_sent..]) {
                Ok(len) => self.output_sent += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_blocked = true;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if !self.is_blocked {
            self.output.clear();
            self.output_sent = 0;
        }
        Ok(())
    }
}

/// How much is read at once, as Evenkeel reads.
const READ_LEN: usize = 64 * 1024;
/// Room for what is read and the largest message before it.
pub(crate) const BUFFER_LEN: usize = READ_LEN + 2 * 1024 * 1024;
