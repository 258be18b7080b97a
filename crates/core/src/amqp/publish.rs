//! basic.publish: from messages that have arrived to messages in queues.
//!
//! The checks come in RabbitMQ's order: immediate, size, permission, exchange, reply-to, expiration, CC and
//! BCC, topic permissions, user-id. None of them decodes the properties as a whole: they are looked at by their flags, and
//! only where a flag says that there is something to look at.

use std::time::Duration;

use leveret_codec::content::put_content;
use leveret_codec::{Properties, ReplyCode, TableRef, Value, hot};

use crate::amqp::alike::Pattern;
use crate::amqp::assembly::Assembled;
use crate::amqp::batch::Batch;
use crate::amqp::channel::{Channel, Mode};
use crate::amqp::chunk::Frames;
use crate::amqp::session::{Session, Turn};
use crate::amqp::tx::{TxPublish, TxTarget};
use crate::model::span;
use crate::model::{
    Accepted, Arrival, DEATHS, FOREIGN_DEATHS, LONGEST_MILLIS, Message, QueueRef, REPLY_PREFIX, Recent, Stat,
    Traced, is_hidden, with_mark,
};
use crate::refusal::{Refusal, Ruling};

/// The name that stands for "my own address for replies".
pub const REPLY_TO: &[u8] = b"amq.rabbitmq.reply-to";

/// Flags of the properties that say more of a publish than what it carries: headers, reply-to, expiration.
const CHECKED_FLAGS: u16 = 1 << 13 | 1 << 9 | 1 << 8;
const USER_ID_FLAG: u16 = 1 << 4;

impl Channel {
    /// A message has arrived whole. It stays where it is until it joins its queue's batch: moving it about costs
    /// more than looking at it.
    pub fn publish(&mut self, turn: &mut Turn<'_>, mut assembled: Assembled) -> Ruling {
        if assembled.bits.immediate {
            return Err(Refusal::not_implemented("immediate=true"));
        }
        let (size, max) = (assembled.body_bytes, turn.session.broker.settings().message_max_bytes);
        if max < size {
            return Err(Refusal::precondition_failed(format!(
                "message size {size} is larger than configured max size {max}"
            )));
        }
        let message = &mut assembled.message;
        turn.session.record.sizes.add(message.body().len(), 1);
        self.route.enter(turn.session, message.exchange(), message.routing_key())?;
        let mut details = self.details(message.properties())?;
        self.route.check_keys(turn.session, more_keys(details.as_deref()))?;
        check_user_id(turn.session, message.properties())?;
        if let Some(details) = details.as_deref_mut()
            && turn.session.broker.settings().spans
        {
            details.begin_stay(turn, message.properties());
        }
        if let Some(details) = details.as_deref() {
            details.apply(message);
        }
        let mandatory = assembled.bits.mandatory;
        if message.exchange().is_empty() && message.routing_key().starts_with(REPLY_PREFIX.as_bytes()) {
            turn.trace(self.number, message, Traced::Replied);
            if let Mode::Tx(transaction) = &mut self.mode {
                let Assembled { message, .. } = assembled;
                let publish = TxPublish { target: TxTarget::Reply, message, expiration: None, mandatory };
                transaction.publishes.push(publish);
            } else {
                self.publish_reply(turn, mandatory, message);
            }
        } else {
            self.publish_routed(turn, assembled, details.as_deref());
        }
        Ok(())
    }

    /// Takes as many publishes as begin like the last one, see [`Pattern`]. `true`: there were some.
    pub fn publish_alike(&mut self, turn: &mut Turn<'_>, frames: &mut Frames<'_>, pattern: &Pattern) -> bool {
        let Turn { now, session, ref mut batch, ref mut out, .. } = *turn;
        let is_transaction = matches!(self.mode, Mode::Tx(_));
        if is_transaction || session.vhost.is_traced() || !self.route.is_settled(session) {
            return false;
        }
        let queues = self.route.matched().as_slice();
        let mut count = 0;
        while let Some(message) = frames.take_alike(pattern) {
            count += 1;
            let arrival = Arrival { message, expiration: None };
            let accepted = batch.publish(now, queues, arrival, &mut out.effects);
            note_accepted(&mut self.mode, batch, accepted);
        }
        if count == 0 {
            return false;
        }
        self.route.count(count, queues.len());
        session.record.sizes.add(pattern.body_bytes, count);
        if matches!(self.mode, Mode::Confirm(_)) {
            batch.confirm(self.number);
        }
        true
    }

    fn publish_routed(&mut self, turn: &mut Turn<'_>, assembled: Assembled, details: Option<&Details>) {
        let message = assembled.message;
        let mandatory = assembled.bits.mandatory;
        let expiration = details.and_then(|details| details.expiration);
        if let Some((holder, delay)) = self.route.delay(message.properties()) {
            self.route.count(1, 0);
            let holder = holder.clone();
            return self.publish_delayed(turn, &holder, Delayed { message, delay, mandatory });
        }
        self.route.find(more_keys(details), message.properties());
        if !self.route.matched().recent().is_empty() {
            self.remember(turn.session, &message, details);
        }
        let targets = self.route.matched().as_slice();
        self.route.count(1, targets.len());
        turn.tell_published(&message, targets.len());
        turn.trace(self.number, &message, Traced::Published(targets));
        if let Mode::Tx(transaction) = &mut self.mode {
            let target = TxTarget::Queues(targets.to_vec());
            transaction.publishes.push(TxPublish { target, message, expiration, mandatory });
            return self.note_held();
        }
        let accepted = if targets.is_empty() {
            self.unroutable(turn, mandatory, &message);
            Accepted::Here
        } else {
            let arrival = Arrival { message, expiration };
            turn.batch.publish(turn.now, targets, arrival, &mut turn.out.effects)
        };
        self.confirm_published(turn, accepted);
    }

    /// A message has come to exchanges that keep their latest. A queue that is bound at this moment has either found it
    /// there, or is found now.
    fn remember(&mut self, session: &Session, message: &Message, details: Option<&Details>) {
        let expiration = details.and_then(|details| details.expiration);
        let arrival = Arrival { message: message.clone(), expiration };
        let recent = Recent { arrival, more_keys: more_keys(details).to_vec() };
        session.vhost.remember(self.route.matched().recent(), recent);
        if self.route.catch_up(session) {
            self.route.find(more_keys(details), message.properties());
        }
    }

    /// A message that is to wait: it has no route before its time has come, so whoever wants it back if it has none
    /// gets it back (as from RabbitMQ's plugin). In the house a return means that the message is nowhere: there it is
    /// taken, and that is all that is said.
    fn publish_delayed(&mut self, turn: &mut Turn<'_>, holder: &QueueRef, delayed: Delayed) {
        let Delayed { message, delay, mandatory } = delayed;
        let expiration = Some(delay);
        turn.trace(self.number, &message, Traced::Published(&[]));
        if let Mode::Tx(transaction) = &mut self.mode {
            let target = TxTarget::Queues(vec![holder.clone()]);
            transaction.publishes.push(TxPublish { target, message, expiration, mandatory: false });
            return self.note_held();
        }
        if mandatory && !turn.session.is_direct {
            self.unroutable(turn, true, &message);
        }
        let arrival = Arrival { message, expiration };
        let holder = std::slice::from_ref(holder);
        let accepted = turn.batch.publish(turn.now, holder, arrival, &mut turn.out.effects);
        self.confirm_published(turn, accepted);
    }

    /// A reply to an address: it goes to one consumer, past all queues.
    pub fn publish_reply(&mut self, turn: &mut Turn<'_>, mandatory: bool, message: &Message) {
        let session = turn.session;
        let routed = session.broker.reply(session.vhost.name(), message, &mut turn.out.effects);
        self.route.count(1, usize::from(routed));
        if !routed {
            self.unroutable(turn, mandatory, message);
        }
        self.confirm_published(turn, Accepted::Here);
    }

    /// A message has reached no queue.
    pub fn unroutable(&self, turn: &mut Turn<'_>, mandatory: bool, message: &Message) {
        if mandatory {
            self.record.counters.add(Stat::ReturnUnroutable, 1);
            return_unroutable(turn, self.number, message);
        } else {
            self.record.counters.add(Stat::DropUnroutable, 1);
        }
    }

    fn confirm_published(&mut self, turn: &mut Turn<'_>, accepted: Accepted) {
        note_accepted(&mut self.mode, turn.batch, accepted);
        if matches!(self.mode, Mode::Confirm(_)) {
            turn.batch.confirm(self.number);
        }
    }

    /// Looks at what the properties ask for; mostly nothing. Boxed, because what is mostly empty is not to be moved about:
    /// by value it made a quarter of a publish (16 B, a load that waited for smaller stores).
    #[inline]
    fn details(&self, properties: Properties<'_>) -> Ruling<Option<Box<Details>>> {
        if properties.flags() & CHECKED_FLAGS == 0 { Ok(None) } else { self.asked(properties).map(Some) }
    }

    fn asked(&self, properties: Properties<'_>) -> Ruling<Box<Details>> {
        let mut details = Box::<Details>::default();
        if properties.reply_to() == Some(REPLY_TO) {
            let address = self
                .reply_address
                .as_ref()
                .ok_or_else(|| Refusal::precondition_failed("fast reply consumer does not exist"))?;
            details.change(properties, |current| Some(current.with_reply_to(address.as_bytes())));
        }
        details.expiration = properties.expiration().map(parse_expiration).transpose()?;
        if let Some(headers) = properties.headers() {
            details.read_copies(headers)?;
            details.read_marks(properties, headers);
            details.change(properties, |current| current.without_unsigned_long_tags());
        }
        Ok(details)
    }
}

/// What is to be said of a publish, if anything is.
fn note_accepted(mode: &mut Mode, batch: &mut Batch, accepted: Accepted) {
    let Mode::Confirm(confirms) = mode else { return };
    match accepted {
        Accepted::Here => confirms.published(None),
        Accepted::Unsafe => confirms.published(batch.await_write()),
        Accepted::Refused => confirms.refused(),
    }
}

/// Whether the properties of a message say nothing but what goes with it.
pub fn asks_nothing(properties: Properties<'_>) -> bool {
    properties.flags() & (CHECKED_FLAGS | USER_ID_FLAG) == 0
}

/// Keys of the CC and BCC headers.
fn more_keys(details: Option<&Details>) -> &[Vec<u8>] {
    details.map_or(&[], |details| &details.more_keys)
}

/// Nobody publishes in another's name, save those who may.
fn check_user_id(session: &Session, properties: Properties<'_>) -> Ruling {
    if properties.flags() & USER_ID_FLAG == 0 {
        return Ok(());
    }
    if let Some(claimed) = properties.user_id().filter(|claimed| *claimed != session.user.as_bytes())
        && !session.user()?.has_tag("impersonator")
    {
        return Err(Refusal::precondition_failed(format!(
            "user_id property set to '{}' but authenticated user was '{}'",
            String::from_utf8_lossy(claimed),
            session.user
        )));
    }
    Ok(())
}

/// A message that is to wait.
struct Delayed {
    message: Message,
    delay: Duration,
    mandatory: bool,
}

/// What the properties of a message ask for.
#[derive(Debug, Default)]
struct Details {
    expiration: Option<Duration>,
    /// Keys of the CC and BCC headers.
    more_keys: Vec<Vec<u8>>,
    /// Some headers are not for receivers.
    hides: bool,
    /// The properties to go on with, if not the published ones.
    properties: Option<Vec<u8>>,
}

impl Details {
    /// Makes of a message what is to go on.
    fn apply(&self, message: &mut Message) {
        if let Some(changed) = &self.properties {
            *message = message.with_properties(changed);
        }
        if self.hides {
            message.set_hides();
        }
    }

    /// Changes the properties to go on with, or leaves them as they are.
    fn change(&mut self, published: Properties<'_>, change: impl FnOnce(Properties<'_>) -> Option<Vec<u8>>) {
        let current = self.properties.as_deref().map_or(published, Properties::from_checked);
        if let Some(changed) = change(current) {
            self.properties = Some(changed);
        }
    }

    /// The message has spans from now on, if its publisher says so.
    fn begin_stay(&mut self, turn: &Turn<'_>, published: Properties<'_>) {
        let current = self.properties.as_deref().map_or(published, Properties::from_checked);
        if let Some(marked) = span::begun(turn.now, current, turn.session.broker.entropy()) {
            self.properties = Some(marked);
            self.hides = true;
        }
    }

    /// Looks for headers that receivers must not see, or that must not be taken for the broker's own.
    fn read_marks(&mut self, properties: Properties<'_>, headers: TableRef<'_>) {
        for entry in headers.entries() {
            self.hides |= is_hidden(entry.key);
            if entry.key == DEATHS {
                self.hides = true;
                self.change(properties, |current| Some(with_mark(current, FOREIGN_DEATHS)));
            }
        }
    }

    /// CC and BCC: arrays whose long strings are further routing keys.
    fn read_copies(&mut self, headers: TableRef<'_>) -> Ruling {
        for name in ["CC", "BCC"] {
            match headers.get(name.as_bytes()) {
                None => {}
                Some(Value::Array(keys)) => {
                    self.more_keys.extend(keys.iter().filter_map(|key| match key {
                        Value::Str(key) => Some(key.to_vec()),
                        _ => None,
                    }));
                }
                Some(other) => {
                    return Err(Refusal::precondition_failed(format!(
                        "invalid message: {{unacceptable_type_in_header,\"{name}\",{}}}",
                        other.type_name()
                    )));
                }
            }
        }
        Ok(())
    }
}

/// `expiration` is a string of milliseconds; the refusals are those of Erlang's `string:to_integer`.
fn parse_expiration(text: &[u8]) -> Ruling<Duration> {
    let shown = String::from_utf8_lossy(text);
    let refuse =
        |why: String| Err(Refusal::precondition_failed(format!("invalid expiration '{shown}': {why}")));
    let signed = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let digits = text.iter().skip(signed).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at_checked(signed + digits).unwrap_or((text, &[]));
    if digits == 0 {
        return refuse("no_integer".to_owned());
    }
    if !rest.is_empty() {
        return refuse(format!("{{leftover_string,\"{}\"}}", String::from_utf8_lossy(rest)));
    }
    let number = std::str::from_utf8(number).unwrap_or_default();
    match number.parse::<i64>() {
        Ok(negative @ ..0) => refuse(format!("{{value_negative,{negative}}}")),
        Ok(millis @ 0..=LONGEST_MILLIS) => Ok(Duration::from_millis(millis.unsigned_abs())),
        _ => refuse(format!("{{value_too_large,{}}}", number.trim_start_matches('+'))),
    }
}

/// basic.return: the message reached no queue and was mandatory. It goes back as it would have been delivered.
fn return_unroutable(turn: &mut Turn<'_>, channel: u16, message: &Message) {
    let (exchange, key) = (message.exchange(), message.routing_key());
    hot::put_return(turn.out.frames.buffer(), channel, ReplyCode::NoRoute, "NO_ROUTE", exchange, key);
    let frame_max = turn.session.frame_max_bytes;
    let properties = message.shown_properties();
    put_content(&mut turn.out.frames, channel, frame_max, &properties, message.body_in_place());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiration_is_a_whole_number_of_milliseconds() {
        let text = |text: &str| match parse_expiration(text.as_bytes()) {
            Ok(time) => format!("{}", time.as_millis()),
            Err(refusal) => refusal.text.into_owned(),
        };
        assert_eq!(text("0"), "0");
        assert_eq!(text("+1"), "1");
        assert_eq!(text("315360000000"), "315360000000");
        assert_eq!(text("abc"), "invalid expiration 'abc': no_integer");
        assert_eq!(text(""), "invalid expiration '': no_integer");
        assert_eq!(text("1.5"), "invalid expiration '1.5': {leftover_string,\".5\"}");
        assert_eq!(text("-1"), "invalid expiration '-1': {value_negative,-1}");
        assert_eq!(text("315360000001"), "invalid expiration '315360000001': {value_too_large,315360000001}");
    }
}
