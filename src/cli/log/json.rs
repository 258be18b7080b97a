//! Lines that are JSON objects, with RabbitMQ's keys: `time`, `level`, `msg`, `domain`, `pid`; then what was said
//! by name, then what is known of the connection. No key comes twice: what is said later is left out.

use std::fmt::Display;

use super::category::{domain, level_name};
use super::date::Date;
use super::fields::Value;
use super::layer::Line;

/// The object, and the end of the line.
pub fn written(line: &Line<'_>) -> String {
    let mut object = Object { text: String::with_capacity(256), names: Vec::new() };
    object.quoted("time", &Date(line.at));
    object.quoted("level", &level_name(line.level));
    object.quoted("msg", &line.fields.message);
    object.quoted("domain", &domain(line.module));
    object.quoted("pid", &format_args!("<0.{}.0>", line.span.id));
    for (name, value) in line.fields.named.iter().chain(&line.span.named) {
        match value {
            Value::Text(text) => object.quoted(name, text),
            Value::Plain(text) => object.plain(name, text),
        }
    }
    object.text.push_str("}\n");
    object.text
}

struct Object<'a> {
    text: String,
    /// Those that it has.
    names: Vec<&'a str>,
}

impl<'a> Object<'a> {
    fn quoted(&mut self, name: &'a str, value: &dyn Display) {
        // `Value`'s own form is text with every escape that JSON asks for.
        self.plain(name, &serde_json::Value::String(value.to_string()).to_string());
    }

    fn plain(&mut self, name: &'a str, value: &str) {
        if self.names.contains(&name) {
            return;
        }
        self.text.push(if self.names.is_empty() { '{' } else { ',' });
        self.names.push(name);
        // Names are Rust's identifiers and need no escape.
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        self.text.push_str(value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use tracing::Level;

    use super::super::fields::Fields;
    use super::super::layer::SpanFields;
    use super::*;

    #[test]
    fn a_line_is_one_object_with_each_key_once() {
        let hostile = "said \"no\"\\\n\u{1}\u{1b}[31m é";
        let fields = Fields {
            message: hostile.to_owned(),
            named: vec![
                ("channel", Value::Plain("3".into())),
                ("peer", Value::Text("of the event".into())),
                ("level", Value::Text("taken already".into())),
            ],
        };
        let span = SpanFields {
            id: 9,
            named: vec![("peer", Value::Text("of the span".into())), ("user", Value::Text("guest".into()))],
        };
        let module = "leveret_core::amqp::channels";
        let written = written(&Line { at: UNIX_EPOCH, level: Level::WARN, module, fields, span: &span });
        assert_eq!(written.matches('\n').count(), 1, "{written}");
        assert_eq!(written.matches("\"level\":").count(), 1, "{written}");
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        let expected = serde_json::json!({
            "time": "1970-01-01 00:00:00.000000+00:00",
            "level": "warning",
            "msg": hostile,
            "domain": "rabbitmq.channel",
            "pid": "<0.9.0>",
            "channel": 3,
            "peer": "of the event",
            "user": "guest",
        });
        assert_eq!(read, expected);
    }
}
