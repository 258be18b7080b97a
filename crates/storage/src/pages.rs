//! Pages: what deep queues have put aside, as bytes that only they understand.
//!
//! Invariants:
//! - A page is found from when it was put until it is removed, in memory or in the view, also while it moves.
//! - Nobody who puts, reads or removes waits for a page to be written: housekeeping does that, oldest first,
//!   because what was put last by a queue that hovers around its limit is what it reads and removes next.
//! - A page whose move failed stays in memory: a lost view costs memory, not messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::view::View;

/// More than this in memory and housekeeping moves pages into the view.
const MOST_WAITING_BYTES: usize = 8 << 20;
/// ... until it is this.
const FEWER_WAITING_BYTES: usize = 4 << 20;
/// Pages moved in one step, in bytes.
const STEP_BYTES: usize = 1 << 20;
/// Pages removed from the view in one step.
const STEP_REMOVALS: usize = 1000;

/// A page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageId(pub u64);

#[derive(Debug, Default)]
struct Inner {
    last: u64,
    waiting: BTreeMap<u64, Arc<[u8]>>,
    waiting_bytes: usize,
    /// In the view; what is removed leaves here at once and the view later.
    stored: BTreeSet<u64>,
    to_remove: Vec<u64>,
    /// Above the low mark after having been above the high one.
    moving: bool,
    /// That the view takes none has been told.
    has_warned: bool,
}

/// All pages of a process.
pub struct Pages {
    view: Arc<dyn View>,
    inner: Mutex<Inner>,
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pages").finish_non_exhaustive()
    }
}

impl Pages {
    /// No pages yet; those of an earlier process are of no use to anybody.
    pub fn new(view: Arc<dyn View>) -> Self {
        Self { view, inner: Mutex::default() }
    }

    /// Keeps a page; and whether it is the one after which there are too many in memory.
    pub fn put(&self, page: Vec<u8>) -> (PageId, bool) {
        let inner = &mut *self.inner.lock();
        inner.last += 1;
        let before = inner.waiting_bytes;
        inner.waiting_bytes += page.len();
        inner.waiting.insert(inner.last, page.into());
        let is_much = (before..inner.waiting_bytes).contains(&MOST_WAITING_BYTES);
        (PageId(inner.last), is_much)
    }

    /// A page that was put and not removed. None besides only if the view lost it, which the log tells.
    pub fn get(&self, PageId(number): PageId) -> Option<Vec<u8>> {
        {
            let inner = self.inner.lock();
            if let Some(page) = inner.waiting.get(&number) {
                return Some(page.to_vec());
            }
            if !inner.stored.contains(&number) {
                return None;
            }
        }
        match self.view.page(number) {
            Ok(Some(page)) => Some(page),
            Ok(None) => {
                tracing::error!(number, "a page of a deep queue is not in the view any more");
                None
            }
            Err(error) => {
                tracing::error!(%error, "a page of a deep queue can't be read");
                None
            }
        }
    }

    /// Forgets a page.
    pub fn remove(&self, PageId(number): PageId) {
        let inner = &mut *self.inner.lock();
        if let Some(page) = inner.waiting.remove(&number) {
            inner.waiting_bytes -= page.len();
        } else if inner.stored.remove(&number) {
            inner.to_remove.push(number);
        }
    }

    /// One step of housekeeping, by one thread: moves some pages into the view, takes removed ones out of it.
    /// `true`: there is more to do.
    pub fn tend(&self) -> bool {
        let removed = self.take_out();
        let moved = self.move_in();
        removed || moved
    }

    fn take_out(&self) -> bool {
        let (numbers, more) = {
            let to_remove = &mut self.inner.lock().to_remove;
            let keep = to_remove.len().saturating_sub(STEP_REMOVALS);
            (to_remove.split_off(keep), 0 < keep)
        };
        if numbers.is_empty() {
            return false;
        }
        if let Err(error) = self.view.remove_pages(&numbers) {
            tracing::warn!(%error, "pages that nobody needs any more could not be removed");
            return false;
        }
        more
    }

    fn move_in(&self) -> bool {
        let chosen = self.choose();
        if chosen.is_empty() {
            return false;
        }
        let pages: Vec<(u64, &[u8])> = chosen.iter().map(|(number, page)| (*number, &**page)).collect();
        if let Err(error) = self.view.put_pages(&pages) {
            if !std::mem::replace(&mut self.inner.lock().has_warned, true) {
                tracing::warn!(%error, "pages of deep queues stay in memory");
            }
            return false;
        }
        let inner = &mut *self.inner.lock();
        for (number, page) in chosen {
            if inner.waiting.remove(&number).is_some() {
                inner.waiting_bytes -= page.len();
                inner.stored.insert(number);
            } else {
                // Removed while it moved.
                inner.to_remove.push(number);
            }
        }
        inner.moving || !inner.to_remove.is_empty()
    }

    /// The oldest pages, if there are too many; they stay in memory as well until they are in the view.
    fn choose(&self) -> Vec<(u64, Arc<[u8]>)> {
        let inner = &mut *self.inner.lock();
        let above = if inner.moving { FEWER_WAITING_BYTES } else { MOST_WAITING_BYTES };
        inner.moving = above < inner.waiting_bytes;
        if !inner.moving {
            return Vec::new();
        }
        let mut bytes = 0;
        let step = inner.waiting.iter().take_while(|(_, page)| {
            let begun = bytes < STEP_BYTES;
            bytes += page.len();
            begun
        });
        step.map(|(&number, page)| (number, Arc::clone(page))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{MemoryView, NoView};

    const PAGE: usize = 100 << 10;

    fn put_many(pages: &Pages, count: u8) -> Vec<PageId> {
        (0..count).map(|number| pages.put(vec![number; PAGE]).0).collect()
    }

    fn tend_to_the_end(pages: &Pages) {
        for _ in 0..1000 {
            if !pages.tend() {
                return;
            }
        }
        panic!("housekeeping does not come to an end");
    }

    #[test]
    fn a_few_pages_stay_in_memory() {
        let view = MemoryView::default();
        let pages = Pages::new(Arc::new(view.clone()));
        let ids = put_many(&pages, 10);
        tend_to_the_end(&pages);
        assert_eq!(view.page(1).unwrap(), None);
        assert_eq!(pages.get(ids[3]), Some(vec![3; PAGE]));
    }

    #[test]
    fn many_pages_move_into_the_view_and_all_are_found_until_they_are_removed() {
        let view = MemoryView::default();
        let pages = Pages::new(Arc::new(view.clone()));
        let ids = put_many(&pages, 200);
        tend_to_the_end(&pages);
        assert!(pages.inner.lock().waiting_bytes <= FEWER_WAITING_BYTES);
        assert!(view.page(1).unwrap().is_some(), "the oldest has moved");
        for (number, &id) in (0..).zip(&ids) {
            assert_eq!(pages.get(id), Some(vec![number; PAGE]));
            pages.remove(id);
            assert_eq!(pages.get(id), None);
        }
        tend_to_the_end(&pages);
        assert_eq!(pages.inner.lock().waiting_bytes, 0);
        assert_eq!(view.page(1).unwrap(), None);
    }

    #[test]
    fn a_page_removed_while_it_moves_is_removed_from_the_view() {
        let view = MemoryView::default();
        let pages = Pages::new(Arc::new(view.clone()));
        let ids = put_many(&pages, 200);
        let chosen = pages.choose();
        assert!(!chosen.is_empty());
        pages.remove(ids[0]);
        assert!(pages.move_in());
        tend_to_the_end(&pages);
        assert_eq!(pages.get(ids[0]), None);
        assert_eq!(view.page(1).unwrap(), None);
    }

    #[test]
    fn pages_that_no_view_takes_stay_in_memory() {
        let pages = Pages::new(Arc::new(NoView));
        let ids = put_many(&pages, 200);
        assert!(!pages.tend());
        assert_eq!(pages.get(ids[7]), Some(vec![7; PAGE]));
    }
}
