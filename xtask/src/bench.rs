//! `bench` and `flame`: builds what is measured, then hands over to `leveret-bench`.
//!
//! That is a package of its own, because it has dependencies, and the gate must not.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::workspace::cargo;

/// Profiles need true stacks, of C as well, and the names of what was inlined. Beside the other build, so that
/// neither makes the other one begin again.
const PROFILED: &[(&str, &str)] = &[
    ("RUSTFLAGS", "-C force-frame-pointers=yes"),
    ("CFLAGS", "-fno-omit-frame-pointer"),
    ("CARGO_PROFILE_RELEASE_DEBUG", "limited"),
];

/// Builds leveret as it is released, or to be profiled, and runs the command with it.
pub fn run(words: &[&str]) -> Result<(), Failure> {
    let target = target();
    let is_profile = words.first().is_some_and(|word| *word == "flame");
    let (folder, environment) =
        if is_profile { (target.join("flame"), PROFILED) } else { (target.clone(), &[][..]) };
    let mut build = cargo(&["build", "--release", "--locked", "--package", "leveret", "--bin", "leveret"]);
    build.arg("--target-dir").arg(&folder).envs(environment.iter().copied());
    finish("build", &mut build)?;
    let mut build = cargo(&["build", "--release", "--locked", "--package", "leveret-bench"]);
    finish("build", &mut build)?;

    let leveret = folder.join("release/leveret");
    let mut bench = Command::new(target.join("release/leveret-bench"));
    bench.arg("--broker").arg(&leveret).arg("--generator").arg(&leveret);
    bench.arg("--work").arg(target.join("bench")).args(words);
    finish("leveret-bench", &mut bench)
}

/// Where cargo builds: this program is in it.
fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.parent().and_then(Path::parent).map_or_else(|| PathBuf::from("target"), Path::to_owned)
}

fn finish(step: &'static str, command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|source| Failure::NotStarted { step, source })?;
    if status.success() { Ok(()) } else { Err(Failure::Failed { step, status }) }
}
