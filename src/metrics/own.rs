//! What RabbitMQ does not tell, under names of our own.

use std::io;

use leveret_storage::{BATCH_BYTES, SYNC_MICROS};

use super::survey::Survey;
use super::text::{About, Classes, Kind, Text, float};
use crate::otlp::{Counts, Spans};
use crate::session::Shared;

/// Writes all of it.
pub fn write(text: &mut Text<'_>, shared: &Shared, survey: &Survey) -> io::Result<()> {
    let about = gauge("connections", "Open connections by what they wait for");
    text.begin(&about)?;
    for (state, number) in ["running", "flow", "blocked"].iter().zip(survey.states) {
        text.sample(about.name, &[("state", state)], float(number))?;
    }
    let oldest = survey.queues.oldest.map_or(0.0, |age| age.as_secs_f64());
    text.single(
        &gauge("oldest_message_age_seconds", "How long the oldest ready message of any queue has waited"),
        oldest,
    )?;
    let about = counter("spans_total", "Spans of messages, by what became of them");
    text.begin(&about)?;
    let counts = shared.spans.as_ref().map(Spans::counts);
    let of = |count: fn(&Counts) -> u64| float(counts.map_or(0, count));
    text.sample(about.name, &[("outcome", "sent")], of(Counts::sent))?;
    text.sample(about.name, &[("outcome", "lost")], of(Counts::lost))?;
    write_log(text, shared)
}

fn write_log(text: &mut Text<'_>, shared: &Shared) -> io::Result<()> {
    let Some(storage) = &shared.storage else { return Ok(()) };
    let (stats, activity) = storage.figures();
    text.single(&gauge("log_segments", "Files of the log"), float(stats.segments as u64))?;
    text.single(&gauge("log_bytes", "Bytes of the log, dead ones included"), float(stats.bytes))?;
    text.single(
        &gauge("log_live_bytes", "About how many bytes of the log are messages in queues"),
        float(stats.live_bytes),
    )?;
    text.single(
        &gauge("log_waiting_bytes", "Bytes that wait to be written"),
        float(stats.waiting_bytes as u64),
    )?;
    text.single(
        &gauge("log_failed", "is 1 if the log takes nothing any more"),
        float(storage.has_failed().into()),
    )?;
    let bounds = SYNC_MICROS.map(|micros| float(micros) / 1e6);
    let classes =
        Classes { bounds: &bounds, counts: &activity.syncs.classes, sum: float(activity.syncs.sum) / 1e6 };
    text.histogram(&gauge("commit_seconds", "How long commits took, written and synced"), &[], &classes)?;
    let bounds = BATCH_BYTES.map(float);
    let classes =
        Classes { bounds: &bounds, counts: &activity.batches.classes, sum: float(activity.batches.sum) };
    text.histogram(&gauge("commit_bytes", "How much one synced commit wrote"), &[], &classes)
}

fn counter(name: &'static str, help: &'static str) -> About {
    About { name, kind: Kind::Counter, help }
}

fn gauge(name: &'static str, help: &'static str) -> About {
    About { name, kind: Kind::Gauge, help }
}
