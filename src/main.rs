//! The `leveret` command.
#![forbid(unsafe_code)]

mod cli;
mod config;

fn main() -> std::process::ExitCode {
    cli::run()
}
