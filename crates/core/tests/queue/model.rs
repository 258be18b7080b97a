//! What the queue machine does, watched: who waits, who holds what, what is in which page.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use leveret_core::model::{ConsumerSpec, DeadLetterTo, Doors, Entry, Message, Reason};
use leveret_core::{ConsumerId, PageId, Place, Timestamp};

/// A message is known by its body: the order in which it was published.
pub fn number(message: &Message) -> u64 {
    u64::from_be_bytes(message.body().try_into().unwrap())
}

/// A message; with a place in the log, it can leave memory.
pub fn message(number: u64, is_placed: bool) -> Message {
    let mut message = Message::compose(b"", b"q", &[0, 0], &number.to_be_bytes());
    if is_placed {
        let id = NonZeroU64::new(number + 1).unwrap();
        message.set_place(Place { id, offset: 0, len: 0 }, false);
    }
    message
}

/// What each of them takes in memory.
pub fn message_bytes() -> usize {
    message(0, false).footprint_bytes()
}

/// A consumer as the model sees it.
pub struct Consumer {
    pub id: ConsumerId,
    pub spec: ConsumerSpec,
    pub is_open: bool,
    pub held: u16,
    pub is_gone: bool,
}

impl Consumer {
    pub fn could_take(&self) -> bool {
        let has_credit = self.spec.auto_ack || self.spec.prefetch.is_none_or(|limit| self.held < limit.get());
        !self.is_gone && self.is_open && has_credit
    }
}

/// What the model remembers of a waiting message.
#[derive(Clone, Copy)]
pub struct Waiting {
    pub expires_at: Option<Timestamp>,
    pub was_delivered: bool,
}

/// A message that the queue is done with.
pub struct Settled {
    pub number: u64,
    pub waiting: Waiting,
    /// Whether it was the next to go.
    pub was_head: bool,
}

pub struct Model {
    pub now: Timestamp,
    pub budget: usize,
    pub ready: BTreeMap<u64, Waiting>,
    pub consumers: Vec<Consumer>,
    pub held: Vec<(Option<ConsumerId>, Entry)>,
    pub delivered: BTreeSet<u64>,
    /// Settled in this step, and not by being delivered.
    pub settled: Vec<Settled>,
    pub deliveries: Vec<(usize, u64)>,
    /// Everything goes, in whatever order.
    pub is_purging: bool,
    /// Somebody wants the head although nobody consumes.
    pub is_getting: bool,
    pub pages: BTreeMap<u64, Vec<Entry>>,
    pub last_page: u64,
    /// Pages that the queue has asked for; it may have dropped them since.
    pub asked: Vec<PageId>,
}

impl Model {
    pub fn new(budget: usize) -> Self {
        Self {
            now: Timestamp::from_micros(1_000_000),
            budget,
            ready: BTreeMap::new(),
            consumers: Vec::new(),
            held: Vec::new(),
            delivered: BTreeSet::new(),
            settled: Vec::new(),
            deliveries: Vec::new(),
            is_purging: false,
            is_getting: false,
            pages: BTreeMap::new(),
            last_page: 0,
            asked: Vec::new(),
        }
    }

    /// The page that the head is in, unless it is in memory.
    pub fn head_page(&self) -> Option<PageId> {
        let (head, _) = self.ready.first_key_value()?;
        self.pages
            .iter()
            .find(|(_, entries)| entries.iter().any(|entry| entry.position == *head))
            .map(|(page, _)| PageId(*page))
    }

    /// Whether the head is not in memory, and on its way.
    pub fn is_head_coming(&self) -> bool {
        self.head_page().is_some_and(|page| self.asked.contains(&page))
    }

    /// Memory of what waits.
    pub fn resident_bytes(&self) -> usize {
        let paged: usize = self.pages.values().map(Vec::len).sum();
        (self.ready.len() - paged) * message_bytes()
    }

    /// Whether a message has left memory.
    pub fn is_paged(&self, number: u64) -> bool {
        self.pages.values().flatten().any(|entry| entry.position == number)
    }

    fn take(&mut self, number: u64) -> Settled {
        let was_head = self.ready.first_key_value().is_some_and(|(head, _)| *head == number);
        let waiting = self.ready.remove(&number).expect("only what waits is let go");
        Settled { number, waiting, was_head }
    }

    /// The message that was settled a moment ago because it was handed out.
    pub fn take_settled_head(&mut self, number: u64) -> Waiting {
        let settled = self.settled.pop().expect("automatic acknowledgement settles");
        assert_eq!((settled.number, settled.was_head), (number, true), "the head goes first");
        settled.waiting
    }

    pub fn consumer(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers.iter_mut().find(|consumer| consumer.id == id).expect("a consumer that was added")
    }

    /// Takes the message that must be the next one.
    pub fn take_head(&mut self, number: u64) -> Waiting {
        let (head, waiting) = self.ready.pop_first().expect("only what waits is handed out");
        assert_eq!(head, number, "the head goes first");
        waiting
    }

    pub fn check_entry(&mut self, entry: &Entry, waiting: Waiting) {
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
        let waiting = if spec.auto_ack { self.take_settled_head(number) } else { self.take_head(number) };
        self.check_entry(&entry, waiting);
        let index = self.consumers.iter().position(|consumer| consumer.id == to).unwrap();
        self.deliveries.push((index, number));
        if !spec.auto_ack {
            self.consumers[index].held += 1;
            self.held.push((Some(to), entry));
        }
    }

    fn settled(&mut self, message: &Message) {
        let settled = self.take(number(message));
        self.settled.push(settled);
    }

    fn dead_letter(&mut self, _message: Message, _reason: Reason, _to: Arc<DeadLetterTo>) {
        panic!("these queues have nowhere to send what they give up");
    }

    fn budget_bytes(&self) -> usize {
        self.budget
    }

    fn put_page(&mut self, entries: &[Entry]) -> PageId {
        assert!(!entries.is_empty(), "a page without entries is for nobody");
        assert!(entries.iter().all(|entry| entry.message.place().is_some()), "what can't be read stays");
        assert!(entries.iter().all(|entry| self.ready.contains_key(&entry.position)));
        assert!(self.budget / 4 < message_bytes() || entries.len() * message_bytes() <= self.budget / 4);
        self.last_page += 1;
        self.pages.insert(self.last_page, entries.to_vec());
        PageId(self.last_page)
    }

    fn fetch(&mut self, page: PageId) {
        assert!(self.pages.contains_key(&page.0), "what is asked for is there");
        assert!(!self.asked.contains(&page), "nothing is asked for twice");
        let tick = Duration::from_micros(1);
        let mut entries = self.pages[&page.0].iter();
        let is_due = entries.any(|entry| entry.expires_at.is_some_and(|at| at <= self.now + tick));
        let is_consumed = self.consumers.iter().any(|consumer| !consumer.is_gone);
        assert!(is_consumed || self.is_getting || is_due, "nothing is read that nobody wants");
        self.asked.push(page);
    }

    fn drop_page(&mut self, page: PageId) {
        for entry in self.pages.remove(&page.0).expect("what is dropped is there") {
            let settled = self.take(entry.position);
            self.settled.push(settled);
        }
    }
}
