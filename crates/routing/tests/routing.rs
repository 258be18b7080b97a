//! What a message reaches, by exchange type and by the shape of the topology.

use leveret_codec::field::{Table, TableBuilder, Value};
use leveret_routing::{BindError, Destination, ExchangeKind, ExchangeName, Matched, RoutingTable};

type Topology = RoutingTable<&'static str>;

fn exchanges(declared: &[(&str, ExchangeKind)]) -> Topology {
    let mut table = Topology::new();
    for (name, kind) in declared {
        table.declare_exchange((*name).into(), *kind, None, false);
    }
    table
}

fn to_queue(table: &mut Topology, source: &str, queue: &'static str, key: &str) {
    let new = table.bind(&source.into(), Destination::Queue(queue), key.as_bytes(), Table::default());
    assert_eq!(new, Ok(true));
}

fn to_exchange(table: &mut Topology, source: &str, destination: &str, key: &str) {
    let destination = Destination::Exchange(destination.into());
    assert_eq!(table.bind(&source.into(), destination, key.as_bytes(), Table::default()), Ok(true));
}

fn reached(table: &Topology, exchange: &str, key: &str) -> Vec<&'static str> {
    let mut matched = Matched::new();
    table.route(exchange.as_bytes(), &[key.as_bytes()], None, &mut matched).unwrap();
    let mut queues: Vec<_> = matched.iter().copied().collect();
    queues.sort_unstable();
    queues
}

#[test]
fn direct_compares_bytes() {
    let mut table = exchanges(&[("d", ExchangeKind::Direct)]);
    to_queue(&mut table, "d", "one", "k");
    to_queue(&mut table, "d", "two", "k");
    to_queue(&mut table, "d", "other", "K");
    assert_eq!(reached(&table, "d", "k"), ["one", "two"]);
    assert_eq!(reached(&table, "d", "K"), ["other"]);
    assert!(reached(&table, "d", "").is_empty());
}
