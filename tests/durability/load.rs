//! Publishers and consumers that go on until the broker is killed under them, and tell the ledger what was said.
//!
//! Invariant: the ledger hears of a message, or of its acknowledgement, before the broker can; and of a confirm
//! after the broker has sent it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::BytesMut;
use leveret_codec::method::{Method, connection};
use tokio::sync::Notify;

use crate::account::found;
use crate::dice::Dice;
use crate::ledger::{Ledger, Order, QUEUES, ROUTES};
use crate::numbered::Numbered;
use crate::say;
use crate::support::{Event, Peer};

/// Unconfirmed messages a publisher has at most.
const WINDOW: usize = 100;

/// When the broker is to be killed: after so many confirms, or so many definitions.
pub struct Fuse {
    confirms: AtomicU32,
    definitions: AtomicU32,
    over: Notify,
}

impl Fuse {
    /// Mostly late enough for a backlog, sometimes right after the start.
    pub fn new(dice: &mut Dice) -> Self {
        let most = dice.choose(&[10, 500, 6000, 6000]);
        let confirms = 1 + u32::try_from(dice.below(most)).unwrap();
        let by_definitions = dice.once_in(4);
        let definitions = if by_definitions { 1 + u32::try_from(dice.below(200)).unwrap() } else { u32::MAX };
        let confirms = if by_definitions { u32::MAX } else { confirms };
        Self { confirms: confirms.into(), definitions: definitions.into(), over: Notify::new() }
    }

    pub fn burn_definitions(&self, count: u32) {
        self.burn(&self.definitions, count);
    }

    fn burn_confirms(&self, count: u32) {
        self.burn(&self.confirms, count);
    }

    /// Short of memory the broker may let its publishers wait for long: this is as good a moment as any.
    fn burn_if_blocked(&self, said: &Method) {
        let is_blocked = matches!(said, Method::Connection(connection::AMQPMethod::Blocked(_)));
        assert!(is_blocked, "expected a confirm or connection.blocked, got {said:?}");
        self.over.notify_one();
    }

    fn burn(&self, left: &AtomicU32, count: u32) {
        let before =
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(count)));
        if before.is_ok_and(|before| before <= count) {
            self.over.notify_one();
        }
    }

    /// Until it has burnt down.
    pub async fn burnt(&self) {
        self.over.notified().await;
    }
}

/// Somebody who uses the broker that is about to be killed.
pub struct Load {
    pub peer: Peer,
    pub ledger: Arc<Mutex<Ledger>>,
    pub fuse: Arc<Fuse>,
    pub dice: Dice,
}

impl Load {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    /// Publishes with confirms and a window.
    pub async fn publish_confirmed(mut self, publisher: u32) {
        let mut waiting = BTreeMap::new();
        let mut tag = 0;
        loop {
            let mut bytes = BytesMut::new();
            while waiting.len() < WINDOW {
                tag += 1;
                waiting.insert(tag, self.next_message(publisher, &mut bytes));
            }
            if !self.peer.try_send_bytes(&bytes).await {
                return;
            }
            while WINDOW / 2 < waiting.len() {
                match self.peer.try_event(1).await {
                    None => return,
                    Some(Event::Confirm { tag, multiple }) => self.confirm(&mut waiting, tag, multiple),
                    Some(Event::Method(said)) => self.fuse.burn_if_blocked(&said),
                    Some(other) => panic!("expected a confirm, got {other:?}"),
                }
            }
        }
    }

    fn confirm(&self, waiting: &mut BTreeMap<u64, Numbered>, tag: u64, multiple: bool) {
        let rest = waiting.split_off(&(tag + 1));
        let mut confirmed = std::mem::replace(waiting, rest);
        if !multiple {
            let last = confirmed.split_off(&tag);
            waiting.append(&mut confirmed);
            confirmed = last;
        }
        assert!(!confirmed.is_empty(), "{tag} was confirmed twice");
        self.promised(confirmed.values());
    }

    fn promised<'a>(&self, messages: impl IntoIterator<Item = &'a Numbered>) {
        let mut count = 0;
        for message in messages {
            self.ledger().confirm(*message);
            count += 1;
        }
        self.fuse.burn_confirms(count);
    }

    /// Publishes in transactions.
    pub async fn publish_committed(mut self, publisher: u32) {
        loop {
            let mut bytes = BytesMut::new();
            let of_one: Vec<Numbered> =
                (0..=self.dice.below(20)).map(|_| self.next_message(publisher, &mut bytes)).collect();
            bytes.extend(say::bytes(1, &say::commit()));
            if !self.peer.try_send_bytes(&bytes).await {
                return;
            }
            loop {
                match self.peer.try_event(1).await {
                    None => return,
                    Some(Event::Method(ok)) if matches!(*ok, Method::Tx(_)) => break,
                    Some(Event::Method(said)) => self.fuse.burn_if_blocked(&said),
                    Some(other) => panic!("expected tx.commit-ok, got {other:?}"),
                }
            }
            self.promised(&of_one);
        }
    }

    /// Some message, on some way.
    fn next_message(&mut self, publisher: u32, bytes: &mut BytesMut) -> Numbered {
        let route = usize::try_from(self.dice.below(ROUTES.len() as u64)).unwrap();
        let is_persistent = !self.dice.once_in(10);
        let message = self.ledger().send(publisher, route, is_persistent);
        let (exchange, key, _) = ROUTES[route];
        bytes.extend(say::publish((exchange, key), is_persistent, &message.body()));
        message
    }

    /// Consumes, and acknowledges some: one at a time, and seldom all so far.
    pub async fn consume(mut self, queue: usize) {
        let mut order = Order::default();
        let mut held = BTreeMap::new();
        // Of twelve messages; some consumers only look.
        let acked = self.dice.choose(&[0, 4, 8, 12]);
        loop {
            let delivery = match self.peer.try_event(1).await {
                None => return,
                Some(Event::Delivery(delivery)) => delivery,
                Some(other) => panic!("expected a delivery, got {other:?}"),
            };
            let found = found(QUEUES[queue], &delivery);
            let arrived = self.ledger().arrive(queue, found, &mut order);
            arrived.unwrap_or_else(|wrong| panic!("{wrong}"));
            held.insert(delivery.tag, found.message);
            let multiple = acked != 0 && self.dice.once_in(1000);
            if !multiple && acked <= self.dice.below(12) {
                continue;
            }
            let settled = if multiple { std::mem::take(&mut held) } else { held.split_off(&delivery.tag) };
            for message in settled.values() {
                self.ledger().settle(queue, *message);
            }
            if !self.peer.try_send_bytes(&say::bytes(1, &say::ack(delivery.tag, multiple))).await {
                return;
            }
        }
    }
}
