//! The files of this repository that the rules look at.

use std::fs;
use std::path::{Path, PathBuf};

/// One file, read whole.
pub struct File {
    /// Where it is, relative to the repository's root, with `/` between the parts.
    pub path: String,
    /// What it holds.
    pub text: String,
}

impl File {
    /// Does the file hold only tests (an integration test, its support, or a `tests.rs`)?
    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// Is the file a module of a crate, rather than a test, a benchmark or an example?
    pub fn is_module(&self) -> bool {
        let is_rust = Path::new(&self.path).extension().is_some_and(|own| own == "rs");
        is_rust && self.path.contains("/src/")
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Reads every file of the repository with one of these `extensions`, in the order of their
/// paths. Build output, hidden folders and recorded test data are left out.
///
/// # Panics
/// When a file cannot be read: the rules must not pass by seeing less.
pub fn read_files(extensions: &[&str]) -> Vec<File> {
    let root = root();
    let mut paths = Vec::new();
    collect(&root, extensions, &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| File {
            text: fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display())),
            path: relative(&root, &path),
        })
        .collect()
}

fn collect(folder: &Path, extensions: &[&str], paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a listed entry can be read").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && !FOLDERS_SKIPPED.contains(&name.as_ref()) {
                collect(&path, extensions, paths);
            }
        } else if path.extension().is_some_and(|own| extensions.iter().any(|e| own == *e)) {
            paths.push(path);
        }
    }
}

fn relative(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).expect("only paths below the root are collected");
    below.to_string_lossy().replace('\\', "/")
}

/// Folders whose contents nobody here wrote by hand.
const FOLDERS_SKIPPED: [&str; 4] = ["target", "golden", "corpus", "artifacts"];
