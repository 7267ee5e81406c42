//! One side of the comparison, as its clients see it.

use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use evenkeel_core::protocol::meta::DecodedKey;

/// Everything that came back for one sequence.
pub(crate) type Played = Vec<u8>;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Stands for the rest of the answers that did not come in time.
pub(crate) const NO_END: &[u8] = b"<no end>";

/// The last request of every sequence. Its answer is missing where the connection was closed
/// before, or a value took it in.
pub(crate) const FENCE: &[u8] = b"mg evenkeel:fence k\r\n";

/// What it is answered.
pub(crate) const FENCE_ANSWER: &[u8] = b"EN kevenkeel:fence\r\n";

/// Sends `input` to each of `addrs`, cut at `cuts` (the last is its end), and returns what each
/// answers up to the end of its connection.
///
/// Each is told that nothing more comes, and answers what it has: an unfinished value at the end
/// needs no patience.
pub(crate) fn play(addrs: &[SocketAddr], input: &[u8], cuts: Vec<usize>) -> Vec<Played> {
    let mut input = input.to_vec();
    input.extend_from_slice(FENCE);
    let mut cuts = cuts;
    if let Some(last) = cuts.last_mut() {
        *last = input.len();
    }
    let streams: Vec<_> = addrs.iter().map(|addr| connect(*addr)).collect();
    std::thread::scope(|scope| {
        let (input, cuts) = (&input[..], &cuts[..]);
        let is_large = input.len() > SENT_AT_ONCE_MAX;
        for stream in &streams {
            if is_large {
                // Who has large values to take may have large answers to give meanwhile.
                scope.spawn(move || send(stream, input, cuts));
            } else {
                send(stream, input, cuts);
            }
        }
        streams.iter().map(receive).collect()
    })
}

/// What a socket takes without anybody reading.
const SENT_AT_ONCE_MAX: usize = 64 * 1024;

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("the server listens");
    stream.set_read_timeout(Some(ANSWER_TIMEOUT)).expect("the timeout is not zero");
    stream.set_write_timeout(Some(ANSWER_TIMEOUT)).expect("the timeout is not zero");
    stream.set_nodelay(true).expect("the socket is connected");
    stream
}

fn send(mut stream: &TcpStream, input: &[u8], cuts: &[usize]) {
    let mut start = 0;
    for cut in cuts {
        // Who has closed already may refuse to take it; then reading says so.
        let _ = stream.write_all(&input[start..*cut]);
        start = *cut;
    }
    let _ = stream.shutdown(Shutdown::Write);
}

fn receive(mut stream: &TcpStream) -> Played {
    let mut answers = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => return answers,
            Ok(len) => answers.extend_from_slice(&chunk[..len]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Closed with requests unread: what was answered before has been received.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return answers,
            Err(_) => {
                answers.extend_from_slice(NO_END);
                return answers;
            }
        }
    }
}

/// A connection that keeps a server as every sequence should find it.
pub(crate) struct Control {
    stream: BufReader<TcpStream>,
}

impl Control {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { stream: BufReader::new(connect(addr)) }
    }

    /// Empties the server for what is in `input`, and returns the CAS token it has given out last.
    ///
    /// What `flush_all` has dropped comes back in memcached with a delayed one, unless somebody has
    /// asked for it before: so every word of `input` is asked for.
    pub(crate) fn reset(&mut self, input: &[u8]) -> u64 {
        let words: Vec<_> = input
            .split(|byte| matches!(byte, b' ' | b'\n'))
            .map(|word| word.strip_suffix(b"\r").unwrap_or(word))
            .filter(|word| !word.is_empty() && word.len() <= 250 && !word.contains(&0))
            .collect();
        let mut request = b"verbosity 0\r\nflush_all\r\nget evenkeel:none".to_vec();
        for word in &words {
            request.push(b' ');
            request.extend_from_slice(word);
        }
        request.extend_from_slice(b"\r\n");
        for word in words.iter().filter(|word| DecodedKey::new(word).is_some()) {
            request.extend_from_slice(&[b"mg ", *word, b" b q\r\n"].concat());
        }
        request.extend_from_slice(b"ms evenkeel:cas 0 c\r\n\r\nmd evenkeel:cas\r\n");
        self.send(&request);
        assert_eq!(self.line(), "OK");
        assert_eq!(self.line(), "OK");
        assert_eq!(self.line(), "END");
        let token = self.line();
        assert_eq!(self.line(), "HD");
        token.strip_prefix("HD c").and_then(|it| it.parse().ok()).expect("a CAS token")
    }

    /// Has the server give out so many CAS tokens.
    pub(crate) fn spend_tokens(&mut self, len: u64) {
        if len == 0 {
            return;
        }
        let each = b"ms evenkeel:cas 0 q\r\n\r\n";
        let len = usize::try_from(len).expect("servers differ by few");
        self.send(&[&each.repeat(len)[..], b"md evenkeel:cas\r\n"].concat());
        assert_eq!(self.line(), "HD");
    }

    pub(crate) fn version(&mut self) -> String {
        self.send(b"version\r\n");
        self.line()
    }

    /// Whether anything has been deleted there so far.
    pub(crate) fn has_deleted(&mut self) -> bool {
        self.send(b"stats\r\n");
        let mut has_deleted = false;
        loop {
            let line = self.line();
            if line == "END" {
                return has_deleted;
            }
            has_deleted |=
                line.strip_prefix("STAT delete_hits ").is_some_and(|number| number != "0");
        }
    }

    fn send(&mut self, request: &[u8]) {
        self.stream.get_mut().write_all(request).expect("the server reads");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("the server answers");
        line.trim_end().to_owned()
    }
}
