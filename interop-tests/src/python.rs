//! A Python environment with pinned packages, made once.
//!
//! Invariant: an environment counts as ready only if it holds, byte for byte, the requirements it was
//! made from; that file is written last. A lock keeps two test processes from making it at once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process;

const INSTALL_LIMIT: Duration = Duration::from_mins(5);

/// The `python` of an environment in `folder` that has what `requirements` lists; or, in one line, what
/// this machine lacks for it.
pub fn environment(folder: &Path, requirements: &Path) -> Result<PathBuf, String> {
    let wanted = fs::read(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let holds = folder.join("requirements.installed");
    let python = folder.join("bin/python");
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let lock = lock(&folder.with_extension("lock")).map_err(|error| format!("no lock: {error}"))?;
    if fs::read(&holds).is_ok_and(|held| held == wanted) && works(&python) {
        return Ok(python);
    }
    // Cleared, so that packages of an older list do not linger.
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(folder);
    step("python3 -m venv", venv)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    pip.arg(requirements);
    step("pip install", pip)?;
    fs::write(&holds, &wanted).map_err(|error| format!("{}: {error}", holds.display()))?;
    drop(lock);
    Ok(python)
}

/// An environment outlives the interpreter that it was made with: an upgrade leaves a dangling link.
fn works(python: &Path) -> bool {
    Command::new(python).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Held until the file is dropped, also when this process is killed.
fn lock(path: &Path) -> std::io::Result<File> {
    let file = File::create(path)?;
    file.lock()?;
    Ok(file)
}

fn step(name: &str, command: Command) -> Result<(), String> {
    let finished = process::run(command, INSTALL_LIMIT).map_err(|error| format!("{name}: {error}"))?;
    let last_line = finished.output.trim_end().lines().next_back().unwrap_or("no output");
    match finished.status {
        Some(status) if status.success() => Ok(()),
        Some(_) => Err(format!("{name}: {last_line}")),
        None => Err(format!("{name} took longer than {} s", INSTALL_LIMIT.as_secs())),
    }
}
