//! What a route costs among 10, 10 000 and 100 000 bindings, and what one more binding costs.
//!
//! The allocation columns matter as much as the times: a route to one queue must show none, and one
//! more binding must not copy more the more there are.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use divan::{AllocProfiler, Bencher, black_box};
use leveret_codec::field::{Table, TableBuilder, Value};
use leveret_codec::{Properties, PropertiesBuilder};
use leveret_routing::{Destination, ExchangeKind, ExchangeName, Matched, QueueHandle, Routed, RoutingTable};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

const SIZES: &[u32] = &[10, 10_000, 100_000];

/// As a broker's: shared, and equal by identity.
#[derive(Clone)]
struct Handle(Arc<String>);

impl PartialEq for Handle {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Handle {}

impl Hash for Handle {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl QueueHandle for Handle {
    fn name(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

type Bindings = fn(u32) -> (String, Table);

fn topology(kind: ExchangeKind, size: u32, bindings: Bindings) -> (RoutingTable<Handle>, ExchangeName) {
    let mut table = RoutingTable::new();
    let exchange = ExchangeName::from("exchange");
    table.declare_exchange(exchange.clone(), kind, None, false);
    // Some neighbours, as a virtual host has.
    for name in ["amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match", "events"] {
        table.declare_exchange(name.into(), ExchangeKind::Fanout, None, false);
    }
    for n in 0..size {
        let queue = Handle(Arc::new(format!("queue.{n}")));
        table.add_queue(format!("queue.{n}"), queue.clone());
        add(&mut table, &exchange, queue, bindings(n));
    }
    (table, exchange)
}

fn add(table: &mut RoutingTable<Handle>, source: &ExchangeName, queue: Handle, binding: (String, Table)) {
    let (key, arguments) = binding;
    let new = table.bind(source, Destination::Queue(queue), key.as_bytes(), arguments);
    assert!(matches!(new, Ok(true)));
}

fn own_key(n: u32) -> (String, Table) {
    (format!("tenant.{n}"), Table::default())
}

fn same_key(_: u32) -> (String, Table) {
    ("key".to_owned(), Table::default())
}

/// One third each: an exact pattern, one with `*`, one with `#`.
fn pattern(n: u32) -> (String, Table) {
    let pattern = match n % 3 {
        0 => format!("eu.{n}.created"),
        1 => format!("*.{n}.*"),
        _ => format!("eu.{n}.#"),
    };
    (pattern, Table::default())
}

fn all_of_two(n: u32) -> (String, Table) {
    let number = Value::I32(n.cast_signed());
    (String::new(), TableBuilder::new().insert("kind", Value::Str(b"report")).insert("n", number).build())
}

fn any_of_two(n: u32) -> (String, Table) {
    let mut arguments = TableBuilder::new();
    arguments.insert("x-match", Value::Str(b"any"));
    arguments.insert("n", Value::I32(n.cast_signed())).insert("m", Value::I32(n.cast_signed()));
    (String::new(), arguments.build())
}

fn message_headers(n: u32) -> Table {
    let mut headers = TableBuilder::new();
    headers.insert("kind", Value::Str(b"report")).insert("n", Value::I64(n.into()));
    headers.insert("trace", Value::Str(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    headers.insert("attempt", Value::I32(1)).build()
}

fn route(
    bencher: Bencher<'_, '_>,
    table: &RoutingTable<Handle>,
    exchange: &str,
    key: &str,
    headers: Option<&Table>,
) {
    let mut matched = Matched::new();
    let properties = headers.map(|headers| PropertiesBuilder::new().headers(headers.as_ref()).build());
    let properties = properties.as_deref().map_or(Properties::EMPTY, Properties::from_checked);
    bencher.bench_local(|| {
        let keys = [black_box(key).as_bytes()];
        let message = Routed { keys: &keys, properties };
        let routed = table.route(black_box(exchange).as_bytes(), message, &mut matched);
        assert!(routed.is_ok() && !matched.is_empty());
    });
}

#[divan::bench(args = SIZES, sample_size = 1000)]
fn default_to_one(bencher: Bencher<'_, '_>, size: u32) {
    let (table, _) = topology(ExchangeKind::Direct, size, own_key);
    route(bencher, &table, "", "queue.7", None);
}

#[divan::bench(args = SIZES, sample_size = 1000)]
fn direct_to_one(bencher: Bencher<'_, '_>, size: u32) {
    let (table, _) = topology(ExchangeKind::Direct, size, own_key);
    route(bencher, &table, "exchange", "tenant.7", None);
}

#[divan::bench(args = SIZES, sample_size = 1000)]
fn topic_to_one(bencher: Bencher<'_, '_>, size: u32) {
    let (table, _) = topology(ExchangeKind::Topic, size, pattern);
    route(bencher, &table, "exchange", "eu.7.created", None);
}

#[divan::bench(args = SIZES, sample_size = 1000)]
fn headers_all_to_one(bencher: Bencher<'_, '_>, size: u32) {
    let (table, _) = topology(ExchangeKind::Headers, size, all_of_two);
    route(bencher, &table, "exchange", "", Some(&message_headers(7)));
}

#[divan::bench(args = SIZES, sample_size = 1000)]
fn headers_any_to_one(bencher: Bencher<'_, '_>, size: u32) {
    let (table, _) = topology(ExchangeKind::Headers, size, any_of_two);
    route(bencher, &table, "exchange", "", Some(&message_headers(7)));
}

fn weight_of_one(_: u32) -> (String, Table) {
    ("1".to_owned(), Table::default())
}

/// A few queues are what such exchanges have; ten thousand are what one may be given.
#[divan::bench(args = SIZES, sample_size = 10)]
fn consistent_hash_to_one(bencher: Bencher<'_, '_>, size: u32) {
    let (table, _) = topology(ExchangeKind::ConsistentHash, size, weight_of_one);
    route(bencher, &table, "exchange", "customer.4711", None);
}

#[divan::bench(args = SIZES, sample_size = 1000)]
fn modulus_hash_to_one(bencher: Bencher<'_, '_>, size: u32) {
    let (table, _) = topology(ExchangeKind::ModulusHash, size, same_key);
    route(bencher, &table, "exchange", "customer.4711", None);
}

#[divan::bench(args = SIZES, sample_size = 1000)]
fn random_to_one(bencher: Bencher<'_, '_>, size: u32) {
    let (table, _) = topology(ExchangeKind::Random, size, same_key);
    route(bencher, &table, "exchange", "customer.4711", None);
}

#[divan::bench(args = SIZES)]
fn fanout_to_all(bencher: Bencher<'_, '_>, size: u32) {
    let (table, _) = topology(ExchangeKind::Fanout, size, same_key);
    route(bencher, &table, "exchange", "", None);
}

/// 127 words against 1000 patterns with two `#` each that all fail at the last word.
#[divan::bench]
fn topic_at_its_worst(bencher: Bencher<'_, '_>) {
    let bindings = |n| (if n == 0 { "#.a".to_owned() } else { format!("#.a.#.x{n}") }, Table::default());
    let (table, _) = topology(ExchangeKind::Topic, 1000, bindings);
    route(bencher, &table, "exchange", &["a"; 127].join("."), None);
}

/// What a writer does: clone the published table, bind, publish.
fn add_one(bencher: Bencher<'_, '_>, kind: ExchangeKind, size: u32, bindings: Bindings) {
    let (table, exchange) = topology(kind, size, bindings);
    let queue = Handle(Arc::new(format!("queue.{size}")));
    bencher.bench_local(|| {
        let mut next = table.clone();
        add(&mut next, &exchange, queue.clone(), bindings(size));
        next
    });
}

#[divan::bench(args = SIZES)]
fn add_one_direct(bencher: Bencher<'_, '_>, size: u32) {
    add_one(bencher, ExchangeKind::Direct, size, own_key);
}

#[divan::bench(args = SIZES)]
fn add_one_direct_same_key(bencher: Bencher<'_, '_>, size: u32) {
    add_one(bencher, ExchangeKind::Direct, size, same_key);
}

#[divan::bench(args = SIZES)]
fn add_one_topic(bencher: Bencher<'_, '_>, size: u32) {
    add_one(bencher, ExchangeKind::Topic, size, pattern);
}

#[divan::bench(args = SIZES)]
fn add_one_consistent_hash(bencher: Bencher<'_, '_>, size: u32) {
    add_one(bencher, ExchangeKind::ConsistentHash, size, weight_of_one);
}

#[divan::bench(args = SIZES)]
fn add_one_headers(bencher: Bencher<'_, '_>, size: u32) {
    add_one(bencher, ExchangeKind::Headers, size, all_of_two);
}

/// A queue goes that this exchange leads to by so many keys.
#[divan::bench(args = SIZES, max_time = 2)]
fn remove_queue_with_all_bindings(bencher: Bencher<'_, '_>, size: u32) {
    let (mut table, exchange) = topology(ExchangeKind::Direct, 0, own_key);
    let queue = Handle(Arc::new("queue".to_owned()));
    for n in 0..size {
        add(&mut table, &exchange, queue.clone(), own_key(n));
    }
    bencher.with_inputs(|| table.clone()).bench_local_values(|mut next| {
        let removed = next.remove_queue("queue", &queue);
        (next, removed)
    });
}

/// A whole table: what it takes to build, and (allocated minus freed) what it weighs.
#[divan::bench(args = [100_000], sample_count = 3, sample_size = 1)]
fn build_direct(bencher: Bencher<'_, '_>, size: u32) {
    bencher.bench_local(|| topology(ExchangeKind::Direct, size, own_key));
}

#[divan::bench(args = [100_000], sample_count = 3, sample_size = 1)]
fn build_topic(bencher: Bencher<'_, '_>, size: u32) {
    bencher.bench_local(|| topology(ExchangeKind::Topic, size, pattern));
}

#[divan::bench(args = [100_000], sample_count = 3, sample_size = 1)]
fn build_headers(bencher: Bencher<'_, '_>, size: u32) {
    bencher.bench_local(|| topology(ExchangeKind::Headers, size, all_of_two));
}
