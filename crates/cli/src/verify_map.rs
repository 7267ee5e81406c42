//! `evenkeel verify-map`: whether keys lie where a configuration looks for them.
//!
//! It reads the arguments, the configuration and a file of keys; `evenkeel-doctor` asks the servers.

mod sheet;

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use evenkeel_doctor::map::{self, CHUNK, Given, MapReport, MapVerdict, Options, Placement, key};

use crate::args::VerifyMapArgs;
use crate::failure::{EXIT_FAILED, EXIT_NOT_EXAMINED, Failure};
use crate::paper::Paper;
use crate::route::{choose_listener, pool_named};
use crate::text::json_line;

/// Asks the servers and prints what was found; fails unless all keys are at home.
pub(crate) fn verify_map(args: &VerifyMapArgs) -> Result<(), Failure> {
    let config = evenkeel_config_file::load(&args.file)?;
    let placement = if let Some(name) = &args.pool {
        Placement::of_pool(pool_named(&config, name)?)
    } else {
        let listener = choose_listener(&config, args.listener.as_ref())?;
        Placement::of_listener(&config, &listener.name)
    };
    let placement = Arc::new(placement);
    let options = Options {
        keys_max: (!args.all).then_some(args.sample),
        rate: args.rate,
        silence: args.timeout,
        deadline: args.deadline,
        allowed_percent: args.allow,
    };
    let lines = args.keys.as_deref().map(Lines::open).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::Runtime)?;
    let report = runtime.block_on(async {
        match lines {
            None => Ok(map::sample(&placement, options).await),
            Some(lines) => look_for(&placement, options, lines).await,
        }
    });
    // A lookup of a name that nobody answers would hold us up.
    runtime.shutdown_background();
    let report = report?;
    print(&report, args.json)?;
    match report.verdict {
        MapVerdict::AtHome => Ok(()),
        MapVerdict::WouldMiss => Err(Failure::Examined { code: EXIT_FAILED }),
        MapVerdict::Unproven => Err(Failure::Examined { code: EXIT_NOT_EXAMINED }),
    }
}

/// Asks for the keys of a file, as many at a time as are best.
async fn look_for(
    placement: &Arc<Placement>,
    options: Options,
    mut lines: Lines,
) -> Result<MapReport, Failure> {
    let mut given = Given::new(placement, options);
    let mut keys = Vec::new();
    while let Some(key) = lines.next_key()? {
        keys.push(key);
        if keys.len() == CHUNK {
            given.look_for(std::mem::take(&mut keys)).await;
        }
    }
    given.look_for(keys).await;
    Ok(given.report())
}

fn print(report: &MapReport, is_json: bool) -> Result<(), Failure> {
    let text =
        if is_json { json_line(report) + "\n" } else { sheet::sheet(report, Paper::of_stdout()) };
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        // A reader that has seen enough (`| head`) is no failure: the verdict is what is asked for.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A file of keys, a line at a time.
struct Lines {
    name: String,
    reader: Box<dyn BufRead>,
    number: u64,
    line: Vec<u8>,
    /// Whether there are lines of a dump, whose last one is `END`.
    is_dump: bool,
}

impl Lines {
    fn open(file: &Path) -> Result<Self, Failure> {
        let name = file.display().to_string();
        let reader: Box<dyn BufRead> = if file.as_os_str() == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(file).map_err(|it| unreadable(&name, &it))?;
            Box::new(BufReader::new(file))
        };
        Ok(Self { name, reader, number: 0, line: Vec::new(), is_dump: false })
    }

    fn next_key(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = (&mut self.reader).take(LINE_LEN_MAX).read_until(b'\n', &mut self.line);
            if read.map_err(|it| unreadable(&self.name, &it))? == 0 {
                return Ok(None);
            }
            if self.line.last() == Some(&b'\n') {
                self.line.pop();
            }
            self.is_dump |= self.line.starts_with(b"key=");
            if self.is_dump && matches!(self.line.as_slice(), b"END" | b"END\r") {
                continue;
            }
            match key::parse(&self.line) {
                Ok(Some(key)) => return Ok(Some(key)),
                Ok(None) => (),
                Err(error) => {
                    let Self { name, number, .. } = self;
                    return Err(Failure::Usage(format!("{name}:{number}: {error}")));
                }
            }
        }
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::Usage(format!("cannot read the keys in {name}: {error}"))
}

/// Longer than any key, each of its bytes written as four; or than a line of a dump.
const LINE_LEN_MAX: u64 = 4 << 10;
