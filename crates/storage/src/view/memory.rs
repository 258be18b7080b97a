//! A view for tests: it can lose power, be damaged, and fail.

use std::collections::BTreeMap;

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Change, View, ViewError};

type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Clone, Debug, Default)]
struct Content {
    now: Entries,
    synced: Entries,
    pages: BTreeMap<u64, Vec<u8>>,
    fails: bool,
}

/// A view in memory. Clones share it, so that one can be kept while the log that used the other "crashes".
#[derive(Clone, Debug, Default)]
pub struct MemoryView {
    content: Arc<Mutex<Content>>,
}

impl MemoryView {
    /// Forgets what was not synced, and all pages, as a loss of power would.
    pub fn crash(&self) {
        let mut content = self.content.lock();
        content.now = content.synced.clone();
        content.pages.clear();
    }

    /// What the view is now, as a view of its own: an older view for later.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self { content: Arc::new(Mutex::new(self.content.lock().clone())) }
    }

    /// Lets a test lose or damage what the view holds.
    pub fn tamper(&self, change: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>)) {
        let content = &mut *self.content.lock();
        change(&mut content.now);
        content.synced = content.now.clone();
    }

    /// From now on every call fails, or none.
    pub fn fail(&self, fails: bool) {
        self.content.lock().fails = fails;
    }

    fn with<T>(&self, turn: impl FnOnce(&mut Content) -> T) -> Result<T, ViewError> {
        let mut content = self.content.lock();
        if content.fails {
            return Err(ViewError { at: "(memory)".to_owned(), why: "a test wants it to fail".to_owned() });
        }
        Ok(turn(&mut content))
    }
}

impl View for MemoryView {
    fn apply(&self, changes: Vec<Change>) -> Result<(), ViewError> {
        self.with(|content| {
            for change in changes {
                match change.value {
                    Some(value) => content.now.insert(change.key, value),
                    None => content.now.remove(&change.key),
                };
            }
        })
    }

    fn sync(&self) -> Result<(), ViewError> {
        self.with(|content| content.synced = content.now.clone())
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        self.with(|content| content.now.get(key).cloned())
    }

    fn scan(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), ViewError> {
        self.with(|content| content.now.iter().for_each(|(key, value)| visit(key, value)))
    }

    fn reset(&self) -> Result<(), ViewError> {
        self.with(|content| content.now.clear())
    }

    fn footprint(&self) -> u64 {
        let content = self.content.lock();
        content.now.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }

    fn put_pages(&self, pages: &[(u64, &[u8])]) -> Result<(), ViewError> {
        self.with(|content| content.pages.extend(pages.iter().map(|(number, page)| (*number, page.to_vec()))))
    }

    fn page(&self, number: u64) -> Result<Option<Vec<u8>>, ViewError> {
        self.with(|content| content.pages.get(&number).cloned())
    }

    fn remove_pages(&self, numbers: &[u64]) -> Result<(), ViewError> {
        self.with(|content| {
            for number in numbers {
                content.pages.remove(number);
            }
        })
    }
}
