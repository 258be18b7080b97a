//! The view in sled.
//!
//! Invariants:
//! - This module and its `store` alone name sled.
//! - Keys and pages are two databases side by side: pages come and go by the gigabyte, are worth nothing after
//!   a restart, and must not make the other one large or slow to open.
//! - A database is opened when it is first needed, which takes sled some 30 ms and 25 MB: a broker whose log is
//!   short never needs one. What can't be opened says so then, until it is [reset](View::reset).

mod store;

use std::io;
use std::path::Path;

use parking_lot::Mutex;

use self::store::Store;
use super::{Change, View, ViewError};

/// Pages may leave this much behind before an empty database is made anew.
const PAGES_FOOTPRINT: u64 = 16 << 20;

/// A view in a directory of its own.
#[derive(Debug)]
pub struct SledView {
    entries: Store,
    pages: Store,
    /// How many pages there are. Held while that changes.
    page_count: Mutex<u64>,
}

impl SledView {
    /// In this directory, which is made if it is not there. Pages of an earlier process are gone.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let entries = Store::at(dir.join("entries"));
        let pages = Store::at(dir.join("pages"));
        std::fs::create_dir_all(dir)?;
        pages.discard()?;
        Ok(Self { entries, pages, page_count: Mutex::new(0) })
    }
}

impl View for SledView {
    fn apply(&self, changes: Vec<Change>) -> Result<(), ViewError> {
        self.entries.apply(changes)
    }

    fn sync(&self) -> Result<(), ViewError> {
        self.entries.sync()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        self.entries.get(key)
    }

    fn scan(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), ViewError> {
        self.entries.scan(visit)
    }

    fn rest(&self) -> Result<(), ViewError> {
        self.entries.close();
        Ok(())
    }

    fn reset(&self) -> Result<(), ViewError> {
        self.entries.discard().map_err(|error| self.entries.lost(&error))
    }

    fn footprint(&self) -> u64 {
        self.entries.footprint()
    }

    fn put_pages(&self, pages: &[(u64, &[u8])]) -> Result<(), ViewError> {
        let mut count = self.page_count.lock();
        for (number, page) in pages {
            self.pages.insert(&number.to_be_bytes(), page)?;
            *count += 1;
        }
        Ok(())
    }

    fn page(&self, number: u64) -> Result<Option<Vec<u8>>, ViewError> {
        self.pages.get(&number.to_be_bytes())
    }

    fn remove_pages(&self, numbers: &[u64]) -> Result<(), ViewError> {
        let mut count = self.page_count.lock();
        for number in numbers {
            let was_there = self.pages.remove(&number.to_be_bytes())?;
            *count = count.saturating_sub(u64::from(was_there));
        }
        // sled does not shrink its file.
        if *count == 0 && PAGES_FOOTPRINT < self.pages.footprint() {
            self.pages.discard().map_err(|error| self.pages.lost(&error))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
