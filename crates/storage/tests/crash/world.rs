//! A log on a bad disk, and an oracle that knows what must have survived.
//!
//! Invariant: the oracle is told nothing by the log but what a broker is told: places, `committed`, and failure.

use std::collections::BTreeMap;
use std::sync::Arc;

use leveret_storage::{
    Batch, CrashDisk, Log, LogFailed, MemoryView, MessageId, NewMessage, NoView, OpenError, Options, Place,
    Position, Recovery, View,
};

pub const OPTIONS: Options = Options { segment_bytes: 4096, accept_loss: false, waiting_bytes: 1 << 20 };

/// `SplitMix64`: the same choices for the same seed.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

/// How far a settlement has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Settled {
    No,
    Asked,
    Written,
    Synced,
}

#[derive(Clone, Debug)]
pub struct Pair {
    pub queue: u64,
    /// Of the message: what is in its body.
    pub number: u64,
    pub place: Place,
    end: Position,
    durable: bool,
    settled: Settled,
}

/// A definition at one time.
#[derive(Clone, Debug, PartialEq)]
struct Defined {
    value: Option<Vec<u8>>,
    end: Position,
}

/// What was found after a restart.
#[derive(Debug, PartialEq)]
pub struct Found {
    pub pairs: Vec<(u64, u64, Place)>,
    pub definitions: BTreeMap<Vec<u8>, Vec<u8>>,
}

#[derive(Clone, Debug, Default)]
pub struct Oracle {
    pub pairs: Vec<Pair>,
    definitions: BTreeMap<Vec<u8>, Vec<Defined>>,
    committed: Position,
    next: u64,
}

/// What may be missing or come back because a test spoilt it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spoilt {
    /// Whose record it was.
    pub place: Option<(u32, u32)>,
    /// Settled pairs may come back.
    pub settlements: bool,
    /// Definitions may have an earlier value.
    pub definitions: bool,
    /// Everything from this position on may be missing.
    pub from: Option<Position>,
}

impl Oracle {
    /// Compares what was found with what must and may be there.
    #[track_caller]
    pub fn check(&self, found: &Found, spoilt: Spoilt) {
        let mut rest = found.pairs.iter().peekable();
        let mut end_reached = None;
        for pair in &self.pairs {
            let place = (pair.place.id.segment(), pair.place.offset);
            let is_spoilt = spoilt.place == Some(place)
                || spoilt.from.is_some_and(|from| from <= Position::at(place.0, place.1));
            let came_back = rest.next_if(|(queue, number, _)| (*queue, *number) == (pair.queue, pair.number));
            let forbidden = !pair.durable || (pair.settled == Settled::Synced && !spoilt.settlements);
            assert!(came_back.is_none() || !forbidden, "came back: {pair:?}");
            let expected = pair.durable && pair.settled == Settled::No && !is_spoilt;
            if expected && came_back.is_none() {
                assert!(self.committed < pair.end, "committed, and missing: {pair:?}");
                end_reached = end_reached.or(Some(pair.clone()));
            }
            if let (Some(missing), Some(_)) = (&end_reached, came_back) {
                panic!("{missing:?} is missing, and the later {pair:?} is there");
            }
        }
        assert_eq!(rest.next(), None, "unknown, twice, or out of order");
        self.check_definitions(found, spoilt);
    }

    #[track_caller]
    fn check_definitions(&self, found: &Found, spoilt: Spoilt) {
        assert!(found.definitions.keys().all(|key| self.definitions.contains_key(key)));
        for (key, history) in &self.definitions {
            let value = found.definitions.get(key);
            let committed = |defined: &&Defined| {
                defined.end <= self.committed && spoilt.from.is_none_or(|from| defined.end <= from)
            };
            let last = history.iter().filter(committed).count();
            let from = if spoilt.definitions || spoilt.from.is_some() { 0 } else { last.saturating_sub(1) };
            let never = (from == 0 && (last == 0 || spoilt.definitions)) && value.is_none();
            let any = history[from..].iter().any(|defined| defined.value.as_ref() == value);
            assert!(never || any, "{key:?} is {value:?}, of {history:?}");
        }
    }

    /// What was found is what there is now, all of it committed.
    fn restart(&mut self, found: &Found, committed: Position) {
        let known = |(queue, number, place): &(u64, u64, Place)| Pair {
            queue: *queue,
            number: *number,
            place: *place,
            end: Position(0),
            durable: true,
            settled: Settled::No,
        };
        self.pairs = found.pairs.iter().map(known).collect();
        let defined = |(key, value): (&Vec<u8>, &Vec<u8>)| {
            (key.clone(), vec![Defined { value: Some(value.clone()), end: Position(0) }])
        };
        self.definitions = found.definitions.iter().map(defined).collect();
        self.committed = committed;
    }
}

/// The body of a message: its number, and then as many bytes as that number says.
pub fn body(number: u64) -> Vec<u8> {
    let len = usize::try_from(number * number % 150).unwrap();
    let len = if number % 40 == 7 { 4000 } else { len };
    number.to_le_bytes().into_iter().cycle().take(8 + len).collect()
}

pub struct World {
    pub disk: Arc<CrashDisk>,
    pub log: Arc<Log>,
    pub oracle: Oracle,
    /// If house is kept, what the log is told to.
    pub view: Option<MemoryView>,
    random: Random,
}

/// Opens the log of a disk and reads everything in it.
pub fn open(disk: &Arc<CrashDisk>, options: Options) -> Result<(Arc<Log>, Found), OpenError> {
    open_with(disk, Box::new(NoView), options)
}

/// The same, with a view.
pub fn open_with(
    disk: &Arc<CrashDisk>,
    view: Box<dyn View>,
    options: Options,
) -> Result<(Arc<Log>, Found), OpenError> {
    let (log, mut recovery) = Log::open(Arc::clone(disk) as _, view, options)?;
    let found = read_all(&log, &mut recovery)?;
    Ok((log, found))
}

fn read_all(log: &Log, recovery: &mut Recovery) -> Result<Found, OpenError> {
    let definitions = recovery.definitions()?.into_iter().collect();
    let mut restored = Vec::new();
    recovery.messages(&mut |pair| {
        restored.push(pair);
        true
    })?;
    let places: Vec<Place> = restored.iter().map(|pair| pair.place).collect();
    let mut pairs = Vec::new();
    for (pair, message) in restored.iter().zip(log.read(&places)) {
        let found = message.unwrap().body();
        let number = u64::from_le_bytes(*found.first_chunk().unwrap());
        assert_eq!(found, body(number), "the body is as it was");
        assert_eq!(pair.published_at, number);
        pairs.push((pair.queue, number, pair.place));
    }
    Ok(Found { pairs, definitions })
}

impl World {
    /// A new log on a disk whose power goes at an operation, if ever.
    pub fn begin(seed: u64, power_until: Option<u64>) -> (Arc<CrashDisk>, Result<Self, OpenError>) {
        let disk = Arc::new(CrashDisk::new());
        if let Some(operation) = power_until {
            disk.cut_power_at(operation);
        }
        let world = Self::reopen(&disk, Oracle::default(), Random(seed), Spoilt::default());
        (disk, world)
    }

    /// The same with a log that keeps house.
    pub fn begin_keeping(seed: u64, power_until: Option<u64>) -> (Arc<CrashDisk>, Result<Self, OpenError>) {
        let disk = Arc::new(CrashDisk::new());
        if let Some(operation) = power_until {
            disk.cut_power_at(operation);
        }
        let world = Self::reopen_keeping(&disk, MemoryView::default(), Oracle::default(), Random(seed));
        (disk, world)
    }

    /// The log of a disk as a crash left it, checked.
    #[track_caller]
    pub fn reopen(
        disk: &Arc<CrashDisk>,
        mut oracle: Oracle,
        random: Random,
        spoilt: Spoilt,
    ) -> Result<Self, OpenError> {
        let (log, found) = open(disk, OPTIONS)?;
        oracle.check(&found, spoilt);
        oracle.restart(&found, log.committed());
        Ok(Self { disk: Arc::clone(disk), log, oracle, view: None, random })
    }

    /// The same with a log that keeps house, and what is left of its view.
    #[track_caller]
    pub fn reopen_keeping(
        disk: &Arc<CrashDisk>,
        view: MemoryView,
        mut oracle: Oracle,
        random: Random,
    ) -> Result<Self, OpenError> {
        let (log, found) = open_with(disk, Box::new(view.clone()), OPTIONS)?;
        oracle.check(&found, Spoilt::default());
        oracle.restart(&found, log.committed());
        Ok(Self { disk: Arc::clone(disk), log, oracle, view: Some(view), random })
    }

    pub fn steps(&mut self, count: usize) -> Result<(), LogFailed> {
        (0..count).try_for_each(|_| self.step())
    }

    fn step(&mut self) -> Result<(), LogFailed> {
        if self.view.is_some() && self.random.percent(15) {
            // Several times, so that it looks as if time had passed.
            return (0..=self.random.below(5)).try_for_each(|_| self.tend().map(drop));
        }
        match self.random.below(100) {
            0..45 => self.append(),
            45..65 => {
                self.settle();
                Ok(())
            }
            65..75 => self.define(),
            _ => self.commit(),
        }
    }

    /// Keeps house, one step.
    pub fn tend(&mut self) -> Result<bool, LogFailed> {
        let result = self.log.tend();
        self.oracle.committed = self.log.committed();
        result
    }

    fn append(&mut self) -> Result<(), LogFailed> {
        let (mut batch, mut places, mut pairs) = (Batch::default(), Vec::new(), Vec::new());
        for _ in 0..=self.random.below(3) {
            let number = self.oracle.next;
            self.oracle.next += 1;
            let first = self.random.next() % 3;
            let queues: Vec<u64> = (first..=first + self.random.next() % 3).collect();
            let durable = self.random.percent(85);
            let message = NewMessage {
                durable,
                published_at: number,
                expiration: None,
                queues: &queues,
                head: &[b"h"],
                body: &body(number),
            };
            batch.message(&message);
            pairs.extend(queues.iter().map(|queue| (*queue, number, durable)));
        }
        let end = self.log.append(&mut batch, &mut places)?;
        assert_eq!(places.len(), pairs.len());
        for (place, (queue, number, durable)) in places.into_iter().zip(pairs) {
            self.oracle.pairs.push(Pair { queue, number, place, end, durable, settled: Settled::No });
        }
        Ok(())
    }

    fn settle(&mut self) {
        let mut ids: [Vec<MessageId>; 2] = Default::default();
        for pair in &mut self.oracle.pairs {
            if pair.settled == Settled::No && self.random.percent(25) {
                pair.settled = Settled::Asked;
                ids[usize::from(pair.durable)].push(pair.place.id);
            }
        }
        self.log.settle(&ids[1], &ids[0]);
    }

    fn define(&mut self) -> Result<(), LogFailed> {
        let key = vec![b'a' + u8::try_from(self.random.below(3)).unwrap()];
        let value = self.random.percent(70).then(|| self.random.next().to_le_bytes().to_vec());
        let mut batch = Batch::default();
        batch.define(&key, value.as_deref());
        let end = self.log.append(&mut batch, &mut Vec::new())?;
        self.oracle.definitions.entry(key).or_default().push(Defined { value, end });
        Ok(())
    }

    pub fn commit(&mut self) -> Result<(), LogFailed> {
        let before = self.log.committed();
        let result = self.log.commit();
        self.oracle.committed = self.log.committed();
        result?;
        let last = self.oracle.pairs.iter().rfind(|pair| pair.durable).map(|pair| pair.end);
        assert!(last.is_none_or(|end| end <= self.oracle.committed), "a commit leaves nothing behind");
        let reached = if before < self.oracle.committed { Settled::Synced } else { Settled::Written };
        for pair in &mut self.oracle.pairs {
            if pair.settled != Settled::No {
                pair.settled = pair.settled.max(reached);
            }
        }
        Ok(())
    }

    /// Commits so that everything is synced, settlements as well.
    pub fn sync_all(&mut self) {
        self.define().unwrap();
        self.commit().unwrap();
        assert_eq!(self.disk.unsynced_bytes(), 0);
    }

    pub fn random(&self) -> Random {
        self.random.clone()
    }
}
