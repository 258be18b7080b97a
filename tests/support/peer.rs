//! The scripted peer: a socket, the frames that go out, and the frames that are expected.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use leveret_codec::frame::{self, FrameKind};
use leveret_codec::method::{self, Method, channel, connection};
use leveret_codec::{Limits, PROTOCOL_HEADER};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// How long anything may take. Generous, since the machine may be busy; nothing waits for it to pass.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How much one read asks for.
const READ_BYTES: usize = 64 * 1024;

/// What a peer that is slow to read asks its kernel to keep for it; the kernel doubles it.
const NARROW_BYTES: u32 = 2048;

/// A frame that has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A method on a channel.
    Method(u16, Box<Method>),
    /// A content header, as its payload.
    Header(u16, Bytes),
    /// A piece of a body.
    Body(u16, Bytes),
    /// A heartbeat.
    Heartbeat,
}

/// One end of a connection, written by hand: over TCP, or over what lies on it.
pub struct Peer<S = TcpStream> {
    socket: S,
    input: BytesMut,
    was_reset: bool,
}

impl Peer {
    /// A socket on which nothing has been said.
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = within("connecting", TcpStream::connect(address)).await.unwrap();
        Self::speak(socket)
    }

    /// The same with as little room for what it does not read as the kernel allows.
    pub async fn connect_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(NARROW_BYTES).unwrap();
        Self::speak(within("connecting", socket.connect(address)).await.unwrap())
    }

    fn speak(socket: TcpStream) -> Self {
        socket.set_nodelay(true).unwrap();
        Self::over(socket)
    }

    /// An open connection of `guest` to `/`, without heartbeats.
    pub async fn open(address: SocketAddr) -> Self {
        Self::connect(address).await.opened(tune_ok(0)).await
    }

    /// An open connection with channel 1 open.
    pub async fn open_channel(address: SocketAddr) -> Self {
        Self::open(address).await.with_channel(1).await
    }

    /// Sends as much of these bytes as the broker takes at once, and says how much that was.
    pub fn send_what_fits(&mut self, bytes: &[u8]) -> usize {
        self.socket.try_write(bytes).unwrap_or_default()
    }

    /// Waits until the broker takes more bytes.
    pub async fn until_writable(&self) {
        within("the broker to read", self.socket.writable()).await.unwrap();
    }

    /// Goes without a word, like a process that was killed with bytes unread: its kernel resets the
    /// connection.
    pub fn crash(self) {
        socket2::SockRef::from(&self.socket).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// Speaks over a stream on which nothing has been said.
    pub fn over(socket: S) -> Self {
        Self { socket, input: BytesMut::new(), was_reset: false }
    }

    /// Goes through the handshake of `guest` with this tune-ok.
    pub async fn opened(mut self, tune_ok: Method) -> Self {
        self.log_in("guest", "guest").await;
        self.send(0, tune_ok).await;
        let ok = self.ask(0, open_vhost("/")).await;
        assert!(matches!(ok, Method::Connection(connection::AMQPMethod::OpenOk(_))), "{ok:?}");
        self
    }

    /// Opens a channel.
    pub async fn with_channel(mut self, channel: u16) -> Self {
        let open = channel::AMQPMethod::Open(channel::Open {});
        let ok = self.ask(channel, Method::Channel(open)).await;
        assert!(matches!(ok, Method::Channel(channel::AMQPMethod::OpenOk(_))), "{ok:?}");
        self
    }

    /// Logs in; the next word is this peer's tune-ok.
    pub async fn log_in(&mut self, user: &str, password: &str) {
        self.tune(user, password).await;
    }

    /// Header, start, start-ok: says what the broker proposes.
    pub async fn tune(&mut self, user: &str, password: &str) -> connection::Tune {
        self.send_bytes(&PROTOCOL_HEADER).await;
        let start = self.method(0).await;
        assert!(matches!(start, Method::Connection(connection::AMQPMethod::Start(_))), "{start:?}");
        self.send(0, start_ok(user, password)).await;
        match self.method(0).await {
            Method::Connection(connection::AMQPMethod::Tune(tune)) => tune,
            other => panic!("expected connection.tune, got {other:?}"),
        }
    }

    /// Sends a method.
    pub async fn send(&mut self, channel: u16, method: Method) {
        let mut bytes = BytesMut::new();
        method::encode(channel, &method, &mut bytes);
        self.send_bytes(&bytes).await;
    }

    /// Sends a method, and says what is answered on its channel.
    pub async fn ask(&mut self, channel: u16, method: Method) -> Method {
        self.send(channel, method).await;
        self.method(channel).await
    }

    /// Sends these bytes, whatever they mean.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.try_send(bytes).await.unwrap();
    }

    /// Sends these bytes to a broker that may be gone, and says whether they could be sent.
    pub async fn try_send_bytes(&mut self, bytes: &[u8]) -> bool {
        self.try_send(bytes).await.is_ok()
    }

    async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let sending = async {
            self.socket.write_all(bytes).await?;
            self.socket.flush().await
        };
        within("sending", sending).await
    }

    /// So many bytes, whatever they mean.
    pub async fn bytes(&mut self, count: usize) -> Bytes {
        while self.input.len() < count {
            let read = within("bytes", self.socket.read_buf(&mut self.input)).await.unwrap();
            assert_ne!(read, 0, "the stream ended after {:?}", self.input);
        }
        self.input.split_to(count).freeze()
    }

    /// The next frame, heartbeats included.
    pub async fn frame(&mut self) -> Frame {
        self.next_frame().await.expect("the broker closed the socket instead of sending a frame")
    }

    /// The next method on `channel`; anything else but a heartbeat fails the test.
    pub async fn method(&mut self, channel: u16) -> Method {
        loop {
            match self.frame().await {
                Frame::Heartbeat => {}
                Frame::Method(of, method) if of == channel => return *method,
                other => panic!("expected a method on channel {channel}, got {other:?}"),
            }
        }
    }

    /// Expects the broker's connection.close, and says its code and text.
    pub async fn closed_with(&mut self) -> (u16, String) {
        match self.method(0).await {
            Method::Connection(connection::AMQPMethod::Close(close)) => {
                (close.reply_code, close.reply_text.to_string())
            }
            other => panic!("expected connection.close, got {other:?}"),
        }
    }

    /// Answers a close.
    pub async fn send_close_ok(&mut self) {
        self.send(0, Method::Connection(connection::AMQPMethod::CloseOk(connection::CloseOk {}))).await;
    }

    /// Expects that the broker closes the socket without another frame.
    pub async fn end(&mut self) {
        if let Some(frame) = self.next_frame().await {
            panic!("expected the end of the stream, got {frame:?}");
        }
    }

    /// Takes whatever comes, frames or not, until the stream ends in any way.
    pub async fn until_end(&mut self) {
        self.input.clear();
        while within("the end", self.socket.read_buf(&mut self.input)).await.is_ok_and(|read| read != 0) {
            self.input.clear();
        }
    }

    /// Expects that the broker closes the socket without another frame and without a reset: on a slower
    /// line that could have taken the last frames with it.
    pub async fn end_cleanly(&mut self) {
        self.end().await;
        assert!(!self.was_reset, "the broker reset the connection instead of closing it");
    }

    /// Gives back the memory that it has read into; nothing may be waiting there.
    pub fn give_back(&mut self) {
        assert!(self.input.is_empty());
        self.input = BytesMut::new();
    }

    /// Will send nothing more; what the broker sends can still be read.
    pub async fn stop_sending(&mut self) {
        within("ending the stream", self.socket.shutdown()).await.unwrap();
    }

    /// Lets `look` see the next frame as it lies in the buffer; `None` is the end of the stream.
    pub async fn look<R>(&mut self, look: impl FnOnce(frame::Frame<'_>) -> R) -> Option<R> {
        loop {
            if let Some(frame) = frame::cut(&self.input, &Limits::default()).unwrap() {
                let size = frame.wire_bytes();
                let seen = look(frame);
                self.input.advance(size);
                return Some(seen);
            }
            self.input.reserve(READ_BYTES);
            let read = within("a frame", self.socket.read_buf(&mut self.input)).await;
            // A reset is an end too: the broker may close while bytes of ours are on their way.
            self.was_reset |= read.is_err();
            if read.unwrap_or_default() == 0 {
                return None;
            }
        }
    }

    /// The next frame, or nothing if the broker closes the socket.
    pub async fn next_frame(&mut self) -> Option<Frame> {
        self.look(|frame| Frame::from(frame)).await
    }
}

impl From<frame::Frame<'_>> for Frame {
    fn from(frame: frame::Frame<'_>) -> Self {
        match frame.kind {
            FrameKind::Method => {
                let method = method::decode(frame.payload, &Limits::default()).unwrap();
                Self::Method(frame.channel, Box::new(method))
            }
            FrameKind::Header => Self::Header(frame.channel, Bytes::copy_from_slice(frame.payload)),
            FrameKind::Body => Self::Body(frame.channel, Bytes::copy_from_slice(frame.payload)),
            FrameKind::Heartbeat => Self::Heartbeat,
        }
    }
}

/// connection.start-ok with PLAIN, of a client that wants to be told why it is refused.
pub fn start_ok(user: &str, password: &str) -> Method {
    let mut capabilities = leveret_codec::TableBuilder::new();
    for name in ["authentication_failure_close", "consumer_cancel_notify", "connection.blocked"] {
        capabilities.insert(name, leveret_codec::Value::Bool(true));
    }
    let capabilities = capabilities.build();
    let mut properties = leveret_codec::TableBuilder::new();
    properties.insert("capabilities", leveret_codec::Value::Table(capabilities.as_ref()));
    Method::Connection(connection::AMQPMethod::StartOk(connection::StartOk {
        client_properties: (&properties.build()).into(),
        mechanism: "PLAIN".into(),
        response: format!("\0{user}\0{password}").into(),
        locale: "en_US".into(),
    }))
}

/// connection.tune-ok with the broker's own limits.
pub fn tune_ok(heartbeat: u16) -> Method {
    let ok = connection::TuneOk { channel_max: 2047, frame_max: 131_072, heartbeat };
    Method::Connection(connection::AMQPMethod::TuneOk(ok))
}

/// connection.open.
pub fn open_vhost(vhost: &str) -> Method {
    Method::Connection(connection::AMQPMethod::Open(connection::Open { virtual_host: vhost.into() }))
}

/// What `future` comes to, if it does not take too long.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(tokio::time::error::Elapsed { .. }) => panic!("waited too long for {what}"),
    }
}
