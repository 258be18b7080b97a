//! The task that takes the samples.

use std::sync::Arc;

use leveret_core::Timestamp;

use super::census::Census;
use super::reading::{Field, Reading};
use super::{Key, SAMPLE_EVERY};
use crate::clock::Timer;
use crate::session::Shared;
use crate::vitals;

/// Takes samples for as long as it is not dropped, on a thread that carries no traffic.
pub async fn keep(shared: Arc<Shared>) {
    let mut timer = Timer::new(shared.clock.clone());
    loop {
        let at = shared.clock.now();
        let state = shared.clone();
        if tokio::task::spawn_blocking(move || sample(&state, at)).await.is_err() {
            tracing::error!("rates are told no longer: the sampler has failed");
            return;
        }
        timer.set(Some(at + SAMPLE_EVERY));
        timer.elapsed().await;
    }
}

fn sample(shared: &Shared, at: Timestamp) {
    let census = Census::take_and_note(shared, |readings| shared.rates.note(readings));
    let mut broker = census.sum(|_| true).reading;
    complete(shared, &mut broker);
    shared.rates.note(census.vhosts.into_iter().map(|(name, vhost)| (Key::Vhost(name), vhost.reading)));
    let exchanges = census.exchanges.into_iter();
    shared.rates.note(
        exchanges.map(|((vhost, name), counts)| (Key::Exchange(vhost, name), Reading::of_exchange(counts))),
    );
    shared.rates.finish(at, broker);
}

/// What the whole broker has beside the sums over what is in it.
pub fn complete(shared: &Shared, reading: &mut Reading) {
    reading.set_churn(&shared.core.roll().churn());
    let past = shared.core.past();
    reading[Field::QUEUES_DECLARED] = past.declared;
    reading[Field::QUEUES_CREATED] = past.created;
    reading[Field::QUEUES_DELETED] = past.deleted;
    if let Some(storage) = &shared.storage {
        let (_, activity) = storage.figures();
        reading[Field::DISK_READS] = activity.messages_read;
        reading[Field::DISK_WRITES] = activity.messages_written;
    }
    reading[Field::MEMORY] = shared.vitals.memory_bytes();
    reading[Field::DISK_FREE] = shared.vitals.disk_free_bytes(shared.storage.as_deref());
    reading[Field::FILES] = vitals::open_files();
}
