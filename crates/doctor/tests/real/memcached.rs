//! Real memcached servers in each condition.

mod conditions;
mod healthy;
mod relayed;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use evenkeel_doctor::Target;
use evenkeel_rig::Memcached;

fn target(server: &Memcached) -> Target {
    target_at(&server.address())
}

fn target_at(address: &str) -> Target {
    format!("memcached://{address}").parse().expect("it has an address")
}

/// A connection of an application's.
struct Application(BufReader<TcpStream>);

impl Application {
    fn connect(server: &Memcached) -> Self {
        let stream = TcpStream::connect(server.address()).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
        Self(BufReader::new(stream))
    }

    /// The first line of the answer; empty if there is none.
    fn ask(&mut self, request: &[u8]) -> String {
        let mut line = String::new();
        let sent = self.0.get_mut().write_all(request);
        let _ = sent.and_then(|()| self.0.read_line(&mut line));
        line.trim_end().to_owned()
    }

    fn store(&mut self, key: &str, expiry: u32, len: usize) -> String {
        let head = format!("set {key} 0 {expiry} {len}\r\n");
        self.ask(&[head.as_bytes(), &vec![b'x'; len], b"\r\n"].concat())
    }

    /// The answer's lines up to `END`, that included.
    fn lines(&mut self, request: &str) -> Vec<String> {
        let mut lines = vec![self.ask(format!("{request}\r\n").as_bytes())];
        while lines.last().is_some_and(|it| it != "END") {
            lines.push(self.ask(b""));
        }
        lines
    }

    fn figure(&mut self, name: &str) -> u64 {
        let lines = self.lines("stats");
        let value = lines.iter().find_map(|line| line.strip_prefix(&format!("STAT {name} ")));
        value.expect("it counts that").parse().expect("it is a number")
    }
}

/// A thread that does something to a server again and again until it is dropped.
struct Traffic {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Traffic {
    fn start(mut work: impl FnMut() + Send + 'static) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let is_over_there = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            while !is_over_there.load(Ordering::Relaxed) {
                work();
                thread::park_timeout(PACE);
            }
        });
        Self { is_over, thread: Some(thread) }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the traffic flows to its end");
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
/// How long traffic rests between two bursts.
const PACE: Duration = Duration::from_millis(2);
