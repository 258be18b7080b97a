//! A module is a noun of the protocol, and starts with what is true of it.

use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

use crate::source::Source;
use crate::{Finding, assert_tidy, source};

/// Names that say where something was put, not what it is.
const BANNED: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "manager", "handler", "handlers", "misc", "impls",
    "shared",
];

fn bad_names(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let path = Path::new(&source.path).with_extension("");
    let names: Vec<&str> = path.iter().filter_map(|name| name.to_str()).collect();
    for (at, name) in names.iter().enumerate() {
        if BANNED.contains(name) {
            found.push(Finding::new(&source.path, 1, format!("`{name}` is no noun of the protocol")));
        }
        if at.checked_sub(1).is_some_and(|parent| names[parent] == *name) {
            found.push(Finding::new(&source.path, 1, format!("`{name}` is named as its parent")));
        }
    }
    inline_modules(source.tokens(), &mut |line, name| {
        if BANNED.contains(&name) {
            found.push(Finding::new(&source.path, line, format!("`mod {name}` is no noun of the protocol")));
        }
    });
    found
}

fn inline_modules(tokens: TokenStream, see: &mut impl FnMut(usize, &str)) {
    let mut after_mod = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(name) if after_mod => see(name.span().start().line, &name.to_string()),
            TokenTree::Group(group) => inline_modules(group.stream(), see),
            _ => {}
        }
        after_mod = matches!(&token, TokenTree::Ident(word) if word == "mod");
    }
}

fn lacks_module_doc(source: &Source) -> Option<Finding> {
    (!source.text.starts_with("//! ")).then(|| Finding::new(&source.path, 1, "does not start with `//! `"))
}

#[test]
fn modules_are_named_after_what_they_are() {
    let findings = source::all_rust().iter().flat_map(bad_names).collect();
    assert_tidy("A reader with the specification in hand must find the file without a search.", findings);
}

#[test]
fn a_module_without_a_noun_is_found() {
    assert_eq!(bad_names(&Source::new("src/utils/a.rs", "")).len(), 1);
    assert_eq!(bad_names(&Source::new("crates/core/src/queue/queue.rs", "")).len(), 1);
    assert_eq!(bad_names(&Source::new("src/a.rs", "mod ready {\n    pub mod helpers {}\n}")).len(), 1);
    assert_eq!(bad_names(&Source::new("crates/core/src/queue/ready.rs", "// mod utils\nmod lanes;")), []);
}

#[test]
fn every_module_starts_with_what_is_true_of_it() {
    let findings = source::all_rust().iter().filter_map(lacks_module_doc).collect();
    assert_tidy("The first line of a module is its `//!`.", findings);
}

#[test]
fn a_module_without_a_doc_is_found() {
    assert!(lacks_module_doc(&Source::new("src/a.rs", "use std::fmt;\n//! Late.\n")).is_some());
    assert!(lacks_module_doc(&Source::new("src/a.rs", "//! On time.\n")).is_none());
}
