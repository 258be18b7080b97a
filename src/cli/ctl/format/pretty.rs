//! A table with lines, drawn with the terminal's own line characters as the reference draws it.

use std::io::{self, Write};

use super::{Rows, table};

/// Draws it; without rows there is nothing to draw.
pub fn write(rows: &Rows, headers: bool, to: &mut dyn Write) -> io::Result<()> {
    if rows.rows.is_empty() {
        return if rows.streamed { Ok(()) } else { writeln!(to) };
    }
    let cells: Vec<Vec<String>> = rows.rows.iter().map(|row| row.iter().map(table::cell).collect()).collect();
    let widths = widths(&rows.columns, &cells, headers);
    rule(&widths, ['l', 'w', 'k'], to)?;
    if headers {
        line(&rows.columns, &widths, true, to)?;
    }
    for (at, row) in cells.iter().enumerate() {
        if headers || 0 < at {
            rule(&widths, ['t', 'n', 'u'], to)?;
        }
        line(row, &widths, false, to)?;
    }
    rule(&widths, ['m', 'v', 'j'], to)
}

fn widths(columns: &[String], cells: &[Vec<String>], headers: bool) -> Vec<usize> {
    let width = |text: &String| text.chars().count();
    (columns.iter().enumerate())
        .map(|(at, name)| {
            let cells = cells.iter().filter_map(|row| row.get(at)).map(width).max().unwrap_or_default();
            if headers { cells.max(width(name)) } else { cells }
        })
        .collect()
}

/// In the line characters of a VT100: `ESC ( 0` turns them on, `ESC ( B` off.
fn rule(widths: &[usize], [left, between, right]: [char; 3], to: &mut dyn Write) -> io::Result<()> {
    let dashes: Vec<String> = widths.iter().map(|width| "q".repeat(width + 2)).collect();
    writeln!(to, "\x1b(0{left}{}{right}\x1b(B", dashes.join(&between.to_string()))
}

fn line(cells: &[String], widths: &[usize], bold: bool, to: &mut dyn Write) -> io::Result<()> {
    const BAR: &str = "\x1b(0x\x1b(B";
    for (cell, width) in cells.iter().zip(widths) {
        let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
        let (on, off) = if bold { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        write!(to, "{BAR} {on}{cell}{off}{padding} ")?;
    }
    writeln!(to, "{BAR}")
}
