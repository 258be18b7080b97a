//! `codec`, `routing` and `core` are sans-IO: no clock, no socket, no file, no random source.
//!
//! That is what lets a test set the time, and a seeded simulation run the real rules. Their own unit
//! tests are bound as well: a rule that needs a clock to be tested has the wrong parameters.

use crate::source::Source;
use crate::{Exception, Finding, assert_tidy, source};

const PURE: &[&str] = &["crates/codec/src/", "crates/routing/src/", "crates/core/src/"];

/// What must not be named, as successive segments anywhere in a path.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "Instant::now",
    "SystemTime",
    "thread::sleep",
    "thread::spawn",
    "tokio::*",
    "tokio_util::*",
    "async_std::*",
    "mio::*",
    "rand::*",
    "fastrand::*",
    "getrandom::*",
];

const EXCEPTIONS: &[Exception] = &[Exception {
    path: "crates/codec/src/tokio_codec.rs",
    reason: "the adapter for tools and tests that read frames through tokio",
}];

/// Crates in which no file may say `unsafe`. Storage only denies it, and may come to need one file.
const SAFE: &[&str] =
    &["crates/codec/src/lib.rs", "crates/routing/src/lib.rs", "crates/core/src/lib.rs", "src/lib.rs"];

fn impure(source: &Source) -> Vec<Finding> {
    let named = source.code_paths().into_iter().filter_map(|(line, path)| {
        let banned = IMPURE.iter().find(|banned| names(&path, banned))?;
        Some(Finding::new(&source.path, line, format!("`{path}` ({banned} is for the shell alone)")))
    });
    named.collect()
}

/// Whether `path` has the segments of `banned` in a row; `*` stands for any one segment.
fn names(path: &str, banned: &str) -> bool {
    let path: Vec<&str> = path.split("::").collect();
    let banned: Vec<&str> = banned.split("::").collect();
    path.windows(banned.len())
        .any(|window| window.iter().zip(&banned).all(|(name, banned)| name == banned || *banned == "*"))
}

fn does_not_forbid_unsafe(source: &Source) -> Option<Finding> {
    // Nothing but a module doc: there is nothing to forbid yet.
    let is_empty = source.lines().all(|(_, line)| line.is_empty() || line.starts_with("//"));
    let forbids = source.lines().any(|(_, line)| line == "#![forbid(unsafe_code)]");
    (!is_empty && !forbids).then(|| Finding::new(&source.path, 1, "lacks #![forbid(unsafe_code)]"))
}

#[test]
fn rules_name_no_clock_no_socket_no_file_and_no_random_source() {
    let excepted = |path: &str| EXCEPTIONS.iter().any(|exception| exception.path == path);
    let pure = |source: &Source| {
        PURE.iter().any(|crate_| source.path.starts_with(crate_)) && !excepted(&source.path)
    };
    let findings = source::all_rust().iter().filter(|source| pure(source)).flat_map(impure).collect();
    assert_tidy("Time is the first argument, and effects are data that the shell carries out.", findings);
}

#[test]
fn a_clock_behind_a_use_is_found() {
    let source = Source::new(
        "crates/core/src/a.rs",
        "use std::{collections::VecDeque, fs::File};\nfn a() { let now = std::time::Instant::now(); }\n#[tokio::test]\nfn b() {}",
    );
    assert_eq!(impure(&source).iter().map(|found| found.line).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn durations_and_vectored_slices_are_no_input_or_output() {
    let source = Source::new(
        "crates/core/src/a.rs",
        "use std::{io::IoSlice, time::Duration};\nfn a(tokio: u8, rand: u8) {}",
    );
    assert_eq!(impure(&source), []);
}

#[test]
fn crates_without_unsafe_forbid_it() {
    let sources = source::all_rust();
    let safe = sources.iter().filter(|source| SAFE.contains(&source.path.as_str()));
    assert_tidy(
        "The compiler holds this promise where the crate makes it.",
        safe.filter_map(does_not_forbid_unsafe).collect(),
    );
}

#[test]
fn a_crate_that_only_denies_unsafe_is_found() {
    assert!(does_not_forbid_unsafe(&Source::new("src/lib.rs", "//! A.\n#![deny(unsafe_code)]\n")).is_some());
    assert!(
        does_not_forbid_unsafe(&Source::new("src/lib.rs", "//! A.\n#![forbid(unsafe_code)]\n")).is_none()
    );
}
