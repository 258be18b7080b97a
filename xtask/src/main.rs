//! The project's own commands, run as `cargo xtask COMMAND`.
//!
//! There is one gate, `cargo xtask test`, and it is the same for a developer and for CI. It has no
//! dependencies, so that the gate itself is built in a second.
#![forbid(unsafe_code)]

mod gate;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask test    everything that must hold before a change is merged";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words != ["test"] {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    match gate::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\nxtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
