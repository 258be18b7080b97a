//! One exchange's bindings, arranged for its type.

use std::hash::BuildHasher;
use std::sync::Arc;

use leveret_codec::Properties;

use crate::binding::{BindError, Binding, Destination};
use crate::consistent_hash::{self, ConsistentHash};
use crate::direct::Direct;
use crate::exchange::ExchangeKind;
use crate::handle::QueueHandle;
use crate::headers::Headers;
use crate::lot::{Draws, Lot};
use crate::persistent::Seed;
use crate::rule::{ExchangeRule, HashOn};
use crate::stable_hash;
use crate::targets::Targets;
use crate::topic::{self, Topic};

/// What of a message decides where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Routed<'m> {
    /// The publish key, then those of the CC and BCC headers.
    pub keys: &'m [&'m [u8]],
    /// Looked into only by exchanges that ask for something there.
    pub properties: Properties<'m>,
}

#[derive(Clone)]
pub enum Matcher<Q> {
    Direct(Direct<Q>),
    Fanout(Targets<Q>),
    RecentHistory(Targets<Q>),
    Topic(Topic<Q>),
    Headers(Headers<Q>),
    ConsistentHash(HashOn, ConsistentHash<Q>),
    ModulusHash(Lot<Q>),
    Random(Draws, Lot<Q>),
    LocalRandom(Draws, Lot<Q>),
}

/// A local random exchange has bindings to queues only, and without a key.
fn check_local<Q>(binding: &Binding<Q>) -> Result<(), BindError> {
    if !binding.routing_key().is_empty() {
        let key = binding.routing_key().iter().copied().map(char::from).collect();
        return Err(BindError::KeyNotEmpty { key });
    }
    match binding.destination() {
        Destination::Queue(_) => Ok(()),
        Destination::Exchange(_) => Err(BindError::NotQueue),
    }
}

impl<Q: QueueHandle> Matcher<Q> {
    pub fn new(rule: &ExchangeRule) -> Self {
        match rule.routes_as() {
            // As a rule, a delayed exchange routes as another type.
            ExchangeKind::Direct | ExchangeKind::Delayed => Self::Direct(Direct::default()),
            ExchangeKind::Fanout => Self::Fanout(Targets::default()),
            ExchangeKind::RecentHistory => Self::RecentHistory(Targets::default()),
            ExchangeKind::Topic => Self::Topic(Topic::default()),
            ExchangeKind::Headers => Self::Headers(Headers::default()),
            ExchangeKind::ConsistentHash => {
                Self::ConsistentHash(rule.hash_on().clone(), ConsistentHash::default())
            }
            ExchangeKind::ModulusHash => Self::ModulusHash(Lot::default()),
            ExchangeKind::Random => Self::Random(Draws::default(), Lot::default()),
            ExchangeKind::LocalRandom => Self::LocalRandom(Draws::default(), Lot::default()),
        }
    }

    /// Whether another message with the same keys may match other bindings.
    pub fn looks_beyond_keys(&self) -> bool {
        match self {
            Self::Direct(_)
            | Self::Fanout(_)
            | Self::RecentHistory(_)
            | Self::Topic(_)
            | Self::ModulusHash(_) => false,
            Self::Headers(_) | Self::Random(..) | Self::LocalRandom(..) => true,
            Self::ConsistentHash(on, _) => *on != HashOn::RoutingKey,
        }
    }

    /// Whether queues that are bound later are to get this message too.
    pub fn keeps_history(&self) -> bool {
        matches!(self, Self::RecentHistory(_))
    }

    /// A binding that is not there yet.
    pub fn insert(&mut self, seed: &Seed, binding: &Arc<Binding<Q>>) -> Result<(), BindError> {
        let destination = binding.destination();
        match self {
            Self::Direct(direct) => direct.insert(seed, binding),
            Self::Fanout(targets) | Self::RecentHistory(targets) => targets.insert(seed, destination.clone()),
            Self::Topic(patterns) => {
                topic::check(binding.routing_key())?;
                patterns.insert(seed, binding.routing_key(), destination.clone());
            }
            Self::Headers(headers) => headers.insert(seed, binding)?,
            Self::ConsistentHash(_, members) => {
                consistent_hash::weight(binding.routing_key())?;
                members.insert(destination, binding.routing_key());
            }
            Self::ModulusHash(lot) | Self::Random(_, lot) => lot.insert(destination.clone()),
            Self::LocalRandom(_, lot) => {
                check_local(binding)?;
                lot.insert(destination.clone());
            }
        }
        Ok(())
    }

    /// A binding that was inserted.
    pub fn remove(&mut self, seed: &Seed, binding: &Binding<Q>) {
        match self {
            Self::Direct(direct) => direct.remove(binding),
            Self::Fanout(targets) | Self::RecentHistory(targets) => targets.remove(binding.destination()),
            Self::Topic(patterns) => patterns.remove(binding.routing_key(), binding.destination()),
            Self::Headers(headers) => headers.remove(seed, binding),
            Self::ConsistentHash(_, members) => members.remove(binding.destination(), binding.routing_key()),
            Self::ModulusHash(lot) | Self::Random(_, lot) | Self::LocalRandom(_, lot) => {
                lot.remove(binding.destination());
            }
        }
    }

    /// Whether no destination can come twice, so that nobody need look.
    pub fn names_each_once(&self, message: Routed<'_>) -> bool {
        match self {
            Self::Direct(_) => message.keys.len() <= 1,
            Self::Topic(_) | Self::Headers(_) => false,
            Self::Fanout(_)
            | Self::RecentHistory(_)
            | Self::ConsistentHash(..)
            | Self::ModulusHash(_)
            | Self::Random(..)
            | Self::LocalRandom(..) => true,
        }
    }

    /// Destinations may come more than once.
    pub fn for_each_match<'t>(
        &'t self,
        seed: &'t Seed,
        message: Routed<'_>,
        reach: &mut impl FnMut(&'t Destination<Q>),
    ) {
        match self {
            Self::Direct(direct) => {
                for key in message.keys {
                    direct.for_each_match(key, reach);
                }
            }
            Self::Fanout(targets) | Self::RecentHistory(targets) => targets.for_each(reach),
            Self::Topic(patterns) => {
                for key in message.keys {
                    patterns.for_each_match(seed, key, reach);
                }
            }
            Self::Headers(headers) => headers.for_each_match(seed, message.properties.headers(), reach),
            Self::ConsistentHash(on, members) => {
                members.find(stable_hash::of_message(on, message)).into_iter().for_each(reach);
            }
            Self::ModulusHash(lot) => {
                lot.by_remainder(stable_hash::of_keys(message.keys)).into_iter().for_each(reach);
            }
            Self::Random(draws, lot) | Self::LocalRandom(draws, lot) => {
                lot.by_remainder(seed.hash_one(draws.next())).into_iter().for_each(reach);
            }
        }
    }
}
