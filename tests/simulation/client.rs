//! A program at the other end of a connection: what it knows, which is what it was told, and what it does next.
//!
//! Invariant: it does nothing that a broker must close the connection for. What it asks for may be gone by the time
//! it is asked for, which closes a channel.

use std::collections::{BTreeMap, VecDeque};

use leveret_codec::MethodId;

use crate::names::{self, Name};
use crate::random::Random;
use crate::wire::{Binding, Content, End, Reply, Request, Said};

/// Channels that a client uses: from one to this.
pub const CHANNELS: u16 = 2;

/// What the tags of consumers begin with that do not acknowledge.
const CARELESS: &str = "careless";

/// What a channel is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Plain,
    Confirm,
    Tx,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Closed,
    Opening,
    Open,
    Closing,
}

#[derive(Debug, Default)]
struct Channel {
    phase: Phase,
    mode: Mode,
    /// Deliveries that it has and has not acknowledged.
    held: VecDeque<u64>,
    /// Acknowledged in a transaction that has not ended.
    decided: Vec<u64>,
    consumers: Vec<String>,
    published: u64,
    confirmed: u64,
    /// Gets that were not answered, and whether what they bring need not be acknowledged.
    gets: VecDeque<bool>,
    /// How often it has asked for everything to be given again, and was not answered: what it has heard so far is not its own any more.
    recovers: usize,
}

/// What clients of this world do, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Publishes that may be unconfirmed.
    pub window: u64,
    /// Messages in a hundred that are persistent.
    pub persistent: usize,
    /// Bodies have up to so many bytes.
    pub body_bytes: usize,
    /// Times in a hundred that one who could consume does.
    pub appetite: usize,
    /// Consumers in a hundred that do not acknowledge.
    pub careless: usize,
    /// Changes of definitions, in a thousand requests.
    pub definitions: usize,
    /// Messages in a hundred that expire.
    pub expiring: usize,
}

#[derive(Debug, Default)]
pub struct Client {
    channels: BTreeMap<u16, Channel>,
    /// What it says before anything else.
    owed: VecDeque<(u16, Request)>,
    tags: usize,
    /// Only takes what it is given, and acknowledges it.
    pub drains: bool,
}

impl Client {
    fn channel(&mut self, number: u16) -> &mut Channel {
        self.channels.entry(number).or_default()
    }

    /// Something was said to it.
    pub fn hear(&mut self, reply: &Reply) {
        let drains = self.drains;
        let channel = self.channels.entry(reply.channel).or_default();
        match &reply.said {
            Said::Done(MethodId::CHANNEL_OPEN_OK) => channel.phase = Phase::Open,
            Said::Done(MethodId::CHANNEL_CLOSE_OK) => *channel = Channel::default(),
            Said::ChannelClosed(..) => {
                // Its own close, if it has sent one, is answered nevertheless.
                let was_closing = channel.phase == Phase::Closing;
                let phase = if was_closing { Phase::Closing } else { Phase::Closed };
                *channel = Channel { phase, ..Channel::default() };
                self.owed.push_back((reply.channel, Request::CloseOk));
            }
            Said::Deliver { tag, .. } | Said::GetOk { tag, .. } => {
                let is_careless = match &reply.said {
                    Said::Deliver { consumer, .. } => consumer.starts_with(CARELESS),
                    _ => channel.gets.pop_front() == Some(true),
                };
                if is_careless {
                    return;
                }
                if drains {
                    self.owed.push_back((reply.channel, Request::Ack { tag: *tag, multiple: false }));
                } else {
                    channel.held.push_back(*tag);
                }
            }
            Said::GetEmpty => drop(channel.gets.pop_front()),
            Said::Confirm { tag, .. } => channel.confirmed = *tag,
            Said::Done(MethodId::BASIC_RECOVER_OK) => {
                channel.recovers -= 1;
                channel.held.clear();
            }
            Said::Cancelled(tag) => channel.consumers.retain(|known| known != tag),
            _ => {}
        }
    }

    /// It is to say this on its first channel.
    pub fn owe(&mut self, requests: Vec<Request>) {
        self.owed.push_back((1, Request::Open));
        self.owed.extend(requests.into_iter().map(|request| (1, request)));
    }

    /// Whether there is something it must say.
    pub fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// What it must say now, if there is something.
    pub fn take_owed(&mut self) -> Option<(u16, Request)> {
        self.owed.pop_front()
    }

    /// Asks for every message of these queues, and acknowledges them as they come.
    pub fn drain(&mut self, queues: &[Name], prefetch: u16) {
        self.drains = true;
        self.owed.push_back((1, Request::Open));
        self.owed.push_back((1, Request::Qos(prefetch)));
        for queue in queues {
            let tag = format!("drain-{queue}");
            self.owed.push_back((1, Request::Consume { queue, tag, no_ack: false }));
        }
    }

    /// Asks for every message of these queues, one by one, and keeps them: `count` times each.
    pub fn call_roll(&mut self, queues: &[Name], count: usize) {
        self.owed.push_back((1, Request::Open));
        for queue in queues {
            self.owed.push_back((1, Request::DeclareQueue { queue, passive: true }));
            self.channel(1).gets.extend(std::iter::repeat_n(false, count));
            let get = Request::Get { queue, no_ack: false };
            self.owed.extend(std::iter::repeat_n((1, get), count));
        }
    }

    /// What it does next of its own accord; `number` is that of its next message.
    pub fn act(&mut self, random: &mut Random, habits: &Habits, number: u32) -> Option<(u16, Request)> {
        let at = 1 + u16::try_from(random.below(usize::from(CHANNELS))).unwrap();
        let channel = self.channels.entry(at).or_default();
        match channel.phase {
            Phase::Closed => {
                *channel = Channel { phase: Phase::Opening, ..Channel::default() };
                channel.mode = random.weighted(&[(2, Mode::Plain), (4, Mode::Confirm), (2, Mode::Tx)]);
                let select = match channel.mode {
                    Mode::Plain => None,
                    Mode::Confirm => Some(Request::Confirms),
                    Mode::Tx => Some(Request::Tx),
                };
                self.owed.extend(select.map(|select| (at, select)));
                return Some((at, Request::Open));
            }
            Phase::Opening | Phase::Closing => return None,
            Phase::Open => {}
        }
        if random.below(1000) < habits.definitions {
            return Some((at, definition(random)));
        }
        let in_flight = channel.published - channel.confirmed;
        let choice = random.below(100);
        let request = match choice {
            0..50 if channel.mode != Mode::Confirm || in_flight < habits.window => {
                channel.published += 1;
                Request::Publish(content(random, habits, number))
            }
            50..74 => channel.acknowledge(random)?,
            74..80 if channel.mode == Mode::Tx => channel.end_transaction(random),
            80..86 if random.percent(habits.appetite) => {
                return self.consume(at, random, habits).map(|request| (at, request));
            }
            86..90 => {
                let no_ack = random.percent(habits.careless);
                channel.gets.push_back(no_ack);
                Request::Get { queue: any_queue(random), no_ack }
            }
            90..92 if !channel.consumers.is_empty() => {
                Request::Cancel(channel.consumers.swap_remove(random.below(channel.consumers.len())))
            }
            92..94 => Request::Qos(u16::try_from(random.pick(&[1, 2, 5, 20, 0]).to_owned()).unwrap()),
            94 if channel.mode != Mode::Tx => {
                channel.recovers += 1;
                Request::Recover
            }
            95 if random.percent(20) => Request::Purge(live_queue(random)),
            96 if random.percent(30) => {
                channel.phase = Phase::Closing;
                Request::Close
            }
            97..100 => Request::DeclareQueue { queue: any_queue(random), passive: true },
            _ => return None,
        };
        Some((at, request))
    }

    fn consume(&mut self, at: u16, random: &mut Random, habits: &Habits) -> Option<Request> {
        let no_ack = random.percent(habits.careless);
        let tag = format!("{}{}", if no_ack { CARELESS } else { "c" }, self.tags);
        let channel = self.channel(at);
        if 2 <= channel.consumers.len() {
            return None;
        }
        channel.consumers.push(tag.clone());
        self.tags += 1;
        Some(Request::Consume { queue: any_queue(random), tag, no_ack })
    }
}

impl Channel {
    /// Acknowledges something, late or early, one or several.
    fn acknowledge(&mut self, random: &mut Random) -> Option<Request> {
        if self.held.is_empty() || 0 < self.recovers {
            return None;
        }
        let at = random.below(self.held.len().min(8));
        let (tag, multiple) = (self.held[at], random.percent(40));
        let request = random.weighted(&[(6, Request::ACK), (2, Request::REQUEUE), (1, Request::DROP)]);
        let taken: Vec<u64> = if multiple {
            self.held.drain(..=at).collect()
        } else {
            self.held.remove(at).into_iter().collect()
        };
        if self.mode == Mode::Tx {
            self.decided.extend(taken);
        }
        Some(request.of(tag, multiple))
    }

    fn end_transaction(&mut self, random: &mut Random) -> Request {
        let decided = std::mem::take(&mut self.decided);
        if random.percent(80) {
            return Request::Commit;
        }
        self.held.extend(decided);
        self.held.make_contiguous().sort_unstable();
        Request::Rollback
    }
}

/// What an acknowledgement does.
#[derive(Clone, Copy, Debug)]
pub enum Verdict {
    Ack,
    Requeue,
    Drop,
}

impl Request {
    const ACK: Verdict = Verdict::Ack;
    const REQUEUE: Verdict = Verdict::Requeue;
    const DROP: Verdict = Verdict::Drop;
}

impl Verdict {
    fn of(self, tag: u64, multiple: bool) -> Request {
        match self {
            Self::Ack => Request::Ack { tag, multiple },
            Self::Requeue => Request::Nack { tag, multiple, requeue: true },
            Self::Drop => Request::Nack { tag, multiple, requeue: false },
        }
    }
}

fn any_queue(random: &mut Random) -> Name {
    random.pick(names::QUEUES).name
}

/// One that messages are published to: not the morgue.
fn live_queue(random: &mut Random) -> Name {
    random.pick(&names::QUEUES[1..]).name
}

fn any_exchange(random: &mut Random) -> Name {
    random.pick(names::EXCHANGES).name
}

fn content(random: &mut Random, habits: &Habits, number: u32) -> Content {
    let to_queue = random.percent(40);
    let body_bytes = if random.percent(90) { habits.body_bytes / 8 } else { habits.body_bytes };
    Content {
        number,
        exchange: if to_queue { "" } else { any_exchange(random) },
        key: if to_queue { live_queue(random) } else { random.pick::<Name>(names::KEYS) },
        persistent: random.percent(habits.persistent),
        expiration_millis: random.percent(habits.expiring).then(|| random.below(5000) as u64),
        priority: random.percent(30).then(|| u8::try_from(random.below(7)).unwrap()),
        body_bytes: random.between(4, body_bytes.max(5)),
    }
}

fn definition(random: &mut Random) -> Request {
    let queue = live_queue(random);
    match random.below(12) {
        0..4 => Request::DeclareQueue { queue, passive: false },
        4 => Request::DeleteQueue(queue),
        5 | 6 => Request::DeclareExchange(any_exchange(random)),
        7 if random.percent(30) => Request::DeleteExchange(any_exchange(random)),
        8 => Request::Unbind(binding(random)),
        _ => Request::Bind(binding(random)),
    }
}

fn binding(random: &mut Random) -> Binding {
    let to_queue = random.percent(80);
    let end = if to_queue { End::Queue(live_queue(random)) } else { End::Exchange(any_exchange(random)) };
    Binding { source: any_exchange(random), end, key: random.pick::<Name>(names::PATTERNS) }
}

/// Requests that make something of everything, for the beginning of a world.
pub fn first_definitions(random: &mut Random) -> Vec<Request> {
    let queues = names::QUEUES.iter().map(|kind| Request::DeclareQueue { queue: kind.name, passive: false });
    let exchanges = names::EXCHANGES.iter().map(|kind| Request::DeclareExchange(kind.name));
    let mut requests: Vec<Request> = queues.chain(exchanges).collect();
    for kind in &names::QUEUES[1..] {
        for _ in 0..random.below(3) {
            let (source, key) = (any_exchange(random), *random.pick(names::PATTERNS));
            requests.push(Request::Bind(Binding { source, end: End::Queue(kind.name), key }));
        }
    }
    requests
}
