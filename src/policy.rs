//! Policies in JSON, as definitions files, the log and the HTTP API have them: `{"pattern","apply-to","priority",
//! "definition"}`.
//!
//! Invariant: what is written here is read here, and comes to an equal policy.

use leveret_core::model::{ApplyTo, Policy, PolicyDefinition, PolicyError, PolicyKind, PolicySpec, Term};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// A policy without its name.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PolicyDocument {
    pub pattern: String,
    /// Files that are older than this key mean everything.
    #[serde(rename = "apply-to", default = "everything")]
    pub apply_to: String,
    #[serde(default = "zero")]
    pub priority: Number,
    pub definition: Map<String, Value>,
}

fn everything() -> String {
    ApplyTo::All.as_str().to_owned()
}

fn zero() -> Number {
    Number::from(0)
}

impl PolicyDocument {
    /// The policy that it describes; refused if that makes no sense.
    pub fn policy(&self, kind: PolicyKind, name: &str) -> Result<Policy, PolicyError> {
        let definition: PolicyDefinition =
            self.definition.iter().map(|(key, value)| (key.clone(), term(value))).collect();
        Policy::new(PolicySpec {
            kind,
            name: name.to_owned(),
            pattern: self.pattern.clone(),
            apply_to: ApplyTo::parse(&self.apply_to)?,
            priority: self.priority.as_f64().unwrap_or_default(),
            definition,
        })
    }

    /// The description of a policy.
    pub fn of(policy: &Policy) -> Self {
        let PolicySpec { pattern, apply_to, priority, definition, .. } = policy.spec();
        Self {
            pattern: pattern.clone(),
            apply_to: apply_to.as_str().to_owned(),
            priority: number(*priority),
            definition: definition.iter().map(|(key, value)| (key.clone(), to_json(value))).collect(),
        }
    }
}

/// A priority is nearly always a whole number, and is written as one then.
fn number(priority: f64) -> Number {
    let text = priority.to_string();
    let whole = text.parse::<i64>().ok().map(Number::from);
    whole.or_else(|| Number::from_f64(priority)).unwrap_or_else(zero)
}

/// What JSON says, as the rules take it. A number too large for them is kept as what it nearly is, and refused where it is used.
pub fn term(value: &Value) -> Term {
    match value {
        Value::Null => Term::Null,
        Value::Bool(value) => Term::Bool(*value),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| Term::Float(number.as_f64().unwrap_or(f64::MAX)), Term::Integer)
        }
        Value::String(text) => Term::Text(text.clone()),
        Value::Array(list) => Term::List(list.iter().map(term).collect()),
        Value::Object(map) => Term::Map(map.iter().map(|(key, value)| (key.clone(), term(value))).collect()),
    }
}

/// What the rules took, as JSON says it.
pub fn to_json(value: &Term) -> Value {
    match value {
        Term::Null => Value::Null,
        Term::Bool(value) => (*value).into(),
        Term::Integer(number) => (*number).into(),
        Term::Float(number) => (*number).into(),
        Term::Text(text) => text.as_str().into(),
        Term::List(list) => list.iter().map(to_json).collect(),
        Term::Map(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), to_json(value))).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_comes_back_as_it_was_written() {
        let whole = json!({"pattern": "^q", "apply-to": "queues", "priority": 7,
                           "definition": {"max-length": 5, "overflow": "reject-publish"}});
        let fraction =
            json!({"pattern": "", "apply-to": "all", "priority": 1.5, "definition": {"expires": 1}});
        for value in [whole, fraction] {
            let document: PolicyDocument = serde_json::from_value(value.clone()).unwrap();
            let policy = document.policy(PolicyKind::User, "p").unwrap();
            assert_eq!(serde_json::to_value(PolicyDocument::of(&policy)).unwrap(), value);
        }
    }

    #[test]
    fn a_policy_is_for_everything_and_of_priority_zero_unless_it_says_otherwise() {
        let value = json!({"pattern": "^q", "definition": {"max-length": 5}});
        let document: PolicyDocument = serde_json::from_value(value).unwrap();
        let policy = document.policy(PolicyKind::Operator, "p").unwrap();
        assert_eq!((policy.spec().apply_to, policy.spec().priority), (ApplyTo::All, 0.0));
    }

    #[test]
    fn a_number_that_is_too_large_is_refused_and_not_cut() {
        let value = json!({"pattern": "", "definition": {"max-length": 1e30}});
        let document: PolicyDocument = serde_json::from_value(value).unwrap();
        let text = document.policy(PolicyKind::User, "p").unwrap_err().to_string();
        assert_eq!(text, "1e30 is not a valid maximum length");
    }
}
