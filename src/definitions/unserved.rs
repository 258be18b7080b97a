//! What definitions may ask for and this version does not have: all of it, by place and name, before anything is created.
//!
//! Only what would change the broker's behaviour is refused. Names of clusters, parameters of plugins and empty lists
//! stand in exports and change nothing that clients see.

use leveret_core::model::ExchangeKind;

use super::document::{Document, Queue};
use super::{DefinitionsError, Source};

/// Refuses a document that needs what is not served, naming all of it.
pub fn check(source: &Source) -> Result<(), DefinitionsError> {
    let what = of(&source.document);
    if what.is_empty() {
        Ok(())
    } else {
        Err(DefinitionsError::NotServed { origin: source.origin.clone(), what })
    }
}

/// What of a document is not served.
pub fn of(document: &Document) -> Vec<String> {
    let mut what = Vec::new();
    vhosts(document, &mut what);
    for (at, queue) in document.queues.iter().enumerate() {
        if let Some(kind @ "stream") = kind(queue) {
            what.push(format!("queues[{at}] ('{}' of type {kind} in vhost '{}')", queue.name, queue.vhost));
        }
    }
    for (at, exchange) in document.exchanges.iter().enumerate() {
        let (name, kind, vhost) = (&exchange.name, &exchange.kind, &exchange.vhost);
        if ExchangeKind::parse(kind).is_none() && !name.starts_with("amq.") {
            what.push(format!("exchanges[{at}] ('{name}' of type {kind} in vhost '{vhost}')"));
        }
    }
    what
}

fn kind(queue: &Queue) -> Option<&str> {
    let argument = queue.arguments.get("x-queue-type").and_then(|kind| kind.as_str());
    let kind = argument.or(queue.kind.as_deref())?;
    Some(kind.strip_prefix("rabbit_").and_then(|rest| rest.strip_suffix("_queue")).unwrap_or(kind))
}

fn vhosts(document: &Document, what: &mut Vec<String>) {
    for (at, vhost) in document.vhosts.iter().enumerate() {
        let metadata = vhost.metadata.as_ref();
        if let Some(kind @ "stream") = metadata.and_then(|metadata| metadata.default_queue_type.as_deref()) {
            what.push(format!(
                "vhosts[{at}].metadata.default_queue_type '{kind}' (of vhost '{}')",
                vhost.name
            ));
        }
    }
}
