//! What a reply says, against what it must say.

use leveret_codec::MethodId;

use super::channel::{Answer, Consumer, Held, Mode, Phase, Promise};
use super::contents::PairNumber;
use super::topology::QueueNumber;
use super::{Missed, Oracle, Place};
use crate::names;
use crate::wire::{Content, Message, Reply, Said};

fn was(message: &Message, content: &Content) -> Missed {
    Missed(format!("{message:?} was {content:?}"))
}

impl Oracle {
    /// Whether the requests that this reply needs have been handled, as far as they are known here.
    pub fn expects(&self, now: u64, connection: u64, reply: &Reply) -> bool {
        let Some(channel) = self.channels.get(&(connection, reply.channel)) else { return false };
        match &reply.said {
            Said::Done(MethodId::TX_COMMIT_OK) => !channel.commits.is_empty(),
            Said::Done(_) | Said::Count(..) | Said::GetOk { .. } | Said::GetEmpty => {
                !channel.answers.is_empty()
            }
            Said::Confirm { tag, .. } => {
                matches!(&channel.mode, Mode::Confirm { published, .. } if tag <= published)
            }
            Said::Cancelled(consumer) => channel.consumers.contains_key(consumer),
            // A delivery leaves at the end of a read: what it needs may come after what it was asked for with.
            Said::Deliver { consumer, message, .. } => {
                let consumer = channel.consumers.get(consumer).filter(|consumer| consumer.has_room());
                let queue = consumer.map(|consumer| consumer.queue);
                queue.is_some_and(|queue| self.contents.has(now, queue, message))
            }
            Said::ChannelClosed(..) => channel.phase == Phase::Refused,
            Said::ConnectionClosed(..) | Said::Other(_) => true,
        }
    }

    /// The broker has made a reply; what it promises must be true when it is sent.
    pub fn hear(&mut self, now: u64, connection: u64, reply: &Reply) -> Result<Promise, Missed> {
        let place = (connection, reply.channel);
        self.leases.look(now);
        match &reply.said {
            Said::Deliver { consumer, tag, redelivered, message } => {
                self.hear_delivery(place, consumer, (*tag, *redelivered), message).map(|()| 0)
            }
            Said::Confirm { tag, multiple, ok } => self.hear_confirm(place, *tag, *multiple, *ok),
            Said::Cancelled(tag) => {
                let consumer = self.channel(place).consumers.remove(tag);
                let consumer = consumer.ok_or_else(|| Missed(format!("{tag} is no consumer")))?;
                let is_deleted = self.contents.queue(consumer.queue).is_deleted;
                self.leave(&consumer);
                if is_deleted {
                    Ok(0)
                } else {
                    Err(Missed(format!("{tag} was cancelled, its queue is there")))
                }
            }
            Said::ChannelClosed(code, text) => {
                self.channel(place).phase = Phase::Closing;
                if *code == 404 { Ok(0) } else { Err(Missed(format!("refused with {code} {text}"))) }
            }
            Said::Done(MethodId::TX_COMMIT_OK) => {
                self.channel(place).commits.pop_front().ok_or_else(|| Missed("no commit waits".to_owned()))
            }
            Said::ConnectionClosed(..) | Said::Other(_) => Ok(0),
            _ => self.hear_answer(now, place, &reply.said),
        }
    }

    fn hear_answer(&mut self, now: u64, place: Place, said: &Said) -> Result<Promise, Missed> {
        let answer = self.channel(place).answers.pop_front();
        match (answer, said) {
            (Some(Answer::Done(id, promise)), Said::Done(said)) if id == *said => Ok(promise),
            (Some(Answer::Count(id, range, promise)), Said::Count(said, count)) if id == *said => {
                if range.contains(count) {
                    return Ok(promise);
                }
                Err(Missed(format!("{id} says {count} messages, there are {range:?}")))
            }
            (Some(Answer::Get { queue, .. }), Said::GetEmpty) => {
                if let Some(message) = self.contents.first_waiting(now, queue, None) {
                    return Err(Missed(format!("get-empty, but m{message} is there")));
                }
                self.told += 1;
                self.contents.found_empty(queue, self.told);
                Ok(0)
            }
            (Some(Answer::Get { queue, no_ack }), Said::GetOk { tag, redelivered, message }) => {
                let pair = self.deliver(place, queue, (*tag, *redelivered), message)?;
                if let Some(earlier) = self.contents.first_waiting(now, queue, Some(pair)) {
                    return Err(Missed(format!("get gave {:?} before m{earlier}", message.number())));
                }
                self.hold(place, Held { tag: *tag, pair, consumer: None }, no_ack);
                Ok(0)
            }
            (answer, said) => Err(Missed(format!("{said:?} where {answer:?} was due"))),
        }
    }

    fn deliver(
        &mut self,
        place: Place,
        queue: QueueNumber,
        (tag, redelivered): (u64, bool),
        message: &Message,
    ) -> Result<PairNumber, Missed> {
        self.channel(place).next_tag(tag)?;
        let number = message.number().ok_or_else(|| Missed("a body came without its number".to_owned()))?;
        let now = self.leases.now();
        if self.contents.queue(queue).name == names::MORGUE {
            self.told += 1;
            let (pair, content) = self.contents.risen(now, queue, message, self.told)?;
            return if message.is_ghost_of(&content) { Ok(pair) } else { Err(was(message, &content)) };
        }
        let (pair, content) = self.contents.delivered(queue, number, redelivered)?;
        if message.is(&content) { Ok(pair) } else { Err(was(message, &content)) }
    }

    fn hold(&mut self, place: Place, held: Held, no_ack: bool) {
        if no_ack {
            self.settle(held.pair);
        } else {
            self.channel(place).unacked.insert(held.tag, held);
        }
    }

    fn hear_delivery(
        &mut self,
        place: Place,
        tag: &str,
        delivery: (u64, bool),
        message: &Message,
    ) -> Result<(), Missed> {
        let consumer = self.channel(place).consumers.get(tag).cloned();
        let Consumer { queue, no_ack, last, .. } = consumer
            .ok_or_else(|| Missed(format!("{tag} is no consumer, and got {:?}", message.number())))?;
        if self.channel(place).consumers.get(tag).is_some_and(|consumer| !consumer.has_room()) {
            return Err(Missed(format!("{tag} got {:?} beyond its prefetch", message.number())));
        }
        let pair = self.deliver(place, queue, delivery, message)?;
        let level = self.contents.pair(pair).level;
        let is_behind = last.get(&level).is_some_and(|last| pair < *last);
        if is_behind && !self.contents.pair(pair).returned {
            return Err(Missed(format!("m{:?} came to {tag} after {last:?}", message.number())));
        }
        let channel = self.channels.entry(place).or_default();
        if let Some(consumer) = channel.consumers.get_mut(tag) {
            let last = consumer.last.entry(level).or_insert(pair);
            *last = (*last).max(pair);
            consumer.held += usize::from(!no_ack);
        }
        self.hold(place, Held { tag: delivery.0, pair, consumer: Some(tag.to_owned()) }, no_ack);
        Ok(())
    }

    fn hear_confirm(&mut self, place: Place, tag: u64, multiple: bool, ok: bool) -> Result<Promise, Missed> {
        let channel = self.channels.entry(place).or_default();
        let Mode::Confirm { waiting, .. } = &mut channel.mode else {
            return Err(Missed("a confirm on a channel that confirms nothing".to_owned()));
        };
        let confirmed = waiting.iter().take_while(|(number, _)| *number <= tag).count();
        let confirmed: Vec<(u64, u32)> = waiting.drain(..confirmed).collect();
        match confirmed.as_slice() {
            [.., (last, _)] if *last == tag && (multiple || confirmed.len() == 1) => {}
            _ => return Err(Missed(format!("confirm {tag} multiple={multiple} is for {confirmed:?}"))),
        }
        if !ok {
            return if self.has_failed { Ok(0) } else { Err(Missed(format!("publish {tag} was refused"))) };
        }
        Ok(confirmed.iter().map(|(_, message)| self.contents.fact_of(*message)).max().unwrap_or_default())
    }
}
