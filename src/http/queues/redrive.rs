//! `redrive`: messages go back from a dead-letter queue to where they came from, or to somewhere else.
//!
//! Invariants:
//! - A message leaves its queue when its copy is confirmed, and not before: whatever ends this half way, it is in one of
//!   the two places, or in both.
//! - What does not match, cannot go or comes in meanwhile stays where it is, in its order and unmarked.
//! - One message is on its way at a time, so what goes keeps its order.
//!
//! It lasts as long as its request: a client that goes away ends it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use leveret_codec::field::{TableRef, Value as Field};
use leveret_core::Settle;
use leveret_core::model::{
    Access, DEATHS, FOREIGN_DEATHS, Message, QueueRef, Resource, Returned, Settled, Spot, Taken,
};
use serde_json::{Value, json};

use super::filter::Filter;
use super::peek::readable;
use super::waiting::{self, Seen};
use crate::http::answer::{Answer, Problem};
use crate::http::body::Fields;
use crate::http::direct::{Client, Publication, Published};
use crate::http::request::Request;
use crate::http::route::Later;
use crate::session::Shared;

/// Messages looked at in one go.
const BATCH: usize = 500;

/// Where a message goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    exchange: String,
    routing_key: String,
}

/// Where messages go.
#[derive(Clone, Debug)]
enum To {
    /// To where each came from: its last death says.
    Back,
    /// All to one exchange, with one key or each with its own.
    Exchange { exchange: String, routing_key: Option<String> },
}

impl To {
    fn of(given: Option<&Value>) -> Result<Self, Problem> {
        let Some(given) = given.filter(|given| !given.is_null()) else { return Ok(Self::Back) };
        let Value::Object(object) = given else {
            return Err(Problem::bad_request(json!(["not_an_object", "to", given])));
        };
        let fields = Fields::new(object.clone());
        let exchange = fields.required_text("exchange")?.to_owned();
        let routing_key = fields.text("routing_key")?.map(str::to_owned);
        Ok(Self::Exchange { exchange, routing_key })
    }

    /// Where a message goes; why it cannot, if nobody knows. A history that a publisher wrote is believed by nobody: it
    /// would name places where that publisher may not write.
    fn place(&self, message: &Message) -> Result<Place, &'static str> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match self {
            Self::Back => match message.properties().headers() {
                Some(headers) if headers.get(FOREIGN_DEATHS).is_some() => Err(FORGED),
                headers => headers.and_then(origin).ok_or(NO_HISTORY),
            },
            Self::Exchange { exchange, routing_key } => {
                let key = routing_key.clone().unwrap_or_else(|| text(message.routing_key()));
                Ok(Place { exchange: exchange.clone(), routing_key: key })
            }
        }
    }
}

/// Why a message does not go back.
const NO_HISTORY: &str = "it has no x-death header that says where it came from";
const FORGED: &str = "its x-death header was written by its publisher";

/// Where a message was published that died: the latest of its deaths comes first.
fn origin(headers: TableRef<'_>) -> Option<Place> {
    let Some(Field::Array(deaths)) = headers.get(DEATHS) else { return None };
    let Some(Field::Table(latest)) = deaths.iter().next() else { return None };
    let exchange = latest.get(b"exchange")?.as_str()?.to_owned();
    let Some(Field::Array(keys)) = latest.get(b"routing-keys") else { return None };
    let routing_key = keys.iter().next()?.as_str()?.to_owned();
    Some(Place { exchange, routing_key })
}

/// What is asked for.
struct Order {
    to: To,
    filter: Filter,
    limit: usize,
    /// Between two messages.
    pause: Option<Duration>,
    is_dry: bool,
}

impl Order {
    fn of(request: &Request) -> Result<Self, Problem> {
        let fields = request.fields()?;
        let limit = fields.integer("limit")?;
        let rate = fields.integer("rate_per_second")?;
        if limit.is_some_and(|limit| limit < 0) || rate.is_some_and(|rate| rate <= 0) {
            return Err(Problem::bad_request("limit and rate_per_second must be positive"));
        }
        Ok(Self {
            to: To::of(fields.get("to"))?,
            filter: Filter::of_body(request, fields.get("filter"))?,
            limit: limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
            pause: rate.map(|rate| Duration::from_secs(1) / u32::try_from(rate).unwrap_or(u32::MAX)),
            is_dry: fields.flag("dry_run")?.unwrap_or(false),
        })
    }
}

/// What has become of the messages.
#[derive(Default)]
struct Report {
    moved: BTreeMap<Place, u64>,
    failed: BTreeMap<String, u64>,
    skipped: u64,
}

impl Report {
    fn moved(&self) -> usize {
        usize::try_from(self.moved.values().sum::<u64>()).unwrap_or(usize::MAX)
    }

    fn fail(&mut self, why: impl Into<String>) {
        *self.failed.entry(why.into()).or_default() += 1;
    }

    fn answer(&self, is_dry: bool) -> Answer {
        let destinations = self.moved.iter().map(|(place, count)| {
            json!({"exchange": place.exchange, "routing_key": place.routing_key, "messages": count})
        });
        let failures = self.failed.iter().map(|(why, count)| json!({"reason": why, "messages": count}));
        Answer::json(&json!({
            "dry_run": is_dry,
            "moved": self.moved(),
            "skipped": self.skipped,
            "failed": self.failed.values().sum::<u64>(),
            "destinations": destinations.collect::<Vec<_>>(),
            "failures": failures.collect::<Vec<_>>(),
        }))
    }
}

/// `POST .../redrive`.
pub fn redrive(request: Request) -> Later {
    Box::pin(async move {
        let queue = readable(&request)?;
        let order = Order::of(&request)?;
        if let To::Exchange { exchange, .. } = &order.to {
            request
                .vhost()?
                .check_exchange(exchange)
                .or_else(|refusal| if exchange.is_empty() { Ok(()) } else { Err(Problem::from(refusal)) })?;
            request.caller.check(request.value("vhost"), Access::Write, Resource::Exchange(exchange))?;
        }
        let is_dry = order.is_dry;
        let client = Client::open(&request)?;
        let mut redrive = Redrive {
            request: &request,
            queue,
            order,
            client,
            report: Report::default(),
            closed: BTreeMap::new(),
            is_stuck: false,
        };
        redrive.run().await?;
        Ok(redrive.report.answer(is_dry))
    })
}

/// A redrive that is going on.
struct Redrive<'a> {
    request: &'a Request,
    queue: QueueRef,
    order: Order,
    client: Client,
    report: Report,
    /// Exchanges that take nothing from the caller, and why.
    closed: BTreeMap<String, String>,
    /// Nothing is confirmed, or taken, any more: the rest would try in vain, too.
    is_stuck: bool,
}

impl Redrive<'_> {
    async fn run(&mut self) -> Result<(), Problem> {
        let mut after = None;
        let mut end = None;
        loop {
            let batch = batch(self.request.api.shared.clone(), self.queue.clone(), after).await?;
            // What comes in from now on is not meant: it may be what has just been sent back.
            let end = *end.get_or_insert(batch.next_position);
            for seen in batch.seen.iter().filter(|seen| seen.entry.position < end) {
                if self.is_stuck || self.order.limit <= self.report.moved() {
                    return Ok(());
                }
                self.handle(seen).await;
            }
            if let Some(last) = batch.seen.last() {
                let position = last.entry.position;
                self.request.change(|_, effects| self.queue.put_away(position, effects));
            }
            match batch.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn handle(&mut self, seen: &Seen) {
        if !self.order.filter.takes(seen) {
            self.report.skipped += 1;
            return;
        }
        let place = match self.order.to.place(&seen.entry.message) {
            Ok(place) => place,
            Err(why) => return self.report.fail(why),
        };
        if let Some(why) = self.closed.get(&place.exchange) {
            return self.report.fail(why);
        }
        if self.order.is_dry {
            *self.report.moved.entry(place).or_default() += 1;
            return;
        }
        if let Some(pause) = self.order.pause {
            let clock = &self.request.api.shared.clock;
            clock.sleep_until(clock.now() + pause).await;
        }
        let shared = self.request.api.shared.clone();
        // Somebody else may have had it meanwhile.
        let Some(held) = Held::take(&mut self.client, shared, &self.queue, seen.entry.position).await else {
            return;
        };
        match self.send(&held, &place).await {
            Ok(()) => {
                held.settle();
                *self.report.moved.entry(place).or_default() += 1;
            }
            Err(why) => self.report.fail(why),
        }
    }

    /// Publishes a copy and waits for its confirm; why not, if it comes to nothing.
    async fn send(&mut self, held: &Held, place: &Place) -> Result<(), String> {
        let Some(message) = held.message() else { return Err("it is gone".to_owned()) };
        let properties = message.shown_properties();
        let (bytes, body) = message.body_in_place();
        let publication = Publication {
            exchange: &place.exchange,
            routing_key: &place.routing_key,
            properties: &properties,
            body: bytes.slice(body),
        };
        match self.client.publish(publication).await {
            Ok(Published::Routed) => Ok(()),
            Ok(Published::Unroutable) => {
                Err(format!("no queue is bound to exchange '{}' for it", place.exchange))
            }
            Ok(Published::Refused) => Err("a queue that it is for is full".to_owned()),
            Ok(Published::Silence) => {
                self.is_stuck = true;
                Err("its confirm did not come in time".to_owned())
            }
            Ok(Published::Blocked(why)) => {
                self.is_stuck = true;
                Err(why.to_string())
            }
            Err(closed) => {
                if closed.code == 404 || self.may_not_write(&place.exchange) {
                    self.closed.insert(place.exchange.clone(), closed.text.clone());
                }
                // The channel is closed with it.
                Err(self.anew(closed.text))
            }
        }
    }

    fn may_not_write(&self, exchange: &str) -> bool {
        let vhost = self.request.value("vhost");
        self.request.caller.check(vhost, Access::Write, Resource::Exchange(exchange)).is_err()
    }

    /// The next message needs another channel.
    fn anew(&mut self, why: String) -> String {
        match Client::open(self.request) {
            Ok(client) => self.client = client,
            // The next message will say so.
            Err(problem) => tracing::debug!(?problem, "a redrive goes on without a channel"),
        }
        why
    }
}

/// The next messages, read where the disk may be.
async fn batch(shared: Arc<Shared>, queue: QueueRef, after: Option<Spot>) -> Result<waiting::Batch, Problem> {
    let look = tokio::task::spawn_blocking(move || waiting::look(&shared, &queue, after, BATCH));
    look.await.map_err(|error| {
        tracing::error!(%error, "a redrive came to nothing");
        Problem::silent(hyper::StatusCode::INTERNAL_SERVER_ERROR)
    })
}

/// A message that is out of its queue for as long as this is here; then it is back, if it was not settled.
struct Held {
    shared: Arc<Shared>,
    queue: QueueRef,
    entry: Option<leveret_core::model::Entry>,
}

impl Held {
    async fn take(client: &mut Client, shared: Arc<Shared>, queue: &QueueRef, position: u64) -> Option<Self> {
        loop {
            match client.take(queue, position) {
                Taken::Message(entry) => {
                    return Some(Self { shared, queue: queue.clone(), entry: Some(entry) });
                }
                Taken::Gone => return None,
                Taken::Later => client.wait().await,
            }
        }
    }

    fn message(&self) -> Option<&Message> {
        self.entry.as_ref().map(|entry| &entry.message)
    }

    /// Its copy is safe.
    fn settle(mut self) {
        let Some(entry) = self.entry.take() else { return };
        let settled = Settled { count: 1, body_bytes: entry.body_bytes() };
        self.change(|queue, now, effects| {
            queue.settle(now, None, settled, effects);
            effects.settles.extend(Settle::of(&entry.message));
        });
    }

    fn change(&self, change: impl FnOnce(&QueueRef, leveret_core::Timestamp, &mut leveret_core::Effects)) {
        let mut effects = leveret_core::Effects::default();
        change(&self.queue, self.shared.clock.now(), &mut effects);
        self.shared.carry_out(&mut effects);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            let returned = vec![Returned { from: None, has_failed: false, entry }];
            self.change(|queue, now, effects| queue.requeue(now, returned, effects));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::table;

    fn came_from(headers: &Value) -> Option<Place> {
        let headers = headers.as_object().unwrap().clone();
        origin(table::of(&headers).unwrap().as_ref())
    }

    #[test]
    fn a_message_goes_back_to_where_it_died_last() {
        let deaths = json!({"x-death": [
            {"exchange": "retry", "routing-keys": ["again", "copy"], "queue": "r"},
            {"exchange": "orders", "routing-keys": ["new"], "queue": "o"},
        ]});
        let place = Place { exchange: "retry".to_owned(), routing_key: "again".to_owned() };
        assert_eq!(came_from(&deaths), Some(place));
        for headers in [
            json!({}),
            json!({"x-death": "yesterday"}),
            json!({"x-death": []}),
            json!({"x-death": [{"exchange": "x"}]}),
        ] {
            assert_eq!(came_from(&headers), None, "{headers}");
        }
    }
}
