//! The log against a model that is a list: whatever is done in whatever order, both say the same.
#![cfg(test)]
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::sync::Arc;

use leveret_storage::{
    Batch, CrashDisk, Log, MemoryView, MessageId, NewMessage, Options, Place, ReadError, Recovery,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

const OPTIONS: Options = Options { segment_bytes: 4096, accept_loss: false, waiting_bytes: 1 << 20 };

#[derive(Clone, Debug)]
struct NewPairs {
    durable: bool,
    expiration: Option<u64>,
    queues: Vec<u64>,
    head: Vec<u8>,
    body_len: usize,
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<NewPairs>),
    /// Of those that are there, these, or all but these.
    Settle(Vec<Index>, bool),
    Define(u8, Option<Vec<u8>>),
    Read(Vec<Index>),
    Commit,
    Tend,
    /// The process ends after everything was committed.
    Kill,
    /// It ends cleanly, with these having been delivered.
    Close(Vec<Index>),
}

fn pairs() -> impl Strategy<Value = NewPairs> {
    let body_len = prop_oneof![8 => 0..300_usize, 1 => 3000..9000_usize];
    let bytes = || vec(any::<u8>(), 0..20);
    (any::<bool>(), proptest::option::of(any::<u32>()), vec(0..4_u64, 1..4), bytes(), body_len).prop_map(
        |(durable, expiration, queues, head, body_len)| NewPairs {
            durable,
            expiration: expiration.map(u64::from),
            queues,
            head,
            body_len,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let some = || vec(any::<Index>(), 0..8);
    prop_oneof![
        10 => vec(pairs(), 0..8).prop_map(Step::Append),
        6 => (some(), prop::bool::weighted(0.3)).prop_map(|(some, others)| Step::Settle(some, others)),
        3 => (0..4_u8, proptest::option::of(vec(any::<u8>(), 0..30))).prop_map(|(key, value)| Step::Define(key, value)),
        4 => some().prop_map(Step::Read),
        5 => Just(Step::Commit),
        8 => Just(Step::Tend),
        1 => Just(Step::Kill),
        1 => some().prop_map(Step::Close),
    ]
}

/// What the model knows of a pair.
#[derive(Clone, Debug)]
struct Pair {
    queue: u64,
    number: u64,
    message: NewPairs,
    place: Place,
}

impl Pair {
    fn body(&self) -> Vec<u8> {
        body(self.number, self.message.body_len)
    }
}

fn body(number: u64, len: usize) -> Vec<u8> {
    number.to_be_bytes().into_iter().cycle().take(len).collect()
}

struct Both {
    disk: Arc<CrashDisk>,
    view: MemoryView,
    log: Arc<Log>,
    live: Vec<Pair>,
    definitions: BTreeMap<Vec<u8>, Vec<u8>>,
    numbers: u64,
}

impl Both {
    fn new() -> Self {
        let (disk, view) = (Arc::new(CrashDisk::new()), MemoryView::default());
        let (log, _) = Log::open(Arc::clone(&disk) as _, Box::new(view.clone()), OPTIONS).unwrap();
        Self { disk, view, log, live: Vec::new(), definitions: BTreeMap::new(), numbers: 0 }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append(messages) => self.append(messages),
            Step::Settle(some, others) => self.settle(&some, others),
            Step::Define(key, value) => self.define(vec![key], value),
            Step::Read(some) => self.read(&some),
            Step::Commit => drop(self.log.commit().unwrap()),
            Step::Tend => drop(self.log.tend().unwrap()),
            Step::Kill => {
                self.log.commit().unwrap();
                self.reopen(None);
            }
            Step::Close(some) => {
                let ids = self.chosen(&some).iter().map(|pair| pair.place.id).collect::<Vec<_>>();
                self.log.close(&ids).unwrap();
                self.reopen(Some(&ids));
            }
        }
        let live = u64::try_from(self.live.len()).unwrap();
        // What is being moved counts twice until its copy is committed; `tend` has done so when it returns.
        assert_eq!(self.log.stats().live_pairs, live);
    }

    fn chosen(&self, some: &[Index]) -> Vec<&Pair> {
        if self.live.is_empty() {
            Vec::new()
        } else {
            some.iter().map(|index| index.get(&self.live)).collect()
        }
    }

    fn append(&mut self, messages: Vec<NewPairs>) {
        let (mut batch, mut places, mut pairs) = (Batch::default(), Vec::new(), Vec::new());
        for message in messages {
            let number = self.numbers;
            self.numbers += 1;
            batch.message(&NewMessage {
                durable: message.durable,
                published_at: number,
                expiration: message.expiration,
                queues: &message.queues,
                head: &[&message.head],
                body: &body(number, message.body_len),
            });
            pairs.extend(message.queues.iter().map(|queue| (*queue, number, message.clone())));
        }
        self.log.append(&mut batch, &mut places).unwrap();
        assert_eq!(places.len(), pairs.len());
        let pairs = pairs.into_iter().zip(places);
        self.live.extend(pairs.map(|((queue, number, message), place)| Pair {
            queue,
            number,
            message,
            place,
        }));
    }

    fn settle(&mut self, some: &[Index], others: bool) {
        let chosen: Vec<MessageId> = self.chosen(some).iter().map(|pair| pair.place.id).collect();
        let is_settled = |pair: &Pair| chosen.contains(&pair.place.id) != others;
        let settled = |durable: bool| {
            let settled = self.live.iter().filter(|pair| pair.message.durable == durable && is_settled(pair));
            settled.map(|pair| pair.place.id).collect::<Vec<_>>()
        };
        self.log.settle(&settled(true), &settled(false));
        self.live.retain(|pair| !is_settled(pair));
    }

    fn define(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        let mut batch = Batch::default();
        batch.define(&key, value.as_deref());
        self.log.append(&mut batch, &mut Vec::new()).unwrap();
        match value {
            Some(value) => self.definitions.insert(key, value),
            None => self.definitions.remove(&key),
        };
    }

    fn read(&self, some: &[Index]) {
        let chosen = self.chosen(some);
        let places: Vec<Place> = chosen.iter().map(|pair| pair.place).collect();
        for (pair, message) in chosen.iter().zip(self.log.read(&places)) {
            let message = message.unwrap();
            assert_eq!(&*message.head(), &*pair.message.head);
            assert_eq!(&*message.body(), &*pair.body());
        }
    }

    /// A new process. The places are the new ones from now on, as they are for a broker.
    fn reopen(&mut self, delivered: Option<&[MessageId]>) {
        let (log, mut recovery) =
            Log::open(Arc::clone(&self.disk) as _, Box::new(self.view.clone()), OPTIONS).unwrap();
        self.log = log;
        assert_eq!(recovery.was_clean(), delivered.is_some());
        assert!(recovery.definitions().unwrap().into_iter().eq(self.definitions.clone()));
        self.live.retain(|pair| pair.message.durable);
        self.restore(&mut recovery, delivered);
        for pair in &self.live {
            assert_eq!(&*self.log.read(&[pair.place])[0].as_ref().unwrap().body(), &*pair.body());
        }
    }

    fn restore(&mut self, recovery: &mut Recovery, delivered: Option<&[MessageId]>) {
        let mut expected = self.live.iter_mut();
        let mut restore = |restored: leveret_storage::Restored| {
            let pair = expected.next().expect("nothing comes back that was settled");
            let redelivered = delivered.is_none_or(|delivered| delivered.contains(&pair.place.id));
            pair.place = restored.place;
            let found = (restored.queue, restored.published_at, restored.expiration, restored.redelivered);
            assert_eq!(found, (pair.queue, pair.number, pair.message.expiration, redelivered));
            true
        };
        recovery.messages(&mut restore).unwrap();
        assert!(expected.next().is_none(), "everything comes back");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_log_says_what_the_list_says(steps in vec(step(), 0..120)) {
        let mut both = Both::new();
        for step in steps {
            both.take(step);
        }
        both.take(Step::Kill);
    }
}

#[test]
fn a_message_that_was_settled_and_whose_segment_went_is_gone() {
    let mut both = Both::new();
    let message =
        NewPairs { durable: true, expiration: None, queues: vec![1], head: Vec::new(), body_len: 1000 };
    both.append(vec![message.clone(); 20]);
    let first = both.live[0].place;
    both.settle(&[], true);
    both.append(vec![message; 20]);
    both.log.commit().unwrap();
    while both.log.tend().unwrap() {}
    assert!(matches!(both.log.read(&[first])[0], Err(ReadError::Gone)));
}
