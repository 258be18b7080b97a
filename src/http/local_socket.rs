//! The Unix socket for this machine's own tools: the same API without a password.
//!
//! Invariant: who comes this way runs as the broker's own user, or as root. The file's mode says so, and so does the
//! kernel of every connection.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// The name of the socket in a data directory.
const IN_DATA_DIR: &str = "leveret.sock";

/// A socket that cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on the local socket {}: {source}", path.display())]
pub struct LocalSocketError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A socket, and the file that goes with it.
pub struct Local {
    listener: UnixListener,
    path: PathBuf,
}

impl Local {
    /// Makes the socket. What was left there by a broker that was killed is replaced: the directory, or the port that it
    /// is named after, is this broker's now.
    pub fn bind(path: PathBuf) -> Result<Self, LocalSocketError> {
        match bind(&path) {
            Ok(listener) => Ok(Self { listener, path }),
            Err(source) => Err(LocalSocketError { path, source }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next process of the same user; others are turned away.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.listener.accept().await?;
            let uid = stream.peer_cred()?.uid();
            if uid == 0 || uid == rustix::process::geteuid().as_raw() {
                return Ok(stream);
            }
            tracing::warn!(uid, "turned away a process of another user from the local socket");
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // Whoever looks for it next shall not find a socket that nobody listens at; if it can't be removed, they will.
        let _ = fs::remove_file(&self.path);
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Where the socket of a broker is.
pub fn path(data_dir: Option<&Path>, port: u16) -> Result<PathBuf, LocalSocketError> {
    if let Some(directory) = data_dir {
        return Ok(directory.join(IN_DATA_DIR));
    }
    let directory = runtime_directory();
    let path = directory.join(format!("{port}.sock"));
    match make_ours(&directory) {
        Ok(()) => Ok(path),
        Err(source) => Err(LocalSocketError { path, source }),
    }
}

/// A directory that nobody else writes to. Who was there first could put a socket of theirs in the place of ours.
fn make_ours(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    if fs::symlink_metadata(directory)?.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    let text = format!("{} belongs to another user", directory.display());
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// Where the sockets of this user's brokers are that have no data directory.
pub fn runtime_directory() -> PathBuf {
    let user = rustix::process::geteuid();
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|directory| !directory.is_empty()) {
        Some(directory) => PathBuf::from(directory).join("leveret"),
        None if user.is_root() => PathBuf::from("/run/leveret"),
        None => std::env::temp_dir().join(format!("leveret-{}", user.as_raw())),
    }
}
