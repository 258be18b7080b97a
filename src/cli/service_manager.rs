//! What systemd is told of the broker's life (`sd_notify(3)`): that it is ready, that it ends.
//!
//! Nobody else is told anything: without `NOTIFY_SOCKET` in the environment this does nothing. A service manager that
//! does not listen is no reason to end.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The listeners accept.
pub const READY: &str = "READY=1";

/// The end has begun.
pub const STOPPING: &str = "STOPPING=1";

/// Says this to the service manager that started the process, if one did.
pub fn tell(state: &str) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = tell_at(name.as_bytes(), state) {
        tracing::debug!(%error, "the service manager could not be told {state}");
    }
}

/// A name that begins with `@` is not of a file.
fn tell_at(name: &[u8], state: &str) -> io::Result<()> {
    let address = match name.split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(name))?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_at_a_file_and_at_a_name_that_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let hidden = format!("leveret-test-{}", std::process::id());
        let at_file = UnixDatagram::bind(&path).unwrap();
        let at_name =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(hidden.as_bytes()).unwrap()).unwrap();
        tell_at(path.as_os_str().as_bytes(), READY).unwrap();
        tell_at(format!("@{hidden}").as_bytes(), STOPPING).unwrap();
        for (socket, expected) in [(at_file, READY), (at_name, STOPPING)] {
            let mut buffer = [0; 64];
            let length = socket.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], expected.as_bytes());
        }
        assert!(tell_at(b"/no/such/socket", READY).is_err());
    }
}
