//! A channel that hears what the broker says on it, and what a consumer on it is sent.

use amqprs::callbacks::ChannelCallback;
use amqprs::channel::{
    BasicAckArguments, BasicConsumeArguments, BasicGetArguments, BasicPublishArguments, Channel,
    ConfirmSelectArguments, ConsumerMessage, QueueBindArguments, QueueDeclareArguments, QueuePurgeArguments,
};
use amqprs::connection::Connection;
use amqprs::error::Error;
use amqprs::{Ack, BasicProperties, Cancel, CloseChannel, Deliver, Nack, Return};
use async_trait::async_trait;
use leveret_interop_program::{Failure, Proof, same, soon, that};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What the broker says on a channel without being asked.
#[derive(Debug, PartialEq)]
pub enum Said {
    Confirmed(u64),
    Refused(u64),
    Returned(u16, Vec<u8>),
    Cancelled(String),
    Closed(u16, String),
}

struct Listener(UnboundedSender<Said>);

impl Listener {
    fn tell(&self, said: Said) {
        // A channel that nobody listens to any more is going to be closed.
        let _ = self.0.send(said);
    }
}

#[async_trait]
impl ChannelCallback for Listener {
    async fn close(&mut self, _: &Channel, close: CloseChannel) -> Result<(), Error> {
        self.tell(Said::Closed(close.reply_code(), close.reply_text().clone()));
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, cancel: Cancel) -> Result<(), Error> {
        self.tell(Said::Cancelled(cancel.consumer_tag().clone()));
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, ack: Ack) {
        self.tell(Said::Confirmed(ack.delivery_tag()));
    }

    async fn publish_nack(&mut self, _: &Channel, nack: Nack) {
        self.tell(Said::Refused(nack.delivery_tag()));
    }

    async fn publish_return(&mut self, _: &Channel, returned: Return, _: BasicProperties, body: Vec<u8>) {
        self.tell(Said::Returned(returned.reply_code(), body));
    }
}

/// A channel that confirms, so that what was published is known to be in its queues.
pub struct Line {
    pub raw: Channel,
    said: UnboundedReceiver<Said>,
    published: u64,
    /// Dropped last, if it is this channel's own: a connection closes when it is dropped.
    _connection: Option<Connection>,
}

impl Line {
    pub async fn on(connection: &Connection) -> Proof<Self> {
        let line = Self::plain(connection).await?;
        line.raw.confirm_select(ConfirmSelectArguments::default()).await?;
        Ok(line)
    }

    /// Without confirms, as transactions want it.
    pub async fn plain(connection: &Connection) -> Proof<Self> {
        let raw = connection.open_channel(None).await?;
        let (listener, said) = unbounded_channel();
        raw.register_callback(Listener(listener)).await?;
        Ok(Self { raw, said, published: 0, _connection: None })
    }

    /// Keeps its connection for as long as it lives.
    pub fn keeping(self, connection: Connection) -> Self {
        Self { _connection: Some(connection), ..self }
    }

    pub async fn hear(&mut self) -> Proof<Said> {
        let said = soon("a word of the broker", self.said.recv()).await?;
        said.ok_or_else(|| Failure::Failed("the channel has ended".to_owned()))
    }

    /// The broker must have closed the channel with this code; its words.
    pub async fn closed_with(&mut self, code: u16) -> Proof<String> {
        match self.hear().await? {
            Said::Closed(got, text) if got == code => Ok(text),
            other => Err(Failure::Failed(format!("{other:?} instead of {code}"))),
        }
    }

    /// What an error of the library does not tell: why the broker has closed the channel.
    pub async fn explained<T>(&mut self, answer: Result<T, Error>) -> Proof<T> {
        match answer {
            Ok(value) => Ok(value),
            Err(error) => match self.said.recv().await {
                Some(Said::Closed(code, text)) => Err(Failure::Failed(format!("{code} {text}"))),
                _ => Err(error.into()),
            },
        }
    }

    /// Publishes, and returns the number that its confirm will have.
    pub async fn post(
        &mut self,
        to: BasicPublishArguments,
        properties: BasicProperties,
        body: &[u8],
    ) -> Proof<u64> {
        self.raw.basic_publish(properties, body.to_vec(), to).await?;
        self.published += 1;
        Ok(self.published)
    }

    /// Returns when the broker has confirmed it.
    pub async fn publish(
        &mut self,
        exchange: &str,
        key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Proof {
        let number = self.post(BasicPublishArguments::new(exchange, key), properties, body).await?;
        same("what came of a publish", self.hear().await?, Said::Confirmed(number))
    }

    pub async fn send(&mut self, queue: &str, bodies: &[&str]) -> Proof {
        for body in bodies {
            self.publish("", queue, BasicProperties::default(), body.as_bytes()).await?;
        }
        Ok(())
    }

    pub async fn get(&self, queue: &str) -> Proof<(BasicProperties, Vec<u8>)> {
        let arguments = BasicGetArguments::new(queue).no_ack(true).finish();
        match self.raw.basic_get(arguments).await? {
            Some((_, properties, body)) => Ok((properties, body)),
            None => Err(Failure::Failed(format!("{queue} is empty"))),
        }
    }

    pub async fn gets(&self, queue: &str, body: &str) -> Proof {
        same("body", String::from_utf8(self.get(queue).await?.1)?.as_str(), body)
    }

    pub async fn consume(&self, queue: &str) -> Proof<Deliveries> {
        self.consume_with(BasicConsumeArguments::new(queue, "")).await
    }

    pub async fn consume_with(&self, arguments: BasicConsumeArguments) -> Proof<Deliveries> {
        let (_, messages) = self.raw.basic_consume_rx(arguments).await?;
        Ok(Deliveries(messages))
    }

    pub async fn ack(&self, delivery: &Delivery) -> Proof {
        Ok(self.raw.basic_ack(BasicAckArguments::new(delivery.deliver.delivery_tag(), false)).await?)
    }

    pub async fn bind(&self, queue: &str, exchange: &str, key: &str) -> Proof {
        Ok(self.raw.queue_bind(QueueBindArguments::new(queue, exchange, key)).await?)
    }

    /// So many messages are ready in the queue.
    pub async fn holds(&self, queue: &str, count: u32) -> Proof {
        let arguments = QueueDeclareArguments::new(queue).passive(true).finish();
        let answer = self.raw.queue_declare(arguments).await?;
        same("messages in the queue", answer.map(|(_, ready, _)| ready), Some(count))
    }

    pub async fn purge(&self, queue: &str) -> Proof<u32> {
        Ok(self.raw.queue_purge(QueuePurgeArguments::new(queue)).await?.unwrap_or_default())
    }
}

/// One message of a consumer.
pub struct Delivery {
    pub deliver: Deliver,
    pub properties: BasicProperties,
    pub body: Vec<u8>,
}

/// What a consumer is sent.
pub struct Deliveries(UnboundedReceiver<ConsumerMessage>);

impl Deliveries {
    /// The next one, which must have this body.
    pub async fn next(&mut self, body: &str) -> Proof<Delivery> {
        let message = soon(&format!("the delivery of {body}"), self.0.recv()).await?;
        let whole = message.and_then(|message| {
            let (deliver, properties) = (message.deliver?, message.basic_properties?);
            Some(Delivery { deliver, properties, body: message.content? })
        });
        let delivery = whole.ok_or_else(|| Failure::Failed("the consumer has ended".to_owned()))?;
        same("body", String::from_utf8_lossy(&delivery.body), body)?;
        Ok(delivery)
    }

    /// Ask the broker something on the same channel first.
    pub fn none(&mut self) -> Proof {
        that(self.0.try_recv().is_err(), "a delivery came that should not")
    }
}
