//! Declarations, bindings and deletions that come and go while the broker is killed, and what of them must be
//! there afterwards.
//!
//! Invariant: what was answered holds; what was asked and not answered may be either way, until it is seen.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use leveret_codec::method::{Method, basic, channel};

use crate::dice::Dice;
use crate::load::Fuse;
use crate::say;
use crate::support::{Event, Peer};

/// How many of each kind there are at most.
const EACH: u64 = 12;

/// The exchange that the bindings start at.
const EXCHANGE: &str = "definitions";

/// What can be defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Entity {
    Queue(u64),
    Exchange(u64),
    /// Of the queue with this number to [`EXCHANGE`].
    Binding(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Present,
    Absent,
    /// Asked, and not answered.
    Either,
}

/// What is known of every entity.
#[derive(Default)]
pub struct Definitions(BTreeMap<Entity, Known>);

impl Definitions {
    /// Declares what the others need.
    pub async fn prepare(peer: &mut Peer) {
        peer.must(say::durable_exchange(EXCHANGE, "direct")).await;
    }

    /// Defines and removes, one at a time, until the broker is gone.
    pub async fn churn(mut self, mut peer: Peer, mut dice: Dice, fuse: &Fuse) -> Self {
        loop {
            let number = dice.below(EACH);
            let entity =
                dice.choose(&[Entity::Queue(number), Entity::Exchange(number), Entity::Binding(number)]);
            let make = !dice.once_in(3);
            if matches!(entity, Entity::Binding(_)) && self.of(Entity::Queue(number)) != Known::Present {
                continue;
            }
            if !self.change(&mut peer, entity, make).await {
                return self;
            }
            fuse.burn_definitions(1);
        }
    }

    /// `false`: the broker is gone.
    async fn change(&mut self, peer: &mut Peer, entity: Entity, make: bool) -> bool {
        let after = if make { Known::Present } else { Known::Absent };
        // A queue takes its bindings with it.
        let with_it = match entity {
            Entity::Queue(number) if !make => vec![entity, Entity::Binding(number)],
            _ => vec![entity],
        };
        for changed in &with_it {
            if self.of(*changed) != after {
                self.0.insert(*changed, Known::Either);
            }
        }
        let request = if make { entity.declaration() } else { entity.removal() };
        if !peer.try_send_bytes(&say::bytes(1, &request)).await {
            return false;
        }
        match peer.try_event(1).await {
            None => return false,
            Some(Event::Method(answer)) if !matches!(*answer, Method::Channel(_)) => {}
            Some(other) => panic!("{request:?} was answered with {other:?}"),
        }
        self.0.extend(with_it.into_iter().map(|changed| (changed, after)));
        true
    }

    fn of(&self, entity: Entity) -> Known {
        self.0.get(&entity).copied().unwrap_or(Known::Absent)
    }

    /// Looks at every entity after a restart: what was answered must hold.
    pub async fn account(&mut self, address: SocketAddr) -> Result<(), String> {
        let mut peer = Peer::open_channel(address).await;
        for (entity, known) in &mut self.0 {
            let is_there = entity.is_there(&mut peer).await;
            let seen = if is_there { Known::Present } else { Known::Absent };
            if *known != Known::Either && *known != seen {
                return Err(format!("{entity:?} is {seen:?}, and was answered to be {known:?}"));
            }
            *known = seen;
        }
        peer.close().await;
        Ok(())
    }
}

impl Entity {
    fn name(self) -> String {
        match self {
            Self::Queue(number) | Self::Binding(number) => format!("queue {number}"),
            Self::Exchange(number) => format!("exchange {number}"),
        }
    }

    fn declaration(self) -> Method {
        let name = self.name();
        match self {
            Self::Queue(_) => say::durable_queue(&name),
            Self::Exchange(_) => say::durable_exchange(&name, "topic"),
            Self::Binding(_) => say::bind(&name, EXCHANGE, &name),
        }
    }

    fn removal(self) -> Method {
        let name = self.name();
        match self {
            Self::Queue(_) => say::delete_queue(&name),
            Self::Exchange(_) => say::delete_exchange(&name),
            Self::Binding(_) => say::unbind(&name, EXCHANGE, &name),
        }
    }

    async fn is_there(self, peer: &mut Peer) -> bool {
        let name = self.name();
        match self {
            Self::Queue(_) => exists(peer, say::look_at_queue(&name)).await,
            Self::Exchange(_) => exists(peer, say::look_at_exchange(&name)).await,
            Self::Binding(_) => is_routed(peer, &name).await,
        }
    }
}

/// A passive declaration of what is not there closes the channel, which is opened again.
async fn exists(peer: &mut Peer, question: Method) -> bool {
    match peer.ask(1, question).await {
        Method::Channel(channel::AMQPMethod::Close(close)) => {
            assert_eq!(close.reply_code, 404, "{close:?}");
            peer.send(1, say::close_channel_ok()).await;
            peer.must(say::open_channel()).await;
            false
        }
        _ => true,
    }
}

/// A message that must reach a queue says whether the binding is there; it comes back before its confirm.
async fn is_routed(peer: &mut Peer, name: &str) -> bool {
    peer.must(say::confirms()).await;
    peer.send_bytes(&say::publish_mandatory((EXCHANGE, name))).await;
    match peer.event(1).await {
        Event::Confirm { .. } => {
            peer.must(say::purge(name)).await;
            true
        }
        Event::Method(returned) if matches!(*returned, Method::Basic(basic::AMQPMethod::Return(_))) => {
            peer.content(1).await;
            let confirm = peer.event(1).await;
            assert!(matches!(confirm, Event::Confirm { .. }), "{confirm:?}");
            false
        }
        other => panic!("expected a confirm or the message, got {other:?}"),
    }
}
