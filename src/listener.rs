//! The sockets that connections are accepted from.
//!
//! An address is bound before the broker counts as started; accepting never ends before the broker does,
//! whatever single connections or the table of open files come to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use leveret_core::amqp::{External, Peer};
use socket2::{Domain, Protocol, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::session::{Session, Shared};
use crate::settings::{Listen, Need};
use crate::socket::Socket;
use crate::tls::{HandshakeError, Tls, TlsStream};

/// Connections that may wait to be accepted; the kernel cuts it to its own limit.
const BACKLOG: i32 = 4096;
/// How long accepting rests when the process has no file descriptors left.
const REST_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// An address that cannot be listened at.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}{}", hint(source, flags))]
pub struct ListenError {
    address: SocketAddr,
    /// What the address can be given with.
    flags: &'static str,
    #[source]
    source: io::Error,
}

fn hint(error: &io::Error, flags: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(" (perhaps another broker runs there: stop it, or choose another port with {flags})")
        }
        io::ErrorKind::AddrNotAvailable => " (no interface of this machine has this address)".to_owned(),
        io::ErrorKind::PermissionDenied => " (ports below 1024 need a privilege)".to_owned(),
        _ => String::new(),
    }
}

/// Binds everything that was asked for with these flags. Must be called within a runtime.
pub fn bind(listen: &[Listen], flags: &'static str) -> Result<Vec<TcpListener>, ListenError> {
    let mut listeners = Vec::new();
    for (address, need) in listen.iter().flat_map(|listen| listen.addresses()) {
        match (bind_one(address), need) {
            (Ok(listener), _) => listeners.push(listener),
            (Err(error), Need::WhereAvailable) if is_missing_family(&error) => {
                tracing::info!("this machine has no IPv6: not listening on {address}");
            }
            (Err(source), _) => return Err(ListenError { address, flags, source }),
        }
    }
    Ok(listeners)
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // IPv4 has its own listener, on systems of any default.
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for connections of the last run to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// A machine without IPv6 says so at the socket or at the address.
fn is_missing_family(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

/// What happens to those who come in.
#[derive(Clone)]
pub struct Entrance {
    /// What their sessions share.
    pub shared: Arc<Shared>,
    /// Where their tasks are counted.
    pub sessions: TaskTracker,
    /// TLS, at a listener that speaks it.
    pub tls: Option<Arc<Tls>>,
}

/// Accepts until it is dropped; every connection becomes a task of the entrance's sessions.
pub async fn accept(listener: TcpListener, entrance: Entrance) {
    // Handshakes end with the listener: nobody is let in who has not come in yet.
    let closing = CancellationToken::new();
    let _guard = closing.clone().drop_guard();
    loop {
        match listener.accept().await {
            // Whoever comes while the broker is stopped finds a door that is closed at once.
            Ok(_) if entrance.shared.controls.is_stopped() => {}
            Ok((socket, remote)) => entrance.begin(socket, remote, &closing),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections at the moment");
                tokio::time::sleep(REST_AFTER_FAILURE).await;
            }
        }
    }
}

/// The peer gave up before it was accepted.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

impl Entrance {
    fn begin(&self, socket: TcpStream, remote: SocketAddr, closing: &CancellationToken) {
        // Failing here means that the peer is gone already, which the first read will find.
        let _ = socket.set_nodelay(true);
        let Ok(local) = socket.local_addr() else { return };
        let address: Arc<str> = format!("{} -> {}", canonical(remote), canonical(local)).into();
        let span =
            tracing::info_span!("connection", id = Empty, peer = %address, vhost = Empty, user = Empty);
        let loopback = remote.ip().to_canonical().is_loopback();
        let peer = Peer { address, loopback, external: External::NoTls };
        match &self.tls {
            None => {
                let session = span.in_scope(|| Session::new(self.shared.clone(), peer));
                self.sessions.spawn(session.run(Socket::Plain(socket)).instrument(span));
            }
            Some(tls) => {
                let newcomer = Newcomer { socket, peer, tls: tls.clone() };
                let serving = newcomer.serve(self.shared.clone(), closing.clone());
                self.sessions.spawn(serving.instrument(span));
            }
        }
    }
}

/// A connection that has TLS before it.
struct Newcomer {
    socket: TcpStream,
    peer: Peer,
    tls: Arc<Tls>,
}

impl Newcomer {
    /// From its handshake to its end.
    async fn serve(self, shared: Arc<Shared>, closing: CancellationToken) {
        let Self { socket, mut peer, tls } = self;
        let deadline = shared.clock.now() + tls.settings().handshake_timeout;
        let shaken = tokio::select! {
            shaken = TlsStream::accept(socket, tls.config()) => shaken,
            () = shared.clock.sleep_until(deadline) => Err(HandshakeError::TimedOut),
            () = closing.cancelled_owned() => return,
        };
        match shaken {
            Ok(stream) => {
                peer.external = tls.user_of(&stream);
                Session::new(shared, peer).run(Socket::Tls(Box::new(stream))).await;
            }
            Err(error) => tls.note_refused(shared.clock.now(), &peer.address, &error),
        }
    }
}

/// An IPv4 address in IPv6 clothes is shown as what it is.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
