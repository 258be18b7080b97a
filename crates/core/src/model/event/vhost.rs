//! Events of virtual hosts: their coming and going, policies, limits.

use leveret_codec::Value;
use leveret_codec::field::{ArrayBuilder, Table, TableBuilder};

use crate::model::event::{Event, Events};
use crate::model::limit::VhostLimits;
use crate::model::policy::{PolicyKind, PolicySpec};
use crate::model::settings::QueueKind;
use crate::model::term::Term;
use crate::model::vhost::{Vhost, VhostDetails};

/// A virtual host is there.
pub fn vhost_created(events: &Events, vhost: &Vhost) -> Event {
    let VhostDetails { description, tags, default_queue_type, protected_from_deletion, .. } =
        &*vhost.details();
    let default = default_queue_type.unwrap_or(QueueKind::Classic);
    let state = TableBuilder::new().insert(events.node(), Value::Str(b"running")).build();
    Event::new("vhost.created")
        .text("name", vhost.name())
        .text("description", description)
        .with("tags", Value::Array(texts(tags).as_ref()))
        .text("default_queue_type", default.as_str())
        .flag("protected_from_deletion", *protected_from_deletion)
        .flag("tracing", vhost.is_traced())
        .table("cluster_state", state.as_ref())
}

/// A virtual host is gone.
pub fn vhost_deleted(name: &str) -> Event {
    Event::new("vhost.deleted").text("name", name)
}

/// The limits of a virtual host are these now.
pub fn limits_set(vhost: &str, limits: &VhostLimits) -> Event {
    let event = Event::new("vhost.limits.set").text("name", "limits").text("vhost", vhost);
    limits.iter().fold(event, |event, (name, limit)| event.number(name, limit.0))
}

/// A policy is there, or another than it was.
pub fn policy_set(vhost: &str, spec: &PolicySpec) -> Event {
    let event = Event::new("policy.set")
        .text("name", &spec.name)
        .text("vhost", vhost)
        .text("pattern", &spec.pattern)
        .text("apply-to", spec.apply_to.as_str());
    let mut definition = TableBuilder::new();
    for (key, value) in &spec.definition {
        insert_term(&mut definition, key, value);
    }
    event.with("priority", number(spec.priority)).table("definition", definition.build().as_ref())
}

/// A policy is gone.
pub fn policy_cleared(vhost: &str, kind: PolicyKind, name: &str) -> Event {
    let key = match kind {
        PolicyKind::User => "policy.cleared",
        PolicyKind::Operator => "operator.policy.cleared",
    };
    Event::new(key).text("name", name).text("vhost", vhost)
}

pub(super) fn texts(texts: &[String]) -> ArrayBuilder {
    let mut array = ArrayBuilder::new();
    for text in texts {
        array.push(Value::Str(text.as_bytes()));
    }
    array
}

/// A whole number as such.
#[expect(clippy::cast_possible_truncation, reason = "it has been found to be whole and small")]
fn number(number: f64) -> Value<'static> {
    let is_whole = number.fract() == 0.0 && number.abs() < 1e15;
    if is_whole { Value::I64(number as i64) } else { Value::F64(number) }
}

fn insert_term(table: &mut TableBuilder, key: &str, term: &Term) {
    match term {
        Term::List(terms) => {
            table.insert(key, Value::Array(list(terms).as_ref()));
        }
        Term::Map(entries) => {
            table.insert(key, Value::Table(map(entries).as_ref()));
        }
        plain => {
            table.insert(key, plain_value(plain));
        }
    }
}

fn map(entries: &std::collections::BTreeMap<String, Term>) -> Table {
    let mut table = TableBuilder::new();
    for (key, term) in entries {
        insert_term(&mut table, key, term);
    }
    table.build()
}

fn list(terms: &[Term]) -> ArrayBuilder {
    let mut array = ArrayBuilder::new();
    for term in terms {
        match term {
            Term::List(terms) => array.push(Value::Array(list(terms).as_ref())),
            Term::Map(entries) => array.push(Value::Table(map(entries).as_ref())),
            plain => array.push(plain_value(plain)),
        };
    }
    array
}

fn plain_value(term: &Term) -> Value<'_> {
    match term {
        Term::Bool(flag) => Value::Bool(*flag),
        Term::Integer(number) => Value::I64(*number),
        Term::Float(float) => number(*float),
        Term::Text(text) => Value::Str(text.as_bytes()),
        Term::Null | Term::List(_) | Term::Map(_) => Value::Void,
    }
}
