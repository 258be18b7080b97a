//! A file is something one can hold in the head.
//!
//! Tests count by themselves: a module of tests in a file may be as long as the code it tests, because
//! tests are read one by one, and a limit on both together would drive them away from their code.

use std::collections::BTreeMap;

use crate::source::Source;
use crate::{Exception, Finding, assert_in_use, assert_tidy, source};

const LONGEST_FILE: usize = 600;

const LONG_FILES: &[Exception] = &[];

/// Visibility is the module tree; `pub(crate)` says that something sits in the wrong module.
const PUB_CRATE_PER_THOUSAND_LINES: usize = 2;

fn too_long(source: &Source) -> Vec<Finding> {
    let tests: usize = source.test_lines().iter().map(|lines| lines.clone().count()).sum();
    let code = source.lines().count() - tests;
    let check = |what: &str, lines: usize| {
        let what = format!("{lines} lines of {what}, {LONGEST_FILE} is the limit");
        (LONGEST_FILE < lines).then(|| Finding::new(&source.path, 1, what))
    };
    check("code", code).into_iter().chain(check("tests", tests)).collect()
}

/// The findings of one crate, or none if it stays within its share.
fn too_many_pub_crate<'a>(sources: impl IntoIterator<Item = &'a Source>) -> Vec<Finding> {
    let mut lines = 0;
    let mut found = Vec::new();
    for source in sources {
        lines += source.lines().count();
        let code = source.lines().filter(|(_, line)| !line.trim_start().starts_with("//"));
        found.extend(
            code.filter(|(_, line)| line.contains("pub(crate)"))
                .map(|(line, _)| Finding::new(&source.path, line, "pub(crate)")),
        );
    }
    let allowed = (lines * PUB_CRATE_PER_THOUSAND_LINES).div_ceil(1000);
    if found.len() <= allowed { Vec::new() } else { found }
}

#[test]
fn no_file_is_too_long_to_hold_in_the_head() {
    assert_in_use(LONG_FILES);
    let excepted = |path: &str| LONG_FILES.iter().any(|exception| exception.path == path);
    let sources = source::all_rust().into_iter().filter(|source| !excepted(&source.path));
    assert_tidy(
        "A long file hides the module that wants to leave it.",
        sources.flat_map(|s| too_long(&s)).collect(),
    );
}

#[test]
fn a_long_file_is_found_and_its_tests_count_by_themselves() {
    let code = "//! A.\n".repeat(LONGEST_FILE);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(LONGEST_FILE - 3));
    assert_eq!(too_long(&Source::new("a.rs", &format!("{code}{tests}"))), []);
    assert_eq!(too_long(&Source::new("a.rs", &format!("{code}//! One more.\n{tests}"))).len(), 1);
    assert_eq!(too_long(&Source::new("a.rs", &tests.replacen("{\n", "{\n\n", 1))).len(), 1);
}

#[test]
fn pub_crate_is_an_exception() {
    let sources = source::all_rust();
    let mut crates: BTreeMap<&str, Vec<&Source>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let (root, _) = source.path.split_once("src/").unwrap_or_default();
        crates.entry(root).or_default().push(source);
    }
    let findings = crates.into_values().flat_map(too_many_pub_crate).collect();
    assert_tidy(
        "A private module with plain `pub` items says the same; a sibling that must not see it is elsewhere.",
        findings,
    );
}

#[test]
fn more_than_a_share_of_pub_crate_is_found() {
    let hidden = |lines: usize, times: usize| {
        let text = format!(
            "{}{}// pub(crate)\n",
            "//! A.\n".repeat(lines - times - 1),
            "pub(crate) fn a() {}\n".repeat(times)
        );
        too_many_pub_crate([&Source::new("src/a.rs", &text)]).len()
    };
    assert_eq!(
        (hidden(1000, 2), hidden(1000, 3), hidden(1001, 3), hidden(10, 1), hidden(10, 2)),
        (0, 3, 0, 0, 2)
    );
}
