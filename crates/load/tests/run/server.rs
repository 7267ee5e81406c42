//! A small memcached on a thread, which behaves as a test wants it to.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use evenkeel_load::Endpoint;

/// How the server treats reads; writes are always stored.
#[derive(Clone, Copy)]
pub(crate) enum Manner {
    Right,
    OneByteWrong,
    AlwaysEmpty,
    Refuses,
    /// Answers nothing, not even writes.
    Silent,
    /// Says that there are too many connections, to every one, and closes it.
    TooMany,
    /// Closes the connection instead of answering each hundredth read.
    ClosesNowAndThen,
    /// Answers the hundredth read after this time, and everything else at once.
    PausesOnce(Duration),
}

type Values = Arc<Mutex<Store>>;

#[derive(Default)]
struct Store {
    values: HashMap<String, Vec<u8>>,
    reads: u64,
}

/// A server on loopback; it ends with the test.
pub(crate) fn serve(manner: Manner) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let addr = listener.local_addr().expect("it is bound");
    let store = Values::default();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_nodelay(true).expect("a connected socket takes options");
            let reader = stream.try_clone().expect("a socket can be duplicated");
            start_answering(reader, stream, &store, manner);
        }
    });
    addr.into()
}

/// A server on a unix socket; it ends with the test.
pub(crate) fn serve_unix(path: &Path, manner: Manner) -> Endpoint {
    let listener = UnixListener::bind(path).expect("nobody else is there");
    let store = Values::default();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let reader = stream.try_clone().expect("a socket can be duplicated");
            start_answering(reader, stream, &store, manner);
        }
    });
    Endpoint::Unix(path.to_owned())
}

fn start_answering(
    reader: impl Read + Send + 'static,
    writer: impl Write + Send + 'static,
    store: &Values,
    manner: Manner,
) {
    let store = Arc::clone(store);
    thread::spawn(move || answer_all(reader, writer, &store, manner));
}

fn answer_all(
    reader: impl Read,
    mut writer: impl Write,
    store: &Values,
    manner: Manner,
) -> Option<()> {
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
        let mut words = line.split_whitespace();
        let answer = match words.next()? {
            "set" => {
                let key = words.next()?.to_owned();
                let len: usize = words.nth(2)?.parse().ok()?;
                let mut data = vec![0; len + 2];
                reader.read_exact(&mut data).ok()?;
                data.truncate(len);
                store.lock().ok()?.values.insert(key, data);
                if matches!(manner, Manner::Silent) {
                    continue;
                }
                b"STORED\r\n".to_vec()
            }
            _ if matches!(manner, Manner::Silent) => continue,
            _ if matches!(manner, Manner::TooMany) => {
                writer.write_all(b"ERROR Too many open connections\r\n").ok()?;
                return None;
            }
            _ => read(&words.collect::<Vec<_>>(), store, manner)?,
        };
        writer.write_all(&answer).ok()?;
    }
}

/// The answer to a read, or nothing to close the connection.
fn read(keys: &[&str], store: &Values, manner: Manner) -> Option<Vec<u8>> {
    let mut store = store.lock().ok()?;
    store.reads += 1;
    let is_hundredth = store.reads % 100 == 0;
    let mut answer = Vec::new();
    // A proxy may answer in another order than it was asked.
    for key in keys.iter().rev() {
        let mut value = store.values.get(*key).cloned().unwrap_or_default();
        match manner {
            Manner::OneByteWrong => value[7] ^= 1,
            Manner::AlwaysEmpty => continue,
            Manner::Refuses => return Some(b"SERVER_ERROR busy\r\n".to_vec()),
            Manner::ClosesNowAndThen if is_hundredth => return None,
            Manner::PausesOnce(pause) if store.reads == 100 => thread::sleep(pause),
            Manner::Right
            | Manner::Silent
            | Manner::TooMany
            | Manner::ClosesNowAndThen
            | Manner::PausesOnce(_) => {}
        }
        answer.extend_from_slice(format!("VALUE {key} 0 {}\r\n", value.len()).as_bytes());
        answer.extend_from_slice(&value);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"END\r\n");
    Some(answer)
}
