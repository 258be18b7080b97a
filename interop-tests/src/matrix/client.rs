//! A client library's folder: what its `client.toml` says, and how its program is prepared and run.
//!
//! Invariants: a version that the page shows is one that the client's own list of packages pins. A program
//! writes only into its scratch directory, which outlives the run; it is prepared anew when, and only when,
//! a file of its folder has changed since it was prepared.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::process::{self, Finished};
use crate::python;

const NEED_LIMIT: Duration = Duration::from_secs(30);
const PREPARE_LIMIT: Duration = Duration::from_mins(5);
const RUN_LIMIT: Duration = Duration::from_mins(4);

/// One column of the matrix.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The head of its column, and the first field of its results.
    pub name: String,
    /// As its users write it.
    pub language: String,
    /// Name and version of what is proven.
    pub libraries: Vec<String>,
    /// The file of the folder that pins these versions.
    pins: PathBuf,
    /// Commands that succeed where its runtime is there.
    #[serde(default)]
    needs: Vec<String>,
    /// Downloads and compiles into `$SCRATCH`.
    prepare: Option<String>,
    /// Runs all behaviours.
    run: String,
    /// For Python: the packages of the environment whose interpreter is `$PYTHON`.
    requirements: Option<PathBuf>,
    #[serde(skip)]
    folder: PathBuf,
}

/// What keeps a client's program from running here, in one line.
#[derive(Debug)]
pub struct Lack(pub String);

impl Client {
    /// All clients that have a folder in `matrix`, by name.
    pub fn all(matrix: &Path) -> Result<Vec<Self>, String> {
        let entries = fs::read_dir(matrix).map_err(|error| format!("{}: {error}", matrix.display()))?;
        let folders = entries.filter_map(Result::ok).map(|entry| entry.path());
        let described = folders.filter(|folder| folder.join("client.toml").is_file());
        let mut clients = described.map(|folder| Self::read(&folder)).collect::<Result<Vec<_>, _>>()?;
        clients.sort_by(|a, b| (&a.language, &a.name).cmp(&(&b.language, &b.name)));
        Ok(clients)
    }

    fn read(folder: &Path) -> Result<Self, String> {
        let of = |file: &Path| {
            let path = folder.join(file);
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let path = folder.join("client.toml");
        let text = of(Path::new("client.toml"))?;
        let mut client: Self =
            toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        folder.clone_into(&mut client.folder);
        let pins = of(&client.pins)?;
        let pinned = |library: &&String| library.rsplit(' ').next().is_some_and(|v| pins.contains(v));
        match client.libraries.iter().find(|library| !pinned(library)) {
            Some(library) => Err(format!("{}: {library} is not what the pins say", path.display())),
            None => Ok(client),
        }
    }

    /// Sees to it that the program can run; its results and everything it needs lie in `scratch`.
    pub fn prepare(&self, scratch: &Path) -> Result<(), Lack> {
        for need in &self.needs {
            let finished = self.shell(need, scratch, NEED_LIMIT);
            if !finished.is_ok_and(|finished| finished.status.is_some_and(|status| status.success())) {
                return Err(Lack(format!("`{need}` does not work here")));
            }
        }
        let folder = scratch.join(&self.name);
        fs::create_dir_all(&folder).map_err(|error| Lack(format!("{}: {error}", folder.display())))?;
        if let Some(requirements) = &self.requirements {
            python::environment(&folder.join("venv"), &self.folder.join(requirements)).map_err(Lack)?;
        }
        let Some(prepare) = &self.prepare else { return Ok(()) };
        let stamp = folder.join("prepared");
        let state = contents(&self.folder).map_err(|error| Lack(format!("{}: {error}", self.name)))?;
        if fs::read(&stamp).is_ok_and(|prepared| prepared == state) {
            return Ok(());
        }
        match self.shell(prepare, scratch, PREPARE_LIMIT) {
            Ok(Finished { status: Some(status), .. }) if status.success() => {
                fs::write(&stamp, state).map_err(|error| Lack(format!("{}: {error}", stamp.display())))
            }
            Ok(Finished { status: Some(_), output }) => Err(Lack(format!("`{prepare}` failed:\n{output}"))),
            Ok(Finished { status: None, .. }) => Err(Lack(format!("`{prepare}` took more than 5 minutes"))),
            Err(error) => Err(Lack(format!("`{prepare}`: {error}"))),
        }
    }

    /// Runs the program to its end or for four minutes; `announce` tells it where the broker is.
    pub fn run(&self, scratch: &Path, announce: impl FnOnce(&mut Command)) -> io::Result<Finished> {
        let mut command = self.command(&self.run, scratch);
        announce(&mut command);
        process::run(command, RUN_LIMIT)
    }

    fn shell(&self, script: &str, scratch: &Path, limit: Duration) -> io::Result<Finished> {
        process::run(self.command(script, scratch), limit)
    }

    fn command(&self, script: &str, scratch: &Path) -> Command {
        let folder = scratch.join(&self.name);
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(&self.folder);
        command.env("SCRATCH", &folder).env("PYTHON", folder.join("venv/bin/python"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// Names and bytes of all files below a folder, in a fixed order.
fn contents(folder: &Path) -> io::Result<Vec<u8>> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(entry.path().to_string_lossy().as_bytes());
        bytes.push(0);
        if entry.file_type()?.is_dir() {
            bytes.append(&mut contents(&entry.path())?);
        } else {
            bytes.append(&mut fs::read(entry.path())?);
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(toml: &str) -> tempfile::TempDir {
        let matrix = tempfile::tempdir().unwrap();
        let client = matrix.path().join("a");
        fs::create_dir(&client).unwrap();
        fs::write(client.join("client.toml"), toml).unwrap();
        fs::write(client.join("pins.txt"), "alpha==1.2.3\n").unwrap();
        matrix
    }

    const ALPHA: &str = "name = 'a'\nlanguage = 'Shell'\nlibraries = ['alpha 1.2.3']\npins = 'pins.txt'\nrun = 'echo $SCRATCH'\n";

    #[test]
    fn a_version_that_is_not_pinned_is_refused() {
        assert_eq!(Client::all(folder(ALPHA).path()).unwrap().len(), 1);
        let other = Client::all(folder(&ALPHA.replace("1.2.3", "1.2.4")).path());
        assert!(other.unwrap_err().contains("alpha 1.2.4"));
    }

    #[test]
    fn a_runtime_that_is_not_there_is_a_lack() {
        let matrix = folder(&format!("{ALPHA}needs = ['true', 'false --version']\n"));
        let client = Client::all(matrix.path()).unwrap().remove(0);
        assert!(client.prepare(matrix.path()).unwrap_err().0.contains("false --version"));
    }

    #[test]
    fn a_program_is_prepared_again_only_after_a_change_of_its_folder() {
        let matrix = folder(&format!("{ALPHA}prepare = 'echo once >> $SCRATCH/count'\n"));
        let scratch = tempfile::tempdir().unwrap();
        let client = Client::all(matrix.path()).unwrap().remove(0);
        let prepare = || client.prepare(scratch.path()).map_err(|lack| lack.0).unwrap();
        let times = || fs::read_to_string(scratch.path().join("a/count")).unwrap().lines().count();
        prepare();
        prepare();
        assert_eq!(times(), 1);
        fs::write(matrix.path().join("a/main.sh"), "echo").unwrap();
        prepare();
        assert_eq!(times(), 2);
    }
}
