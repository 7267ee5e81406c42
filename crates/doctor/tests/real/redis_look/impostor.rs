//! Something that is no Redis server: it says its words to whoever connects.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A listener on loopback that runs until the test ends.
pub(crate) struct Impostor {
    addr: SocketAddr,
}

impl Impostor {
    /// Says `words` when it has been asked something, and closes the connection.
    pub(crate) fn start(words: &'static [u8]) -> Self {
        Self::serve(move |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(words);
        })
    }

    /// Says `first`, and `then` again and again without end.
    pub(crate) fn start_endless(first: &'static [u8], then: &'static [u8]) -> Self {
        Self::serve(move |mut stream| {
            let chunk = then.repeat(64 * 1024 / then.len());
            if stream.write_all(first).is_ok() {
                while stream.write_all(&chunk).is_ok() {}
            }
        })
    }

    fn serve(answer: impl Fn(TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let addr = listener.local_addr().expect("it is bound");
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = answer.clone();
                let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
                thread::spawn(move || answer(stream));
            }
        });
        Self { addr }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}
