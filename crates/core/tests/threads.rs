//! Many connections on many threads: no lock is taken the wrong way round, and no message is lost or settled twice.
//!
//! Each thread does what a session does: feeds its connection, looks into the outlet when it is woken, wakes
//! others. Sends are random, so a run differs from the next; what must hold does not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[allow(dead_code, reason = "only a part of it is needed")]
#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use leveret_core::amqp::{Connection, Peer};
use leveret_core::model::Broker;
use leveret_core::{ConnectionId, Output, Timestamp};
use support::hear::{Ear, take};
use support::speak::speak;

const THREADS: u64 = 4;
const ROUNDS: u64 = 150;
const PER_ROUND: u64 = 5;

/// What the threads share beside the broker.
struct Shared {
    broker: Arc<Broker>,
    mailboxes: Vec<Sender<()>>,
    clock: AtomicU64,
    /// By number of message, how often it was acknowledged.
    acked: Mutex<BTreeMap<u64, u64>>,
}

/// One thread's connection, as its session would hold it.
struct Session {
    shared: Arc<Shared>,
    connection: Connection,
    ear: Ear,
    random: u64,
    index: u64,
    consumers: u64,
}

impl Session {
    fn new(shared: Arc<Shared>, index: u64) -> Self {
        let peer = Peer { address: index.to_string().into(), loopback: true, ..Peer::default() };
        let now = Timestamp::from_micros(shared.clock.load(Ordering::Relaxed));
        let connection = Connection::new(now, ConnectionId(index), shared.broker.clone(), peer);
        let mut session =
            Self { shared, connection, ear: Ear::default(), random: index + 1, index, consumers: 0 };
        for said in
            ["protocol-header 0 0 9 1", "connection.start-ok", "connection.tune-ok", "connection.open /"]
        {
            session.send(&speak(0, said));
        }
        session.say("channel.open");
        session
    }

    /// An xorshift generator: the same for each thread each time; the interleaving differs.
    fn random(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % below
    }

    fn say(&mut self, command: &str) {
        self.send(&speak(1, command));
    }

    fn send(&mut self, frames: &[u8]) {
        let mut input = BytesMut::from(frames);
        self.turn(|connection, now, out| connection.handle_bytes(now, &mut input, out));
    }

    fn look_into_outlet(&mut self) {
        self.turn(|connection, now, out| connection.handle_outlet(now, 64 * 1024, out));
    }

    /// One turn, what others must be told, and the answer to what was delivered.
    fn turn(&mut self, turn: impl FnOnce(&mut Connection, Timestamp, &mut Output)) {
        let now = Timestamp::from_micros(self.shared.clock.fetch_add(1, Ordering::Relaxed));
        let mut out = Output::default();
        turn(&mut self.connection, now, &mut out);
        for wake in &out.effects.wakes {
            // Whoever has left does not listen any more.
            let _ = self.shared.mailboxes[usize::try_from(wake.0).unwrap()].send(());
        }
        let sent = take(&mut out.frames);
        for (_, line) in self.ear.hear(&sent) {
            assert!(!line.contains(".close "), "{line}");
            self.answer(&line);
        }
    }

    fn answer(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let ["deliver", _, tag, _, _, body, ..] = words.as_slice() else { return };
        let tag = &tag[1..];
        match self.random(8) {
            0 => self.say(&format!("reject {tag} requeue")),
            1 => self.say(&format!("nack {tag} requeue")),
            // Held until the channel closes, or all is recovered.
            2 => {}
            _ => {
                *self.shared.acked.lock().unwrap().entry(body.parse().unwrap()).or_default() += 1;
                self.say(&format!("ack {tag}"));
            }
        }
    }

    /// A round of everything that touches what others touch.
    fn round(&mut self, round: u64) {
        for number in 0..PER_ROUND {
            let body = (self.index * ROUNDS + round) * PER_ROUND + number;
            let target = ["'' q0", "'' q1", "amq.fanout k"][usize::try_from(self.random(3)).unwrap()];
            self.say(&format!("publish {target} {body}"));
        }
        match self.random(8) {
            0 | 1 => {
                let (queue, prefetch) = (self.random(2), self.random(4));
                self.consumers += 1;
                let tag = self.consumers;
                self.say(&format!("qos {prefetch}"));
                self.say(&format!("consume q{queue} t{tag}"));
            }
            2 => {
                let tag = self.random(self.consumers + 1);
                self.say(&format!("cancel t{tag}"));
            }
            3 => {
                self.say("channel.close");
                self.say("channel.open");
            }
            4 => self.say("recover requeue"),
            5 => {
                let index = self.index;
                self.say(&format!("queue.declare mine{index} exclusive"));
                self.say(&format!("queue.bind mine{index} amq.direct k"));
                self.say(&format!("queue.delete mine{index}"));
            }
            6 => self.say("queue.declare q0 passive"),
            _ => {}
        }
    }
}

impl Session {
    /// Takes what is in a queue.
    fn take_all(&mut self, queue: &str) -> Vec<u64> {
        let mut bodies = Vec::new();
        loop {
            let mut out = Output::default();
            let mut input = BytesMut::from(speak(1, &format!("get {queue} no-ack")).as_slice());
            self.connection.handle_bytes(Timestamp::from_micros(2_000_000_000), &mut input, &mut out);
            let heard = self.ear.hear(&take(&mut out.frames));
            let words: Vec<&str> = heard[0].1.split(' ').collect();
            let ["get-ok", _, _, _, body, ..] = words.as_slice() else { return bodies };
            bodies.push(body.parse().unwrap());
        }
    }
}

fn run(shared: Arc<Shared>, index: u64, mailbox: &Receiver<()>) {
    let mut session = Session::new(shared, index);
    for round in 0..ROUNDS {
        session.round(round);
        while mailbox.try_recv().is_ok() {
            session.look_into_outlet();
        }
        while session.connection.has_waiting() {
            session.look_into_outlet();
        }
    }
    let now = Timestamp::from_micros(session.shared.clock.load(Ordering::Relaxed));
    let mut out = Output::default();
    session.connection.handle_lost(now, &mut out);
    for wake in &out.effects.wakes {
        let _ = session.shared.mailboxes[usize::try_from(wake.0).unwrap()].send(());
    }
}

#[test]
fn connections_on_many_threads_lose_nothing_and_settle_nothing_twice() {
    let broker = support::guest_broker();
    let (mailboxes, receivers): (Vec<_>, Vec<_>) = (0..=THREADS).map(|_| channel()).unzip();
    let (clock, acked) = (AtomicU64::new(1_000_000), Mutex::default());
    let shared = Arc::new(Shared { broker, mailboxes, clock, acked });

    let mut host = Session::new(shared.clone(), THREADS);
    for command in ["queue.declare q0", "queue.declare q1", "queue.bind q0 amq.fanout ''"] {
        host.say(command);
    }
    let (done, all_done) = channel();
    for (index, mailbox) in (0..THREADS).zip(receivers) {
        let (shared, done) = (shared.clone(), done.clone());
        thread::spawn(move || {
            run(shared, index, &mailbox);
            done.send(()).unwrap();
        });
    }
    for _ in 0..THREADS {
        all_done
            .recv_timeout(Duration::from_mins(1))
            .expect("nobody waits for a lock for ever, and nobody panics");
    }

    // What was not acknowledged is still there.
    let left = ["q0", "q1"].map(|queue| host.take_all(queue)).concat();
    let mut ends = shared.acked.lock().unwrap().clone();
    for number in left {
        *ends.entry(number).or_default() += 1;
    }
    let published = THREADS * ROUNDS * PER_ROUND;
    let expected: BTreeMap<u64, u64> = (0..published).map(|number| (number, 1)).collect();
    assert_eq!(ends, expected);
}

#[test]
fn a_queue_that_is_bound_while_others_publish_misses_nothing_of_the_history() {
    const MESSAGES: u64 = 40;
    let (broker, clock, acked) = (support::guest_broker(), AtomicU64::new(1_000_000), Mutex::default());
    let shared = Arc::new(Shared { broker, mailboxes: Vec::new(), clock, acked });
    let mut host = Session::new(shared.clone(), 0);
    let mut binder = Session::new(shared, 1);
    for round in 0..200 {
        host.say(&format!("exchange.declare x{round} x-recent-history x-recent-history-length=1000"));
        host.say(&format!("queue.declare q{round}"));
        thread::scope(|scope| {
            scope.spawn(|| {
                (0..MESSAGES).for_each(|number| host.say(&format!("publish x{round} k {number}")));
            });
            // Sooner or later in the life of the exchange, round by round.
            (0..round % 20).for_each(|_| binder.say("queue.declare q0 passive"));
            binder.say(&format!("queue.bind q{round} x{round} ''"));
        });
        let mut got = host.take_all(&format!("q{round}"));
        got.sort_unstable();
        got.dedup();
        assert_eq!(got, (0..MESSAGES).collect::<Vec<_>>(), "round {round}");
    }
}
