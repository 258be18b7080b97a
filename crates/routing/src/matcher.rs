//! One exchange's bindings, arranged for its type.

use std::sync::Arc;

use leveret_codec::Properties;

use crate::binding::{BindError, Binding, Destination};
use crate::direct::Direct;
use crate::exchange::ExchangeKind;
use crate::handle::QueueHandle;
use crate::headers::Headers;
use crate::persistent::Seed;
use crate::rule::ExchangeRule;
use crate::spread::Spread;
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
    Topic(Topic<Q>),
    Headers(Headers<Q>),
    Spread(Box<Spread<Q>>),
}

impl<Q: QueueHandle> Matcher<Q> {
    pub fn new(rule: &ExchangeRule) -> Self {
        if let Some(spread) = Spread::new(rule) {
            return Self::Spread(Box::new(spread));
        }
        match rule.routes_as() {
            ExchangeKind::Fanout | ExchangeKind::RecentHistory => Self::Fanout(Targets::default()),
            ExchangeKind::Topic => Self::Topic(Topic::default()),
            ExchangeKind::Headers => Self::Headers(Headers::default()),
            // The others are above, or route as another type.
            _ => Self::Direct(Direct::default()),
        }
    }

    /// Whether another message with the same keys may match other bindings.
    pub fn looks_beyond_keys(&self) -> bool {
        match self {
            Self::Direct(_) | Self::Fanout(_) | Self::Topic(_) => false,
            Self::Headers(_) => true,
            Self::Spread(spread) => spread.looks_beyond_keys(),
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
            Self::Spread(spread) => spread.insert(binding)?,
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
            Self::Spread(spread) => spread.remove(binding),
        }
    }

    /// Whether no destination can come twice, so that nobody need look.
    pub fn names_each_once(&self, message: Routed<'_>) -> bool {
        match self {
            Self::Direct(_) => message.keys.len() <= 1,
            Self::Fanout(_) | Self::Spread(_) => true,
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
            Self::Headers(headers) => headers.for_each_match(seed, message.properties.headers(), reach),
            Self::Spread(spread) => spread.find(seed, message).into_iter().for_each(reach),
        }
    }
}
