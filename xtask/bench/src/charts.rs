//! Which results are drawn, and how.

use crate::case::{Case, Work};
use crate::contender::{Contender, LEVERET, Peer};
use crate::figure::{Figure, PERCENTILES};
use crate::plot::{Bar, Bars, Group, Line, Lines};
use crate::results::Results;

/// A file's name, and its picture.
pub type Chart = (&'static str, String);

/// Every chart whose cases were measured.
pub fn charts(cases: &[&'static Case], results: &Results, peers: &[Peer]) -> Vec<Chart> {
    let page = Page { cases, results, peers };
    let one = &["16b", "1k", "64k", "acks", "persistent"];
    let charts = [
        ("throughput.svg", page.bars("One producer, one consumer", one)),
        ("several.svg", page.bars("Several of everything", &["many", "routing"])),
        ("latency.svg", page.latency()),
        ("growth.svg", page.bars("Ten times and more of everything", &["growth", "connections"])),
        ("cores.svg", page.bars("The broker on one core and on two", &["cores"])),
    ];
    charts.into_iter().filter_map(|(name, chart)| Some((name, chart?))).collect()
}

struct Page<'a> {
    cases: &'a [&'static Case],
    results: &'a Results,
    peers: &'a [Peer],
}

impl Page<'_> {
    /// The rates of some cases, a group for each run, a bar for each party; where there is no party but leveret, the
    /// runs are bars of one group.
    fn bars(&self, title: &str, names: &[&str]) -> Option<String> {
        let mut groups = Vec::new();
        for case in self.cases.iter().filter(|case| names.contains(&case.name)) {
            let mut own = Vec::new();
            for run in case.runs {
                let mut bars = self.bars_of(case, run.label);
                match bars.as_mut_slice() {
                    [alone] => {
                        run.label.clone_into(&mut alone.label);
                        own.append(&mut bars);
                    }
                    _ => groups.push(Group { title: format!("{}: {}", case.title, run.label), bars }),
                }
            }
            groups.push(Group { title: case.title.to_owned(), bars: own });
        }
        Bars { title: format!("{title} (messages a second)"), groups }.draw()
    }

    fn bars_of(&self, case: &'static Case, label: &'static str) -> Vec<Bar> {
        let bar = |(series, contender): (usize, Contender)| {
            let median = self.results.median(case.name, (label, contender.name()), Figure::Rate)?;
            let text = Figure::Rate.show(median.value);
            Some(Bar { label: contender.name().to_owned(), value: median.value, text, series })
        };
        self.contenders(case, label).into_iter().filter_map(bar).collect()
    }

    /// Whoever takes part in a run, each with a number that is its own in every chart.
    fn contenders(&self, case: &'static Case, label: &str) -> Vec<(usize, Contender)> {
        let run = case.runs.iter().find(|run| run.label == label);
        let numbered = |contender: Contender| {
            let number = match &contender {
                Contender::Leveret => 0,
                Contender::Relay => 1,
                Contender::Peer(peer) => {
                    2 + self.peers.iter().position(|other| other.name == peer.name).unwrap_or(0)
                }
            };
            (number, contender)
        };
        run.map(|run| Contender::of(run.parties, self.peers))
            .unwrap_or_default()
            .into_iter()
            .map(numbered)
            .collect()
    }

    fn latency(&self) -> Option<String> {
        let case = self.cases.iter().find(|case| case.name == "latency")?;
        let mut lines = Vec::new();
        for run in case.runs {
            for (_, contender) in self.contenders(case, run.label) {
                let value = |figure| self.results.median(case.name, (run.label, contender.name()), figure);
                let values: Vec<f64> = PERCENTILES.iter().filter_map(|f| Some(value(*f)?.value)).collect();
                let label = match (contender.name(), run.work) {
                    (LEVERET, Work::Beside { .. }) => format!("{LEVERET} {}", run.label),
                    (name, _) => name.to_owned(),
                };
                lines.extend((values.len() == PERCENTILES.len()).then_some(Line { label, values }));
            }
        }
        let places = PERCENTILES.iter().map(|figure| figure.title().to_owned()).collect();
        let show =
            |value| if value < 1000.0 { format!("{value:.0} µs") } else { format!("{:.0} ms", value / 1e3) };
        Lines { title: case.title.to_owned(), places, series: lines, show }.draw()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figure::Figures;
    use crate::matrix;
    use crate::results::Key;
    use crate::svg::is_well_formed;

    #[test]
    fn only_what_was_measured_is_drawn() {
        let mut results = Results::default();
        let cases: Vec<&Case> = matrix::CASES.iter().collect();
        assert_eq!(charts(&cases, &results, &[]), []);
        for (at, party) in [LEVERET, "relay"].into_iter().enumerate() {
            let key = Key { case: "16b", run: "1 → 1", party: party.to_owned() };
            results.add(&key, &Figures::from([(Figure::Rate, [4000.0, 9000.0][at])]));
        }
        let drawn = charts(&cases, &results, &[]);
        let (name, svg) = &drawn[0];
        assert_eq!((drawn.len(), *name), (1, "throughput.svg"));
        assert!(is_well_formed(svg) && svg.contains("9\u{a0}000/s"), "{svg}");
    }

    #[test]
    fn latencies_are_lines() {
        let mut results = Results::default();
        let figures: Figures = PERCENTILES.iter().map(|figure| (*figure, 50.0)).collect();
        for run in ["alone", "beside a growing backlog and churn"] {
            results.add(&Key { case: "latency", run, party: LEVERET.to_owned() }, &figures);
        }
        let drawn = charts(&[matrix::find("latency").unwrap()], &results, &[]);
        let (name, svg) = &drawn[0];
        assert_eq!((*name, svg.matches("<polyline").count()), ("latency.svg", 2));
    }
}
