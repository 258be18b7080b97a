//! `get`: messages from the head of a queue, taken or put back afterwards.
//!
//! Invariant: what one request takes, holds and tells is bounded: in messages, bytes of bodies and bytes of the answer.

use leveret_codec::Properties;
use leveret_codec::method::{Method, basic};
use leveret_core::amqp;
use serde_json::Value;

use super::named;
use super::rows::{ANSWER_BYTES, Rows};
use crate::http::answer::Problem;
use crate::http::body::Fields;
use crate::http::content::{Encoding, properties_to_json, put_payload};
use crate::http::direct::{Client, refused_get};
use crate::http::request::{Object, Request};
use crate::http::route::Later;

/// Messages of one answer: no more are taken.
const MOST: usize = 10_000;
/// Bodies that one request takes, in bytes, shown or not: no more is taken once there is so much.
const BODY_BYTES: usize = 64 * 1024 * 1024;

/// What becomes of the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AckMode {
    /// They are gone.
    Ack,
    /// They are as if rejected: dead-lettered, if the queue does so.
    Reject,
    /// They go back.
    Requeue,
}

impl AckMode {
    fn parse(word: &str) -> Result<Self, Problem> {
        match word {
            "ack_requeue_false" => Ok(Self::Ack),
            "reject_requeue_false" => Ok(Self::Reject),
            "ack_requeue_true" | "reject_requeue_true" => Ok(Self::Requeue),
            _ => Err(Problem::bad_request(format!(
                "Invalid ackmode value: {word}. Valid values are: ack_requeue_true, ack_requeue_false, \
                 reject_requeue_true, reject_requeue_false"
            ))),
        }
    }
}

/// What is asked for.
struct Wanted {
    /// Everything, if it is negative.
    count: i64,
    mode: AckMode,
    encoding: Encoding,
    truncate: usize,
}

impl Wanted {
    fn of(fields: &Fields) -> Result<Self, Problem> {
        fields.require(&["ackmode", "count", "encoding"])?;
        let required = |name: &str| {
            let none = || Problem::bad_request(serde_json::json!(["not_integer", Value::Null]));
            fields.integer(name)?.ok_or_else(none)
        };
        let encoding = match fields.required_text("encoding")? {
            "auto" => Encoding::Auto,
            "base64" => Encoding::Base64,
            _ => return Err(Problem::bad_request("Unsupported encoding. Please use auto or base64.")),
        };
        Ok(Self {
            count: required("count")?,
            mode: AckMode::parse(fields.required_text("ackmode")?)?,
            encoding,
            truncate: fields
                .integer("truncate")?
                .map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(0)),
        })
    }

    /// Whether this is all that is wanted, or that one answer brings.
    fn is_enough(&self, rows: &Rows, body_bytes: usize) -> bool {
        let most = usize::try_from(self.count).map_or(MOST, |count| count.min(MOST));
        most <= rows.count() || BODY_BYTES <= body_bytes || ANSWER_BYTES <= rows.bytes()
    }
}

/// `POST .../get`.
pub fn get(request: Request) -> Later {
    Box::pin(async move {
        named(&request).ok_or_else(|| Problem::nothing_there("queue_not_found"))?;
        let wanted = Wanted::of(&request.fields()?)?;
        let mut client = Client::open(&request)?;
        let (mut rows, mut body_bytes, mut last) = (Rows::new(), 0, 0);
        while !wanted.is_enough(&rows, body_bytes) {
            let get =
                basic::Get { queue: request.value("queue").into(), no_ack: wanted.mode == AckMode::Ack };
            let got = client.ask(&Method::Basic(basic::AMQPMethod::Get(get))).await;
            let got = got.map_err(|why| refused_get(&why))?;
            let Method::Basic(basic::AMQPMethod::GetOk(head)) = &got.method else { break };
            last = head.delivery_tag;
            body_bytes += got.body.len();
            rows.put(row(&got, head, &wanted));
        }
        if wanted.mode != AckMode::Ack && last != 0 {
            let requeue = wanted.mode == AckMode::Requeue;
            let nack = basic::Nack { delivery_tag: last, multiple: true, requeue };
            client.say(&Method::Basic(basic::AMQPMethod::Nack(nack)));
        }
        Ok(rows.answer())
    })
}

fn row(got: &amqp::Answer, head: &basic::GetOk, wanted: &Wanted) -> Object {
    let properties = match properties_to_json(Properties::from_checked(&got.properties)) {
        // RabbitMQ's word for an object with nothing in it, from which the script of its tools makes a column.
        properties if properties.is_empty() => Value::Array(Vec::new()),
        properties => Value::Object(properties),
    };
    let mut row = super::row::object(serde_json::json!({
        "redelivered": head.redelivered,
        "exchange": head.exchange.as_str(),
        "routing_key": head.routing_key.as_str(),
        "message_count": head.message_count,
        "properties": properties,
    }));
    put_payload(&mut row, &got.body, wanted.encoding, wanted.truncate);
    row
}
