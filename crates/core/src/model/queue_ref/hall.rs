//! What a queue sees of the world during one turn: its consumers' doors, the log, the pages.
//!
//! Lock order: the queue is locked all the time; one outlet at most, and none while the store is called.

use std::sync::Arc;

use crate::effect::{DeadLetter, Effects, Fetch, Settle};
use crate::id::ConsumerId;
use crate::model::Message;
use crate::model::outlet::{Door, OpenDoor};
use crate::model::queue::{Doors, Entry, Reason};
use crate::model::queue_ref::QueueRef;
use crate::model::settings::DeadLetterTo;
use crate::store::PageId;

/// The doors of one queue during one turn; the last one used stays open until another is needed.
pub struct Hall<'a> {
    queue: &'a QueueRef,
    doors: &'a [Option<Door>],
    open: Option<(u32, OpenDoor<'a>)>,
    budget: usize,
    effects: &'a mut Effects,
}

impl<'a> Hall<'a> {
    /// For a turn of this queue, which is locked.
    pub fn new(
        queue: &'a QueueRef,
        doors: &'a [Option<Door>],
        budget: usize,
        effects: &'a mut Effects,
    ) -> Self {
        Self { queue, doors, open: None, budget, effects }
    }

    fn door(&mut self, to: ConsumerId) -> Option<&mut OpenDoor<'a>> {
        if self.open.as_ref().is_none_or(|(slot, _)| *slot != to.slot) {
            // Two consumers of one connection share an outlet: let go before locking.
            self.open = None;
            let door = self.doors.get(to.slot as usize)?.as_ref()?;
            self.open = Some((to.slot, door.open()));
        }
        self.open.as_mut().map(|(_, door)| door)
    }
}

impl Doors for Hall<'_> {
    fn accepts(&mut self, to: ConsumerId) -> bool {
        let queue = self.queue;
        self.door(to).is_some_and(|door| door.accepts(|| (queue.clone(), to)))
    }

    fn waits_for_peer(&self, to: ConsumerId) -> bool {
        let door = self.doors.get(to.slot as usize).and_then(Option::as_ref);
        door.is_none_or(Door::waits_for_peer)
    }

    fn deliver(&mut self, to: ConsumerId, entry: Entry) {
        let Some(door) = self.door(to) else { return };
        if door.deliver(entry) {
            let id = door.owner();
            self.effects.wakes.push(id);
        }
    }

    fn settled(&mut self, message: &Message) {
        self.effects.settles.extend(Settle::of(message));
    }

    fn dead_letter(&mut self, message: Message, reason: Reason, to: Arc<DeadLetterTo>) {
        self.effects.dead_letters.push(DeadLetter { queue: self.queue.clone(), message, reason, to });
    }

    fn budget_bytes(&self) -> usize {
        self.budget
    }

    fn put_page(&mut self, entries: &[Entry]) -> PageId {
        // The store's locks come after the queue's; none is taken while an outlet is locked.
        self.open = None;
        self.queue.0.store.put_page(entries)
    }

    fn fetch(&mut self, page: PageId) {
        self.effects.fetches.push(Fetch { queue: self.queue.clone(), page });
    }

    fn drop_page(&mut self, page: PageId) {
        self.effects.dropped_pages.push(page);
    }
}
