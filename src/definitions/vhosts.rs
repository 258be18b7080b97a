//! Virtual hosts of a document, and their limits, which stand beside them or among the parameters.

use leveret_core::model::{Broker, QueueKind, VhostDetails};

use super::apply::{Reason, vhost};
use super::document::{self, Metadata, Parameter};
use crate::limits::LimitsDocument;

/// Adds a virtual host; of one that is there what the document says of it is changed.
pub fn put(core: &Broker, row: &document::Vhost) -> Result<(), Reason> {
    let limits = row.limits.as_ref().filter(|limits| !limits.is_empty());
    let limits = limits.map(LimitsDocument::of_vhost).transpose();
    let limits = limits.map_err(|error| format!("vhost '{}': {error}", row.name))?;
    let default = row.metadata.as_ref().map(default_queue_type).transpose()?;
    let vhost = core.add_vhost(&row.name);
    let mut details = VhostDetails::clone(&vhost.details());
    let before = details.clone();
    if let (Some(metadata), Some(default_queue_type)) = (&row.metadata, default) {
        details.description = metadata.description.clone().unwrap_or_default();
        details.tags.clone_from(&metadata.tags);
        details.default_queue_type = default_queue_type;
        details.protected_from_deletion = metadata.protected_from_deletion;
    }
    if let Some(limits) = limits {
        details.limits = limits;
    }
    if let Some(tracing) = row.tracing {
        vhost.set_tracing(tracing);
    }
    if details != before {
        vhost.change_details(|current| *current = details);
    }
    Ok(())
}

fn default_queue_type(metadata: &Metadata) -> Result<Option<QueueKind>, Reason> {
    match metadata.default_queue_type.as_deref() {
        // `undefined` is how RabbitMQ 3.x exported "none".
        None | Some("" | "undefined") => Ok(None),
        Some("classic" | "rabbit_classic_queue") => Ok(Some(QueueKind::Classic)),
        Some("quorum" | "rabbit_quorum_queue") => Ok(Some(QueueKind::Quorum)),
        Some(other) => Err(format!("{other} is not a valid queue type")),
    }
}

/// The limits of a virtual host, instead of those before.
pub fn put_limits(core: &Broker, parameter: &Parameter) -> Result<(), Reason> {
    let vhost = vhost(core, &parameter.vhost)?;
    let document = LimitsDocument::from_value(&parameter.value)?;
    let limits = document.of_vhost().map_err(|error| error.to_string())?;
    vhost.change_details(|details| details.limits = limits);
    Ok(())
}
