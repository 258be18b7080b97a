//! What an operator says of a virtual host as a whole.

use crate::model::limit::VhostLimits;
use crate::model::settings::QueueKind;

/// What is said of a virtual host; only its limits and the type of queues change what it does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VhostDetails {
    /// A sentence for people.
    pub description: String,
    /// Words for people and programs.
    pub tags: Vec<String>,
    /// The type of queues whose declaration names none, where that type can be what the declaration asks for. `None`
    /// is nobody's word, and classic.
    pub default_queue_type: Option<QueueKind>,
    /// Whoever asks to delete it is to be refused. That is for those to look at who pass the question on: the rules
    /// delete what they are told to delete.
    pub protected_from_deletion: bool,
    /// How much there may be of what.
    pub limits: VhostLimits,
}
