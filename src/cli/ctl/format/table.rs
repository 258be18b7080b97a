//! Values between tabs: what scripts cut into fields.

use std::io::{self, Write};

use serde_json::{Map, Value};

use super::Rows;
use crate::cli::ctl::term::{Term, text};

/// Writes them; an empty listing has no header, and a blank line where the reference has one.
pub fn write(rows: &Rows, headers: bool, to: &mut dyn Write) -> io::Result<()> {
    if rows.rows.is_empty() {
        return if rows.streamed { Ok(()) } else { writeln!(to) };
    }
    if headers {
        writeln!(to, "{}", rows.columns.join("\t"))?;
    }
    for row in &rows.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        writeln!(to, "{}", cells.join("\t"))?;
    }
    Ok(())
}

/// One value as people read it.
pub fn cell(term: &Term) -> String {
    match term {
        Term::Plain(value) => plain(value),
        Term::Atom(name) | Term::Pid(name) => name.clone(),
        Term::Arguments(map) => arguments(map),
        Term::Map(map) => {
            let pairs: Vec<String> =
                map.iter().map(|(name, value)| format!("{name} => {}", plain(value))).collect();
            format!("#{{{}}}", pairs.join(", "))
        }
        Term::List(items) => format!("[{}]", items.iter().map(cell).collect::<Vec<_>>().join(", ")),
        Term::Pairs(pairs) => {
            let pairs: Vec<String> =
                pairs.iter().map(|(name, value)| format!("{{{name}, {value}}}")).collect();
            format!("[{}]", pairs.join(", "))
        }
        // An address has four numbers, a version three.
        Term::Tuple(numbers) if numbers.len() == 4 => joined(numbers, "."),
        Term::Tuple(numbers) => format!("{{{}}}", joined(numbers, ",")),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")),
        other => text(other),
    }
}

fn joined(numbers: &[u64], between: &str) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(between)
}

fn arguments(map: &Map<String, Value>) -> String {
    let pairs: Vec<String> =
        map.iter().map(|(name, value)| format!("{{\"{name}\",{}}}", argument(value))).collect();
    format!("[{}]", pairs.join(","))
}

fn argument(value: &Value) -> String {
    match value {
        Value::Object(map) => arguments(map),
        Value::Array(items) => format!("[{}]", items.iter().map(argument).collect::<Vec<_>>().join(",")),
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}
