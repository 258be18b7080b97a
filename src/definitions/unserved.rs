//! What definitions may ask for and this version does not have.
//!
//! Only what would change the broker's behaviour is refused. Names of clusters and empty lists of limits
//! stand in every export and change nothing.

use serde_json::Value;

use super::document::{Document, Parameter};
use super::parameters::{LIMITS, OPERATOR_POLICY};
use super::{DefinitionsError, Source};

/// Global parameters that describe a cluster and change nothing on a single broker.
const WITHOUT_EFFECT: &[&str] =
    &["cluster_name", "cluster_tags", "internal_cluster_id", "imported_definition_hash_value"];

/// Refuses a document that needs what is not served, naming all of it.
pub fn check(source: &Source) -> Result<(), DefinitionsError> {
    let document = &source.document;
    let mut what = Vec::new();
    if document.rabbitmq_definition_format.as_deref() == Some("single_virtual_host") {
        what.push("an export of a single virtual host (export the whole broker instead)".to_owned());
    }
    entities(document, &mut what);
    vhosts(document, &mut what);
    for (at, parameter) in document.global_parameters.iter().enumerate() {
        if WITHOUT_EFFECT.contains(&parameter.name.as_str()) {
            tracing::info!("{}: the global parameter {} has no effect here", source.origin, parameter.name);
        } else if !is_nothing(&parameter.value) {
            what.push(format!("global_parameters[{at}] '{}'", parameter.name));
        }
    }
    if what.is_empty() {
        Ok(())
    } else {
        Err(DefinitionsError::NotServed { origin: source.origin.clone(), what })
    }
}

fn entities(document: &Document, what: &mut Vec<String>) {
    let is_served = |parameter: &Parameter| [OPERATOR_POLICY, LIMITS].contains(&parameter.component.as_str());
    let parameters = document
        .parameters
        .iter()
        .enumerate()
        .filter(|(_, parameter)| !is_nothing(&parameter.value) && !is_served(parameter));
    what.extend(
        parameters.map(|(at, parameter)| {
            format!("parameters[{at}] ({} '{}')", parameter.component, parameter.name)
        }),
    );
}

fn vhosts(document: &Document, what: &mut Vec<String>) {
    for (at, vhost) in document.vhosts.iter().enumerate() {
        if vhost.tracing {
            what.push(format!("vhosts[{at}].tracing (of vhost '{}')", vhost.name));
        }
        let metadata = vhost.metadata.as_ref();
        if let Some(kind @ "stream") = metadata.and_then(|metadata| metadata.default_queue_type.as_deref()) {
            what.push(format!(
                "vhosts[{at}].metadata.default_queue_type '{kind}' (of vhost '{}')",
                vhost.name
            ));
        }
    }
}

/// `{}`, `[]` (how Erlang's JSON wrote an empty object), `null`, or nothing.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
