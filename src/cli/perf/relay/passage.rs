//! From what a publisher sends to what consumers are sent: the relay's hot path.
//!
//! No hash and no allocation for a message: producers take their queues in turn, so the route after the last one
//! is tried first.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use leveret_codec::{Frame, FrameKind, Limits, MethodId, frame, hot};

use super::outlet::Outlet;
use super::parcel::Parcel;
use super::refusal::Refusal;
use super::subscriptions::{Found, Subscriptions};
use crate::cli::client::CHANNEL;

/// What one client publishes, on its way.
pub struct Passage<'a> {
    subscriptions: &'a Subscriptions,
    /// That of the routes.
    generation: u64,
    limits: Limits,
    routes: Vec<Route>,
    by_key: HashMap<Vec<u8>, usize>,
    next_route: usize,
    parcels: Vec<(Arc<Outlet>, Parcel)>,
    content: Content,
    published: u64,
}

/// Where messages with one key go.
struct Route {
    key: Vec<u8>,
    consumer_tag: Vec<u8>,
    /// `None`: there is no such queue, and the messages are dropped.
    parcel: Option<usize>,
}

/// §4.2.6: a publish is a method, then a header, then bodies of exactly the announced size.
#[derive(Clone, Copy)]
enum Content {
    Idle,
    Header { parcel: Option<usize> },
    Body { parcel: Option<usize>, left: u64 },
}

/// Why the walk ended.
pub enum Stop<'b> {
    /// The frame after what was walked is not whole yet.
    Partial,
    /// A method that is no publish.
    Said(u16, &'b [u8]),
}

impl<'a> Passage<'a> {
    pub fn new(subscriptions: &'a Subscriptions) -> Self {
        Self {
            subscriptions,
            generation: subscriptions.generation(),
            limits: Limits::default(),
            routes: Vec::new(),
            by_key: HashMap::new(),
            next_route: 0,
            parcels: Vec::new(),
            content: Content::Idle,
            published: 0,
        }
    }

    /// How many messages have come whole, so also the publishing sequence number of the last of them.
    pub fn published(&self) -> u64 {
        self.published
    }

    /// Walks over whole frames, and says how many bytes they took.
    pub fn pass<'b>(&mut self, bytes: &'b [u8]) -> Result<(usize, Stop<'b>), Refusal> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(frame) = frame::cut(rest, &self.limits)? else { return Ok((at, Stop::Partial)) };
            let wire_bytes = frame.wire_bytes();
            at += wire_bytes;
            match frame.kind {
                FrameKind::Method if MethodId::of(frame.payload)? == MethodId::BASIC_PUBLISH => {
                    self.begin(&frame)?;
                }
                FrameKind::Method => return Ok((at, Stop::Said(frame.channel, frame.payload))),
                FrameKind::Header | FrameKind::Body => {
                    self.put(&frame, rest.get(..wire_bytes).unwrap_or_default())?;
                }
                FrameKind::Heartbeat => {}
            }
        }
    }

    fn begin(&mut self, frame: &Frame<'_>) -> Result<(), Refusal> {
        let publish = hot::Publish::decode(frame.payload)?;
        if !publish.exchange.is_empty() {
            return Err(Refusal::not_implemented("knows only the default exchange"));
        }
        if publish.mandatory || publish.immediate {
            return Err(Refusal::not_implemented("returns no messages"));
        }
        if frame.channel != CHANNEL || !matches!(self.content, Content::Idle) {
            return Err(Refusal::unexpected_frame());
        }
        let route = self.route(publish.routing_key)?;
        let Some(route) = self.routes.get(route) else { return Err(Refusal::unexpected_frame()) };
        if let Some((_, parcel)) = route.parcel.and_then(|parcel| self.parcels.get_mut(parcel)) {
            parcel.begin(&route.consumer_tag, publish.routing_key);
        }
        self.content = Content::Header { parcel: route.parcel };
        Ok(())
    }

    /// One more frame of content.
    fn put(&mut self, frame: &Frame<'_>, wire: &[u8]) -> Result<(), Refusal> {
        let (to, left) = match (self.content, frame.kind) {
            (Content::Header { parcel }, FrameKind::Header) => (parcel, announced(frame.payload)),
            (Content::Body { parcel, left }, FrameKind::Body) => {
                (parcel, left.checked_sub(frame.payload.len() as u64))
            }
            _ => return Err(Refusal::unexpected_frame()),
        };
        let left = left.ok_or_else(Refusal::unexpected_frame)?;
        let parcel = to.and_then(|parcel| self.parcels.get_mut(parcel)).map(|(_, parcel)| parcel);
        self.content = if left == 0 { Content::Idle } else { Content::Body { parcel: to, left } };
        self.published += u64::from(left == 0);
        if let Some(parcel) = parcel {
            parcel.put(wire);
            if left == 0 {
                parcel.end();
            }
        }
        Ok(())
    }

    /// The number of a key's route.
    fn route(&mut self, key: &[u8]) -> Result<usize, Refusal> {
        if self.generation != self.subscriptions.generation() {
            self.forget();
        }
        let route = match self.routes.get(self.next_route) {
            Some(route) if route.key == key => self.next_route,
            _ => match self.by_key.get(key) {
                Some(route) => *route,
                None => self.find(key)?,
            },
        };
        self.next_route = if route + 1 < self.routes.len() { route + 1 } else { 0 };
        Ok(route)
    }

    /// Who consumes what has changed. What is in the parcels stays there.
    fn forget(&mut self) {
        self.generation = self.subscriptions.generation();
        self.routes.clear();
        self.by_key.clear();
        self.next_route = 0;
        self.parcels.retain(|(_, parcel)| !parcel.is_empty());
    }

    fn find(&mut self, key: &[u8]) -> Result<usize, Refusal> {
        let (parcel, consumer_tag) = match self.subscriptions.find(key) {
            Found::NoQueue => (None, Vec::new()),
            Found::NoConsumer => {
                let name = String::from_utf8_lossy(key);
                let what = format!("keeps no messages: nobody consumes queue '{name}'");
                return Err(Refusal::not_implemented(&what));
            }
            Found::Consumer(subscription) => {
                (Some(self.parcel(&subscription.outlet)), subscription.consumer_tag)
            }
        };
        let route = self.routes.len();
        self.routes.push(Route { key: key.to_vec(), consumer_tag, parcel });
        self.by_key.insert(key.to_vec(), route);
        Ok(route)
    }

    /// The parcel for a consumer: queues of one connection share it.
    fn parcel(&mut self, outlet: &Arc<Outlet>) -> usize {
        let known = self.parcels.iter().position(|(known, _)| Arc::ptr_eq(known, outlet));
        known.unwrap_or_else(|| {
            self.parcels.push((Arc::clone(outlet), Parcel::default()));
            self.parcels.len() - 1
        })
    }

    /// Hands on what is whole, one write for each consumer.
    pub fn hand_on(&mut self) -> io::Result<()> {
        for (outlet, parcel) in &mut self.parcels {
            if parcel.whole_messages() != 0 {
                outlet.deliver(parcel)?;
            }
        }
        Ok(())
    }
}

/// The size of the body: class and weight stand before it.
fn announced(header: &[u8]) -> Option<u64> {
    header.get(4..)?.first_chunk().map(|size| u64::from_be_bytes(*size))
}
