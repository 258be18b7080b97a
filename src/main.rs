//! The `leveret` command.
#![forbid(unsafe_code)]

mod cli;
mod config;

fn main() {
    use clap::Parser as _;
    let _ = cli::Command::parse();
}
