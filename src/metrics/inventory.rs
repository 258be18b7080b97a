//! All queues, looked at once: summed up, and one by one where that is wanted.

use std::time::Duration;

use leveret_core::Effects;
use leveret_core::model::{Losses, MessageStats, QueueKind, QueueLook, QueuesPast, Stat, Vhost};

use super::family::Sums;
use super::queues::{FAMILIES, Row};
use super::survey::Scope;
use crate::session::Shared;

/// How often queues are looked at until none has gone meanwhile.
const MOST_TRIES: usize = 3;

/// What has happened in queues of one type.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfType {
    /// To messages.
    pub stats: MessageStats,
    /// What they gave up, that went on as dead letters.
    pub dead_lettered: Losses,
    /// What they gave up, that was gone.
    pub lost: Losses,
}

/// What there is of queues.
pub struct Inventory {
    /// One by one, if that is wanted.
    pub rows: Vec<Row>,
    /// Summed up, with what those did that are gone.
    pub sums: Sums<QueueLook>,
    /// By type: classic, quorum.
    pub types: [OfType; 2],
    pub consumers: u64,
    pub count: u64,
    /// The age of the oldest message that waits anywhere, as far as it is known.
    pub oldest: Option<Duration>,
}

impl Inventory {
    /// Of this moment. A queue that goes meanwhile would be there and among those that are gone: then all are
    /// looked at again.
    pub fn take(shared: &Shared, scope: &Scope) -> Self {
        let mut before = shared.core.past();
        let mut tries = 0;
        loop {
            let mut inventory = Self::of_open(shared, scope);
            let after = shared.core.past();
            tries += 1;
            if before.deleted == after.deleted || tries == MOST_TRIES {
                inventory.add_past(&after);
                return inventory;
            }
            before = after;
        }
    }

    /// Messages that came into queues.
    pub fn published(&self) -> u64 {
        self.types.iter().map(|of_type| of_type.stats[Stat::Publish]).sum()
    }

    fn of_open(shared: &Shared, scope: &Scope) -> Self {
        let (rows, types) = (Vec::new(), [OfType::default(); 2]);
        let mut inventory =
            Self { rows, sums: Sums::new(FAMILIES), types, consumers: 0, count: 0, oldest: None };
        let mut effects = Effects::default();
        for vhost in shared.core.vhosts() {
            inventory.look_at(shared, (&vhost, scope), &mut effects);
            shared.carry_out(&mut effects);
        }
        inventory
    }

    fn look_at(&mut self, shared: &Shared, (vhost, scope): (&Vhost, &Scope), effects: &mut Effects) {
        let is_told_of = scope.each && scope.has_vhost(vhost.name());
        let now = shared.clock.now();
        for queue in vhost.routes().queues() {
            let look = queue.look(now, effects);
            self.count += 1;
            self.consumers += look.counts.consumers as u64;
            self.oldest = self.oldest.max(look.oldest);
            self.sums.add(&look);
            let [classic, quorum] = &mut self.types;
            let of_type = if queue.facts().traits.kind == QueueKind::Quorum { quorum } else { classic };
            of_type.stats += look.stats;
            *(if look.dead_letters { &mut of_type.dead_lettered } else { &mut of_type.lost }) += look.lost;
            if is_told_of && scope.has_queue(&queue.facts().name) {
                self.rows.push(Row { queue: queue.clone(), look });
            }
        }
    }

    fn add_past(&mut self, past: &QueuesPast) {
        let [classic, quorum] = &mut self.types;
        for (of_type, (stats, lost), dead_lettered) in
            [(classic, past.classic, past.dead_lettered.0), (quorum, past.quorum, past.dead_lettered.1)]
        {
            of_type.stats += stats;
            of_type.dead_lettered += dead_lettered;
            of_type.lost += less(lost, dead_lettered);
            self.sums.add(&QueueLook { stats, ..QueueLook::default() });
        }
    }
}

fn less(all: Losses, some: Losses) -> Losses {
    Losses {
        expired: all.expired.saturating_sub(some.expired),
        max_length: all.max_length.saturating_sub(some.max_length),
        rejected: all.rejected.saturating_sub(some.rejected),
        delivery_limit: all.delivery_limit.saturating_sub(some.delivery_limit),
    }
}
