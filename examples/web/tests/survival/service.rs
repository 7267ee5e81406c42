//! The service, as a program, and what it is asked.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use evenkeel_rig::{Memcached, Program, ScratchFolder, wait_until};
use serde_json::Value;

use crate::load::Report;

/// A running service with [`USERS`] users, whom nobody changes.
pub(crate) struct Service {
    pub(crate) address: String,
    _program: Program,
    folder: ScratchFolder,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) is_from_cache: bool,
    pub(crate) body: String,
}

/// What `/health/ready` answered.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) status: u16,
    body: Value,
}

impl Service {
    /// Starts the service before these servers, with a database of its own.
    pub(crate) fn start(servers: &[String]) -> Self {
        let folder = ScratchFolder::create();
        let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel-example-web"));
        command.arg("127.0.0.1:0").arg(database_in(&folder)).args(servers);
        let program = Program::start(&mut command);
        wait_until(START_TIMEOUT, "it to say where it listens", || address_in(&program).is_some());
        let address = address_in(&program).expect("it has been waited for");
        let service = Self { address, _program: program, folder };
        for id in 0..USERS {
            let stored = store(&service.address, id, &name_of(id)).expect("an answer");
            assert_eq!(stored.status, 200, "{stored:?}");
        }
        service
    }

    /// Reads every user twice, so that the second time all may come from the cache.
    pub(crate) fn read_all_twice(&self) -> Report {
        let mut report = Report::default();
        for _ in 0..2 {
            report.cached = 0;
            (0..USERS).for_each(|id| report.read(&self.address, id, &name_of(id)));
        }
        report
    }

    pub(crate) fn ready(&self) -> Ready {
        let response = get(&self.address, "/health/ready").expect("an answer");
        let body = serde_json::from_str(&response.body).expect("JSON");
        Ready { status: response.status, body }
    }

    /// The status of `/health/live`.
    pub(crate) fn live(&self) -> u16 {
        get(&self.address, "/health/live").expect("an answer").status
    }

    /// Overwrites the database.
    pub(crate) fn ruin_database(&self) {
        fs::write(database_in(&self.folder), vec![b'x'; 64 * 1024]).expect("the file is ours");
    }
}

impl Ready {
    /// Is the server said to be in this state?
    pub(crate) fn shows(&self, server: &Memcached, state: &str) -> bool {
        let mut servers = self.servers().iter();
        servers.any(|it| it["name"] == *server.address() && it["state"] == state)
    }

    pub(crate) fn has_no_cache(&self) -> bool {
        self.body["cache"]["is_available"] == false
    }

    /// Has every server a reason not to be in use?
    pub(crate) fn says_why(&self) -> bool {
        self.servers().iter().all(|server| server["why"].is_string())
    }

    fn servers(&self) -> &[Value] {
        self.body["cache"]["servers"].as_array().expect("a list")
    }
}

fn database_in(folder: &ScratchFolder) -> PathBuf {
    folder.path().join("users.db")
}

/// Where the service says that it listens, once it has said so.
fn address_in(program: &Program) -> Option<String> {
    let output = program.output();
    let whole = output.rsplit_once('\n')?.0;
    whole.lines().find_map(|line| Some(line.strip_prefix("listening on http://")?.to_owned()))
}

/// The name of a user whom nobody changes.
pub(crate) fn name_of(id: u32) -> String {
    format!("user number {id}")
}

pub(crate) fn get(address: &str, path: &str) -> io::Result<Response> {
    exchange(address, &format!("GET {path} HTTP/1.0\r\n\r\n"))
}

/// Stores a user.
pub(crate) fn store(address: &str, id: u32, name: &str) -> io::Result<Response> {
    let body = format!("{{\"name\":\"{name}\"}}");
    let len = body.len();
    let head = format!("PUT /users/{id} HTTP/1.0\r\ncontent-type: application/json\r\n");
    exchange(address, &format!("{head}content-length: {len}\r\n\r\n{body}"))
}

/// The service closes the connection of HTTP 1.0 behind its answer.
fn exchange(address: &str, request: &str) -> io::Result<Response> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Response {
        status: status.ok_or(io::ErrorKind::InvalidData)?,
        is_from_cache: head.contains("\r\nx-served-from: cache"),
        body: body.to_owned(),
    })
}

pub(crate) const USERS: u32 = 60;
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Whoever has no answer by then will never have one.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
