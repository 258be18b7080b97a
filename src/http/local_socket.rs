//! The Unix socket for this machine's own tools: the same API without a password.
//!
//! Invariants:
//! - Who comes this way runs as the broker's own user, or as root. The file's mode says so from its first moment, and so
//!   does the kernel of every connection.
//! - Nobody else can put a socket of theirs in the place of ours: a runtime directory is its user's alone, or is not used.
//!   Nothing that others could have put there is changed by its name.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket, UnixStream};

/// The name of the socket in a data directory.
const IN_DATA_DIR: &str = "leveret.sock";
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 64;
/// Of a mode: that the group or all others may write.
const OTHERS_WRITE: u32 = 0o022;
/// Of a mode: that only who owns a file may take it away.
const STICKY: u32 = 0o1000;

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
    let socket = UnixSocket::new_stream()?;
    restrict(&socket)?;
    socket.bind(path)?;
    socket.listen(BACKLOG)
}

/// Before it has a name: Linux gives the file the mode of the socket.
#[cfg(target_os = "linux")]
fn restrict(socket: &UnixSocket) -> io::Result<()> {
    use rustix::fs::{Mode, fchmod};
    Ok(fchmod(socket, Mode::RUSR | Mode::WUSR)?)
}

/// Elsewhere the kernel's word for who connects is all there is.
#[cfg(not(target_os = "linux"))]
fn restrict(_: &UnixSocket) -> io::Result<()> {
    Ok(())
}

/// Where the socket of a broker is.
pub fn path(data_dir: Option<&Path>, port: u16) -> Result<PathBuf, LocalSocketError> {
    if let Some(directory) = data_dir {
        return Ok(directory.join(IN_DATA_DIR));
    }
    let directory = runtime_directory(std::env::var_os("XDG_RUNTIME_DIR"));
    let path = directory.join(format!("{port}.sock"));
    match make_ours(&directory) {
        Ok(()) => Ok(path),
        Err(source) => Err(LocalSocketError { path, source }),
    }
}

fn make_ours(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    check_ours(directory)
}

/// Refuses a directory that somebody else could put a socket into. Who was there first could pretend to be a broker.
pub fn check_ours(directory: &Path) -> io::Result<()> {
    let user = rustix::process::geteuid().as_raw();
    let found = fs::symlink_metadata(directory)?;
    let parent = directory.parent().map(fs::metadata).transpose()?;
    let is_safe = |parent: &fs::Metadata| {
        let is_shared = parent.mode() & OTHERS_WRITE != 0 && parent.mode() & STICKY == 0;
        !is_shared && [0, user].contains(&parent.uid())
    };
    let fault = if !found.is_dir() {
        "is no directory"
    } else if found.uid() != user {
        "belongs to another user"
    } else if found.mode() & OTHERS_WRITE != 0 {
        "can be written to by others"
    } else if !parent.as_ref().is_none_or(is_safe) {
        "is in a directory of others"
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} {fault}", directory.display())))
}

/// Where the sockets of this user's brokers are that have no data directory; `told` is `XDG_RUNTIME_DIR`.
pub fn runtime_directory(told: Option<OsString>) -> PathBuf {
    let user = rustix::process::geteuid();
    match told.filter(|directory| !directory.is_empty()) {
        Some(directory) => PathBuf::from(directory).join("leveret"),
        None if user.is_root() => PathBuf::from("/run/leveret"),
        // Not what TMPDIR says: tools and brokers would look for each other at different places.
        None => PathBuf::from(format!("/tmp/leveret-{}", user.as_raw())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_directory_is_ours_alone_or_refused() {
        let root = tempfile::tempdir().unwrap();
        let [ours, shared, link] = ["ours", "shared", "link"].map(|name| root.path().join(name));
        make_ours(&ours).unwrap();
        assert_eq!(fs::metadata(&ours).unwrap().mode() & 0o777, 0o700);
        make_ours(&ours).unwrap();
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, Permissions::from_mode(0o770)).unwrap();
        symlink(&ours, &link).unwrap();
        fs::set_permissions(&ours, Permissions::from_mode(0o755)).unwrap();
        let below = shared.join("below");
        for (directory, fault) in [
            (&shared, "can be written to by others"),
            (&link, "is no directory"),
            (&below, "is in a directory of others"),
        ] {
            let error = make_ours(directory).unwrap_err();
            assert!(error.to_string().ends_with(fault), "{error}");
        }
        assert!(check_ours(&ours).is_ok() && check_ours(Path::new("/tmp")).is_err());
    }

    #[tokio::test]
    async fn a_socket_is_made_for_its_owner_and_nothing_else_is_touched() {
        let root = tempfile::tempdir().unwrap();
        let (path, other) = (root.path().join("1.sock"), root.path().join("other"));
        fs::write(&other, "").unwrap();
        fs::set_permissions(&other, Permissions::from_mode(0o644)).unwrap();
        symlink(&other, &path).unwrap();
        let local = Local::bind(path.clone()).unwrap();
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(&other)), (0o600, 0o644));
        drop(local);
        assert!(!path.exists() && other.exists());
    }
}
