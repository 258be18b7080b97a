//! What was said and answered, as a file that people read: `$ command`, and below it the answer.

use std::fmt::{self, Display, Write as _};

/// Commands and their answers, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Transcript(pub Vec<(String, String)>);

/// Commands that leveret answers differently for a reason that is known.
#[derive(Debug, Default)]
pub struct Differences(Vec<(String, String)>);

impl Transcript {
    /// Reads what [`Display`] has written.
    pub fn parse(text: &str) -> Self {
        let mut said: Vec<(String, String)> = Vec::new();
        for line in text.lines() {
            match (line.strip_prefix("$ "), said.last_mut()) {
                (Some(command), _) => said.push((command.to_owned(), String::new())),
                (None, Some((_, answer))) => {
                    answer.push_str(line);
                    answer.push('\n');
                }
                (None, None) => {}
            }
        }
        Self(said)
    }

    /// Every answer of `other`'s that is neither this one's nor listed; and what is listed in vain.
    pub fn compare(&self, other: &Self, listed: &Differences) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.0.len() != other.0.len() {
            wrong.push(format!("{} commands were recorded, {} were said", self.0.len(), other.0.len()));
        }
        for ((command, recorded), (said, answer)) in self.0.iter().zip(&other.0) {
            let same = command == said && recorded == answer;
            match (same, listed.reason(command)) {
                (true, Some(reason)) => {
                    wrong.push(format!("$ {command}\n  is answered as recorded, but listed: {reason}"));
                }
                (false, None) => wrong.push(contrast(said, recorded, answer)),
                (true, None) | (false, Some(_)) => {}
            }
        }
        wrong
    }
}

/// The lines that only one of them has.
fn contrast(command: &str, recorded: &str, answer: &str) -> String {
    let mut text = format!("$ {command}\n");
    let only = |lines: &str, others: &str, sign: char, text: &mut String| {
        for line in lines.lines().filter(|&line| !others.lines().any(|other| other == line)) {
            // A String takes everything.
            let _ = writeln!(text, "{sign} {line}");
        }
    };
    only(recorded, answer, '-', &mut text);
    only(answer, recorded, '+', &mut text);
    if text.lines().count() == 1 {
        text.push_str("the same lines, in another order\n");
    }
    text
}

impl Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(command, answer)| write!(f, "$ {command}\n{answer}"))
    }
}

impl Differences {
    /// Of one program, out of the lines `program<TAB>command<TAB>reason`, where `*` is every program.
    pub fn parse(text: &str, program: &str) -> Result<Self, String> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut listed = Vec::new();
        for line in lines {
            let mut columns = line.splitn(3, '\t');
            match (columns.next(), columns.next(), columns.next()) {
                (Some(of), Some(command), Some(reason)) => {
                    if of == "*" || of.split(',').any(|one| one == program) {
                        listed.push((command.to_owned(), reason.to_owned()));
                    }
                }
                _ => return Err(format!("not three columns: {line}")),
            }
        }
        Ok(Self(listed))
    }

    fn reason(&self, command: &str) -> Option<&str> {
        self.0.iter().find(|(listed, _)| listed == command).map(|(_, reason)| reason.as_str())
    }

    /// How many of these commands are listed.
    pub fn count(&self, said: &Transcript) -> usize {
        said.0.iter().filter(|(command, _)| self.reason(command).is_some()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pairs: &[(&str, &str)]) -> Transcript {
        Transcript(pairs.iter().map(|(command, answer)| ((*command).into(), (*answer).into())).collect())
    }

    #[test]
    fn a_transcript_is_read_as_it_was_written() {
        let transcript = said(&[("list queues", "a\nb\n"), ("close", ""), ("get", "\n$x\n")]);
        assert_eq!(Transcript::parse(&transcript.to_string()), transcript);
    }

    #[test]
    fn only_differences_that_are_listed_are_let_through() {
        let (recorded, answered) = (said(&[("a", "1\n"), ("b", "2\n")]), said(&[("a", "1\n"), ("b", "3\n")]));
        let none = Differences::default();
        assert_eq!(recorded.compare(&answered, &none), ["$ b\n- 2\n+ 3\n"]);
        let known = Differences::parse("script\tb\tthree is right\n", "script").unwrap();
        assert!(recorded.compare(&answered, &known).is_empty());
        assert!(!recorded.compare(&recorded, &known).is_empty(), "listed in vain");
        let another = Differences::parse("successor\tb\tthree is right\n", "script").unwrap();
        assert!(!recorded.compare(&answered, &another).is_empty());
    }
}
