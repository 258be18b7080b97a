//! Messages looked at where they are: those that wait in a queue, those that clients hold, those that a delayed exchange
//! holds back. Nothing is taken, marked or moved. RabbitMQ has none of this.

use std::sync::Arc;
use std::time::{Duration, Instant};

use leveret_codec::Properties;
use leveret_core::Timestamp;
use leveret_core::model::{Access, Entry, HeldMessage, QueueRef, Resource, Spot};
use serde_json::{Value, json};

use super::filter::Filter;
use super::row::object;
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
/// Bytes of bodies that one answer shows, about.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;
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

    /// What a message adds to an answer, about.
    fn shown_bytes(&self, entry: &Entry) -> usize {
        if self.shows_payload { entry.message.body().len().min(self.truncate) } else { 0 }
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
    rows: Vec<Value>,
    count: usize,
    next: Option<Spot>,
}

/// Looks at what waits until there is enough, or enough has been looked at.
fn look(request: &Request, queue: &QueueRef, wanted: &Wanted, row: impl Fn(&Seen) -> Object) -> Looked {
    let began = Instant::now();
    let mut looked = Looked { rows: Vec::new(), count: 0, next: None };
    let (mut after, mut offset, mut bytes) = (wanted.after, wanted.offset, 0);
    loop {
        let batch = waiting::look(&request.api.shared, queue, after, BATCH);
        for seen in &batch.seen {
            if looked.rows.len() == wanted.limit || ANSWER_BYTES <= bytes {
                looked.next = after;
                return looked;
            }
            after = Some(seen.spot);
            looked.count += 1;
            if !wanted.filter.takes(seen) {
                continue;
            }
            if let Some(left) = offset.checked_sub(1) {
                offset = left;
                continue;
            }
            looked.rows.push(row(seen).into());
            bytes += wanted.shown_bytes(&seen.entry);
        }
        let Some(next) = batch.next else { return looked };
        after = Some(next);
        if MOST_LOOKED_AT <= looked.count || LOOK_WAIT <= began.elapsed() {
            looked.next = after;
            return looked;
        }
    }
}

/// The queue that the path names, which the caller may read from.
pub fn readable(request: &Request) -> Result<QueueRef, Problem> {
    let queue = super::named(request).ok_or_else(Problem::not_found)?;
    request.caller.check(request.value("vhost"), Access::Read, Resource::Queue(request.value("queue")))?;
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
        let mut rows = Vec::new();
        if shows_unacked && wanted.after.is_none() {
            let (held, _) = ask(&request, &queue, wanted.limit).await;
            let now = request.api.shared.clock.now();
            rows.extend(held.iter().map(|held| held_row(&wanted, now, held)));
        }
        if !shows_ready {
            return Ok(Answer::json(&json!({"messages": rows, "next": null})));
        }
        blocking(move || {
            let now = request.change(|now, effects| {
                // What has expired goes first.
                queue.look(now, effects);
                now
            });
            let looked = look(&request, &queue, &wanted, |seen| {
                let mut row = wanted.row(now, "ready", &seen.entry);
                row.insert("age_ms".to_owned(), json!(seen.age.map(millis)));
                row
            });
            rows.extend(looked.rows);
            answer(&rows, looked.count, looked.next)
        })
        .await
    })
}

fn answer(rows: &[Value], looked_at: usize, next: Option<Spot>) -> Answer {
    Answer::json(&json!({"messages": rows, "looked_at": looked_at, "next": next.map(cursor)}))
}

/// `GET .../unacked`.
pub fn unacked(request: Request) -> Later {
    Box::pin(async move {
        let queue = readable(&request)?;
        let wanted = Wanted::of(&request)?;
        let (held, is_complete) = ask(&request, &queue, wanted.limit).await;
        let look = request.change(|now, effects| queue.look(now, effects));
        let now = request.api.shared.clock.now();
        let rows: Vec<Value> = held.iter().map(|held| held_row(&wanted, now, held)).collect();
        Ok(Answer::json(&json!({
            "messages": rows,
            "messages_unacknowledged": look.counts.unacked,
            "is_complete": is_complete,
        })))
    })
}

fn held_row(wanted: &Wanted, now: Timestamp, held: &HeldMessage) -> Value {
    let mut row = wanted.row(now, "unacked", &held.entry);
    row.extend(object(json!({
        "connection": &*held.connection,
        "user": held.user,
        "channel": held.channel,
        "consumer_tag": held.consumer_tag,
        "delivery_tag": held.delivery_tag,
        "held_ms": millis(now.duration_since(held.delivered_at)),
    })));
    row.into()
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
            let looked = look(&request, &holder, &wanted, |seen| {
                let mut row = wanted.row(now, "delayed", &seen.entry);
                let due_in = row.remove("expires_in_ms").unwrap_or_default();
                row.insert("due_in_ms".to_owned(), due_in);
                row
            });
            answer(&looked.rows, looked.count, looked.next)
        })
        .await
    })
}
