//! Many clients do everything at once to the same few names: whatever they get in each other's way, each is
//! answered, none is closed for another's fault, and nobody waits for ever.

use std::net::SocketAddr;

use leveret_codec::method::{Method, basic, channel, exchange, queue};
use tokio::task::JoinSet;

use crate::said::{assert_serves, witness};
use crate::say;
use crate::support::{self, Frame, Peer, publish_as};

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn queue(&mut self) -> String {
        format!("queue {}", self.below(5))
    }

    fn exchange(&mut self) -> String {
        format!("exchange {}", self.below(4))
    }
}

/// One client that does whatever the dice say, on channel 1.
struct Client {
    address: SocketAddr,
    peer: Peer,
    dice: Dice,
    consumers: u64,
    last_tag: u64,
}

impl Client {
    async fn open(address: SocketAddr, seed: u64) -> Self {
        let peer = Peer::open_channel(address).await;
        Self { address, peer, dice: Dice(seed), consumers: 0, last_tag: 0 }
    }

    /// Something that a client may say at any time.
    fn whim(&mut self) -> Vec<u8> {
        let dice = &mut self.dice;
        let method = match dice.below(16) {
            0 | 1 => say::queue(queue::Declare {
                queue: dice.queue().into(),
                auto_delete: dice.one_in(4),
                exclusive: dice.one_in(20),
                ..Default::default()
            }),
            2 => say::delete(&dice.queue()),
            3 => say::exchange(exchange::Declare {
                exchange: dice.exchange().into(),
                kind: "topic".into(),
                auto_delete: dice.one_in(2),
                ..Default::default()
            }),
            4 => Method::Exchange(exchange::AMQPMethod::Delete(exchange::Delete {
                exchange: dice.exchange().into(),
                if_unused: dice.one_in(2),
                nowait: false,
            })),
            5 => say::bind(&dice.queue(), &dice.exchange(), "#"),
            6 => Method::Exchange(exchange::AMQPMethod::Bind(exchange::Bind {
                destination: dice.exchange().into(),
                source: dice.exchange().into(),
                routing_key: "a.*".into(),
                ..Default::default()
            })),
            7 | 8 => {
                self.consumers += 1;
                say::consume(basic::Consume {
                    queue: dice.queue().into(),
                    consumer_tag: self.consumers.to_string().into(),
                    no_ack: dice.one_in(3),
                    ..Default::default()
                })
            }
            9 => Method::Basic(basic::AMQPMethod::Cancel(basic::Cancel {
                consumer_tag: (1 + dice.below(self.consumers + 1)).to_string().into(),
                nowait: dice.one_in(2),
            })),
            10 => say::qos(u16::try_from(dice.below(5)).unwrap()),
            11 => say::get(&dice.queue()),
            12 if 0 < self.last_tag => say::ack(self.last_tag, true),
            13 if 0 < self.last_tag => say::requeue(self.last_tag),
            14 => Method::Basic(basic::AMQPMethod::RecoverAsync(basic::RecoverAsync { requeue: true })),
            _ => return self.publish(),
        };
        say::bytes(1, &method)
    }

    fn publish(&mut self) -> Vec<u8> {
        let dice = &mut self.dice;
        let to_queue = dice.one_in(2);
        let publish = basic::Publish {
            exchange: if to_queue { "".into() } else { dice.exchange().into() },
            routing_key: if to_queue { dice.queue().into() } else { "a.b".into() },
            mandatory: dice.one_in(3),
            immediate: false,
        };
        let bytes = if dice.one_in(10) { 20_000 } else { 100 };
        publish_as(1, publish, &vec![7; bytes]).to_vec()
    }

    /// Waits until everything said so far has been dealt with. A channel that was closed for it is opened
    /// again; a connection that was closed fails the test.
    async fn catch_up(&mut self) {
        let flow = Method::Channel(channel::AMQPMethod::Flow(channel::Flow { active: true }));
        self.peer.send(1, flow.clone()).await;
        loop {
            let Frame::Method(1, method) = self.peer.frame().await else { continue };
            match *method {
                Method::Channel(channel::AMQPMethod::FlowOk(_)) => return,
                Method::Channel(channel::AMQPMethod::Close(close)) => {
                    assert!((403..=406).contains(&close.reply_code), "{}", close.reply_text);
                    self.peer.send(1, say::close_channel_ok()).await;
                    self.peer.send(1, say::open_channel()).await;
                    self.peer.send(1, flow.clone()).await;
                    (self.consumers, self.last_tag) = (0, 0);
                }
                Method::Basic(basic::AMQPMethod::Deliver(deliver)) => self.last_tag = deliver.delivery_tag,
                _ => {}
            }
        }
    }

    async fn live(mut self, steps: u32) {
        for _ in 0..steps {
            let said = self.whim();
            self.peer.send_bytes(&said).await;
            if self.dice.one_in(5) {
                self.catch_up().await;
            }
            if self.dice.one_in(150) {
                std::mem::replace(&mut self.peer, Peer::open_channel(self.address).await).crash();
                (self.consumers, self.last_tag) = (0, 0);
            }
        }
        self.catch_up().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_crowd_gets_through() {
    let broker = support::broker().await;
    let address = broker.amqp_addr();
    // More crowds than one: LEVERET_SEED=2, 3, ...
    let first: u64 = std::env::var("LEVERET_SEED").map_or(1, |seed| seed.parse().unwrap());
    let crowd: JoinSet<()> = (first * 10..first * 10 + 10)
        .map(|seed| async move {
            Client::open(address, 0x9e37_79b9_7f4a_7c15 ^ seed << 20).await.live(3000).await;
        })
        .collect();
    crowd.join_all().await;
    assert_serves(&mut witness(&broker).await).await;
}
