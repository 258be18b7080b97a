//! The view: what the log says, in a form that opens fast; and a place for pages that memory has no room for.
//!
//! Invariants:
//! - A view may be lost at any time: everything in it can be told again from the log. So no failure in here
//!   is fatal, and a view that can't be read is thrown away.
//! - [`View::apply`] is atomic: whatever happens, all its changes are found later, or none of them. A change
//!   is safe from a loss of power once [`View::sync`] has returned.
//! - Pages live only as long as the process; those of an earlier one are gone.
//!
//! A view knows keys and values, not their meaning: that is the `catalog`'s. [`SledView`] alone names sled.

mod memory;
mod none;
mod sled;

pub use memory::MemoryView;
pub use none::NoView;
pub use sled::SledView;

/// A change to one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which key.
    pub key: Vec<u8>,
    /// Its value from now on; none removes it.
    pub value: Option<Vec<u8>>,
}

/// A view that could not do what it was asked. It is of no further use, and the log is unharmed.
#[derive(Debug, thiserror::Error)]
#[error("the view {at} is lost, it will be made again from the log: {why}")]
pub struct ViewError {
    /// Where it is.
    pub at: String,
    /// What happened.
    pub why: String,
}

/// Keys with values, and pages. All methods may be called from several threads.
pub trait View: Send + Sync {
    /// All of these changes or none of them.
    fn apply(&self, changes: Vec<Change>) -> Result<(), ViewError>;

    /// Returns when what was applied survives a loss of power.
    fn sync(&self) -> Result<(), ViewError>;

    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError>;

    /// Shows every key with its value, in the order of the keys.
    fn scan(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), ViewError>;

    /// Gives back memory that reading has taken.
    fn rest(&self) -> Result<(), ViewError> {
        Ok(())
    }

    /// Forgets all keys, whatever state the view is in; pages stay.
    fn reset(&self) -> Result<(), ViewError>;

    /// Bytes that the keys and values take up where they are kept.
    fn footprint(&self) -> u64;

    /// Adds pages, in the order of their numbers, which rise from call to call.
    fn put_pages(&self, pages: &[(u64, &[u8])]) -> Result<(), ViewError>;

    /// A page that was put and not removed.
    fn page(&self, number: u64) -> Result<Option<Vec<u8>>, ViewError>;

    /// Removes pages; when none is left their room is given back.
    fn remove_pages(&self, numbers: &[u64]) -> Result<(), ViewError>;
}

impl<V: View + ?Sized> View for std::sync::Arc<V> {
    fn apply(&self, changes: Vec<Change>) -> Result<(), ViewError> {
        (**self).apply(changes)
    }

    fn sync(&self) -> Result<(), ViewError> {
        (**self).sync()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        (**self).get(key)
    }

    fn scan(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), ViewError> {
        (**self).scan(visit)
    }

    fn rest(&self) -> Result<(), ViewError> {
        (**self).rest()
    }

    fn reset(&self) -> Result<(), ViewError> {
        (**self).reset()
    }

    fn footprint(&self) -> u64 {
        (**self).footprint()
    }

    fn put_pages(&self, pages: &[(u64, &[u8])]) -> Result<(), ViewError> {
        (**self).put_pages(pages)
    }

    fn page(&self, number: u64) -> Result<Option<Vec<u8>>, ViewError> {
        (**self).page(number)
    }

    fn remove_pages(&self, numbers: &[u64]) -> Result<(), ViewError> {
        (**self).remove_pages(numbers)
    }
}
