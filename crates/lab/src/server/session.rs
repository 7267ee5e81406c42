//! One connection of an application: its socket, and the order of reading and writing.
//!
//! One read, many requests; one write, many answers. While answers wait to go out nothing is
//! read, so that an application that does not read is held back by its own socket.

use std::io;
use std::sync::{Arc, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::server::Shared;
use crate::server::conversation::{Conversation, Pause};

/// How much is read at a time unless a value is known to be longer, in bytes.
const READ_LEN: usize = 16 * 1024;

/// The room an idle session may keep in each buffer, in bytes.
const IDLE_BUFFER_LEN_MAX: usize = 64 * 1024;

/// Serves one connection until either side ends it.
pub(super) async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    // Whatever the peer did to end the connection is no news to a server.
    let _ = converse(&mut stream, &shared).await;
}

async fn converse(stream: &mut TcpStream, shared: &Shared) -> io::Result<()> {
    let mut conversation =
        Conversation::new(shared.config.limits.item_size_max, shared.config.meta);
    let mut is_running = shared.is_running.subscribe();
    loop {
        wait_until_running(&mut is_running).await;
        let pause = answer(&mut conversation, shared);
        if !conversation.output.is_empty() {
            stream.write_all(&conversation.output).await?;
            conversation.output.clear();
            conversation.output.shrink_to(IDLE_BUFFER_LEN_MAX);
        }
        match pause {
            Pause::Output => {}
            Pause::Close => return Ok(()),
            Pause::Input(len) => {
                let input = &mut conversation.input;
                if input.is_empty() {
                    input.shrink_to(IDLE_BUFFER_LEN_MAX);
                }
                input.reserve(len.max(READ_LEN));
                if stream.read_buf(input).await? == 0 {
                    return Ok(());
                }
            }
        }
    }
}

fn answer(conversation: &mut Conversation, shared: &Shared) -> Pause {
    let facts = shared.facts();
    let mut store = shared.store.lock().unwrap_or_else(PoisonError::into_inner);
    store.advance_to(shared.now());
    conversation.answer(&mut store, &facts)
}

/// Waits while the server is paused.
pub(super) async fn wait_until_running(is_running: &mut watch::Receiver<bool>) {
    // An error means that the server is gone, and this task with it at its next wait.
    let _ = is_running.wait_for(|is_running| *is_running).await;
}
