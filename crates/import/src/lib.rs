//! The configuration of other clients and proxies → one Evenkeel configuration.
//!
//! It decides what each setting of theirs is here, and says of all others that they are not: every
//! line of the result says where it comes from, and what cannot be carried over, is different, or
//! had to be chosen is listed at its top. It reads no file, asks no server, and runs no program
//! that it reads: what has a value at run time only is named, never guessed.
//!
//! | part | what it does |
//! |---|---|
//! | `kind` | what kind of source a text is |
//! | `read` | text → `value`, one reader a language |
//! | `from` | `value` → `plan`, one module a kind of source |
//! | `plan` | listeners, routes and pools, each setting with its origin; made whole at the end |
//! | `write` | `plan` → TOML with comments, and the list of `note`s |
//!
//! # Limits
//! A source has at most [`SOURCE_SIZE_MAX`] bytes and values nested 64 deep. No language's includes,
//! macros or aliases are followed.
//!
//! # Hard cases
//! - A server that cannot be carried over changes where all keys lie: each time, that is said.
//! - The result is read again as `evenkeel check` reads it. A fault in it is a mistake of ours or a
//!   value that nobody foresaw; it is listed like everything else that is to be done.
//!
//! # Rejected alternatives
//! Running Python, Ruby or PHP to learn a setting: it needs the program's whole surroundings, and
//! what it says holds for one machine at one moment.

mod kind;
mod note;
mod place;

mod secret;
mod value;

mod read;

mod from;
mod server;

mod plan;

mod write;

use std::rc::Rc;

use evenkeel_core::distribution::Scheme;

use from::Work;
use plan::Plan;
use read::{Found, Unreadable};
use value::{Data, Entry, Value};

pub use kind::{Kind, UnknownKind};
pub use note::{Note, NoteKind};
pub use place::Place;

/// The largest source that is read, in bytes: some ten thousand servers with all they could want.
pub const SOURCE_SIZE_MAX: usize = 4 << 20;

/// The clients that a list of servers can have been given to: what `compatible_with` takes.
pub fn clients() -> impl Iterator<Item = &'static str> {
    Scheme::CLIENTS.into_iter().map(|(name, _)| name)
}

/// A text to import.
#[derive(Clone, Debug)]
pub struct Source {
    name: String,
    text: String,
}

impl Source {
    /// From what a file holds. `name` is what its places are called by.
    pub fn new(name: &str, bytes: Vec<u8>) -> Result<Self, ImportError> {
        let name = name.to_owned();
        if bytes.len() > SOURCE_SIZE_MAX {
            return Err(ImportError::TooLarge { name });
        }
        match String::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => {
                let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
                Ok(Self { name, text })
            }
            Ok(text) => Err(ImportError::NotText { name, line: line_of(&text, text.find('\0')) }),
            Err(error) => {
                let valid = error.as_bytes().get(..error.utf8_error().valid_up_to());
                let line = line_of(&String::from_utf8_lossy(valid.unwrap_or_default()), None);
                Err(ImportError::NotText { name, line })
            }
        }
    }
}

/// What is said beside the sources.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What kind of sources they are; found out if it is not said.
    pub from: Option<Kind>,
    /// Which client a list of servers was given to: one of [`clients`].
    pub client: Option<String>,
    /// Servers in place of those that a source knows at run time only, as a list.
    pub servers: Option<String>,
}

/// What became of the sources.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The configuration.
    pub toml: String,
    /// Everything that it does not say by itself, gravest first.
    pub notes: Vec<Note>,
    /// What each source was taken for: its name, and its kind.
    pub kinds: Vec<(String, Kind)>,
}

impl Imported {
    /// How many notes somebody should look at before the configuration is used.
    pub fn open(&self) -> usize {
        self.notes.iter().filter(|note| note.kind.is_open()).count()
    }

    /// The notes as text for a terminal.
    pub fn summary(&self) -> String {
        write::summary(&self.notes)
    }
}

/// Why there is no configuration. Nothing was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// There is no source.
    #[error("there is nothing to import; give files, or the text itself")]
    NoSources,
    /// A source has more than [`SOURCE_SIZE_MAX`] bytes.
    #[error("{name} is larger than {} MiB, the most that is read; give the part about caches", SOURCE_SIZE_MAX >> 20)]
    TooLarge {
        /// What the source is called.
        name: String,
    },
    /// A source is no UTF-8, or has NUL characters.
    #[error("{name}:{line}: it is no UTF-8 text; save it as UTF-8 first")]
    NotText {
        /// What the source is called.
        name: String,
        /// From 1.
        line: usize,
    },
    /// Neither its name nor what is in it says what a source is.
    #[error("nothing says what {name} is; say it with --from: {}", kind::names())]
    KindUnknown {
        /// What the source is called.
        name: String,
    },
    /// A source may be of several kinds.
    #[error("{name} may be {}; say which with --from", .kinds.iter().map(|it| it.name()).collect::<Vec<_>>().join(" or "))]
    KindAmbiguous {
        /// What the source is called.
        name: String,
        /// Those kinds.
        kinds: Vec<Kind>,
    },
    /// A list of servers, and nothing says which client places keys on them.
    #[error("nothing says which client had the list {name}; say it with --as: {}", client_names())]
    ClientUnsaid {
        /// What the source is called.
        name: String,
    },
    /// No client of that name is known.
    #[error(
        "{client:?} is no client that Evenkeel can be compatible with; choose one of {}",
        client_names()
    )]
    ClientUnknown {
        /// The name.
        client: String,
    },
    /// A source is not what its kind of source is.
    #[error("{name}:{line}: {why}")]
    Unreadable {
        /// What the source is called.
        name: String,
        /// From 1.
        line: usize,
        /// What is wrong there.
        why: String,
    },
    /// No pool came of it; the notes say why.
    #[error(
        "no servers were found to make a pool of; give those that only the program names with \
         --servers, or as a list with --as CLIENT\n{notes}"
    )]
    NoPool {
        /// What there is to know, as text.
        notes: String,
    },
}

/// Makes one configuration of all sources.
pub fn import(sources: &[Source], options: &Options) -> Result<Imported, ImportError> {
    if sources.is_empty() {
        return Err(ImportError::NoSources);
    }
    let client = options.client.as_deref();
    if let Some(client) = client.filter(|it| !clients().any(|known| known == *it)) {
        return Err(ImportError::ClientUnknown { client: client.to_owned() });
    }
    let mut plan = Plan::default();
    let mut kinds = Vec::new();
    let mut ini = Vec::new();
    for source in sources {
        let kind = kind_of(source, options)?;
        kinds.push((source.name.clone(), kind));
        let file: Rc<str> = source.name.as_str().into();
        if kind == Kind::Php && is_ini(&source.text) {
            ini.push((file, readable(source, read::read_ini(&source.text))?));
            continue;
        }
        let servers = options.servers.as_deref();
        let mut work = Work { file, plan: &mut plan, servers };
        take(&mut work, source, kind, client)?;
    }
    if let Some((file, _)) = ini.first() {
        let servers = options.servers.as_deref();
        let mut work = Work { file: Rc::clone(file), plan: &mut plan, servers };
        from::plan_php(&mut work, &ini);
    }
    finish(plan, kinds)
}

/// The line of an offset, or the last one.
fn line_of(text: &str, offset: Option<usize>) -> usize {
    let before = offset.and_then(|at| text.get(..at)).unwrap_or(text);
    before.matches('\n').count() + 1
}

/// All clients, for people.
fn client_names() -> String {
    clients().collect::<Vec<_>>().join(", ")
}

fn kind_of(source: &Source, options: &Options) -> Result<Kind, ImportError> {
    let name = || source.name.clone();
    if let Some(kind) = options.from {
        return Ok(kind);
    }
    if options.client.is_some() {
        return Ok(Kind::List);
    }
    let candidates = Kind::candidates(&source.name, &source.text);
    match candidates.as_slice() {
        [only] => Ok(*only),
        [] => Err(ImportError::KindUnknown { name: name() }),
        several => Err(ImportError::KindAmbiguous { name: name(), kinds: several.to_vec() }),
    }
}

fn readable<T>(source: &Source, read: Result<T, Unreadable>) -> Result<T, ImportError> {
    read.map_err(|Unreadable { line, why }| ImportError::Unreadable {
        name: source.name.clone(),
        line,
        why,
    })
}

/// One source that stands for itself.
fn take(
    work: &mut Work,
    source: &Source,
    kind: Kind,
    client: Option<&str>,
) -> Result<(), ImportError> {
    let text = source.text.as_str();
    match kind {
        Kind::Twemproxy => {
            let (value, further) = readable(source, read::read_yaml(text))?;
            if value.entries().is_none() {
                let why = "it is no map of pools".to_owned();
                return readable(source, Err(Unreadable { line: value.line, why }));
            }
            for line in further {
                let place = Place::new(&work.file, line);
                work.plan.lost(place, "twemproxy reads the first YAML document only, as here.");
            }
            from::plan_twemproxy(work, &value);
        }
        Kind::Mcrouter => {
            let value = readable(source, read::read_json(text))?;
            if value.entries().is_none() {
                let why = "it is no object with `pools`".to_owned();
                return readable(source, Err(Unreadable { line: value.line, why }));
            }
            from::plan_mcrouter(work, &value);
        }
        Kind::Php => from::plan_php_text(work, text),
        Kind::Spymemcached => from::plan_list(work, text, client.unwrap_or("spymemcached")),
        Kind::List => {
            let name = || source.name.clone();
            let client = client.ok_or_else(|| ImportError::ClientUnsaid { name: name() })?;
            from::plan_list(work, text, client);
        }
        Kind::Django if text.trim_start().starts_with('{') => {
            let value = readable(source, read::read_json(text))?;
            let value = value.get("CACHES").cloned().unwrap_or(value);
            let entry = Entry { line: value.line, key: "CACHES".to_owned(), value };
            from::plan_django(work, &[Found::always(entry)]);
        }
        Kind::Django => {
            from::plan_django(work, &readable(source, read::read_python(text, "CACHES"))?);
        }
        Kind::Rails => from::plan_rails(work, &rails(source)?),
    }
    Ok(())
}

/// Ruby, or lines of an environment that set `MEMCACHE_SERVERS`.
fn rails(source: &Source) -> Result<Vec<Found>, ImportError> {
    let mut found = Vec::new();
    for (idx, line) in source.text.lines().enumerate() {
        let line = line.trim().trim_start_matches("export ");
        let Some(servers) = line.strip_prefix("MEMCACHE_SERVERS=") else { continue };
        let servers = servers.trim_matches(['"', '\'']);
        let of = vec![Value::text(idx + 1, "mem_cache_store"), Value::text(idx + 1, servers)];
        let value = Value::new(idx + 1, Data::List(of));
        let key = "MEMCACHE_SERVERS".to_owned();
        found.push(Found::always(Entry { line: idx + 1, key, value }));
    }
    if found.is_empty() { readable(source, read::read_ruby(&source.text)) } else { Ok(found) }
}

/// Whether a text has settings, and is not a connection string by itself.
fn is_ini(text: &str) -> bool {
    let is_setting = |line: &str| {
        let key = line.split_once('=').map_or("", |(key, _)| key.trim());
        let is_key = |char: char| char.is_ascii_alphanumeric() || "._".contains(char);
        key.contains('.') && !key.starts_with("--") && key.chars().all(is_key)
    };
    let lines = text.lines().map(str::trim).filter(|it| !it.is_empty());
    let mut lines = lines.filter(|it| !it.starts_with([';', '#'])).peekable();
    lines.peek().is_none()
        || lines.any(|line| line.starts_with('[') && line.ends_with(']') || is_setting(line))
}

fn finish(mut plan: Plan, kinds: Vec<(String, Kind)>) -> Result<Imported, ImportError> {
    plan.finish();
    if plan.pools.is_empty() || plan.listeners.is_empty() {
        return Err(ImportError::NoPool { notes: write::summary(&plan.notes) });
    }
    let from: Vec<_> = kinds.iter().map(|(name, kind)| format!("{name} ({kind})")).collect();
    let from = from.join(", ");
    let mut toml = write::write(&plan, &from);
    if let Err(faulty) = evenkeel_config_file::parse("the result", &toml) {
        for fault in faulty.faults {
            let text =
                format!("`evenkeel check` finds a fault: {}; {}.", fault.message, fault.remedy);
            plan.note(NoteKind::Lost, None, text);
        }
        plan.sort_notes();
        toml = write::write(&plan, &from);
    }
    Ok(Imported { toml, notes: plan.notes, kinds })
}
