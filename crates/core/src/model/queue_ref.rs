//! A queue as others hold it: its fixed facts, and the machine behind one short lock.
//!
//! Lock order: `Topology` → queue → outlet; never two queues at once. Every turn is one call here that
//! locks, lets the machine work, and unlocks; what is left to do for others is in [`Effects`].

mod deletion;
mod hall;
mod look;
mod publishing;

use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use leveret_codec::field::Table;
use parking_lot::Mutex;

use crate::effect::{Effects, Settle};
use crate::id::{ConnectionId, ConsumerId, QueueId};
use crate::model::outlet::{Door, Notice, Outlet};
use crate::model::queue::{ConsumerSpec, Counts, Entry, Got, Queue, RestoredLane, Returned, Settled};
use crate::model::settings::{QueueKind, QueueSettings, QueueTraits};
use crate::store::{PageId, Store};
use crate::time::Timestamp;
pub use deletion::{DeleteConditions, Deletion};
use hall::Hall;
pub use look::QueueLook;

/// What a queue was declared as; it never changes.
#[derive(Debug)]
pub struct QueueFacts {
    /// Unique for the life of the data.
    pub id: QueueId,
    /// Its name; the routing table has the same one.
    pub name: Arc<str>,
    /// Its virtual host's name.
    pub vhost: Arc<str>,
    /// Survives a restart.
    pub durable: bool,
    /// Goes with its last consumer.
    pub auto_delete: bool,
    /// The connection it belongs to and goes with.
    pub owner: Option<ConnectionId>,
    /// `x-arguments` as declared.
    pub arguments: Table,
    /// What of them never changes.
    pub traits: QueueTraits,
    /// What they say of the rest, before any policy.
    pub declared: Arc<QueueSettings>,
}

impl QueueFacts {
    /// Whether consumers are told how often a message has come back.
    pub fn counts_returns(&self) -> bool {
        self.traits.kind == QueueKind::Quorum || self.declared.delivery_limit.is_some()
    }
}

#[derive(Debug)]
struct Shared {
    facts: QueueFacts,
    store: Arc<dyn Store>,
    /// See [`QueueRef::is_deep`].
    is_deep: AtomicBool,
    /// See [`QueueRef::may_refuse`].
    may_refuse: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    /// By slot of [`ConsumerId`]; a slot's door is that of its newest consumer.
    doors: Vec<Option<Door>>,
    /// Connections that wait for the head to come back into memory.
    awaiting_head: Vec<Arc<Outlet>>,
    /// Publishers that wait for consumers to catch up.
    awaiting_consumers: Vec<Arc<Outlet>>,
    /// The moment at which [`QueueRef::handle_deadline`] was last asked for, unless it has been called since.
    armed: Option<Timestamp>,
    deleted: bool,
}

impl State {
    fn new(queue: Queue) -> Self {
        let (doors, awaiting_head, awaiting_consumers) = (Vec::new(), Vec::new(), Vec::new());
        Self { queue, doors, awaiting_head, awaiting_consumers, armed: None, deleted: false }
    }

    /// A connection wants to hear when the head may be there.
    fn await_head(&mut self, outlet: &Arc<Outlet>) {
        if self.awaiting_head.iter().all(|known| known.id() != outlet.id()) {
            self.awaiting_head.push(outlet.clone());
        }
    }

    /// Consumers have caught up: publishers that have waited for that go on.
    fn tell_publishers(&mut self, effects: &mut Effects) {
        for outlet in self.awaiting_consumers.drain(..) {
            if outlet.notify(Notice::CaughtUp) {
                effects.wakes.push(outlet.id());
            }
        }
    }

    /// The head may be there: whoever wanted to know looks again.
    fn tell_awaiting(&mut self, effects: &mut Effects) {
        for outlet in self.awaiting_head.drain(..) {
            if outlet.notify(Notice::HeadMoved) {
                effects.wakes.push(outlet.id());
            }
        }
    }
}

/// A handle of a queue. Equal handles are the same queue, not one of the same name.
#[derive(Clone, Debug)]
pub struct QueueRef(Arc<Shared>);

impl PartialEq for QueueRef {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for QueueRef {}

/// A queue that may be gone.
#[derive(Clone, Debug)]
pub struct WeakQueueRef {
    id: QueueId,
    shared: Weak<Shared>,
}

impl WeakQueueRef {
    /// Which one it is, or was.
    pub fn id(&self) -> QueueId {
        self.id
    }

    /// Whether nobody has it any more.
    pub fn is_gone(&self) -> bool {
        self.shared.strong_count() == 0
    }

    /// The queue, if it is still there.
    pub fn upgrade(&self) -> Option<QueueRef> {
        self.shared.upgrade().map(QueueRef)
    }
}

impl Hash for QueueRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.facts.id.hash(state);
    }
}

/// Why a consumer was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscribeError {
    /// The queue was deleted meanwhile.
    Deleted,
    /// Somebody consumes exclusively, or exclusivity was asked for and somebody consumes.
    InExclusiveUse,
}

/// What clients have been given before and did not settle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveredBefore {
    /// Messages in memory, by the names that their places give them.
    pub messages: Vec<NonZeroU64>,
    /// Pages in which there are such.
    pub pages: Vec<PageId>,
}

impl QueueRef {
    /// A new, empty queue that behaves as policies have made it of what was declared.
    pub fn new(facts: QueueFacts, settings: Arc<QueueSettings>, store: Arc<dyn Store>) -> Self {
        let may_refuse = AtomicBool::new(settings.refuses());
        let state = Mutex::new(State::new(Queue::new(facts.traits, settings)));
        Self(Arc::new(Shared { facts, store, is_deep: AtomicBool::new(false), may_refuse, state }))
    }

    /// Makes it what it was in an earlier life: its lanes, lowest priority first, and the position behind the last. For
    /// a queue that nobody knows yet; nothing of it is read before somebody wants it.
    pub fn restore(&self, lanes: Vec<RestoredLane>, next_position: u64) {
        self.0.state.lock().queue.restore(lanes, next_position);
    }

    /// A handle that does not keep it.
    pub fn downgrade(&self) -> WeakQueueRef {
        WeakQueueRef { id: self.0.facts.id, shared: Arc::downgrade(&self.0) }
    }

    /// What it was declared as.
    pub fn facts(&self) -> &QueueFacts {
        &self.0.facts
    }

    /// How it behaves at the moment.
    pub fn settings(&self) -> Arc<QueueSettings> {
        self.0.state.lock().queue.settings().clone()
    }

    /// It behaves otherwise from now on: a policy has come, gone or changed.
    pub fn apply(&self, now: Timestamp, settings: Arc<QueueSettings>, effects: &mut Effects) {
        self.0.may_refuse.store(settings.refuses(), Ordering::Release);
        self.turn(effects, |queue, doors| queue.apply(now, settings, doors));
    }

    /// Somebody uses it, or it begins to be there.
    pub fn touch(&self, now: Timestamp, effects: &mut Effects) {
        self.turn(effects, |queue, _| queue.touch(now));
    }

    /// A moment that it had asked for ([`Effects::deadlines`]) has come. If it is an older one, or nothing is due any more,
    /// it asks again.
    pub fn handle_deadline(&self, now: Timestamp, effects: &mut Effects) {
        let mut state = self.0.state.lock();
        if state.deleted {
            return;
        }
        state.armed = None;
        if self.turn_locked(&mut state, effects, |queue, doors| queue.handle_deadline(now, doors)) {
            effects.unused.push(self.clone());
        }
        state.tell_awaiting(effects);
    }

    /// Its numbers.
    pub fn counts(&self, now: Timestamp, effects: &mut Effects) -> Counts {
        self.turn(effects, |queue, doors| queue.counts(now, doors))
    }

    /// Whether its numbers are what they should be. If not, because what may have expired at its head is not in memory,
    /// it is fetched, and `outlet` hears when it is there.
    pub fn knows_head(&self, now: Timestamp, outlet: &Arc<Outlet>, effects: &mut Effects) -> bool {
        let mut state = self.0.state.lock();
        let knows = self.turn_locked(&mut state, effects, |queue, doors| queue.knows_head(now, doors));
        if !knows {
            state.await_head(outlet);
        }
        knows
    }

    /// Takes the head for a `basic.get`, with the number of messages that remain. If it is not in memory, it is
    /// fetched, and `outlet` hears when it is there.
    pub fn get(
        &self,
        now: Timestamp,
        auto_ack: bool,
        outlet: &Arc<Outlet>,
        effects: &mut Effects,
    ) -> (Got, usize) {
        let mut state = self.0.state.lock();
        let got = self.turn_locked(&mut state, effects, |queue, doors| {
            let got = queue.get(now, auto_ack, doors);
            (got, queue.counts(now, doors).ready)
        });
        if matches!(got, (Got::Later, _)) {
            state.await_head(outlet);
        }
        got
    }

    /// A page that was asked for (`Effects::fetches`) has been read: its messages, in order, or as many as could be
    /// read. `false`: the queue has no use for it any more, and has said so with `Effects::dropped_pages`.
    pub fn handle_page(
        &self,
        now: Timestamp,
        page: PageId,
        entries: Vec<Entry>,
        effects: &mut Effects,
    ) -> bool {
        let mut state = self.0.state.lock();
        let is_wanted = !state.deleted
            && self.turn_locked(&mut state, effects, |queue, doors| {
                queue.handle_page(now, page, entries, doors)
            });
        state.tell_awaiting(effects);
        is_wanted
    }

    /// A page that was asked for can't be read: what was in it is not counted any more, and what comes behind it is
    /// next.
    pub fn handle_page_lost(&self, now: Timestamp, page: PageId, effects: &mut Effects) {
        self.handle_page(now, page, Vec::new(), effects);
    }

    /// Adds a consumer. What is published by others from now on may go through its door at once, and stays in
    /// the outlet until the connection's own turn looks; what waits already comes with [`QueueRef::resume`].
    pub fn subscribe(&self, spec: ConsumerSpec, door: Door) -> Result<ConsumerId, SubscribeError> {
        let mut state = self.0.state.lock();
        if state.deleted {
            return Err(SubscribeError::Deleted);
        }
        let id = state.queue.subscribe(spec).ok_or(SubscribeError::InExclusiveUse)?;
        let slot = id.slot as usize;
        if state.doors.len() <= slot {
            state.doors.resize(slot + 1, None);
        }
        if let Some(place) = state.doors.get_mut(slot) {
            *place = Some(door);
        }
        Ok(id)
    }

    /// Removes a consumer. Nothing comes through its door afterwards. `true`: the queue was declared
    /// auto-delete and this was its last consumer, so the caller must delete it.
    #[must_use]
    pub fn unsubscribe(&self, now: Timestamp, id: ConsumerId, effects: &mut Effects) -> bool {
        let is_unused = self.leave(now, id, effects);
        self.follow(now, effects);
        is_unused
    }

    /// The same for a consumer whose deliveries are about to come back: call [`QueueRef::follow`] when they have.
    #[must_use]
    pub fn leave(&self, now: Timestamp, id: ConsumerId, effects: &mut Effects) -> bool {
        let mut state = self.0.state.lock();
        let last = self.turn_locked(&mut state, effects, |queue, _| queue.leave(now, id));
        if let Some(place) = state.doors.get_mut(id.slot as usize) {
            *place = None;
        }
        last && self.0.facts.auto_delete && !state.deleted
    }

    /// Everything that one who has left had is back: the next in line gets it.
    pub fn follow(&self, now: Timestamp, effects: &mut Effects) {
        self.turn(effects, |queue, doors| queue.follow(now, doors));
    }

    /// The consumer's door may be open (again).
    pub fn resume(&self, now: Timestamp, id: ConsumerId, effects: &mut Effects) {
        self.turn(effects, |queue, doors| queue.resume(now, id, doors));
    }

    /// Deliveries that `from` (or a get) had are done with. The caller, who holds them, settles their records.
    pub fn settle(&self, now: Timestamp, from: Option<ConsumerId>, settled: Settled, effects: &mut Effects) {
        self.turn(effects, |queue, doors| queue.settle(now, from, settled, doors));
    }

    /// Deliveries come back to their old positions; a queue that was deleted meanwhile is done with them.
    pub fn requeue(&self, now: Timestamp, returned: Vec<Returned>, effects: &mut Effects) {
        self.take_back(returned, effects, |queue, returned, doors| queue.requeue(now, returned, doors));
    }

    /// Deliveries were rejected for good; likewise.
    pub fn reject(&self, now: Timestamp, rejected: Vec<Returned>, effects: &mut Effects) {
        self.take_back(rejected, effects, |queue, rejected, doors| queue.reject(now, rejected, doors));
    }

    fn take_back(
        &self,
        returned: Vec<Returned>,
        effects: &mut Effects,
        turn: impl FnOnce(&mut Queue, Vec<Returned>, &mut Hall<'_>),
    ) {
        let mut state = self.0.state.lock();
        if state.deleted {
            let messages = returned.iter().map(|returned| &returned.entry.message);
            effects.settles.extend(messages.filter_map(Settle::of));
        } else {
            self.turn_locked(&mut state, effects, |queue, doors| turn(queue, returned, doors));
        }
    }

    /// Removes what waits and says how much it was.
    pub fn purge(&self, now: Timestamp, effects: &mut Effects) -> usize {
        let mut state = self.0.state.lock();
        let count = self.turn_locked(&mut state, effects, |queue, doors| queue.purge(now, doors));
        state.tell_awaiting(effects);
        count
    }

    /// What was delivered before, see [`Broker::delivered_before`](crate::model::Broker::delivered_before).
    pub fn add_delivered_before(&self, to: &mut DeliveredBefore) {
        let state = self.0.state.lock();
        let (messages, pages) = state.queue.delivered_before();
        to.messages.extend(messages);
        to.pages.extend(pages);
    }

    fn turn<R>(&self, effects: &mut Effects, turn: impl FnOnce(&mut Queue, &mut Hall<'_>) -> R) -> R {
        self.turn_locked(&mut self.0.state.lock(), effects, turn)
    }

    fn turn_locked<R>(
        &self,
        state: &mut State,
        effects: &mut Effects,
        turn: impl FnOnce(&mut Queue, &mut Hall<'_>) -> R,
    ) -> R {
        let budget = self.0.store.queue_budget_bytes();
        let mut hall = Hall::new(self, &state.doors, budget, effects);
        let result = turn(&mut state.queue, &mut hall);
        drop(hall);
        if !state.awaiting_consumers.is_empty() && state.queue.has_caught_up() {
            state.tell_publishers(effects);
        }
        self.note_depth(state.queue.ready_bytes(), budget);
        if let Some(at) = state.queue.next_deadline().filter(|_| !state.deleted)
            && state.armed.is_none_or(|armed| at < armed)
        {
            state.armed = Some(at);
            effects.deadlines.push((at, self.downgrade()));
        }
        result
    }
}
