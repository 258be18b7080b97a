//! What the queue machine does, watched: who waits, who holds what, what is in which page, what was given up.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use leveret_core::model::{
    DeadLetterTo, Doors, Entry, Message, Overflow, QueueSettings, QueueTraits, Reason, Returns,
};
use leveret_core::{ConsumerId, PageId, Place, Timestamp};

use super::audience::Audience;

/// The shortest time there is: a message of no time to live is due after it.
pub const TICK: Duration = Duration::from_micros(1);

/// Bytes of every body.
pub const BODY_BYTES: u64 = 8;

/// A message is known by its body: the order in which it was published.
pub fn number(message: &Message) -> u64 {
    u64::from_be_bytes(message.body().try_into().unwrap())
}

/// A message of this priority; with a place in the log, it can leave memory.
pub fn message(number: u64, priority: u8, is_placed: bool) -> Message {
    let properties = [0x08, 0x00, priority];
    let mut message = Message::compose(b"", b"q", &properties, &number.to_be_bytes());
    if is_placed {
        let id = NonZeroU64::new(number + 1).unwrap();
        message.set_place(Place { id, offset: 0, len: 0 }, false);
    }
    message
}

/// What each of them takes in memory.
pub fn message_bytes() -> usize {
    message(0, 0, false).footprint_bytes()
}

/// Where a message stands: higher levels first, then in the order in which they came.
pub type Rank = (Reverse<usize>, u64);

/// What the model remembers of a waiting message.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub expires_at: Option<Timestamp>,
    pub was_delivered: bool,
    pub returns: Returns,
}

/// A message that the queue is done with without having handed it out.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    pub rank: Rank,
    pub waiting: Waiting,
    /// Whether it was the next to go.
    pub was_head: bool,
    /// Whether there were more than may wait.
    pub was_excess: bool,
}

pub struct Model {
    pub now: Timestamp,
    pub budget: usize,
    pub traits: QueueTraits,
    pub settings: QueueSettings,
    pub ready: BTreeMap<Rank, Waiting>,
    pub audience: Audience,
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
    /// Messages that are neither waiting nor held, because the queue must give them up for this reason.
    pub doomed: BTreeMap<u64, Reason>,
    /// The message that the queue may say no to.
    pub offered: Option<Rank>,
    /// When what was given up last in this step was due, and its position: others follow in this order.
    pub last_expired: Option<(Timestamp, u64)>,
    /// How many were dead-lettered for each reason.
    pub letters: [usize; 4],
}

impl Model {
    pub fn new(traits: QueueTraits, settings: QueueSettings, budget: usize) -> Self {
        Self {
            now: Timestamp::from_micros(1_000_000),
            budget,
            traits,
            settings,
            ready: BTreeMap::new(),
            audience: Audience::new(traits),
            held: Vec::new(),
            delivered: BTreeSet::new(),
            settled: Vec::new(),
            deliveries: Vec::new(),
            is_purging: false,
            is_getting: false,
            pages: BTreeMap::new(),
            last_page: 0,
            asked: Vec::new(),
            doomed: BTreeMap::new(),
            offered: None,
            last_expired: None,
            letters: [0; 4],
        }
    }

    pub fn rank(&self, message: &Message) -> Rank {
        (Reverse(self.traits.level(message)), number(message))
    }

    /// Whether so many are more than may wait.
    pub fn is_exceeded(&self) -> bool {
        let count = self.ready.len();
        self.settings.is_exceeded(count, count as u64 * BODY_BYTES)
    }

    /// The page that a message is in, unless it is in memory.
    pub fn page_of(&self, rank: Rank) -> Option<PageId> {
        let is_in = |entries: &Vec<Entry>| entries.iter().any(|entry| self.rank(&entry.message) == rank);
        self.pages.iter().find(|(_, entries)| is_in(entries)).map(|(page, _)| PageId(*page))
    }

    /// Whether the head is not in memory, and on its way.
    pub fn is_head_coming(&self) -> bool {
        let head = self.ready.first_key_value().and_then(|(head, _)| self.page_of(*head));
        head.is_some_and(|page| self.asked.contains(&page))
    }

    /// Whether something that is due is on its way.
    pub fn is_due_coming(&self) -> bool {
        let asked = self.asked.iter().filter_map(|page| self.pages.get(&page.0));
        asked.flatten().any(|entry| entry.expires_at.is_some_and(|at| at <= self.now))
    }

    /// Whether something that comes before this in its level is on its way.
    pub fn is_behind_coming(&self, (level, number): Rank) -> bool {
        let asked = self.asked.iter().filter_map(|page| self.pages.get(&page.0));
        let ranks = asked.flatten().map(|entry| self.rank(&entry.message));
        ranks.into_iter().any(|(other, before)| other == level && before < number)
    }

    /// Memory of what waits.
    pub fn resident_bytes(&self) -> usize {
        let paged: usize = self.pages.values().map(Vec::len).sum();
        (self.ready.len() - paged) * message_bytes()
    }

    fn take(&mut self, rank: Rank) -> Settled {
        let was_head = self.ready.first_key_value().is_some_and(|(head, _)| *head == rank);
        let was_excess = self.is_exceeded();
        let waiting = self.ready.remove(&rank).expect("only what waits is let go");
        Settled { rank, waiting, was_head, was_excess }
    }

    /// The message that was settled a moment ago because it was handed out.
    pub fn take_settled_head(&mut self, rank: Rank) -> Waiting {
        let settled = self.settled.pop().expect("automatic acknowledgement settles");
        assert_eq!((settled.rank, settled.was_head), (rank, true), "the head goes first");
        settled.waiting
    }

    /// Takes the message that must be the next one.
    pub fn take_head(&mut self, rank: Rank) -> Waiting {
        let (head, waiting) = self.ready.pop_first().expect("only what waits is handed out");
        assert_eq!(head, rank, "the head goes first");
        waiting
    }

    pub fn check_entry(&mut self, entry: &Entry, waiting: Waiting) {
        assert_eq!(entry.position, number(&entry.message), "positions are in order of publishing");
        assert_eq!(
            entry.redelivered, waiting.was_delivered,
            "redelivered tells whether it was handed out before"
        );
        assert_eq!(entry.returns, waiting.returns, "it is known how often it came back");
        assert_eq!(entry.expires_at, waiting.expires_at, "a deadline is kept");
        assert!(entry.expires_at.is_none_or(|at| self.now < at), "what has expired is not handed out");
        let is_first = self.delivered.insert(entry.position);
        assert!(is_first || entry.redelivered, "nothing is handed out twice in silence");
    }

    /// What the queue gives up, it has a reason for.
    pub fn check_loss(&mut self, settled: Settled, reason: Reason) {
        let Settled { rank, waiting, was_head, was_excess } = settled;
        match reason {
            Reason::Expired => {
                let at = waiting.expires_at.filter(|at| *at <= self.now + TICK);
                let at = at.unwrap_or_else(|| panic!("{rank:?} is not due: {waiting:?}"));
                assert!(self.last_expired <= Some((at, rank.1)), "what was due first goes first");
                self.last_expired = Some((at, rank.1));
            }
            Reason::MaxLength if self.settings.refuses() => {
                assert_eq!(self.offered, Some(rank), "only what comes in is refused");
                assert!(was_excess, "{rank:?} would have had room");
            }
            Reason::MaxLength => assert!(was_head && was_excess, "{rank:?} had room: {settled:?}"),
            Reason::Rejected | Reason::DeliveryLimit | Reason::Delayed => {
                panic!("nobody has rejected {rank:?}")
            }
        }
    }

    /// Why the queue may be done with a message without a word.
    fn silent_reason(&self, settled: &Settled) -> Reason {
        let is_due = settled.waiting.expires_at.is_some_and(|at| at <= self.now + TICK);
        if self.offered == Some(settled.rank) && settled.was_excess && self.settings.refuses() {
            return Reason::MaxLength;
        }
        if is_due { Reason::Expired } else { Reason::MaxLength }
    }

    /// What was settled in this step without having been handed out.
    pub fn check_settled(&mut self) {
        for settled in std::mem::take(&mut self.settled) {
            let reason = self.silent_reason(&settled);
            if reason != Reason::Expired {
                self.check_loss(settled, reason);
            }
            let may_be_silent = self.settings.dead_letter.is_none()
                || (self.settings.overflow == Some(Overflow::RejectPublish) && reason == Reason::MaxLength);
            assert!(may_be_silent, "what is lost is dead-lettered: {settled:?}");
        }
        self.last_expired = None;
        self.offered = None;
    }
}

impl Doors for Model {
    fn waits_for_peer(&self, _: ConsumerId) -> bool {
        false
    }

    fn accepts(&mut self, to: ConsumerId) -> bool {
        self.audience.get(to).is_open
    }

    fn deliver(&mut self, to: ConsumerId, entry: Entry) {
        self.audience.check_turn(to);
        let spec = self.audience.get(to).spec;
        let rank = self.rank(&entry.message);
        let waiting = if spec.auto_ack { self.take_settled_head(rank) } else { self.take_head(rank) };
        self.check_entry(&entry, waiting);
        self.deliveries.push((self.audience.index(to), rank.1));
        if !spec.auto_ack {
            self.audience.get(to).held += 1;
            self.held.push((Some(to), entry));
        }
    }

    fn settled(&mut self, message: &Message) {
        if self.doomed.remove(&number(message)).is_some() {
            assert!(self.settings.dead_letter.is_none(), "what is rejected is dead-lettered");
            return;
        }
        let settled = self.take(self.rank(message));
        self.settled.push(settled);
    }

    fn dead_letter(&mut self, message: Message, reason: Reason, to: Arc<DeadLetterTo>) {
        assert_eq!(Some(&to), self.settings.dead_letter.as_ref(), "it goes where it should");
        assert!(!self.is_purging || reason == Reason::Expired, "a purge is no death");
        self.letters[reason as usize] += 1;
        if let Some(doom) = self.doomed.remove(&number(&message)) {
            assert_eq!(reason, doom);
            return;
        }
        let settled = self.take(self.rank(&message));
        self.check_loss(settled, reason);
    }

    fn budget_bytes(&self) -> usize {
        self.budget
    }

    fn put_page(&mut self, entries: &[Entry]) -> PageId {
        assert!(!entries.is_empty(), "a page without entries is for nobody");
        assert!(entries.iter().all(|entry| entry.message.place().is_some()), "what can't be read stays");
        assert!(entries.iter().all(|entry| self.ready.contains_key(&self.rank(&entry.message))));
        assert!(self.budget / 4 < message_bytes() || entries.len() * message_bytes() <= self.budget / 4);
        self.last_page += 1;
        self.pages.insert(self.last_page, entries.to_vec());
        PageId(self.last_page)
    }

    fn fetch(&mut self, page: PageId) {
        assert!(self.pages.contains_key(&page.0), "what is asked for is there");
        assert!(!self.asked.contains(&page), "nothing is asked for twice");
        let mut entries = self.pages[&page.0].iter();
        let is_due = entries.any(|entry| entry.expires_at.is_some_and(|at| at <= self.now + TICK));
        let is_wanted = self.audience.count() != 0 || self.is_getting || self.is_exceeded();
        assert!(is_wanted || is_due, "nothing is read that nobody wants");
        self.asked.push(page);
    }

    fn drop_page(&mut self, page: PageId) {
        for entry in self.pages.remove(&page.0).expect("what is dropped is there") {
            let settled = self.take(self.rank(&entry.message));
            self.settled.push(settled);
        }
    }
}
