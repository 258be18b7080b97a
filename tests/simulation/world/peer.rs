//! One connection with what is on the way to it and from it.

use std::collections::VecDeque;

use bytes::BytesMut;
use leveret_core::Output;
use leveret_core::amqp::Connection;

use crate::client::Client;
use crate::oracle::Promise;
use crate::wire::{Ear, Reply, Request};

pub struct Peer {
    pub client: Client,
    pub connection: Connection,
    pub out: Output,
    pub ear: Ear,
    /// What the client has said and the socket has not brought.
    pub wire: BytesMut,
    /// What the socket has brought: no whole frame.
    pub input: BytesMut,
    /// Bytes that the client has said so far, and those that the socket has brought.
    said: usize,
    pub brought: usize,
    /// Requests that the rules have not handled, as far as is known, and where each ends.
    pub requests: VecDeque<(usize, u16, Request)>,
    /// Replies that the socket has not been given.
    pub made: VecDeque<(Promise, Reply)>,
    /// Something waits in its outlet.
    pub is_woken: bool,
}

impl Peer {
    pub fn new(connection: Connection) -> Self {
        Self {
            client: Client::default(),
            connection,
            out: Output::default(),
            ear: Ear::default(),
            wire: BytesMut::new(),
            input: BytesMut::new(),
            said: 0,
            brought: 0,
            requests: VecDeque::new(),
            made: VecDeque::new(),
            is_woken: false,
        }
    }

    /// The client says something.
    pub fn say(&mut self, channel: u16, request: Request) {
        let bytes = request.encode(channel);
        self.said += bytes.len();
        self.wire.extend_from_slice(&bytes);
        self.requests.push_back((self.said, channel, request));
    }

    /// How much the next read may bring. A change of definitions is the last of a read, so that it is known what
    /// there is when it has been handled.
    pub fn readable(&self) -> usize {
        let later = self.requests.iter().filter(|(end, ..)| self.brought < *end);
        let end = later.into_iter().find(|(_, _, request)| request.defines()).map(|(end, ..)| *end);
        end.map_or(self.wire.len(), |end| end - self.brought)
    }

    /// The next request of which the rules have all bytes.
    pub fn next_consumed(&self) -> Option<(u16, &Request)> {
        let consumed = self.brought - self.input.len();
        let next = self.requests.front().filter(|(end, ..)| *end <= consumed)?;
        Some((next.1, &next.2))
    }
}
