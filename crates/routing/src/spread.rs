//! Exchanges of which every message takes one binding.

use std::hash::BuildHasher;

use crate::binding::{BindError, Binding, Destination};
use crate::consistent_hash::{self, ConsistentHash};
use crate::exchange::ExchangeKind;
use crate::handle::QueueHandle;
use crate::lot::{Draws, Lot};
use crate::matcher::Routed;
use crate::persistent::Seed;
use crate::rule::{ExchangeRule, HashOn};
use crate::stable_hash;

#[derive(Clone)]
pub enum Spread<Q> {
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

impl<Q: QueueHandle> Spread<Q> {
    /// None if exchanges of this rule do not choose one.
    pub fn new(rule: &ExchangeRule) -> Option<Self> {
        Some(match rule.routes_as() {
            ExchangeKind::ConsistentHash => {
                Self::ConsistentHash(rule.hash_on().clone(), ConsistentHash::default())
            }
            ExchangeKind::ModulusHash => Self::ModulusHash(Lot::default()),
            ExchangeKind::Random => Self::Random(Draws::default(), Lot::default()),
            ExchangeKind::LocalRandom => Self::LocalRandom(Draws::default(), Lot::default()),
            _ => return None,
        })
    }

    /// Whether another message with the same keys may take another binding.
    pub fn looks_beyond_keys(&self) -> bool {
        match self {
            Self::ConsistentHash(on, _) => *on != HashOn::RoutingKey,
            Self::ModulusHash(_) => false,
            Self::Random(..) | Self::LocalRandom(..) => true,
        }
    }

    /// A binding that is not there yet.
    pub fn insert(&mut self, binding: &Binding<Q>) -> Result<(), BindError> {
        let destination = binding.destination();
        match self {
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
    pub fn remove(&mut self, binding: &Binding<Q>) {
        match self {
            Self::ConsistentHash(_, members) => members.remove(binding.destination(), binding.routing_key()),
            Self::ModulusHash(lot) | Self::Random(_, lot) | Self::LocalRandom(_, lot) => {
                lot.remove(binding.destination());
            }
        }
    }

    /// Where this message goes.
    #[inline(never)] // It would crowd out what exchanges of other types do.
    pub fn find(&self, seed: &Seed, message: Routed<'_>) -> Option<&Destination<Q>> {
        match self {
            Self::ConsistentHash(on, members) => members.find(stable_hash::of_message(on, message)),
            Self::ModulusHash(lot) => lot.by_remainder(stable_hash::of_keys(message.keys)),
            Self::Random(draws, lot) | Self::LocalRandom(draws, lot) => {
                lot.by_remainder(seed.hash_one(draws.next()))
            }
        }
    }
}
