//! The consumers of a queue, as the model sees them: whose turn it may be.

use leveret_core::ConsumerId;
use leveret_core::model::{ConsumerSpec, QueueKind, QueueTraits};

/// A consumer as the model sees it.
pub struct Consumer {
    pub id: ConsumerId,
    pub spec: ConsumerSpec,
    pub is_open: bool,
    pub held: u16,
    pub is_gone: bool,
}

impl Consumer {
    fn could_take(&self) -> bool {
        let has_credit = self.spec.auto_ack || self.spec.prefetch.is_none_or(|limit| self.held < limit.get());
        !self.is_gone && self.is_open && has_credit
    }
}

/// Everybody who ever consumed, in order of appearance.
pub struct Audience {
    traits: QueueTraits,
    consumers: Vec<Consumer>,
    /// The single active one.
    active: Option<usize>,
}

impl Audience {
    pub fn new(traits: QueueTraits) -> Self {
        Self { traits, consumers: Vec::new(), active: None }
    }

    /// How many there were.
    pub fn len(&self) -> usize {
        self.consumers.len()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.alive().count()
    }

    pub fn alive(&self) -> impl Iterator<Item = &Consumer> {
        self.consumers.iter().filter(|consumer| !consumer.is_gone)
    }

    pub fn add(&mut self, id: ConsumerId, spec: ConsumerSpec) {
        self.consumers.push(Consumer { id, spec, is_open: true, held: 0, is_gone: false });
        self.elect();
    }

    pub fn at(&mut self, index: usize) -> Option<&mut Consumer> {
        self.consumers.get_mut(index)
    }

    pub fn index(&self, id: ConsumerId) -> usize {
        self.consumers.iter().position(|consumer| consumer.id == id).expect("a consumer that was added")
    }

    pub fn get(&mut self, id: ConsumerId) -> &mut Consumer {
        let index = self.index(id);
        &mut self.consumers[index]
    }

    /// Whether a consumer of this spec has to be turned away.
    pub fn is_taken_for(&self, spec: ConsumerSpec) -> bool {
        if self.traits.kind == QueueKind::Quorum {
            return false;
        }
        let is_alone = self.count() == 0 && !self.traits.single_active_consumer;
        self.alive().any(|other| other.spec.exclusive) || (spec.exclusive && !is_alone)
    }

    /// Chooses the active one anew, where there is a reason to.
    pub fn elect(&mut self) {
        let rank = |index: &usize| (self.consumers[*index].spec.priority, std::cmp::Reverse(*index));
        let alive = (0..self.consumers.len()).filter(|index| !self.consumers[*index].is_gone);
        let best = alive.max_by_key(rank);
        let active = self.active.filter(|index| !self.consumers[*index].is_gone);
        let gives_way =
            active.is_some_and(|index| self.is_outranked(index) && self.consumers[index].held == 0);
        self.active = if active.is_none() || gives_way { best } else { active };
    }

    /// Whether somebody else is to follow the active one as soon as that has settled what it holds.
    fn is_outranked(&self, active: usize) -> bool {
        let own = self.consumers[active].spec.priority;
        self.traits.kind == QueueKind::Quorum && self.alive().any(|other| own < other.spec.priority)
    }

    /// It is this consumer's turn, or the model objects.
    pub fn check_turn(&self, to: ConsumerId) {
        let index = self.index(to);
        let consumer = &self.consumers[index];
        assert!(consumer.could_take(), "whoever gets a message can take one");
        if self.traits.single_active_consumer {
            assert_eq!(self.active, Some(index), "only the active one gets anything");
            assert!(!self.is_outranked(index), "it gets nothing more once a higher one waits");
            return;
        }
        let is_higher =
            |other: &&Consumer| consumer.spec.priority < other.spec.priority && other.could_take();
        assert!(
            !self.alive().any(|other| is_higher(&other)),
            "nobody of a higher priority could have taken it"
        );
    }

    /// Whether somebody could take a message now.
    pub fn is_idle(&self) -> bool {
        if !self.traits.single_active_consumer {
            return self.consumers.iter().any(Consumer::could_take);
        }
        self.active.is_some_and(|index| self.consumers[index].could_take() && !self.is_outranked(index))
    }
}
