//! Regular expressions of strangers: what they cost is bounded, whatever they say.
//!
//! Invariants:
//! - A pattern is short, and compiled it is small. Only what is matched in linear time is taken, and looking ahead
//!   (`(?!amq\.)`), which goes back [`MOST_STEPS`] times at most. With a lookahead nothing is counted (`{2,5}`), for
//!   counting goes on without going back.
//! - All names that a pattern is tried on take [`PATIENCE`] together. Then it has given up, and whoever asked is told so
//!   instead of a part of the list.
//! - It is compiled and used where it may take its time, not where traffic is carried.

use std::cell::Cell;
use std::time::{Duration, Instant};

use fancy_regex::{CompileError, Error, Regex, RegexBuilder};

/// Longer ones are refused.
const MOST_BYTES: usize = 1000;
/// What may be compiled of one, and what may be remembered while it is used.
const COMPILED_BYTES: usize = 1024 * 1024;
/// The same for each of the parts that stand between lookaheads.
const PART_BYTES: usize = 64 * 1024;
/// How often one with a lookahead goes back within a name.
const MOST_STEPS: usize = 10_000;
/// How long all names may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a pattern is not used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is none.
    #[error("{0}")]
    Nonsense(String),
    /// It may be one, but would cost too much.
    #[error("{0}")]
    Refused(&'static str),
}

/// What it is to make of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Matters,
    DoesNot,
}

/// A pattern that names are tried on.
#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    spent: Cell<Duration>,
}

impl Pattern {
    /// Compiles one.
    pub fn new(text: &str, case: Case) -> Result<Self, PatternError> {
        if MOST_BYTES < text.len() {
            return Err(PatternError::Refused("the pattern is longer than 1000 bytes"));
        }
        let bytes = if looks_ahead(text)? { PART_BYTES } else { COMPILED_BYTES };
        let regex = RegexBuilder::new(text)
            .case_insensitive(case == Case::DoesNot)
            .delegate_size_limit(bytes)
            .delegate_dfa_size_limit(bytes)
            .backtrack_limit(MOST_STEPS)
            .build();
        match regex {
            Ok(regex) => Ok(Self { regex, spent: Cell::default() }),
            Err(error) if is_too_large(&error) => {
                Err(PatternError::Refused("the pattern is too large when it is compiled"))
            }
            Err(error) => Err(PatternError::Nonsense(error.to_string())),
        }
    }

    /// Whether it is in a name. One that goes back too often is not.
    pub fn is_in(&self, name: &str) -> bool {
        if self.has_given_up() {
            return false;
        }
        let start = Instant::now();
        let is_in = self.regex.is_match(name).unwrap_or(false);
        self.spent.set(self.spent.get() + start.elapsed());
        is_in
    }

    /// Whether the names took too long: what [`Pattern::is_in`] said of the last ones means nothing.
    pub fn has_given_up(&self) -> bool {
        PATIENCE < self.spent.get()
    }
}

fn is_too_large(error: &Error) -> bool {
    let Error::CompileError(error) = error else { return false };
    matches!(&**error, CompileError::InnerError(error) if error.size_limit().is_some())
}

/// Whether there is a lookahead in it; refuses what can't be bounded: back references, and groups of any other kind.
fn looks_ahead(text: &str) -> Result<bool, PatternError> {
    let mut looks = false;
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '(']) {
        let (_, found) = rest.split_at(at);
        let mut letters = found.chars();
        let first = letters.next();
        let next = letters.next();
        if first == Some('\\') {
            if next.is_some_and(|next| next.is_ascii_digit() || matches!(next, 'g' | 'k' | 'G' | 'K')) {
                return Err(PatternError::Refused("patterns with back references are not served"));
            }
            rest = letters.as_str();
            continue;
        }
        rest = found.strip_prefix('(').unwrap_or_default();
        match next {
            Some('?') => looks |= is_lookahead(rest)?,
            Some('*') => return Err(KIND),
            _ => {}
        }
    }
    if looks && text.contains('{') {
        return Err(PatternError::Refused("patterns with a lookahead can't count: `{` is not served there"));
    }
    Ok(looks)
}

const KIND: PatternError = PatternError::Refused(
    "patterns may have groups, flags and lookaheads, no lookbehinds and nothing else that begins with `(?`",
);

/// Of what follows the parenthesis.
fn is_lookahead(group: &str) -> Result<bool, PatternError> {
    if group.starts_with("?=") || group.starts_with("?!") {
        return Ok(true);
    }
    let rest = group.trim_start_matches(['?', 'i', 'm', 's', '-']);
    if rest.starts_with([':', ')']) { Ok(false) } else { Err(KIND) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> bool {
        matches!(Pattern::new(text, Case::Matters), Err(PatternError::Refused(_)))
    }

    fn is_in(text: &str, name: &str) -> bool {
        Pattern::new(text, Case::Matters).unwrap().is_in(name)
    }

    #[test]
    fn what_tools_ask_with_is_served() {
        assert!(is_in(r"^orders\.\w+-[0-9]{3}$", "orders.eu-007"));
        assert!(is_in(r"^(?!amq\.gen)", "orders") && !is_in(r"^(?!amq\.gen)", "amq.gen-1"));
        assert!(is_in(r"^(?i:ORDERS)|^(?:x|y)\(", "orders") && is_in(r"[\d(]", "("));
        assert!(is_in(r"^(?=.*eu)(?=.*fast)", "fast.eu") && !is_in(r"^(?=.*eu)(?=.*fast)", "fast"));
        assert!(Pattern::new("ORD", Case::DoesNot).unwrap().is_in("orders"));
        assert!(matches!(Pattern::new("(", Case::Matters), Err(PatternError::Nonsense(_))));
    }

    #[test]
    fn what_could_take_for_ever_is_refused() {
        for text in [
            r"(a)\1",
            r"(?<n>a)\k<n>",
            r"(?<=a)b",
            r"(?>a)",
            r"(?R)",
            r"(a|b\g<0>)",
            r"(?(1)a|b)",
            r"(*FAIL)",
            "(?:(?=a)){4000000000}",
            r"((\w{1000}){1000}){1000}",
        ] {
            assert!(refused(text), "{text}");
        }
        assert!(refused(&"a".repeat(MOST_BYTES + 1)) && !refused(&"a".repeat(MOST_BYTES)));
    }

    #[test]
    fn the_most_that_a_pattern_can_ask_for_is_compiled_at_once() {
        let start = Instant::now();
        let most = |part: &str| part.repeat(MOST_BYTES / part.len());
        for text in [most(r"(?=\w\w\w|\d)"), most(r"\w"), most(r"(?!\W)"), most(r"(?=\pL*\d+)"), most("(?=(")]
        {
            let pattern = Pattern::new(&text, Case::DoesNot);
            drop(pattern.map(|pattern| pattern.is_in(&"a1".repeat(127))));
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    }

    #[test]
    fn one_that_takes_too_long_gives_up() {
        let pattern = Pattern::new(r"^(?:(?=a)(?:a|a)*)*$", Case::Matters).unwrap();
        let name = format!("{}b", "a".repeat(254));
        assert!(!pattern.is_in(&name) && !pattern.has_given_up());
        pattern.spent.set(PATIENCE + Duration::from_millis(1));
        assert!(pattern.has_given_up() && !pattern.is_in("a"));
    }
}
