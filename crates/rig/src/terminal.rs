//! Programs on a terminal, as people use them.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::process::Command;
use std::thread;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::{Program, scratch_path};

/// A test's end of a terminal.
pub struct Terminal {
    ours: File,
}

impl Terminal {
    /// Starts `command` on a terminal of its own. What it prints there is its output.
    pub fn start(command: &mut Command) -> (Program, Self) {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
        grantpt(&ours).expect("it is ours");
        unlockpt(&ours).expect("it is ours");
        let path = ptsname(&ours, Vec::new()).expect("it has a name");
        let path = Path::new(path.to_str().expect("it is plain"));
        let theirs =
            || File::options().read(true).write(true).open(path).expect("it can be opened");
        let (input, output, error) = (theirs(), theirs(), theirs());

        let ours = File::from(ours);
        let mut shown = ours.try_clone().expect("a file handle can be duplicated");
        let copy_path = scratch_path("log");
        let mut copy = File::create(&copy_path).expect("the scratch folder is writable");
        // It ends, by an error, when no program has the terminal open any more.
        thread::spawn(move || io::copy(&mut shown, &mut copy));
        let program = Program::spawn(command.stdin(input).stdout(output).stderr(error), copy_path);
        (program, Self { ours })
    }

    /// Types `keys`.
    pub fn write(&self, keys: &str) {
        (&self.ours).write_all(keys.as_bytes()).expect("a terminal takes keys");
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ours.as_fd()
    }
}
