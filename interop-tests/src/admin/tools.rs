//! Where the tools come from.
//!
//! The script is in Debian's and Ubuntu's package of RabbitMQ 3, which is fetched and unpacked, not installed. Its
//! successor is built by `cargo install`, which takes minutes: it is only used where somebody has done that.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::binary;
use crate::process;

const FETCH_LIMIT: Duration = Duration::from_mins(2);

/// `rabbitmqadmin` as a Python script, run with `python`: `INTEROP_RABBITMQADMIN` names it, or it is fetched into
/// `folder`; else, in one line, what this machine lacks.
pub fn script(python: &Path, folder: &Path) -> Result<Vec<String>, String> {
    let script = match env::var_os("INTEROP_RABBITMQADMIN") {
        Some(named) => PathBuf::from(named),
        None => fetched(folder)?,
    };
    Ok(vec![python.display().to_string(), script.display().to_string()])
}

fn fetched(folder: &Path) -> Result<PathBuf, String> {
    if let Some(script) = unpacked(folder) {
        return Ok(script);
    }
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut shell = Command::new("sh");
    shell.args(["-c", "apt-get download rabbitmq-server && dpkg-deb -x rabbitmq-server_*.deb ."]);
    shell.current_dir(folder);
    let finished = process::run(shell, FETCH_LIMIT).map_err(|error| format!("sh: {error}"))?;
    match (finished.status, unpacked(folder)) {
        (Some(_), Some(script)) => Ok(script),
        (Some(_), None) => {
            let last_line = finished.output.trim_end().lines().next_back().unwrap_or("no output").to_owned();
            Err(format!("no package has the script (set INTEROP_RABBITMQADMIN): {last_line}"))
        }
        (None, _) => Err("apt-get took too long".to_owned()),
    }
}

/// The script in an unpacked package; it is a plugin's file.
fn unpacked(folder: &Path) -> Option<PathBuf> {
    let mut folders = vec![folder.join("usr")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).ok()?.filter_map(Result::ok) {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() && path.file_name() == Some(OsStr::new("rabbitmqadmin")) => {
                    return Some(path);
                }
                _ => {}
            }
        }
    }
    None
}

/// Its successor: `INTEROP_RABBITMQADMIN_NG` names it; else how to get it.
pub fn successor() -> Result<Vec<String>, String> {
    let named = env::var("INTEROP_RABBITMQADMIN_NG");
    named.map(|program| vec![program]).map_err(|_| {
        "INTEROP_RABBITMQADMIN_NG does not name it; `cargo install rabbitmqadmin --version 2.29.0 --locked` makes it"
            .to_owned()
    })
}

/// Our own, in the grammar of both.
pub fn leveret() -> Result<Vec<String>, String> {
    let program = binary::leveret().map_err(|error| error.to_string())?;
    Ok(vec![program.display().to_string(), "admin".to_owned()])
}
