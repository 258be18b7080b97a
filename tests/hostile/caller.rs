//! The peer that follows a script: bytes go out as they are, and what comes is heard as lines of a transcript.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::script::After;
use crate::speech;
use crate::words_of::hear::Ear;

/// What is heard last.
pub const END: &str = "the end";

/// One connection, which says anything.
pub struct Caller {
    socket: TcpStream,
    ear: Ear,
    heard: VecDeque<String>,
    has_ended: bool,
}

impl Caller {
    /// A socket on which nothing has been said.
    pub async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.expect("the broker accepts");
        socket.set_nodelay(true).expect("a socket that is open");
        Self { socket, ear: Ear::default(), heard: VecDeque::new(), has_ended: false }
    }

    /// A peer that behaves for a while.
    pub async fn behaved(address: SocketAddr, vhost: &str, after: After) -> Self {
        let capabilities =
            "{consumer_cancel_notify=true, connection.blocked=true, authentication_failure_close=true}";
        let polite = [
            (After::Header, 0, "protocol-header 0 0 9 1".to_owned(), "0< connection.start "),
            (
                After::StartOk,
                0,
                format!("connection.start-ok capabilities={capabilities}"),
                "0< connection.tune ",
            ),
            (After::TuneOk, 0, "connection.tune-ok".to_owned(), ""),
            (After::Open, 0, format!("connection.open {vhost}"), "0< connection.open-ok"),
            (After::Channel, 1, "channel.open".to_owned(), "1< channel.open-ok"),
            (After::Publish, 1, "publish-method '' nowhere".to_owned(), ""),
            (After::ContentHeader, 1, "header size=10".to_owned(), ""),
        ];
        let mut caller = Self::connect(address).await;
        for (_, channel, said, answer) in polite.iter().filter(|(state, ..)| *state <= after) {
            caller.socket.write_all(&speech::all(*channel, said)).await.expect("the broker reads");
            if !answer.is_empty() {
                let heard = caller.next().await;
                assert!(heard.starts_with(answer), "{said} was answered with {heard}");
            }
        }
        caller
    }

    /// Sends as much as is taken at once, and says how much that was; a broker that is gone takes all.
    pub fn send_what_fits(&self, bytes: &[u8]) -> usize {
        match self.socket.try_write(bytes) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => bytes.len(),
            sent => sent.unwrap_or_default(),
        }
    }

    /// Will send nothing more.
    pub async fn stop_sending(&mut self) {
        // A broker that has closed already is the other end of the same thing.
        drop(self.socket.shutdown().await);
    }

    /// What is heard next: `1< channel.open-ok`, or [`END`].
    pub async fn next(&mut self) -> String {
        loop {
            self.note_end();
            if let Some(line) = self.heard.pop_front() {
                return line;
            }
            let mut input = BytesMut::new();
            // A reset is an end too: the broker may close while bytes of ours are on their way.
            let read = self.socket.read_buf(&mut input).await.unwrap_or_default();
            self.hear(&input, read);
        }
    }

    /// Takes what comes, for as long as it is asked to.
    pub async fn listen(&mut self) {
        while !self.has_ended {
            let mut input = BytesMut::new();
            let read = self.socket.read_buf(&mut input).await.unwrap_or_default();
            self.hear(&input, read);
        }
        std::future::pending::<()>().await;
    }

    /// What has come until now, without waiting.
    pub fn has_heard(&mut self) -> Option<&String> {
        let mut input = BytesMut::new();
        match self.socket.try_read_buf(&mut input) {
            Ok(read) => self.hear(&input, read),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => self.has_ended = true,
        }
        self.note_end();
        self.heard.front()
    }

    /// The end is what is heard last, and for ever.
    fn note_end(&mut self) {
        if self.has_ended && self.heard.is_empty() {
            self.heard.push_back(END.to_owned());
        }
    }

    fn hear(&mut self, input: &[u8], read: usize) {
        self.has_ended |= read == 0;
        let lines = self.ear.hear(input);
        self.heard.extend(lines.into_iter().map(|(channel, line)| format!("{channel}< {line}")));
    }
}
