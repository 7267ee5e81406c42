//! A child process that does not outlive its test.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::scratch_path;

/// A running program, killed when dropped. What it prints is kept in a file.
pub struct Program {
    child: Child,
    output: PathBuf,
}

impl Program {
    /// Starts `command` with its standard output and error going to one file.
    pub fn start(command: &mut Command) -> Self {
        Self::start_with_input(command, Stdio::null())
    }

    /// The same with a standard input.
    pub fn start_with_input(command: &mut Command, input: impl Into<Stdio>) -> Self {
        let output = scratch_path("log");
        let file = File::create(&output).expect("the scratch folder is writable");
        let both = file.try_clone().expect("a file handle can be duplicated");
        Self::spawn(command.stdin(input).stdout(file).stderr(both), output)
    }

    /// Starts `command` as it is; what it prints comes to the file `output`.
    pub(crate) fn spawn(command: &mut Command, output: PathBuf) -> Self {
        let child =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        Self { child, output }
    }

    /// Starts a server and waits until it is ready. What it said, if it ended instead.
    pub(crate) fn start_server(
        command: &mut Command,
        mut is_ready: impl FnMut() -> bool,
    ) -> Result<Self, String> {
        let mut program = Self::start(command);
        wait_until(START_TIMEOUT, "the server to be ready or to end", || {
            program.exit_status().is_some() || is_ready()
        });
        match program.exit_status() {
            None => Ok(program),
            Some(status) => {
                Err(format!("{command:?} ended with {status}: {}", program.output().trim()))
            }
        }
    }

    /// What the program has printed so far.
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.output).unwrap_or_default()).into_owned()
    }

    /// Sends a signal by its name: `KILL`, `CONT`, `TERM`, `INT`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.pid()).status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name} {} failed", self.pid());
    }

    /// Stops the program where it stands, until it is sent `CONT`.
    pub fn stop(&self) {
        self.signal("STOP");
        // A thread that runs on another processor may go on for a moment, and answer.
        wait_until(STOP_TIMEOUT, "all threads to stand still", || {
            let threads = fs::read_dir(format!("/proc/{}/task", self.pid()));
            let mut threads = threads.expect("the program has not been waited for");
            threads.all(|thread| {
                let path = thread.expect("a folder of folders").path().join("stat");
                // A thread that has ended meanwhile stands still too. Its name may have spaces.
                let stat = fs::read_to_string(path).unwrap_or_default();
                stat.rsplit(") ").next().is_none_or(|rest| !rest.starts_with(['R', 'S', 'D']))
            })
        });
    }

    /// How the program ended, or nothing while it runs.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child can be waited for")
    }

    /// Waits until the program has ended.
    pub fn wait_for_exit(&mut self, timeout: Duration) -> ExitStatus {
        wait_until(timeout, "the program to end", || self.exit_status().is_some());
        self.exit_status().expect("it has just ended")
    }

    /// Resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("the program is running");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|number| number.parse().ok()).expect("VmRSS is a number of KiB")
    }

    /// Kills the program with `SIGKILL` and waits for its end.
    pub fn kill(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> String {
        self.id().to_string()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- {} ---\n{}", self.output.display(), self.output());
        } else {
            // A leftover file in the scratch folder harms nobody.
            let _ = fs::remove_file(&self.output);
        }
    }
}

/// Waits until `condition` holds, and fails the test when it does not within `timeout`.
#[track_caller]
pub fn wait_until(timeout: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + timeout;
    while !condition() {
        assert!(Instant::now() < deadline, "waited {timeout:?} in vain for {what}");
        thread::sleep(POLL_INTERVAL);
    }
}

const START_TIMEOUT: Duration = Duration::from_secs(10);

const STOP_TIMEOUT: Duration = Duration::from_secs(5);

const POLL_INTERVAL: Duration = Duration::from_millis(5);
