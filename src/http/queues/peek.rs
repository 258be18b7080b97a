//! Messages looked at where they are: those that wait in a queue, those that clients hold, those that a delayed exchange
//! holds back. Nothing is taken, marked or moved. RabbitMQ has none of this.

use std::sync::Arc;
use std::time::{Duration, Instant};

use leveret_codec::Properties;
use leveret_core::Timestamp;
use leveret_core::model::{Access, Entry, HeldMessage, QueueRef, Resource, Spot, locked};
use serde_json::json;

use super::filter::Filter;
use super::row::object;
use super::rows::{ANSWER_BYTES, Rows};
use super::waiting::{self, Seen};
use crate::http::answer::{Answer, Problem};
use crate::http::content::{Encoding, properties_to_json, put_payload};
use crate::http::request::{Object, Request};
use crate::http::route::Later;
use crate::registry::Bell;

/// Messages of one answer, at most and if nothing is said.
const MOST: usize = 1000;
const USUAL: usize = 50;
/// Bytes of a body that are shown, if nothing is said.
const TRUNCATE_BYTES: usize = 50_000;
/// Bytes of an answer that messages take which clients hold: there is room left for those that wait.
const HELD_BYTES: usize = ANSWER_BYTES / 2;
/// Messages looked at in one go.
const BATCH: usize = 1000;
/// One answer looks at no more messages, and for no longer; the next one goes on from there.
const MOST_LOOKED_AT: usize = 100_000;
const LOOK_WAIT: Duration = Duration::from_secs(2);
/// Nobody is waited for longer who is asked what it holds.
const ASK_WAIT: Duration = Duration::from_secs(2);

/// What a request for messages may say.
pub const PARAMETERS: &[&str] =
    &["state", "limit", "offset", "after", "payload", "truncate", "header", "routing_key", "older_than"];
/// What one for delayed messages may say.
pub const DELAYED_PARAMETERS: &[&str] =
    &["limit", "offset", "after", "payload", "truncate", "header", "routing_key", "older_than"];

/// What is wanted of each message, and of how many.
struct Wanted {
    limit: usize,
    offset: usize,
    after: Option<Spot>,
    shows_payload: bool,
    truncate: usize,
    filter: Filter,
}

impl Wanted {
    fn of(request: &Request) -> Result<Self, Problem> {
        let number = |name: &str| {
            let text = request.query.get(name);
            let parsed = text.map(str::parse::<usize>).transpose();
            parsed.map_err(|_| Problem::bad_request(json!(["not_integer", text])))
        };
        let after = request.query.get("after").filter(|text| !text.is_empty());
        Ok(Self {
            limit: number("limit")?.unwrap_or(USUAL).min(MOST),
            offset: number("offset")?.unwrap_or_default(),
            after: after.map(parse_cursor).transpose()?,
            shows_payload: request.query.get("payload") != Some("false"),
            truncate: number("truncate")?.unwrap_or(TRUNCATE_BYTES),
            filter: Filter::of_query(request)?,
        })
    }

    /// How many to look at in one go, when so many are still to be shown and so many to be left out: without a filter
    /// no more than that.
    fn batch(&self, shown: usize, left_out: usize) -> usize {
        let most = if self.filter.is_everything() { shown.saturating_add(left_out) } else { BATCH };
        most.clamp(1, BATCH)
    }

    fn row(&self, now: Timestamp, state: &str, entry: &Entry) -> Object {
        let message = &entry.message;
        let shown = message.shown_properties();
        let mut row = object(json!({
            "state": state,
            "position": entry.position,
            "redelivered": entry.redelivered,
            "expires_in_ms": entry.expires_at.map(|at| millis(at.duration_since(now))),
            "exchange": String::from_utf8_lossy(message.exchange()),
            "routing_key": String::from_utf8_lossy(message.routing_key()),
            "properties": properties_to_json(Properties::from_checked(&shown)),
            "payload_bytes": message.body().len(),
        }));
        if self.shows_payload {
            put_payload(&mut row, message.body(), Encoding::Auto, self.truncate);
        }
        row
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A spot as it stands in answers; it means something only to us.
fn cursor(spot: Spot) -> String {
    format!("{}-{}", spot.rank, spot.position)
}

fn parse_cursor(text: &str) -> Result<Spot, Problem> {
    let parts = text.split_once('-').and_then(|(rank, position)| {
        Some(Spot { rank: rank.parse().ok()?, position: position.parse().ok()? })
    });
    parts.ok_or_else(|| Problem::bad_request(json!(["not_a_cursor", text])))
}

/// What a look has come to.
struct Looked {
    count: usize,
    next: Option<Spot>,
}

/// Looks at what waits until there is enough, or enough has been looked at.
fn look(
    (request, queue): (&Request, &QueueRef),
    wanted: &Wanted,
    rows: &mut Rows,
    row: impl Fn(&Seen) -> Object,
) -> Looked {
    let began = Instant::now();
    let mut looked = Looked { count: 0, next: wanted.after };
    let (mut offset, mut left) = (wanted.offset, wanted.limit);
    loop {
        let most = wanted.batch(left, offset);
        let batch = waiting::look(&request.api.shared, queue, looked.next, most);
        for seen in &batch.seen {
            if left == 0 || ANSWER_BYTES <= rows.bytes() {
                return looked;
            }
            looked.next = Some(seen.spot);
            looked.count += 1;
            if !wanted.filter.takes(seen) {
                continue;
            }
            if 0 < offset {
                offset -= 1;
                continue;
            }
            rows.put(row(seen));
            left -= 1;
        }
        looked.next = batch.next;
        let is_enough = left == 0 || ANSWER_BYTES <= rows.bytes() || MOST_LOOKED_AT <= looked.count;
        if batch.next.is_none() || is_enough || LOOK_WAIT <= began.elapsed() {
            return looked;
        }
    }
}

/// The queue that the path names, which the caller may read from. An exclusive queue is for its connection alone, and
/// no request is made by one: it is refused as a get is.
pub fn readable(request: &Request) -> Result<QueueRef, Problem> {
    let queue = super::named(request).ok_or_else(Problem::not_found)?;
    let (vhost, name) = (request.value("vhost"), request.value("queue"));
    request.caller.check(vhost, Access::Read, Resource::Queue(name))?;
    if queue.facts().owner.is_some() {
        return Err(locked(&format!("queue '{name}' in vhost '{vhost}'")).into());
    }
    Ok(queue)
}

/// Runs where it may read the disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a look at messages came to nothing");
        Problem::silent(hyper::StatusCode::INTERNAL_SERVER_ERROR)
    })
}

/// `GET .../messages`.
pub fn messages(request: Request) -> Later {
    Box::pin(async move {
        let queue = readable(&request)?;
        let wanted = Wanted::of(&request)?;
        let (shows_ready, shows_unacked) = match request.query.get("state").unwrap_or("ready") {
            "ready" => (true, false),
            "unacked" => (false, true),
            "all" => (true, true),
            other => return Err(Problem::bad_request(json!(["unknown_state", other]))),
        };
        let mut rows = Rows::new();
        if shows_unacked && wanted.after.is_none() {
            let (held, _) = ask(&request, &queue, wanted.limit).await;
            put_held(&mut rows, &held, (&request, &wanted));
        }
        if !shows_ready {
            return Ok(rows.answer_with(object(json!({"next": null}))));
        }
        blocking(move || {
            let now = request.change(|now, effects| {
                // What has expired goes first.
                queue.look(now, effects);
                now
            });
            let looked = look((&request, &queue), &wanted, &mut rows, |seen| {
                let mut row = wanted.row(now, "ready", &seen.entry);
                row.insert("age_ms".to_owned(), json!(seen.age.map(millis)));
                row
            });
            answer(rows, &looked)
        })
        .await
    })
}

fn answer(rows: Rows, looked: &Looked) -> Answer {
    rows.answer_with(object(json!({"looked_at": looked.count, "next": looked.next.map(cursor)})))
}

/// `GET .../unacked`.
pub fn unacked(request: Request) -> Later {
    Box::pin(async move {
        let queue = readable(&request)?;
        let wanted = Wanted::of(&request)?;
        let (held, is_complete) = ask(&request, &queue, wanted.limit).await;
        let look = request.change(|now, effects| queue.look(now, effects));
        let mut rows = Rows::new();
        put_held(&mut rows, &held, (&request, &wanted));
        let is_complete = is_complete && rows.count() == held.len();
        Ok(rows.answer_with(object(json!({
            "messages_unacknowledged": look.counts.unacked,
            "is_complete": is_complete,
        }))))
    })
}

/// As many of them as there is room for.
fn put_held(rows: &mut Rows, held: &[HeldMessage], (request, wanted): (&Request, &Wanted)) {
    let now = request.api.shared.clock.now();
    for held in held {
        if HELD_BYTES <= rows.bytes() {
            return;
        }
        rows.put(held_row(wanted, now, held));
    }
}

fn held_row(wanted: &Wanted, now: Timestamp, held: &HeldMessage) -> Object {
    let mut row = wanted.row(now, "unacked", &held.entry);
    row.extend(object(json!({
        "connection": &*held.connection,
        "user": held.user,
        "channel": held.channel,
        "consumer_tag": held.consumer_tag,
        "delivery_tag": held.delivery_tag,
        "held_ms": millis(now.duration_since(held.delivered_at)),
    })));
    row
}

/// Asks all who may hold messages of a queue; whether all of them have answered.
async fn ask(request: &Request, queue: &QueueRef, most: usize) -> (Vec<HeldMessage>, bool) {
    let bell = Arc::new(Bell::default());
    let rung = bell.clone();
    let inquiry =
        request.change(|_, effects| request.core().inquire((queue, most), move || rung.ring(), effects));
    let completed = async {
        while !inquiry.is_complete() {
            bell.rung().await;
            bell.take();
        }
    };
    let is_complete = tokio::time::timeout(ASK_WAIT, completed).await.is_ok();
    (inquiry.found(), is_complete)
}

/// `GET /api/exchanges/:vhost/:exchange/delayed`.
pub fn delayed(request: Request) -> Later {
    Box::pin(async move {
        let vhost = request.vhost()?;
        let name = request.value("exchange");
        let spec = vhost.exchange(name).ok_or_else(Problem::not_found)?;
        request.caller.check(vhost.name(), Access::Read, Resource::Exchange(name))?;
        let holder = vhost.holders().of(spec.name.as_bytes());
        let holder = holder.ok_or_else(|| {
            Problem::bad_request(format!("exchange '{name}' in vhost '{}' delays nothing", vhost.name()))
        })?;
        let wanted = Wanted::of(&request)?;
        blocking(move || {
            let now = request.api.shared.clock.now();
            let mut rows = Rows::new();
            let looked = look((&request, &holder), &wanted, &mut rows, |seen| {
                let mut row = wanted.row(now, "delayed", &seen.entry);
                let due_in = row.remove("expires_in_ms").unwrap_or_default();
                row.insert("due_in_ms".to_owned(), due_in);
                row
            });
            answer(rows, &looked)
        })
        .await
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_few_messages_has_few_of_them_read() {
        let wanted = |filter| Wanted {
            limit: USUAL,
            offset: 0,
            after: None,
            shows_payload: false,
            truncate: 0,
            filter,
        };
        let all = wanted(Filter::default());
        assert_eq!((all.batch(1, 0), all.batch(2, 3), all.batch(0, 0)), (1, 5, 1));
        assert_eq!((all.batch(MOST, MOST), all.batch(1, usize::MAX)), (BATCH, BATCH));
        let some = wanted(Filter::of_key("a.*"));
        assert_eq!(some.batch(1, 0), BATCH, "nobody knows how many will be passed over");
    }
}
