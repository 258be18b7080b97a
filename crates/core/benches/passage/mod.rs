//! A message's whole way through the rules, without sockets: the frames of a producer's read, the queue, the
//! consumers' outlets, the frames for their sockets.
//!
//! Each turn does for every connection what the session of a socket does, and in its order: a read of the
//! producer, effects, a look into each outlet that was woken, a write; then the consumers' acknowledgements come, all
//! in one read. What is there beside the rules is the copy of the bytes into the input buffer, where a
//! socket's read would put them, and the writing of acknowledgements, some ten instructions each. A turn fails
//! unless every consumer heard all of it, to the byte.

mod case;
mod party;
mod store;

#[path = "../../tests/support/fields.rs"]
#[allow(dead_code, reason = "only a part of it is needed")]
mod fields;
#[path = "../../tests/support/speak.rs"]
#[allow(dead_code, reason = "only a part of it is needed")]
mod speak;
#[path = "../../tests/support/words.rs"]
#[allow(dead_code, reason = "only a part of it is needed")]
mod words;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use leveret_codec::{Outgoing, content, hot};
use leveret_core::model::{Broker, BrokerSettings, PasswordHash, Permissions, User};
use leveret_core::{ConnectionId, NoStore, Store, Timestamp};

use case::{Acks, CONSUMER_TAG};
use party::Party;
use store::AtOnce;

pub use case::{CASES, Case};

/// How far time goes on from turn to turn.
const TICK: Duration = Duration::from_micros(50);
/// What frames of a body may take, as clients usually settle it.
const FRAME_MAX_BYTES: u32 = 131_072;
/// Turns before anything is measured: buffers have their size, routes are known.
const WARM_UP_TURNS: usize = 8;

/// One broker in the middle of a [`Case`].
pub struct Passage {
    case: &'static Case,
    broker: Arc<Broker>,
    store: Arc<dyn Store>,
    now: Timestamp,
    /// The producer first.
    parties: Vec<Party>,
    wakes: Vec<ConnectionId>,
    /// What the producer sends in one read, and how many messages that is.
    burst: Vec<u8>,
    messages: u64,
    /// What one consumer hears of that.
    heard_bytes: usize,
    /// The last message that was delivered, as every consumer counts.
    delivery_tag: u64,
}

impl Passage {
    /// Everything is declared, bound and consumed from, and some messages have passed.
    pub fn new(case: &'static Case) -> Self {
        let store: Arc<dyn Store> =
            if case.is_persistent { Arc::new(AtOnce::default()) } else { Arc::new(NoStore) };
        let broker = Broker::new(BrokerSettings::default(), [7; 32], store.clone());
        broker.add_vhost("/");
        broker.put_user(User::new("guest", PasswordHash::of("guest", [1, 2, 3, 4]), vec![]));
        broker.set_permissions("guest", "/", Permissions::new(".*", ".*", ".*"));
        let messages = case.messages_per_read();
        let mut passage = Self {
            case,
            broker,
            store,
            now: Timestamp::from_micros(1_000_000_000),
            parties: Vec::new(),
            wakes: Vec::new(),
            burst: case.publish().repeat(usize::try_from(messages).unwrap()),
            messages,
            heard_bytes: heard_bytes(case),
            delivery_tag: 0,
        };
        passage.set_up();
        for _ in 0..WARM_UP_TURNS {
            passage.turn();
        }
        passage
    }

    fn set_up(&mut self) {
        let producer = self.enter();
        for command in self.case.set_up() {
            self.say(producer, &command);
        }
        for queue in 0..self.case.consumers() {
            let consumer = self.enter();
            for command in self.case.consume(queue) {
                self.say(consumer, &command);
            }
        }
    }

    /// A connection comes in and opens a channel.
    fn enter(&mut self) -> usize {
        let index = self.parties.len();
        self.parties.push(Party::new(self.now, ConnectionId(index as u64), self.broker.clone()));
        for (channel, said) in [
            (0, "protocol-header 0 0 9 1"),
            (0, "connection.start-ok"),
            (0, "connection.tune-ok heartbeat=60"),
            (0, "connection.open /"),
            (1, "channel.open"),
        ] {
            self.act(index, |party, now| party.read(now, &speak::speak(channel, said)));
        }
        index
    }

    fn say(&mut self, index: usize, command: &str) {
        let frames = speak::speak(1, command);
        self.act(index, |party, now| party.read(now, &frames));
        assert!(self.parties[index].connection.is_open(), "refused: {command}");
        self.parties[index].take_written();
    }

    /// How many messages one turn passes.
    pub fn messages_per_turn(&self) -> u64 {
        self.messages
    }

    /// One read of the producer, and everything that comes of it.
    pub fn turn(&mut self) {
        self.now = self.now + TICK;
        let burst = std::mem::take(&mut self.burst);
        self.act(0, |producer, now| producer.read(now, &burst));
        self.burst = burst;
        self.look_into_outlets();
        self.acknowledge();
        self.check();
    }

    /// One turn of a session: what `turn` does, what the log says, what others must be told, the write.
    fn act(&mut self, index: usize, turn: impl FnOnce(&mut Party, Timestamp)) {
        let party = &mut self.parties[index];
        turn(party, self.now);
        party.hear_log(&*self.store);
        let effects = &mut party.out.effects;
        if effects.has_rules() || self.broker.events().has_noted() {
            self.broker.carry_out(self.now, effects);
        }
        self.wakes.append(&mut effects.wakes);
        effects.settles.clear();
        party.write();
    }

    fn look_into_outlets(&mut self) {
        while let Some(ConnectionId(id)) = self.wakes.pop() {
            let index = usize::try_from(id).unwrap();
            self.act(index, Party::look_into_outlet);
            while self.parties[index].connection.has_waiting() {
                self.act(index, Party::look_into_outlet);
            }
        }
    }

    fn acknowledge(&mut self) {
        let first = self.delivery_tag + 1;
        self.delivery_tag += self.messages;
        let acks = match self.case.acks {
            Acks::None => return,
            Acks::Each => first..=self.delivery_tag,
            Acks::Together => self.delivery_tag..=self.delivery_tag,
        };
        for consumer in 1..self.parties.len() {
            self.act(consumer, |party, now| party.acknowledge(now, acks.clone()));
        }
        self.look_into_outlets();
    }

    /// Whether everybody heard what there was to hear.
    fn check(&mut self) {
        let (producer, consumers) = self.parties.split_first_mut().unwrap();
        assert_eq!(producer.take_written() != 0, self.case.is_persistent, "who asks for confirms hears some");
        for consumer in consumers {
            assert_eq!(consumer.take_written(), self.heard_bytes, "every message, to the byte");
        }
    }
}

/// What a consumer's socket must get for one read of the producer.
fn heard_bytes(case: &Case) -> usize {
    let (exchange, key) = case.address();
    let properties: &[u8] = if case.is_persistent { &[0x10, 0, 2] } else { &[0, 0] };
    let body = Bytes::from(case.body());
    let mut out = Outgoing::new();
    for tag in 1..=case.messages_per_read() {
        let (exchange, key) = (exchange.as_bytes(), key.as_bytes());
        hot::put_deliver(out.buffer(), 1, CONSUMER_TAG.as_bytes(), tag, false, exchange, key);
        content::put_content(&mut out, 1, FRAME_MAX_BYTES, properties, &body);
    }
    out.len()
}
