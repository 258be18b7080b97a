//! What has become of the queues of a virtual host since the broker began: how many came and went, and what had happened
//! in those that went.

use crate::model::queue::Losses;
use crate::model::queue_ref::{QueueLook, QueueRef};
use crate::model::settings::QueueKind;
use crate::model::stats::MessageStats;

/// Counts that only rise.
#[derive(Clone, Copy, Debug, Default)]
pub struct QueuesPast {
    /// Declarations that were not refused for what they say, also of queues that were there.
    pub declared: u64,
    /// Queues that came.
    pub created: u64,
    /// Queues that went.
    pub deleted: u64,
    /// What happened in classic ones that went.
    pub classic: (MessageStats, Losses),
    /// What happened in quorum queues that went.
    pub quorum: (MessageStats, Losses),
    /// Of what those gave up: what went on as dead letters; of classic ones and of quorum queues.
    pub dead_lettered: (Losses, Losses),
}

impl QueuesPast {
    /// A queue goes.
    pub fn add(&mut self, queue: &QueueRef, look: &QueueLook) {
        self.deleted += 1;
        let ((stats, lost), dead_lettered) = match queue.facts().traits.kind {
            QueueKind::Quorum => (&mut self.quorum, &mut self.dead_lettered.1),
            QueueKind::Classic | QueueKind::Delay => (&mut self.classic, &mut self.dead_lettered.0),
        };
        *stats += look.stats;
        *lost += look.lost;
        if look.dead_letters {
            *dead_lettered += look.lost;
        }
    }
}

impl std::ops::AddAssign for QueuesPast {
    fn add_assign(&mut self, other: Self) {
        self.declared += other.declared;
        self.created += other.created;
        self.deleted += other.deleted;
        self.classic.0 += other.classic.0;
        self.classic.1 += other.classic.1;
        self.quorum.0 += other.quorum.0;
        self.quorum.1 += other.quorum.1;
        self.dead_lettered.0 += other.dead_lettered.0;
        self.dead_lettered.1 += other.dead_lettered.1;
    }
}
