//! One connection to a server: reading from it, and writing what did not fit at once.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_control::peer;
use evenkeel_core::connection::ConnectionId;
use evenkeel_core::failure::Failure;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use crate::engine::{Engine, Output};

/// More than `connect_timeout` may be.
const CONNECT_TIMEOUT_MAX: Duration = Duration::from_mins(1);

/// How much is read at once.
const BUFFER_LEN: usize = 64 * 1024;

/// Connects, and reads until the connection is lost.
pub(crate) async fn run(engine: &Arc<Engine>, id: ConnectionId) {
    let failure = match connect(engine, id).await {
        Ok(stream) => {
            let (reader, writer) = stream.into_split();
            if !engine.handle_connected(id, Arc::new(writer)) {
                return;
            }
            let _open = engine.shared.server(id.server).facts.count_connection();
            read(engine, id, reader).await
        }
        Err(failure) => failure,
    };
    engine.handle_lost(id, failure);
}

async fn connect(engine: &Engine, id: ConnectionId) -> Result<TcpStream, Failure> {
    let addr =
        engine.shared.server(id.server).facts.addr.load_full().ok_or(Failure::Unreachable)?;
    // A task of the runtime's: whoever drives need not be on it.
    let connecting = engine.runtime.spawn(async move {
        // The worker gives up first. This is for its socket to be gone too.
        tokio::time::timeout(CONNECT_TIMEOUT_MAX, TcpStream::connect(*addr)).await
    });
    let stream = connecting.await.map_err(|_| Failure::Unreachable)?;
    let stream = stream.map_err(|_| Failure::ConnectTimeout)?;
    let stream = stream.map_err(|error| peer::connect_failure(&error))?;
    // Requests are coalesced already; waiting for more would only add latency. A stream that
    // refuses is slower, not wrong.
    let _ = stream.set_nodelay(true);
    peer::watch(&stream);
    Ok(stream)
}

async fn read(engine: &Arc<Engine>, id: ConnectionId, mut reader: OwnedReadHalf) -> Failure {
    let mut buffer = vec![0; BUFFER_LEN];
    let mut wakers = Vec::new();
    loop {
        match reader.read(&mut buffer).await {
            Ok(0) => return Failure::Closed,
            Ok(len) => engine.handle_bytes(id, &buffer[..len], &mut wakers),
            Err(error) => return peer::failure(&error),
        }
    }
}

/// Writes what is left of `output` from `from` on.
pub(crate) async fn write_rest(engine: Arc<Engine>, output: Output, mut from: usize) {
    while from < output.bytes.len() {
        let written = match output.stream.writable().await {
            Ok(()) => output.stream.try_write(&output.bytes[from..]),
            Err(error) => Err(error),
        };
        match written {
            Ok(len) => from += len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Whoever reads from it learns of it too, and says so.
            Err(error) => return engine.handle_rest_written(output, Err(error)),
        }
    }
    engine.handle_rest_written(output, Ok(from));
}
