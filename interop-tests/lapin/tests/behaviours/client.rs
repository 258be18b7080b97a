//! The words the chapters are written in: bounded waits, one-line publishes and what a refusal says.

use std::{
    error::Error,
    fmt::{self, Debug, Display, Formatter},
    panic::Location,
    pin::Pin,
    process,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_lite::{Stream, StreamExt, future};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, Consumer, ErrorKind, Event,
    message::Delivery,
    options::{
        BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::time;

/// How long anything that is to happen may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// What a test returns: done, or what went wrong and on which line.
pub type Outcome<T = ()> = Result<T, Failure>;

/// An error with the place of the `?` it passed: a test has many calls that fail alike.
pub struct Failure {
    what: String,
    at: &'static Location<'static>,
}

impl Failure {
    #[track_caller]
    pub fn new(what: String) -> Self {
        Self { what, at: Location::caller() }
    }
}

impl<E: Error> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.what, self.at)
    }
}

impl Debug for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// Waits for what is to happen, and says what was missing when it doesn't.
#[track_caller]
pub fn within<T>(what: &str, wait: impl Future<Output = T>) -> impl Future<Output = Outcome<T>> {
    let late = Failure::new(format!("waited {DEADLINE:?} in vain for {what}"));
    async move { time::timeout(DEADLINE, wait).await.map_err(|_| late) }
}

/// Asks until the answer is yes, for what the broker does soon after it has replied.
#[track_caller]
pub fn eventually(what: &str, asked: impl AsyncFn() -> Outcome<bool>) -> impl Future<Output = Outcome> {
    let answered = within(what, async move {
        while !asked().await? {
            tokio::task::yield_now().await;
        }
        Ok(())
    });
    async move { answered.await? }
}

/// A name nobody else uses, neither in this run nor in one that was broken off.
pub fn fresh(kind: &str) -> ShortString {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_millis());
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("lapin.{kind}.{started}.{}.{count}", process::id()).into()
}

/// A channel that confirms, so that [`publish`] returns when the message is in its queues.
pub async fn confirming(connection: &Connection) -> Outcome<Channel> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok(channel)
}

/// A queue of this connection's own, named by the broker.
pub async fn own_queue(channel: &Channel) -> Outcome<ShortString> {
    own_queue_with(channel, FieldTable::default()).await
}

/// The same with arguments.
pub async fn own_queue_with(channel: &Channel, arguments: FieldTable) -> Outcome<ShortString> {
    let queue = channel.queue_declare("".into(), QueueDeclareOptions::exclusive(), arguments).await?;
    Ok(queue.name().clone())
}

/// A field table, written as a list.
pub fn table<const N: usize>(fields: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in fields {
        table.insert(key.into(), value);
    }
    table
}

/// The value of most arguments.
pub fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// Publishes and, where the channel confirms, waits for the confirm.
pub async fn publish(channel: &Channel, exchange: &str, key: &str, body: &str) -> Outcome<Confirmation> {
    publish_with(channel, exchange, key, body.as_bytes(), BasicProperties::default()).await
}

/// The same with properties and any bytes.
pub async fn publish_with(
    channel: &Channel,
    exchange: &str,
    key: &str,
    body: &[u8],
    properties: BasicProperties,
) -> Outcome<Confirmation> {
    let options = BasicPublishOptions::default();
    let confirm = channel.basic_publish(exchange.into(), key.into(), options, body, properties).await?;
    Ok(within("the confirm", confirm).await??)
}

/// Publishes `1`, `2`, ... up to `count` straight to a queue.
pub async fn publish_numbers(channel: &Channel, queue: &ShortString, count: u32) -> Outcome {
    for number in 1..=count {
        publish(channel, "", queue.as_str(), &number.to_string()).await?;
    }
    Ok(())
}

/// A consumer that acknowledges by hand.
pub async fn consume(channel: &Channel, queue: &ShortString) -> Outcome<Consumer> {
    consume_with(channel, queue, BasicConsumeOptions::default()).await
}

/// A consumer with options, its tag given by the broker.
pub async fn consume_with(
    channel: &Channel,
    queue: &ShortString,
    options: BasicConsumeOptions,
) -> Outcome<Consumer> {
    Ok(channel.basic_consume(queue.clone(), "".into(), options, FieldTable::default()).await?)
}

/// The next delivery of a consumer.
#[track_caller]
pub fn next(consumer: &mut Consumer) -> impl Future<Output = Outcome<Delivery>> {
    let ended = Failure::new("the consumer has ended".to_owned());
    let delivery = within("a delivery", consumer.next());
    async move { Ok(delivery.await?.ok_or(ended)??) }
}

/// The bodies of the next so many deliveries, in order.
pub async fn bodies(consumer: &mut Consumer, count: usize) -> Outcome<Vec<String>> {
    let mut bodies = Vec::new();
    while bodies.len() < count {
        bodies.push(body(&next(consumer).await?));
    }
    Ok(bodies)
}

/// What the client already has for a consumer; nothing is waited for.
pub async fn at_hand(consumer: &mut Consumer) -> Outcome<Vec<Delivery>> {
    let mut deliveries = Vec::new();
    while let Some(Some(delivery)) = future::poll_once(consumer.next()).await {
        deliveries.push(delivery?);
    }
    Ok(deliveries)
}

/// A body that is text.
pub fn body(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.data).into_owned()
}

/// The next message of a queue, to be acknowledged.
#[track_caller]
pub fn get(channel: &Channel, queue: &ShortString) -> impl Future<Output = Outcome<Delivery>> {
    let empty = Failure::new(format!("queue {queue} is empty"));
    let got = channel.basic_get(queue.clone(), BasicGetOptions::default());
    async move { Ok(got.await?.ok_or(empty)?.delivery) }
}

/// Takes a queue's ready messages out of it, with their bodies and whether they came before.
pub async fn drain(channel: &Channel, queue: &ShortString) -> Outcome<Vec<(String, bool)>> {
    let mut messages = Vec::new();
    while let Some(message) = channel.basic_get(queue.clone(), BasicGetOptions { no_ack: true }).await? {
        messages.push((body(&message), message.redelivered));
    }
    Ok(messages)
}

/// How many messages of a queue wait for a consumer.
///
/// The answer comes from the queue itself, so what the queue sent to this channel before is here by then:
/// what a consumer of the channel hasn't got is not on its way. But RabbitMQ's queues answer this question
/// ahead of publishes and acknowledgements that still wait for their turn, so it may only be asked once
/// those have shown their effect: a publish is confirmed, a message requeued is delivered again.
pub async fn ready(channel: &Channel, queue: &ShortString) -> Outcome<u32> {
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    Ok(channel.queue_declare(queue.clone(), passive, FieldTable::default()).await?.message_count())
}

/// Whether a queue is gone (or, just before, still locked). Asks on a channel of its own, which the
/// answer closes.
pub async fn is_gone(connection: &Connection, queue: &ShortString) -> Outcome<bool> {
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let answer = channel.queue_declare(queue.clone(), passive, FieldTable::default()).await;
    Ok(answer.is_err() && refusal(answer)?.0 == 404)
}

/// The code and the text by which the broker refused.
#[track_caller]
pub fn refusal<T: Debug>(result: lapin::Result<T>) -> Outcome<(u16, String)> {
    match result {
        Ok(answer) => Err(Failure::new(format!("expected a refusal, got {answer:?}"))),
        Err(error) => match error.kind() {
            ErrorKind::ProtocolError(refused) => Ok((refused.get_id(), refused.get_message().to_string())),
            other => Err(Failure::new(format!("expected a refusal by the broker, got {other:?}"))),
        },
    }
}

/// What a connection hears of that is the answer to no call, in the order it came.
pub struct Events(Pin<Box<dyn Stream<Item = Event> + Send>>);

impl Events {
    /// Listens from now on. That the connection is there, which lapin may report late, is no news.
    pub fn of(connection: &Connection) -> Self {
        let news = |event: &Event| !matches!(event, Event::Connected);
        Self(Box::pin(connection.events_listener().filter(news)))
    }

    /// The next event.
    pub async fn next(&mut self) -> Outcome<Event> {
        let ended = "the connection hears of nothing any more".to_owned();
        within("an event of the connection", self.0.next()).await?.ok_or(Failure::new(ended))
    }

    /// The code and the text of an error, which is to come next.
    pub async fn refusal(&mut self) -> Outcome<(u16, String)> {
        match self.next().await? {
            Event::Error(error) => refusal::<()>(Err(error)),
            other => Err(Failure::new(format!("expected an error from the broker, got {other:?}"))),
        }
    }
}
