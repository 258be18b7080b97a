//! Policies and parameters of a document.
//!
//! What RabbitMQ 3.x had for clusters (`ha-mode` and its kind, `queue-master-locator`) means nothing on a single broker,
//! and what its plugin for federation reads nothing without it: both are left out with a line in the log, so that files
//! of such brokers can be used. Anything else that makes no sense is refused with RabbitMQ's text.

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
            report.skip(parameters::without_effect((vhost, component, name)));
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
    let content = without_inert(name, content, report);
    if content.definition.is_empty() && matches!(content, Cow::Owned(_)) {
        return Ok(());
    }
    let policy = content.policy(kind, name).map_err(|error| format!("policy '{name}': {error}"))?;
    vhost.put_policy(recipient.now, policy, recipient.effects);
    Ok(())
}

/// Why a setting means nothing here, if it is one that is left out.
fn inert(key: &str) -> Option<&'static str> {
    match key {
        "queue-master-locator" => Some("cluster"),
        _ if key.starts_with("ha-") => Some("cluster"),
        "federation-upstream-set" | "federation-upstream" | "federation-upstream-pattern" => {
            Some("federation")
        }
        _ => None,
    }
}

fn without_inert<'a>(
    name: &str,
    content: &'a PolicyDocument,
    report: &mut ApplyReport,
) -> Cow<'a, PolicyDocument> {
    if !content.definition.keys().any(|key| inert(key).is_some()) {
        return Cow::Borrowed(content);
    }
    let mut content = content.clone();
    let all = std::mem::take(&mut content.definition);
    let (left_out, kept): (Vec<_>, Vec<(String, Value)>) =
        all.into_iter().partition(|(key, _)| inert(key).is_some());
    for missing in ["cluster", "federation"] {
        let keys = left_out.iter().map(|(key, _)| key.as_str()).filter(|key| inert(key) == Some(missing));
        let keys: Vec<&str> = keys.collect();
        if !keys.is_empty() {
            report.skip(format!(
                "left out of the policy '{name}', as there is no {missing}: {}",
                keys.join(", ")
            ));
        }
    }
    content.definition = kept.into_iter().collect();
    Cow::Owned(content)
}
