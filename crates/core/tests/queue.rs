//! The queue machine alone, against a naive model that watches every message it hands out.
//!
//! The model is the machine's [`Doors`]: it knows what waits, who holds what, and whose door is open, and
//! objects the moment the machine does something that its rules don't allow. A random life of a queue
//! (`proptest`) must pass without objection, and the numbers must add up after every step.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::time::Duration;

use leveret_core::model::{Arrival, ConsumerSpec, Doors, Entry, Got, Message, Queue, QueueSettings};
use leveret_core::{ConsumerId, PageId, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

/// A message is known by its body: the order in which it was published.
fn number(message: &Message) -> u64 {
    u64::from_be_bytes(message.body().try_into().unwrap())
}

fn message(number: u64) -> Message {
    Message::compose(b"", b"q", &[0, 0], &number.to_be_bytes())
}

/// A consumer as the model sees it.
struct Consumer {
    id: ConsumerId,
    spec: ConsumerSpec,
    is_open: bool,
    held: u16,
    is_gone: bool,
}

impl Consumer {
    fn could_take(&self) -> bool {
        let has_credit = self.spec.auto_ack || self.spec.prefetch.is_none_or(|limit| self.held < limit.get());
        !self.is_gone && self.is_open && has_credit
    }
}

/// What the model remembers of a waiting message.
#[derive(Clone, Copy)]
struct Waiting {
    expires_at: Option<Timestamp>,
    was_delivered: bool,
}

#[derive(Default)]
struct Model {
    now: Timestamp,
    ready: BTreeMap<u64, Waiting>,
    consumers: Vec<Consumer>,
    held: Vec<(Option<ConsumerId>, Entry)>,
    delivered: BTreeSet<u64>,
    /// Settled in this step, and not by being delivered.
    settled: Vec<(u64, Waiting)>,
    deliveries: Vec<(usize, u64)>,
}

impl Model {
    fn consumer(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers.iter_mut().find(|consumer| consumer.id == id).expect("a consumer that was added")
    }

    /// Takes the message that must be the next one.
    fn take_head(&mut self, number: u64) -> Waiting {
        let (head, waiting) = self.ready.pop_first().expect("only what waits is handed out");
        assert_eq!(head, number, "the head goes first");
        waiting
    }

    fn check_entry(&mut self, entry: &Entry, waiting: Waiting) {
        assert_eq!(entry.position, number(&entry.message), "positions are in order of publishing");
        assert_eq!(
            entry.redelivered, waiting.was_delivered,
            "redelivered tells whether it was handed out before"
        );
        assert_eq!(entry.expires_at, waiting.expires_at, "a deadline is kept");
        assert!(entry.expires_at.is_none_or(|at| self.now < at), "what has expired is not handed out");
        let is_first = self.delivered.insert(entry.position);
        assert!(is_first || entry.redelivered, "nothing is handed out twice in silence");
    }
}

impl Doors for Model {
    fn accepts(&mut self, to: ConsumerId) -> bool {
        self.consumer(to).is_open
    }

    fn deliver(&mut self, to: ConsumerId, entry: Entry) {
        let spec = self.consumer(to).spec;
        assert!(self.consumer(to).could_take(), "whoever gets a message can take one");
        let higher =
            self.consumers.iter().find(|other| spec.priority < other.spec.priority && other.could_take());
        assert!(higher.is_none(), "nobody of a higher priority could have taken it");
        let number = number(&entry.message);
        let waiting = if spec.auto_ack {
            // It was settled a moment ago.
            let (settled, waiting) = self.settled.pop().expect("automatic acknowledgement settles");
            assert_eq!(settled, number);
            waiting
        } else {
            self.take_head(number)
        };
        self.check_entry(&entry, waiting);
        let index = self.consumers.iter().position(|consumer| consumer.id == to).unwrap();
        self.deliveries.push((index, number));
        if !spec.auto_ack {
            self.consumers[index].held += 1;
            self.held.push((Some(to), entry));
        }
    }

    fn settled(&mut self, message: &Message) {
        let number = number(message);
        let waiting = self.take_head(number);
        self.settled.push((number, waiting));
    }

    fn budget_bytes(&self) -> usize {
        usize::MAX
    }

    fn put_page(&mut self, _entries: &[Entry]) -> PageId {
        panic!("a queue without a budget has no pages")
    }

    fn fetch(&mut self, _page: PageId) {
        panic!("a queue without a budget has no pages")
    }

    fn drop_page(&mut self, _page: PageId) {
        panic!("a queue without a budget has no pages")
    }
}

/// A queue and the model that watches it.
struct Watched {
    queue: Queue,
    model: Model,
    ttl: Option<Duration>,
    published: u64,
}

impl Watched {
    fn new(ttl: Option<Duration>) -> Self {
        let queue = Queue::new(QueueSettings { message_ttl: ttl });
        let model = Model { now: Timestamp::from_micros(1_000_000), ..Model::default() };
        Self { queue, model, ttl, published: 0 }
    }

    fn publish(&mut self, count: usize, expiration: Option<Duration>) {
        let mut arrivals = Vec::new();
        for _ in 0..count {
            let ttl =
                expiration.into_iter().chain(self.ttl).min().map(|ttl| ttl.max(Duration::from_micros(1)));
            let waiting = Waiting { expires_at: ttl.map(|ttl| self.model.now + ttl), was_delivered: false };
            self.model.ready.insert(self.published, waiting);
            arrivals.push(Arrival { message: message(self.published), expiration });
            self.published += 1;
        }
        self.queue.publish(self.model.now, arrivals, &mut self.model);
    }

    fn subscribe(&mut self, spec: ConsumerSpec) {
        let Some(id) = self.queue.subscribe(spec) else {
            let alive = || self.model.consumers.iter().filter(|consumer| !consumer.is_gone);
            assert!(alive().any(|other| other.spec.exclusive) || (spec.exclusive && alive().count() != 0));
            return;
        };
        self.model.consumers.push(Consumer { id, spec, is_open: true, held: 0, is_gone: false });
        self.queue.resume(self.model.now, id, &mut self.model);
    }

    fn unsubscribe(&mut self, index: usize) {
        let Some(consumer) = self.model.consumers.get_mut(index).filter(|consumer| !consumer.is_gone) else {
            return;
        };
        consumer.is_gone = true;
        let id = consumer.id;
        let is_last = self.queue.unsubscribe(id);
        assert_eq!(is_last, self.model.consumers.iter().all(|consumer| consumer.is_gone));
        assert!(!self.queue.unsubscribe(id), "nobody leaves twice");
    }

    fn set_open(&mut self, index: usize, is_open: bool) {
        let Some(consumer) = self.model.consumers.get_mut(index) else { return };
        consumer.is_open = is_open;
        let (id, now) = (consumer.id, self.model.now);
        if is_open {
            self.queue.resume(now, id, &mut self.model);
        }
    }

    /// Takes a message out of those held, as if its consumer had decided about it.
    fn release(&mut self, index: usize) -> Option<(Option<ConsumerId>, Entry)> {
        let count = self.model.held.len();
        let (from, entry) = (count != 0).then(|| self.model.held.swap_remove(index % count))?;
        if let Some(id) = from {
            self.model.consumer(id).held -= 1;
        }
        Some((from, entry))
    }

    fn settle(&mut self, index: usize) {
        let Some((from, _)) = self.release(index) else { return };
        self.queue.settle(self.model.now, from, 1, &mut self.model);
    }

    fn requeue(&mut self, indices: &[usize]) {
        let mut returned = Vec::new();
        for index in indices {
            let Some((from, mut entry)) = self.release(*index) else { continue };
            entry.redelivered = true;
            let waiting = Waiting { expires_at: entry.expires_at, was_delivered: true };
            self.model.ready.insert(entry.position, waiting);
            returned.push((from, entry));
        }
        self.queue.requeue(self.model.now, returned, &mut self.model);
    }

    fn get(&mut self, auto_ack: bool) {
        let Got::Message(entry) = self.queue.get(self.model.now, auto_ack, &mut self.model) else { return };
        let number = number(&entry.message);
        let waiting =
            if auto_ack { self.model.settled.pop().unwrap().1 } else { self.model.take_head(number) };
        self.model.check_entry(&entry, waiting);
        if !auto_ack {
            self.model.held.push((None, entry));
        }
    }

    fn purge(&mut self) {
        let now = self.model.now;
        let count = self.queue.purge(now, &mut self.model);
        let purged = self.model.settled.split_off(self.model.settled.len() - count);
        assert!(self.model.ready.is_empty(), "a purge leaves nothing");
        drop(purged);
    }

    /// What must be true after every step.
    fn check(&mut self) {
        let now = self.model.now;
        let counts = self.queue.counts(now, &mut self.model);
        for (number, waiting) in self.model.settled.drain(..) {
            let tick = Duration::from_micros(1);
            assert!(waiting.expires_at.is_some_and(|at| at <= now + tick), "message {number} vanished");
        }
        assert_eq!(counts.ready, self.model.ready.len(), "what waits");
        assert_eq!(counts.unacked, self.model.held.len(), "what is held");
        assert_eq!(
            counts.consumers,
            self.model.consumers.iter().filter(|consumer| !consumer.is_gone).count()
        );
        let bytes: usize = self.model.ready.keys().map(|number| message(*number).footprint_bytes()).sum();
        assert_eq!(self.queue.ready_bytes(), bytes, "memory of what waits");
        let idle = self.model.consumers.iter().any(Consumer::could_take);
        assert!(!(idle && counts.ready != 0), "nothing waits while somebody could take it");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Publish(usize, Option<u64>),
    Subscribe { prefetch: u16, priority: i32, auto_ack: bool, exclusive: bool },
    Unsubscribe(usize),
    Shut(usize),
    Open(usize),
    Settle(usize),
    Requeue(Vec<usize>),
    Get(bool),
    Purge,
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let subscribe = (0..4_u16, -1..2, any::<bool>(), proptest::bool::weighted(0.05)).prop_map(
        |(prefetch, priority, auto_ack, exclusive)| Step::Subscribe {
            prefetch,
            priority,
            auto_ack,
            exclusive,
        },
    );
    prop_oneof![
        6 => (1..5_usize, proptest::option::weighted(0.3, 0..30_u64)).prop_map(|(count, ttl)| Step::Publish(count, ttl)),
        3 => subscribe,
        1 => (0..6_usize).prop_map(Step::Unsubscribe),
        2 => (0..6_usize).prop_map(Step::Shut),
        2 => (0..6_usize).prop_map(Step::Open),
        5 => any::<usize>().prop_map(Step::Settle),
        3 => vec(any::<usize>(), 1..4).prop_map(Step::Requeue),
        2 => any::<bool>().prop_map(Step::Get),
        1 => Just(Step::Purge),
        2 => (0..20_u64).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_queue_keeps_its_rules_through_any_life(
        ttl in proptest::option::weighted(0.3, 0..40_u64),
        steps in vec(step(), 1..80),
    ) {
        let mut watched = Watched::new(ttl.map(Duration::from_millis));
        for step in steps {
            match step {
                Step::Publish(count, ttl) => watched.publish(count, ttl.map(Duration::from_millis)),
                Step::Subscribe { prefetch, priority, auto_ack, exclusive } => watched.subscribe(ConsumerSpec {
                    prefetch: NonZeroU16::new(prefetch),
                    priority,
                    exclusive,
                    auto_ack,
                }),
                Step::Unsubscribe(index) => watched.unsubscribe(index),
                Step::Shut(index) => watched.set_open(index, false),
                Step::Open(index) => watched.set_open(index, true),
                Step::Settle(index) => watched.settle(index),
                Step::Requeue(indices) => watched.requeue(&indices),
                Step::Get(auto_ack) => watched.get(auto_ack),
                Step::Purge => watched.purge(),
                Step::Wait(millis) => watched.model.now = watched.model.now + Duration::from_millis(millis),
            }
            watched.check();
        }
    }

    #[test]
    fn equal_consumers_get_equal_shares(consumers in 1..8_usize, batches in vec(1..10_usize, 1..10)) {
        let mut watched = Watched::new(None);
        for _ in 0..consumers {
            watched.subscribe(ConsumerSpec::default());
        }
        for count in batches {
            watched.publish(count, None);
        }
        for (turn, (consumer, number)) in watched.model.deliveries.iter().enumerate() {
            prop_assert_eq!((*consumer, *number), (turn % consumers, turn as u64));
        }
    }
}

#[test]
fn a_shut_door_passes_its_turn_on_and_gets_it_back_when_it_opens() {
    let mut watched = Watched::new(None);
    watched.subscribe(ConsumerSpec::default());
    watched.subscribe(ConsumerSpec::default());
    watched.set_open(0, false);
    watched.publish(3, None);
    assert_eq!(watched.model.deliveries, [(1, 0), (1, 1), (1, 2)]);
    watched.set_open(0, true);
    watched.publish(3, None);
    assert_eq!(watched.model.deliveries[3..], [(1, 3), (0, 4), (1, 5)]);
}

#[test]
fn messages_wait_for_the_only_door_to_open() {
    let mut watched = Watched::new(None);
    watched.subscribe(ConsumerSpec::default());
    watched.set_open(0, false);
    watched.publish(2, None);
    assert!(watched.model.deliveries.is_empty());
    watched.set_open(0, true);
    assert_eq!(watched.model.deliveries, [(0, 0), (0, 1)]);
}

#[test]
fn a_new_consumer_of_an_old_place_does_not_inherit_what_was_held() {
    let mut watched = Watched::new(None);
    let one = ConsumerSpec { prefetch: NonZeroU16::new(1), ..ConsumerSpec::default() };
    watched.subscribe(one);
    watched.publish(3, None);
    watched.unsubscribe(0);
    watched.subscribe(one);
    assert_eq!(watched.model.deliveries, [(0, 0), (1, 1)]);
    watched.settle(0); // the first consumer's
    assert_eq!(watched.model.deliveries.len(), 2, "the second still holds its own");
    watched.check();
}
