//! What was found in a file, and how it is printed.

use std::fmt::Write as _;
use std::path::Path;

use leveret::DefinitionsReview;
use serde_json::{Value, json};

use super::Checked;
use crate::config::{Line, Standing};

/// One line of a file of settings; one thing, or one list of things, of definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is to this broker.
    pub standing: Standing,
    /// `line 3`, `queues[3]`, or nothing where the text names it.
    pub place: String,
    /// What it is about, and why it stands as it does.
    pub text: String,
}

impl From<Line> for Finding {
    fn from(line: Line) -> Self {
        let text = match (line.key.as_str(), line.why.as_str()) {
            ("", why) => why.to_owned(),
            (_, "") => line.key,
            (key, why) => format!("{key}: {why}"),
        };
        Self { standing: line.standing, place: format!("line {}", line.number), text }
    }
}

/// How many of each list are served, then each that is not.
pub fn of_definitions(review: &DefinitionsReview) -> Vec<Finding> {
    let finding = |standing, place: &str, text: &str| Finding {
        standing,
        place: place.to_owned(),
        text: text.to_owned(),
    };
    let served =
        review.served.iter().map(|(list, count)| finding(Standing::Served, list, &count.to_string()));
    let refused = review.refused.iter().map(|(place, why)| finding(Standing::Refused, place, why));
    let differences = review.report.differences().iter().map(|line| finding(Standing::Differs, "", line));
    // RabbitMQ skips reserved names, too, and every export of it has one.
    let standing = |line: &str| if line.starts_with("skipped") { Standing::Inert } else { Standing::Differs };
    let skipped = review.report.skipped().iter().map(|line| finding(standing(line), "", line));
    let unknown =
        review.unknown.iter().map(|place| finding(Standing::Unknown, place, "is no part of definitions"));
    served.chain(refused).chain(differences).chain(skipped).chain(unknown).collect()
}

impl Standing {
    /// As it is printed.
    const fn word(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Inert => "no effect",
            Self::Differs => "differs",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
        }
    }
}

/// A heading for each file that could be read, and a line for each finding.
pub fn table(checked: &[(&Path, Checked)]) -> String {
    let mut text = String::new();
    for (path, findings) in checked.iter().filter_map(|(path, checked)| Some((path, checked.as_ref().ok()?)))
    {
        let _ = writeln!(text, "{}", path.display());
        for Finding { standing, place, text: what } in findings {
            let place = if place.is_empty() { String::new() } else { format!("{place}  ") };
            let _ = writeln!(text, "  {:<9}  {place}{what}", standing.word());
        }
    }
    text
}

/// An array of files, each with its findings or why it cannot be read.
pub fn json(checked: &[(&Path, Checked)]) -> String {
    let files = checked.iter().map(|(path, checked)| match checked {
        Ok(findings) => {
            let findings: Vec<Value> = findings.iter().map(object).collect();
            json!({"file": path.display().to_string(), "findings": findings})
        }
        Err(error) => json!({"file": path.display().to_string(), "error": error}),
    });
    format!("{}\n", files.collect::<Value>())
}

fn object(finding: &Finding) -> Value {
    json!({"standing": finding.standing.word(), "place": finding.place, "text": finding.text})
}
