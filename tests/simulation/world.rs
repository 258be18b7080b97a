//! A broker, its log on a bad disk, and the clients at its other end, all on one thread and all by chance.
//!
//! Invariants:
//! - What happens follows from the seed: schedule, workload and faults each have a stream of their own.
//! - The oracle sees requests when the rules have handled them and replies when the rules have made them; clients
//!   see replies when the shell may write them.

mod life;
mod peer;
mod session;

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use leveret_core::{Effects, Timestamp};
use leveret_storage::{CrashDisk, Disk, MemoryView};

use crate::client::{self, Habits};
use crate::oracle::{Missed, Oracle};
use crate::random::Random;
use life::{Ending, Life};
use peer::Peer;

/// Turns that a world may take to come to rest.
const REST_TURNS: usize = 100_000;

/// How the disk under the log is made.
pub type MakeDisk = fn(Arc<CrashDisk>) -> Arc<dyn Disk>;

/// What a world was like, to know what many have covered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub crashes: usize,
    pub clean_ends: usize,
    pub half_begun: usize,
    pub failed_logs: usize,
    pub segments_removed: u64,
    pub published: u32,
    pub pages: usize,
    pub held: usize,
    pub deadlines: usize,
    pub ghosts: usize,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.clean_ends += other.clean_ends;
        self.half_begun += other.half_begun;
        self.segments_removed += other.segments_removed;
        self.failed_logs += other.failed_logs;
        self.published += other.published;
        self.pages += other.pages;
        self.held += other.held;
        self.deadlines += other.deadlines;
        self.ghosts += other.ghosts;
    }
}

/// What was missed, and what led to it.
#[derive(Clone, Debug)]
pub struct Failure {
    pub missed: Missed,
    pub events: Vec<String>,
}

/// What differs from world to world.
#[derive(Clone, Copy, Debug)]
struct Nature {
    habits: Habits,
    segment_bytes: u32,
    budget_bytes: usize,
    peers: usize,
    turns: usize,
    lives: usize,
}

impl Nature {
    fn of(random: &mut Random) -> Self {
        let habits = Habits {
            window: *random.pick(&[1, 5, 50]),
            persistent: *random.pick(&[100, 90, 50]),
            body_bytes: *random.pick(&[40, 400, 3000, 8000]),
            appetite: *random.pick(&[100, 30, 5]),
            careless: *random.pick(&[0, 10]),
            definitions: *random.pick(&[0, 10, 60]),
            expiring: *random.pick(&[0, 0, 20]),
        };
        Self {
            habits,
            segment_bytes: *random.pick(&[4, 4, 8, 32]) * 1024,
            budget_bytes: *random.pick(&[1, 4, 16, 256]) * 1024,
            peers: random.between(1, 4),
            turns: *random.pick(&[100, 500, 2000]),
            lives: random.between(2, 5),
        }
    }
}

pub struct World {
    nature: Nature,
    schedule: Random,
    workload: Random,
    faults: Random,
    now: Timestamp,
    make_disk: MakeDisk,
    disk: Arc<CrashDisk>,
    view: MemoryView,
    old_view: MemoryView,
    life: Option<Life>,
    peers: BTreeMap<u64, Peer>,
    last_peer: u64,
    oracle: Oracle,
    events: VecDeque<String>,
    most_events: usize,
    pub tally: Tally,
}

impl World {
    /// Lives the whole history of a seed; tells the last `events` of it if it fails.
    pub fn run(seed: u64, events: usize, make_disk: MakeDisk) -> Result<Tally, Failure> {
        let mut world = Self::new(seed, make_disk);
        world.most_events = events;
        // Also what makes the broker panic is told with what led to it.
        let lived = catch_unwind(AssertUnwindSafe(|| world.live()));
        let result = lived.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Missed(format!("panicked: {}", text.unwrap_or_default())))
        });
        world.events.push_front(format!("{:?}", world.nature));
        let events = world.events.into();
        result.map(|()| world.tally).map_err(|missed| Failure { missed, events })
    }

    fn new(seed: u64, make_disk: MakeDisk) -> Self {
        let mut faults = Random::stream(seed, "faults");
        Self {
            nature: Nature::of(&mut faults),
            schedule: Random::stream(seed, "schedule"),
            workload: Random::stream(seed, "workload"),
            faults,
            now: Timestamp::from_micros(1_000_000_000),
            make_disk,
            disk: Arc::default(),
            view: MemoryView::default(),
            old_view: MemoryView::default(),
            life: None,
            peers: BTreeMap::new(),
            last_peer: 0,
            oracle: Oracle::default(),
            events: VecDeque::new(),
            most_events: 0,
            tally: Tally::default(),
        }
    }

    fn note(&mut self, event: impl FnOnce() -> String) {
        if self.most_events <= self.events.len() {
            self.events.pop_front();
        }
        self.events.push_back(event());
    }

    fn live(&mut self) -> Result<(), Missed> {
        self.begin(Ending::Crash)?;
        self.define()?;
        for life in 0..self.nature.lives {
            if 0 < life && self.faults.percent(30) {
                self.call_roll()?;
            }
            self.work()?;
            self.end()?;
        }
        self.drain()
    }

    /// Declares what the clients use.
    fn define(&mut self) -> Result<(), Missed> {
        let requests = client::first_definitions(&mut self.workload);
        let peer = self.connect()?;
        self.peer(peer).client.owe(requests);
        self.rest()?;
        self.lose(peer)
    }

    /// What the clients do in one life, and what happens meanwhile.
    fn work(&mut self) -> Result<(), Missed> {
        self.plan_faults();
        for _ in 0..self.nature.peers {
            self.connect()?;
        }
        if self.schedule.percent(40) {
            self.connect_drain()?;
        }
        for _ in 0..self.schedule.between(1, self.nature.turns) {
            self.turn(true)?;
            if self.life().storage.has_failed() {
                return self.mourn();
            }
        }
        if self.faults.percent(30) {
            self.rest()?;
            if self.life().storage.has_failed() {
                return self.mourn();
            }
            self.oracle.check_answered()?;
        }
        Ok(())
    }

    /// Lets everything happen that is under way, until nothing more does.
    fn rest(&mut self) -> Result<(), Missed> {
        for _ in 0..REST_TURNS {
            if self.life().storage.has_failed() {
                return Ok(());
            }
            if !self.turn(false)? {
                return Ok(());
            }
        }
        Err(Missed("the world never comes to rest".to_owned()))
    }

    /// One thing happens. `false`: nothing was left to happen, as far as nobody begins anything.
    fn turn(&mut self, is_busy: bool) -> Result<bool, Missed> {
        if is_busy {
            let weights =
                [(40, Turn::Act), (20, Turn::Read), (20, Turn::Outlet), (16, Turn::Write), (7, Turn::Commit)];
            let rare = [(3, Turn::Tend), (8, Turn::Page), (3, Turn::Clock), (1, Turn::Lose)];
            let turn = self.schedule.weighted(&[&weights[..], &rare[..]].concat());
            self.take(turn)?;
            return Ok(true);
        }
        let mut turns = [Turn::Owed, Turn::Read, Turn::Outlet, Turn::Write, Turn::Page, Turn::Commit];
        let first = self.schedule.below(turns.len());
        turns.rotate_left(first);
        for turn in turns {
            if self.take(turn)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Does one thing; `false`: there was nothing to do.
    fn take(&mut self, turn: Turn) -> Result<bool, Missed> {
        match turn {
            Turn::Act | Turn::Owed => Ok(self.act(turn == Turn::Act)),
            Turn::Read => self.read(),
            Turn::Outlet => self.look_into_outlet(),
            Turn::Write => self.write(),
            Turn::Commit => Ok(self.commit()),
            // Housekeeping does more when nothing else goes on.
            Turn::Tend => {
                for _ in 0..*self.schedule.pick(&[1, 1, 20]) {
                    self.tend();
                }
                Ok(true)
            }
            Turn::Page => Ok(self.turn_page()),
            Turn::Clock => {
                let millis = self.schedule.below(500) as u64;
                self.pass(self.now + Duration::from_millis(millis))?;
                Ok(true)
            }
            Turn::Lose => {
                if let Some(peer) = self.any_peer(|_| true).filter(|_| self.schedule.percent(30)) {
                    self.lose(peer)?;
                    self.connect()?;
                }
                Ok(true)
            }
        }
    }

    /// Time passes; every deadline of the broker on the way is met at its moment.
    fn pass(&mut self, end: Timestamp) -> Result<(), Missed> {
        for _ in 0..REST_TURNS {
            let Some(at) = self.life().broker.next_deadline().filter(|at| *at <= end) else {
                self.now = end;
                let vhost = self.life().broker.vhost("/").expect("it is always there");
                return self.oracle.check_leases(end.as_micros(), |name| vhost.queue(name).is_ok());
            };
            self.now = self.now.max(at);
            self.note(|| format!("a deadline at {at:?}"));
            let mut effects = Effects::default();
            self.life().broker.handle_deadlines(self.now, &mut effects);
            self.tally.deadlines += 1;
            self.carry_out(&mut effects);
        }
        Err(Missed("a deadline is met again and again".to_owned()))
    }

    fn commit(&mut self) -> bool {
        let before = self.life().storage.committed();
        let result = self.life().log.commit();
        self.note(|| format!("commit: {result:?}"));
        self.follow_log(before);
        result.unwrap_or(false)
    }

    fn tend(&mut self) {
        let before = self.life().storage.committed();
        let result = self.life().log.tend();
        self.note(|| format!("tend: {result:?}"));
        self.follow_log(before);
    }

    fn follow_log(&mut self, before: leveret_core::Position) {
        if before < self.life().storage.committed() {
            self.oracle.synced();
        }
        self.oracle.has_failed = self.life().storage.has_failed();
    }

    fn turn_page(&mut self) -> bool {
        let mut effects = Effects::default();
        let now = self.now;
        let found = self.life().storage.turn_page(now, &mut effects);
        self.tally.pages += usize::from(found);
        if found {
            self.note(|| "page".to_owned());
            self.carry_out(&mut effects);
        } else {
            self.oracle.pages_done();
        }
        found
    }

    /// Who is not gone and is as asked.
    fn any_peer(&mut self, is: impl Fn(&Peer) -> bool) -> Option<u64> {
        let peers: Vec<u64> = self.peers.iter().filter(|(_, peer)| is(peer)).map(|(id, _)| *id).collect();
        (!peers.is_empty()).then(|| *self.schedule.pick(&peers))
    }

    fn peer(&mut self, id: u64) -> &mut Peer {
        self.peers.get_mut(&id).expect("a peer that is there")
    }

    fn life(&self) -> &Life {
        self.life.as_ref().expect("a broker that lives")
    }

    /// Everybody gets everything that is there, and keeps it.
    fn call_roll(&mut self) -> Result<(), Missed> {
        let (queues, count) = (self.oracle.queue_names(), self.oracle.most_waiting() + 1);
        let peer = self.connect()?;
        self.peer(peer).client.call_roll(&queues, count);
        self.rest()?;
        self.oracle.check_answered()?;
        self.lose(peer)
    }

    /// Takes and acknowledges everything that is there: then nothing may be missing.
    fn drain(&mut self) -> Result<(), Missed> {
        self.connect_drain()?;
        self.rest()?;
        self.tally.ghosts = self.oracle.ghosts();
        self.oracle.check_drained(self.now.as_micros())
    }

    /// Somebody comes who takes and acknowledges what there is.
    fn connect_drain(&mut self) -> Result<(), Missed> {
        let queues = self.oracle.queue_names();
        let prefetch = *self.schedule.pick(&[1, 3, 100, 0]);
        let peer = self.connect()?;
        self.peer(peer).client.drain(&queues, prefetch);
        Ok(())
    }
}

/// What may happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Act,
    Owed,
    Read,
    Outlet,
    Write,
    Commit,
    Tend,
    Page,
    Clock,
    Lose,
}
