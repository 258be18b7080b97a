//! What the channels of a traced virtual host tell the firehose.
//!
//! Invariant: where nothing is traced, the one load of [`Vhost::is_traced`](crate::model::Vhost::is_traced) is all that a
//! message costs here.

use crate::amqp::session::Turn;
use crate::id::ChannelNumber;
use crate::model::{Message, Traced, Witness};

impl Turn<'_> {
    /// Something has happened to a message. Call before it is brought to its queues.
    #[inline]
    pub fn trace(&mut self, channel: ChannelNumber, message: &Message, traced: Traced<'_>) {
        if self.session.vhost.is_traced() {
            self.copy(channel, message, traced);
        }
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
