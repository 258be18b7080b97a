//! The innocent neighbour: whatever others do, its messages go out, are confirmed and come, in order and at once.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use leveret_codec::method::{Method, basic, confirm, queue};

use crate::support::{Event, Peer, open_vhost, publish, tune_ok};

/// How long one trip may take at most; on an idle machine it is a fraction of a millisecond.
const AT_ONCE: Duration = Duration::from_secs(2);

/// A client that publishes to itself.
pub struct Neighbour {
    peer: Peer,
    queue: String,
    trips: u64,
    longest: Duration,
}

impl Neighbour {
    /// Moves in beside everybody else.
    pub async fn move_in(address: SocketAddr, vhost: &str) -> Self {
        let mut peer = Peer::connect(address).await;
        peer.log_in("guest", "guest").await;
        peer.send(0, tune_ok(0)).await;
        peer.ask(0, open_vhost(vhost)).await;
        let mut peer = peer.with_channel(1).await;
        let declare = queue::Declare { exclusive: true, ..Default::default() };
        let Method::Queue(queue::AMQPMethod::DeclareOk(declared)) =
            peer.ask(1, Method::Queue(queue::AMQPMethod::Declare(declare))).await
        else {
            panic!("no queue for the neighbour");
        };
        peer.ask(1, Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: false }))).await;
        let consume = basic::Consume { queue: declared.queue.clone(), ..Default::default() };
        peer.ask(1, Method::Basic(basic::AMQPMethod::Consume(consume))).await;
        Self { peer, queue: declared.queue.to_string(), trips: 0, longest: Duration::ZERO }
    }

    /// One message goes out, is confirmed, comes, and is acknowledged.
    pub async fn trip(&mut self) {
        let began = Instant::now();
        self.trips += 1;
        let body = self.trips.to_string();
        self.peer.send_bytes(&publish(1, &self.queue, body.as_bytes())).await;
        let (mut is_confirmed, mut has_come) = (false, false);
        while !(is_confirmed && has_come) {
            match self.peer.event(1).await {
                Event::Confirm { tag, .. } => {
                    assert_eq!(tag, self.trips, "each of the neighbour's messages is confirmed");
                    is_confirmed = true;
                }
                Event::Delivery(delivery) => {
                    assert_eq!(
                        delivery.body,
                        body.as_bytes(),
                        "the neighbour's messages come in order, and all"
                    );
                    assert!(!delivery.redelivered, "the neighbour lost nothing that could come again");
                    let ack = basic::Ack { delivery_tag: delivery.tag, multiple: false };
                    self.peer.send(1, Method::Basic(basic::AMQPMethod::Ack(ack))).await;
                    has_come = true;
                }
                Event::Method(other) => panic!("the neighbour was told {other:?}"),
            }
        }
        self.longest = self.longest.max(began.elapsed());
        assert!(self.longest < AT_ONCE, "the neighbour waited {:?} for its own message", self.longest);
    }

    /// The broker has had the time to deal with whatever it had been sent, on any connection: this one was
    /// answered twice since.
    pub async fn settle(&mut self) {
        self.trip().await;
        self.trip().await;
    }

    /// How often it was served, and how long that took at most.
    pub fn served(&self) -> (u64, Duration) {
        (self.trips, self.longest)
    }
}
