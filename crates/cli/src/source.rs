//! The configuration file that a running proxy reads again when it changes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use evenkeel_config_file::LoadError;
use evenkeel_core::config::Config;
use evenkeel_proxy::reload::{Beginning, LAST_GOOD, Loaded, Source, Stamp};

/// A configuration file.
#[derive(Clone, Debug)]
pub(crate) struct FileSource {
    path: PathBuf,
}

impl FileSource {
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// What to start with: what the file says, or if it has faults what was good last.
    ///
    /// # Errors
    /// It has faults, and nothing good is kept.
    pub(crate) fn begin(
        &self,
        state_directory: Option<&Path>,
    ) -> Result<(Config, Beginning), LoadError> {
        let directory = state_directory.map(Path::to_owned);
        let error = match evenkeel_config_file::load_with_text(&self.path) {
            Ok((config, text)) => {
                let beginning = Beginning { text, faults: Vec::new(), state_directory: directory };
                return Ok((config, beginning));
            }
            Err(error) => error,
        };
        let kept =
            state_directory.map(|it| evenkeel_config_file::load_with_text(&it.join(LAST_GOOD)));
        let Some(Ok((config, text))) = kept else { return Err(error) };
        let faults = lines(&error);
        Ok((config, Beginning { text, faults, state_directory: directory }))
    }
}

impl Source for FileSource {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn load(&self) -> Result<Loaded, Vec<String>> {
        let loaded = evenkeel_config_file::load_with_text(&self.path);
        loaded.map(|(config, text)| Loaded { config, text }).map_err(|error| lines(&error))
    }

    fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(&self.path).ok()?;
        Some(Stamp {
            modified: metadata.modified().ok(),
            len: metadata.len(),
            inode: (metadata.dev(), metadata.ino()),
        })
    }
}

/// Everything that is wrong, one line each.
fn lines(error: &LoadError) -> Vec<String> {
    match error {
        LoadError::Faulty(file) => file.to_string().lines().map(str::to_owned).collect(),
        LoadError::Unreadable { .. } | LoadError::TooLarge { .. } => vec![error.to_string()],
    }
}
