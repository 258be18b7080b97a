//! The connection below the HTTP client: a Unix socket, TCP, or TLS over TCP, each with bounded waits.
//!
//! Invariant: nothing is said over a Unix socket before it is known that the caller, root, or who owns the directory
//! of the socket listens there. Passwords are said over it.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use super::address::{Address, Place};
use super::trust;

/// Bytes in both directions.
pub trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

/// Longer than any handshake within a machine takes.
const CONNECT: Duration = Duration::from_secs(10);

/// Connects to `address`; reads and writes wait for at most `timeout`.
pub fn connect(address: &Address, timeout: Duration) -> io::Result<Box<dyn Wire>> {
    // Zero means forever to the operating system, and nobody asks for that.
    let timeout = Some(timeout.max(Duration::from_millis(1)));
    match &address.place {
        Place::Socket(path) => {
            let stream = UnixStream::connect(path)?;
            check_peer(&stream, path)?;
            stream.set_read_timeout(timeout)?;
            stream.set_write_timeout(timeout)?;
            Ok(Box::new(stream))
        }
        Place::Tcp { host, port, tls } => {
            let stream = dial(host, *port, timeout)?;
            let Some(tls) = tls else { return Ok(Box::new(stream)) };
            let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
            let config = trust::client(tls).map_err(io::Error::other)?;
            let session = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
            Ok(Box::new(StreamOwned::new(session, stream)))
        }
    }
}

/// Refuses a socket that a stranger listens at.
#[cfg(target_os = "linux")]
fn check_peer(stream: &UnixStream, path: &Path) -> io::Result<()> {
    let user = rustix::net::sockopt::socket_peercred(stream)?.uid.as_raw();
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let owner = std::fs::metadata(directory.unwrap_or(Path::new(".")))?.uid();
    if [0, rustix::process::geteuid().as_raw(), owner].contains(&user) {
        return Ok(());
    }
    let text = format!("user {user} listens there, to whom neither the directory nor this command belongs");
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// Elsewhere the kernel does not say it in a way that is known here; the directory has been looked at.
#[cfg(not(target_os = "linux"))]
fn check_peer(_: &UnixStream, _: &Path) -> io::Result<()> {
    Ok(())
}

/// The first address of `host` that answers.
pub fn dial(host: &str, port: u16, timeout: Option<Duration>) -> io::Result<TcpStream> {
    let mut refused = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout.unwrap_or(CONNECT).min(CONNECT)) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(timeout)?;
                stream.set_write_timeout(timeout)?;
                return Ok(stream);
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
