//! The `leveret` command.
#![forbid(unsafe_code)]

mod cli;
mod config;

/// Chosen by measurement: see the documentation of the architecture.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
