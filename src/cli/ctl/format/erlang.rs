//! Erlang terms, a row a line; the reference's pretty printer would break long ones.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::Rows;
use crate::cli::ctl::term::{Term, amqp_type};

/// Writes them.
pub fn write(rows: &Rows, to: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<String> = rows.rows.iter().map(|row| one(&rows.columns, row)).collect();
    writeln!(to, "[{}]", rows.join(",\n "))
}

fn one(columns: &[String], row: &[Term]) -> String {
    let pairs: Vec<String> =
        columns.iter().zip(row).map(|(name, value)| format!("{{{},{}}}", atom(name), term(value))).collect();
    format!("[{}]", pairs.join(","))
}

fn term(of: &Term) -> String {
    match of {
        Term::Plain(Value::Null) => "''".to_owned(),
        Term::Plain(value) => plain(value),
        Term::Atom(name) => atom(name),
        Term::Pid(pid) => pid.clone(),
        Term::Arguments(map) => arguments(map),
        Term::Map(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(name, value)| format!("{} => {}", atom(name), plain(value))).collect();
            format!("#{{{}}}", pairs.join(","))
        }
        Term::List(items) => list(items.iter().map(term)),
        Term::Pairs(pairs) => {
            list(pairs.iter().map(|(name, value)| format!("{{{},{}}}", atom(name), atom(value))))
        }
        Term::Tuple(numbers) => {
            format!("{{{}}}", numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(","))
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => binary(text),
        Value::Array(items) => list(items.iter().map(plain)),
        Value::Object(map) => arguments(map),
        other => other.to_string(),
    }
}

fn arguments(map: &Map<String, Value>) -> String {
    let triple = |(name, value): (&String, &Value)| {
        format!("{{{},{},{}}}", binary(name), amqp_type(value), argument(value))
    };
    list(map.iter().map(triple))
}

fn argument(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            list(items.iter().map(|item| format!("{{{},{}}}", amqp_type(item), argument(item))))
        }
        other => plain(other),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn binary(text: &str) -> String {
    format!("<<{}>>", Value::from(text))
}

/// Without quotes where Erlang needs none.
fn atom(name: &str) -> String {
    let bare = name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|each| each.is_ascii_alphanumeric() || matches!(each, '_' | '@'));
    if bare { name.to_owned() } else { format!("'{name}'") }
}
