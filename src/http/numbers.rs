//! Numbers with their rates, as RabbitMQ writes them side by side: `X` and `X_details`.

use leveret_core::model::Stat;

use super::request::{Object, Request};
use crate::rates::{Census, Field, Inquiry, Key, Moment, Moves, OfVhost, Range, Reading};

/// A number of an object, and how it moves.
pub fn put(object: &mut Object, name: &str, (moves, fields): (&Moves, &[Field]), range: Option<Range>) {
    object.insert(name.to_owned(), moves.value(fields).into());
    object.insert(format!("{name}_details"), moves.details(fields, range));
}

/// What has happened to messages: every name, or none if nothing has.
pub fn message_stats(moves: &Moves, range: Option<Range>) -> Object {
    let mut object = Object::new();
    let of_clients = Stat::ALL.into_iter().filter(|stat| !matches!(stat, Stat::PublishIn | Stat::PublishOut));
    let names: Vec<(&str, Vec<Field>)> = of_clients
        .map(|stat| (stat.as_str(), vec![Field::of(stat)]))
        .chain([("deliver_get", Field::DELIVER_GET.to_vec())])
        .collect();
    if names.iter().all(|(_, fields)| moves.value(fields) == 0) {
        return object;
    }
    for (name, fields) in names {
        put(&mut object, name, (moves, &fields), range);
    }
    put(&mut object, "disk_reads", (moves, &[Field::DISK_READS]), range);
    put(&mut object, "disk_writes", (moves, &[Field::DISK_WRITES]), range);
    object
}

/// How many messages there are.
pub fn put_lengths(object: &mut Object, moves: &Moves, range: Option<Range>) {
    for (name, fields) in [
        ("messages", [Field::READY, Field::UNACKED].as_slice()),
        ("messages_ready", &[Field::READY]),
        ("messages_unacknowledged", &[Field::UNACKED]),
    ] {
        put(object, name, (moves, fields), range);
    }
}

/// What `/api/vhosts` tells of a virtual host beside its definition; one [`Census`] does for all of them.
pub fn of_vhost(request: &Request, census: &Census, vhost: &str) -> Object {
    let mut object = Object::new();
    let Ok(samples) = request.query.samples() else { return object };
    let counted: OfVhost = census.vhosts.get(vhost).copied().unwrap_or_default();
    let moves = moves_of(request, &Key::Vhost(vhost.into()), counted.reading);
    if counted.queues != 0 {
        put_lengths(&mut object, &moves, samples.lengths);
    }
    if counted.reading[Field::RECEIVED] != 0 {
        put(&mut object, "recv_oct", (&moves, &[Field::RECEIVED]), samples.data_rates);
        put(&mut object, "send_oct", (&moves, &[Field::SENT]), samples.data_rates);
    }
    let stats = message_stats(&moves, samples.msg_rates);
    if !stats.is_empty() {
        object.insert("message_stats".to_owned(), stats.into());
    }
    object
}

/// How an object moves whose numbers are these now.
pub fn moves_of(request: &Request, key: &Key, reading: Reading) -> Moves {
    request.api.shared.rates.of(key, inquiry(request, reading))
}

/// A question about what is true now; with samples, if any are asked for.
pub fn inquiry(request: &Request, reading: Reading) -> Inquiry {
    let samples = request.query.samples().unwrap_or_default();
    let with_history = [samples.lengths, samples.msg_rates, samples.data_rates, samples.node_stats]
        .iter()
        .any(Option::is_some);
    Inquiry { now: Moment { at: request.api.shared.clock.now(), reading }, with_history }
}
