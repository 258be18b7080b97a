//! Ready-made publishes: one large buffer that is written again and again.
//!
//! Invariant: the buffer holds whole rounds, and a round one message for each route; so where messages end
//! is known from the places within one round. Nothing in it ever changes but the stamps, eight bytes at the
//! start of each body.

use bytes::{BufMut as _, BytesMut};
use leveret_codec::frame::{FRAME_END, FRAME_HEADER_BYTES, FRAME_OVERHEAD_BYTES, put_frame_header};
use leveret_codec::method::{basic, encode};
use leveret_codec::{FrameKind, Limits, Method, content};

use super::topology::{Route, Topology};
use crate::cli::client::CHANNEL;
use crate::cli::perf::latency::Nanos;
use crate::cli::perf::options::TrafficOptions;

/// What one write may hand over; a larger message is alone in its batch.
const WRITE_BYTES: usize = 256 * 1024;

/// Publishes of one message to one route after the other, in frames.
pub struct Batch {
    bytes: BytesMut,
    round: Round,
}

/// Places within one round.
#[derive(Default)]
struct Round {
    /// Where each message ends.
    ends: Vec<usize>,
    /// Where the body of each message starts.
    bodies: Vec<usize>,
}

impl Batch {
    /// The first message takes the route of the number `first`.
    pub fn new(traffic: &TrafficOptions, topology: &Topology, first: u16, limits: Limits) -> Self {
        let mut bytes = BytesMut::new();
        let mut round = Round::default();
        let (before, from_first) = topology.split_routes(first.into());
        for route in from_first.iter().chain(before) {
            encode(CHANNEL, &publish(topology.exchange_name(), route), &mut bytes);
            let properties = route.properties(traffic.persistent);
            content::put_header(&mut bytes, CHANNEL, traffic.size.into(), &properties);
            round.bodies.push(bytes.len() + FRAME_HEADER_BYTES);
            put_body(&mut bytes, traffic.size, limits);
            round.ends.push(bytes.len());
        }
        let once = bytes.clone();
        for _ in 1..WRITE_BYTES / once.len().max(1) {
            bytes.put_slice(&once);
        }
        Self { bytes, round }
    }

    /// What follows byte `at`, up to the end of the batch or of `messages` that are not yet written whole.
    pub fn from(&self, at: usize, messages: u64) -> &[u8] {
        let wanted = usize::try_from(messages).unwrap_or(usize::MAX);
        let end = self.round.end_of(self.round.ended_by(at).saturating_add(wanted)).min(self.bytes.len());
        self.bytes.get(at..end).unwrap_or_default()
    }

    /// How many messages end between two places of the batch.
    pub fn ending_between(&self, from: usize, to: usize) -> u64 {
        (self.round.ended_by(to) - self.round.ended_by(from)) as u64
    }

    pub fn is_boundary(&self, at: usize) -> bool {
        self.round.end_of(self.round.ended_by(at)) == at
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Stamps what [`Batch::from`] returns for the same arguments, but for a message that has been begun. `due` says
    /// when the message of this number is due, counted from the first that is not written whole.
    pub fn stamp(&mut self, at: usize, messages: u64, due: impl Fn(u64) -> Nanos) {
        let whole = self.round.ended_by(at);
        let first = usize::from(!self.is_boundary(at));
        for (number, message) in (first as u64..messages).zip(whole + first..) {
            let Some(place) = self.round.body_of(message) else { return };
            let Some(slot) = self.bytes.get_mut(place..).and_then(|body| body.first_chunk_mut()) else {
                return;
            };
            *slot = due(number).to_be_bytes();
        }
    }
}

impl Round {
    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(1)
    }

    /// Never zero: a topology has a route.
    fn messages(&self) -> usize {
        self.ends.len().max(1)
    }

    /// How many messages end at or before this place.
    fn ended_by(&self, at: usize) -> usize {
        let within = at % self.len();
        at / self.len() * self.messages() + self.ends.partition_point(|end| *end <= within)
    }

    /// Where the first so many messages end.
    fn end_of(&self, messages: usize) -> usize {
        let (rounds, rest) = (messages / self.messages(), messages % self.messages());
        let within = rest.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        rounds.saturating_mul(self.len()).saturating_add(within)
    }

    fn body_of(&self, message: usize) -> Option<usize> {
        let within = self.bodies.get(message % self.messages())?;
        (message / self.messages()).checked_mul(self.len())?.checked_add(*within)
    }
}

fn publish(exchange: &str, route: &Route) -> Method {
    Method::Basic(basic::AMQPMethod::Publish(basic::Publish {
        exchange: exchange.into(),
        routing_key: route.key.as_str().into(),
        mandatory: false,
        immediate: false,
    }))
}

/// §4.2.6.3: a body is cut so that each frame fits what was agreed.
fn put_body(out: &mut BytesMut, size: u32, limits: Limits) {
    let piece_max = limits.frame_max_bytes.saturating_sub(FRAME_OVERHEAD_BYTES).max(1);
    let mut left = size;
    while left != 0 {
        let piece = left.min(piece_max);
        put_frame_header(out, FrameKind::Body, CHANNEL, piece);
        out.put_bytes(b'x', piece as usize);
        out.put_u8(FRAME_END);
        left -= piece;
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use leveret_codec::frame;

    use super::*;
    use crate::cli::perf::options::LoadOptions;

    #[derive(clap::Parser)]
    struct CommandLine {
        #[command(flatten)]
        load: LoadOptions,
    }

    /// Three queues whose names differ in length, from the second on.
    fn batch(size: u32) -> Batch {
        let line =
            format!("perf --size {size} --queue-pattern q%d --queue-pattern-from 9 --queue-pattern-to 11");
        let load = CommandLine::try_parse_from(line.split(' ')).unwrap().load;
        Batch::new(&load.traffic, &Topology::new(&load), 1, Limits::default())
    }

    /// Where the messages end, and what the first eight bytes of their bodies say, by walking over the frames.
    fn walked(batch: &Batch) -> Vec<(usize, Nanos)> {
        let (mut at, mut begins, mut messages) = (0, true, Vec::new());
        while let Some(frame) = frame::cut(&batch.bytes[at..], &Limits::default()).unwrap() {
            at += frame.wire_bytes();
            match frame.kind {
                FrameKind::Body if begins => {
                    messages.push((at, Nanos::from_be_bytes(*frame.payload.first_chunk().unwrap())));
                    begins = false;
                }
                FrameKind::Body => messages.last_mut().unwrap().0 = at,
                _ => begins = true,
            }
        }
        messages
    }

    #[test]
    fn messages_of_different_lengths_are_counted_where_they_end() {
        let batch = batch(8);
        let ends: Vec<usize> = walked(&batch).into_iter().map(|(end, _)| end).collect();
        assert!(100 < ends.len() && ends.last() == Some(&batch.len()));
        assert_eq!(batch.ending_between(0, batch.len()), ends.len() as u64);
        for (number, end) in ends.iter().enumerate().take(10) {
            assert_eq!(batch.ending_between(0, end - 1), number as u64);
            assert_eq!(batch.ending_between(end - 1, *end), 1);
            assert!(batch.is_boundary(*end) && !batch.is_boundary(end - 1));
            assert_eq!(batch.from(end - 1, 2).len(), 1 + ends[number + 1] - end);
        }
        assert_eq!(batch.from(ends[2], u64::MAX).len(), batch.len() - ends[2]);
    }

    #[test]
    fn stamps_go_into_messages_that_have_not_been_begun() {
        for size in [8, 200_000] {
            let mut batch = batch(size);
            batch.stamp(0, u64::MAX, |_| 7);
            let ends: Vec<usize> = walked(&batch).into_iter().map(|(end, _)| end).collect();
            assert!(walked(&batch).iter().all(|(_, stamp)| *stamp == 7));
            // The second message has been begun; it is the first that is not whole.
            batch.stamp(ends[0] + 1, 3.min(ends.len() as u64 - 1), |number| 100 + number);
            let stamps: Vec<Nanos> = walked(&batch).into_iter().take(5).map(|(_, stamp)| stamp).collect();
            let expected: &[Nanos] = if size == 8 { &[7, 7, 101, 102, 7] } else { &[7, 7, 101] };
            assert_eq!(stamps, expected, "{size}");
        }
    }
}
