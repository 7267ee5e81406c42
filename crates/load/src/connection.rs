//! One connection of the load: requests out, answers in.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use crate::Endpoint;
use crate::answer::{Answer, AnswerReader, Progress, Request};
use crate::content::Content;
use crate::draw::Draws;
use crate::driver::Plan;
use crate::report::Report;
use crate::stream::Stream;

/// A connection, and the requests that wait for answers on it.
pub(crate) struct Connection {
    stream: Stream,
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
}

impl Connection {
    /// Connects and waits until it is connected.
    pub(crate) fn open(endpoint: &Endpoint) -> io::Result<Self> {
        Ok(Self {
            stream: Stream::connect(endpoint)?,
            output: Vec::new(),
            output_sent: 0,
            input: vec![0; INPUT_LEN_MIN],
            input_start: 0,
            input_end: 0,
            reader: AnswerReader::default(),
            waiting: VecDeque::new(),
            asked: Vec::new(),
            asked_start: 0,
        })
    }

    /// The socket, for the poll.
    pub(crate) fn stream_mut(&mut self) -> &mut Stream {
        &mut self.stream
    }

    /// How many requests wait for answers.
    pub(crate) fn waiting_len(&self) -> usize {
        self.waiting.len()
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
        let expiry = plan.workload.expiry.as_secs();
        write!(self.output, " 0 {expiry} {}\r\n", value.len()).expect("a vector takes every byte");
        self.output.extend_from_slice(value);
        self.output.extend_from_slice(b"\r\n");
        self.waiting.push_back((Request::Write, at));
    }

    /// Sends what the socket takes of what was appended.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        while self.output_sent < self.output.len() {
            match self.stream.write(&self.output[self.output_sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => self.output_sent += len,
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
    /// When the connection is closed or an answer is wrong. It must not be used any more.
    pub(crate) fn receive(
        &mut self,
        content: &Content,
        report: &mut Report,
        is_closing: bool,
    ) -> io::Result<()> {
        loop {
            let len = match self.stream.read(&mut self.input[self.input_end..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.input_end += len;
            // A short read has emptied the socket: the poll tells when there is more.
            let is_drained = self.input_end < self.input.len() && !is_closing;
            self.count_answers(content, report)?;
            if is_drained {
                return Ok(());
            }
        }
    }

    fn count_answers(&mut self, content: &Content, report: &mut Report) -> io::Result<()> {
        let now = Instant::now();
        while let Some((request, at)) = self.waiting.front() {
            let (request, input) = (*request, &self.input[..self.input_end]);
            let asked = &self.asked[self.asked_start..];
            match self.reader.read(request, asked, content, input, &mut self.input_start) {
                Progress::Incomplete => break,
                Progress::Done(answer) => {
                    count(request, answer, now.saturating_duration_since(*at), report);
                    self.waiting.pop_front();
                    self.forget_asked(request);
                }
                Progress::Wrong(what) => {
                    report.wrong += 1;
                    report.add_fault(|| format!("wrong: {what}"));
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
        }
        if self.waiting.is_empty() && self.input_start < self.input_end {
            report.wrong += 1;
            report.add_fault(|| "bytes came that answer no request".to_owned());
            return Err(io::ErrorKind::InvalidData.into());
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

fn count(request: Request, answer: Answer, latency: Duration, report: &mut Report) {
    let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
    match request {
        Request::Read { .. } => report.reads.saturating_record(nanos),
        Request::Write => report.writes.saturating_record(nanos),
    }
    match (answer, request) {
        (Answer::Values(hits), Request::Read(keys)) => {
            report.hits += hits as u64;
            report.misses += (keys - hits) as u64;
        }
        (Answer::Values(_) | Answer::Stored, _) => report.stored += 1,
        (Answer::Refused(words), _) => {
            report.errors += 1;
            report.add_fault(|| format!("refused: {words}"));
        }
    }
}

const INPUT_LEN_MIN: usize = 16 * 1024;
/// Keys of answered requests that are kept until they are all removed at once.
const ASKED_START_MAX: usize = 4096;
