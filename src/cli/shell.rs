//! What a shell and `man` know of the command, made from its own description.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, builder::PossibleValuesParser};
use clap_complete::Shell;

use super::{CommandLine, ctl};

/// The command, with the names of `ctl`'s commands, which it does not read itself.
fn described() -> clap::Command {
    let names: Vec<&'static str> = ctl::names();
    CommandLine::command().mut_subcommand("ctl", |ctl| {
        ctl.mut_arg("words", |words| words.value_parser(PossibleValuesParser::new(names)))
    })
}

/// Prints the completions of `shell`.
pub fn completions(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut described(), "leveret", &mut script);
    print(&script)
}

/// Prints the manual page.
pub fn man() -> ExitCode {
    let mut page = Vec::new();
    match clap_mangen::Man::new(CommandLine::command()).render(&mut page) {
        Ok(()) => print(&page),
        Err(error) => {
            eprintln!("leveret man: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(bytes: &[u8]) -> ExitCode {
    // Whoever read has seen enough if the pipe is closed.
    let _ = io::stdout().write_all(bytes);
    ExitCode::SUCCESS
}
