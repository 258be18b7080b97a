//! What the books can be asked: who holds what, who could take something, what may be on its way.

use super::account::Hiding;
use super::books::{Books, Mode};

impl Books {
    /// There was nothing to get.
    pub fn hear_empty(&mut self, place: (usize, usize)) {
        let (queue, _) =
            self.clients[place.0].channels[place.1].getting.take().expect("nobody asked for a message");
        let account = &self.accounts[queue];
        let is_known = !account.is_vague && self.hiding(queue) == Hiding::Nothing;
        assert!(!is_known || account.ready_count() == 0, "{} said that it is empty", account.kind.name);
    }

    /// How many deliveries of a queue clients hold.
    pub fn held(&self, queue: usize) -> usize {
        let generation = self.accounts[queue].generation;
        let held =
            self.clients.iter().flat_map(|client| &client.channels).flat_map(|channel| channel.held.values());
        held.filter(|held| held.queue == queue && held.generation == generation).count()
    }

    /// What of a queue may be on its way to clients that do not read.
    pub fn hiding(&self, queue: usize) -> Hiding {
        let stalled = self.clients.iter().filter(|client| client.is_stalled);
        let consumers =
            stalled.flat_map(|client| &client.channels).flat_map(|channel| channel.consumers.values());
        let of_queue = consumers.filter(|consumer| consumer.queue == queue);
        let hides = |no_ack| if no_ack { Hiding::WhatNeedsNoAck } else { Hiding::WhatIsAcked };
        of_queue.map(|consumer| hides(consumer.no_ack)).max().unwrap_or(Hiding::Nothing)
    }

    /// A consumer that must not wait if there is something.
    pub fn who_could_take(&self, queue: usize) -> Option<u64> {
        let account = &self.accounts[queue];
        let eligible = if account.kind.single_active { 1 } else { usize::MAX };
        let could = |id: &u64| {
            let reading = self.clients.iter().filter(|client| !client.is_stalled);
            let mut of = reading.flat_map(|client| &client.channels);
            of.any(|channel| {
                channel.consumers.get(id).is_some_and(|consumer| channel.could_take(*id, consumer))
            })
        };
        account.consumers.iter().take(eligible).copied().find(could)
    }

    /// Once the log has everything, nobody waits for a confirm.
    pub fn check_confirms(&self) {
        let channels = self.clients.iter().flat_map(|client| &client.channels);
        for channel in channels.filter(|_| !self.log_holds) {
            if let Mode::Confirm { waiting, .. } = &channel.mode {
                assert!(waiting.is_empty(), "{waiting:?} were not confirmed");
            }
        }
    }
}
