//! Limits in JSON, as definitions files, the log and the HTTP API have them: `{"max-connections":10}`.

use leveret_core::model::{Limit, LimitError, UserLimits, VhostLimits};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::policy;

/// Limits by name, of a virtual host or a user.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct LimitsDocument(Map<String, Value>);

impl LimitsDocument {
    /// From JSON, where nothing may be an empty list too: so Erlang wrote an empty object.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(limits) => Ok(Self(limits.clone())),
            Value::Array(list) if list.is_empty() => Ok(Self::default()),
            _ => Err("expected limits by name".to_owned()),
        }
    }

    /// From limits by name.
    pub fn of(limits: impl Iterator<Item = (&'static str, Limit)>) -> Self {
        Self(limits.map(|(name, limit)| (name.to_owned(), limit.0.into())).collect())
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As limits of a virtual host.
    pub fn of_vhost(&self) -> Result<VhostLimits, LimitError> {
        let mut limits = VhostLimits::default();
        self.0.iter().try_for_each(|(name, value)| limits.set(name, Some(&policy::term(value))))?;
        Ok(limits)
    }

    /// As limits of a user.
    pub fn of_user(&self) -> Result<UserLimits, LimitError> {
        let mut limits = UserLimits::default();
        self.0.iter().try_for_each(|(name, value)| limits.set(name, Some(&policy::term(value))))?;
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_come_back_as_they_were_written() {
        let document: LimitsDocument =
            serde_json::from_value(json!({"max-connections": 3, "max-queues": -1})).unwrap();
        let limits = document.of_vhost().unwrap();
        assert_eq!(limits, LimitsDocument::of(limits.iter()).of_vhost().unwrap());
        assert_eq!(limits.max_queues, Some(Limit(-1)));
        let text = document.of_user().unwrap_err().to_string();
        assert_eq!(text, "Unrecognised terms [{<<\"max-queues\">>,-1}] in user-limits");
    }
}
