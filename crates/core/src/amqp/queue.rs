//! Class queue: declare, bind, unbind, purge, delete.

use bytes::Bytes;
use leveret_codec::field::{Table, Value};
use leveret_codec::method::types::FieldTable;
use leveret_codec::method::{Method, queue};

use crate::amqp::channel::{Channel, clean_name};
use crate::amqp::exchange::{RESERVED_PREFIX, check_not_default};
use crate::amqp::publish::REPLY_TO;
use crate::amqp::session::Turn;
use crate::model::{
    Access, BindingSpec, DeleteConditions, QueueKind, QueueRef, QueueSpec, REPLY_PREFIX, Resource, Target,
    no_queue,
};
use crate::refusal::{Refusal, Ruling};

/// What a declaration found or made.
struct Declared {
    name: String,
    messages: usize,
    consumers: usize,
}

/// A binding of a queue as a client names it.
struct AskedBinding {
    queue: String,
    source: String,
    routing_key: Bytes,
    arguments: Table,
}

impl AskedBinding {
    /// The binding, when the queue has been found.
    fn of(self, queue: QueueRef) -> BindingSpec {
        let Self { source, routing_key, arguments, .. } = self;
        BindingSpec { source, destination: Target::Queue(queue), routing_key, arguments }
    }
}

impl Channel {
    /// Does what a method of this class asks; nothing, if the numbers that the answer tells are not known yet.
    pub fn on_queue(&mut self, turn: &mut Turn<'_>, method: &queue::AMQPMethod) -> Ruling {
        use queue::AMQPMethod as M;
        turn.flush();
        let (reply, nowait) = match method {
            M::Declare(declare) => {
                let Some(declared) = Self::declare_queue(turn, declare)? else { return Ok(()) };
                let Declared { name, messages, consumers } = declared;
                let reply = queue::DeclareOk {
                    queue: name.as_str().into(),
                    message_count: count(messages),
                    consumer_count: count(consumers),
                };
                self.last_queue = Some(name);
                (M::DeclareOk(reply), declare.nowait)
            }
            M::Bind(bind) => {
                self.bind_queue(turn, bind)?;
                (M::BindOk(queue::BindOk {}), bind.nowait)
            }
            M::Unbind(unbind) => {
                self.unbind_queue(turn, unbind)?;
                (M::UnbindOk(queue::UnbindOk {}), false)
            }
            M::Purge(purge) => {
                let Some(message_count) = self.purge_queue(turn, purge)? else { return Ok(()) };
                (M::PurgeOk(queue::PurgeOk { message_count }), purge.nowait)
            }
            M::Delete(delete) => {
                let Some(message_count) = self.delete_queue(turn, delete)? else { return Ok(()) };
                (M::DeleteOk(queue::DeleteOk { message_count }), delete.nowait)
            }
            M::DeclareOk(_) | M::BindOk(_) | M::UnbindOk(_) | M::PurgeOk(_) | M::DeleteOk(_) => {
                return Err(Refusal::command_invalid("unimplemented method"));
            }
        };
        if !nowait {
            turn.send(self.number, &Method::Queue(reply));
        }
        Ok(())
    }

    fn declare_queue(turn: &mut Turn<'_>, declare: &queue::Declare) -> Ruling<Option<Declared>> {
        let name = clean_name(declare.queue.as_str());
        if name.as_bytes().starts_with(REPLY_TO) {
            return declare_reply_to(turn, name).map(Some);
        }
        if declare.passive {
            let any = [Access::Configure, Access::Write, Access::Read];
            turn.session.user()?.check_any(turn.session.vhost.name(), &any, Resource::Queue(&name))?;
            let queue = turn.session.vhost.queue(&name)?;
            turn.session.check_owner(&queue)?;
            return Ok(declared(turn, &queue));
        }
        if name.starts_with(RESERVED_PREFIX) {
            return Err(Refusal::access_refused(format!(
                "queue name '{name}' contains reserved prefix 'amq.*'"
            )));
        }
        let broker = &turn.session.broker;
        let is_nameless = name.is_empty();
        let spec = QueueSpec {
            name: if is_nameless { broker.entropy().name("amq.gen-") } else { name },
            // An exclusive queue ends with its connection, so nothing of it is ever durable.
            durable: declare.durable && !declare.exclusive,
            auto_delete: declare.auto_delete,
            owner: declare.exclusive.then_some(turn.session.id),
            arguments: Table::from(&declare.arguments),
        };
        if is_nameless {
            turn.session.vhost.check_nameless(&spec)?;
        }
        turn.session.check(Access::Configure, Resource::Queue(&spec.name))?;
        if turn.session.vhost.queue(&spec.name).is_err() {
            check_new(turn, &spec)?;
        }
        let (queue, is_new) = turn.session.vhost.declare_queue(broker.next_queue_id(), spec)?;
        if is_new && declare.exclusive {
            turn.exclusive.push(queue.clone());
        }
        if queue.facts().durable {
            turn.await_definitions();
        }
        Ok(declared(turn, &queue))
    }

    /// The exchange is missed before the queue (RabbitMQ's order).
    fn bind_queue(&self, turn: &mut Turn<'_>, bind: &queue::Bind) -> Ruling {
        let names = (bind.queue.as_str(), bind.exchange.as_str(), bind.routing_key.as_str());
        let asked = self.binding(turn, names, &bind.arguments)?;
        let vhost = &turn.session.vhost;
        vhost.check_exchange(&asked.source)?;
        let queue = vhost.queue(&asked.queue)?;
        turn.session.check_owner(&queue)?;
        let bound = vhost.bind(asked.of(queue))?;
        if bound.durable {
            turn.await_definitions();
        }
        turn.replay(bound.replay);
        Ok(())
    }

    /// Whatever is missing, it is not bound: that is fine.
    fn unbind_queue(&self, turn: &mut Turn<'_>, unbind: &queue::Unbind) -> Ruling {
        let names = (unbind.queue.as_str(), unbind.exchange.as_str(), unbind.routing_key.as_str());
        let asked = self.binding(turn, names, &unbind.arguments)?;
        let vhost = &turn.session.vhost;
        let is_durable = match vhost.queue(&asked.queue) {
            // Somebody else may have deleted it a moment ago.
            Err(_) => true,
            Ok(queue) => {
                let binding = asked.of(queue.clone());
                if vhost.is_bound(&binding) {
                    turn.session.check_owner(&queue)?;
                    vhost.unbind(turn.now, binding, &mut turn.out.effects)
                } else {
                    queue.facts().durable
                }
            }
        };
        if is_durable {
            turn.await_definitions();
        }
        Ok(())
    }

    /// Checks what bind and unbind have in common; whether the ends are there is not among it.
    fn binding(
        &self,
        turn: &Turn<'_>,
        (queue, exchange, routing_key): (&str, &str, &str),
        arguments: &FieldTable,
    ) -> Ruling<AskedBinding> {
        let queue = clean_name(queue);
        let name = self.queue_name(&queue)?;
        let source = clean_name(exchange);
        // Both empty: the key is the name of the queue too (only then, as in RabbitMQ).
        let routing_key = if queue.is_empty() && routing_key.is_empty() { &name } else { routing_key };
        if name.starts_with(REPLY_PREFIX) {
            return Err(Refusal::access_refused(
                "cannot bind or unbind to a volatile (direct reply-to) queue",
            ));
        }
        check_not_default(&source)?;
        turn.session.check(Access::Write, Resource::Queue(&name))?;
        turn.session.check(Access::Read, Resource::Exchange(&source))?;
        turn.session.check_binding_key(&source, routing_key.as_bytes())?;
        let routing_key = routing_key.as_bytes().to_vec().into();
        Ok(AskedBinding { queue: name.into_owned(), source, routing_key, arguments: Table::from(arguments) })
    }

    fn purge_queue(&mut self, turn: &mut Turn<'_>, purge: &queue::Purge) -> Ruling<Option<u32>> {
        let name = self.queue_name(purge.queue.as_str())?;
        turn.session.check(Access::Read, Resource::Queue(&name))?;
        let queue = turn.session.vhost.queue(&name)?;
        turn.session.check_owner(&queue)?;
        let is_known = turn.knows_head(&queue);
        Ok(is_known.then(|| count(queue.purge(turn.now, &mut turn.out.effects))))
    }

    /// Deleting what is not there is fine, and had no messages.
    fn delete_queue(&mut self, turn: &mut Turn<'_>, delete: &queue::Delete) -> Ruling<Option<u32>> {
        let name = clean_name(delete.queue.as_str());
        let name = self.queue_name(&name)?;
        turn.session.check(Access::Configure, Resource::Queue(&name))?;
        let Ok(queue) = turn.session.vhost.queue(&name) else {
            // Somebody else may have deleted it a moment ago.
            turn.await_definitions();
            return Ok(Some(0));
        };
        turn.session.check_owner(&queue)?;
        if !turn.knows_head(&queue) {
            return Ok(None);
        }
        check_unconditional(turn, &queue, delete)?;
        let (if_unused, if_empty) = (delete.if_unused, delete.if_empty);
        let conditions = DeleteConditions { if_unused, if_empty, ..DeleteConditions::default() };
        let vhost = &turn.session.vhost;
        let messages = vhost.delete_queue(turn.now, &queue, conditions, &mut turn.out.effects)?;
        turn.exclusive.retain(|own| *own != queue);
        if queue.facts().durable {
            turn.await_definitions();
        }
        Ok(Some(count(messages)))
    }
}

/// What only a queue that is not there yet is asked: whether it may have no name of its own, and whether its owner may
/// send messages where it wants its dead letters to go.
fn check_new(turn: &Turn<'_>, spec: &QueueSpec) -> Ruling {
    if let Some(Value::Str(exchange)) = spec.arguments.as_ref().get(b"x-dead-letter-exchange") {
        turn.session.check(Access::Read, Resource::Queue(&spec.name))?;
        turn.session.check(Access::Write, Resource::Exchange(&String::from_utf8_lossy(exchange)))?;
    }
    Ok(())
}

/// Quorum queues are deleted whatever is in them and whoever reads them (RabbitMQ).
fn check_unconditional(turn: &Turn<'_>, queue: &QueueRef, delete: &queue::Delete) -> Ruling {
    let flag = match (delete.if_unused, delete.if_empty) {
        _ if queue.facts().traits.kind != QueueKind::Quorum => return Ok(()),
        (true, _) => "if-unused",
        (false, true) => "if-empty",
        (false, false) => return Ok(()),
    };
    let what = turn.session.queue_text(&queue.facts().name);
    Err(Refusal::not_implemented(format!(
        "cannot delete {what}. queue.delete operations with {flag} flag set are not supported by quorum queues"
    )))
}

fn declared(turn: &mut Turn<'_>, queue: &QueueRef) -> Option<Declared> {
    queue.touch(turn.now, &mut turn.out.effects);
    if !turn.knows_head(queue) {
        return None;
    }
    let counts = queue.counts(turn.now, &mut turn.out.effects);
    Some(Declared {
        name: queue.facts().name.to_string(),
        messages: counts.ready,
        consumers: counts.consumers,
    })
}

/// An address for direct replies looks like a queue with one consumer to whoever asks (RabbitMQ).
fn declare_reply_to(turn: &Turn<'_>, name: String) -> Ruling<Declared> {
    if name.as_bytes() == REPLY_TO || turn.session.has_reply_address(&name) {
        return Ok(Declared { name, messages: 0, consumers: 1 });
    }
    Err(no_queue(&name, turn.session.vhost.name()))
}

/// Counts on the wire have 32 bits.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
