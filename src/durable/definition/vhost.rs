//! A virtual host as the log keeps it.

use leveret_core::model::{QueueKind, VhostDetails};
use serde::{Deserialize, Serialize};

use crate::limits::LimitsDocument;

#[derive(Serialize, Deserialize)]
pub struct StoredVhost {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_queue_type: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    protected_from_deletion: bool,
    #[serde(default, skip_serializing_if = "LimitsDocument::is_empty")]
    limits: LimitsDocument,
}

impl StoredVhost {
    /// What the log is to know of a virtual host.
    pub fn of(details: &VhostDetails) -> Self {
        Self {
            description: details.description.clone(),
            tags: details.tags.clone(),
            default_queue_type: details.default_queue_type.map(|kind| kind.as_str().to_owned()),
            protected_from_deletion: details.protected_from_deletion,
            limits: LimitsDocument::of(details.limits.iter()),
        }
    }

    /// What is said of the virtual host.
    pub fn details(self) -> Result<VhostDetails, String> {
        let kind = |word: String| match word.as_str() {
            "classic" => Ok(QueueKind::Classic),
            "quorum" => Ok(QueueKind::Quorum),
            _ => Err(format!("unknown type of queue {word}")),
        };
        Ok(VhostDetails {
            description: self.description,
            tags: self.tags,
            default_queue_type: self.default_queue_type.map(kind).transpose()?,
            protected_from_deletion: self.protected_from_deletion,
            limits: self.limits.of_vhost().map_err(|error| error.to_string())?,
        })
    }
}
