//! The client's end of TLS, and a broker that has one.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use leveret::{Broker, TlsSettings};
use leveret_codec::PROTOCOL_HEADER;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::authority::{Authority, Signed};
use crate::support::{Peer, within};

/// A peer over TLS.
pub type SecurePeer = Peer<TlsStream<TcpStream>>;

/// A broker with a certificate of this authority and a listener of each kind.
pub async fn broker(authority: &Authority) -> Broker {
    start(settings(authority)).await
}

/// The same with these settings.
pub async fn start(settings: TlsSettings) -> Broker {
    let builder = Broker::builder().listen_tls(([127, 0, 0, 1], 0)).tls(settings);
    crate::support::start(builder).await
}

/// A certificate of this authority, and no question for the client's.
pub fn settings(authority: &Authority) -> TlsSettings {
    let (certfile, keyfile) = authority.files(&authority.sign_server());
    TlsSettings::new(certfile, keyfile)
}

/// Where the broker speaks TLS.
pub fn address(broker: &Broker) -> SocketAddr {
    broker.amqps_addrs()[0]
}

/// A client that trusts this authority and shows a certificate, or none.
pub fn trusting(authority: &Authority, own: Option<&Signed>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.chain.last().unwrap().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    match own {
        Some(own) => config.with_client_auth_cert(own.chain.clone(), own.key()).unwrap(),
        None => config.with_no_client_auth(),
    }
}

/// Goes through the handshake of TLS, as far as the client sees it.
pub async fn shake_hands(broker: &Broker, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    let socket = within("connecting", TcpStream::connect(address(broker))).await?;
    shake_hands_over(socket, config).await
}

/// The same over a socket that is there already.
pub async fn shake_hands_over(socket: TcpStream, config: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    socket.set_nodelay(true)?;
    let connector = TlsConnector::from(Arc::new(config));
    let name = "localhost".try_into().unwrap();
    within("the TLS handshake", connector.connect(name, socket)).await
}

/// A peer that trusts this authority.
pub async fn connect(broker: &Broker, authority: &Authority) -> SecurePeer {
    connect_as(broker, trusting(authority, None)).await
}

/// A peer of this configuration.
pub async fn connect_as(broker: &Broker, config: ClientConfig) -> SecurePeer {
    Peer::over(shake_hands(broker, config).await.unwrap())
}

/// Why a handshake comes to nothing. In TLS 1.3 a client hears of it when it thinks that it is through.
pub async fn refusal(broker: &Broker, config: ClientConfig) -> String {
    let mut stream = match shake_hands(broker, config).await {
        Ok(stream) => stream,
        Err(error) => return error.to_string(),
    };
    let mut answer = [0; 1];
    // If this can't be sent, the reading says why.
    let _ = stream.write_all(&PROTOCOL_HEADER).await;
    match within("the refusal", stream.read(&mut answer)).await {
        Ok(count) => panic!("nothing was refused: {count} bytes were read"),
        Err(error) => error.to_string(),
    }
}
