//! What is defined, what of it survives, and where a message goes.
//!
//! Invariant: `history` begins with what a crash must leave at least, and ends with what is now; a crash leaves one
//! of its states, or something between two that follow each other.

use std::collections::{BTreeMap, BTreeSet};

use super::Missed;
use crate::names::{self, Name};
use crate::wire::{Binding, End};

impl Default for Topology {
    fn default() -> Self {
        Self::new(Defined::new())
    }
}

/// A queue that was declared; a queue of the same name that is declared later is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueNumber(pub usize);

/// Something durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entity {
    Exchange(Name),
    Queue(Name),
    Binding(Binding),
}

/// What a log may hold: entities, and the broker's number of those that are queues.
pub type Defined = BTreeMap<Entity, u64>;

#[derive(Clone, Debug)]
pub struct Topology {
    exchanges: BTreeSet<Name>,
    queues: BTreeMap<Name, (QueueNumber, u64)>,
    bindings: BTreeSet<Binding>,
    history: Vec<(u64, Defined)>,
    /// The last change of an entity.
    touched: BTreeMap<Entity, u64>,
}

impl Topology {
    /// A life that begins with this.
    fn new(found: Defined) -> Self {
        Self {
            exchanges: BTreeSet::new(),
            queues: BTreeMap::new(),
            bindings: BTreeSet::new(),
            history: vec![(0, found)],
            touched: BTreeMap::new(),
        }
    }

    pub fn queue(&self, name: Name) -> Option<QueueNumber> {
        self.queues.get(name).map(|(number, _)| *number)
    }

    pub fn queues(&self) -> impl Iterator<Item = QueueNumber> + '_ {
        self.queues.values().map(|(number, _)| *number)
    }

    pub fn has_exchange(&self, name: Name) -> bool {
        self.exchanges.contains(name)
    }

    pub fn has_end(&self, end: End) -> bool {
        match end {
            End::Queue(name) => self.queues.contains_key(name),
            End::Exchange(name) => self.exchanges.contains(name),
        }
    }

    pub fn declare_exchange(&mut self, name: Name) {
        self.exchanges.insert(name);
    }

    pub fn declare_queue(&mut self, name: Name, number: QueueNumber, id: u64) {
        self.queues.insert(name, (number, id));
    }

    pub fn bind(&mut self, binding: Binding) {
        self.bindings.insert(binding);
    }

    pub fn unbind(&mut self, binding: &Binding) {
        self.bindings.remove(binding);
    }

    pub fn delete_exchange(&mut self, name: Name) {
        self.exchanges.remove(name);
        self.bindings.retain(|binding| binding.source != name && binding.end != End::Exchange(name));
    }

    pub fn delete_queue(&mut self, name: Name) {
        self.queues.remove(name);
        self.bindings.retain(|binding| binding.end != End::Queue(name));
    }

    /// The queues that a message reaches, each once.
    pub fn route(&self, exchange: Name, key: Name) -> BTreeSet<QueueNumber> {
        let (mut reached, mut seen, mut next) = (BTreeSet::new(), BTreeSet::new(), vec![exchange]);
        if exchange.is_empty() {
            return self.queue(key).into_iter().collect();
        }
        while let Some(source) = next.pop() {
            if !seen.insert(source) {
                continue;
            }
            let routing = names::exchange(source).routing;
            for binding in self.bindings.iter().filter(|it| it.source == source && routing.takes(it.key, key))
            {
                match binding.end {
                    End::Queue(name) => reached.extend(self.queue(name)),
                    End::Exchange(name) => next.push(name),
                }
            }
        }
        reached
    }

    /// What of all this a log must know.
    fn durable(&self) -> Defined {
        let exchange = |name: &Name| names::exchange(name).durable;
        let end = |end: &End| match end {
            End::Queue(name) => names::queue(name).durable,
            End::Exchange(name) => exchange(name),
        };
        let exchanges = self.exchanges.iter().filter(|name| exchange(name));
        let queues = self.queues.iter().filter(|(name, _)| names::queue(name).durable);
        let bindings = self.bindings.iter().filter(|it| exchange(&it.source) && end(&it.end));
        exchanges
            .map(|name| (Entity::Exchange(name), 0))
            .chain(queues.map(|(name, (_, id))| (Entity::Queue(name), *id)))
            .chain(bindings.map(|binding| (Entity::Binding(*binding), 0)))
            .collect()
    }

    /// Something may have changed: if it has, this is `fact`. Whether it has.
    pub fn note(&mut self, fact: u64) -> bool {
        let now = self.durable();
        let (_, before) = self.history.last().expect("it begins with something");
        let entities = before.keys().chain(now.keys());
        let changed: Vec<Entity> =
            entities.filter(|entity| before.get(entity) != now.get(entity)).copied().collect();
        if changed.is_empty() {
            return false;
        }
        self.touched.extend(changed.into_iter().map(|entity| (entity, fact)));
        self.history.push((fact, now));
        true
    }

    /// What must be on the disk before anybody is told how this entity stands.
    pub fn rests_on(&self, entity: Entity) -> u64 {
        self.touched.get(&entity).copied().unwrap_or_default()
    }

    /// Everything up to this fact is on the disk.
    pub fn synced(&mut self, fact: u64) {
        let certain = self.history.iter().rposition(|(at, _)| *at <= fact);
        self.history.drain(..certain.unwrap_or_default());
    }

    /// Whether a crash may have left just this.
    fn allows(&self, found: &Defined) -> bool {
        let states: Vec<&Defined> = self.history.iter().map(|(_, state)| state).collect();
        let between = |one: &Defined, other: &Defined| {
            let in_both =
                one.iter().all(|(entity, id)| other.get(entity) != Some(id) || found.get(entity) == Some(id));
            let in_one = |(entity, id)| one.get(entity) == Some(id) || other.get(entity) == Some(id);
            in_both && found.iter().all(in_one)
        };
        between(states[0], states[0]) || states.windows(2).any(|pair| between(pair[0], pair[1]))
    }

    /// A new life begins with what was found. `number` says which queue it is that has this id.
    pub fn restart(
        &mut self,
        found: &Defined,
        number: impl Fn(u64) -> Option<QueueNumber>,
    ) -> Result<(), Missed> {
        if !self.allows(found) {
            let states: Vec<&Defined> = self.history.iter().map(|(_, state)| state).collect();
            return Err(Missed(format!("definitions came back as {found:#?}, allowed were {states:#?}")));
        }
        *self = Self::new(found.clone());
        for (entity, id) in found {
            match entity {
                Entity::Exchange(name) => drop(self.exchanges.insert(name)),
                Entity::Binding(binding) => drop(self.bindings.insert(*binding)),
                Entity::Queue(name) => {
                    let number =
                        number(*id).ok_or_else(|| Missed(format!("{name} has an unknown id {id}")))?;
                    self.queues.insert(name, (number, *id));
                }
            }
        }
        Ok(())
    }
}
