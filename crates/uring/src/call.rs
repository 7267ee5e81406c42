//! One call, and how it ended.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

/// A call that does not wait: where it would have to, it ends with [`io::ErrorKind::WouldBlock`].
#[derive(Debug)]
pub(crate) enum Call<'a> {
    /// Take what has come, up to the length of the buffer.
    Receive(BorrowedFd<'a>, &'a mut [u8]),
    /// Send the bytes, or the first of them.
    Send(BorrowedFd<'a>, &'a [u8]),
}

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// The call's name.
    pub(crate) token: usize,
    /// How many bytes it has moved, or an error's number below 0.
    pub(crate) result: i32,
}

pub(crate) const RECEIVE_FLAGS: RecvFlags = RecvFlags::DONTWAIT;
pub(crate) const SEND_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

impl Call<'_> {
    /// Carries it out by a system call of its own.
    pub(crate) fn make(self) -> i32 {
        let result = match self {
            Self::Receive(fd, buffer) => recv(fd, buffer, RECEIVE_FLAGS).map(|(len, _)| len),
            Self::Send(fd, bytes) => send(fd, bytes, SEND_FLAGS),
        };
        match result {
            Ok(len) => i32::try_from(len).unwrap_or(i32::MAX),
            Err(error) => -error.raw_os_error(),
        }
    }
}

impl Outcome {
    /// The call has not been carried out.
    pub(crate) const NOT_DONE: i32 = -Errno::INTR.raw_os_error();

    /// How many bytes were moved.
    pub(crate) fn len(self) -> io::Result<usize> {
        usize::try_from(self.result).map_err(|_| io::Error::from_raw_os_error(-self.result))
    }
}
