//! One run of a program that is told what happens.
//!
//! It has the message on its standard input and what matters most of it in its environment. It
//! leads a process group of its own. If it takes too long, all of the group is killed; what it has
//! left behind when it ends in time goes on. Its output is read to the end and the beginning of it
//! kept, for the log.

use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use evenkeel_api::HookMessage;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Why a run did not tell anybody anything.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// The program could not be started.
    #[error("it cannot be started: {0}")]
    Start(#[source] io::Error),
    /// It took longer than it may, and was killed with its group.
    #[error("it took longer than {} ms and was killed", .0.as_millis())]
    TooLong(Duration),
    /// It ended, and says that it failed.
    #[error("it ended with {status}{output}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// The beginning of what it wrote.
        output: Output,
    },
    /// The system does not say how it ended.
    #[error("its end is unknown: {0}")]
    Unknown(#[source] io::Error),
}

/// What a program wrote, as much of it as fits a log line.
#[derive(Debug, Default)]
pub(crate) struct Output(Vec<u8>);

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.0);
        match text.trim() {
            "" => Ok(()),
            text => write!(f, ", and wrote {text:?}"),
        }
    }
}

/// The most bytes of its output that are kept.
const OUTPUT_LEN_MAX: usize = 1000;

/// For how long output is waited for that a program's own children may still write when it has
/// ended.
const OUTPUT_GRACE: Duration = Duration::from_millis(200);

/// Variables by which a service manager speaks to us and to nobody else.
const NOT_INHERITED: [&str; 5] =
    ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID"];

/// Runs a program once, for at most `time_max`.
///
/// When this is dropped before it is done, the program and its group are killed.
///
/// # Errors
/// It did not end in time, or not with success.
pub(crate) async fn run(
    (program, arguments): (&Path, &[String]),
    message: &HookMessage,
    body: &[u8],
    time_max: Duration,
) -> Result<(), RunError> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(environment(message))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    for name in NOT_INHERITED {
        command.env_remove(name);
    }
    let mut child = command.spawn().map_err(RunError::Start)?;
    let mut group = Group::of(&child);
    let ended = timeout(time_max, attend(&mut child, body)).await;
    let Ok(ended) = ended else {
        drop(group);
        // It has been killed: this only takes note of its end.
        let _ = child.wait().await;
        return Err(RunError::TooLong(time_max));
    };
    group.release();
    match ended {
        Ok((status, _)) if status.success() => Ok(()),
        Ok((status, output)) => Err(RunError::Failed { status, output }),
        Err(error) => Err(RunError::Unknown(error)),
    }
}

/// Gives a program its input, takes its output, and waits for its end.
async fn attend(child: &mut Child, body: &[u8]) -> io::Result<(ExitStatus, Output)> {
    let input = child.stdin.take();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut input) = input {
            // Who does not read it does not want it.
            let _ = input.write_all(body).await;
        }
    };
    let (mut out, mut err) = (Output::default(), Output::default());
    let status = {
        let reading = async { tokio::join!(feed, out.take(stdout), err.take(stderr)) };
        let mut reading = std::pin::pin!(reading);
        tokio::select! {
            _ = &mut reading => child.wait().await?,
            status = child.wait() => {
                // Whoever it has left behind may hold its output open for ever.
                let _ = timeout(OUTPUT_GRACE, reading).await;
                status?
            }
        }
    };
    Ok((status, Output::of(out, err)))
}

impl Output {
    /// What it complained of, or else what it said.
    fn of(out: Self, err: Self) -> Self {
        if err.0.is_empty() { out } else { err }
    }

    /// Reads to the end and keeps the beginning.
    async fn take(&mut self, from: Option<impl AsyncRead + Unpin>) {
        let Some(mut from) = from else { return };
        let mut chunk = [0; 4096];
        while let Ok(len @ 1..) = from.read(&mut chunk).await {
            let room = OUTPUT_LEN_MAX - self.0.len();
            self.0.extend_from_slice(&chunk[..len.min(room)]);
        }
    }
}

/// The process group of a program that is running. Dropping this kills all of it.
struct Group(Option<Pid>);

impl Group {
    /// The group that a program leads that has just been started.
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

    /// Its leader has ended: the number may soon be another group's.
    fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            // It fails if all of them have ended.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// What matters most, for programs that do not read JSON.
fn environment(message: &HookMessage) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("EVENKEEL_HOOK", message.hook.clone()),
        ("EVENKEEL_TEXT", message.text.clone()),
        ("EVENKEEL_EVENTS", message.events_total.to_string()),
    ];
    if let Some(event) = message.events.first() {
        let fields = [
            ("EVENKEEL_KIND", Some(&event.kind)),
            ("EVENKEEL_AT", Some(&event.at)),
            ("EVENKEEL_POOL", event.pool.as_ref()),
            ("EVENKEEL_SERVER", event.server.as_ref()),
            ("EVENKEEL_FROM", event.from.as_ref()),
            ("EVENKEEL_TO", event.to.as_ref()),
            ("EVENKEEL_RULE", event.rule.as_ref()),
            ("EVENKEEL_EVIDENCE", event.evidence.as_ref()),
        ];
        variables.extend(fields.into_iter().filter_map(|(name, it)| Some((name, it?.clone()))));
    }
    // A variable ends at a NUL.
    variables.into_iter().map(|(name, value)| (name, value.replace('\0', " "))).collect()
}
