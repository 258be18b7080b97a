//! The files of the repository, and what a rule may ask of one.
//!
//! Rust files are looked at as tokens, so that comments and strings never count as code; the other
//! files as lines.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, Spacing, TokenStream, TokenTree};

/// Directories with a dot that are ours all the same.
const OWN_DOT_DIRECTORIES: &[&str] = &[".ci", ".cargo", ".config", ".github"];
/// What builds and package managers leave behind.
const LEFTOVERS: &[&str] =
    &["target", "node_modules", "vendor", "__pycache__", "build", "corpus", "artifacts"];

/// One text file of the repository, named from its root with forward slashes.
pub struct Source {
    pub path: String,
    pub text: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    pub fn extension(&self) -> &str {
        Path::new(&self.path).extension().and_then(|extension| extension.to_str()).unwrap_or_default()
    }

    pub fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    /// The lines, counted from one.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    pub fn tokens(&self) -> TokenStream {
        TokenStream::from_str(&self.text).unwrap_or_else(|error| panic!("{} is no Rust: {error}", self.path))
    }

    /// Whether the whole file is test code.
    pub fn is_test(&self) -> bool {
        let mut parts = self.path.split('/').rev();
        let file = parts.next().unwrap_or_default();
        file == "tests.rs" || parts.any(|folder| folder == "tests")
    }

    /// The lines of the items at the top of the file that only a test build sees.
    pub fn test_lines(&self) -> Vec<RangeInclusive<usize>> {
        let mut found = Vec::new();
        let mut from = None;
        for token in self.tokens() {
            match &token {
                TokenTree::Group(group) if is_cfg_test(group) => from = Some(group.span_open().start().line),
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                    found.extend(from.take().map(|from| from..=group.span_close().end().line));
                }
                TokenTree::Punct(punct) if punct.as_char() == ';' => from = None,
                _ => {}
            }
        }
        found
    }

    /// Every path that the code names, such as `std::fs::read`, with its line. The braces of a `use`
    /// are multiplied out. A single name counts as a path; what is called or read by a dot keeps it.
    pub fn code_paths(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        collect_paths(self.tokens(), "", &mut found);
        found
    }
}

/// Whether this is the bracketed part of `#[cfg(test)]`.
fn is_cfg_test(group: &Group) -> bool {
    group.delimiter() == Delimiter::Bracket && group.stream().to_string().replace(' ', "") == "cfg(test)"
}

fn collect_paths(tokens: TokenStream, prefix: &str, found: &mut Vec<(usize, String)>) {
    let mut path = prefix.to_owned();
    let mut line = 0;
    let mut joint_colon = false;
    for token in tokens {
        let colon = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == ':');
        match token {
            TokenTree::Ident(name) => {
                if !path.is_empty() && !path.ends_with("::") && path != "." {
                    found.push((line, std::mem::take(&mut path)));
                }
                line = name.span().start().line;
                path.push_str(&name.to_string());
            }
            TokenTree::Punct(punct) if colon && punct.spacing() == Spacing::Joint => {}
            TokenTree::Punct(_) if colon && joint_colon => path.push_str("::"),
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && path.ends_with("::") => {
                collect_paths(group.stream(), &std::mem::take(&mut path), found);
            }
            TokenTree::Group(group) => {
                finish(&mut path, line, prefix, found);
                collect_paths(group.stream(), "", found);
            }
            TokenTree::Punct(punct) if punct.as_char() == '.' => {
                finish(&mut path, line, prefix, found);
                ".".clone_into(&mut path);
            }
            _ => finish(&mut path, line, prefix, found),
        }
        joint_colon = colon;
    }
    finish(&mut path, line, prefix, found);
}

/// The path ends here; what follows (after a comma, in the braces of a `use`) starts from the prefix.
fn finish(path: &mut String, line: usize, prefix: &str, found: &mut Vec<(usize, String)>) {
    if line != 0 && path != prefix && path != "." {
        found.push((line, path.clone()));
    }
    prefix.clone_into(path);
}

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file of the repository.
pub fn all() -> Vec<Source> {
    let mut found = Vec::new();
    visit(root(), &mut found);
    assert!(found.iter().any(|source| source.path == "src/lib.rs"), "the walk has missed the sources");
    found
}

/// Every Rust file of the repository.
pub fn all_rust() -> Vec<Source> {
    all().into_iter().filter(Source::is_rust).collect()
}

fn visit(folder: &Path, found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            let hidden = name.starts_with('.') && !OWN_DOT_DIRECTORIES.contains(&name.as_str());
            if !hidden && !LEFTOVERS.contains(&name.as_str()) {
                visit(&path, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path) {
            let relative = path.strip_prefix(root()).unwrap();
            found.push(Source { path: relative.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

#[test]
fn braces_of_a_use_are_multiplied_out() {
    let source = Source::new(
        "a.rs",
        "use std::{fs, net::{TcpStream as S, self}};\nfn a(b: x::C) -> u8 { d!(std::time::Instant::now()).e }",
    );
    let paths = source.code_paths();
    for expected in [
        (1, "std::fs"),
        (1, "std::net::TcpStream"),
        (1, "std::net::self"),
        (2, "x::C"),
        (2, "std::time::Instant::now"),
    ] {
        assert!(paths.contains(&(expected.0, expected.1.to_owned())), "{expected:?} is not in {paths:?}");
    }
}

#[test]
fn comments_and_strings_name_no_paths() {
    let source = Source::new("a.rs", "// std::fs\n/* std::net */\nconst A: &str = \"std::env\";");
    assert!(source.code_paths().iter().all(|(_, path)| !path.starts_with("std")));
}

#[test]
fn test_modules_are_found_by_their_lines() {
    let source = Source::new(
        "a.rs",
        "#[cfg(test)]\nuse b::C;\nfn d() {}\n#[cfg(test)]\nmod tests {\n    fn e() {}\n}\n",
    );
    assert_eq!(source.test_lines(), vec![4..=7]);
}
