//! Files that tests leave nobody else to find.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own, removed with all that is in it when dropped.
pub struct ScratchFolder(PathBuf);

impl ScratchFolder {
    /// Makes one, empty.
    pub fn create() -> Self {
        let path = scratch_path("d");
        // An earlier process of the same number may have been killed.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        // What is left in the scratch folder harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A path for a file of this process that no other test uses. Its folder is there.
pub fn scratch_path(extension: &str) -> PathBuf {
    let folder = scratch_folder();
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{}-{serial}.{extension}", process::id()))
}

/// Where cargo has integration tests keep their files: it tells their own crate only, and only
/// when that is built. It builds tests as `target/PROFILE/deps/NAME`; a test that has been taken
/// elsewhere uses the system's folder for temporary files.
fn scratch_folder() -> PathBuf {
    let program = env::current_exe().expect("the system knows which program this is");
    let target = match program.parent() {
        Some(folder) if folder.ends_with("deps") => folder.ancestors().nth(2),
        _ => None,
    };
    target.map_or_else(env::temp_dir, |target| target.join("tmp"))
}

static SERIAL: AtomicU32 = AtomicU32::new(0);
