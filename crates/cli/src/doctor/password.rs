//! The password of Redis servers that were named without one.
//!
//! What stands on a command line is seen by every user of the machine (`ps`). A file, or a variable
//! of the environment, is not.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use evenkeel_doctor::target::Password;

/// The password in the file that was named, or else of the environment; `None` if there is neither.
pub(super) fn find(file: Option<&Path>) -> Result<Option<Password>, String> {
    let Some(file) = file else {
        let said = env::var(VARIABLE).ok().filter(|it| !it.is_empty());
        return Ok(said.map(Password::from));
    };
    let fault = |why: String| format!("{} gives no password: {why}", file.display());
    let mut text = String::new();
    let read = File::open(file).and_then(|open| open.take(LEN_MAX + 1).read_to_string(&mut text));
    read.map_err(|error| fault(error.to_string()))?;
    if text.len() as u64 > LEN_MAX {
        return Err(fault(format!("it is longer than {LEN_MAX} bytes")));
    }
    // An editor ends the last line; blanks may be meant.
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(fault("it is empty".to_owned()));
    }
    Ok(Some(password.to_owned().into()))
}

const VARIABLE: &str = "EVENKEEL_REDIS_PASSWORD";
const LEN_MAX: u64 = 4096;
