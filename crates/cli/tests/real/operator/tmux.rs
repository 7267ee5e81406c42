//! A terminal that somebody else wrote: tmux, without anybody looking.

use std::path::PathBuf;
use std::process::Command;

use crate::support::{scratch_path, wait_until};

use super::TIMEOUT;

/// One terminal with one program in it; both end when it is dropped.
pub(super) struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    /// A terminal of this size in which a shell runs this line.
    pub(super) fn start(columns: u16, lines: u16, line: &str) -> Self {
        let tmux = Self { socket: scratch_path("tmux") };
        let (columns, lines) = (columns.to_string(), lines.to_string());
        tmux.tell(&["new-session", "-d", "-x", &columns, "-y", &lines, "sh", "-c", line]);
        tmux
    }

    /// What is on the screen.
    pub(super) fn screen(&self) -> String {
        self.tell(&["capture-pane", "-p"])
    }

    /// The same with the sequences that colours are made by.
    pub(super) fn coloured_screen(&self) -> String {
        self.tell(&["capture-pane", "-p", "-e"])
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    pub(super) fn wait_for(&self, what: &str, text: &str) {
        let mut screen = String::new();
        wait_until(TIMEOUT, what, || {
            let now = self.screen();
            let is_there = now.contains(text);
            if !is_there && screen != now {
                // For the reader of a failure.
                println!("{now}");
                screen = now;
            }
            is_there
        });
    }

    /// Presses keys, by tmux's names for them.
    pub(super) fn press(&self, keys: &[&str]) {
        self.tell(&[&["send-keys"], keys].concat());
    }

    /// Gives the terminal another size.
    pub(super) fn resize(&self, columns: u16, lines: u16) {
        self.tell(&["resize-window", "-x", &columns.to_string(), "-y", &lines.to_string()]);
    }

    fn tell(&self, args: &[&str]) -> String {
        let output = self.command().args(args).output().expect("tmux is installed");
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        // Its own server, without anybody's settings, whatever surrounds the tests.
        command.args(["-u", "-f", "/dev/null", "-S"]).arg(&self.socket).env_remove("TMUX");
        command
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // It has ended by itself if its program has.
        let _ = self.command().arg("kill-server").output();
    }
}
