//! Answers without what differs between two runs of one broker: names of nodes, ports, times, sizes of processes,
//! and the widths of columns that follow from them.

use std::collections::BTreeMap;

use fancy_regex::Regex;
use serde_json::Value;

use super::commands::Part;

/// In the name of everything that the suite makes.
pub const OURS: &str = "interop.admin";

/// What stands for whatever is measured.
const MEASURED: &str = "~";

/// Columns and keys that tell of the machine, the moment or the version, not of what was asked for.
const MEASUREMENTS: &str = include_str!("../../admin/measurements.txt");

/// Names of nodes, and of clusters that are called after one; not the host behind a password.
pub const NODE: &str = r"(?<![\w:./@-])[A-Za-z][\w-]*@[\w-]+(\.[\w-]+)*";

/// In this order; what one has replaced the next does not see.
const PATTERNS: &[(&str, &str)] = &[
    (NODE, "NODE"),
    (r"127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+", "CONNECTION"),
    (r"127\.0\.0\.1(:\d+| \d+)", "ADDRESS"),
    (r"\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z|\+00:00)?", "TIME"),
    // What tells bindings apart that differ in their arguments; its making is the broker's own.
    (r"~[\w-]{6}(?![\w-])", "~ARGUMENTS"),
    (r"amq\.gen-[\w-]{22}", "amq.gen-RANDOM"),
    (r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{48}(?![A-Za-z0-9+/=])|[A-Za-z0-9+/]{90,91}={0,2}", "HASH"),
];

/// Makes answers neutral.
pub struct Neutral {
    patterns: Vec<(Regex, &'static str)>,
}

impl Neutral {
    /// With all patterns.
    pub fn new() -> Result<Self, String> {
        let compile = |(pattern, with): &(&str, &'static str)| {
            Regex::new(pattern).map(|regex| (regex, *with)).map_err(|wrong| wrong.to_string())
        };
        Ok(Self { patterns: PATTERNS.iter().map(compile).collect::<Result<_, _>>()? })
    }

    /// The answer as it is recorded.
    pub fn answer(&self, raw: &str, part: Part) -> String {
        let text = self
            .patterns
            .iter()
            .fold(raw.to_owned(), |text, (regex, with)| regex.replace_all(&text, *with).into_owned());
        if let Ok(document @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(&text) {
            return format!("{:#}\n", settled(document));
        }
        let mut lines = Vec::new();
        let mut table = Table::default();
        for line in text.lines() {
            if let Some(line) = table_line(line) {
                table.push(line);
                continue;
            }
            table.end(part, &mut lines);
            if part != Part::Ours || line.contains(OURS) {
                lines.push(settled_line(line));
            }
        }
        table.end(part, &mut lines);
        lines.push(String::new());
        lines.join("\n")
    }
}

/// A document in a line is laid out; the script says more behind it, without an end of the line.
fn settled_line(line: &str) -> String {
    let mut documents = serde_json::Deserializer::from_str(line).into_iter::<Value>();
    match documents.next() {
        Some(Ok(document @ (Value::Object(_) | Value::Array(_)))) => {
            let rest = line.get(documents.byte_offset()..).unwrap_or_default();
            format!("{:#}\n{rest}", settled(document)).trim_end().to_owned()
        }
        _ => line.trim_end().to_owned(),
    }
}

/// The same for a cell, in its line.
fn settled_cell(cell: &str) -> Option<String> {
    match serde_json::from_str(cell) {
        Ok(document @ Value::Object(_)) => Some(settled(document).to_string()),
        _ => None,
    }
}

fn is_measured(name: &str) -> bool {
    MEASUREMENTS.lines().any(|measured| measured == name)
}

/// Without measurements; keys and elements of arrays of objects in order.
fn settled(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<String, Value> = fields.into_iter().collect();
            let settle = |(name, value): (String, Value)| {
                let value = if is_measured(&name) { MEASURED.into() } else { settled(value) };
                (name, value)
            };
            Value::Object(sorted.into_iter().map(settle).collect())
        }
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements.into_iter().map(settled).collect();
            if elements.iter().any(Value::is_object) {
                elements.sort_by_cached_key(Value::to_string);
            }
            Value::Array(elements)
        }
        other => other,
    }
}

/// A line of a table.
enum Line {
    /// Between the head and the rows, or around them; as wide as what is between them, so it says nothing.
    Rule,
    /// Its cells; whether it may be the rest of the row before it, whose cells have several lines.
    Row { cells: Vec<String>, may_go_on: bool },
}

fn table_line(line: &str) -> Option<Line> {
    let line = line.trim();
    let is_rule =
        3 < line.chars().count() && line.chars().all(|character| "+-|─┬┼┴╭╮├┤╰╯".contains(character));
    if is_rule && !line.chars().all(|character| character == '-') {
        return Some(Line::Rule);
    }
    let bar = ['|', '│'].into_iter().find(|&bar| line.starts_with(bar))?;
    let inside = line.strip_prefix(bar)?.strip_suffix(bar)?;
    let cells = inside.split(bar).map(|cell| cell.trim().to_owned()).collect();
    Some(Line::Row { cells, may_go_on: bar == '│' })
}

/// A table as it is met, line by line.
#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
    /// The line before was a rule.
    after_rule: bool,
}

impl Table {
    fn push(&mut self, line: Line) {
        let Line::Row { cells, may_go_on } = line else {
            self.after_rule = true;
            return;
        };
        let goes_on = may_go_on && !self.after_rule && cells.first().is_some_and(String::is_empty);
        self.after_rule = false;
        match self.rows.last_mut().filter(|_| goes_on) {
            Some(row) => {
                for (cell, more) in row.iter_mut().zip(&cells).filter(|(_, more)| !more.is_empty()) {
                    cell.push(' ');
                    cell.push_str(more);
                }
            }
            None => self.rows.push(cells),
        }
    }

    fn end(&mut self, part: Part, lines: &mut Vec<String>) {
        let mut rows = std::mem::take(self).rows.into_iter().peekable();
        let has_columns = rows.clone().any(|row| 1 < row.len());
        if let Some(title) = rows.next_if(|row| row.len() == 1 && has_columns) {
            lines.push(format!("| {} |", title.concat()));
        }
        let Some(head) = rows.next() else { return };
        lines.push(format!("| {} |", head.join(" | ")));
        if part == Part::Names {
            let mut names: Vec<String> = rows.filter_map(|row| row.into_iter().next()).collect();
            names.sort();
            return lines.extend(names);
        }
        for mut row in rows {
            let of_pair = head.first().filter(|name| *name == "key").and_then(|_| row.first().cloned());
            for (name, cell) in head.iter().zip(&mut row) {
                let of_pair = of_pair.as_deref().filter(|_| name == "value");
                if is_measured(of_pair.unwrap_or(name)) {
                    MEASURED.clone_into(cell);
                } else if let Some(document) = settled_cell(cell) {
                    *cell = document;
                }
            }
            let line = format!("| {} |", row.join(" | "));
            if part != Part::Ours || line.contains(OURS) {
                lines.push(line);
            }
        }
    }
}
