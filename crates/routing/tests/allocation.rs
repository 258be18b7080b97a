//! What routing and binding may cost in memory; the times are in the bench.

mod support;

use allocation_counter::measure;
use leveret_codec::field::{Table, Value};
use leveret_codec::{Properties, PropertiesBuilder};
use leveret_routing::ExchangeKind::{
    self, ConsistentHash, Direct, Headers, LocalRandom, ModulusHash, Random, Topic,
};
use leveret_routing::{Destination, Matched, Routed, RoutingTable};
use support::{Numbered, numbered, table};

/// So many bindings on one exchange, each to a queue of its own.
fn filled(kind: ExchangeKind, size: u32) -> RoutingTable<Numbered> {
    let mut table = RoutingTable::new();
    table.declare_exchange("x".into(), kind, None, false);
    (0..size).for_each(|n| bind(&mut table, n));
    table
}

fn bind(to: &mut RoutingTable<Numbered>, n: u32) {
    to.add_queue(format!("q.{n}"), numbered(n));
    let arguments = table(&[("kind", Value::Str(b"report")), ("n", Value::U32(n))]);
    let new = to.bind(&"x".into(), Destination::Queue(numbered(n)), format!("q.{n}").as_bytes(), arguments);
    assert_eq!(new, Ok(true));
}

#[test]
fn a_route_to_one_queue_allocates_nothing() {
    let headers = table(&[("kind", Value::Str(b"report")), ("n", Value::U8(7)), ("other", Value::Void)]);
    let properties = PropertiesBuilder::new().headers(headers.as_ref()).build();
    let properties = Properties::from_checked(&properties);
    let mut matched = Matched::new();
    for (kind, exchange) in [(Direct, ""), (Direct, "x"), (Topic, "x"), (Headers, "x")] {
        let table = filled(kind, 1000);
        let allocated = measure(|| {
            let routed =
                table.route(exchange.as_bytes(), Routed { keys: &[b"q.7"], properties }, &mut matched);
            assert!(routed.is_ok());
        });
        assert_eq!(matched.as_slice(), [numbered(7)]);
        assert_eq!(allocated.count_total, 0, "{kind} exchange '{exchange}'");
    }
}

#[test]
fn a_route_that_chooses_a_queue_allocates_nothing_either() {
    let mut matched = Matched::new();
    for kind in [ConsistentHash, ModulusHash, Random, LocalRandom] {
        let mut table = RoutingTable::new();
        table.declare_exchange("x".into(), kind, None, false);
        for n in 0..100 {
            let key: &[u8] = if kind == LocalRandom { b"" } else { b"1" };
            let new = table.bind(&"x".into(), Destination::Queue(numbered(n)), key, Table::default());
            assert_eq!(new, Ok(true));
        }
        let message = Routed { keys: &[b"k"], properties: Properties::EMPTY };
        let allocated = measure(|| assert!(table.route(b"x", message, &mut matched).is_ok()));
        assert_eq!((matched.len(), allocated.count_total), (1, 0), "{kind}");
    }
}

/// A binding itself weighs under a kilobyte; the rest is the paths to it in five trees. The limit holds
/// for both sizes: copying two bytes a binding would break it at the larger.
#[test]
fn one_more_binding_copies_a_path_however_many_there_are() {
    const PATHS_MAX_BYTES: u64 = 20 * 1024;
    for kind in [Direct, Topic, Headers] {
        for size in [100, 12_000] {
            let published = filled(kind, size);
            let mut next = published.clone();
            let allocated = measure(|| bind(&mut next, size));
            let copied = allocated.bytes_total;
            assert!(copied < PATHS_MAX_BYTES, "{copied} bytes for one more on a {kind} exchange of {size}");
            assert_eq!(published.bindings_to(&Destination::Queue(numbered(size))).count(), 0);
            assert_eq!(next.bindings_to(&Destination::Queue(numbered(size))).count(), 1);
        }
    }
}
