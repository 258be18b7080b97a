//! How the Python script shows lists: objects in objects become columns, as deep as was asked for.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The columns that come first, in this order; the others follow by name.
const FIRST: [&str; 7] =
    ["vhost", "name", "type", "source", "destination", "destination_type", "routing_key"];

/// What of the answer is shown, and how.
pub struct Sheet<'a> {
    /// The columns that were asked for; none: all.
    pub columns: Vec<String>,
    /// How deep objects in objects are columns, if all are shown.
    pub depth: usize,
    /// Fields that are shown as JSON.
    pub json: &'a [&'a str],
    /// Whether what is not the answer itself is said.
    pub verbose: bool,
}

impl Sheet<'_> {
    /// The answer in the form `format`; nothing if there is no such form.
    pub fn show(&self, format: &str, answer: &Value) -> Option<String> {
        let items: &[Value] = match answer {
            Value::Array(items) => items,
            one => std::slice::from_ref(one),
        };
        match format {
            "raw_json" => return Some(answer.to_string()),
            "pretty_json" => return serde_json::to_string_pretty(answer).ok(),
            "tsv" | "long" | "table" | "kvp" | "bash" => {}
            _ => return None,
        }
        let (columns, rows) = self.table(items);
        if rows.is_empty() {
            return Some(if self.verbose { "No items".to_owned() } else { String::new() });
        }
        Some(match format {
            "tsv" => tsv(&columns, &rows, self.verbose),
            "long" => long(&columns, &rows),
            "kvp" => pairs(&columns, &rows),
            "bash" => names(&columns, &rows),
            _ => drawn(&columns, &rows),
        })
    }

    fn table(&self, items: &[Value]) -> (Vec<String>, Vec<Vec<String>>) {
        let depth = if self.columns.is_empty() { self.depth } else { usize::MAX };
        let flat: Vec<Vec<(String, String)>> = (items.iter().filter_map(Value::as_object))
            .map(|item| {
                let mut cells = Vec::new();
                self.flatten("", item, depth, &mut cells);
                cells
            })
            .collect();
        let mut columns = self.columns.clone();
        if columns.is_empty() {
            let rank = |name: &String| FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len());
            columns = flat.iter().flatten().map(|(name, _)| name.clone()).collect();
            columns.sort_by(|one, other| rank(one).cmp(&rank(other)).then_with(|| one.cmp(other)));
            columns.dedup();
        }
        let cell = |cells: &[(String, String)], column: &String| {
            cells.iter().find(|(name, _)| name == column).map(|(_, cell)| cell.clone()).unwrap_or_default()
        };
        let rows =
            flat.iter().map(|cells| columns.iter().map(|column| cell(cells, column)).collect()).collect();
        (columns, rows)
    }

    fn flatten(
        &self,
        prefix: &str,
        item: &Map<String, Value>,
        depth: usize,
        cells: &mut Vec<(String, String)>,
    ) {
        for (key, value) in item {
            let column = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
            match value {
                Value::Object(_) if self.json.contains(&key.as_str()) => {
                    cells.push((column, python_json(value)));
                }
                Value::Object(inner) if 1 < depth => {
                    self.flatten(&column, inner, depth.saturating_sub(1), cells);
                }
                Value::Object(_) => {}
                other => cells.push((column, python(other))),
            }
        }
    }
}

/// As Python prints it.
fn python(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.map_or_else(|| python_json(value), |texts| texts.join(" "))
        }
        other => other.to_string(),
    }
}

/// With a blank behind every comma and colon.
fn python_json(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let pairs: Vec<String> = (map.iter())
                .map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), python_json(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(python_json).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

fn tsv(columns: &[String], rows: &[Vec<String>], headers: bool) -> String {
    let head = headers.then(|| columns.join("\t"));
    head.into_iter().chain(rows.iter().map(|row| row.join("\t"))).collect::<Vec<_>>().join("\n")
}

fn long(columns: &[String], rows: &[Vec<String>]) -> String {
    let line = format!("\n{}\n", "-".repeat(80));
    let width = columns.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let mut text = line.clone();
    for row in rows {
        for (name, cell) in columns.iter().zip(row) {
            let _ = write!(text, "\n{name:>width$}: {cell}");
        }
        let _ = write!(text, "\n{line}");
    }
    text
}

fn pairs(columns: &[String], rows: &[Vec<String>]) -> String {
    let line = |row: &Vec<String>| {
        columns.iter().zip(row).map(|(name, cell)| format!("{name}=\"{cell}\"")).collect::<Vec<_>>().join(" ")
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn names(columns: &[String], rows: &[Vec<String>]) -> String {
    let at = columns.iter().position(|name| name == "name");
    at.map(|at| rows.iter().filter_map(|row| row.get(at).cloned()).collect::<Vec<_>>().join(" "))
        .unwrap_or_default()
}

fn drawn(columns: &[String], rows: &[Vec<String>]) -> String {
    let count = |text: &String| text.chars().count();
    let widths: Vec<usize> = (columns.iter().enumerate())
        .map(|(at, name)| rows.iter().filter_map(|row| row.get(at)).map(count).fold(count(name), usize::max))
        .collect();
    let bar: String = widths.iter().map(|width| "-".repeat(width + 2) + "+").collect();
    let bar = format!("+{bar}");
    let line = |cells: &[String], centred: bool| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| {
            // Python's own centring puts the odd blank behind.
            if centred { format!(" {cell:^width$} |") } else { format!(" {cell:<width$} |") }
        });
        format!("|{}", cells.collect::<String>())
    };
    let mut lines = vec![bar.clone(), line(columns, true), bar.clone()];
    lines.extend(rows.iter().map(|row| line(row, false)));
    lines.push(bar);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sheet(columns: &[&str]) -> Sheet<'static> {
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        Sheet { columns, depth: 1, json: &["definition"], verbose: true }
    }

    #[test]
    fn a_table_is_drawn_with_centred_names() {
        let answer = json!([{ "name": "q", "messages": 10, "durable": true }]);
        let drawn = "+------+----------+---------+\n\
                     | name | messages | durable |\n\
                     +------+----------+---------+\n\
                     | q    | 10       | True    |\n\
                     +------+----------+---------+";
        assert_eq!(sheet(&["name", "messages", "durable"]).show("table", &answer).unwrap(), drawn);
    }

    #[test]
    fn what_is_inside_is_a_column_only_if_asked_for_or_said_as_json() {
        let answer = json!([{ "zone": 1, "vhost": "/", "deep": { "x": 2 }, "definition": { "a": 1 }, "tags": ["a", "b"] }]);
        assert_eq!(
            sheet(&[]).show("kvp", &answer).unwrap(),
            "vhost=\"/\" definition=\"{\"a\": 1}\" tags=\"a b\" zone=\"1\""
        );
        assert_eq!(sheet(&["deep.x"]).show("tsv", &answer).unwrap(), "deep.x\n2");
        assert_eq!(sheet(&[]).show("table", &json!([])).unwrap(), "No items");
        assert_eq!(sheet(&[]).show("nosuch", &answer), None);
    }
}
