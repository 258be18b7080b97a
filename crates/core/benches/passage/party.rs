//! One connection and its buffers, as a session would hold them.

use std::io::IoSlice;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::BytesMut;
use leveret_codec::hot;
use leveret_core::amqp::{Connection, Peer};
use leveret_core::model::Broker;
use leveret_core::{ConnectionId, Output, Store, Timestamp};

use super::case::READ_BYTES;

/// What may wait for a socket, and how many pieces one write takes: the session's.
const ROOM_BYTES: usize = 256 * 1024;
const WRITE_PIECES: usize = 64;

/// A client's end and the broker's.
pub struct Party {
    pub connection: Connection,
    pub out: Output,
    input: BytesMut,
    acks: BytesMut,
    written_bytes: usize,
}

impl Party {
    pub fn new(now: Timestamp, id: ConnectionId, broker: Arc<Broker>) -> Self {
        let peer = Peer { address: id.0.to_string().into(), loopback: true, ..Peer::default() };
        Self {
            connection: Connection::new(now, id, broker, peer),
            out: Output::default(),
            input: BytesMut::new(),
            acks: BytesMut::new(),
            written_bytes: 0,
        }
    }

    /// Bytes have come.
    pub fn read(&mut self, now: Timestamp, bytes: &[u8]) {
        self.input.reserve(READ_BYTES);
        self.input.extend_from_slice(bytes);
        self.connection.handle_bytes(now, &mut self.input, &mut self.out);
    }

    /// The same for acknowledgements of each of these, one by one if they are many.
    pub fn acknowledge(&mut self, now: Timestamp, tags: RangeInclusive<u64>) {
        let is_last_of_many = tags.start() == tags.end();
        let mut acks = std::mem::take(&mut self.acks);
        acks.clear();
        for tag in tags {
            hot::put_ack(&mut acks, 1, tag, is_last_of_many);
        }
        self.read(now, &acks);
        self.acks = acks;
    }

    pub fn look_into_outlet(&mut self, now: Timestamp) {
        self.connection.handle_outlet(now, ROOM_BYTES - self.out.frames.len(), &mut self.out);
    }

    /// Tells the rules how far the log is.
    pub fn hear_log(&mut self, store: &dyn Store) {
        while let Some(at) = self.connection.awaits() {
            let committed = store.committed();
            assert!(at <= committed, "this log is never behind");
            self.connection.handle_committed(committed, &mut self.out);
        }
    }

    /// The socket takes everything.
    pub fn write(&mut self) {
        let frames = &mut self.out.frames;
        while !frames.is_empty() {
            let mut pieces = [IoSlice::new(&[]); WRITE_PIECES];
            let filled = frames.io_slices(&mut pieces);
            let count = pieces[..filled].iter().map(|piece| piece.len()).sum();
            frames.advance(count);
            self.written_bytes += count;
        }
    }

    /// How much the socket has taken since the last call.
    pub fn take_written(&mut self) -> usize {
        std::mem::take(&mut self.written_bytes)
    }
}
