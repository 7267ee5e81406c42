//! What was ever written, and what a value may therefore be.
//!
//! Whether it may still be read is asked of [`super::chronicle`].

use crate::application::Found;
use crate::trace::shortened;
use crate::value::{Key, Write, write_id};

/// Every write of a run.
#[derive(Debug, Default)]
pub struct History {
    /// By the write's number.
    writes: Vec<(Key, Write)>,
    /// The key whose change was last acknowledged to anybody.
    pub last_changed: Option<Key>,
}

impl History {
    /// A write is about to be sent.
    pub fn open(&mut self, key: Key, fill_len: usize) -> Write {
        let id = u32::try_from(self.writes.len()).expect("a run has fewer writes than that");
        let write = Write { id, fill_len: u32::try_from(fill_len).expect("a value is short") };
        self.writes.push((key, write));
        write
    }

    /// A value was given to somebody who asked for its key.
    pub fn judge_value(&self, found: &Found) -> Result<(), String> {
        if found.key.is_counter() {
            return judge_number(found);
        }
        let key = found.key;
        let id =
            write_id(&found.value).ok_or_else(|| wrong(found, "is no value that anybody wrote"))?;
        let (written_key, write) =
            self.writes.get(id as usize).ok_or_else(|| wrong(found, "was never written"))?;
        if written_key.item() != key.item() {
            return Err(wrong(found, &format!("was written for {}", written_key.text())));
        }
        if write.value(key) != found.value {
            return Err(wrong(found, "is not whole"));
        }
        if found.client_flags.is_some_and(|flags| flags != id) {
            return Err(wrong(found, "has the client flags of another"));
        }
        Ok(())
    }
}

fn judge_number(found: &Found) -> Result<(), String> {
    let number = evenkeel_core::protocol::token::unsigned(found.value.trim_ascii_end());
    match number {
        Some(number) if found.key.owns_number(number) => Ok(()),
        Some(_) => Err(wrong(found, "is another counter's number")),
        None => Err(wrong(found, "is no number")),
    }
}

fn wrong(found: &Found, what: &str) -> String {
    format!("the value given for {} {what}: {}", found.key.text(), shortened(&found.value))
}
