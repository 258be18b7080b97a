//! What the channels of a traced virtual host tell the firehose, and what they tell of messages that have spans.
//!
//! Invariant: where nothing is traced, the one load of [`Vhost::is_traced`](crate::model::Vhost::is_traced) is all that a
//! message costs here, and one look at a bit of its own.

use crate::amqp::session::Turn;
use crate::amqp::unacked::Held;
use crate::id::ChannelNumber;
use crate::model::span;
use crate::model::{Message, Traced, Witness};

impl Turn<'_> {
    /// Something has happened to a message. Call before it is brought to its queues.
    #[inline]
    pub fn trace(&mut self, channel: ChannelNumber, message: &Message, traced: Traced<'_>) {
        if self.session.vhost.is_traced() {
            self.copy(channel, message, traced);
        }
    }

    /// A message has found its queues.
    #[inline]
    pub fn tell_published(&mut self, message: &Message, queues: usize) {
        if self.has_spans(message) {
            self.out.effects.spans.extend(span::publish(self.now, message, queues));
        }
    }

    /// A message is given to a client.
    #[inline]
    pub fn tell_handed_out(&mut self, message: &Message, queue: &str) {
        if self.has_spans(message) {
            let entropy = self.session.broker.entropy();
            let span = span::queue(self.now, message, (queue, "delivered"), entropy);
            self.out.effects.spans.extend(span);
        }
    }

    /// A delivery is settled, or comes back.
    #[inline]
    pub fn tell_settled(&mut self, held: &Held, outcome: &'static str) {
        let message = &held.entry.message;
        if self.has_spans(message) {
            let (times, place) = ((held.delivered_at, self.now), (&*held.queue.facts().name, outcome));
            let span = span::deliver(times, message, place, self.session.broker.entropy());
            self.out.effects.spans.extend(span);
        }
    }

    /// Whether it may have spans: a message that hides nothing has none.
    #[inline]
    fn has_spans(&self, message: &Message) -> bool {
        !message.hides_nothing() && self.session.broker.settings().spans
    }

    #[cold]
    fn copy(&mut self, channel: ChannelNumber, message: &Message, traced: Traced<'_>) {
        let session = self.session;
        let witness = Witness {
            node: &session.broker.settings().node,
            vhost: session.vhost.name(),
            connection: &session.connection,
            channel,
            user: &session.user,
        };
        if let Some(copy) = witness.copy(message, traced) {
            self.batch.report(self.now, &session.vhost, copy, &mut self.out.effects);
        }
    }
}
