//! Reading the configuration again while the proxy runs: when, and what becomes of it.
//!
//! It is read when somebody asks (a signal, the admin API) and when the file has changed and then
//! stayed the same for a second, so that half a file is not taken for a whole one. The whole is
//! read and checked before anything of it takes effect; one that has faults changes nothing, and is
//! an event, a figure and part of the status until another is good. What was good last is kept on
//! disk if there is a directory for it.
//!
//! All of it is done on a thread of its own: reading a file and looking names up waits, and neither
//! the control plane nor a worker does.
//!
//! # Rejected alternatives
//! Watching by inotify: it watches an inode, and a configuration is usually replaced (an editor's
//! rename, a `ConfigMap`'s symlink), or is on a network file system that tells nobody. Looking at the
//! file once a second costs one system call and sees all of these.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use evenkeel_admin::{refusal::Refusal, time};
use evenkeel_api::{Configuration, Reload, ReloadOutcome};
use evenkeel_control::events::Occasion;
use evenkeel_core::config::Config;
use tokio::sync::{mpsc, oneshot};

use crate::reconfigure::Reconfigure;

/// Where configurations come from.
pub trait Source: Send + 'static {
    /// What it is called: the path of the file.
    fn name(&self) -> String;

    /// Reads it.
    ///
    /// # Errors
    /// Everything that is wrong with it, line by line; what is indented belongs to the line before.
    fn load(&self) -> Result<Loaded, Vec<String>>;

    /// Something that differs when it may have changed; `None` if it is not there.
    fn stamp(&self) -> Option<Stamp>;
}

/// A configuration without faults.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// It.
    pub config: Config,
    /// The text that it was read from.
    pub text: String,
    /// All settings that are in effect with it, as TOML.
    pub settings: String,
}

/// Which version of a file it is, as far as that can be told without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// When it was last written.
    pub modified: Option<SystemTime>,
    /// Its length in bytes.
    pub len: u64,
    /// Which file it is.
    pub inode: (u64, u64),
}

/// What is in effect when the reloader starts.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The configuration in effect.
    pub loaded: Loaded,
    /// Which version of the source was read, or had faults: what comes after it is a change.
    pub stamp: Option<Stamp>,
    /// Why it is not what the source says; none if it is.
    pub faults: Vec<String>,
    /// Where what was good last is kept.
    pub state_directory: Option<PathBuf>,
}

/// Has the configuration read again. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reloader {
    requests: mpsc::UnboundedSender<Request>,
    told: Arc<Mutex<Told>>,
}

/// Somebody wants it read again; and who waits to know what became of it.
type Request = Option<oneshot::Sender<Reload>>;

/// What there is to say about configurations.
#[derive(Debug)]
struct Told {
    file: String,
    applied_at: SystemTime,
    text: String,
    settings: String,
    last: Option<Reload>,
}

/// How often to look whether the source has changed.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// What the last good configuration is called in the state directory.
pub const LAST_GOOD: &str = "last-good.toml";

impl Reloader {
    /// Watches a source until the proxy is stopped.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub fn start(
        source: Box<dyn Source>,
        reconfigure: Reconfigure,
        beginning: Beginning,
    ) -> std::io::Result<Self> {
        let Beginning { loaded, stamp, faults, state_directory } = beginning;
        let Loaded { config: _, text, settings } = loaded;
        let (file, applied_at) = (source.name(), SystemTime::now());
        let told = Arc::new(Mutex::new(Told { file, applied_at, text, settings, last: None }));
        let (requests, wanted) = mpsc::unbounded_channel();
        let mut watch = Watch { source, reconfigure, state_directory, told: Arc::clone(&told) };
        if faults.is_empty() {
            watch.keep();
        } else {
            watch.refuse(SystemTime::now(), faults);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new().name("reload".to_owned());
        thread.spawn(move || runtime.block_on(watch.run(stamp, wanted)))?;
        Ok(Self { requests, told })
    }

    /// Has it read again soon.
    pub fn request(&self) {
        // It fails only if the thread is gone, and then the process is ending.
        let _ = self.requests.send(None);
    }

    /// Has it read again, and says what became of it.
    ///
    /// # Errors
    /// The process is being stopped.
    pub async fn reload(&self) -> Result<Reload, Refusal> {
        let (reply, replied) = oneshot::channel();
        self.requests.send(Some(reply)).map_err(|_| Refusal::Stopping)?;
        replied.await.map_err(|_| Refusal::Stopping)
    }

    /// What is in effect.
    pub fn configuration(&self) -> Configuration {
        let told = lock(&self.told);
        Configuration {
            file: Some(told.file.clone()),
            applied_at: time::written(told.applied_at),
            toml: told.settings.clone(),
            last_reload: told.last.clone(),
        }
    }

    /// What became of the last reload; `None` if there was none.
    pub fn last(&self) -> Option<Reload> {
        lock(&self.told).last.clone()
    }
}

/// The thread's own.
struct Watch {
    source: Box<dyn Source>,
    reconfigure: Reconfigure,
    state_directory: Option<PathBuf>,
    told: Arc<Mutex<Told>>,
}

impl Watch {
    async fn run(mut self, mut known: Option<Stamp>, mut wanted: mpsc::UnboundedReceiver<Request>) {
        let mut seen = known;
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        loop {
            tokio::select! {
                request = wanted.recv() => {
                    let Some(request) = request else { return };
                    known = self.source.stamp();
                    seen = known;
                    let became = self.reload().await;
                    if let Some(reply) = request {
                        // Nobody may wait for it any more.
                        let _ = reply.send(became);
                    }
                }
                _ = look.tick() => {
                    if self.reconfigure.shared.is_stopping.load(Ordering::Acquire) {
                        return;
                    }
                    let stamp = self.source.stamp();
                    let is_settled = stamp == seen;
                    seen = stamp;
                    // One that is gone for a moment is being replaced.
                    if is_settled && stamp.is_some() && stamp != known {
                        known = stamp;
                        self.reload().await;
                    }
                }
            }
        }
    }

    async fn reload(&mut self) -> Reload {
        let at = SystemTime::now();
        let loaded = match self.source.load() {
            Ok(loaded) => loaded,
            Err(faults) => return self.refuse(at, faults),
        };
        let applied = match self.reconfigure.apply(&loaded.config).await {
            Ok(applied) => applied,
            Err(error) => return self.refuse(at, vec![error.to_string()]),
        };
        let is_same = applied.changes.is_empty() && applied.warnings.is_empty();
        let outcome = if is_same { ReloadOutcome::Unchanged } else { ReloadOutcome::Applied };
        let (changes, warnings) = (applied.changes, applied.warnings);
        let was_refused = {
            let mut told = lock(&self.told);
            (told.applied_at, told.text, told.settings) = (at, loaded.text, loaded.settings);
            told.last.as_ref().is_some_and(|it| it.outcome == ReloadOutcome::Refused)
        };
        self.keep();
        if !is_same || was_refused {
            let (changes, warnings) = (changes.clone().into(), warnings.clone().into());
            self.announce(Occasion::ConfigurationApplied { changes, warnings });
        }
        let (at, faults) = (time::written(at), Vec::new());
        self.tell(Reload { at, outcome, changes, warnings, faults })
    }

    /// Nothing has changed.
    fn refuse(&mut self, at: SystemTime, faults: Vec<String>) -> Reload {
        self.announce(Occasion::ConfigurationRefused { faults: faults.clone().into() });
        let (changes, warnings) = (Vec::new(), Vec::new());
        let outcome = ReloadOutcome::Refused;
        self.tell(Reload { at: time::written(at), outcome, changes, warnings, faults })
    }

    fn announce(&self, what: Occasion) {
        self.reconfigure.shared.control.announce(what);
    }

    fn tell(&self, became: Reload) -> Reload {
        lock(&self.told).last = Some(became.clone());
        became
    }

    /// Keeps what is in effect on disk, if there is a place for it.
    fn keep(&self) {
        let Some(directory) = &self.state_directory else { return };
        let text = lock(&self.told).text.clone();
        if let Err(error) = write_whole(directory, &text) {
            let directory = directory.display();
            tracing::warn!(%error, "cannot keep the last good configuration in {directory}");
        }
    }
}

fn lock(told: &Mutex<Told>) -> MutexGuard<'_, Told> {
    told.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes it so that whoever reads it finds the old one or the new one, whole.
fn write_whole(directory: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let path = directory.join(LAST_GOOD);
    if std::fs::read_to_string(&path).is_ok_and(|kept| kept == text) {
        return Ok(());
    }
    let new = directory.join(format!("{LAST_GOOD}.new"));
    let mut file = std::fs::File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(new, path)
}
