//! What all runs came to, and whether that is what was asked for.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::case::{Bound, Case, Goal, Over, Party};
use crate::contender::{LEVERET, RELAY};
use crate::figure::{Figure, Figures};

/// The peer that the targets are about.
pub const RABBITMQ: &str = "RabbitMQ 4.3";

/// Who did what: a case's name, a run's label, a contender's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub case: &'static str,
    pub run: &'static str,
    pub party: String,
}

/// Every value of every figure, in the order in which they were measured.
#[derive(Debug, Default)]
pub struct Results {
    values: BTreeMap<Key, BTreeMap<Figure, Vec<f64>>>,
    /// Runs without figures, and why.
    pub failures: Vec<(Key, String)>,
}

/// The middle of some values, and how far apart the extremes are, as a share of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Median {
    pub value: f64,
    pub spread: f64,
}

/// A goal, and what became of it.
#[derive(Debug, PartialEq)]
pub struct Judged {
    pub title: &'static str,
    pub run: &'static str,
    /// What is asked for.
    pub question: String,
    pub bound: String,
    /// What came out, if it was measured.
    pub answer: Option<String>,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Met,
    Missed,
    Unmeasured,
}

impl Results {
    pub fn add(&mut self, key: &Key, figures: &Figures) {
        let values = self.values.entry(key.clone()).or_default();
        for (figure, value) in figures {
            values.entry(*figure).or_default().push(*value);
        }
    }

    pub fn median(&self, case: &'static str, at: (&'static str, &str), figure: Figure) -> Option<Median> {
        let key = Key { case, run: at.0, party: at.1.to_owned() };
        median(self.values.get(&key)?.get(&figure)?)
    }

    /// Whether anybody has this figure.
    pub fn has(&self, case: &'static str, run: &'static str, figure: Figure) -> bool {
        let mut of_run = self.values.iter().filter(|(key, _)| key.case == case && key.run == run);
        of_run.any(|(_, figures)| figures.contains_key(&figure))
    }

    /// Every goal of a case.
    pub fn judge(&self, case: &'static Case) -> Vec<Judged> {
        case.goals.iter().map(|goal| self.judge_goal(case, goal)).collect()
    }

    fn judge_goal(&self, case: &'static Case, goal: &'static Goal) -> Judged {
        let value = |run, party| Some(self.median(case.name, (run, party), goal.figure)?.value);
        let own = value(goal.run, LEVERET);
        let title = goal.figure.title();
        let (question, under) = match goal.over {
            Over::One => (title.to_owned(), Some(1.0)),
            Over::Run(run) => (format!("{title}, over that of “{run}”"), value(run, LEVERET)),
            Over::Party(party) => {
                let name = column(party);
                (format!("{title}, over that of {name}"), value(goal.run, name))
            }
        };
        let show = |value: f64| if goal.over == Over::One { goal.figure.show(value) } else { ratio(value) };
        let answer = own.zip(under).filter(|(_, under)| *under != 0.0).map(|(own, under)| own / under);
        let verdict = match answer {
            None => Verdict::Unmeasured,
            Some(value) if goal.bound.holds(value) => Verdict::Met,
            Some(_) => Verdict::Missed,
        };
        let bound = match goal.bound {
            Bound::AtLeast(bound) => format!("at least {}", show(bound)),
            Bound::AtMost(bound) => format!("at most {}", show(bound)),
        };
        Judged { title: case.title, run: goal.run, question, bound, answer: answer.map(show), verdict }
    }

    /// Every value, for whoever wants to reckon with them.
    pub fn to_json(&self) -> Value {
        let run = |(key, figures): (&Key, &BTreeMap<Figure, Vec<f64>>)| {
            let figures: serde_json::Map<String, Value> =
                figures.iter().map(|(figure, values)| (figure.name().to_owned(), json!(values))).collect();
            json!({ "case": key.case, "run": key.run, "party": key.party, "figures": figures })
        };
        let failure = |(key, why): &(Key, String)| json!({ "case": key.case, "run": key.run, "party": key.party, "failure": why });
        self.values.iter().map(run).chain(self.failures.iter().map(failure)).collect()
    }
}

/// The column that a party of the targets stands in.
fn column(party: Party) -> &'static str {
    match party {
        Party::Leveret => LEVERET,
        Party::Relay => RELAY,
        Party::Peers => RABBITMQ,
    }
}

/// A ratio with as many digits as are worth reading.
pub fn ratio(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}

fn median(values: &[f64]) -> Option<Median> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = *values.get((values.len() - 1) / 2)?;
    let value = f64::midpoint(lower, upper);
    let apart = values.last()? - values.first()?;
    Some(Median { value, spread: if value == 0.0 { 0.0 } else { apart / value } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Run, Work};

    static CASE: Case = Case {
        name: "a",
        title: "A",
        runs: &[Run {
            label: "r",
            parties: &[Party::Leveret, Party::Relay, Party::Peers],
            work: Work::Load(""),
        }],
        goals: &[
            Goal {
                run: "r",
                figure: Figure::Rate,
                over: Over::Party(Party::Relay),
                bound: Bound::AtLeast(0.25),
            },
            Goal {
                run: "r",
                figure: Figure::Rate,
                over: Over::Party(Party::Peers),
                bound: Bound::AtLeast(30.0),
            },
            Goal { run: "r", figure: Figure::P99, over: Over::One, bound: Bound::AtMost(5000.0) },
        ],
    };

    fn results(values: &[(&str, Figure, f64)]) -> Results {
        let mut results = Results::default();
        for (party, figure, value) in values {
            let key = Key { case: "a", run: "r", party: (*party).to_owned() };
            results.add(&key, &Figures::from([(*figure, *value)]));
        }
        results
    }

    fn verdicts(values: &[(&str, Figure, f64)]) -> Vec<Verdict> {
        results(values).judge(&CASE).iter().map(|judged| judged.verdict).collect()
    }

    #[test]
    fn a_bound_that_is_just_reached_is_met() {
        let values =
            [(LEVERET, Figure::Rate, 25.0), (RELAY, Figure::Rate, 100.0), (LEVERET, Figure::P99, 5000.0)];
        assert_eq!(verdicts(&values), [Verdict::Met, Verdict::Unmeasured, Verdict::Met]);
    }

    #[test]
    fn a_bound_that_is_not_reached_is_missed() {
        let values = [
            (LEVERET, Figure::Rate, 24.9),
            (RELAY, Figure::Rate, 100.0),
            (RABBITMQ, Figure::Rate, 1.0),
            (LEVERET, Figure::P99, 5000.1),
        ];
        assert_eq!(verdicts(&values), [Verdict::Missed, Verdict::Missed, Verdict::Missed]);
    }

    #[test]
    fn another_peer_is_not_the_one_the_targets_are_about() {
        let values = [(LEVERET, Figure::Rate, 100.0), ("other", Figure::Rate, 1.0)];
        assert_eq!(verdicts(&values), [Verdict::Unmeasured; 3]);
    }

    #[test]
    fn a_judgement_says_what_was_asked_and_what_it_is() {
        let judged = &results(&[(LEVERET, Figure::Rate, 30.0), (RELAY, Figure::Rate, 90.0)]).judge(&CASE)[0];
        assert_eq!(judged.question, "messages, over that of relay");
        assert_eq!((judged.bound.as_str(), judged.answer.as_deref()), ("at least 0.25", Some("0.33")));
    }

    #[test]
    fn ratios_are_those_of_medians() {
        let rate = |party, value| (party, Figure::Rate, value);
        let values = [rate(LEVERET, 10.0), rate(LEVERET, 99.0), rate(LEVERET, 20.0), rate(RELAY, 40.0)];
        assert_eq!(results(&values).judge(&CASE)[0].answer.as_deref(), Some("0.50"));
    }

    #[test]
    fn medians_and_spreads() {
        let of = |values: &[f64]| median(values).map(|median| (median.value, median.spread));
        assert_eq!(of(&[3.0, 1.0, 2.0]), Some((2.0, 1.0)));
        assert_eq!(of(&[4.0, 1.0, 2.0, 2.0]), Some((2.0, 1.5)));
        assert_eq!(of(&[5.0]), Some((5.0, 0.0)));
        assert_eq!(of(&[]), None);
    }
}
