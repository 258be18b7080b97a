//! `leveret check FILE...`: what this broker would make of files that were written for RabbitMQ, before a start.
//!
//! A file of settings and one of definitions are told apart by what is in them. Both are read as a start reads them: this
//! module has no list of its own of what is served.

mod finding;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use leveret::review_definitions;

use crate::config::{self, Environment, Standing};
use finding::Finding;

/// Exit code: something is not served as it is in RabbitMQ.
const DIFFERS: u8 = 1;
/// Exit code: a file cannot be read.
const UNREADABLE: u8 = 2;

/// What to look at, and how to tell it.
#[derive(Args)]
pub struct CheckOptions {
    /// rabbitmq.conf, a file of conf.d, or definitions.json
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How to tell it
    #[arg(long, value_enum, default_value_t = Formatter::Table)]
    formatter: Formatter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Formatter {
    Table,
    Json,
}

/// One file, as far as it could be read.
type Checked = Result<Vec<Finding>, String>;

/// Looks at every file and prints what was found. 0: all is served, or what is not will not be missed; 1: something
/// differs or is unknown; 2: a file cannot be read.
pub fn run_and_print(options: &CheckOptions) -> ExitCode {
    let environment = Environment::of_process();
    let checked: Vec<(&Path, Checked)> =
        options.files.iter().map(|path| (path.as_path(), check(path, &environment))).collect();
    let printed = match options.formatter {
        Formatter::Table => finding::table(&checked),
        Formatter::Json => finding::json(&checked),
    };
    print!("{printed}");
    for (path, error) in checked.iter().filter_map(|(path, checked)| Some((path, checked.as_ref().err()?))) {
        eprintln!("{}: {error}", path.display());
    }
    ExitCode::from(code(&checked))
}

fn code(checked: &[(&Path, Checked)]) -> u8 {
    let findings = || checked.iter().filter_map(|(_, checked)| checked.as_ref().ok()).flatten();
    if checked.iter().any(|(_, checked)| checked.is_err()) {
        UNREADABLE
    } else if findings().all(|finding| matches!(finding.standing, Standing::Served | Standing::Inert)) {
        0
    } else {
        DIFFERS
    }
}

fn check(path: &Path, environment: &Environment) -> Checked {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    check_text(&text, environment)
}

/// Definitions are an object, and no setting begins as one.
fn check_text(text: &str, environment: &Environment) -> Checked {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with('{') {
        let review = review_definitions("definitions", text).map_err(|error| error.to_string())?;
        return Ok(finding::of_definitions(&review));
    }
    if start.starts_with('[') {
        return Err("these are terms of Erlang (advanced.config), which are not read".to_owned());
    }
    Ok(config::review(text, environment).into_iter().map(Finding::from).collect())
}

#[cfg(test)]
mod tests;
