//! JSON as the reference writes it: an array with an object a line, the commas in front.
//!
//! A table of arguments is a list of triples, name, type and value, since that is what an AMQP table is to Erlang.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::Rows;
use crate::cli::ctl::term::{Term, amqp_type};

/// Writes them.
pub fn write(rows: &Rows, to: &mut dyn Write) -> io::Result<()> {
    if rows.rows.is_empty() && !rows.streamed {
        return writeln!(to, "[]");
    }
    writeln!(to, "[")?;
    for (at, row) in rows.rows.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        // By hand, since the columns have an order and an object of a library may not.
        let pairs: Vec<String> = (rows.columns.iter().zip(row))
            .map(|(name, term)| format!("{}:{}", Value::from(name.as_str()), value(term)))
            .collect();
        writeln!(to, "{comma}{{{}}}", pairs.join(","))?;
    }
    writeln!(to, "]")
}

fn value(term: &Term) -> Value {
    match term {
        // What there is not is an empty string to the reference.
        Term::Plain(Value::Null) => Value::from(""),
        Term::Plain(value) => value.clone(),
        Term::Atom(name) => Value::from(name.as_str()),
        Term::Pid(pid) => Value::from(format!("Pid(#PID{pid})")),
        Term::Arguments(map) => arguments(map),
        Term::Map(map) => Value::Object(map.clone()),
        Term::List(items) => items.iter().map(value).collect(),
        Term::Pairs(pairs) => {
            pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
        }
        Term::Tuple(numbers) => numbers.iter().copied().map(Value::from).collect(),
    }
}

fn arguments(map: &Map<String, Value>) -> Value {
    let triple = |(name, value): (&String, &Value)| {
        Value::Array(vec![Value::from(name.as_str()), Value::from(amqp_type(value)), argument(value)])
    };
    map.iter().map(triple).collect()
}

fn argument(value: &Value) -> Value {
    match value {
        Value::Object(map) => arguments(map),
        Value::Array(items) => {
            let typed = |item: &Value| Value::Array(vec![Value::from(amqp_type(item)), argument(item)]);
            items.iter().map(typed).collect()
        }
        other => other.clone(),
    }
}
