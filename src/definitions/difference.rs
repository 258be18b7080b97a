//! Where a queue or an exchange that is there is not what a file says.
//!
//! Invariant: something that a file got from an export of this broker does not differ from it. The type of a queue is
//! compared as such, wherever the file says it; where it says none, any will do.

use leveret_core::model::{ExchangeSpec, QueueFacts};
use serde_json::Value;

use super::document::{Arguments, Exchange, Queue};
use super::table;

const QUEUE_TYPE: &str = "x-queue-type";

/// A line for each difference.
pub fn of_queue(row: &Queue, current: &QueueFacts) -> Vec<String> {
    let mut lines = Lines::new(format!("queue '{}' in vhost '{}'", row.name, row.vhost));
    let kind = current.traits.kind.as_str();
    let asked = row.kind.as_deref().or_else(|| row.arguments.get(QUEUE_TYPE)?.as_str());
    if let Some(asked) = asked.filter(|asked| !is_of_type(asked, kind)) {
        lines.compare(QUEUE_TYPE, Some(&kind.into()), Some(&asked.into()));
    }
    lines.compare("durable", Some(&current.durable.into()), Some(&row.durable.into()));
    lines.compare("auto_delete", Some(&current.auto_delete.into()), Some(&row.auto_delete.into()));
    lines.compare("exclusive", Some(&current.owner.is_some().into()), Some(&false.into()));
    lines.arguments(&table::to_json(current.arguments.as_ref()), &row.arguments);
    lines.found
}

/// A line for each difference.
pub fn of_exchange(row: &Exchange, current: &ExchangeSpec) -> Vec<String> {
    let mut lines = Lines::new(format!("exchange '{}' in vhost '{}'", row.name, row.vhost));
    lines.compare("type", Some(&current.kind.as_str().into()), Some(&row.kind.as_str().into()));
    lines.compare("durable", Some(&current.durable.into()), Some(&row.durable.into()));
    lines.compare("auto_delete", Some(&current.auto_delete.into()), Some(&row.auto_delete.into()));
    lines.compare("internal", Some(&current.internal.into()), Some(&row.internal.into()));
    lines.arguments(&table::to_json(current.arguments.as_ref()), &row.arguments);
    lines.found
}

/// RabbitMQ's module names the same type.
fn is_of_type(asked: &str, kind: &str) -> bool {
    asked == kind || asked.strip_prefix("rabbit_").and_then(|rest| rest.strip_suffix("_queue")) == Some(kind)
}

struct Lines {
    what: String,
    found: Vec<String>,
}

impl Lines {
    fn new(what: String) -> Self {
        Self { what, found: Vec::new() }
    }

    fn compare(&mut self, key: &str, current: Option<&Value>, asked: Option<&Value>) {
        let what = &self.what;
        match (current, asked) {
            (Some(current), Some(asked)) if current != asked => {
                self.found.push(format!("{what}: {key} is {current}, the file says {asked}"));
            }
            (Some(current), None) => {
                self.found.push(format!("{what}: {key} is {current}, the file says nothing of it"));
            }
            (None, Some(asked)) => {
                self.found.push(format!("{what}: {key} is not set, the file says {asked}"));
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    fn arguments(&mut self, current: &Arguments, asked: &Arguments) {
        let mut keys: Vec<&String> = current.keys().chain(asked.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys.into_iter().filter(|key| *key != QUEUE_TYPE) {
            self.compare(key, current.get(key), asked.get(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use leveret_core::model::ExchangeKind;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_property_and_argument_is_compared() {
        let arguments = table::of(json!({"same": 1, "other": "a", "only-here": [1]}).as_object().unwrap());
        let current = ExchangeSpec {
            name: "x".to_owned(),
            kind: ExchangeKind::Topic,
            durable: true,
            auto_delete: false,
            internal: true,
            arguments: arguments.unwrap(),
            holder: None,
        };
        let row = |value: Value| serde_json::from_value::<Exchange>(value).unwrap();
        let asked =
            row(json!({"name": "x", "vhost": "/", "type": "direct", "durable": false, "auto_delete": true,
                           "arguments": {"same": 1, "other": "b", "only-asked": {}}}));
        let expected = [
            "type is \"topic\", the file says \"direct\"",
            "durable is true, the file says false",
            "auto_delete is false, the file says true",
            "internal is true, the file says false",
            "only-asked is not set, the file says {}",
            "only-here is [1], the file says nothing of it",
            "other is \"a\", the file says \"b\"",
        ];
        let expected = expected.map(|line| format!("exchange 'x' in vhost '/': {line}"));
        assert_eq!(of_exchange(&asked, &current), expected);
        let same = row(json!({"name": "x", "vhost": "/", "type": "topic", "internal": true,
                              "arguments": {"same": 1, "other": "a", "only-here": [1]}}));
        assert_eq!(of_exchange(&same, &current), [""; 0]);
    }
}
