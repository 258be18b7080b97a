//! The parameters of endpoints in words: those of paths, of queries, and the one header.
//!
//! Invariant: every parameter that an endpoint has is described here, once.

use serde_json::{Value, json};

/// A parameter: its name, the schema of it, what it is.
type Described = (&'static str, Kind, &'static str);

/// What a parameter can be.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Text,
    /// Text that is usually this.
    Like(&'static str),
    /// Text with this shape, such as the other.
    Shaped(&'static str, &'static str),
    /// One of these.
    Words(&'static [&'static str]),
    Flag,
    /// A whole number that is no less, and no more.
    Number(u32, u32),
}

impl Kind {
    fn schema(self) -> Value {
        match self {
            Self::Text => json!({"type": "string"}),
            Self::Like(usual) => json!({"type": "string", "examples": [usual]}),
            Self::Shaped(pattern, usual) => {
                json!({"type": "string", "pattern": pattern, "examples": [usual]})
            }
            Self::Words(words) => json!({"type": "string", "enum": words}),
            Self::Flag => json!({"type": "boolean"}),
            Self::Number(least, most) => json!({"type": "integer", "minimum": least, "maximum": most}),
        }
    }
}

const IN_PATH: &[Described] = &[
    ("vhost", Kind::Like("/"), "A virtual host; `/` is written `%2F`."),
    ("queue", Kind::Text, "A queue."),
    ("exchange", Kind::Like("amq.topic"), "An exchange; `amq.default`, or nothing, is the default one."),
    ("destination", Kind::Like("amq.fanout"), "The exchange that a binding leads to."),
    ("properties", Kind::Like("~"), "The `properties_key` of a binding."),
    ("user", Kind::Text, "A user."),
    ("node", Kind::Like("leveret@localhost"), "The broker's name, as `/api/overview` tells it."),
    ("name", Kind::Text, "A name, of what the path says."),
    ("connection", Kind::Text, "The name of a connection."),
    ("channel", Kind::Text, "The name of a channel."),
    ("component", Kind::Like("operator_policy"), "A component that has parameters."),
    ("port", Kind::Number(0, 65535), "A port."),
    ("protocols", Kind::Like("amqp"), "Protocols, with commas between them."),
    ("within", Kind::Number(0, u32::MAX), "How many."),
    ("unit", Kind::Words(&["days", "weeks", "months", "years"]), "Of what."),
    ("pattern", Kind::Text, "A regular expression."),
    ("password", Kind::Text, "A password."),
];

const IN_QUERY: &[Described] = &[
    ("columns", Kind::Like("name"), "Only these keys, with commas between them; a dot leads into an object."),
    ("sort", Kind::Like("name"), "The key to sort by; a dot leads into an object."),
    ("sort_reverse", Kind::Flag, "Sorts the other way round."),
    ("page", Kind::Number(1, i32::MAX as u32), "Only this page, from 1 on."),
    ("page_size", Kind::Number(1, 500), "How many rows a page has: 100 unless said."),
    ("name", Kind::Text, "With a page: only what has this in its name."),
    ("use_regex", Kind::Flag, "With a name: it is a regular expression."),
    ("disable_stats", Kind::Flag, "Leaves out what is counted."),
    (
        "enable_queue_totals",
        Kind::Flag,
        "With `disable_stats`: tells how many messages there are nevertheless.",
    ),
    ("if-empty", Kind::Flag, "Only if it has no messages."),
    ("if-unused", Kind::Flag, "Only if nobody uses it."),
    ("memory", Kind::Flag, "Tells what memory is used for."),
    ("binary", Kind::Flag, "Tells what memory bodies of messages take."),
    ("download", Kind::Shaped("^[ -~]*$", "definitions.json"), "A browser saves it as a file of this name."),
    ("lengths_age", Kind::Number(1, u32::MAX), "Samples of depths of queues: how many seconds back."),
    ("lengths_incr", Kind::Number(1, u32::MAX), "In steps of how many seconds."),
    ("msg_rates_age", Kind::Number(1, u32::MAX), "Samples of messages: how many seconds back."),
    ("msg_rates_incr", Kind::Number(1, u32::MAX), "In steps of how many seconds."),
    ("data_rates_age", Kind::Number(1, u32::MAX), "Samples of bytes: how many seconds back."),
    ("data_rates_incr", Kind::Number(1, u32::MAX), "In steps of how many seconds."),
    ("node_stats_age", Kind::Number(1, u32::MAX), "Samples of the node: how many seconds back."),
    ("node_stats_incr", Kind::Number(1, u32::MAX), "In steps of how many seconds."),
    ("state", Kind::Words(&["ready", "unacked", "all"]), "Messages that wait, that clients hold, or both."),
    ("limit", Kind::Number(0, 1000), "How many messages, at most: 50 unless said."),
    ("offset", Kind::Number(0, u32::MAX), "How many messages are skipped."),
    (
        "after",
        Kind::Shaped("^[0-9]{1,18}-[0-9]{1,18}$", "0-0"),
        "What an answer had as `next`: goes on there.",
    ),
    ("payload", Kind::Flag, "`false` leaves out payloads."),
    ("truncate", Kind::Number(0, u32::MAX), "How many bytes of a payload are shown: 50,000 unless said."),
    ("header", Kind::Shaped("^[^:]+:", "name:value"), "Only messages with this header."),
    ("routing_key", Kind::Like("orders.*"), "Only with such a key: `*` stands for any letters, `?` for one."),
    ("older_than", Kind::Number(0, u32::MAX), "Only those that have waited for so many seconds."),
];

const IN_HEADERS: &[Described] = &[("X-Reason", Kind::Text, "What the client is told.")];

fn described(place: &str, from: &[Described], name: &str) -> Option<Value> {
    let (name, kind, description) = from.iter().find(|(known, ..)| *known == name)?;
    let required = place == "path";
    Some(json!({
        "name": name, "in": place, "required": required, "description": description, "schema": kind.schema(),
    }))
}

/// A parameter of a path.
pub fn in_path(name: &str) -> Option<Value> {
    described("path", IN_PATH, name)
}

/// A parameter of a query, or a header.
pub fn asked(name: &str) -> Option<Value> {
    described("query", IN_QUERY, name).or_else(|| described("header", IN_HEADERS, name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::route::{Row, rows};

    fn names(from: &[Described]) -> BTreeSet<&'static str> {
        from.iter().map(|(name, ..)| *name).collect()
    }

    #[test]
    fn every_parameter_is_described_and_all_that_are_described_are_somewhere() {
        let in_paths = |row: &Row| row.segments().filter_map(|segment| segment.strip_prefix(':')).collect();
        let paths: BTreeSet<&str> = rows().flat_map(|row| -> Vec<_> { in_paths(row) }).collect();
        assert_eq!(paths, names(IN_PATH));
        let asked: BTreeSet<&str> = rows().flat_map(Row::parameters).collect();
        assert_eq!(asked, &names(IN_QUERY) | &names(IN_HEADERS));
    }
}
