//! A list of calls for the kernel to carry out: the one place with unsafe code.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd as _;

use io_uring::types::Fd;
use io_uring::{Builder, IoUring, opcode, squeue};

use crate::call::{Call, Outcome, RECEIVE_FLAGS, SEND_FLAGS};

/// The kernel's ring. Nothing is in it between calls of [`Ring::carry_out`].
pub(crate) struct Ring {
    io: IoUring,
    /// Kept for its room.
    entries: Vec<squeue::Entry>,
}

/// How many calls are carried out at once.
pub(crate) const CALLS_MAX: usize = 256;

impl Ring {
    /// # Errors
    /// The kernel has none that is fit for this, or forbids it.
    pub(crate) fn new() -> io::Result<Self> {
        Self::build(&Self::builder())
    }

    /// One that the kernel takes nothing from.
    #[cfg(test)]
    pub(crate) fn disabled() -> io::Result<Self> {
        Self::build(Self::builder().setup_r_disabled())
    }

    fn builder() -> Builder {
        let mut builder = IoUring::builder();
        // A call that is refused does not keep the others from being carried out. Kernels that
        // know this (5.18) also honour `MSG_DONTWAIT`.
        builder.setup_submit_all();
        builder
    }

    fn build(builder: &Builder) -> io::Result<Self> {
        let io = builder.build(u32::try_from(CALLS_MAX).expect("it is small"))?;
        Ok(Self { io, entries: Vec::with_capacity(CALLS_MAX) })
    }

    /// Carries out `calls` in their order, and appends how each ended.
    ///
    /// # Errors
    /// The kernel has refused to go on. What it has not carried out by then, it never will; that
    /// has [`Outcome::NOT_DONE`]. The ring must be dropped.
    ///
    /// # Panics
    /// With more than [`CALLS_MAX`] calls.
    #[expect(
        unsafe_code,
        reason = "the kernel is given addresses; why that is sound is said there"
    )]
    pub(crate) fn carry_out<'a>(
        &mut self,
        calls: impl Iterator<Item = (usize, Call<'a>)>,
        outcomes: &mut Vec<Outcome>,
    ) -> io::Result<()> {
        let from = outcomes.len();
        self.entries.clear();
        for (token, call) in calls {
            let place = self.entries.len() as u64;
            self.entries.push(entry(call).user_data(place));
            outcomes.push(Outcome { token, result: Outcome::NOT_DONE });
        }
        // SAFETY: each entry's descriptor and buffer are borrowed for 'a, which lasts until this
        // function returns. It returns only when every entry has been completed, after which the
        // kernel leaves its buffer alone, or has not been taken by the kernel, which cannot take
        // it later because the ring is dropped.
        unsafe { self.io.submission().push_multiple(&self.entries) }
            .expect("the ring is empty and takes as many");
        self.await_all(&mut outcomes[from..])
    }

    /// Returns when the kernel has nothing more to do with any entry.
    fn await_all(&mut self, outcomes: &mut [Outcome]) -> io::Result<()> {
        let mut completed = 0;
        // How many entries the kernel has that are not completed. No call waits, so there are
        // none; but what they may write to is at stake, and so this does not rely on it.
        let mut pending = 0;
        loop {
            let entered = self.io.submit_and_wait(pending);
            for completion in self.io.completion() {
                let place = usize::try_from(completion.user_data()).expect("it was a place");
                outcomes[place].result = completion.result();
                completed += 1;
            }
            let not_taken = self.io.submission().len();
            pending = outcomes.len() - completed - not_taken;
            match entered.map_err(|error| (error.kind(), error)) {
                _ if completed == outcomes.len() => return Ok(()),
                Ok(_) | Err((io::ErrorKind::Interrupted, _)) => {}
                Err((_, error)) if pending == 0 => return Err(error),
                Err((io::ErrorKind::WouldBlock | io::ErrorKind::ResourceBusy, _)) => {}
                // The kernel may still write to memory that will be used for something else.
                Err(_) => std::process::abort(),
            }
        }
    }
}

fn entry(call: Call<'_>) -> squeue::Entry {
    match call {
        Call::Receive(fd, buffer) => {
            let (start, len) = (buffer.as_mut_ptr(), len_of(buffer));
            let flags = RECEIVE_FLAGS.bits().cast_signed();
            opcode::Recv::new(Fd(fd.as_raw_fd()), start, len).flags(flags).build()
        }
        Call::Send(fd, bytes) => {
            let flags = SEND_FLAGS.bits().cast_signed();
            opcode::Send::new(Fd(fd.as_raw_fd()), bytes.as_ptr(), len_of(bytes))
                .flags(flags)
                .build()
        }
    }
}

/// Of a longer buffer the first part is used, as the calls themselves may.
fn len_of(buffer: &[u8]) -> u32 {
    u32::try_from(buffer.len()).unwrap_or(u32::MAX)
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").finish_non_exhaustive()
    }
}
