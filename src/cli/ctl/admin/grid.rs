//! Tables with lines, in the styles that `rabbitmqadmin` offers.

/// The characters of a style: a rule is left, fill, between, right.
struct Style {
    name: &'static str,
    top: Option<[&'static str; 4]>,
    middle: Option<[&'static str; 4]>,
    bottom: Option<[&'static str; 4]>,
    /// Whether the middle rule is between rows as well.
    ruled: bool,
    /// Left, between and right of cells.
    bars: [&'static str; 3],
}

const STYLES: &[Style] = &[
    Style {
        name: "modern",
        top: Some(["╭", "─", "┬", "╮"]),
        middle: Some(["├", "─", "┼", "┤"]),
        bottom: Some(["╰", "─", "┴", "╯"]),
        ruled: false,
        bars: ["│", "│", "│"],
    },
    Style {
        name: "sharp",
        top: Some(["┌", "─", "┬", "┐"]),
        middle: Some(["├", "─", "┼", "┤"]),
        bottom: Some(["└", "─", "┴", "┘"]),
        ruled: false,
        bars: ["│", "│", "│"],
    },
    Style {
        name: "ascii",
        top: Some(["+", "-", "+", "+"]),
        middle: Some(["+", "-", "+", "+"]),
        bottom: Some(["+", "-", "+", "+"]),
        ruled: true,
        bars: ["|", "|", "|"],
    },
    Style {
        name: "psql",
        top: None,
        middle: Some(["", "-", "+", ""]),
        bottom: None,
        ruled: false,
        bars: ["", "|", ""],
    },
    Style {
        name: "markdown",
        top: None,
        middle: Some(["|", "-", "|", "|"]),
        bottom: None,
        ruled: true,
        bars: ["|", "|", "|"],
    },
    Style {
        name: "dots",
        top: Some([".", ".", ".", "."]),
        middle: Some([":", ".", ":", ":"]),
        bottom: Some([":", ".", ":", ":"]),
        ruled: true,
        bars: [":", ":", ":"],
    },
    Style { name: "borderless", top: None, middle: None, bottom: None, ruled: false, bars: ["", " ", ""] },
];

/// Whether there is a style of this name.
pub fn is_style(name: &str) -> bool {
    STYLES.iter().any(|style| style.name == name)
}

/// Draws rows below names; without names, the rows alone. A cell may have several lines.
pub fn draw(style: &str, names: &[String], rows: &[Vec<String>]) -> String {
    let Some(style) = STYLES.iter().find(|each| each.name == style).or(STYLES.first()) else {
        return String::new();
    };
    let widths: Vec<usize> = (0..names.len().max(rows.first().map_or(0, Vec::len)))
        .map(|at| {
            let cells = names.get(at).into_iter().chain(rows.iter().filter_map(|row| row.get(at)));
            cells.flat_map(|cell| cell.split('\n')).map(|line| line.chars().count()).max().unwrap_or_default()
        })
        .collect();
    let mut lines: Vec<String> = Vec::new();
    lines.extend(style.top.map(|rule| ruled(rule, &widths)));
    if !names.is_empty() {
        lines.extend(cells(style, names, &widths));
        lines.extend(style.middle.map(|rule| ruled(rule, &widths)));
    }
    for (at, row) in rows.iter().enumerate() {
        if style.ruled && 0 < at {
            lines.extend(style.middle.map(|rule| ruled(rule, &widths)));
        }
        lines.extend(cells(style, row, &widths));
    }
    if !rows.is_empty() {
        lines.extend(style.bottom.map(|rule| ruled(rule, &widths)));
    }
    lines.join("\n")
}

/// Draws rows below a title that is as wide as all of them.
pub fn draw_titled(style: &str, title: &str, rows: &[Vec<String>]) -> String {
    let whole = draw(style, &[], rows);
    let Some(style) = STYLES.iter().find(|each| each.name == style).or(STYLES.first()) else { return whole };
    let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let [left, _, right] = style.bars;
    let inner = width.saturating_sub(left.chars().count() + right.chars().count() + 2);
    let at = usize::from(style.top.is_some());
    // A rule below the title has the shape of one between rows.
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len))
        .map(|at| {
            rows.iter()
                .filter_map(|row| row.get(at))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let below = style.middle.map(|rule| ruled(rule, &widths));
    lines.splice(at..at, std::iter::once(format!("{left} {title:inner$} {right}")).chain(below));
    lines.join("\n")
}

fn ruled([left, fill, between, right]: [&str; 4], widths: &[usize]) -> String {
    let parts: Vec<String> = widths.iter().map(|width| fill.repeat(width + 2)).collect();
    format!("{left}{}{right}", parts.join(between))
}

fn cells(style: &Style, row: &[String], widths: &[usize]) -> Vec<String> {
    let height = row.iter().map(|cell| cell.split('\n').count()).max().unwrap_or(1);
    let [left, between, right] = style.bars;
    let line = |at: usize| {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let text = cell.split('\n').nth(at).unwrap_or_default();
            format!(" {text}{} ", " ".repeat(width.saturating_sub(text.chars().count())))
        });
        format!("{left}{}{right}", cells.collect::<Vec<_>>().join(between))
    };
    (0..height).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_may_have_several_lines_and_styles_have_their_lines() {
        let names = ["name".to_owned(), "n".to_owned()];
        let rows = vec![vec!["a".to_owned(), "1\n22".to_owned()]];
        let modern =
            "╭──────┬────╮\n│ name │ n  │\n├──────┼────┤\n│ a    │ 1  │\n│      │ 22 │\n╰──────┴────╯";
        assert_eq!(draw("modern", &names, &rows), modern);
        assert_eq!(draw("psql", &names, &rows), " name | n  \n------+----\n a    | 1  \n      | 22 ");
        assert!(is_style("ascii") && !is_style("nosuch"));
    }
}
