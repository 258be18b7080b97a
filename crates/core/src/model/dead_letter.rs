//! Dead letters: messages that a queue gave up on are published again, to the exchange that it names.
//!
//! Invariants:
//! - The copy is written into the log before the original is settled there: a crash in between leaves both, never none.
//! - A message that only ever dies by itself does not go round for ever: a queue that it has died in since it was last
//!   rejected does not get it again (RabbitMQ's rule).
//! - Nobody's permissions are asked for, and a message that reaches no queue is gone: so it was wanted when it was
//!   declared (RabbitMQ).

mod deaths;

use leveret_codec::{Properties, TableRef, Value};
use leveret_routing::{Matched, Routed};

use crate::effect::{DeadLetter, Effects, Settle};
use crate::model::delay::{delay_of, expiration_of, released};
use crate::model::hidden::{BLIND_COPIES, SPENT_COPIES};
use crate::model::queue::{Arrival, Reason};
use crate::model::span;
use crate::model::{Broker, Intake, Message, QueueRef, Recent};
use crate::time::Timestamp;
pub use deaths::DEATHS;
use deaths::Deaths;

/// Copies are written when they have so many bytes, however many messages died together.
const WRITE_BYTES: usize = 1024 * 1024;

/// Routing keys; the message's own is the first.
type Keys = Vec<Vec<u8>>;

impl Broker {
    /// Publishes dead letters, in order, and settles the originals.
    pub(super) fn publish_dead_letters(
        &self,
        now: Timestamp,
        letters: Vec<DeadLetter>,
        effects: &mut Effects,
    ) {
        let mut intake = Intake::new(self.store().as_ref());
        let originals: Vec<Settle> =
            letters.iter().filter_map(|letter| Settle::of(&letter.message)).collect();
        let mut matched = Matched::new();
        let mut bytes = 0;
        for letter in letters {
            self.publish_dead_letter(now, &letter, &mut matched, (&mut intake, effects));
            bytes += letter.message.footprint_bytes();
            if WRITE_BYTES <= bytes {
                intake.flush(now, effects);
                bytes = 0;
            }
        }
        intake.flush(now, effects);
        effects.settles.extend(originals);
    }

    fn publish_dead_letter(
        &self,
        now: Timestamp,
        letter: &DeadLetter,
        matched: &mut Matched<QueueRef>,
        (intake, effects): (&mut Intake, &mut Effects),
    ) {
        let Some(vhost) = self.vhost(&letter.queue.facts().vhost) else { return };
        if self.settings().spans && !letter.message.hides_nothing() {
            let place = (&*letter.queue.facts().name, letter.reason.as_str());
            effects.spans.extend(span::queue(now, &letter.message, place, self.entropy()));
        }
        let Again { message, deaths, keys } = again(now, letter);
        // A dead letter has none any more; what was delayed begins to live now.
        let expiration = expiration_of(&message);
        if letter.reason != Reason::Delayed
            && let Some(delay) = delay_of(message.properties())
            && let Some(holder) = vhost.holders().of(message.exchange())
        {
            let arrival = Arrival { message, expiration: Some(delay) };
            let _ = intake.publish(now, &[holder], arrival, effects);
            return;
        }
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let routed = Routed { keys: &keys, properties: message.properties() };
        let generation = vhost.generation();
        if vhost.routes().route(message.exchange(), routed, matched).is_err() {
            return;
        }
        if !matched.recent().is_empty() {
            let arrival = Arrival { message: message.clone(), expiration };
            let more_keys = keys.iter().skip(1).map(|key| key.to_vec()).collect();
            vhost.remember(matched.recent(), Recent { arrival, more_keys });
            // Who was bound meanwhile may have looked for it too early.
            let is_late = vhost.generation() != generation;
            if is_late && vhost.routes().route(message.exchange(), routed, matched).is_err() {
                return;
            }
        }
        let ends = |queue: &&QueueRef| letter.reason == Reason::Rejected || !goes_round(&deaths, queue);
        let targets: Vec<QueueRef> = matched.iter().filter(ends).cloned().collect();
        if !targets.is_empty() {
            // A full queue that refuses it loses it: nobody waits for an answer.
            let _ = intake.publish(now, &targets, Arrival { message, expiration }, effects);
        }
    }
}

fn goes_round(deaths: &Deaths, queue: &QueueRef) -> bool {
    let name = &queue.facts().name;
    let goes_round = deaths.is_cycle(name);
    if goes_round {
        tracing::debug!(queue = &**name, "dropped a dead letter that goes round in circles");
    }
    goes_round
}

/// A message that is to be published again.
struct Again {
    message: Message,
    deaths: Deaths,
    keys: Keys,
}

fn again(now: Timestamp, letter: &DeadLetter) -> Again {
    if letter.reason != Reason::Delayed {
        return buried(now, letter);
    }
    let keys = published_keys(&letter.message);
    Again { message: released(&letter.message), deaths: Deaths::of(None), keys }
}

/// A dead letter as it is published again.
fn buried(now: Timestamp, letter: &DeadLetter) -> Again {
    let DeadLetter { queue, message, reason, to } = letter;
    let properties = message.properties();
    let headers = properties.headers();
    let own_keys = keys(message, headers);
    let mut deaths = Deaths::of(headers);
    let original_expiration = properties.expiration();
    let routing_keys = own_keys.open.clone();
    deaths.add(&deaths::Event {
        now,
        queue: &queue.facts().name,
        reason: *reason,
        exchange: message.exchange(),
        routing_keys: &routing_keys,
        original_expiration,
    });
    let is_renamed = to.routing_key.is_some();
    let keys = match &to.routing_key {
        Some(key) => vec![key.clone().into_bytes()],
        None => own_keys.open.into_iter().chain(own_keys.blind).collect(),
    };
    let headers = deaths.written_into(headers, is_renamed);
    let properties = properties.to_builder().without_expiration().headers(headers.as_ref()).build();
    let properties = span::moved(now, Properties::from_checked(&properties)).unwrap_or(properties);
    let key = keys.first().map(Vec::as_slice).unwrap_or_default();
    let message = Message::compose(to.exchange.as_bytes(), key, &properties, message.body());
    Again { message, deaths, keys }
}

/// The keys that a message was published with.
struct OwnKeys {
    /// Its routing key and those of `CC`.
    open: Keys,
    /// Those of `BCC`.
    blind: Keys,
}

/// All keys that a message was published with, its own first.
pub fn published_keys(message: &Message) -> Vec<Vec<u8>> {
    let OwnKeys { mut open, blind } = keys(message, message.properties().headers());
    open.extend(blind);
    open
}

fn keys(message: &Message, headers: Option<TableRef<'_>>) -> OwnKeys {
    let headers = headers.filter(|headers| headers.get(SPENT_COPIES).is_none());
    let copies = |name: &[u8]| match headers.and_then(|headers| headers.get(name)) {
        Some(Value::Array(keys)) => {
            keys.iter().filter_map(|key| key.as_bytes().map(<[u8]>::to_vec)).collect::<Keys>()
        }
        _ => Keys::new(),
    };
    let mut open = vec![message.routing_key().to_vec()];
    open.extend(copies(b"CC"));
    OwnKeys { open, blind: copies(BLIND_COPIES) }
}
