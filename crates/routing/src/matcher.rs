//! One exchange's bindings, arranged for its type.

use std::hash::Hash;
use std::sync::Arc;

use leveret_codec::field::TableRef;

use crate::binding::{BindError, Binding, Destination};
use crate::direct::Direct;
use crate::exchange::ExchangeKind;
use crate::headers::Headers;
use crate::persistent::Seed;
use crate::targets::Targets;
use crate::topic::{self, Topic};

/// What of a message decides where it goes.
#[derive(Clone, Copy)]
pub struct Routed<'m> {
    /// The publish key, then those of the CC and BCC headers.
    pub keys: &'m [&'m [u8]],
    pub headers: Option<TableRef<'m>>,
}

#[derive(Clone)]
pub enum Matcher<Q> {
    Direct(Direct<Q>),
    Fanout(Targets<Q>),
    Topic(Topic<Q>),
    Headers(Headers<Q>),
}

impl<Q: Clone + Eq + Hash> Matcher<Q> {
    pub fn new(kind: ExchangeKind) -> Self {
        match kind {
            ExchangeKind::Direct => Self::Direct(Direct::default()),
            ExchangeKind::Fanout => Self::Fanout(Targets::default()),
            ExchangeKind::Topic => Self::Topic(Topic::default()),
            ExchangeKind::Headers => Self::Headers(Headers::default()),
        }
    }

    pub fn kind(&self) -> ExchangeKind {
        match self {
            Self::Direct(_) => ExchangeKind::Direct,
            Self::Fanout(_) => ExchangeKind::Fanout,
            Self::Topic(_) => ExchangeKind::Topic,
            Self::Headers(_) => ExchangeKind::Headers,
        }
    }

    /// A binding that is not there yet.
    pub fn insert(&mut self, seed: &Seed, binding: &Arc<Binding<Q>>) -> Result<(), BindError> {
        match self {
            Self::Direct(direct) => direct.insert(seed, binding),
            Self::Fanout(targets) => targets.insert(seed, binding.destination().clone()),
            Self::Topic(patterns) => {
                topic::check(binding.routing_key())?;
                patterns.insert(seed, binding.routing_key(), binding.destination().clone());
            }
            Self::Headers(headers) => headers.insert(seed, binding)?,
        }
        Ok(())
    }

    /// A binding that was inserted.
    pub fn remove(&mut self, seed: &Seed, binding: &Binding<Q>) {
        match self {
            Self::Direct(direct) => direct.remove(binding),
            Self::Fanout(targets) => targets.remove(binding.destination()),
            Self::Topic(patterns) => patterns.remove(binding.routing_key(), binding.destination()),
            Self::Headers(headers) => headers.remove(seed, binding),
        }
    }

    /// Whether no destination can come twice, so that nobody need look.
    pub fn names_each_once(&self, message: Routed<'_>) -> bool {
        match self {
            Self::Direct(_) => message.keys.len() <= 1,
            Self::Fanout(_) => true,
            Self::Topic(_) | Self::Headers(_) => false,
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
            Self::Fanout(targets) => targets.for_each(reach),
            Self::Topic(patterns) => {
                for key in message.keys {
                    patterns.for_each_match(seed, key, reach);
                }
            }
            Self::Headers(headers) => headers.for_each_match(seed, message.headers, reach),
        }
    }
}
