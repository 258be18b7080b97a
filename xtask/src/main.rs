//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! There is one gate, `cargo xtask test`, and it is the same for a developer and for CI. It has no
//! dependencies, so that the gate itself is built in a second. What measures has, and is a package of its own.
#![forbid(unsafe_code)]

mod bench;
mod gate;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask test              everything that must hold before a change is merged
       cargo xtask bench [OPTIONS]   leveret, the bare relay and other brokers side by side: docs/performance.md
       cargo xtask flame CASE SVG    where the broker's time goes under one case's load, as a flame graph
bench and flame say more with --help";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.first().map(String::as_str) {
        Some("test") if words.len() == 1 => gate::run(),
        Some("bench" | "flame") => bench::run(&words),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
