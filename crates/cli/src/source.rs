//! The configuration file that a running proxy reads again when it changes.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use evenkeel_config_file::LoadError;
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
    pub(crate) fn begin(&self, state_directory: Option<&Path>) -> Result<Beginning, LoadError> {
        // Before it is read: what is written meanwhile is read again, and not missed.
        let stamp = self.stamp();
        let beginning = |loaded, faults| Beginning {
            loaded,
            stamp,
            faults,
            state_directory: state_directory.map(Path::to_owned),
        };
        let error = match load(&self.path) {
            Ok(loaded) => return Ok(beginning(loaded, Vec::new())),
            Err(error) => error,
        };
        let kept = state_directory.map(|directory| load(&directory.join(LAST_GOOD)));
        let Some(Ok(loaded)) = kept else { return Err(error) };
        Ok(beginning(loaded, lines(&error)))
    }
}

fn load(path: &Path) -> Result<Loaded, LoadError> {
    let (config, text) = evenkeel_config_file::load_with_text(path)?;
    let settings = evenkeel_config_file::write(&config);
    Ok(Loaded { config, text, settings })
}

impl Source for FileSource {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn load(&self) -> Result<Loaded, Vec<String>> {
        load(&self.path).map_err(|error| lines(&error))
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

/// Everything that is wrong, line by line; what is indented shows where the fault before it stands.
fn lines(error: &LoadError) -> Vec<String> {
    error.to_string().lines().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_after_the_beginning_was_read_is_a_change() {
        let path = std::env::temp_dir().join(format!("evenkeel-{}.toml", std::process::id()));
        let text = include_str!("../../../evenkeel.example.toml");
        fs::write(&path, text).unwrap();
        let source = FileSource::new(&path);
        let beginning = source.begin(None).unwrap();
        assert_eq!(beginning.stamp, source.stamp());
        fs::write(&path, format!("{text}\n")).unwrap();
        assert_ne!(beginning.stamp, source.stamp());
        fs::remove_file(&path).unwrap();
    }
}
