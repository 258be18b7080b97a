//! Bars that lie, in groups: each group has a scale of its own, because its cases differ by orders of magnitude.

use std::fmt::Write as _;

use super::{COLOURS, WIDTH, framed};
use crate::svg::escape;

/// A plot of groups, one below the other.
#[derive(Debug)]
pub struct Bars {
    pub title: String,
    pub groups: Vec<Group>,
}

/// Bars that may be compared.
#[derive(Debug)]
pub struct Group {
    pub title: String,
    pub bars: Vec<Bar>,
}

#[derive(Debug)]
pub struct Bar {
    pub label: String,
    pub value: f64,
    /// The value with its unit.
    pub text: String,
    /// Which colour.
    pub series: usize,
}

const LABEL: f64 = 200.0;
/// For the text behind the longest bar.
const TEXT: f64 = 150.0;
const ROW: f64 = 22.0;
const HEAD: f64 = 40.0;

impl Bars {
    /// The picture, or nothing if there is no bar.
    pub fn draw(&self) -> Option<String> {
        let groups: Vec<&Group> = self.groups.iter().filter(|group| !group.bars.is_empty()).collect();
        if groups.is_empty() {
            return None;
        }
        let mut body = format!("<text class=\"t\" x=\"10\" y=\"24\">{}</text>\n", escape(&self.title));
        let mut y = HEAD;
        for group in groups {
            // Writing to a string cannot fail.
            let _ = writeln!(body, "<text x=\"10\" y=\"{:.0}\">{}</text>", y + 16.0, escape(&group.title));
            y += ROW;
            let most = group.bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
            for bar in &group.bars {
                body.push_str(&drawn(bar, (WIDTH - LABEL - TEXT) / most, y));
                y += ROW;
            }
            y += 8.0;
        }
        Some(framed(y + 4.0, &body))
    }
}

fn drawn(bar: &Bar, scale: f64, y: f64) -> String {
    let width = (bar.value * scale).max(1.0);
    format!(
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text><rect class=\"s{}\" x=\"{LABEL}\" y=\"{:.0}\" width=\"{width:.1}\" height=\"16\"/><text x=\"{:.1}\" y=\"{:.0}\">{}</text>\n",
        LABEL - 8.0,
        y + 14.0,
        escape(&bar.label),
        bar.series % COLOURS,
        y + 2.0,
        LABEL + width + 6.0,
        y + 14.0,
        escape(&bar.text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::is_well_formed;

    fn bar(label: &str, value: f64) -> Bar {
        Bar { label: label.to_owned(), value, text: format!("{value} <b>"), series: 7 }
    }

    #[test]
    fn a_plot_is_well_formed_and_the_longest_bar_fits() {
        let group =
            Group { title: "1 & 2".to_owned(), bars: vec![bar("a", 10.0), bar("b", 5.0), bar("c", 0.0)] };
        let svg = Bars { title: "A < B".to_owned(), groups: vec![group] }.draw().unwrap();
        assert!(is_well_formed(&svg), "{svg}");
        assert!(svg.contains("width=\"410.0\"") && svg.contains("width=\"205.0\""), "{svg}");
        assert!(svg.contains("class=\"s2\""), "{svg}");
    }

    #[test]
    fn without_a_bar_there_is_no_plot() {
        let empty = Group { title: "a".to_owned(), bars: Vec::new() };
        assert_eq!(Bars { title: "b".to_owned(), groups: vec![empty] }.draw(), None);
    }
}
