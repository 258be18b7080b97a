//! The `leveret` command.
#![forbid(unsafe_code)]

mod cli;
mod config;

fn main() -> std::process::ExitCode {
    use clap::Parser as _;
    cli::Command::parse().run()
}
