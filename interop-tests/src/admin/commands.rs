//! The file of what is said to `rabbitmqadmin`: one command a line, words as a shell reads them.
//!
//! ```text
//! list users | ours                          the lines about what the suite has made, and the head of the table
//! show memory_breakdown_in_bytes | names     the first cells of the table, sorted
//! @client USER PASSWORD VHOST QUEUE          an AMQP client connects and consumes
//! @until TEXT -- list connections            said again until a line about the suite's own has this text
//! @gone                                      the broker has ended that client's connection
//! ```

/// What of an answer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// Lines about what the suite has made, and the heads of tables: a broker may hold more.
    Ours,
    /// The first cells of tables, sorted: the others are measured.
    Names,
}

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A command for the tool.
    Say {
        /// As it is recorded.
        line: String,
        /// The arguments.
        words: Vec<String>,
        /// What of the answer counts.
        part: Part,
    },
    /// A client with this user, password, virtual host and queue.
    Client {
        /// As it is recorded.
        line: String,
        /// What stands behind `@client`.
        words: Vec<String>,
    },
    /// The tool is asked until its answer has the text.
    Until {
        /// As it is recorded.
        line: String,
        /// What the answer must have.
        text: String,
        /// The arguments.
        words: Vec<String>,
    },
    /// The client's connection has been ended from outside.
    Gone {
        /// As it is recorded.
        line: String,
    },
}

/// The steps of a file; empty lines and those that begin with `#` are none.
pub fn steps(text: &str) -> Result<Vec<Step>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(step).collect()
}

fn step(line: &str) -> Result<Step, String> {
    let (said, part) = match line.rsplit_once(" | ") {
        Some((said, "ours")) => (said, Part::Ours),
        Some((said, "names")) => (said, Part::Names),
        _ => (line, Part::Whole),
    };
    let mut words = words(said).ok_or_else(|| format!("a quote is open: {line}"))?;
    let line = line.to_owned();
    Ok(match words.first().map(String::as_str) {
        Some("@client") => Step::Client { line, words: words.split_off(1) },
        Some("@gone") => Step::Gone { line },
        Some("@until") => {
            let at = words.iter().position(|word| word == "--").ok_or(format!("no `--`: {line}"))?;
            let asked = words.split_off(at + 1);
            Step::Until { line, text: words.swap_remove(1), words: asked }
        }
        _ => Step::Say { line, words, part },
    })
}

/// Splits at blanks that are neither between single quotes nor behind a backslash; None: a quote is open.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if !quoted => word.get_or_insert_default().extend(characters.next()),
            ' ' if !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    (!quoted).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_by_a_shell() {
        let split = words(r#"declare queue name=a\ b 'arguments={"x": 1}' ''"#).unwrap();
        assert_eq!(split, ["declare", "queue", "name=a b", r#"arguments={"x": 1}"#, ""]);
        assert_eq!(words("an 'open quote"), None);
    }

    #[test]
    fn lines_are_commands_or_orders_for_the_runner() {
        let file = "# words\n\nlist users | ours\n@until guest -- list connections name\n@gone\n";
        let texts = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let wanted = [
            Step::Say {
                line: "list users | ours".into(),
                words: texts(&["list", "users"]),
                part: Part::Ours,
            },
            Step::Until {
                line: "@until guest -- list connections name".into(),
                text: "guest".into(),
                words: texts(&["list", "connections", "name"]),
            },
            Step::Gone { line: "@gone".into() },
        ];
        assert_eq!(steps(file).unwrap(), wanted);
    }
}
