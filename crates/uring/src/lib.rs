//! Many receives, or many sends, as one system call.
//!
//! A loop over many sockets spends a good part of its time on the way into the kernel and back,
//! and at the end of each call the kernel may give its processor to whoever that call has woken.
//! Here the calls are handed over together and carried out one after another without a break.
//!
//! # How
//! The kernel's `io_uring` is used as a list of calls and nothing more: no call waits, all have ended
//! when [`Calls::receive`] or [`Calls::send`] returns, and no buffer is lent for longer. Waiting
//! is left to epoll. Where the kernel has no `io_uring`, forbids it, or runs out of memory for it,
//! the same calls are made one by one.
//!
//! # What it never does
//! Wait, decide what is read or written, or keep a descriptor or a buffer.
//!
//! # Rejected alternatives
//! - **Receives that stay armed, with buffers provided to the kernel (multishot).** They cost the
//!   kernel a wake-up path of its own that does without the scheduler's hint that the waker is
//!   about to sleep; measured with one connection, proxy and servers both paid for that. Buffers
//!   would have to outlive the call, receives would have to be cancelled for back-pressure, and a
//!   closed socket would live until its cancellation came.
//! - **Waiting in the ring as well.** For the same reason.

mod call;

mod calls;

mod ring;

pub use self::calls::{Calls, RECEIVE_LEN_MAX};
