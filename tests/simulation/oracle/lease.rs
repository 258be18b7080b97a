//! Queues that go when nobody uses them: since when nobody has.

use std::collections::HashMap;

use super::{Entity, Missed, Oracle};
use crate::names::{self, Name};

#[derive(Debug, Default)]
pub struct Leases {
    now: u64,
    /// When each queue was last used; those that are not here, when the life began.
    used: HashMap<Name, u64>,
    begun: u64,
}

impl Leases {
    /// What comes next happens now.
    pub fn look(&mut self, now: u64) {
        self.now = now;
    }

    /// When this is.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Somebody uses a queue.
    pub fn used(&mut self, name: Name) {
        self.used.insert(name, self.now);
    }

    /// A new life begins, and with it everybody's time.
    pub fn restart(&mut self, now: u64) {
        *self = Self { now, begun: now, used: HashMap::new() };
    }

    /// When a queue goes that nobody uses from now on.
    fn end(&self, name: Name) -> Option<u64> {
        let used = self.used.get(name).copied().unwrap_or(self.begun);
        names::queue(name).expires_millis.map(|millis| used + millis * 1000)
    }
}

impl Oracle {
    /// Time has passed, and the broker has done what was due. `is_there` says whether a queue is.
    pub fn check_leases(&mut self, now: u64, is_there: impl Fn(Name) -> bool) -> Result<(), Missed> {
        self.leases.look(now);
        for kind in names::QUEUES {
            let (Some(number), Some(end)) = (self.topology.queue(kind.name), self.leases.end(kind.name))
            else {
                continue;
            };
            let is_over = end <= now && self.contents.queue(number).consumers == 0;
            match (is_over, is_there(kind.name)) {
                (true, false) => {
                    self.contents.queue(number).is_deleted = true;
                    self.topology.delete_queue(kind.name);
                    self.define(Entity::Queue(kind.name));
                }
                (false, true) => {}
                (false, false) => return Err(Missed(format!("{} went before its time", kind.name))),
                (true, true) => return Err(Missed(format!("{} stays beyond its time", kind.name))),
            }
        }
        Ok(())
    }
}
