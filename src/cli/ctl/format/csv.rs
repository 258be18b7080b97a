//! Comma-separated values, each in quotes.
//!
//! RabbitMQ's own fails where a value is a list (tags, arguments); here such a value is the text of the table.

use std::io::{self, Write};

use super::{Rows, table};

/// Writes them.
pub fn write(rows: &Rows, headers: bool, to: &mut dyn Write) -> io::Result<()> {
    if headers && !rows.rows.is_empty() {
        line(rows.columns.iter().cloned(), to)?;
    }
    for row in &rows.rows {
        line(row.iter().map(table::cell), to)?;
    }
    Ok(())
}

fn line(cells: impl Iterator<Item = String>, to: &mut dyn Write) -> io::Result<()> {
    let quoted: Vec<String> = cells.map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
    writeln!(to, "{}", quoted.join(","))
}
