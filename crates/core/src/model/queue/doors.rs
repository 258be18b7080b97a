//! What a queue sees of the world: its consumers' doors, and the log's ear.

use std::sync::Arc;

use crate::id::ConsumerId;
use crate::model::Message;
use crate::model::queue::{Entry, Reason};
use crate::model::settings::DeadLetterTo;
use crate::store::PageId;

/// The world during one turn of a queue.
pub trait Doors {
    /// Whether this consumer's side can take a message now. A door that says no must see to it that
    /// [`Queue::resume`](super::Queue::resume) is called when it opens.
    fn accepts(&mut self, to: ConsumerId) -> bool;
    /// Whether this consumer's side can take nothing because of its peer, who has to read or to acknowledge first.
    fn waits_for_peer(&self, to: ConsumerId) -> bool;
    /// Hands a message over. Called only after `accepts` said yes.
    fn deliver(&mut self, to: ConsumerId, entry: Entry);
    /// The queue is done with this message.
    fn settled(&mut self, message: &Message);
    /// The queue gives up on this message, which is to be published again; who does that settles it.
    fn dead_letter(&mut self, message: Message, reason: Reason, to: Arc<DeadLetterTo>);
    /// What the queue may hold in memory.
    fn budget_bytes(&self) -> usize;
    /// Takes messages out of memory; each has a place.
    fn put_page(&mut self, entries: &[Entry]) -> PageId;
    /// The queue needs a page back: [`Queue::handle_page`](super::Queue::handle_page) is to be called with it, or with
    /// what is left of it.
    fn fetch(&mut self, page: PageId);
    /// The queue is done with everything in this page.
    fn drop_page(&mut self, page: PageId);
}
