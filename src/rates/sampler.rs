//! The task that takes the samples.

use std::sync::Arc;

use leveret_core::Effects;
use leveret_core::model::{ConnectionRecord, Vhost};

use super::census::Census;
use super::reading::{Field, Reading};
use super::{Key, SAMPLE_EVERY};
use crate::clock::Timer;
use crate::session::Shared;
use crate::vitals;

/// Objects that are looked at before others have their turn: some ten microseconds of work.
const AT_ONCE: usize = 128;
/// With more exchanges than this among those who are gone, those that are there no more are forgotten.
const TIDY_BEYOND: usize = 1024;

/// Takes samples for as long as it is not dropped.
pub async fn keep(shared: Arc<Shared>) {
    let mut timer = Timer::new(shared.clock.clone());
    loop {
        let at = shared.clock.now();
        let census = sample(&shared).await;
        let mut broker = census.sum(|_| true).reading;
        complete(&shared, &mut broker);
        shared.rates.note(census.vhosts.into_iter().map(|(name, vhost)| (Key::Vhost(name), vhost.reading)));
        let exchanges = census.exchanges.into_iter();
        shared.rates.note(
            exchanges
                .map(|((vhost, name), counts)| (Key::Exchange(vhost, name), Reading::of_exchange(counts))),
        );
        // It goes through everything that is known.
        let state = shared.clone();
        let finishing = tokio::task::spawn_blocking(move || state.rates.finish(at, broker));
        if finishing.await.is_err() {
            tracing::error!("rates are no longer told: the sampler has failed");
            return;
        }
        tidy(&shared);
        timer.set(Some(at + SAMPLE_EVERY));
        timer.elapsed().await;
    }
}

/// Notes connections, channels and queues, and sums them up.
async fn sample(shared: &Shared) -> Census {
    let mut census = Census::default();
    let mut readings = Vec::new();
    for records in shared.core.roll().connections().chunks(AT_ONCE) {
        for record in records {
            census.add_connection(record);
            readings.extend(of_connection(record));
        }
        shared.rates.note(readings.drain(..));
        tokio::task::yield_now().await;
    }
    for vhost in shared.core.vhosts() {
        look_at_queues(shared, &vhost, &mut census).await;
    }
    census.add_gone(&shared.core);
    census
}

fn of_connection(record: &ConnectionRecord) -> Vec<(Key, Reading)> {
    let channels = record.channels();
    let channels = channels
        .iter()
        .map(|channel| (Key::Channel(record.id, channel.number), Reading::of_stats(&channel.stats())));
    channels.chain([(Key::Connection(record.id), Reading::of_connection(record))]).collect()
}

async fn look_at_queues(shared: &Shared, vhost: &Vhost, census: &mut Census) {
    // A snapshot: what is declared meanwhile is in the next sample.
    let routes = vhost.routes();
    let mut queues = routes.queues();
    let mut effects = Effects::default();
    let mut readings = Vec::with_capacity(AT_ONCE);
    loop {
        let now = shared.clock.now();
        for queue in queues.by_ref().take(AT_ONCE) {
            let look = queue.look(now, &mut effects);
            census.add_queue(queue, &look);
            readings.push((Key::of_queue(queue), Reading::of_queue(&look)));
        }
        if readings.is_empty() {
            return;
        }
        shared.rates.note(readings.drain(..));
        shared.carry_out(&mut effects);
        tokio::task::yield_now().await;
    }
}

/// Exchanges come and go: who is gone is not to be remembered for each of them.
fn tidy(shared: &Shared) {
    for (name, gone) in shared.core.roll().gone() {
        if TIDY_BEYOND < gone.exchanges.len() {
            let routes = shared.core.vhost(&name).map(|vhost| vhost.routes());
            shared.core.roll().tidy(&name, |exchange| {
                routes.as_ref().is_some_and(|routes| routes.exchange(exchange).is_some())
            });
        }
    }
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
