//! What a command found, on standard output: as a table, a table with lines, CSV, JSON or Erlang terms.
//!
//! The shapes are those of RabbitMQ's tools, byte for byte where a script could read them.

mod csv;
mod erlang;
mod json;
mod pretty;
mod table;

use std::io::{self, Write};

use serde_json::Value;

use super::term::Term;

/// `--formatter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formatter {
    /// Values between tabs, a row a line.
    Table,
    /// With lines around every cell.
    PrettyTable,
    /// Comma-separated, quoted.
    Csv,
    /// JSON.
    Json,
    /// Erlang terms.
    Erlang,
}

impl Formatter {
    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "table" | "string" => Self::Table,
            "pretty_table" => Self::PrettyTable,
            "csv" => Self::Csv,
            "json" | "json_stream" => Self::Json,
            "erlang" | "inspect" => Self::Erlang,
            _ => return None,
        })
    }

    /// Whether programs read it: nothing but the answer may be on standard output.
    pub fn is_for_programs(self) -> bool {
        matches!(self, Self::Json | Self::Csv)
    }
}

/// What a command answers.
#[derive(Debug)]
pub enum Output {
    /// Nothing to say beyond its success.
    Done,
    /// A sentence, or several lines.
    Text(String),
    /// Text for people, and the same as JSON for programs.
    Document {
        /// What people read.
        text: String,
        /// What programs read.
        json: Value,
    },
    /// Rows.
    Rows(Rows),
}

/// Rows of named columns.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the rows of a listing, beside what else is known of them")]
pub struct Rows {
    /// Their names.
    pub columns: Vec<String>,
    /// As many terms each as there are columns.
    pub rows: Vec<Vec<Term>>,
    /// Whether the reference sends the rows as they come, which makes an empty listing look different.
    pub streamed: bool,
    /// Whether the first line names the columns.
    pub headers: bool,
}

/// How it is written.
#[derive(Clone, Copy)]
pub struct Style<'a> {
    /// The form.
    pub formatter: Formatter,
    /// Whether the first line of a table names its columns.
    pub headers: bool,
    /// For answers in JSON that name it.
    pub node: &'a dyn Fn() -> String,
}

/// Writes `output`.
pub fn write(output: &Output, style: Style<'_>, to: &mut dyn Write) -> io::Result<()> {
    match (output, style.formatter) {
        (Output::Done, Formatter::Json) => {
            let done = serde_json::json!({ "node": (style.node)(), "result": "ok" });
            writeln!(to, "{done}")
        }
        (Output::Done, _) => Ok(()),
        (Output::Text(text), Formatter::Json) => writeln!(to, "{}", serde_json::json!({ "message": text })),
        (Output::Document { json, .. }, Formatter::Json) => writeln!(to, "{json}"),
        (Output::Text(text) | Output::Document { text, .. }, _) => writeln!(to, "{text}"),
        (Output::Rows(rows), formatter) => {
            let headers = style.headers && rows.headers;
            match formatter {
                Formatter::Table => table::write(rows, headers, to),
                Formatter::PrettyTable => pretty::write(rows, rows.headers, to),
                Formatter::Csv => csv::write(rows, headers, to),
                Formatter::Json => json::write(rows, to),
                Formatter::Erlang => erlang::write(rows, to),
            }
        }
    }
}
