//! What the broker has said: expectations in one word.

use leveret_codec::method::{Method, basic, channel, connection, queue};

use crate::say;
use crate::support::{Delivery, Event, Peer};

impl Peer {
    /// How many messages are ready in a queue (a passive declare).
    pub async fn count(&mut self, channel: u16, queue: &str) -> u32 {
        let passive = queue::Declare { queue: queue.into(), passive: true, ..Default::default() };
        match self.ask(channel, say::queue(passive)).await {
            Method::Queue(queue::AMQPMethod::DeclareOk(ok)) => ok.message_count,
            other => panic!("expected queue.declare-ok for {queue}, got {other:?}"),
        }
    }

    /// Asks something that must be granted.
    pub async fn must(&mut self, channel: u16, method: Method) {
        let asked = format!("{method:?}");
        let answer = self.ask(channel, method).await;
        let refused = matches!(
            answer,
            Method::Channel(channel::AMQPMethod::Close(_))
                | Method::Connection(connection::AMQPMethod::Close(_))
        );
        assert!(!refused, "{asked} was answered with {answer:?}");
    }

    /// Consumes with acknowledgements, at most `prefetch` at a time.
    pub async fn consume_acked(&mut self, channel: u16, queue: &str, prefetch: u16) {
        self.must(channel, say::qos(prefetch)).await;
        let consume = basic::Consume { queue: queue.into(), ..Default::default() };
        self.must(channel, say::consume(consume)).await;
    }

    /// Expects that the broker closes this channel, and says why.
    pub async fn channel_closed_with(&mut self, channel: u16) -> (u16, String) {
        match self.method(channel).await {
            Method::Channel(channel::AMQPMethod::Close(close)) => {
                (close.reply_code, close.reply_text.to_string())
            }
            other => panic!("expected channel.close, got {other:?}"),
        }
    }

    /// Publishes are confirmed up to this one.
    pub async fn confirmed(&mut self, channel: u16, tag: u64) {
        loop {
            match self.event(channel).await {
                Event::Confirm { tag: through, .. } if through == tag => return,
                Event::Confirm { tag: through, .. } if through < tag => {}
                other => panic!("expected the confirm of {tag}, got {other:?}"),
            }
        }
    }

    /// Expects deliveries of exactly these bodies, in this order.
    pub async fn deliveries(&mut self, channel: u16, bodies: &[&str]) -> Vec<Delivery> {
        let mut taken = Vec::new();
        for body in bodies {
            let delivery = self.delivery(channel).await;
            assert_eq!(String::from_utf8_lossy(&delivery.body), *body);
            taken.push(delivery);
        }
        taken
    }

    /// Gets a message from a queue, if there is one.
    pub async fn get(&mut self, channel: u16, queue: &str) -> Option<Vec<u8>> {
        match self.ask(channel, say::get(queue)).await {
            Method::Basic(basic::AMQPMethod::GetEmpty(_)) => None,
            Method::Basic(basic::AMQPMethod::GetOk(_)) => Some(self.content(channel).await),
            other => panic!("expected an answer to basic.get, got {other:?}"),
        }
    }

    /// The broker has had the time to deal with whatever was sent to it before, on any connection: this
    /// one was answered twice since.
    pub async fn settle(&mut self) {
        for _ in 0..2 {
            self.count(1, WITNESSED).await;
        }
    }
}

/// The queue that a witness looks at.
const WITNESSED: &str = "witnessed";

/// A connection that sees that the broker is alive, and is needed for [`Peer::settle`].
pub async fn witness(broker: &leveret::Broker) -> Peer {
    let mut witness = Peer::open_channel(broker.amqp_addr()).await;
    witness.declare(1, WITNESSED).await;
    witness
}

/// The broker serves somebody else: a message goes through it.
pub async fn assert_serves(witness: &mut Peer) {
    witness.publish(1, WITNESSED, b"alive").await;
    assert_eq!(witness.get(1, WITNESSED).await.as_deref(), Some(b"alive".as_slice()));
}
