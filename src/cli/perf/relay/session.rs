//! One client of the relay: reads, passes on, answers.

use std::io::{self, Read as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::BytesMut;
use leveret_codec::method::types::FieldTable;
use leveret_codec::method::{basic, channel, confirm, connection, queue};
use leveret_codec::{Limits, Method, PROTOCOL_HEADER, hot, method};

use super::outlet::Outlet;
use super::passage::{Passage, Stop};
use super::refusal::Refusal;
use super::subscriptions::{Subscription, Subscriptions};
use crate::cli::client::CHANNEL;
use crate::cli::perf::load::{ReadBuffer, TICK, is_tick};

/// A client, from its protocol header to its close.
pub struct Session<'a> {
    subscriptions: &'a Subscriptions,
    stream: TcpStream,
    outlet: Arc<Outlet>,
    passage: Passage<'a>,
    replies: BytesMut,
    confirms: bool,
    confirmed: u64,
    phase: Phase,
}

#[derive(PartialEq, Eq)]
enum Phase {
    Open,
    /// Refused: only the client's close-ok counts any more.
    Closing,
    Closed,
}

impl<'a> Session<'a> {
    pub fn new(subscriptions: &'a Subscriptions, stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TICK))?;
        let outlet = Arc::new(Outlet::new(stream.try_clone()?));
        Ok(Self {
            subscriptions,
            stream,
            outlet,
            passage: Passage::new(subscriptions),
            replies: BytesMut::new(),
            confirms: false,
            confirmed: 0,
            phase: Phase::Open,
        })
    }

    /// Until the client closes or goes away, or the relay stops.
    pub fn run(mut self, stopped: &AtomicBool) -> io::Result<()> {
        let outcome = self.serve(stopped);
        self.subscriptions.remove(&self.outlet, None);
        outcome
    }

    fn serve(&mut self, stopped: &AtomicBool) -> io::Result<()> {
        let mut header = [0; PROTOCOL_HEADER.len()];
        self.stream.read_exact(&mut header)?;
        self.reply(0, &start());
        let mut input = ReadBuffer::new(&[]);
        loop {
            self.send()?;
            if self.phase == Phase::Closed || stopped.load(Relaxed) {
                return Ok(());
            }
            match self.stream.read(input.room()) {
                Ok(0) => return Ok(()),
                Ok(read) => input.filled(read),
                Err(error) if is_tick(&error) => continue,
                Err(error) => return Err(error),
            }
            let walked = self.take_in(input.waiting())?;
            input.drop_front(walked);
        }
    }

    /// Walks over whole frames, and says how many bytes they took.
    fn take_in(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let stop = match self.passage.pass(rest) {
                Ok((walked, stop)) => {
                    at += walked;
                    stop
                }
                // What follows is not looked at any more; the client may go on for a while.
                Err(refusal) => {
                    self.refuse(refusal);
                    return Ok(bytes.len());
                }
            };
            let Stop::Said(channel, payload) = stop else { return Ok(at) };
            let answered = match method::decode(payload, &Limits::default()) {
                Ok(request) => self.answer(channel, &request)?,
                Err(error) => Err(error.into()),
            };
            if let Err(refusal) = answered {
                self.refuse(refusal);
                return Ok(bytes.len());
            }
        }
    }

    /// Deliveries go to their consumers, then replies and confirms to the client.
    fn send(&mut self) -> io::Result<()> {
        if self.passage.hand_on().is_err() {
            self.refuse(Refusal::not_implemented("keeps no messages: their consumer has gone away"));
        }
        let published = self.passage.published();
        if self.confirms && self.confirmed < published && self.phase == Phase::Open {
            self.confirmed = published;
            hot::put_ack(&mut self.replies, CHANNEL, published, true);
        }
        self.outlet.write(&self.replies)?;
        self.replies.clear();
        Ok(())
    }

    fn refuse(&mut self, refusal: Refusal) {
        if self.phase == Phase::Open {
            self.phase = Phase::Closing;
            self.reply(0, &refusal.close());
        }
    }

    fn reply(&mut self, channel: u16, reply: &Method) {
        method::encode(channel, reply, &mut self.replies);
    }

    fn answer(&mut self, channel: u16, request: &Method) -> io::Result<Result<(), Refusal>> {
        if let Method::Basic(basic::AMQPMethod::Consume(consume)) = request {
            return self.subscribe(consume);
        }
        Ok(reply(request, self.subscriptions).map(|reply| {
            self.note(request);
            if let Some(reply) = reply {
                self.reply(channel, &reply);
            }
        }))
    }

    /// What a request changes for this session.
    fn note(&mut self, request: &Method) {
        use connection::AMQPMethod as C;
        match request {
            Method::Confirm(_) => self.confirms = true,
            Method::Connection(C::Close(_) | C::CloseOk(_)) => self.phase = Phase::Closed,
            Method::Channel(channel::AMQPMethod::Close(_)) => self.subscriptions.remove(&self.outlet, None),
            Method::Basic(basic::AMQPMethod::Cancel(cancel)) => {
                let tag = cancel.consumer_tag.as_str().as_bytes();
                self.subscriptions.remove(&self.outlet, Some(tag));
            }
            _ => {}
        }
    }

    fn subscribe(&mut self, consume: &basic::Consume) -> io::Result<Result<(), Refusal>> {
        let consumer_tag = consume.consumer_tag.as_str();
        if consumer_tag.is_empty() || consume.nowait {
            return Ok(Err(Refusal::not_implemented("makes up no tags, and answers every consume")));
        }
        let ok = basic::ConsumeOk { consumer_tag: consumer_tag.into() };
        self.reply(CHANNEL, &Method::Basic(basic::AMQPMethod::ConsumeOk(ok)));
        let consumer_tag = consumer_tag.as_bytes().to_vec();
        let subscription = Subscription { consumer_tag, outlet: Arc::clone(&self.outlet) };
        let queue = consume.queue.as_str().as_bytes();
        let mut added = false;
        self.outlet.write_then(&mut self.replies, || {
            added = self.subscriptions.add(queue, subscription);
            added
        })?;
        Ok(if added {
            Ok(())
        } else {
            Err(Refusal::not_implemented("gives a queue to one consumer, and has none that was not declared"))
        })
    }
}

fn start() -> Method {
    Method::Connection(connection::AMQPMethod::Start(connection::Start {
        version_major: 0,
        version_minor: 9,
        server_properties: FieldTable::default(),
        mechanisms: "PLAIN".into(),
        locales: "en_US".into(),
    }))
}

/// The answer to each method of a client of `leveret perf`; some have none.
fn reply(request: &Method, queues: &Subscriptions) -> Result<Option<Method>, Refusal> {
    use basic::AMQPMethod as B;
    use connection::AMQPMethod as C;
    use queue::AMQPMethod as Q;
    Ok(Some(match request {
        Method::Connection(C::StartOk(_)) => Method::Connection(C::Tune(connection::Tune {
            channel_max: CHANNEL,
            frame_max: Limits::default().frame_max_bytes,
            heartbeat: 0,
        })),
        Method::Connection(C::Open(_)) => Method::Connection(C::OpenOk(connection::OpenOk {})),
        Method::Connection(C::Close(_)) => Method::Connection(C::CloseOk(connection::CloseOk {})),
        Method::Channel(channel::AMQPMethod::Open(_)) => {
            Method::Channel(channel::AMQPMethod::OpenOk(channel::OpenOk {}))
        }
        Method::Channel(channel::AMQPMethod::Close(_)) => {
            Method::Channel(channel::AMQPMethod::CloseOk(channel::CloseOk {}))
        }
        Method::Queue(Q::Declare(declare)) => return declared(declare, queues).map(Some),
        Method::Queue(Q::Delete(delete)) if !(delete.if_unused || delete.if_empty || delete.nowait) => {
            queues.delete(delete.queue.as_str().as_bytes());
            Method::Queue(Q::DeleteOk(queue::DeleteOk { message_count: 0 }))
        }
        Method::Basic(B::Qos(_)) => Method::Basic(B::QosOk(basic::QosOk {})),
        Method::Basic(B::Cancel(cancel)) if !cancel.nowait => {
            Method::Basic(B::CancelOk(basic::CancelOk { consumer_tag: cancel.consumer_tag.clone() }))
        }
        Method::Confirm(confirm::AMQPMethod::Select(select)) if !select.nowait => {
            Method::Confirm(confirm::AMQPMethod::SelectOk(confirm::SelectOk {}))
        }
        Method::Connection(C::TuneOk(_) | C::CloseOk(_)) | Method::Basic(B::Ack(_)) => return Ok(None),
        _ => return Err(Refusal::not_implemented("does only what a load of `leveret perf` asks of it")),
    }))
}

fn declared(declare: &queue::Declare, queues: &Subscriptions) -> Result<Method, Refusal> {
    let name = declare.queue.as_str();
    let asks_more = declare.passive || declare.exclusive || declare.auto_delete || declare.nowait;
    if name.is_empty() || asks_more || declare.arguments != FieldTable::default() {
        return Err(Refusal::not_implemented("has only queues with a name and nothing else"));
    }
    let consumer_count = queues.declare(name.as_bytes());
    let ok = queue::DeclareOk { queue: declare.queue.clone(), message_count: 0, consumer_count };
    Ok(Method::Queue(queue::AMQPMethod::DeclareOk(ok)))
}
