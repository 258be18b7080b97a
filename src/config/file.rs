//! The syntax of rabbitmq.conf: one `key = value` a line, `#` comments, dotted keys.
//!
//! This module knows no key: it cuts lines into entries that remember where they stood.

use std::fmt;

/// One `key = value`, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1.
    pub line: usize,
    /// Dotted; `\.` within a part has become a plain dot in [`Entry::parts`].
    pub key: String,
    /// Without quotes and comment, and with `$(NAME)` filled in.
    pub value: String,
}

impl Entry {
    /// The key cut at its dots. A part that contains a dot of its own was written `a\.b`.
    pub fn parts(&self) -> Vec<String> {
        let mut parts = vec![String::new()];
        let mut characters = self.key.chars();
        while let Some(character) = characters.next() {
            match (character, parts.last_mut()) {
                ('.', _) => parts.push(String::new()),
                ('\\', Some(part)) => part.extend(characters.next()),
                (other, Some(part)) => part.push(other),
                (_, None) => {}
            }
        }
        parts
    }
}

/// A line that is no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Counted from 1.
    pub line: usize,
    /// What was expected.
    pub text: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.text)
    }
}

/// Cuts `text` into its entries, in order, and what is no entry; `variable` looks up what `$(NAME)` stands for.
pub fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> (Vec<Entry>, Vec<SyntaxError>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().enumerate().filter(|(_, line)| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with('#')
    });
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    for (index, line) in lines {
        match entry(line, &variable) {
            Ok((key, value)) => entries.push(Entry { line: index + 1, key, value }),
            Err(text) => errors.push(SyntaxError { line: index + 1, text }),
        }
    }
    (entries, errors)
}

fn entry(line: &str, variable: &impl Fn(&str) -> Option<String>) -> Result<(String, String), String> {
    let Some((key, value)) = line.split_once('=') else {
        return Err(format!("expected `key = value`, found `{}`", line.trim()));
    };
    let key = key.trim();
    let allowed = |c: char| c.is_alphanumeric() || "._-\\*/".contains(c);
    if key.is_empty() || !key.chars().all(allowed) {
        return Err(format!("expected a dotted key before `=`, found `{key}`"));
    }
    let value = fill_in(&unquote(value.trim())?, variable)?;
    if value.is_empty() {
        return Err(format!("`{key}` has no value"));
    }
    Ok((key.to_owned(), value))
}

/// Takes quotes or a comment off. A `#` cuts a bare value, as in RabbitMQ; a password that has one
/// stands in single quotes.
fn unquote(value: &str) -> Result<String, String> {
    if let Some(quoted) = value.strip_prefix('\'') {
        let Some((inside, rest)) = quoted.split_once('\'') else {
            return Err("a single quote is not closed".to_owned());
        };
        let rest = rest.trim();
        if rest.is_empty() || rest.starts_with('#') {
            return Ok(inside.to_owned());
        }
        return Err(format!("expected nothing after the closing quote, found `{rest}`"));
    }
    let bare = value.split_once('#').map_or(value, |(before, _)| before);
    Ok(bare.trim().to_owned())
}

fn fill_in(value: &str, variable: &impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("$(") {
        let Some((name, behind)) = after.split_once(')') else {
            return Err("`$(` is not closed".to_owned());
        };
        let content = variable(name.trim())
            .ok_or_else(|| format!("the environment variable `{}` is not set", name.trim()))?;
        filled.push_str(before);
        filled.push_str(&content);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        (name == "PASSWORD").then(|| "s#cret".to_owned())
    }

    fn entries(text: &str) -> Vec<(usize, String, String)> {
        let (parsed, errors) = parse(text, environment);
        assert_eq!(errors, []);
        parsed.into_iter().map(|entry| (entry.line, entry.key, entry.value)).collect()
    }

    #[test]
    fn an_entry_remembers_its_line() {
        let text = "\u{feff}# a comment\n\nheartbeat = 30\r\n  listeners.tcp.default=5673   # why\n";
        let expected = [
            (3, "heartbeat".to_owned(), "30".to_owned()),
            (4, "listeners.tcp.default".to_owned(), "5673".to_owned()),
        ];
        assert_eq!(entries(text), expected);
    }

    #[test]
    fn values_may_be_quoted_cut_and_filled_in() {
        let table = [
            ("default_pass = a#b", "a"),
            ("default_pass = 'a#b'", "a#b"),
            ("default_pass = 'a' # b", "a"),
            ("default_pass = $(PASSWORD)", "s#cret"),
            ("default_pass = <$( PASSWORD )>", "<s#cret>"),
            ("default_pass = a=b", "a=b"),
        ];
        for (line, expected) in table {
            assert_eq!(entries(line), [(1, "default_pass".to_owned(), expected.to_owned())], "{line}");
        }
    }

    #[test]
    fn what_is_no_entry_is_refused_with_its_line() {
        let table = [
            ("\nheartbeat 30", "line 2: expected `key = value`, found `heartbeat 30`"),
            ("heart beat = 30", "line 1: expected a dotted key before `=`, found `heart beat`"),
            (" = 30", "line 1: expected a dotted key before `=`, found ``"),
            ("heartbeat =  # none", "line 1: `heartbeat` has no value"),
            ("default_pass = 'a", "line 1: a single quote is not closed"),
            ("default_pass = 'a' b", "line 1: expected nothing after the closing quote, found `b`"),
            ("default_pass = $(NOPE)", "line 1: the environment variable `NOPE` is not set"),
            ("default_pass = $(NOPE", "line 1: `$(` is not closed"),
        ];
        for (text, expected) in table {
            let (entries, errors) = parse(text, environment);
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!((entries, errors), (vec![], vec![expected.to_owned()]), "{text:?}");
        }
    }

    #[test]
    fn a_line_that_is_no_entry_does_not_hide_the_others() {
        let (entries, errors) = parse("heartbeat = 1\nwhat\nchannel_max = 2\nwhere", environment);
        assert_eq!(entries.iter().map(|entry| entry.line).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [2, 4]);
    }

    #[test]
    fn a_part_of_a_key_may_contain_an_escaped_dot() {
        let (parsed, _) = parse(r"loopback_users.jane\.doe = true", environment);
        assert_eq!(parsed[0].parts(), ["loopback_users", "jane.doe"]);
    }
}
