//! What must be true of a broker, whatever happens: a simple one that keeps everything and forgets nothing.
//!
//! It is told each request when the broker has handled it, each reply when the broker has made it, each commit of
//! the log, each end. What it knows of durability are *facts*, counted in the order in which they were told to the
//! log: definitions, messages, settlements. A commit covers all facts so far. From that follows
//! - what a reply may promise: nothing that rests on a fact that is not covered;
//! - what must be there after a crash: what is covered and not settled; what must not: what is settled, covered;
//! - what may be there: the rest. Only then is a message *in doubt*, until it comes or its queue is found empty.
//!
//! It reads none of the broker's state.

mod channel;
mod contents;
mod hear;
mod lease;
mod topology;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

pub use channel::Promise;
use channel::{Answer, Channel, Consumer, Fate, Held, Mode, Phase};
use contents::{Contents, PairNumber};
use lease::Leases;
use leveret_codec::MethodId;
use topology::Topology;
pub use topology::{Defined, Entity, QueueNumber};

use crate::names::{self, Name};
use crate::wire::{Binding, Content, Reply, Request};

/// What a broker did that it must not, or did not that it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed(pub String);

/// A channel of a connection.
pub type Place = (u64, u16);

#[derive(Debug, Default)]
pub struct Oracle {
    topology: Topology,
    contents: Contents,
    channels: HashMap<Place, Channel>,
    /// Facts that the log was told, and how many are on the disk for sure.
    told: u64,
    synced: u64,
    /// The log takes nothing any more.
    pub has_failed: bool,
    leases: Leases,
}

impl Oracle {
    /// The log has committed everything that it was told.
    pub fn synced(&mut self) {
        self.synced = self.told;
        self.topology.synced(self.synced);
    }

    /// No page of a queue waits to be looked at.
    pub fn pages_done(&mut self) {
        self.told += u64::from(self.contents.pages_done(self.told + 1));
    }

    /// A reply goes to its client, and with it what it promises.
    pub fn check_written(&self, promise: Promise, reply: &Reply) -> Result<(), Missed> {
        if promise <= self.synced {
            return Ok(());
        }
        Err(Missed(format!("{reply:?} rests on fact {promise}, the log has committed {}", self.synced)))
    }

    /// The broker has handled a request. `id_of` says what it calls a queue.
    pub fn handle(&mut self, now: u64, place: Place, request: &Request, id_of: impl Fn(Name) -> u64) {
        self.leases.look(now);
        let channel = self.channels.entry(place).or_default();
        match (channel.phase, request) {
            (Phase::Closed, Request::Open) => {
                *channel = Channel { phase: Phase::Open, ..Channel::default() };
                channel.answers.push_back(Answer::Done(MethodId::CHANNEL_OPEN_OK, 0));
            }
            (Phase::Open, _) => self.handle_open(now, place, request, id_of),
            (Phase::Closing, Request::CloseOk) => channel.phase = Phase::Closed,
            (Phase::Refused | Phase::Closing, Request::Close) => {
                channel.answers.push_back(Answer::Done(MethodId::CHANNEL_CLOSE_OK, 0));
            }
            _ => {}
        }
    }

    fn channel(&mut self, place: Place) -> &mut Channel {
        self.channels.entry(place).or_default()
    }

    fn answer(&mut self, place: Place, id: MethodId, promise: Promise) {
        self.channel(place).answers.push_back(Answer::Done(id, promise));
    }

    fn handle_open(&mut self, now: u64, place: Place, request: &Request, id_of: impl Fn(Name) -> u64) {
        match request {
            Request::Close => {
                self.end(place);
                *self.channel(place) = Channel::default();
                self.answer(place, MethodId::CHANNEL_CLOSE_OK, 0);
            }
            Request::Confirms => {
                self.channel(place).mode = Mode::Confirm { published: 0, waiting: VecDeque::default() };
                self.answer(place, MethodId::CONFIRM_SELECT_OK, 0);
            }
            Request::Tx => {
                self.channel(place).mode = Mode::Tx { publishes: Vec::new(), decided: Vec::new() };
                self.answer(place, MethodId::TX_SELECT_OK, 0);
            }
            Request::Commit | Request::Rollback => self.end_transaction(place, *request == Request::Commit),
            Request::Publish(content) => self.publish(now, place, *content),
            Request::Qos(prefetch) => {
                self.channel(place).prefetch = *prefetch;
                self.answer(place, MethodId::BASIC_QOS_OK, 0);
            }
            Request::Consume { .. } | Request::Cancel(_) | Request::Get { .. } => self.take(place, request),
            Request::Ack { tag, multiple } => self.decide(place, *tag, *multiple, Fate::Settled),
            Request::Nack { tag, multiple, requeue } => {
                let fate = if *requeue { Fate::Requeued } else { Fate::Rejected };
                self.decide(place, *tag, *multiple, fate);
            }
            Request::Recover => {
                let held = std::mem::take(&mut self.channel(place).unacked).into_values().collect();
                self.carry_out(place, Fate::Requeued, held);
                self.answer(place, MethodId::BASIC_RECOVER_OK, 0);
            }
            Request::DeclareQueue { .. } | Request::DeleteQueue(_) | Request::Purge(_) => {
                self.handle_queue(now, place, request, id_of);
            }
            Request::DeclareExchange(name) => {
                self.topology.declare_exchange(name);
                self.answer_defined(place, MethodId::EXCHANGE_DECLARE_OK, Entity::Exchange(name));
            }
            Request::DeleteExchange(name) => {
                self.topology.delete_exchange(name);
                self.answer_defined(place, MethodId::EXCHANGE_DELETE_OK, Entity::Exchange(name));
            }
            Request::Bind(binding) => self.bind(place, binding),
            Request::Unbind(binding) => {
                self.topology.unbind(binding);
                let id = binding_answer(binding, MethodId::QUEUE_UNBIND_OK, MethodId::EXCHANGE_UNBIND_OK);
                self.answer_defined(place, id, Entity::Binding(*binding));
            }
            Request::Open | Request::CloseOk => unreachable!("no client does this"),
        }
    }

    /// Whether what is asked for on a channel counts; not while it is being closed.
    pub fn is_open(&self, place: Place) -> bool {
        self.channels.get(&place).is_some_and(|channel| channel.phase == Phase::Open)
    }

    /// The channel is closed: what it asks for is not there.
    fn refuse(&mut self, place: Place) {
        self.end(place);
        *self.channel(place) = Channel { phase: Phase::Refused, ..Channel::default() };
    }

    /// What a channel has goes back to its queues.
    fn end(&mut self, place: Place) {
        let channel = self.channels.entry(place).or_default();
        for held in channel.take_all() {
            self.contents.requeue(held.pair);
        }
        for consumer in std::mem::take(&mut channel.consumers).into_values() {
            self.contents.consumer_ended(consumer.queue, consumer.no_ack);
            self.leave(&consumer);
        }
    }

    fn leave(&mut self, consumer: &Consumer) {
        let queue = self.contents.queue(consumer.queue);
        self.leases.used(queue.name);
        queue.consumers -= 1;
        queue.careless -= usize::from(consumer.no_ack);
    }

    /// A connection is gone, with all it had.
    pub fn lose(&mut self, now: u64, connection: u64) {
        self.leases.look(now);
        let places: Vec<Place> = self.channels.keys().filter(|(of, _)| *of == connection).copied().collect();
        for place in places {
            self.end(place);
            self.channels.remove(&place);
        }
    }

    /// Something defined has changed, or may have: the answer rests on how it stands.
    fn answer_defined(&mut self, place: Place, id: MethodId, entity: Entity) {
        let promise = self.define(entity);
        self.answer(place, id, promise);
    }

    fn define(&mut self, entity: Entity) -> Promise {
        self.told += u64::from(self.topology.note(self.told + 1));
        self.topology.rests_on(entity)
    }

    fn bind(&mut self, place: Place, binding: &Binding) {
        if !self.topology.has_exchange(binding.source) || !self.topology.has_end(binding.end) {
            return self.refuse(place);
        }
        self.topology.bind(*binding);
        let id = binding_answer(binding, MethodId::QUEUE_BIND_OK, MethodId::EXCHANGE_BIND_OK);
        self.answer_defined(place, id, Entity::Binding(*binding));
    }

    fn handle_queue(&mut self, now: u64, place: Place, request: &Request, id_of: impl Fn(Name) -> u64) {
        let (id, count, promise) = match request {
            Request::DeclareQueue { queue: name, passive } => {
                let known = self.topology.queue(name);
                if known.is_none() && *passive {
                    return self.refuse(place);
                }
                let number = known.unwrap_or_else(|| {
                    let number = self.contents.declare(name, id_of(name));
                    self.topology.declare_queue(name, number, id_of(name));
                    number
                });
                self.leases.used(name);
                let promise = if *passive { 0 } else { self.define(Entity::Queue(name)) };
                (MethodId::QUEUE_DECLARE_OK, self.contents.count(now, number), promise)
            }
            Request::DeleteQueue(name) => {
                let known = self.topology.queue(name);
                let count = known.map_or(0..=0, |number| self.contents.count(now, number));
                if let Some(number) = known {
                    self.contents.queue(number).is_deleted = true;
                    self.topology.delete_queue(name);
                }
                (MethodId::QUEUE_DELETE_OK, count, self.define(Entity::Queue(name)))
            }
            Request::Purge(name) => {
                let Some(number) = self.topology.queue(name) else { return self.refuse(place) };
                let count = self.contents.count(now, number);
                self.contents.purge(now, number);
                (MethodId::QUEUE_PURGE_OK, count, 0)
            }
            other => unreachable!("not about queues: {other:?}"),
        };
        self.channel(place).answers.push_back(Answer::Count(id, count, promise));
    }

    fn publish(&mut self, now: u64, place: Place, content: Content) {
        let Content { exchange, key, number, .. } = content;
        if !exchange.is_empty() && !self.topology.has_exchange(exchange) {
            return self.refuse(place);
        }
        let queues = self.topology.route(exchange, key);
        match &mut self.channels.entry(place).or_default().mode {
            Mode::Tx { publishes, .. } => return publishes.push((now, content, queues)),
            Mode::Confirm { published, waiting } => {
                *published += 1;
                waiting.push_back((*published, number));
            }
            Mode::Plain => {}
        }
        self.told += u64::from(self.contents.publish(now, content, &queues, self.told + 1));
    }

    fn end_transaction(&mut self, place: Place, is_commit: bool) {
        let channel = self.channels.entry(place).or_default();
        let Mode::Tx { publishes, decided } = &mut channel.mode else { unreachable!("no client does this") };
        let (publishes, decided) = (std::mem::take(publishes), std::mem::take(decided));
        if !is_commit {
            let held = decided.into_iter().flat_map(|(_, held)| held);
            channel.unacked.extend(held.map(|held| (held.tag, held)));
            return self.answer(place, MethodId::TX_ROLLBACK_OK, 0);
        }
        let mut promise = 0;
        for (published_at, content, queues) in publishes {
            let is_logged = self.contents.publish(published_at, content, &queues, self.told + 1);
            self.told += u64::from(is_logged);
            promise = if is_logged { self.told } else { promise };
        }
        for (fate, held) in decided {
            self.carry_out(place, fate, held);
        }
        self.channel(place).commits.push_back(promise);
    }

    fn decide(&mut self, place: Place, tag: u64, multiple: bool, fate: Fate) {
        let channel = self.channels.entry(place).or_default();
        let held = channel.take(tag, multiple);
        match &mut channel.mode {
            Mode::Tx { decided, .. } => decided.push((fate, held)),
            _ => self.carry_out(place, fate, held),
        }
    }

    fn carry_out(&mut self, place: Place, fate: Fate, held: Vec<Held>) {
        for held in held {
            self.channel(place).give_back(&held);
            match fate {
                Fate::Settled => self.settle(held.pair),
                Fate::Rejected => {
                    self.told += 1;
                    self.contents.reject(held.pair, self.told);
                }
                Fate::Requeued => self.contents.requeue(held.pair),
            }
        }
    }

    fn settle(&mut self, pair: PairNumber) {
        self.told += 1;
        self.contents.pair(pair).state = contents::State::Settled(self.told);
    }

    fn take(&mut self, place: Place, request: &Request) {
        match request {
            Request::Cancel(tag) => {
                if let Some(consumer) = self.channel(place).consumers.remove(tag) {
                    self.leave(&consumer);
                }
                self.answer(place, MethodId::BASIC_CANCEL_OK, 0);
            }
            Request::Consume { queue, tag, no_ack } => {
                let Some(number) = self.topology.queue(queue) else { return self.refuse(place) };
                let queue = self.contents.queue(number);
                queue.consumers += 1;
                queue.careless += usize::from(*no_ack);
                let channel = self.channel(place);
                let (prefetch, no_ack) = (channel.prefetch, *no_ack);
                let consumer = Consumer { queue: number, no_ack, prefetch, held: 0, last: BTreeMap::new() };
                channel.consumers.insert(tag.clone(), consumer);
                self.answer(place, MethodId::BASIC_CONSUME_OK, 0);
            }
            Request::Get { queue, no_ack } => {
                self.leases.used(queue);
                let Some(queue) = self.topology.queue(queue) else { return self.refuse(place) };
                self.channel(place).answers.push_back(Answer::Get { queue, no_ack: *no_ack });
            }
            other => unreachable!("takes nothing: {other:?}"),
        }
    }

    /// The broker has ended, one way or the other, and another has begun with these definitions.
    pub fn restart(&mut self, now: u64, found: &Defined, was_clean: bool) -> Result<(), Missed> {
        self.leases.restart(now);
        if was_clean {
            self.pages_done();
            self.synced();
        }
        self.channels.clear();
        self.has_failed = false;
        let contents = &self.contents;
        self.topology.restart(found, |id| contents.queue_of_id(id))?;
        let survivors: BTreeSet<QueueNumber> = self.topology.queues().collect();
        let end = contents::End { synced: self.synced, was_clean, now };
        self.contents.restart(|queue| survivors.contains(&queue), &end);
        // What survived is on the disk now; what did not will never be.
        self.synced = self.told;
        Ok(())
    }

    /// Everything was taken and acknowledged: nothing may be left, and nobody may still wait.
    pub fn check_drained(&self, now: u64) -> Result<(), Missed> {
        self.topology.queues().try_for_each(|queue| self.contents.check_drained(now, queue))?;
        self.contents.check_owed()?;
        self.check_answered()
    }

    /// Nothing more is going to happen: everything must have been answered.
    pub fn check_answered(&self) -> Result<(), Missed> {
        let waits = self.channels.iter().find(|(_, channel)| !channel.answers.is_empty());
        waits.map_or(self.check_confirmed(), |(place, channel)| Err(waits_for_ever(*place, channel)))
    }

    /// Nobody waits for the log.
    pub fn check_confirmed(&self) -> Result<(), Missed> {
        let is_waiting = |channel: &Channel| {
            let unconfirmed = matches!(&channel.mode, Mode::Confirm { waiting, .. } if !waiting.is_empty());
            unconfirmed || !channel.commits.is_empty()
        };
        let waits = self.channels.iter().find(|(_, channel)| is_waiting(channel));
        waits.map_or(Ok(()), |(place, channel)| Err(waits_for_ever(*place, channel)))
    }

    /// How many dead letters there were.
    pub fn ghosts(&self) -> usize {
        self.contents.ghosts()
    }

    /// The most messages that any queue may have.
    pub fn most_waiting(&self) -> usize {
        self.topology
            .queues()
            .map(|queue| *self.contents.count(u64::MAX, queue).end())
            .max()
            .unwrap_or_default()
    }

    /// The queues that there are.
    pub fn queue_names(&self) -> Vec<Name> {
        names::QUEUES
            .iter()
            .map(|kind| kind.name)
            .filter(|name| self.topology.queue(name).is_some())
            .collect()
    }
}

fn binding_answer(binding: &Binding, queue: MethodId, exchange: MethodId) -> MethodId {
    match binding.end {
        crate::wire::End::Queue(_) => queue,
        crate::wire::End::Exchange(_) => exchange,
    }
}

fn waits_for_ever(place: Place, channel: &Channel) -> Missed {
    Missed(format!("{place:?} waits for ever: {channel:?}"))
}
