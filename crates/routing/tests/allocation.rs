//! What routing and binding may cost in memory; the times are in the bench.

mod support;

use allocation_counter::measure;
use leveret_codec::field::Value;
use leveret_routing::ExchangeKind::{self, Direct, Headers, Topic};
use leveret_routing::{Destination, Matched, RoutingTable};
use support::table;

/// So many bindings on one exchange, each to a queue of its own.
fn filled(kind: ExchangeKind, size: u32) -> RoutingTable<u32> {
    let mut table = RoutingTable::new();
    table.declare_exchange("x".into(), kind, None, false);
    (0..size).for_each(|n| bind(&mut table, n));
    table
}

fn bind(to: &mut RoutingTable<u32>, n: u32) {
    to.add_queue(&format!("q.{n}"), n);
    let arguments = table(&[("kind", Value::Str(b"report")), ("n", Value::U32(n))]);
    let new = to.bind(&"x".into(), Destination::Queue(n), format!("q.{n}").as_bytes(), arguments);
    assert_eq!(new, Ok(true));
}

#[test]
fn a_route_to_one_queue_allocates_nothing() {
    let headers = table(&[("kind", Value::Str(b"report")), ("n", Value::U8(7)), ("other", Value::Void)]);
    let mut matched = Matched::new();
    for (kind, exchange) in [(Direct, ""), (Direct, "x"), (Topic, "x"), (Headers, "x")] {
        let table = filled(kind, 1000);
        let allocated = measure(|| {
            let routed = table.route(exchange.as_bytes(), &[b"q.7"], Some(headers.as_ref()), &mut matched);
            assert!(routed.is_ok());
        });
        assert_eq!(matched.as_slice(), [7]);
        assert_eq!(allocated.count_total, 0, "{kind} exchange '{exchange}'");
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
            assert_eq!(published.bindings_to(&Destination::Queue(size)).count(), 0);
            assert_eq!(next.bindings_to(&Destination::Queue(size)).count(), 1);
        }
    }
}
