//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! There is one gate, `cargo xtask test`, and it is the same for a developer and for CI. It has no
//! dependencies, so that the gate itself is built in a second. What measures has, and is a package of its own.
#![forbid(unsafe_code)]

mod bench;
mod dist;
mod failure;
mod gate;
mod instructions;
mod workspace;

use std::process::ExitCode;

use instructions::Then;

const USAGE: &str = "\
usage: cargo xtask test                    everything that must hold before a change is merged
       cargo xtask dist                    the binary as it is given away, without any dependency: target/dist/leveret
       cargo xtask bench [OPTIONS]         leveret, the bare relay and other brokers side by side: docs/performance.md
       cargo xtask flame CASE SVG          where the broker's time goes under one case's load, as a flame graph
       cargo xtask instructions            what a message costs in the rules, beside the table of it
       cargo xtask instructions --hold     the same as the gate has it: fails if the table does not hold
       cargo xtask instructions --write    the table anew
bench and flame say more with --help";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => gate::run(),
        ["dist"] => dist::run(),
        ["bench" | "flame", ..] => bench::run(&words),
        ["instructions"] => instructions::run(Then::Show),
        ["instructions", "--hold"] => instructions::run(Then::Hold),
        ["instructions", "--write"] => instructions::run(Then::Write),
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
