//! Class exchange: declare, delete, bind, unbind.

use leveret_codec::field::Table;
use leveret_codec::method::{Method, exchange, types::FieldTable};
use leveret_routing::ExchangeKind;

use crate::amqp::channel::{Channel, clean_name};
use crate::amqp::session::{Session, Turn};
use crate::model::{Access, BindingSpec, ExchangeSpec, Resource, Target};
use crate::refusal::{Refusal, Ruling};

/// Names that begin so are the broker's own, those of queues too.
pub const RESERVED_PREFIX: &str = "amq.";

impl Channel {
    /// Does what a method of this class asks.
    pub fn on_exchange(&mut self, turn: &mut Turn<'_>, method: &exchange::AMQPMethod) -> Ruling {
        use exchange::AMQPMethod as M;
        turn.flush();
        let (reply, nowait, is_durable) = match method {
            M::Declare(declare) => {
                declare_exchange(turn.session, declare)?;
                (M::DeclareOk(exchange::DeclareOk {}), declare.nowait, declare.durable && !declare.passive)
            }
            M::Delete(delete) => {
                let is_durable = delete_exchange(turn, delete)?;
                (M::DeleteOk(exchange::DeleteOk {}), delete.nowait, is_durable)
            }
            M::Bind(bind) => {
                let ends = (bind.source.as_str(), bind.destination.as_str());
                let binding = binding(turn.session, ends, bind.routing_key.as_str(), &bind.arguments)?;
                let bound = turn.session.vhost.bind(binding)?;
                turn.replay(bound.replay);
                (M::BindOk(exchange::BindOk {}), bind.nowait, bound.durable)
            }
            M::Unbind(unbind) => {
                let ends = (unbind.source.as_str(), unbind.destination.as_str());
                let binding = binding(turn.session, ends, unbind.routing_key.as_str(), &unbind.arguments)?;
                let is_durable = turn.session.vhost.unbind(turn.now, binding, &mut turn.out.effects);
                (M::UnbindOk(exchange::UnbindOk {}), unbind.nowait, is_durable)
            }
            M::DeclareOk(_) | M::DeleteOk(_) | M::BindOk(_) | M::UnbindOk(_) => {
                return Err(Refusal::command_invalid("unimplemented method"));
            }
        };
        if is_durable {
            turn.await_definitions();
        }
        if !nowait {
            turn.send(self.number, &Method::Exchange(reply));
        }
        Ok(())
    }
}

/// The type is looked at before the name, and the name before permissions (RabbitMQ's order).
fn declare_exchange(session: &Session, declare: &exchange::Declare) -> Ruling {
    let name = clean_name(declare.exchange.as_str());
    let resource = Resource::Exchange(&name);
    if declare.passive {
        check_not_default(&name)?;
        let any = [Access::Configure, Access::Write, Access::Read];
        session.user()?.check_any(session.vhost.name(), &any, resource)?;
        return session.vhost.check_exchange(&name);
    }
    let kind = ExchangeKind::parse(declare.kind.as_str()).ok_or_else(|| {
        Refusal::precondition_failed(format!("unknown exchange type '{}'", declare.kind.as_str()))
    })?;
    check_not_default(&name)?;
    session.check(Access::Configure, resource)?;
    let exists = session.vhost.exchange(&name).is_some();
    if !exists && name.starts_with(RESERVED_PREFIX) {
        return Err(Refusal::access_refused(format!(
            "exchange name '{name}' contains reserved prefix 'amq.*'"
        )));
    }
    let spec = ExchangeSpec {
        name: name.clone(),
        kind,
        durable: declare.durable,
        auto_delete: declare.auto_delete,
        internal: declare.internal,
        arguments: Table::from(&declare.arguments),
        holder: (kind == ExchangeKind::Delayed).then(|| session.broker.next_queue_id()),
    };
    if !exists && let Some(alternate) = spec.alternate(session.vhost.name())? {
        session.check(Access::Read, resource)?;
        session.check(Access::Write, Resource::Exchange(&alternate))?;
    }
    session.vhost.declare_exchange(spec).map(drop)
}

/// `false`: there was one, and it was not durable.
fn delete_exchange(turn: &mut Turn<'_>, delete: &exchange::Delete) -> Ruling<bool> {
    let session = turn.session;
    let name = clean_name(delete.exchange.as_str());
    check_not_default(&name)?;
    if name.starts_with(RESERVED_PREFIX) {
        return Err(Refusal::access_refused(format!(
            "deletion of system exchange '{name}' in vhost '{}' not allowed",
            session.vhost.name()
        )));
    }
    session.check(Access::Configure, Resource::Exchange(&name))?;
    session.vhost.delete_exchange(turn.now, &name, delete.if_unused, &mut turn.out.effects)
}

fn binding(
    session: &Session,
    (source, destination): (&str, &str),
    routing_key: &str,
    arguments: &FieldTable,
) -> Ruling<BindingSpec> {
    let (source, destination) = (clean_name(source), clean_name(destination));
    check_not_default(&source)?;
    check_not_default(&destination)?;
    session.check(Access::Write, Resource::Exchange(&destination))?;
    session.check(Access::Read, Resource::Exchange(&source))?;
    session.check_binding_key(&source, routing_key.as_bytes())?;
    Ok(BindingSpec {
        source,
        destination: Target::Exchange(destination),
        routing_key: routing_key.as_bytes().to_vec().into(),
        arguments: Table::from(arguments),
    })
}

/// Every queue is bound to the default exchange, and that is all that can be said about it.
pub fn check_not_default(name: &str) -> Ruling {
    if name.is_empty() {
        return Err(Refusal::access_refused("operation not permitted on the default exchange"));
    }
    Ok(())
}
