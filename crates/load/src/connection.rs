//! One connection of the load: requests out, answers in.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use mio::{Registry, Token};

use crate::Endpoint;
use crate::answer::{AnswerReader, Progress, Request, farewell};
use crate::content::{Content, push_decimal};
use crate::draw::Draws;
use crate::driver::Plan;
use crate::link::Link;
use crate::meter::{Loss, Meter};
use crate::stream::Stream;

/// A connection, and the requests that wait for answers on it.
pub(crate) struct Connection {
    link: Link,
    token: Token,
    output: Vec<u8>,
    output_sent: usize,
    input: Vec<u8>,
    /// `input[input_start..input_end]` is received and not yet read.
    input_start: usize,
    input_end: usize,
    reader: AnswerReader,
    waiting: VecDeque<(Request, Instant)>,
    /// The keys of the reads that wait for answers are those from `asked_start` on.
    asked: Vec<u32>,
    asked_start: usize,
    /// Since when nothing has come, if requests wait.
    silent_since: Instant,
    /// Has anything been served since the link is open?
    is_proven: bool,
}

impl Connection {
    /// Connects and waits until it is connected.
    pub(crate) fn open(endpoint: &Endpoint, registry: &Registry, token: Token) -> io::Result<Self> {
        Ok(Self {
            link: Link::open(endpoint, registry, token)?,
            token,
            output: Vec::new(),
            output_sent: 0,
            input: vec![0; INPUT_LEN_MIN],
            input_start: 0,
            input_end: 0,
            reader: AnswerReader::default(),
            waiting: VecDeque::new(),
            asked: Vec::new(),
            asked_start: 0,
            silent_since: Instant::now(),
            is_proven: false,
        })
    }

    /// The way to the target.
    pub(crate) fn link(&mut self) -> &mut Link {
        &mut self.link
    }

    /// Can requests be sent?
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.link, Link::Open(_))
    }

    /// How many requests wait for answers.
    pub(crate) fn waiting_len(&self) -> usize {
        self.waiting.len()
    }

    /// Has nothing come for so long although requests wait?
    pub(crate) fn is_silent(&self, timeout: Duration, now: Instant) -> bool {
        !self.waiting.is_empty() && now.saturating_duration_since(self.silent_since) >= timeout
    }

    /// Appends a read of so many keys; nothing is sent yet.
    pub(crate) fn push_read(&mut self, plan: &Plan<'_>, draws: &mut Draws, at: Instant) {
        let (keys, start) = (plan.workload.keys_per_read, self.asked.len());
        plan.chooser.keys(draws, keys, &mut self.asked);
        self.output.extend_from_slice(b"get");
        for idx in &self.asked[start..] {
            self.output.push(b' ');
            plan.content.push_key(*idx, &mut self.output);
        }
        self.output.extend_from_slice(b"\r\n");
        self.waiting.push_back((Request::Read(keys), at));
    }

    /// Appends a write of one key; nothing is sent yet.
    pub(crate) fn push_write(&mut self, plan: &Plan<'_>, idx: u32, at: Instant) {
        let value = plan.content.value(idx);
        self.output.extend_from_slice(b"set ");
        plan.content.push_key(idx, &mut self.output);
        self.output.extend_from_slice(b" 0 ");
        push_decimal(plan.workload.expiry.as_secs(), &mut self.output);
        self.output.push(b' ');
        push_decimal(value.len() as u64, &mut self.output);
        self.output.extend_from_slice(b"\r\n");
        self.output.extend_from_slice(value);
        self.output.extend_from_slice(b"\r\n");
        self.waiting.push_back((Request::Write, at));
    }

    /// The requests that were just pushed are the only ones that wait: the silence begins now.
    pub(crate) fn begin_silence(&mut self, now: Instant) {
        self.silent_since = now;
    }

    /// Sends what the socket takes of what was appended.
    pub(crate) fn send(&mut self, meter: &mut Meter) -> io::Result<()> {
        let Link::Open(stream) = &mut self.link else { return Ok(()) };
        while self.output_sent < self.output.len() {
            match stream.write(&self.output[self.output_sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => {
                    self.output_sent += len;
                    meter.count_sent(len);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.output.clear();
        self.output_sent = 0;
        Ok(())
    }

    /// Receives what has come, checks it and counts it. `is_closing`: the poll says that the
    /// peer has closed, and will not say it again.
    ///
    /// # Errors
    /// When the connection is closed or an answer is wrong. It must be cut off.
    pub(crate) fn receive(
        &mut self,
        content: &Content,
        meter: &mut Meter,
        is_closing: bool,
    ) -> io::Result<()> {
        loop {
            let Link::Open(stream) = &mut self.link else { return Ok(()) };
            let Some(len) = read_some(stream, &mut self.input[self.input_end..])? else {
                return Ok(());
            };
            self.input_end += len;
            meter.count_received(len);
            // A short read has emptied the socket: the poll tells when there is more.
            let is_drained = self.input_end < self.input.len() && !is_closing;
            self.count_answers(content, meter)?;
            if is_drained {
                return Ok(());
            }
        }
    }

    /// Closes the link. What waited has no answer.
    pub(crate) fn cut_off(&mut self, loss: Loss, meter: &mut Meter, now: Instant) {
        for (_, at) in self.waiting.drain(..) {
            meter.count_loss(loss, at, now);
        }
        self.link.leave(now);
        self.output.clear();
        self.output_sent = 0;
        (self.input_start, self.input_end) = (0, 0);
        self.reader = AnswerReader::default();
        self.asked.clear();
        self.asked_start = 0;
    }

    /// Begins to connect again.
    pub(crate) fn begin_connecting(
        &mut self,
        endpoint: &Endpoint,
        registry: &Registry,
    ) -> io::Result<()> {
        self.is_proven = false;
        self.link.begin(endpoint, registry, self.token)
    }

    /// Has anything been served since it was connected? Another one is then worth a try at once.
    pub(crate) fn is_proven(&self) -> bool {
        self.is_proven
    }

    fn count_answers(&mut self, content: &Content, meter: &mut Meter) -> io::Result<()> {
        let now = Instant::now();
        self.silent_since = now;
        while let Some(&(request, at)) = self.waiting.front() {
            let input = &self.input[..self.input_end];
            let asked = &self.asked[self.asked_start..];
            match self.reader.read(request, asked, content, input, &mut self.input_start) {
                Progress::Incomplete => break,
                Progress::Done(answer) => {
                    self.is_proven |= answer.is_served();
                    self.waiting.pop_front();
                    self.forget_asked(request);
                    meter.count_answer(request, answer, at, now);
                }
                Progress::Wrong(what) => {
                    self.waiting.pop_front();
                    meter.count_wrong(&what);
                    return Err(io::Error::other("closed after a wrong answer"));
                }
            }
        }
        if self.waiting.is_empty() && self.input_start < self.input_end {
            let rest = &self.input[self.input_start..self.input_end];
            if let Some(words) = farewell(rest) {
                return Err(io::Error::other(format!("the target said {words}")));
            }
            meter.count_wrong("bytes came that answer no request");
            return Err(io::Error::other("closed after bytes that answer no request"));
        }
        self.make_room();
        Ok(())
    }

    /// The keys of an answered request need not be known any more.
    fn forget_asked(&mut self, request: Request) {
        match request {
            Request::Read(keys) => self.asked_start += keys,
            Request::Write => {}
        }
        if self.asked_start == self.asked.len() {
            self.asked.clear();
            self.asked_start = 0;
        } else if self.asked_start >= ASKED_START_MAX {
            self.asked.drain(..self.asked_start);
            self.asked_start = 0;
        }
    }

    /// Moves what is left to the front, and grows the buffer when it is full.
    fn make_room(&mut self) {
        self.input.copy_within(self.input_start..self.input_end, 0);
        self.input_end -= self.input_start;
        self.input_start = 0;
        if self.input_end == self.input.len() {
            self.input.resize(2 * self.input_end, 0);
        }
    }
}

/// How many bytes came; nothing if none has yet.
fn read_some(stream: &mut Stream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match stream.read(buffer) {
            Ok(0) => return Err(io::Error::other("closed by the target")),
            Ok(len) => return Ok(Some(len)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

const INPUT_LEN_MIN: usize = 16 * 1024;
/// Keys of answered requests that are kept until they are all removed at once.
const ASKED_START_MAX: usize = 4096;
