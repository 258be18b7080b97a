//! What identifies a binding, what goes with what, and that snapshots stand still.

mod support;

use leveret_codec::field::{Table, Value};
use leveret_routing::ExchangeKind::{self, Direct, Fanout, Headers, Topic};
use leveret_routing::{BindError, Destination, Matched, RoutingTable};
use support::{Numbered, Topology, destination, keyed, names, numbered, table};

#[test]
fn types_are_known_by_their_names() {
    for kind in ExchangeKind::all() {
        assert_eq!(ExchangeKind::parse(kind.as_str()), Some(kind));
    }
    for unknown in ["", "Direct", "x-jms-topic", "topic "] {
        assert_eq!(ExchangeKind::parse(unknown), None);
    }
}

#[test]
fn a_new_table_is_empty() {
    let table = RoutingTable::<Numbered>::new();
    assert!(table.exchange(b"amq.direct").is_none() && table.exchange(b"").is_none());
    assert_eq!((table.exchanges().count(), table.bindings().count()), (0, 0));
}

#[test]
fn an_exchange_can_be_looked_at() {
    let mut topology = Topology::with(&[("t", Topic)]);
    topology.alternate("d", Direct, "t");
    topology.bind("d", "q", "k");
    let view = topology.0.exchange(b"d").unwrap();
    assert_eq!(
        (view.name().as_str(), view.kind(), view.is_internal(), view.binding_count()),
        ("d", Direct, false, 1)
    );
    assert_eq!(view.alternate().unwrap().as_str(), "t");
    assert_eq!(topology.0.exchanges().count(), 2);
}

#[test]
fn binding_again_changes_nothing() {
    let mut topology = Topology::with(&[("d", Direct)]);
    topology.bind("d", "q", "k");
    assert_eq!(topology.try_bind("d", "q", "k", Table::default()), Ok(false));
    assert!(topology.unbind("d", "q", "k", Table::default()).is_some());
    assert!(topology.route("d", "k").is_empty());
}

#[test]
fn an_unbind_gives_back_the_binding_as_it_was_made() {
    let (one, two) = (("n", Value::I32(1)), ("m", Value::I32(2)));
    for others in 0..3 {
        let mut topology = Topology::with(&[("d", Direct)]);
        (0..others).for_each(|other| topology.bind("d", &format!("q{other}"), "k"));
        assert_eq!(topology.try_bind("d", "q", "k", table(&[one, two])), Ok(true));
        let removed = topology.unbind("d", "q", "k", table(&[two, one])).unwrap();
        assert_eq!(removed.bindings[0].arguments(), &table(&[one, two]), "byte by byte");
    }
}

#[test]
fn other_arguments_make_another_binding() {
    for kind in [Direct, Fanout, Topic] {
        let mut topology = Topology::with(&[("x", kind)]);
        let arguments = || table(&[("n", Value::I32(1))]);
        assert_eq!(topology.try_bind("x", "q", "k", Table::default()), Ok(true));
        assert_eq!(topology.try_bind("x", "q", "k", arguments()), Ok(true));
        assert_eq!(topology.0.bindings_from(b"x").count(), 2);
        assert_eq!(topology.route("x", "k"), ["q"]);
        assert!(topology.unbind("x", "q", "k", Table::default()).is_some());
        assert_eq!(topology.route("x", "k"), ["q"], "{kind}: the other binding stands");
        assert!(topology.unbind("x", "q", "k", Table::default()).is_none());
        assert!(topology.unbind("x", "q", "k", arguments()).is_some());
        assert!(topology.route("x", "k").is_empty());
    }
}

#[test]
fn arguments_are_a_set_and_their_values_are_compared_by_value() {
    let inner = |n| table(&[("p", n), ("q", Value::Void)]);
    let (narrow, wide) = (inner(Value::I8(1)), inner(Value::I64(1)));
    let mut topology = Topology::with(&[("d", Direct)]);
    let arguments =
        table(&[("a", Value::I32(1)), ("b", Value::Str(b"s")), ("c", Value::Table(narrow.as_ref()))]);
    assert_eq!(topology.try_bind("d", "q", "k", arguments), Ok(true));
    let same = table(&[("c", Value::Table(wide.as_ref())), ("b", Value::Bytes(b"s")), ("a", Value::U16(1))]);
    assert_eq!(topology.try_bind("d", "q", "k", same), Ok(false));
    for (key, value) in
        [("a", Value::I32(2)), ("a", Value::Bool(true)), ("a", Value::F64(1.0)), ("aa", Value::I32(1))]
    {
        assert!(topology.unbind("d", "q", "k", table(&[(key, value)])).is_none());
        assert_eq!(topology.try_bind("d", "q", "k", table(&[(key, value)])), Ok(true));
    }
}

#[test]
fn both_exchanges_of_a_binding_must_be_declared() {
    let mut topology = Topology::with(&[("d", Direct)]);
    let missing = Err(BindError::NoSuchExchange("none".into()));
    assert_eq!(topology.try_bind("none", "q", "k", Table::default()), missing);
    assert_eq!(topology.try_bind("d", "x:none", "k", Table::default()), missing);
    assert!(topology.unbind("none", "q", "k", Table::default()).is_none());
    assert_eq!(topology.0.bindings().count(), 0);
}

#[test]
fn bindings_are_listed_from_both_ends() {
    let mut topology = Topology::with(&[("a", Direct), ("b", Direct)]);
    topology.bind("a", "q", "1");
    topology.bind("b", "q", "2");
    topology.bind("a", "x:b", "3");
    let keys = |bindings: Vec<&std::sync::Arc<leveret_routing::Binding<String>>>| {
        let mut keys: Vec<_> = bindings.iter().map(|b| b.routing_key().escape_ascii().to_string()).collect();
        keys.sort_unstable();
        keys
    };
    assert_eq!(keys(topology.0.bindings_from(b"a").collect()), ["1", "3"]);
    assert_eq!(keys(topology.0.bindings_to(&destination("q")).collect()), ["1", "2"]);
    assert_eq!(keys(topology.0.bindings_to(&destination("x:b")).collect()), ["3"]);
    assert_eq!(keys(topology.0.bindings().collect()), ["1", "2", "3"]);
    assert_eq!(topology.0.bindings_from(b"none").count(), 0);
}

#[test]
fn the_last_unbind_says_that_the_source_is_bare() {
    let mut topology = Topology::with(&[("d", Direct)]);
    topology.bind("d", "q", "1");
    topology.bind("d", "q", "2");
    let first = topology.unbind("d", "q", "1", Table::default()).unwrap();
    assert!(first.bare_sources.is_empty());
    let last = topology.unbind("d", "q", "2", Table::default()).unwrap();
    assert_eq!(names(&last.bare_sources), ["d"]);
    assert_eq!(&**last.bindings[0].routing_key(), b"2");
}

#[test]
fn a_removed_queue_takes_its_bindings_along() {
    let mut topology = Topology::with(&[("a", Direct), ("b", Fanout), ("c", Topic)]);
    topology.0.add_queue("q", "q".to_owned());
    topology.bind("a", "q", "1");
    topology.bind("a", "q", "2");
    topology.bind("b", "q", "");
    topology.bind("b", "other", "");
    topology.bind("c", "q", "#");
    let removed = topology.0.remove_queue("q", &"q".to_owned());
    assert_eq!(removed.bindings.len(), 4);
    assert_eq!(names(&removed.bare_sources), ["a", "c"]);
    assert!(topology.0.queue(b"q").is_none());
    assert!(topology.route("", "q").is_empty() && topology.route("a", "1").is_empty());
    assert_eq!(topology.route("b", ""), ["other"]);
    assert_eq!(topology.0.bindings_to(&destination("q")).count(), 0);
}

#[test]
fn removing_a_queue_leaves_its_successor_of_the_same_name() {
    let mut table = RoutingTable::<Numbered>::new();
    table.add_queue("q", numbered(1));
    table.add_queue("q", numbered(2));
    assert!(table.remove_queue("q", &numbered(1)).bindings.is_empty());
    assert_eq!(table.queue(b"q"), Some(&numbered(2)));
}

#[test]
fn a_deleted_exchange_takes_the_bindings_at_both_its_ends_along() {
    let mut topology = Topology::with(&[("a", Direct), ("b", Direct), ("c", Direct)]);
    topology.bind("a", "x:b", "k");
    topology.bind("c", "x:b", "k");
    topology.bind("c", "q", "k");
    topology.bind("b", "q", "k");
    topology.bind("b", "x:b", "self");
    let removed = topology.0.delete_exchange(b"b");
    assert_eq!(removed.bindings.len(), 4);
    assert_eq!(names(&removed.bare_sources), ["a"], "c has another binding, and b itself is gone");
    assert_eq!(topology.route("c", "k"), ["q"]);
    assert_eq!(topology.0.bindings().count(), 1);
    assert_eq!(topology.0.bindings_to(&destination("q")).count(), 1);
    assert!(topology.0.exchange(b"b").is_none());
    assert!(topology.0.delete_exchange(b"b").bindings.is_empty());
    topology.0.declare_exchange("b".into(), Fanout, None, false);
    assert!(topology.route("b", "k").is_empty(), "a new exchange of the name starts bare");
}

#[test]
fn a_snapshot_stands_still() {
    let mut topology = Topology::with(&[("d", Direct), ("t", Topic), ("h", Headers), ("f", Fanout)]);
    for n in 0..50 {
        topology.bind("d", &format!("q{n}"), "k");
        topology.bind("t", &format!("q{n}"), &format!("a.{n}.#"));
        topology.bind_with("h", &format!("q{n}"), &[("n", Value::I32(n))]);
        topology.bind("f", &format!("q{n}"), "");
    }
    let before = Topology(topology.0.clone());
    for n in 0..50 {
        topology.0.remove_queue("", &format!("q{n}"));
    }
    topology.0.delete_exchange(b"d");
    assert_eq!(topology.0.bindings().count(), 0);
    assert_eq!(before.route("d", "k").len(), 50);
    assert_eq!(before.route("f", "k").len(), 50);
    assert_eq!(before.route("t", "a.7.x"), ["q7"]);
    assert_eq!(before.route_headers("h", &[("n", Value::I32(7))]), ["q7"]);
    assert_eq!(before.0.bindings().count(), 200);
}

#[test]
fn the_same_entropy_gives_the_same_order() {
    let order = |entropy| {
        let mut table = RoutingTable::<Numbered>::with_entropy(entropy);
        table.declare_exchange("f".into(), Fanout, None, false);
        for queue in 0..100 {
            table.bind(&"f".into(), Destination::Queue(numbered(queue)), b"", Table::default()).unwrap();
        }
        let mut matched = Matched::new();
        table.route(b"f", keyed(&[b""]), &mut matched).unwrap();
        matched.as_slice().to_vec()
    };
    assert_eq!(order([1, 2, 3, 4]), order([1, 2, 3, 4]));
    assert_ne!(order([1, 2, 3, 4]), order([5, 6, 7, 8]));
}

#[test]
fn a_table_can_be_shared_between_threads() {
    fn is_shared<T: Send + Sync + Clone + std::fmt::Debug>() {}
    is_shared::<RoutingTable<String>>();
}
