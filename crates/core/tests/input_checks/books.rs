//! What the clients know: what they published, what they hold, what they were promised.

use std::collections::{BTreeMap, BTreeSet};

use super::account::{Account, Copied, Hiding};
use super::kinds::{DEAD, KINDS};
use super::program::{CHANNELS, CLIENTS, How, Style};

/// A delivery that is not settled.
#[derive(Clone, Debug)]
pub struct Held {
    pub queue: usize,
    pub generation: u64,
    pub copied: Copied,
    pub consumer: Option<u64>,
    /// Settled in a transaction that goes on.
    decided: Option<How>,
}

impl Held {
    /// Towards the limit of its channel.
    fn counts(&self) -> bool {
        self.consumer.is_some() && self.decided.is_none()
    }

    pub fn is_decided(&self) -> bool {
        self.decided.is_some()
    }
}

#[derive(Clone, Debug)]
pub struct Consumer {
    pub queue: usize,
    pub generation: u64,
    pub no_ack: bool,
    pub prefetch: u16,
    /// The last that came for the first time, by priority.
    last: BTreeMap<u8, u64>,
}

/// A queue, and which of its lives.
pub type Target = (usize, u64);

/// A message that waits for the end of its transaction, with the queues that it was routed to.
#[derive(Clone, Debug)]
pub struct Pending {
    targets: Vec<Target>,
    number: u64,
    style: Style,
}

/// Whether publishes are promised anything.
#[derive(Clone, Debug, Default)]
pub enum Mode {
    #[default]
    Plain,
    Confirm {
        published: u64,
        waiting: BTreeMap<u64, bool>,
    },
    Transaction {
        publishes: Vec<Pending>,
    },
}

#[derive(Clone, Debug, Default)]
pub struct Channel {
    pub consumers: BTreeMap<u64, Consumer>,
    pub held: BTreeMap<u64, Held>,
    last_tag: u64,
    pub mode: Mode,
    pub prefetch: u16,
    /// Zero is none.
    pub global: u16,
    /// The queue that an answer to basic.get will be from.
    pub getting: Option<(usize, bool)>,
    /// The broker has closed it.
    pub is_closed: bool,
}

impl Channel {
    /// What counts towards the limit of its consumers together.
    fn of_consumers(&self) -> usize {
        self.held.values().filter(|held| held.counts()).count()
    }

    pub fn of_consumer(&self, id: u64) -> usize {
        self.held.values().filter(|held| held.consumer == Some(id) && held.decided.is_none()).count()
    }

    /// Whether a consumer must be given what is ready.
    pub fn could_take(&self, id: u64, consumer: &Consumer) -> bool {
        // Whether credit comes back before the commit is not asked here.
        let is_decided = self.held.values().any(|held| held.decided.is_some());
        let has_room = |limit: u16, held: usize| limit == 0 || held < usize::from(limit);
        let is_limited =
            !has_room(consumer.prefetch, self.of_consumer(id)) || !has_room(self.global, self.of_consumers());
        !is_decided && (consumer.no_ack || !is_limited)
    }
}

#[derive(Clone, Debug, Default)]
pub struct Client {
    pub connections: usize,
    pub channels: [Channel; CHANNELS],
    pub is_stalled: bool,
}

pub struct Books {
    pub now: u64,
    pub accounts: Vec<Account>,
    pub clients: Vec<Client>,
    pub position: u64,
    numbers: u64,
    consumers: u64,
    pub log_holds: bool,
    /// Something stalled may be heard late in this step.
    pub is_late: bool,
}

impl Books {
    pub fn new() -> Self {
        Self {
            now: 0,
            accounts: KINDS.iter().map(Account::new).collect(),
            clients: vec![Client::default(); CLIENTS],
            position: 0,
            numbers: 0,
            consumers: 0,
            log_holds: false,
            is_late: false,
        }
    }

    pub fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn channel(&mut self, (client, channel): (usize, usize)) -> &mut Channel {
        &mut self.clients[client].channels[channel]
    }

    /// A message is published to these queues, as far as they exist.
    pub fn publish(&mut self, place: (usize, usize), queues: &[usize], number: u64, style: Style) {
        let there = queues.iter().filter(|queue| self.accounts[**queue].exists);
        let targets: Vec<Target> = there.map(|queue| (*queue, self.accounts[*queue].generation)).collect();
        let may_nack = targets.iter().any(|(queue, _)| KINDS[*queue].rejects);
        match &mut self.channel(place).mode {
            Mode::Transaction { publishes } => return publishes.push(Pending { targets, number, style }),
            Mode::Confirm { published, waiting } => {
                *published += 1;
                waiting.insert(*published, may_nack);
            }
            Mode::Plain => {}
        }
        self.arrive(&targets, number, style);
    }

    fn arrive(&mut self, targets: &[Target], number: u64, style: Style) {
        for (queue, generation) in targets {
            self.position += 1;
            let account = &mut self.accounts[*queue];
            let ttl = [account.kind.ttl_millis, style.expiration_millis].into_iter().flatten().min();
            let copied = Copied {
                number,
                priority: style.priority.min(account.kind.max_priority),
                position: self.position,
                was_seen: false,
                expires_at: ttl.map(|ttl| self.now + ttl),
            };
            if account.generation == *generation {
                account.arrive(copied);
            }
        }
    }

    /// A message leaves a queue unsettled, maybe for the queue of the dead.
    pub fn bury(&mut self, queue: usize, copied: Copied) {
        if KINDS[queue].dead_letters {
            self.position += 1;
            let copied =
                Copied { position: self.position, was_seen: false, priority: 0, expires_at: None, ..copied };
            self.accounts[DEAD].arrive(copied);
        }
    }

    pub fn consume(&mut self, place: (usize, usize), queue: usize, no_ack: bool) -> u64 {
        self.consumers += 1;
        let id = self.consumers;
        let account = &mut self.accounts[queue];
        if account.exists {
            account.consumers.push(id);
            let generation = account.generation;
            let channel = self.channel(place);
            let consumer =
                Consumer { queue, generation, no_ack, prefetch: channel.prefetch, last: BTreeMap::new() };
            channel.consumers.insert(id, consumer);
        }
        id
    }

    /// A consumer is to get nothing new; what is on its way may come before the answer.
    pub fn cancel(&mut self, place: (usize, usize), id: u64) {
        if let Some(consumer) = self.channel(place).consumers.get(&id).cloned() {
            self.forget(place, id, &consumer);
        }
    }

    /// Nothing may come to it any more.
    pub fn hear_cancelled(&mut self, place: (usize, usize), id: u64) {
        self.channel(place).consumers.remove(&id);
    }

    fn forget(&mut self, (client, _): (usize, usize), id: u64, consumer: &Consumer) {
        let account = &mut self.accounts[consumer.queue];
        account.consumers.retain(|other| *other != id);
        // What was on its way to it comes to others, as if for the first time.
        account.is_disordered |= self.clients[client].is_stalled;
    }

    /// Settles held deliveries, or notes it for the end of the transaction.
    pub fn decide(&mut self, place: (usize, usize), tag: u64, how: How) {
        let channel = self.channel(place);
        let in_transaction = matches!(channel.mode, Mode::Transaction { .. });
        let from = if how.multiple { 0 } else { tag };
        let undecided = channel.held.range(from..=tag).filter(|(_, held)| held.decided.is_none());
        let tags: Vec<u64> = undecided.map(|(tag, _)| *tag).collect();
        for tag in tags {
            if in_transaction {
                if let Some(held) = self.channel(place).held.get_mut(&tag) {
                    held.decided = Some(how);
                }
            } else if let Some(held) = self.channel(place).held.remove(&tag) {
                self.end(&held, how.requeue, how.verb != "ack");
            }
        }
    }

    fn end(&mut self, held: &Held, goes_back: bool, is_refused: bool) {
        let account = &mut self.accounts[held.queue];
        if !account.exists || account.generation != held.generation {
            return;
        }
        if goes_back {
            account.arrive(held.copied);
        } else if is_refused {
            self.bury(held.queue, held.copied);
        }
    }

    pub fn recover(&mut self, place: (usize, usize)) {
        let held = std::mem::take(&mut self.channel(place).held);
        let (kept, back): (BTreeMap<_, _>, BTreeMap<_, _>) =
            held.into_iter().partition(|(_, held)| held.decided.is_some());
        self.channel(place).held = kept;
        for held in back.into_values() {
            self.end(&held, true, false);
        }
    }

    /// A channel ends: everything goes back, nothing is promised any more.
    pub fn release(&mut self, place: (usize, usize)) {
        let channel = std::mem::take(self.channel(place));
        for (id, consumer) in channel.consumers {
            self.forget(place, id, &consumer);
        }
        for held in channel.held.into_values() {
            self.end(&held, true, false);
        }
    }

    /// A message comes to a client.
    pub fn deliver(&mut self, place: (usize, usize), tag: u64, consumer: Option<u64>, message: (u64, bool)) {
        let (number, redelivered) = message;
        let (queue, generation, no_ack) = self.source(place, consumer, number);
        let copied = self.take(queue, generation, number);
        assert!(
            redelivered || !copied.was_seen,
            "{number} comes again from {} and does not say so",
            KINDS[queue].name
        );
        let is_due = Account::is_due(&copied, self.now);
        assert!(self.is_late || !is_due, "{number} has expired in {}", KINDS[queue].name);
        let account = &self.accounts[queue];
        let is_orphan = account.generation != generation;
        let is_unordered = is_orphan || account.is_vague || account.is_disordered || queue == DEAD;
        let is_another = consumer.is_some_and(|id| account.consumers.first() != Some(&id));
        assert!(
            !account.kind.single_active || self.is_late || !is_another,
            "{number} comes to who is not active"
        );
        let channel = self.channel(place);
        assert_eq!(tag, channel.last_tag + 1, "delivery tags count by one");
        channel.last_tag = tag;
        if let Some(of) = consumer.and_then(|id| channel.consumers.get_mut(&id)) {
            let last = of.last.insert(copied.priority, copied.position).unwrap_or_default();
            let is_in_order = redelivered || is_unordered || last < copied.position;
            assert!(is_in_order, "{number} comes out of order to a consumer of {}", KINDS[queue].name);
            if redelivered {
                of.last.insert(copied.priority, last.max(copied.position));
            }
        }
        if no_ack {
            return;
        }
        let copied = Copied { was_seen: true, ..copied };
        channel.held.insert(tag, Held { queue, generation, copied, consumer, decided: None });
        self.check_prefetch(place, consumer);
    }

    fn check_prefetch(&mut self, place: (usize, usize), consumer: Option<u64>) {
        let is_late = self.is_late;
        let channel = self.channel(place);
        let Some((id, of)) = consumer.and_then(|id| Some((id, channel.consumers.get(&id)?))) else { return };
        let held = channel.of_consumer(id);
        assert!(
            of.prefetch == 0 || held <= usize::from(of.prefetch),
            "{held} for a prefetch of {}",
            of.prefetch
        );
        let held = channel.of_consumers();
        // What was on its way when the limit came is delivered all the same.
        let is_within = is_late || channel.global == 0 || held <= usize::from(channel.global);
        assert!(is_within, "{held} for a channel's prefetch of {}", channel.global);
    }

    /// Where a delivery comes from, and whether it needs no answer.
    fn source(&mut self, place: (usize, usize), consumer: Option<u64>, number: u64) -> (usize, u64, bool) {
        let channel = self.channel(place);
        if let Some(id) = consumer {
            let of = channel.consumers.get(&id);
            let of =
                of.unwrap_or_else(|| panic!("{number} comes to t{id}, which was cancelled or never was"));
            return (of.queue, of.generation, of.no_ack);
        }
        let (queue, no_ack) = channel.getting.take().expect("nobody asked for a message");
        (queue, self.accounts[queue].generation, no_ack)
    }

    fn take(&mut self, queue: usize, generation: u64, number: u64) -> Copied {
        let account = &mut self.accounts[queue];
        if account.generation != generation {
            // On its way when its queue was deleted.
            assert!(self.is_late, "{number} comes from a queue that is gone");
            return Copied { number, priority: 0, position: u64::MAX, was_seen: false, expires_at: None };
        }
        if let Some(copied) = account.take(number) {
            return copied;
        }
        let mut dying = (0..DEAD).filter(|source| queue == DEAD && KINDS[*source].dead_letters);
        let source = dying.find(|source| self.accounts[*source].take(number).is_some());
        // It may have died, and been on its way again, before the queue it died in was deleted.
        let is_from_the_deleted = queue == DEAD && self.is_late;
        let is_known = source.is_some() || is_from_the_deleted;
        assert!(is_known, "{number} comes from {}, where it is not", KINDS[queue].name);
        self.position += 1;
        Copied { number, priority: 0, position: self.position, was_seen: false, expires_at: None }
    }

    pub fn confirm(&mut self, place: (usize, usize), tag: u64, multiple: bool, is_refused: bool) {
        let Mode::Confirm { published, waiting } = &mut self.channel(place).mode else {
            panic!("a confirm where none was asked for");
        };
        assert!(tag <= *published, "the confirm of {tag}, of {published}");
        let tags: BTreeSet<u64> =
            waiting.range(if multiple { 0 } else { tag }..=tag).map(|(tag, _)| *tag).collect();
        assert!(!tags.is_empty(), "{tag} is confirmed twice");
        for tag in tags {
            let may_nack = waiting.remove(&tag);
            assert!(!is_refused || may_nack == Some(true), "{tag} was refused, and no queue may refuse it");
        }
    }

    pub fn end_transaction(&mut self, place: (usize, usize), commits: bool) {
        let Mode::Transaction { publishes } = &mut self.channel(place).mode else { return };
        let publishes = std::mem::take(publishes);
        let held = std::mem::take(&mut self.channel(place).held);
        for (tag, mut held) in held {
            match held.decided.take() {
                Some(how) if commits => self.end(&held, how.requeue, how.verb != "ack"),
                _ => drop(self.channel(place).held.insert(tag, held)),
            }
        }
        if commits {
            for Pending { targets, number, style } in publishes {
                self.arrive(&targets, number, style);
            }
        }
    }

    /// A queue is deleted, and its consumers with it. Who does not read hears of it later.
    pub fn delete(&mut self, queue: usize) {
        for client in self.clients.iter_mut().filter(|client| !client.is_stalled) {
            for channel in &mut client.channels {
                channel.consumers.retain(|_, consumer| consumer.queue != queue);
            }
        }
        self.accounts[queue].set_exists(false);
    }

    /// What is on its way to somebody is not purged.
    pub fn purge(&mut self, queue: usize) {
        if self.hiding(queue) == Hiding::Nothing {
            self.accounts[queue].purge();
        } else {
            self.accounts[queue].is_vague = true;
        }
    }
}
