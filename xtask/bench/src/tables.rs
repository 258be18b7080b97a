//! Results as tables of Markdown: the targets, and every figure of every party.

use std::fmt::Write as _;

use crate::case::{Case, Run};
use crate::contender::{Contender, Peer};
use crate::figure::Figure;
use crate::results::{Judged, Median, Results, Verdict};

/// The figures of a run that a reader wants: of the percentiles, the rest is in the raw figures.
const SHOWN: &[Figure] = &[
    Figure::Rate,
    Figure::Cycles,
    Figure::ProcessorPerMessage,
    Figure::P50,
    Figure::P99,
    Figure::P999,
    Figure::Worst,
    Figure::BytesEach,
    Figure::Ready,
    Figure::Resident,
];

/// What was asked, and what came out.
pub fn targets(cases: &[&'static Case], results: &Results) -> String {
    let judged: Vec<Judged> = cases.iter().flat_map(|case| results.judge(case)).collect();
    let count = |verdict| judged.iter().filter(|judged| judged.verdict == verdict).count();
    let mut text = format!(
        "{} met, {} not met, {} not measured.\n\n| case | run | what | target | measured | |\n|---|---|---|---|--:|---|\n",
        count(Verdict::Met),
        count(Verdict::Missed),
        count(Verdict::Unmeasured)
    );
    for Judged { title, run, question, bound, answer, verdict } in &judged {
        let verdict = match verdict {
            Verdict::Met => "met",
            Verdict::Missed => "**not met**",
            Verdict::Unmeasured => "not measured",
        };
        let answer = answer.as_deref().unwrap_or("");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {title} | {run} | {question} | {bound} | {answer} | {verdict} |");
    }
    text
}

/// A table for each case, a column for each party that took part in it.
pub fn figures(cases: &[&'static Case], results: &Results, peers: &[Peer]) -> String {
    let mut text = String::new();
    for case in cases {
        let mut parties: Vec<String> = Vec::new();
        for contender in case.runs.iter().flat_map(|run| Contender::of(run.parties, peers)) {
            if !parties.iter().any(|party| party == contender.name()) {
                parties.push(contender.name().to_owned());
            }
        }
        let _ = writeln!(text, "### {}\n\n| run | | {} |", case.title, parties.join(" | "));
        let _ = writeln!(text, "|---|---|{}", "--:|".repeat(parties.len()));
        for run in case.runs {
            text.push_str(&rows(case, run, (results, &parties)));
        }
        text.push('\n');
    }
    for (key, why) in &results.failures {
        let why = why.lines().next().unwrap_or_default();
        let _ = writeln!(text, "Not measured: {}, {}, {}: {why}", key.case, key.run, key.party);
    }
    text
}

/// A run's lines of a table; percentiles are why a latency is measured, so its rate goes without saying.
fn rows(case: &'static Case, run: &'static Run, (results, parties): (&Results, &[String])) -> String {
    let is_latency = results.has(case.name, run.label, Figure::P50);
    let mut text = String::new();
    for figure in SHOWN.iter().filter(|figure| !(is_latency && **figure == Figure::Rate)) {
        if results.has(case.name, run.label, *figure) {
            let cell = |party: &String| {
                let median = results.median(case.name, (run.label, party), *figure);
                median.map(|median| cell(*figure, median)).unwrap_or_default()
            };
            let cells: Vec<String> = parties.iter().map(cell).collect();
            let _ = writeln!(text, "| {} | {} | {} |", run.label, figure.title(), cells.join(" | "));
        }
    }
    text
}

fn cell(figure: Figure, Median { value, spread }: Median) -> String {
    let value = figure.show(value);
    if spread < 0.005 { value } else { format!("{value} (spread {:.0} %)", 100.0 * spread) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::{LEVERET, RELAY};
    use crate::figure::Figures;
    use crate::matrix;
    use crate::results::Key;

    fn results() -> Results {
        let mut results = Results::default();
        for (party, rate) in [(LEVERET, 3_000_000.0), (LEVERET, 2_000_000.0), (RELAY, 4_000_000.0)] {
            let key = Key { case: "16b", run: "1 → 1", party: party.to_owned() };
            results.add(&key, &Figures::from([(Figure::Rate, rate)]));
        }
        results
    }

    #[test]
    fn targets_say_whether_they_are_met() {
        let text = targets(&[matrix::find("16b").unwrap()], &results());
        assert!(text.starts_with("1 met, 0 not met, 1 not measured."), "{text}");
        assert!(text.contains("| messages, over that of relay | at least 0.25 | 0.62 | met |"), "{text}");
    }

    #[test]
    fn figures_have_a_column_for_everyone_who_took_part() {
        let peers = [Peer { name: "other".to_owned(), url: String::new() }];
        let text = figures(&[matrix::find("16b").unwrap()], &results(), &peers);
        assert!(text.contains("| run | | leveret | relay | other |\n|---|---|--:|--:|--:|\n"), "{text}");
        assert!(
            text.contains(
                "| 1 → 1 | messages | 2\u{a0}500\u{a0}000/s (spread 40 %) | 4\u{a0}000\u{a0}000/s |  |\n"
            ),
            "{text}"
        );
    }
}
