//! One life: what is begun and ended, with every answer waited for.

use bytes::{BufMut as _, BytesMut};
use leveret_codec::frame::{FRAME_END, put_frame_header};
use leveret_codec::method::types::FieldTable;
use leveret_codec::method::{basic, channel, confirm, encode, queue};
use leveret_codec::{FrameKind, Method, PropertiesBuilder, content};

use super::{ChurnOptions, What};
use crate::cli::client::{CHANNEL, Client, ClientError};
use crate::cli::perf::PerfError;

/// An exchange that every vhost has.
const EXCHANGE: &str = "amq.direct";

/// What must be there before, and is taken away afterwards.
pub struct Ground<'a> {
    options: &'a ChurnOptions,
    control: Client,
    queue: Option<String>,
}

impl<'a> Ground<'a> {
    /// Bindings and messages need a queue.
    pub fn prepare(options: &'a ChurnOptions) -> Result<Self, PerfError> {
        let mut control = Client::connect(&options.base.url)?;
        let needs_queue = matches!(options.what, What::Bindings | What::Publish);
        let queue = needs_queue.then(|| options.queue.clone());
        if let Some(queue) = &queue {
            control.call(&declare(queue, options.durable))?;
        }
        Ok(Self { options, control, queue })
    }

    /// The life that the client of this number leads.
    pub fn cycle(&self, number: u16) -> Result<Cycle<'a>, PerfError> {
        let stays = matches!(self.options.what, What::Channels | What::Queues | What::Bindings);
        let client = stays.then(|| Client::connect(&self.options.base.url)).transpose()?;
        let own = format!("{}-{number:04}", self.options.queue);
        let publish = published(&self.options.queue, self.options.size);
        Ok(Cycle { options: self.options, client, own, publish })
    }

    pub fn clear(mut self) -> Result<(), PerfError> {
        if let Some(queue) = &self.queue {
            self.control.call(&delete(queue))?;
        }
        Ok(self.control.close()?)
    }
}

/// One client's.
pub struct Cycle<'a> {
    options: &'a ChurnOptions,
    /// For lives that are shorter than a connection.
    client: Option<Client>,
    /// A name that no other client uses.
    own: String,
    /// The frames of a message.
    publish: BytesMut,
}

impl Cycle<'_> {
    pub fn once(&mut self) -> Result<(), PerfError> {
        let Some(client) = &mut self.client else { return self.connect() };
        let (begin, end) = match self.options.what {
            What::Queues => (declare(&self.own, self.options.durable), delete(&self.own)),
            What::Bindings => bind_and_unbind(&self.options.queue, &self.own),
            // The channel that is open already ends first.
            What::Channels | What::Connections | What::Publish => close_and_open(),
        };
        client.call(&begin)?;
        client.call(&end)?;
        Ok(())
    }

    fn connect(&self) -> Result<(), PerfError> {
        let mut client = Client::connect(&self.options.base.url)?;
        if self.options.what == What::Publish {
            self.publish(&mut client)?;
        }
        Ok(client.close()?)
    }

    fn publish(&self, client: &mut Client) -> Result<(), PerfError> {
        let confirms = self.options.confirm_window.is_some();
        if confirms {
            client.call(&Method::Confirm(confirm::AMQPMethod::Select(confirm::Select { nowait: false })))?;
        }
        client.write(&self.publish)?;
        if !confirms {
            return Ok(());
        }
        match client.receive()? {
            Method::Basic(basic::AMQPMethod::Ack(_)) => Ok(()),
            Method::Basic(basic::AMQPMethod::Nack(_)) => Err(PerfError::Nacked),
            other => Err(ClientError::Unexpected(other).into()),
        }
    }

    /// The life is over for good.
    pub fn end(self) -> Result<(), PerfError> {
        Ok(self.client.map_or(Ok(()), Client::close)?)
    }
}

fn declare(queue: &str, durable: bool) -> Method {
    Method::Queue(queue::AMQPMethod::Declare(queue::Declare {
        queue: queue.into(),
        passive: false,
        durable,
        exclusive: false,
        auto_delete: false,
        nowait: false,
        arguments: FieldTable::default(),
    }))
}

fn delete(queue: &str) -> Method {
    Method::Queue(queue::AMQPMethod::Delete(queue::Delete {
        queue: queue.into(),
        if_unused: false,
        if_empty: false,
        nowait: false,
    }))
}

fn bind_and_unbind(queue: &str, key: &str) -> (Method, Method) {
    let bind = queue::Bind {
        queue: queue.into(),
        exchange: EXCHANGE.into(),
        routing_key: key.into(),
        nowait: false,
        arguments: FieldTable::default(),
    };
    let unbind = queue::Unbind {
        queue: queue.into(),
        exchange: EXCHANGE.into(),
        routing_key: key.into(),
        arguments: FieldTable::default(),
    };
    (Method::Queue(queue::AMQPMethod::Bind(bind)), Method::Queue(queue::AMQPMethod::Unbind(unbind)))
}

fn close_and_open() -> (Method, Method) {
    let close = channel::Close { reply_code: 200, reply_text: "again".into(), class_id: 0, method_id: 0 };
    let open = Method::Channel(channel::AMQPMethod::Open(channel::Open {}));
    (Method::Channel(channel::AMQPMethod::Close(close)), open)
}

/// A message for a queue, in frames; the body fits one frame of any broker's.
fn published(queue: &str, size: u32) -> BytesMut {
    let mut frames = BytesMut::new();
    let publish =
        basic::Publish { exchange: "".into(), routing_key: queue.into(), mandatory: false, immediate: false };
    encode(CHANNEL, &Method::Basic(basic::AMQPMethod::Publish(publish)), &mut frames);
    content::put_header(&mut frames, CHANNEL, size.into(), &PropertiesBuilder::new().build());
    if size != 0 {
        put_frame_header(&mut frames, FrameKind::Body, CHANNEL, size);
        frames.put_bytes(b'x', size as usize);
        frames.put_u8(FRAME_END);
    }
    frames
}
