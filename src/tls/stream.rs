//! TLS on one TCP connection: rustls keeps the state, this module moves the bytes.
//!
//! Invariants:
//! - What has been read from the socket is decrypted and handed on at once; nothing readable stays behind,
//!   so the socket's readiness says everything. What comes with the end of the handshake, or with the end of the
//!   stream, is the exception.
//! - At most [`UNSENT_BYTES`] wait encrypted for a slow reader; beyond it nothing more is taken.
//! - The buffer for reading belongs to the thread: a connection on which nothing happens has none. What rustls keeps
//!   of it is about 11 KiB (600 idle connections, a debug build: 14 KiB each, 3 KiB without TLS).

use std::cell::RefCell;
use std::io::{self, IoSlice, Read as _, Write as _};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, BytesMut};
use rustls::pki_types::CertificateDer;
use rustls::{ServerConfig, ServerConnection};
use tokio::net::TcpStream;

use super::bad_certificate::BadCertificate;

/// Encrypted bytes that may wait for a slow reader.
const UNSENT_BYTES: usize = 64 * 1024;
/// One read of the socket: several of the largest records.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    /// Where encrypted bytes are for a moment. On the heap, since worker threads have small stacks.
    static ENCRYPTED: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// Why a peer and this broker did not come to terms.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The peer went away.
    #[error("the peer closed the connection")]
    Lost(#[source] io::Error),
    /// Nothing was ever said: somebody's health check.
    #[error("the peer said nothing")]
    Silent,
    /// The peer takes too long.
    #[error("the peer did not finish it in time")]
    TimedOut,
    /// What came is no TLS.
    #[error("what came is not TLS ({0}); does the client connect with amqps://?")]
    NotTls(#[source] rustls::Error),
    /// The peer has shown a certificate that is not good enough.
    #[error("{0}")]
    BadCertificate(#[source] BadCertificate),
    /// One side refuses the other.
    #[error("{0}")]
    Refused(#[source] rustls::Error),
}

/// A connection whose handshake is through.
pub struct TlsStream {
    socket: TcpStream,
    tls: ServerConnection,
    /// Whether there is something to be told without reading: what came with the end of the handshake, or the
    /// end of the stream.
    may_have_more: bool,
}

impl TlsStream {
    /// Goes through the handshake. Takes as long as the peer likes: the caller has the clock.
    pub async fn accept(socket: TcpStream, config: Arc<ServerConfig>) -> Result<Self, HandshakeError> {
        let mut tls = ServerConnection::new(config).map_err(HandshakeError::Refused)?;
        tls.set_buffer_limit(Some(UNSENT_BYTES));
        let mut has_spoken = false;
        while tls.is_handshaking() || tls.wants_write() {
            if tls.wants_write() {
                socket.writable().await.map_err(HandshakeError::Lost)?;
                would_block(tls.write_tls(&mut Nonblocking(&socket))).map_err(HandshakeError::Lost)?;
                continue;
            }
            socket.readable().await.map_err(HandshakeError::Lost)?;
            match would_block(tls.read_tls(&mut Nonblocking(&socket))).map_err(HandshakeError::Lost)? {
                None => continue,
                Some(0) if !has_spoken => return Err(HandshakeError::Silent),
                Some(0) => return Err(HandshakeError::Lost(io::ErrorKind::UnexpectedEof.into())),
                Some(_) => has_spoken = true,
            }
            if let Err(error) = tls.process_new_packets() {
                // The alert that tells the peer why; if it can't be sent at once it won't be heard.
                let _ = tls.write_tls(&mut Nonblocking(&socket));
                return Err(refusal(error));
            }
        }
        Ok(Self { socket, tls, may_have_more: true })
    }

    /// The certificates that the peer has shown, its own first.
    pub fn peer_certificates(&self) -> Option<&[CertificateDer<'static>]> {
        self.tls.peer_certificates()
    }

    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.may_have_more { Poll::Ready(Ok(())) } else { self.socket.poll_read_ready(context) }
    }

    /// Reads once from the socket, and appends what could be decrypted. `Ready(0)` is the end.
    pub fn poll_read(&mut self, context: &mut Context<'_>, input: &mut BytesMut) -> Poll<io::Result<usize>> {
        if self.may_have_more {
            match self.drain(input)? {
                Some(0) => {}
                some => return Poll::Ready(Ok(some.unwrap_or_default())),
            }
        }
        loop {
            ready!(self.socket.poll_read_ready(context))?;
            let read = ENCRYPTED.with_borrow_mut(|encrypted| {
                match would_block(self.socket.try_read(encrypted))? {
                    Some(count) => self.decrypt(encrypted.get(..count).unwrap_or_default(), input).map(Some),
                    None => Ok(None),
                }
            })?;
            match read {
                Some(Decrypted::Bytes(count)) => return Poll::Ready(Ok(count)),
                Some(Decrypted::End) => return Poll::Ready(Ok(0)),
                // Part of a record, or a message of TLS's own; or the readiness was none.
                Some(Decrypted::Nothing) | None => {}
            }
        }
    }

    /// Takes what was read from the socket; nothing is its end, whether the peer has said so in TLS or not.
    fn decrypt(&mut self, mut encrypted: &[u8], input: &mut BytesMut) -> io::Result<Decrypted> {
        if encrypted.is_empty() {
            return Ok(Decrypted::End);
        }
        let mut total = 0;
        while !encrypted.is_empty() {
            if self.tls.read_tls(&mut encrypted)? == 0 {
                // After close_notify nothing more is taken.
                break;
            }
            match self.drain(input)? {
                Some(count) => total += count,
                None if total == 0 => return Ok(Decrypted::End),
                None => break,
            }
        }
        Ok(if total == 0 { Decrypted::Nothing } else { Decrypted::Bytes(total) })
    }

    /// Decrypts what has been taken, and moves it into `input`. `None`: it was nothing, and nothing will follow.
    fn drain(&mut self, input: &mut BytesMut) -> io::Result<Option<usize>> {
        let state = self.tls.process_new_packets().map_err(|error| {
            // The alert that tells the peer why; if it can't be sent at once it won't be heard.
            let _ = self.tls.write_tls(&mut Nonblocking(&self.socket));
            io::Error::new(io::ErrorKind::InvalidData, error)
        })?;
        let count = state.plaintext_bytes_to_read();
        let before = input.len();
        input.put_bytes(0, count);
        self.tls.reader().read_exact(input.get_mut(before..).unwrap_or_default())?;
        // What came with the peer's goodbye comes first; the socket may say nothing more.
        self.may_have_more = state.peer_has_closed();
        Ok((0 < count || !self.may_have_more).then_some(count))
    }

    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_write_ready(context)
    }

    /// Encrypts some of the pieces; waits while too much of what was encrypted is still here.
    pub fn poll_write_vectored(
        &mut self,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let taken = self.tls.writer().write_vectored(pieces)?;
            if 0 < taken || pieces.iter().all(|piece| piece.is_empty()) {
                return Poll::Ready(Ok(taken));
            }
            ready!(self.poll_flush(context))?;
        }
    }

    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.tls.wants_write() {
            ready!(self.socket.poll_write_ready(context))?;
            if would_block(self.tls.write_tls(&mut Nonblocking(&self.socket)))? == Some(0) {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
        }
        Poll::Ready(Ok(()))
    }

    pub fn has_unsent(&self) -> bool {
        self.tls.wants_write()
    }

    /// Sends `close_notify`, so that the peer can tell the end from a cut.
    pub fn farewell(&mut self) {
        self.tls.send_close_notify();
        while self.tls.wants_write() {
            // Whoever can't take it now has left, or does not read; neither waits for a goodbye.
            if self.tls.write_tls(&mut Nonblocking(&self.socket)).is_err() {
                return;
            }
        }
    }
}

/// What a piece of the stream came to.
enum Decrypted {
    Bytes(usize),
    Nothing,
    End,
}

/// A socket as rustls wants it: one that says `WouldBlock`.
struct Nonblocking<'a>(&'a TcpStream);

impl io::Read for Nonblocking<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(room)
    }
}

impl io::Write for Nonblocking<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(pieces)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `None`: not now.
fn would_block(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn refusal(error: rustls::Error) -> HandshakeError {
    match error {
        rustls::Error::InvalidMessage(_) => HandshakeError::NotTls(error),
        rustls::Error::InvalidCertificate(error) => HandshakeError::BadCertificate(BadCertificate(error)),
        error => HandshakeError::Refused(error),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use rustls::ClientConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    fn configs() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let server =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let server = server.unwrap().with_no_client_auth();
        let server = server.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let client = client.unwrap().with_root_certificates(roots).with_no_client_auth();
        (Arc::new(server), Arc::new(client))
    }

    async fn pair() -> (TlsStream, tokio_rustls::client::TlsStream<TcpStream>) {
        let (server, client) = configs();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connecting = async {
            let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let name = "localhost".try_into().unwrap();
            tokio_rustls::TlsConnector::from(client).connect(name, socket).await.unwrap()
        };
        let accepting = async {
            let (socket, _) = listener.accept().await.unwrap();
            TlsStream::accept(socket, server).await.unwrap()
        };
        tokio::join!(accepting, connecting)
    }

    /// Writes until no more is taken; says how much that was.
    async fn fill(stream: &mut TlsStream) -> usize {
        let piece = vec![7; 10_000];
        let mut total = 0;
        poll_fn(|context| {
            while let Poll::Ready(taken) =
                stream.poll_write_vectored(context, &[IoSlice::new(&piece), IoSlice::new(&piece)])
            {
                total += taken.unwrap();
            }
            Poll::Ready(())
        })
        .await;
        total
    }

    #[tokio::test]
    async fn what_the_kernel_does_not_take_waits_within_its_bound_and_is_sent_when_it_does() {
        let (mut here, mut there) = pair().await;
        let total = fill(&mut here).await;
        assert!(here.has_unsent());
        let is_flushed = poll_fn(|context| Poll::Ready(here.poll_flush(context).is_ready())).await;
        assert!(!is_flushed && here.has_unsent());
        let reading = tokio::spawn(async move {
            let mut heard = Vec::new();
            there.read_to_end(&mut heard).await.map(|_| heard.len())
        });
        poll_fn(|context| here.poll_flush(context)).await.unwrap();
        assert!(!here.has_unsent());
        here.farewell();
        drop(here);
        assert_eq!(reading.await.unwrap().unwrap(), total);
    }
}
