//! Who consumes from one queue, and whose turn it is.
//!
//! Invariants:
//! - A consumer stands in its priority's ring exactly while it can take a message as far as the queue
//!   knows: it has credit, and its door did not turn the last message away.
//! - With a single active consumer only the active one gets turns. It is the first that came; when it goes, the highest
//!   in priority follows, and of those the one that came first. In a quorum queue a higher priority takes over at once,
//!   as soon as what the active one holds is settled.
//! - Turns go round within a priority; a lower priority gets a turn only while every higher ring is
//!   empty (semantics of RabbitMQ's `x-priority`).

use std::collections::VecDeque;
use std::num::NonZeroU16;

use crate::id::ConsumerId;
use crate::model::settings::{QueueKind, QueueTraits};

/// What the queue must know of a consumer.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConsumerSpec {
    /// Most unacknowledged messages at a time; `None` is unlimited.
    pub prefetch: Option<NonZeroU16>,
    /// `x-priority`: higher goes first.
    pub priority: i32,
    /// Nobody else may consume.
    pub exclusive: bool,
    /// Deliveries count as acknowledged (`no-ack`).
    pub auto_ack: bool,
}

#[derive(Debug)]
struct Consumer {
    spec: ConsumerSpec,
    /// The how manieth consumer of the queue it is.
    number: u64,
    unacked: u32,
    in_ring: bool,
}

impl Consumer {
    fn has_credit(&self) -> bool {
        self.spec.auto_ack || self.spec.prefetch.is_none_or(|limit| self.unacked < u32::from(limit.get()))
    }
}

/// The consumers of one queue.
#[derive(Debug, Default)]
pub struct Consumers {
    slots: Vec<(u32, Option<Consumer>)>,
    /// Highest priority first; only priorities that somebody has.
    rings: Vec<(i32, VecDeque<ConsumerId>)>,
    len: usize,
    added: u64,
    single: Option<Single>,
}

/// The one that gets everything.
#[derive(Debug, Default)]
struct Single {
    active: Option<ConsumerId>,
    /// Who takes over as soon as the active one holds nothing.
    successor: Option<ConsumerId>,
    /// Whether a higher priority takes over.
    is_preemptive: bool,
}

impl Consumers {
    /// Nobody yet.
    pub fn new(traits: QueueTraits) -> Self {
        let is_preemptive = traits.kind == QueueKind::Quorum;
        let single = traits.single_active_consumer.then(|| Single { is_preemptive, ..Single::default() });
        Self { single, ..Self::default() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether somebody consumes exclusively.
    pub fn has_exclusive(&self) -> bool {
        self.slots.iter().any(|(_, slot)| slot.as_ref().is_some_and(|consumer| consumer.spec.exclusive))
    }

    /// The one that gets everything, if only one does.
    pub fn active(&self) -> Option<ConsumerId> {
        self.single.as_ref().and_then(|single| single.active)
    }

    /// The one that consumes exclusively.
    pub fn exclusive(&self) -> Option<ConsumerId> {
        self.ids().find(|id| self.get(*id).is_some_and(|consumer| consumer.spec.exclusive))
    }

    /// All of them, in order of slot.
    pub fn ids(&self) -> impl Iterator<Item = ConsumerId> + '_ {
        (0..).zip(&self.slots).filter_map(|(slot, (generation, consumer))| {
            consumer.as_ref().map(|_| ConsumerId { slot, generation: *generation })
        })
    }

    /// Those that could have a message if their doors were open.
    pub fn stalled(&self) -> impl Iterator<Item = ConsumerId> + '_ {
        (0..).zip(&self.slots).filter_map(|(slot, (generation, consumer))| {
            let is_stalled = consumer.as_ref().is_some_and(|it| !it.in_ring && it.has_credit());
            is_stalled.then_some(ConsumerId { slot, generation: *generation })
        })
    }

    /// Adds a consumer behind those of its priority.
    pub fn add(&mut self, spec: ConsumerSpec) -> ConsumerId {
        let free = self.slots.iter().position(|(_, slot)| slot.is_none());
        let slot = free.unwrap_or(self.slots.len());
        if free.is_none() {
            self.slots.push((0, None));
        }
        // More than four billion consumers of one queue do not fit into memory.
        let mut id = ConsumerId { slot: u32::try_from(slot).unwrap_or(u32::MAX), generation: 0 };
        if let Some((generation, place)) = self.slots.get_mut(slot) {
            id.generation = *generation;
            *place = Some(Consumer { spec, number: self.added, unacked: 0, in_ring: false });
        }
        self.len += 1;
        self.added += 1;
        self.enter_ring(id);
        self.elect();
        id
    }

    /// Sees to it that somebody is active, if there is anybody.
    pub fn elect(&mut self) {
        let Some(single) = &self.single else { return };
        let rank = |id: &ConsumerId| self.get(*id).map(|it| (it.spec.priority, std::cmp::Reverse(it.number)));
        let best = self.ids().max_by_key(rank);
        let active = single.active.filter(|id| self.get(*id).is_some());
        let priority = |id: Option<ConsumerId>| id.and_then(|id| self.get(id)).map(|it| it.spec.priority);
        let is_outranked = single.is_preemptive && priority(active) < priority(best);
        let is_free = active.and_then(|id| self.get(id)).is_none_or(|active| active.unacked == 0);
        let (active, successor) = match active {
            Some(_) if is_outranked && is_free => (best, None),
            Some(_) if is_outranked => (active, best),
            Some(_) => (active, None),
            None => (best, None),
        };
        if let Some(single) = &mut self.single {
            (single.active, single.successor) = (active, successor);
        }
    }

    /// Takes a consumer out; `None` if it is gone already. Nobody follows it before [`Consumers::elect`].
    pub fn remove(&mut self, id: ConsumerId) -> Option<ConsumerSpec> {
        let (generation, place) = self.slots.get_mut(id.slot as usize)?;
        if *generation != id.generation {
            return None;
        }
        let consumer = place.take()?;
        *generation = generation.wrapping_add(1);
        self.len -= 1;
        let priority = consumer.spec.priority;
        if let Some((_, ring)) = self.rings.iter_mut().find(|(level, _)| *level == priority) {
            ring.retain(|other| *other != id);
        }
        let mut others = self.slots.iter().filter_map(|(_, slot)| slot.as_ref());
        if others.all(|other| other.spec.priority != priority) {
            self.rings.retain(|(level, _)| *level != priority);
        }
        Some(consumer.spec)
    }

    /// Whose turn it would be; looks, does not choose yet.
    pub fn eligible(&self) -> Option<ConsumerId> {
        match &self.single {
            None => self.rings.iter().find_map(|(_, ring)| ring.front().copied()),
            Some(Single { active, successor: None, .. }) => {
                active.filter(|id| self.get(*id).is_some_and(|active| active.in_ring))
            }
            Some(_) => None,
        }
    }

    /// The eligible consumer took a message: says whether it is acknowledged with that.
    pub fn take_turn(&mut self, id: ConsumerId) -> Turn {
        let Some(consumer) = self.get_mut(id) else { return Turn::Gone };
        let auto_ack = consumer.spec.auto_ack;
        if !auto_ack {
            consumer.unacked += 1;
        }
        let (priority, stays) = (consumer.spec.priority, consumer.has_credit());
        consumer.in_ring = stays;
        if let Some((_, ring)) = self.rings.iter_mut().find(|(level, _)| *level == priority) {
            // Alone in its ring (the common case), it simply stays where it is.
            match (stays, ring.len()) {
                (true, 1) => {}
                // Who gets everything need not stand in front.
                (true, _) if ring.front() != Some(&id) => {}
                (false, _) if ring.front() != Some(&id) => ring.retain(|other| *other != id),
                (true, _) => ring.rotate_left(1),
                (false, _) => drop(ring.pop_front()),
            }
        }
        if auto_ack { Turn::AutoAcked } else { Turn::Unacked }
    }

    /// The eligible consumer's door is shut: it waits outside until [`Consumers::resume`].
    pub fn stall(&mut self, id: ConsumerId) {
        if let Some(consumer) = self.get_mut(id) {
            consumer.in_ring = false;
            let priority = consumer.spec.priority;
            if let Some((_, ring)) = self.rings.iter_mut().find(|(level, _)| *level == priority) {
                ring.retain(|other| *other != id);
            }
        }
    }

    /// The consumer's door may be open again.
    pub fn resume(&mut self, id: ConsumerId) {
        self.enter_ring(id);
    }

    /// `count` deliveries of this consumer were settled or returned.
    pub fn settle(&mut self, id: ConsumerId, count: u32) {
        if let Some(consumer) = self.get_mut(id) {
            let was_out = !consumer.has_credit();
            consumer.unacked = consumer.unacked.saturating_sub(count);
            if was_out {
                self.enter_ring(id);
            }
        }
        if self.single.as_ref().is_some_and(|single| single.successor.is_some()) {
            self.elect();
        }
    }

    fn enter_ring(&mut self, id: ConsumerId) {
        let Some(consumer) = self.get_mut(id) else { return };
        if consumer.in_ring || !consumer.has_credit() {
            return;
        }
        consumer.in_ring = true;
        let priority = consumer.spec.priority;
        let at = self.rings.partition_point(|(level, _)| priority < *level);
        match self.rings.get_mut(at) {
            Some((level, ring)) if *level == priority => ring.push_back(id),
            _ => self.rings.insert(at, (priority, VecDeque::from([id]))),
        }
    }

    fn get(&self, id: ConsumerId) -> Option<&Consumer> {
        let (generation, consumer) = self.slots.get(id.slot as usize)?;
        if *generation == id.generation { consumer.as_ref() } else { None }
    }

    fn get_mut(&mut self, id: ConsumerId) -> Option<&mut Consumer> {
        let (generation, consumer) = self.slots.get_mut(id.slot as usize)?;
        if *generation == id.generation { consumer.as_mut() } else { None }
    }
}

/// What became of a message that a consumer took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It waits for its acknowledgement.
    Unacked,
    /// It is done with.
    AutoAcked,
    /// There is no such consumer.
    Gone,
}
