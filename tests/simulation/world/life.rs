//! One life of the broker: how it begins, and the ways in which it ends.

use std::sync::Arc;

use leveret::durable::Storage;
use leveret_codec::field::Table;
use leveret_core::Effects;
use leveret_core::model::{
    BindingSpec, Broker, BrokerSettings, PasswordHash, Permissions, Target, User, Vhost,
};
use leveret_storage::{Fate, Log, MemoryView, Operation, Options};

use super::World;
use super::peer::Peer;
use crate::names;
use crate::oracle::{Defined, Entity, Missed};
use crate::wire::{Binding, End};

pub struct Life {
    pub log: Arc<Log>,
    pub storage: Storage,
    pub broker: Arc<Broker>,
}

/// How the life before has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Clean,
    /// The power went while it ended: what it wrote last may be there.
    Half,
    Crash,
}

impl World {
    /// A broker begins on what the disk has, perhaps not at the first attempt.
    pub fn begin(&mut self, ending: Ending) -> Result<(), Missed> {
        let mut ending = ending;
        while self.faults.percent(15) {
            let operations = self.faults.below(40) as u64;
            self.disk.cut_power_at(self.disk.operations() + operations);
            let opened = self.open();
            self.note(|| format!("power for {operations} operations: {:?}", opened.as_ref().err()));
            self.tally.half_begun += usize::from(opened.is_err());
            drop(opened);
            self.lose_power();
            ending = if ending == Ending::Clean { Ending::Half } else { ending };
        }
        self.disk.repair();
        let (life, had_been_closed) = self.open()?;
        let was_clean = match ending {
            Ending::Clean if !had_been_closed => {
                return Err(Missed("a clean end was not taken for one".to_owned()));
            }
            Ending::Crash => false,
            Ending::Clean | Ending::Half => had_been_closed,
        };
        let found = defined(&life.broker);
        self.life = Some(life);
        self.oracle.restart(self.now.as_micros(), &found, was_clean)?;
        let mut effects = Effects::default();
        self.life().broker.begin(self.now, &mut effects);
        self.carry_out(&mut effects);
        Ok(())
    }

    /// A broker on what the disk has, and whether it says that the one before has ended cleanly.
    fn open(&mut self) -> Result<(Life, bool), Missed> {
        let options = Options { segment_bytes: self.nature.segment_bytes, ..Options::default() };
        let disk = (self.make_disk)(self.disk.clone());
        let opened = Log::open(disk, Box::new(self.view.clone()), options);
        let (log, mut recovery) = opened.map_err(|error| Missed(format!("it did not open: {error}")))?;
        let was_clean = recovery.was_clean();
        let storage = Storage::over(log.clone(), None);
        storage.set_queue_budget_bytes(self.nature.budget_bytes);
        let broker = Broker::new(BrokerSettings::default(), [7; 32], storage.store());
        let counts = storage.restore(&broker, &mut recovery);
        let counts = counts.map_err(|error| Missed(format!("it did not restore: {error}")))?;
        self.note(|| format!("a life begins: {counts:?}"));
        if broker.is_blank() {
            broker.add_vhost("/");
            let mut guest = User::new("guest", PasswordHash::of("guest", [1, 2, 3, 4]), vec![]);
            guest.set_permissions("/", Permissions::new(".*", ".*", ".*"));
            broker.put_user(guest);
        }
        storage.commit().map_err(|error| Missed(format!("it did not begin: {error}")))?;
        Ok((Life { log, storage, broker }, was_clean))
    }

    /// What is going to happen to the disk in this life.
    pub fn plan_faults(&mut self) {
        let faults = &mut self.faults;
        match faults.below(10) {
            0 => self.disk.fail(Operation::Sync, faults.below(60) as u64),
            1 => self.disk.fail(Operation::Write, faults.below(100) as u64),
            2 => self.disk.fail(Operation::Create, faults.below(4) as u64),
            3 | 4 => self.disk.cut_power_at(self.disk.operations() + faults.below(200) as u64),
            _ => {}
        }
        if faults.percent(20) {
            self.old_view = self.view.copy();
        }
    }

    /// The broker ends, in one way or another, and another begins.
    pub fn end(&mut self) -> Result<(), Missed> {
        self.tally.segments_removed += self.disk.count(Operation::Remove);
        if !self.life().storage.has_failed() && self.faults.percent(25) {
            return self.end_cleanly();
        }
        self.crash(Ending::Crash)
    }

    fn crash(&mut self, ending: Ending) -> Result<(), Missed> {
        self.tally.crashes += 1;
        self.peers.clear();
        self.life = None;
        self.lose_power();
        self.begin(ending)
    }

    /// The power goes and comes back.
    fn lose_power(&mut self) {
        let unsynced = self.disk.unsynced_bytes();
        let fate = match self.faults.below(4) {
            0 => Fate::Lost,
            1 => Fate::Kept,
            2 => Fate::Prefix(self.faults.below(unsynced + 1)),
            _ => Fate::Torn(self.faults.next()),
        };
        self.note(|| format!("crash, {unsynced} bytes are not synced: {fate:?}"));
        self.disk = Arc::new(self.disk.after_crash(fate));
        self.spoil_view();
    }

    /// The view is not the truth: it may be lost, or be an older one.
    fn spoil_view(&mut self) {
        match self.faults.below(10) {
            0 => self.view = MemoryView::default(),
            1 => self.view = self.old_view.copy(),
            _ => {}
        }
        self.view.crash();
    }

    fn end_cleanly(&mut self) -> Result<(), Missed> {
        self.note(|| "a clean end".to_owned());
        self.tally.clean_ends += 1;
        for (id, mut peer) in std::mem::take(&mut self.peers) {
            self.leave(id, &mut peer);
        }
        while self.turn_page() {}
        let Some(life) = self.life.take() else { return Ok(()) };
        let closed = life.storage.close(&life.broker);
        drop(life);
        if closed.is_err() {
            self.life = None;
            return self.crash(Ending::Half);
        }
        self.disk.repair();
        self.disk = Arc::new(self.disk.after_crash(Fate::Lost));
        self.spoil_view();
        self.begin(Ending::Clean)
    }

    fn leave(&mut self, id: u64, peer: &mut Peer) {
        peer.connection.handle_lost(self.now, &mut peer.out);
        self.oracle.lose(self.now.as_micros(), id);
        self.carry_out(&mut peer.out.effects);
    }
}

/// Everything durable that a broker has.
fn defined(broker: &Broker) -> Defined {
    let mut found = Defined::new();
    let Some(vhost) = broker.vhost("/") else { return found };
    for queue in broker.durable_queues() {
        let name = names::known(&queue.facts().name).expect("a queue that somebody declared");
        found.insert(Entity::Queue(name), queue.facts().id.0);
    }
    let exchanges = names::EXCHANGES.iter().map(|kind| kind.name);
    let exchanges: Vec<_> = exchanges.filter(|name| vhost.exchange(name).is_some()).collect();
    found.extend(exchanges.iter().map(|name| (Entity::Exchange(name), 0)));
    let queues = names::QUEUES.iter().map(|kind| End::Queue(kind.name));
    let ends: Vec<End> = queues.chain(exchanges.iter().map(|name| End::Exchange(name))).collect();
    for (source, end) in exchanges.iter().flat_map(|source| ends.iter().map(move |end| (*source, *end))) {
        let bindings = names::PATTERNS.iter().map(|key| Binding { source, end, key });
        let there = bindings.filter(|binding| is_bound(&vhost, binding));
        found.extend(there.map(|binding| (Entity::Binding(binding), 0)));
    }
    found
}

fn is_bound(vhost: &Vhost, binding: &Binding) -> bool {
    let destination = match binding.end {
        End::Queue(name) => vhost.queue(name).ok().map(Target::Queue),
        End::Exchange(name) => Some(Target::Exchange(name.to_owned())),
    };
    destination.is_some_and(|destination| {
        let (source, routing_key) = (binding.source.to_owned(), binding.key.into());
        vhost.is_bound(&BindingSpec { source, destination, routing_key, arguments: Table::default() })
    })
}
