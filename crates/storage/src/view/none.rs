//! No view: every opening reads the whole log, and pages stay in memory.

use super::{Change, View, ViewError};

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoView;

impl NoView {
    fn refusal() -> ViewError {
        ViewError { at: "(none)".to_owned(), why: "there is no view to put pages into".to_owned() }
    }
}

impl View for NoView {
    fn apply(&self, _changes: Vec<Change>) -> Result<(), ViewError> {
        Ok(())
    }

    fn sync(&self) -> Result<(), ViewError> {
        Ok(())
    }

    fn get(&self, _key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        Ok(None)
    }

    fn scan(&self, _visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), ViewError> {
        Ok(())
    }

    fn reset(&self) -> Result<(), ViewError> {
        Ok(())
    }

    fn footprint(&self) -> u64 {
        0
    }

    /// Refused, so that pages stay where they are.
    fn put_pages(&self, _pages: &[(u64, &[u8])]) -> Result<(), ViewError> {
        Err(Self::refusal())
    }

    fn page(&self, _number: u64) -> Result<Option<Vec<u8>>, ViewError> {
        Ok(None)
    }

    fn remove_pages(&self, _numbers: &[u64]) -> Result<(), ViewError> {
        Ok(())
    }
}
