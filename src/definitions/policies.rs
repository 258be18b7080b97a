//! Policies and parameters of a document.
//!
//! What RabbitMQ 3.x had for clusters (`ha-mode` and its kind, `queue-master-locator`) means nothing on a single broker
//! and is left out with a line in the log, so that files of that time can be used; anything else that makes no sense
//! is refused with RabbitMQ's text.

use std::borrow::Cow;

use leveret_core::model::PolicyKind;
use serde_json::Value;

use super::apply::{Reason, Recipient, vhost};
use super::document::{Parameter, Policy};
use super::parameters::{self, LIMITS, OPERATOR_POLICY};
use super::report::ApplyReport;
use super::vhosts;
use crate::policy::PolicyDocument;

/// A policy of users.
pub fn put_policy(
    recipient: &mut Recipient<'_>,
    policy: &Policy,
    report: &mut ApplyReport,
) -> Result<(), Reason> {
    put(recipient, (PolicyKind::User, &policy.vhost, &policy.name), &policy.content, report)
}

/// A parameter of any component.
pub fn put_parameter(
    recipient: &mut Recipient<'_>,
    parameter: &Parameter,
    report: &mut ApplyReport,
) -> Result<(), Reason> {
    let Parameter { component, name, value, vhost } = parameter;
    match component.as_str() {
        OPERATOR_POLICY => {
            let content: PolicyDocument =
                serde_json::from_value(value.clone()).map_err(|error| format!("value: {error}"))?;
            put(recipient, (PolicyKind::Operator, vhost, name), &content, report)
        }
        LIMITS => vhosts::put_limits(recipient.core, parameter),
        _ => {
            self::vhost(recipient.core, vhost)?;
            // One that has gone since is gone with its parameters.
            let _ = parameters::keep(recipient.core, (vhost, component, name), value);
            let what = if parameters::known_component(component) {
                format!("the {component} '{name}' in vhost '{vhost}'")
            } else {
                format!("the parameter '{name}' of '{component}' in vhost '{vhost}', which nobody knows,")
            };
            report.skip(format!("{what} is kept and listed, but nothing here acts on it"));
            Ok(())
        }
    }
}

fn put(
    recipient: &mut Recipient<'_>,
    (kind, vhost_name, name): (PolicyKind, &str, &str),
    content: &PolicyDocument,
    report: &mut ApplyReport,
) -> Result<(), Reason> {
    let vhost = vhost(recipient.core, vhost_name)?;
    let content = without_clusters(name, content, report);
    if content.definition.is_empty() && matches!(content, Cow::Owned(_)) {
        return Ok(());
    }
    let policy = content.policy(kind, name).map_err(|error| format!("policy '{name}': {error}"))?;
    vhost.put_policy(recipient.now, policy, recipient.effects);
    Ok(())
}

fn without_clusters<'a>(
    name: &str,
    content: &'a PolicyDocument,
    report: &mut ApplyReport,
) -> Cow<'a, PolicyDocument> {
    let is_of_clusters = |key: &str| key.starts_with("ha-") || key == "queue-master-locator";
    if !content.definition.keys().any(|key| is_of_clusters(key)) {
        return Cow::Borrowed(content);
    }
    let mut content = content.clone();
    let all = std::mem::take(&mut content.definition);
    let (left_out, kept): (Vec<_>, Vec<(String, Value)>) =
        all.into_iter().partition(|(key, _)| is_of_clusters(key));
    let left_out: Vec<String> = left_out.into_iter().map(|(key, _)| key).collect();
    report.skip(format!("left out of the policy '{name}', as there is no cluster: {}", left_out.join(", ")));
    content.definition = kept.into_iter().collect();
    Cow::Owned(content)
}
