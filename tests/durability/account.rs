//! Reading a queue to its end after a restart, and leaving it as it was or empty.

use std::net::SocketAddr;

use leveret_codec::method::{Method, channel, connection, queue};

use crate::ledger::Found;
use crate::numbered::Numbered;
use crate::say;
use crate::support::{Delivery, Peer};

impl Peer {
    /// Asks something that must be granted.
    pub async fn must(&mut self, method: Method) -> Method {
        let asked = format!("{method:?}");
        let answer = self.ask(1, method).await;
        let is_refused = matches!(answer, Method::Channel(channel::AMQPMethod::Close(_)));
        assert!(!is_refused, "{asked} was answered with {answer:?}");
        answer
    }

    /// How many messages wait in a queue.
    pub async fn count(&mut self, name: &str) -> u32 {
        match self.must(say::look_at_queue(name)).await {
            Method::Queue(queue::AMQPMethod::DeclareOk(ok)) => ok.message_count,
            other => panic!("expected queue.declare-ok for {name}, got {other:?}"),
        }
    }

    /// Says goodbye, and waits until the broker has put back what was not acknowledged.
    pub async fn close(mut self) {
        self.send(0, say::close()).await;
        match self.method(0).await {
            Method::Connection(connection::AMQPMethod::CloseOk(_)) => {}
            other => panic!("expected connection.close-ok, got {other:?}"),
        }
    }

    /// Everything that waits in a queue, delivered and not acknowledged. Nobody else may use it.
    pub async fn all_of(&mut self, name: &str) -> Vec<Delivery> {
        let count = self.count(name).await;
        self.must(say::consume(name)).await;
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(self.delivery(1).await);
        }
        assert_eq!(self.count(name).await, 0, "{name} had more than the {count} messages that it counted");
        all
    }
}

/// Whether what is read stays in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    Kept,
    Drained,
}

/// Everything that a queue has. Nobody else may use it.
pub async fn read_all(address: SocketAddr, name: &str, afterwards: Afterwards) -> Vec<Found> {
    let mut peer = Peer::open_channel(address).await;
    let all = peer.all_of(name).await;
    if let (Afterwards::Drained, Some(last)) = (afterwards, all.last()) {
        peer.send(1, say::ack(last.tag, true)).await;
    }
    peer.close().await;
    all.into_iter().map(|delivery| found(name, &delivery)).collect()
}

/// Which message a delivery is; one that is not whole fails the test.
pub fn found(name: &str, delivery: &Delivery) -> Found {
    let message = Numbered::read(&delivery.body).unwrap_or_else(|| {
        let head = &delivery.body[..delivery.body.len().min(64)];
        panic!("{name} has a message that nobody sent, {} bytes: {head:02x?}…", delivery.body.len())
    });
    Found { message, redelivered: delivery.redelivered }
}
