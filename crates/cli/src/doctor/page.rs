//! `--html`: the report in a file, which is there whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use evenkeel_doctor::{Report, html};

use crate::failure::Failure;
use crate::text::printable;

/// Where a page goes.
pub(super) struct PageFile {
    file: PathBuf,
    /// Beside it, so that it can be renamed.
    partial: PathBuf,
}

impl PageFile {
    /// Makes sure that it can be written, before anybody is examined.
    pub(super) fn claim(file: &Path) -> Result<Self, Failure> {
        let mut partial = file.as_os_str().to_owned();
        partial.push(".partial");
        let claimed = Self { file: file.to_owned(), partial: partial.into() };
        let fail = |why: &dyn ToString| {
            Failure::NotExamined(format!("cannot write {}: {}", file.display(), why.to_string()))
        };
        if fs::metadata(file).is_ok_and(|it| !it.is_file()) {
            return Err(fail(&"it is there and is no file"));
        }
        let tried = File::create(&claimed.partial).and_then(|_| fs::remove_file(&claimed.partial));
        tried.map_err(|error| fail(&error))?;
        Ok(claimed)
    }

    /// Puts the page there, in place of what was there.
    pub(super) fn write(&self, report: &Report) -> Result<(), Failure> {
        let page = html::page(&report.shown(printable));
        let written = fs::write(&self.partial, page);
        written.and_then(|()| fs::rename(&self.partial, &self.file)).map_err(|source| {
            // What is left of it is of no use to anybody.
            let _ = fs::remove_file(&self.partial);
            Failure::Page { file: self.file.clone(), source }
        })
    }
}
