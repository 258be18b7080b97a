//! What the cells should be: the behaviours, what leveret lacks, and where a broker differs.
//!
//! Three files of lines whose columns are separated by tabs; lines that begin with `#` are comments:
//!
//! ```text
//! behaviours.tsv    id  sentence
//! not_yet.txt       id  reason                          leveret fails it with every client that offers it
//! differences.tsv   client or *  id  broker  reason     that broker (leveret or RabbitMQ) fails it
//! ```

use std::fs;
use std::path::Path;

/// One row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// What programs call it.
    pub id: String,
    /// What it promises.
    pub sentence: String,
}

/// A cell, or a row of them, that a broker fails for a reason that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// None: with every client.
    pub client: Option<String>,
    /// Of the behaviour.
    pub id: String,
    /// "leveret" or `RabbitMQ`.
    pub broker: String,
    /// For the reader of the page.
    pub reason: String,
}

/// Everything that the folder of the matrix says about its cells.
#[derive(Debug, Default)]
pub struct Expected {
    /// In the order of the page.
    pub behaviours: Vec<Behaviour>,
    /// What leveret lacks, then what is different for good.
    pub differences: Vec<Difference>,
    /// How many of the differences are what leveret lacks.
    pub not_yet: usize,
}

impl Expected {
    /// Reads the three files.
    pub fn read(matrix: &Path) -> Result<Self, String> {
        let text =
            |file: &str| fs::read_to_string(matrix.join(file)).map_err(|error| format!("{file}: {error}"));
        Self::parse(&text("behaviours.tsv")?, &text("not_yet.txt")?, &text("differences.tsv")?)
    }

    fn parse(behaviours: &str, not_yet: &str, differences: &str) -> Result<Self, String> {
        let behaviours = rows(behaviours)
            .map(|[id, sentence]: [&str; 2]| Behaviour { id: id.to_owned(), sentence: sentence.to_owned() });
        let behaviours: Vec<Behaviour> = behaviours.collect();
        let lacking = rows(not_yet).map(|[id, reason]| Difference::new(["*", id, "leveret", reason]));
        let mut all: Vec<Difference> = lacking.collect();
        let not_yet = all.len();
        all.extend(rows(differences).map(Difference::new));
        for difference in &all {
            if !behaviours.iter().any(|behaviour| behaviour.id == difference.id) {
                return Err(format!("no behaviour is called {:?}", difference.id));
            }
            if !["leveret", "RabbitMQ"].contains(&difference.broker.as_str()) || difference.reason.is_empty()
            {
                return Err(format!("{:?} needs one of the two brokers and a reason", difference.id));
            }
        }
        Ok(Self { behaviours, differences: all, not_yet })
    }

    /// Why this cell fails with this broker, if it should.
    pub fn failure(&self, client: &str, id: &str, broker: &str) -> Option<&str> {
        let concerns = |d: &&Difference| d.id == id && d.broker == broker && d.is_about(client);
        self.differences.iter().find(concerns).map(|difference| difference.reason.as_str())
    }
}

impl Difference {
    fn new([client, id, broker, reason]: [&str; 4]) -> Self {
        let client = (client != "*").then(|| client.to_owned());
        Self { client, id: id.to_owned(), broker: broker.to_owned(), reason: reason.to_owned() }
    }

    fn is_about(&self, client: &str) -> bool {
        self.client.as_deref().is_none_or(|named| named == client)
    }
}

/// The lines that say something, in so many columns; a column that is missing is empty.
fn rows<const N: usize>(text: &str) -> impl Iterator<Item = [&str; N]> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let mut columns = line.splitn(N, '\t');
        std::array::from_fn(|_| columns.next().unwrap_or_default().trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEHAVIOURS: &str = "# id, sentence\nbirth\tis born\ndeath\tdies\n";

    #[test]
    fn what_leveret_lacks_concerns_all_clients_and_a_difference_the_one_it_names() {
        let expected =
            Expected::parse(BEHAVIOURS, "death\tpatience\n", "a\tbirth\tRabbitMQ\ttwins\n").unwrap();
        assert_eq!(expected.behaviours.len(), 2);
        assert_eq!(expected.failure("b", "death", "leveret"), Some("patience"));
        assert_eq!(expected.failure("b", "death", "RabbitMQ"), None);
        assert_eq!(expected.failure("a", "birth", "RabbitMQ"), Some("twins"));
        assert_eq!(expected.failure("b", "birth", "RabbitMQ"), None);
    }

    #[test]
    fn a_line_about_nothing_is_refused() {
        assert!(Expected::parse(BEHAVIOURS, "life\tmissing\n", "").is_err());
        assert!(Expected::parse(BEHAVIOURS, "", "*\tbirth\tsome broker\treason\n").is_err());
        assert!(Expected::parse(BEHAVIOURS, "", "*\tbirth\tRabbitMQ\n").is_err());
    }
}
