//! Lines over named places, on a scale of powers of ten: percentiles differ by orders of magnitude.

use std::fmt::Write as _;

use super::{COLOURS, WIDTH, framed};
use crate::svg::escape;

/// A plot with a point of each line above each place.
#[derive(Debug)]
pub struct Lines {
    pub title: String,
    pub places: Vec<String>,
    pub series: Vec<Line>,
    /// How a value of the scale is written.
    pub show: fn(f64) -> String,
}

#[derive(Debug)]
pub struct Line {
    pub label: String,
    /// One for each place, positive.
    pub values: Vec<f64>,
}

const LEFT: f64 = 80.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 44.0;
const PLOT: f64 = 260.0;
const ROW: f64 = 20.0;

impl Lines {
    /// The picture, or nothing if there is no point.
    pub fn draw(&self) -> Option<String> {
        let values = || self.series.iter().flat_map(|line| &line.values).filter(|value| 0.0 < **value);
        let least = values().copied().reduce(f64::min)?.log10().floor();
        let most = values().copied().reduce(f64::max)?.log10().ceil().max(least + 1.0);
        let height = |value: f64| TOP + PLOT * (most - value.log10()) / (most - least);
        let mut body = format!("<text class=\"t\" x=\"10\" y=\"24\">{}</text>\n", escape(&self.title));
        let mut power = least;
        while power <= most {
            let (y, text) = (height(10_f64.powf(power)), (self.show)(10_f64.powf(power)));
            // Writing to a string cannot fail.
            let _ = write!(body, "<path class=\"g\" d=\"M{LEFT} {y:.1}H{}\"/>", WIDTH - RIGHT);
            let _ = writeln!(
                body,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                escape(&text)
            );
            power += 1.0;
        }
        for (x, place) in self.across().zip(&self.places) {
            let _ = writeln!(
                body,
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                TOP + PLOT + 20.0,
                escape(place)
            );
        }
        let mut y = TOP + PLOT + 48.0;
        for (number, line) in self.series.iter().enumerate() {
            let points = self.across().zip(&line.values).filter(|(_, value)| 0.0 < **value);
            let points: Vec<String> =
                points.map(|(x, value)| format!("{x:.1},{:.1}", height(*value))).collect();
            let colour = number % COLOURS;
            let _ = writeln!(body, "<polyline class=\"s{colour} l\" points=\"{}\"/>", points.join(" "));
            let _ = write!(
                body,
                "<rect class=\"s{colour}\" x=\"{LEFT}\" y=\"{:.0}\" width=\"14\" height=\"4\"/>",
                y - 6.0
            );
            let _ = writeln!(body, "<text x=\"{}\" y=\"{y:.0}\">{}</text>", LEFT + 22.0, escape(&line.label));
            y += ROW;
        }
        Some(framed(y, &body))
    }

    /// Where the places are.
    fn across(&self) -> impl Iterator<Item = f64> {
        let steps = u32::try_from(self.places.len().saturating_sub(1)).unwrap_or(u32::MAX).max(1);
        let step = (WIDTH - LEFT - RIGHT - 40.0) / f64::from(steps);
        (0..=steps).map(move |place| LEFT + 20.0 + step * f64::from(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svg::is_well_formed;

    fn lines(values: &[f64]) -> Lines {
        Lines {
            title: "A & B".to_owned(),
            places: vec!["p50".to_owned(), "p99".to_owned(), "max".to_owned()],
            series: vec![Line { label: "<a>".to_owned(), values: values.to_vec() }],
            show: |value| format!("{value:.0}"),
        }
    }

    #[test]
    fn a_plot_is_well_formed_and_its_scale_holds_everything() {
        let svg = lines(&[20.0, 300.0, 1000.0]).draw().unwrap();
        assert!(is_well_formed(&svg), "{svg}");
        for text in [">10<", ">100<", ">1000<", "100.0,", ",44.0\""] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
    }

    #[test]
    fn without_a_point_there_is_no_plot() {
        assert_eq!(lines(&[]).draw(), None);
        assert_eq!(lines(&[0.0]).draw(), None);
    }

    #[test]
    fn one_value_has_a_scale_too() {
        assert!(is_well_formed(&lines(&[100.0]).draw().unwrap()));
    }
}
