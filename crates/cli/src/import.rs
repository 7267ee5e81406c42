//! `evenkeel import`: a configuration made of another client's or proxy's.
//!
//! It reads the sources and writes the result; what becomes of each setting, `evenkeel-import`
//! decides.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use evenkeel_import::{Imported, Options, SOURCE_SIZE_MAX, Source, import as import_sources};

use crate::args::ImportArgs;
use crate::failure::{Failure, count};

/// Writes the configuration, and on standard error what is to be known of it.
pub(crate) fn import(args: &ImportArgs) -> Result<(), Failure> {
    let sources = args.sources.iter().map(|it| source(it)).collect::<Result<Vec<_>, _>>()?;
    let options =
        Options { from: args.from, client: args.client.clone(), servers: args.servers.clone() };
    let imported = import_sources(&sources, &options)
        .map_err(|error| Failure::NotImported(error.to_string()))?;
    match &args.output {
        Some(file) => write_new(file, args.force, &imported.toml)?,
        None => io::stdout().write_all(imported.toml.as_bytes())?,
    }
    tell(args, &imported)?;
    if imported.open() == 0 { Ok(()) } else { Err(Failure::ImportedInPart) }
}

/// What one argument stands for: standard input, a file, or itself.
fn source(argument: &OsStr) -> Result<Source, Failure> {
    let refuse = |error: String| Failure::NotImported(error);
    let (name, bytes) = if argument == "-" {
        let bytes = read_bounded(io::stdin().lock());
        ("standard input".to_owned(), bytes)
    } else {
        let path = Path::new(argument);
        let name = path.display().to_string();
        match File::open(path).and_then(read_bounded) {
            Err(error) if is_no_file(&error) && is_text(argument) => {
                ("the argument".to_owned(), Ok(argument.as_encoded_bytes().to_vec()))
            }
            read => (name, read),
        }
    };
    let bytes = bytes.map_err(|error| refuse(format!("cannot read {name}: {error}")))?;
    Source::new(&name, bytes).map_err(|error| refuse(error.to_string()))
}

/// Whether there is no such file, or could be none: a list may be longer than a name.
fn is_no_file(error: &io::Error) -> bool {
    use ErrorKind::{InvalidFilename, InvalidInput, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename | InvalidInput)
}

/// Whether an argument that is no file is meant to be read itself: a list has colons or commas.
fn is_text(argument: &OsStr) -> bool {
    let bytes = argument.as_encoded_bytes();
    bytes.iter().any(|byte| matches!(byte, b':' | b',' | b'=' | b'\n'))
}

fn read_bounded(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let size_max = u64::try_from(SOURCE_SIZE_MAX).unwrap_or(u64::MAX);
    from.take(size_max + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file that is not there yet, unless it may be written over.
fn write_new(file: &Path, force: bool, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options.open(file).and_then(|mut to| to.write_all(text.as_bytes()));
    written.map_err(|error| {
        let remedy =
            if error.kind() == ErrorKind::AlreadyExists { "; --force writes over it" } else { "" };
        Failure::NotImported(format!("cannot write {}: {error}{remedy}", file.display()))
    })
}

fn tell(args: &ImportArgs, imported: &Imported) -> Result<(), Failure> {
    let mut errors = io::stderr().lock();
    write!(errors, "{}", imported.summary())?;
    let of: Vec<_> =
        imported.kinds.iter().map(|(name, kind)| format!("{name} as {kind}")).collect();
    let open = imported.open();
    let verdict = if open == 0 {
        "all was carried over".to_owned()
    } else {
        format!("{} to look at before it is used", count(open, "note"))
    };
    let to = match &args.output {
        Some(file) => format!("; the configuration is in {}", file.display()),
        None => String::new(),
    };
    writeln!(errors, "evenkeel: read {}; {verdict}{to}", of.join(", "))?;
    Ok(())
}
