//! The rules of the house that no compiler checks: one test a rule, and for each rule a test that it can fail.
//!
//! A rule is a function from a source (or a manifest) to findings; its test runs it over the whole
//! repository and prints every finding as `path:line: what is wrong`. Where a rule has exceptions they
//! are a list beside it, each with its reason. The length of a function is not here but in `clippy.toml`.
#![cfg(test)]
#![forbid(unsafe_code)]

mod layers;
mod names;
mod purity;
mod sizes;
mod source;
mod waiting;
mod words;

/// Something in the repository that breaks a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

/// A part of the repository that may break a rule, and why.
struct Exception {
    path: &'static str,
    reason: &'static str,
}

/// Fails if there is anything to complain about.
#[track_caller]
fn assert_tidy(rule: &str, mut findings: Vec<Finding>) {
    findings.sort();
    let lines: Vec<String> =
        findings.iter().map(|found| format!("{}:{}: {}", found.path, found.line, found.what)).collect();
    assert!(findings.is_empty(), "\n{rule}\n\n{}\n", lines.join("\n"));
}

/// Fails if an exception names a file that is gone, or gives no reason.
#[track_caller]
fn assert_in_use(exceptions: &[Exception]) {
    for exception in exceptions {
        assert!(
            source::root().join(exception.path).exists(),
            "{} is gone: drop its exception",
            exception.path
        );
        assert!(!exception.reason.is_empty(), "{} is excepted without a reason", exception.path);
    }
}
