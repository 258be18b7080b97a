//! Runs of the counted bench under callgrind.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::failure::Failure;
use crate::workspace;

/// How many messages the two runs pass. The difference is large enough that what is random in a run (the keys of
/// some hash tables: some ten thousand instructions where there are ten thousand bindings) is lost in it: 0.3 % at most.
const FEW: u64 = 1000;
const MANY: u64 = 11_000;

/// Copies are loops of vectors. Else large ones are `rep movsb`, which callgrind counts as an instruction a byte:
/// nothing like what it costs.
const TUNABLES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-ERMS,-FSRM");

const BUILD: &str = "the build of the counted bench";
const RUN: &str = "the counted bench";
const VALGRIND: &str = "valgrind";

/// Why nothing can be measured here, if so.
pub fn obstacle() -> Option<&'static str> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Some("the table is of Linux on x86_64");
    }
    let mut valgrind = Command::new(VALGRIND);
    let version = valgrind.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    (!version.is_ok_and(|status| status.success())).then_some("valgrind is not installed")
}

/// What the counts depend on beside the code.
pub fn tools() -> Result<String, Failure> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = |program: &mut Command, step| {
        let output = succeeded(step, program.arg("--version").output())?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let rustc = version(&mut Command::new(rustc), "rustc")?;
    let valgrind = version(&mut Command::new(VALGRIND), VALGRIND)?;
    Ok(format!("{rustc}, {valgrind}"))
}

/// The bench, built.
pub struct Counter {
    program: PathBuf,
    /// Where profiles are left for `callgrind_annotate`.
    profiles: PathBuf,
}

/// What one run came to.
struct Run {
    messages: u64,
    instructions: u64,
}

impl Counter {
    /// Builds it with the release profile.
    pub fn build() -> Result<Self, Failure> {
        let mut build = workspace::cargo(&["build", "--release", "--locked", "--package", "leveret-core"]);
        build.args(["--bench", "instructions", "--message-format", "json-render-diagnostics"]);
        let output = succeeded(BUILD, build.stderr(Stdio::inherit()).output())?;
        let messages = String::from_utf8_lossy(&output.stdout);
        let unreadable = || Failure::Unreadable { what: "cargo's messages: no executable".to_owned() };
        let program = messages.lines().find_map(executable).map(PathBuf::from).ok_or_else(unreadable)?;
        // target/release/deps/instructions-HASH
        let target = program.ancestors().nth(3).unwrap_or(Path::new("target"));
        let profiles = target.join("instructions");
        match fs::create_dir_all(&profiles) {
            Ok(()) => Ok(Self { program, profiles }),
            Err(source) => Err(Failure::File { path: profiles, source }),
        }
    }

    /// Where the profile of a case is.
    pub fn profile(&self, case: &str) -> PathBuf {
        self.profiles.join(case)
    }

    /// Instructions per message of every case.
    pub fn count_all(&self) -> Result<Vec<(String, u64)>, Failure> {
        let names = succeeded(RUN, Command::new(&self.program).output())?;
        let names = String::from_utf8_lossy(&names.stdout);
        names.lines().map(|case| Ok((case.to_owned(), self.count(case)?))).collect()
    }

    /// Instructions per message of one case.
    pub fn count(&self, case: &str) -> Result<u64, Failure> {
        let (few, many) = (self.profile(&format!("{case}.few")), self.profile(case));
        // Side by side: each takes one core.
        let runs = (self.start(case, FEW, &few)?, self.start(case, MANY, &many)?);
        let (few, many) = (finish(runs.0, &few), finish(runs.1, &many));
        per_message(&few?, &many?)
            .ok_or_else(|| Failure::Unreadable { what: format!("the counts of {case}: no difference") })
    }

    fn start(&self, case: &str, messages: u64, profile: &Path) -> Result<Child, Failure> {
        let mut command = Command::new(VALGRIND);
        command.args(["--quiet", "--tool=callgrind"]);
        command.arg(format!("--callgrind-out-file={}", profile.display()));
        command.arg(&self.program).args([case, &messages.to_string()]);
        command.env(TUNABLES.0, TUNABLES.1).stdout(Stdio::piped());
        command.spawn().map_err(|source| Failure::NotStarted { step: RUN, source })
    }
}

fn finish(run: Child, profile: &Path) -> Result<Run, Failure> {
    let output = succeeded(RUN, run.wait_with_output())?;
    let messages = String::from_utf8_lossy(&output.stdout).trim().parse().ok();
    let text =
        fs::read_to_string(profile).map_err(|source| Failure::File { path: profile.to_owned(), source })?;
    let run = messages.zip(total(&text)).map(|(messages, instructions)| Run { messages, instructions });
    run.ok_or_else(|| Failure::Unreadable { what: profile.display().to_string() })
}

/// The output of a program that ran well.
fn succeeded(step: &'static str, output: io::Result<Output>) -> Result<Output, Failure> {
    let output = output.map_err(|source| Failure::NotStarted { step, source })?;
    if output.status.success() { Ok(output) } else { Err(Failure::Failed { step, status: output.status }) }
}

/// What two runs differ by, rounded.
fn per_message(few: &Run, many: &Run) -> Option<u64> {
    let messages = many.messages.checked_sub(few.messages).filter(|messages| *messages != 0)?;
    let instructions = many.instructions.checked_sub(few.instructions)?;
    Some((instructions + messages / 2) / messages).filter(|cost| *cost != 0)
}

/// All instructions of a profile.
fn total(profile: &str) -> Option<u64> {
    profile.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

/// The program that a message of cargo speaks of. The only one that is built is the bench.
fn executable(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("\"executable\":\"")?;
    rest.split_once('"').map(|(path, _)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(messages: u64, instructions: u64) -> Run {
        Run { messages, instructions }
    }

    #[test]
    fn what_comes_before_the_messages_cancels_out() {
        assert_eq!(per_message(&run(1000, 907_000), &run(3000, 2_707_000)), Some(900));
        assert_eq!(per_message(&run(0, 0), &run(10, 15)), Some(2));
    }

    #[test]
    fn runs_without_a_difference_say_nothing() {
        assert_eq!(per_message(&run(1000, 10), &run(1000, 20)), None);
        assert_eq!(per_message(&run(1000, 10), &run(2000, 10)), None);
        assert_eq!(per_message(&run(1000, 20), &run(2000, 10)), None);
    }

    #[test]
    fn the_total_of_a_profile_is_its_last_line() {
        assert_eq!(total("events: Ir\nsummary: 7\n\n+5 7\n\ntotals: 6900815\n"), Some(6_900_815));
        assert_eq!(total("events: Ir\nsummary: 7\n"), None);
    }

    #[test]
    fn the_program_is_the_one_that_cargo_names() {
        let library = r#"{"reason":"compiler-artifact","executable":null,"fresh":true}"#;
        let bench = r#"{"reason":"compiler-artifact","executable":"/a b/instructions-1f","fresh":true}"#;
        assert_eq!((executable(library), executable(bench)), (None, Some("/a b/instructions-1f")));
    }
}
