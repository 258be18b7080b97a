//! Lines of text, as RabbitMQ writes them: `2026-11-21 12:34:56.123456+00:00 [info] <0.7.0> a sentence`.
//!
//! What is said by name follows the sentence, as `name=value`. A text of several lines has the same beginning on
//! each of them, and no other character of control gets through: nobody forges a line by what he calls himself.

use std::fmt::Write as _;

use tracing::Level;

use super::category::level_name;
use super::date::Date;
use super::fields::Value;
use super::layer::Line;

/// RabbitMQ's colours, and the end of one.
const GREY: &str = "\x1b[38;5;246m";
const ORANGE: &str = "\x1b[38;5;214m";
const RED: &str = "\x1b[38;5;160m";
const END: &str = "\x1b[0m";

/// The line, or lines, with the end of the last.
pub fn written(line: &Line<'_>, coloured: bool) -> String {
    let (begin, end) = match line.level {
        _ if !coloured => ("", ""),
        Level::TRACE | Level::DEBUG => (GREY, END),
        Level::INFO => ("", ""),
        Level::WARN => (ORANGE, END),
        Level::ERROR => (RED, END),
    };
    let head = format!("{begin}{} [{}] <0.{}.0> ", Date(line.at), level_name(line.level), line.span.id);
    let body = body(line);
    let mut written = String::with_capacity(head.len() + body.len() + end.len() + 1);
    for text in body.split('\n') {
        written.push_str(&head);
        push_printable(&mut written, text);
        written.push_str(end);
        written.push('\n');
    }
    written
}

/// The sentence, and what is said by name.
fn body(line: &Line<'_>) -> String {
    let mut body = line.fields.message.clone();
    for (name, value) in &line.fields.named {
        if !body.is_empty() {
            body.push(' ');
        }
        // Writing to a string does not fail.
        let _ = match value {
            Value::Text(text) if text.is_empty() || text.contains(needs_quotes) => {
                write!(body, "{name}={text:?}")
            }
            Value::Text(text) | Value::Plain(text) => write!(body, "{name}={text}"),
        };
    }
    body
}

fn needs_quotes(char: char) -> bool {
    char.is_whitespace() || char.is_control() || char == '"'
}

fn push_printable(written: &mut String, text: &str) {
    for char in text.chars() {
        if char.is_control() && char != '\t' {
            written.extend(char.escape_default());
        } else {
            written.push(char);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::fields::Fields;
    use super::super::layer::SpanFields;
    use super::*;

    fn line(level: Level, message: &str, named: Vec<(&'static str, Value)>, coloured: bool) -> String {
        let fields = Fields { message: message.to_owned(), named };
        let span = SpanFields { id: 7, named: Vec::new() };
        written(&Line { at: UNIX_EPOCH, level, module: "leveret", fields, span: &span }, coloured)
    }

    #[test]
    fn a_line_is_as_rabbitmq_writes_it() {
        let plain = line(Level::INFO, "a sentence", Vec::new(), true);
        assert_eq!(plain, "1970-01-01 00:00:00.000000+00:00 [info] <0.7.0> a sentence\n");
        let coloured = line(Level::WARN, "look", Vec::new(), true);
        assert_eq!(
            coloured,
            "\x1b[38;5;214m1970-01-01 00:00:00.000000+00:00 [warning] <0.7.0> look\x1b[0m\n"
        );
    }

    #[test]
    fn what_is_said_by_name_has_quotes_where_it_needs_them() {
        let named = vec![
            ("channel", Value::Plain("1".into())),
            ("file", Value::Text("/a".into())),
            ("why", Value::Text("it \"is\"\nso".into())),
        ];
        let written = line(Level::ERROR, "stopped", named, false);
        assert!(
            written.ends_with("[error] <0.7.0> stopped channel=1 file=/a why=\"it \\\"is\\\"\\nso\"\n"),
            "{written}"
        );
    }

    #[test]
    fn no_one_forges_a_line() {
        let written = line(Level::INFO, "one\n2026 [error] two\x1b[31m\r", Vec::new(), false);
        let lines: Vec<&str> = written.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(
            lines.iter().all(|line| line.starts_with("1970-01-01 00:00:00.000000+00:00 [info] <0.7.0> "))
        );
        assert!(lines[1].ends_with("two\\u{1b}[31m\\r"), "{written:?}");
    }
}
