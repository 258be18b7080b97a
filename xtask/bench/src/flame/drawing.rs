//! A flame graph as SVG: a box for each call, as wide as its share of the samples, on top of its caller.
//!
//! The picture holds its names as text, so that it can be searched and read aloud; what is too narrow to be pointed
//! at is left out, which bounds the file.

use std::fmt::Write as _;

use super::stacks::Call;
use crate::process::as_float;
use crate::svg::escape;

const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 10.0;
const ROW: f64 = 17.0;
const HEAD: f64 = 34.0;
/// Of a letter, at the size of the text.
const LETTER: f64 = 6.3;
/// The narrowest box, as a share of all samples.
const NARROWEST: f64 = 0.003;

const STYLE: &str = "<style>text{font:11px ui-monospace,monospace;fill:#111}.t{font:14px sans-serif}\
.u{fill:#f2a65a}.v{fill:#eec170}.w{fill:#f58549}.k{fill:#8fb8de}.h{fill:#b8c4bb}\
rect{stroke:#fff;stroke-width:.5}@media(prefers-color-scheme:dark){.t{fill:#ddd}rect{stroke:#222}}</style>\n";

/// The whole tree below a title; its first row are the kinds of threads.
pub fn draw(title: &str, root: &Call) -> String {
    let mut picture =
        Picture { svg: String::new(), all: as_float(root.samples().max(1)), rows: rows(root, root) };
    let mut left = 0.0;
    for (name, call) in root.below() {
        picture.put(name, call, Place { left, row: 0 });
        left += as_float(call.samples());
    }
    let height = picture.height();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">\n{STYLE}\
         <text class=\"t\" x=\"{MARGIN}\" y=\"20\">{} · {} samples · blue is the kernel</text>\n{}</svg>\n",
        escape(title),
        root.samples(),
        picture.svg
    )
}

/// How many calls deep the widest stacks are.
fn rows(call: &Call, root: &Call) -> usize {
    let below = call.below().filter(|(_, below)| is_wide(below, as_float(root.samples())));
    below.map(|(_, below)| 1 + rows(below, root)).max().unwrap_or(0)
}

fn is_wide(call: &Call, all: f64) -> bool {
    NARROWEST <= as_float(call.samples()) / all
}

/// Where a box stands: samples to its left, calls below it.
#[derive(Clone, Copy)]
struct Place {
    left: f64,
    row: usize,
}

struct Picture {
    svg: String,
    all: f64,
    rows: usize,
}

impl Picture {
    fn height(&self) -> f64 {
        HEAD + as_float(self.rows as u64) * ROW + MARGIN
    }

    fn put(&mut self, name: &str, call: &Call, place: Place) {
        if !is_wide(call, self.all) {
            return;
        }
        self.put_box(name, call, place);
        let mut left = place.left;
        for (name, below) in call.below() {
            self.put(name, below, Place { left, row: place.row + 1 });
            left += as_float(below.samples());
        }
    }

    fn put_box(&mut self, name: &str, call: &Call, place: Place) {
        let scale = (WIDTH - 2.0 * MARGIN) / self.all;
        let (x, width) = (MARGIN + place.left * scale, as_float(call.samples()) * scale);
        let y = HEAD + as_float((self.rows - 1 - place.row) as u64) * ROW;
        let share = 100.0 * as_float(call.samples()) / self.all;
        let colour = if place.row == 0 { "h" } else { colour(name) };
        let full = escape(name);
        // Writing to a string cannot fail.
        let _ = write!(
            self.svg,
            "<g><title>{full} {share:.1} %</title><rect class=\"{colour}\" x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{ROW}\"/>"
        );
        let label = cut(name, width);
        if !label.is_empty() {
            let _ =
                write!(self.svg, "<text x=\"{:.1}\" y=\"{}\">{}</text>", x + 3.0, y + 12.5, escape(&label));
        }
        self.svg.push_str("</g>\n");
    }
}

/// As much of a name as a box has room for; of a path, its end says most.
fn cut(name: &str, width: f64) -> String {
    let room = width / LETTER - 1.0;
    let letters = as_float(name.chars().count() as u64);
    if letters <= room {
        return name.to_owned();
    }
    if room < 4.0 {
        return String::new();
    }
    let mut kept: Vec<char> = Vec::new();
    for letter in name.chars().rev() {
        if room < as_float(kept.len() as u64) + 2.0 {
            break;
        }
        kept.push(letter);
    }
    kept.push('…');
    kept.iter().rev().collect()
}

/// Neighbours differ, and a function looks the same wherever it is.
fn colour(name: &str) -> &'static str {
    if name.ends_with(" [k]") {
        return "k";
    }
    let sum = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    ["u", "v", "w"].get(sum as usize % 3).copied().unwrap_or("u")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flame::stacks::fold;
    use crate::flame::symbols::Symbols;
    use crate::svg::is_well_formed;

    fn drawn(script: &str) -> String {
        draw("a < b", &fold(script.as_bytes(), &Symbols::none()).unwrap().calls)
    }

    #[test]
    fn a_picture_is_well_formed_whatever_the_names_are() {
        let svg = drawn("worker\n\t1 <T as U>::f&g (/a)\n\t2 main (/a)\n\n");
        assert!(is_well_formed(&svg), "{svg}");
        assert!(svg.contains("&lt;T as U&gt;::f&amp;g 100.0 %"), "{svg}");
    }

    #[test]
    fn what_is_too_narrow_is_left_out() {
        let mut script = "worker\n\t1 wide (/a)\n\n".repeat(999);
        script.push_str("worker\n\t1 narrow (/a)\n\n");
        let svg = drawn(&script);
        assert!(svg.contains("wide") && !svg.contains("narrow"), "{svg}");
    }

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(cut("alpha::beta::gamma", 13.0 * LETTER), "…eta::gamma");
        assert_eq!(cut("alpha", 3.0 * LETTER), "");
        assert_eq!(cut("alpha", 6.1 * LETTER), "alpha");
    }
}
