//! Exchanges: their types, what a table keeps of one, and what can be asked about it.

use std::fmt;
use std::sync::Arc;

use crate::binding::{BindError, Binding};
use crate::exchange_name::ExchangeName;
use crate::handle::QueueHandle;
use crate::matcher::Matcher;
use crate::persistent::{Map, Seed};
use crate::rule::ExchangeRule;

/// How an exchange compares a message with its bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangeKind {
    /// §3.1.3.1: the routing key is the binding key.
    Direct,
    /// §3.1.3.2: always.
    Fanout,
    /// §3.1.3.3: the routing key's words fit the binding's pattern.
    Topic,
    /// §3.1.3.4: the message's headers fit the binding's arguments.
    Headers,
    /// RabbitMQ's: the one binding that a hash leads to, few of which change when a binding comes or goes.
    ConsistentHash,
    /// RabbitMQ's: the binding whose number is a hash of the routing keys.
    ModulusHash,
    /// RabbitMQ's: any one binding.
    Random,
    /// RabbitMQ's: any one queue of this node; here that is all of them.
    LocalRandom,
    /// RabbitMQ's: always, and queues that are bound later get the latest messages.
    RecentHistory,
    /// RabbitMQ's: as another type, perhaps later.
    Delayed,
}

const NAMES: &[(&str, ExchangeKind)] = &[
    ("direct", ExchangeKind::Direct),
    ("fanout", ExchangeKind::Fanout),
    ("topic", ExchangeKind::Topic),
    ("headers", ExchangeKind::Headers),
    ("x-consistent-hash", ExchangeKind::ConsistentHash),
    ("x-modulus-hash", ExchangeKind::ModulusHash),
    ("x-random", ExchangeKind::Random),
    ("x-local-random", ExchangeKind::LocalRandom),
    ("x-recent-history", ExchangeKind::RecentHistory),
    ("x-delayed-message", ExchangeKind::Delayed),
];

impl ExchangeKind {
    /// All types that this broker has, by name.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(_, kind)| *kind)
    }

    /// The type named in `exchange.declare`; none if this broker does not have it.
    pub fn parse(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    /// The type as `exchange.declare` names it.
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

impl fmt::Display for ExchangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What whoever routes a message must know of an exchange it came to. Most have nothing to say.
#[derive(Clone, Copy)]
pub struct Remarks {
    /// Another message with the same keys may match other bindings.
    pub looks_beyond_keys: bool,
    /// Queues that are bound later are to get the message too.
    pub keeps_history: bool,
}

/// One exchange of a table. Invariant: `matcher` has exactly the bindings of `bindings`.
#[derive(Clone)]
pub struct Exchange<Q> {
    pub name: ExchangeName,
    pub alternate: Option<ExchangeName>,
    pub internal: bool,
    kind: ExchangeKind,
    /// What a route must say of it, if anything.
    pub remarks: Option<Remarks>,
    bindings: Map<Arc<Binding<Q>>, ()>,
    matcher: Matcher<Q>,
}

impl<Q: QueueHandle> Exchange<Q> {
    pub fn new(
        name: ExchangeName,
        rule: &ExchangeRule,
        alternate: Option<ExchangeName>,
        internal: bool,
    ) -> Self {
        let (kind, matcher) = (rule.kind(), Matcher::new(rule));
        let remarks = Remarks {
            looks_beyond_keys: matcher.looks_beyond_keys(),
            keeps_history: rule.history_length().is_some(),
        };
        let remarks = (remarks.looks_beyond_keys || remarks.keeps_history).then_some(remarks);
        Self { name, alternate, internal, kind, remarks, bindings: Map::default(), matcher }
    }

    pub fn view(&self) -> ExchangeView<'_, Q> {
        ExchangeView(self)
    }

    pub fn matcher(&self) -> &Matcher<Q> {
        &self.matcher
    }

    /// The bindings it is the source of.
    pub fn bindings(&self) -> impl Iterator<Item = &Arc<Binding<Q>>> {
        self.bindings.keys()
    }

    /// The binding that equals this one, as it was made.
    pub fn find(&self, binding: &Binding<Q>) -> Option<&Arc<Binding<Q>>> {
        self.bindings.key(binding)
    }

    pub fn is_bare(&self) -> bool {
        self.bindings.is_empty()
    }

    /// A binding that is not there yet.
    pub fn insert(&mut self, seed: &Seed, binding: &Arc<Binding<Q>>) -> Result<(), BindError> {
        self.matcher.insert(seed, binding)?;
        self.bindings.insert(seed, Arc::clone(binding), ());
        Ok(())
    }

    /// A binding that is there.
    pub fn remove(&mut self, seed: &Seed, binding: &Binding<Q>) {
        if self.bindings.remove(binding).is_some() {
            self.matcher.remove(seed, binding);
        }
    }
}

/// What can be asked about one exchange.
pub struct ExchangeView<'a, Q>(&'a Exchange<Q>);

impl<'a, Q: QueueHandle> ExchangeView<'a, Q> {
    /// Its name.
    pub fn name(&self) -> &'a ExchangeName {
        &self.0.name
    }

    /// Its type.
    pub fn kind(&self) -> ExchangeKind {
        self.0.kind
    }

    /// Whether publishers may not use it, only other exchanges (RabbitMQ's extension).
    pub fn is_internal(&self) -> bool {
        self.0.internal
    }

    /// Where messages go that no binding of it matched (RabbitMQ's extension).
    pub fn alternate(&self) -> Option<&'a ExchangeName> {
        self.0.alternate.as_ref()
    }

    /// How many bindings it is the source of.
    pub fn binding_count(&self) -> usize {
        self.0.bindings.len()
    }
}

impl<Q: QueueHandle> fmt::Debug for ExchangeView<'_, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeView")
            .field("name", self.name())
            .field("kind", &self.kind())
            .field("is_internal", &self.is_internal())
            .field("alternate", &self.alternate())
            .field("binding_count", &self.binding_count())
            .finish()
    }
}
