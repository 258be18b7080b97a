//! Whether the cells of a run are what they should be.

use super::cells::{Cell, Cells};
use super::client::Client;
use super::expected::Expected;

/// One run of some clients against one broker.
pub struct Run<'a> {
    /// Those that ran.
    pub clients: &'a [Client],
    /// What they reported.
    pub cells: &'a Cells,
    /// "leveret" or `RabbitMQ`.
    pub broker: &'a str,
}

/// Every cell that is not as it should be, one a line; nothing if all is well.
pub fn verdict(run: &Run<'_>, expected: &Expected) -> Vec<String> {
    let mut wrong = Vec::new();
    for client in run.clients {
        for behaviour in &expected.behaviours {
            let (name, id) = (client.name.as_str(), behaviour.id.as_str());
            let known = expected.failure(name, id, run.broker);
            match (run.cells.get(name, id), known) {
                (Some(Cell::Failed(how)), None) => wrong.push(format!("{name}, {id}: failed: {how}")),
                (Some(Cell::Passed), Some(reason)) => {
                    wrong.push(format!("{name}, {id}: passed, but is listed as failing ({reason})"));
                }
                _ => {}
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::expected::{Behaviour, Difference};
    use super::*;

    fn complaints(broker: &str, outcome: &str) -> usize {
        let behaviours = vec![Behaviour { id: "birth".to_owned(), sentence: String::new() }];
        let differences = vec![Difference {
            client: None,
            id: "birth".to_owned(),
            broker: "leveret".to_owned(),
            reason: "young".to_owned(),
        }];
        let mut cells = Cells::default();
        cells.add("a", &behaviours, &format!("a\tbirth\t{outcome}\tso")).unwrap();
        let toml = "name = 'a'\nlanguage = ''\nlibraries = []\npins = ''\nrun = ''";
        let clients = [toml::from_str::<Client>(toml).unwrap()];
        let run = Run { clients: &clients, cells: &cells, broker };
        verdict(&run, &Expected { behaviours, differences, not_yet: 1 }).len()
    }

    #[test]
    fn a_failure_must_be_listed_and_what_is_listed_must_fail() {
        assert_eq!((complaints("leveret", "failed"), complaints("leveret", "passed")), (0, 1));
        assert_eq!((complaints("RabbitMQ", "failed"), complaints("RabbitMQ", "passed")), (1, 0));
    }

    #[test]
    fn what_a_library_does_not_offer_is_no_complaint() {
        assert_eq!((complaints("leveret", "not offered"), complaints("RabbitMQ", "not offered")), (0, 0));
    }
}
