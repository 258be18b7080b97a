//! Policies: what operators want of queues and exchanges, by their names.
//!
//! Of each kind (users' and operators') the one with the highest priority that covers a name applies to it, and no
//! other of that kind: they are not merged among themselves. RabbitMQ leaves open which of several with the same
//! priority that is; here it is the first by name.
//!
//! Invariants:
//! - A [`Policy`] has been validated: its pattern is a regular expression, its keys are known and their values make
//!   sense (RabbitMQ's texts say what does not).
//! - A policy with a key that a queue's type does not know is not for that queue, and the next one is looked at.
//! - Looking for the policies of a name is one pass over them. Nothing here is asked per message.

mod key;
mod merge;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use fancy_regex::Regex;

use crate::model::settings::QueueKind;
use crate::model::term::Term;
pub use merge::Applied;

/// What a policy says: keys of RabbitMQ's (`max-length`) with their values.
pub type PolicyDefinition = BTreeMap<String, Term>;

/// Whose word a policy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// Of those who use the virtual host.
    User,
    /// Of those who run the broker: it only limits, and is merged with the users'.
    Operator,
}

/// What a policy is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApplyTo {
    /// Queues and exchanges.
    #[default]
    All,
    /// Queues of any type.
    Queues,
    /// Classic queues.
    ClassicQueues,
    /// Quorum queues.
    QuorumQueues,
    /// Streams, of which there are none here.
    Streams,
    /// Exchanges.
    Exchanges,
}

const APPLY_TO: &[(ApplyTo, &str)] = &[
    (ApplyTo::All, "all"),
    (ApplyTo::Queues, "queues"),
    (ApplyTo::ClassicQueues, "classic_queues"),
    (ApplyTo::QuorumQueues, "quorum_queues"),
    (ApplyTo::Streams, "streams"),
    (ApplyTo::Exchanges, "exchanges"),
];

impl ApplyTo {
    /// From RabbitMQ's word.
    pub fn parse(word: &str) -> Result<Self, PolicyError> {
        let known = APPLY_TO.iter().find(|(_, known)| *known == word);
        known.map(|(apply_to, _)| *apply_to).ok_or_else(|| PolicyError::ApplyTo(word.to_owned()))
    }

    /// RabbitMQ's word.
    pub fn as_str(self) -> &'static str {
        APPLY_TO.iter().find(|(known, _)| *known == self).map_or("all", |(_, word)| word)
    }

    fn is_for_queue(self, kind: QueueKind) -> bool {
        match self {
            Self::All | Self::Queues => true,
            Self::ClassicQueues => kind == QueueKind::Classic,
            Self::QuorumQueues => kind == QueueKind::Quorum,
            Self::Streams | Self::Exchanges => false,
        }
    }

    fn is_for_exchanges(self) -> bool {
        matches!(self, Self::All | Self::Exchanges)
    }
}

/// Why a policy is refused, in RabbitMQ's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// It says nothing.
    #[error("no policy provided")]
    Empty,
    /// It has keys that no policy of its kind can have.
    #[error("{0} are not recognised policy settings")]
    Unknown(String),
    /// A value that makes no sense for its key.
    #[error("{0}")]
    Value(String),
    /// A pattern that does not compile.
    #[error("pattern should be regular expression but is invalid: {0}")]
    Pattern(String),
    /// It is for something that does not exist.
    #[error(
        "apply-to '{0}' unrecognised; should be one of: 'queues', 'classic_queues',  'quorum_queues', \
         'streams', 'exchanges', or 'all'"
    )]
    ApplyTo(String),
}

/// What a policy is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicySpec {
    /// Whose word it is.
    pub kind: PolicyKind,
    /// Unique among the policies of its kind in its virtual host.
    pub name: String,
    /// Searched for in names; an empty one is in every name.
    pub pattern: String,
    /// What it is for.
    pub apply_to: ApplyTo,
    /// The highest applies. RabbitMQ takes any number.
    pub priority: f64,
    /// What it says.
    pub definition: PolicyDefinition,
}

/// A policy that makes sense.
#[derive(Clone)]
pub struct Policy {
    spec: PolicySpec,
    pattern: Regex,
    supports: key::Supports,
}

impl Policy {
    /// Refuses what makes no sense.
    pub fn new(spec: PolicySpec) -> Result<Self, PolicyError> {
        let pattern = Regex::new(&spec.pattern).map_err(|error| PolicyError::Pattern(error.to_string()))?;
        let supports = key::validate(spec.kind, &spec.definition)?;
        Ok(Self { spec, pattern, supports })
    }

    /// What it was made from.
    pub fn spec(&self) -> &PolicySpec {
        &self.spec
    }

    /// Whether its pattern is in a name; whether it is for what is called so is another question.
    pub fn matches(&self, name: &str) -> bool {
        // A pattern that gives up (too much backtracking) is in no name.
        self.pattern.is_match(name).unwrap_or(false)
    }

    fn is_for_queue(&self, kind: QueueKind) -> bool {
        self.spec.apply_to.is_for_queue(kind) && self.supports.includes(kind)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.spec.fmt(out)
    }
}

/// The policies of a virtual host.
#[derive(Clone, Debug, Default)]
pub struct Policies(BTreeMap<(PolicyKind, String), Arc<Policy>>);

impl Policies {
    /// Adds one, or replaces that of the same kind and name, which is returned.
    pub fn put(&mut self, policy: Arc<Policy>) -> Option<Arc<Policy>> {
        let PolicySpec { kind, name, .. } = policy.spec();
        self.0.insert((*kind, name.clone()), policy)
    }

    /// Removes one.
    pub fn remove(&mut self, kind: PolicyKind, name: &str) -> Option<Arc<Policy>> {
        self.0.remove(&(kind, name.to_owned()))
    }

    /// One by name.
    pub fn get(&self, kind: PolicyKind, name: &str) -> Option<&Arc<Policy>> {
        self.0.get(&(kind, name.to_owned()))
    }

    /// All: those of users, then those of operators, each by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Policy>> {
        self.0.values()
    }

    /// What applies to a queue.
    pub fn of_queue(&self, name: &str, kind: QueueKind) -> Applied {
        self.best(name, |policy| policy.is_for_queue(kind))
    }

    /// What applies to an exchange.
    pub fn of_exchange(&self, name: &str) -> Applied {
        self.best(name, |policy| policy.spec.apply_to.is_for_exchanges())
    }

    fn best(&self, name: &str, covers: impl Fn(&Policy) -> bool) -> Applied {
        let mut applied = Applied::default();
        for policy in self.iter() {
            let best = applied.of_mut(policy.spec.kind);
            let is_better = best.as_ref().is_none_or(|best| best.precedes(policy));
            // The pattern is what costs, so it is asked last.
            if is_better && covers(policy) && policy.matches(name) {
                *best = Some(policy.clone());
            }
        }
        applied
    }
}

impl Policy {
    /// Whether the other has the higher priority.
    fn precedes(&self, other: &Self) -> bool {
        self.spec.priority.total_cmp(&other.spec.priority) == Ordering::Less
    }
}

#[cfg(test)]
mod tests;
