//! Headers exchanges (§3.1.3.4): a message goes where its headers fit the binding's arguments.
//!
//! RabbitMQ tries every binding; here the message's headers lead to the few that can match. A binding
//! that wants any of its pairs is filed under each, one that wants all of them under one, the one with
//! the fewest others; what is found there is compared in full. A filing place is named by a hash, so a
//! collision costs a comparison and nothing else.
//!
//! As RabbitMQ: `x-match` is `all` (also when absent), `any`, `all-with-x` or `any-with-x`; the first
//! two overlook arguments whose names start with `x-`. Values are equal by kind, a void argument
//! matches any value. Nothing to compare means `all` matches everything and `any` nothing. Of a header
//! that occurs twice, the first counts.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use leveret_codec::field::{Table, TableRef, Value};
use smallvec::SmallVec;

use crate::arguments::Plain;
use crate::binding::{BindError, Binding, Destination};
use crate::persistent::{Map, Seed};

const X_MATCH: &[u8] = b"x-match";

/// The argument `x-match`.
#[derive(Clone, Copy)]
struct Rule {
    all: bool,
    with_x: bool,
}

impl Rule {
    fn of(arguments: &Table) -> Result<Self, BindError> {
        let (all, with_x) = match arguments.as_ref().get(X_MATCH) {
            None | Some(Value::Str(b"all")) => (true, false),
            Some(Value::Str(b"any")) => (false, false),
            Some(Value::Str(b"all-with-x")) => (true, true),
            Some(Value::Str(b"any-with-x")) => (false, true),
            Some(value @ Value::Str(_)) => {
                return Err(BindError::MatchValue { value: format!("<<{value}>>") });
            }
            Some(value) => {
                return Err(BindError::MatchType { kind: value.type_name(), value: value.to_string() });
            }
        };
        Ok(Self { all, with_x })
    }

    /// The arguments that a message is compared with.
    fn pairs(self, arguments: &Table) -> impl Iterator<Item = (&[u8], Value<'_>)> {
        let counts = move |key: &[u8]| if self.with_x { key != X_MATCH } else { !key.starts_with(b"x-") };
        arguments.as_ref().iter().filter(move |(key, _)| counts(key))
    }

    fn fits(self, arguments: &Table, headers: &Sorted<'_>) -> bool {
        let fits = |(key, wanted): (&[u8], Value<'_>)| {
            headers.get(key).is_some_and(|found| matches!(wanted, Value::Void) || wanted.equivalent(found))
        };
        if self.all { self.pairs(arguments).all(fits) } else { self.pairs(arguments).any(fits) }
    }
}

type Rules<Q> = Map<Arc<Binding<Q>>, Rule>;

/// The bindings of one headers exchange.
#[derive(Clone)]
pub struct Headers<Q> {
    /// They want all of nothing.
    always: Rules<Q>,
    by_pair: Map<u64, Rules<Q>>,
}

impl<Q> Default for Headers<Q> {
    fn default() -> Self {
        Self { always: Map::default(), by_pair: Map::default() }
    }
}

impl<Q: Clone + Eq + Hash> Headers<Q> {
    pub fn insert(&mut self, seed: &Seed, binding: &Arc<Binding<Q>>) -> Result<(), BindError> {
        let rule = Rule::of(binding.arguments())?;
        let places = rule.pairs(binding.arguments()).map(|(key, value)| place(seed, key, &value));
        if !rule.all {
            for place in places {
                self.by_pair.entry(seed, place).insert(seed, Arc::clone(binding), rule);
            }
            return Ok(());
        }
        let emptiest = places.min_by_key(|place| self.by_pair.get(place).map_or(0, Map::len));
        let rules = match emptiest {
            None => &mut self.always,
            Some(place) => self.by_pair.entry(seed, place),
        };
        rules.insert(seed, Arc::clone(binding), rule);
        Ok(())
    }

    pub fn remove(&mut self, seed: &Seed, binding: &Binding<Q>) {
        self.always.remove(binding);
        // An `all` binding is under one of its pairs, and nothing remembers which.
        for (key, value) in binding.arguments().as_ref().iter() {
            let place = place(seed, key, &value);
            if let Some(rules) = self.by_pair.get_mut(&place) {
                rules.remove(binding);
                if rules.is_empty() {
                    self.by_pair.remove(&place);
                }
            }
        }
    }

    pub fn for_each_match<'t>(
        &'t self,
        seed: &Seed,
        headers: Option<TableRef<'_>>,
        reach: &mut impl FnMut(&'t Destination<Q>),
    ) {
        self.always.keys().for_each(|binding| reach(binding.destination()));
        if self.by_pair.is_empty() {
            return;
        }
        let headers = Sorted::new(headers);
        for (key, value) in &headers.0 {
            self.reach_filed(place(seed, key, value), &headers, reach);
            if !matches!(value, Value::Void) {
                self.reach_filed(place(seed, key, &Value::Void), &headers, reach);
            }
        }
    }

    fn reach_filed<'t>(
        &'t self,
        place: u64,
        headers: &Sorted<'_>,
        reach: &mut impl FnMut(&'t Destination<Q>),
    ) {
        for (binding, rule) in self.by_pair.get(&place).into_iter().flat_map(Map::iter) {
            if rule.fits(binding.arguments(), headers) {
                reach(binding.destination());
            }
        }
    }
}

/// Where a pair is filed. Equal pairs have equal places; not the other way round.
fn place(seed: &Seed, key: &[u8], value: &Value<'_>) -> u64 {
    seed.hash_one((key, Plain::of(value)))
}

/// A message's headers by name, each once: a binding finds its own among thousands by halving.
struct Sorted<'m>(SmallVec<[(&'m [u8], Value<'m>); 8]>);

impl<'m> Sorted<'m> {
    fn new(headers: Option<TableRef<'m>>) -> Self {
        let mut entries: SmallVec<_> = headers.into_iter().flat_map(TableRef::iter).collect();
        entries.sort_by_key(|(key, _)| *key); // stable: the first of equal names stays first
        entries.dedup_by_key(|(key, _)| *key);
        Self(entries)
    }

    fn get(&self, key: &[u8]) -> Option<&Value<'m>> {
        let at = self.0.binary_search_by_key(&key, |(name, _)| *name).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }
}
