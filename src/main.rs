//! The `leveret` command.
#![forbid(unsafe_code)]

mod cli;
mod config;

/// The library leaves the choice to its program; this is the program's.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
