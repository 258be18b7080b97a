//! From what a publisher sends to what consumers are sent: the relay's hot path.
//!
//! No hash, no allocation and next to no parsing for a message: producers take their queues in turn and say the same each
//! time, so what follows is compared with the publish that took the next route before, and becomes the
//! delivery that was made of that one.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use leveret_codec::{Frame, FrameKind, Limits, MethodId, frame, hot};

use super::outlet::Outlet;
use super::parcel::{Opening, Parcel};
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
    /// The frame that took it first.
    publish: Vec<u8>,
    opening: Opening,
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
        // Where content starts that is not in its parcel yet: a message is copied in one piece.
        let mut from = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            if let Some(publish_bytes) = self.begin_as_before(rest) {
                at += publish_bytes;
                from = at;
                continue;
            }
            let Some(frame) = frame::cut(rest, &self.limits)? else {
                self.put(bytes.get(from..at).unwrap_or_default());
                return Ok((at, Stop::Partial));
            };
            let start = at;
            at += frame.wire_bytes();
            match frame.kind {
                FrameKind::Method if MethodId::of(frame.payload)? == MethodId::BASIC_PUBLISH => {
                    self.begin(&frame, bytes.get(start..at).unwrap_or_default())?;
                    from = at;
                }
                FrameKind::Method if matches!(self.content, Content::Idle) => {
                    return Ok((at, Stop::Said(frame.channel, frame.payload)));
                }
                FrameKind::Method => return Err(Refusal::unexpected_frame()),
                FrameKind::Header | FrameKind::Body => {
                    if let Some(parcel) = self.take(&frame)? {
                        parcel.put(bytes.get(from..at).unwrap_or_default());
                        parcel.end();
                        from = at;
                    }
                }
                // It is nobody's content.
                FrameKind::Heartbeat => {
                    self.put(bytes.get(from..start).unwrap_or_default());
                    from = at;
                }
            }
        }
    }

    /// Most messages: the publish is the one that took the next route before. Says how many bytes it has.
    fn begin_as_before(&mut self, bytes: &[u8]) -> Option<usize> {
        let route = self.routes.get(self.next_route)?;
        let is_idle = matches!(self.content, Content::Idle);
        if !is_idle
            || self.generation != self.subscriptions.generation()
            || !bytes.starts_with(&route.publish)
        {
            return None;
        }
        let publish_bytes = route.publish.len();
        self.open(self.next_route);
        Some(publish_bytes)
    }

    fn begin(&mut self, frame: &Frame<'_>, wire: &[u8]) -> Result<(), Refusal> {
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
        if self.generation != self.subscriptions.generation() {
            self.forget();
        }
        let route = match self.by_key.get(publish.routing_key) {
            Some(route) => *route,
            None => self.find(publish.routing_key, wire)?,
        };
        self.open(route);
        Ok(())
    }

    /// Begins a message on its route.
    fn open(&mut self, number: usize) {
        let Some(route) = self.routes.get(number) else { return };
        if let Some((_, parcel)) = route.parcel.and_then(|parcel| self.parcels.get_mut(parcel)) {
            parcel.begin(&route.opening);
        }
        self.content = Content::Header { parcel: route.parcel };
        self.next_route = if number + 1 < self.routes.len() { number + 1 } else { 0 };
    }

    /// One more frame of content. If it was the last, the parcel that the message belongs to.
    fn take(&mut self, frame: &Frame<'_>) -> Result<Option<&mut Parcel>, Refusal> {
        let (to, left) = match (self.content, frame.kind) {
            (Content::Header { parcel }, FrameKind::Header) => (parcel, announced(frame.payload)),
            (Content::Body { parcel, left }, FrameKind::Body) => {
                (parcel, left.checked_sub(frame.payload.len() as u64))
            }
            _ => return Err(Refusal::unexpected_frame()),
        };
        let left = left.ok_or_else(Refusal::unexpected_frame)?;
        if left != 0 {
            self.content = Content::Body { parcel: to, left };
            return Ok(None);
        }
        self.content = Content::Idle;
        self.published += 1;
        Ok(to.and_then(|parcel| self.parcels.get_mut(parcel)).map(|(_, parcel)| parcel))
    }

    /// Content of a message that is not whole yet.
    fn put(&mut self, frames: &[u8]) {
        let (Content::Header { parcel: Some(to) } | Content::Body { parcel: Some(to), .. }) = self.content
        else {
            return;
        };
        if let Some((_, parcel)) = self.parcels.get_mut(to) {
            parcel.put(frames);
        }
    }

    /// Who consumes what has changed. What is in the parcels stays there.
    fn forget(&mut self) {
        self.generation = self.subscriptions.generation();
        self.routes.clear();
        self.by_key.clear();
        self.next_route = 0;
        self.parcels.retain(|(_, parcel)| !parcel.is_empty());
    }

    fn find(&mut self, key: &[u8], publish: &[u8]) -> Result<usize, Refusal> {
        let (parcel, opening) = match self.subscriptions.find(key) {
            Found::NoQueue => (None, Opening::default()),
            Found::NoConsumer => {
                let name = String::from_utf8_lossy(key);
                let what = format!("keeps no messages: nobody consumes queue '{name}'");
                return Err(Refusal::not_implemented(&what));
            }
            Found::Consumer(subscription) => {
                let opening = Opening::new(&subscription.consumer_tag, key);
                (Some(self.parcel(&subscription.outlet)), opening)
            }
        };
        let route = self.routes.len();
        self.routes.push(Route { publish: publish.to_vec(), opening, parcel });
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

#[cfg(test)]
mod tests;
