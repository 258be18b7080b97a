//! Direct, fanout and default exchanges, and the ways from one exchange to another.

mod support;

use leveret_codec::field::{Table, Value};
use leveret_routing::ExchangeKind::{Direct, Fanout, Headers, Topic};
use leveret_routing::{Matched, NoSuchExchange};
use support::{Topology, keyed, table};

#[test]
fn direct_compares_bytes() {
    let mut topology = Topology::with(&[("d", Direct)]);
    topology.bind("d", "one", "k");
    topology.bind("d", "two", "k");
    topology.bind("d", "upper", "K");
    topology.bind("d", "hash", "#");
    assert_eq!(topology.route("d", "k"), ["one", "two"]);
    assert_eq!(topology.route("d", "K"), ["upper"]);
    assert_eq!(topology.route("d", "#"), ["hash"]);
    assert!(topology.route("d", "").is_empty());
    assert_eq!(topology.try_route("d", &["K", "k", "k"], None).unwrap(), ["one", "two", "upper"]);
}

#[test]
fn fanout_overlooks_the_key() {
    let mut topology = Topology::with(&[("f", Fanout)]);
    topology.bind("f", "one", "a");
    topology.bind("f", "one", "b");
    topology.bind("f", "two", "");
    assert_eq!(topology.route("f", "whatever"), ["one", "two"]);
    assert_eq!(topology.try_route("f", &[], None).unwrap(), ["one", "two"]);
}

#[test]
fn default_exchange_routes_by_queue_name() {
    let mut topology = Topology::with(&[]);
    topology.0.add_queue("orders", "orders".to_owned());
    topology.0.add_queue("", "nameless".to_owned());
    assert_eq!(topology.route("", "orders"), ["orders"]);
    assert_eq!(topology.route("", ""), ["nameless"]);
    assert!(topology.route("", "none").is_empty());
    assert_eq!(topology.try_route("", &["orders", "x", "orders"], None).unwrap(), ["orders"]);
}

#[test]
fn an_exchange_that_is_not_declared_is_an_error() {
    let topology = Topology::with(&[]);
    assert_eq!(topology.try_route("none", &["k"], None), Err(NoSuchExchange));
}

#[test]
fn queues_come_in_the_order_in_which_the_keys_reach_them() {
    let mut topology = Topology::with(&[("d", Direct)]);
    for name in ["c", "a", "b"] {
        topology.bind("d", name, name);
    }
    let mut matched = Matched::new();
    topology.0.route(b"d", keyed(&[b"c", b"a", b"c", b"b"]), &mut matched).unwrap();
    assert_eq!(matched.as_slice(), ["c", "a", "b"]);
}

#[test]
fn a_list_of_queues_can_be_used_again() {
    let mut topology = Topology::with(&[("f", Fanout), ("d", Direct)]);
    for n in 0..5000 {
        topology.bind("f", &format!("q{n}"), "");
    }
    topology.bind("d", "q", "k");
    let mut matched = Matched::new();
    for _ in 0..2 {
        topology.0.route(b"f", keyed(&[b""]), &mut matched).unwrap();
        assert_eq!(matched.len(), 5000);
        topology.0.route(b"d", keyed(&[b"k"]), &mut matched).unwrap();
        assert_eq!(matched.as_slice(), ["q"]);
    }
}

#[test]
fn a_chain_of_exchanges_keeps_key_and_headers() {
    let mut topology = Topology::with(&[("d", Direct), ("t", Topic), ("h", Headers)]);
    topology.bind("d", "x:t", "a.b");
    topology.bind("t", "x:h", "a.*");
    topology.bind_with("h", "q", &[("n", Value::I32(1))]);
    let headers = table(&[("n", Value::I32(1))]);
    assert_eq!(topology.try_route("d", &["a.b"], Some(&headers)).unwrap(), ["q"]);
    assert!(topology.route("d", "a.b").is_empty());
    assert!(topology.try_route("d", &["a.c"], Some(&headers)).unwrap().is_empty());
}

#[test]
fn a_queue_reached_on_two_ways_gets_one_copy() {
    let mut topology = Topology::with(&[("a", Fanout), ("b", Fanout), ("c", Fanout)]);
    topology.bind("a", "x:b", "");
    topology.bind("a", "x:c", "");
    topology.bind("a", "q", "");
    topology.bind("b", "q", "");
    topology.bind("c", "q", "");
    assert_eq!(topology.route("a", ""), ["q"]);
}

#[test]
fn cycles_end() {
    let mut topology = Topology::with(&[("a", Fanout), ("b", Fanout)]);
    topology.bind("a", "x:a", "");
    topology.bind("a", "x:b", "");
    topology.bind("b", "x:a", "");
    topology.bind("a", "qa", "");
    topology.bind("b", "qb", "");
    assert_eq!(topology.route("a", ""), ["qa", "qb"]);
    assert_eq!(topology.route("b", ""), ["qa", "qb"]);
}

#[test]
fn a_graph_of_hundreds_of_exchanges_is_walked_once() {
    let mut topology = Topology::with(&[]);
    for n in 0..300 {
        topology.0.declare_exchange(format!("x{n}").into(), Fanout, None, false);
    }
    for n in 0..300 {
        for step in [1, 2, 299] {
            topology.bind(&format!("x{n}"), &format!("x:x{}", (n + step) % 300), "");
        }
        topology.bind(&format!("x{n}"), &format!("q{n}"), "");
    }
    assert_eq!(topology.route("x7", "").len(), 300);
}

#[test]
fn the_alternate_takes_what_no_binding_matched() {
    let mut topology = Topology::with(&[("f", Fanout)]);
    topology.alternate("d", Direct, "f");
    topology.bind("d", "q", "k");
    topology.bind("f", "rest", "");
    assert_eq!(topology.route("d", "k"), ["q"]);
    assert_eq!(topology.route("d", "other"), ["rest"]);
    assert_eq!(topology.try_route("d", &["other", "k"], None).unwrap(), ["q"]);
}

#[test]
fn a_matched_binding_that_leads_nowhere_does_not_trigger_the_alternate() {
    let mut topology = Topology::with(&[("f", Fanout), ("empty", Fanout)]);
    topology.alternate("d", Direct, "f");
    topology.bind("d", "x:empty", "k");
    topology.bind("f", "rest", "");
    assert!(topology.route("d", "k").is_empty());
}

#[test]
fn alternates_chain_and_their_loops_are_cut() {
    let mut topology = Topology::with(&[]);
    topology.alternate("a", Direct, "b");
    topology.alternate("b", Direct, "c");
    topology.alternate("c", Direct, "a");
    assert!(topology.route("a", "k").is_empty());
    topology.bind("c", "q", "k");
    assert_eq!(topology.route("a", "k"), ["q"]);
    assert_eq!(topology.route("b", "k"), ["q"]);
}

#[test]
fn an_alternate_on_the_way_is_used_too() {
    let mut topology = Topology::with(&[("f", Fanout), ("rest", Fanout)]);
    topology.alternate("d", Direct, "rest");
    topology.bind("f", "x:d", "");
    topology.bind("f", "q", "");
    topology.bind("rest", "r", "");
    assert_eq!(topology.route("f", "unknown"), ["q", "r"]);
}

#[test]
fn a_missing_alternate_leaves_the_message_unroutable_until_it_is_declared() {
    let mut topology = Topology::with(&[]);
    topology.alternate("d", Direct, "later");
    assert!(topology.route("d", "k").is_empty());
    topology.0.declare_exchange("later".into(), Fanout, None, false);
    topology.bind("later", "q", "");
    assert_eq!(topology.route("d", "k"), ["q"]);
}

#[test]
fn the_default_exchange_can_be_an_alternate() {
    let mut topology = Topology::with(&[]);
    topology.alternate("d", Direct, "");
    topology.0.add_queue("q", "q".to_owned());
    assert_eq!(topology.route("d", "q"), ["q"]);
}

#[test]
fn declaring_again_changes_the_alternate_and_keeps_the_bindings() {
    let mut topology = Topology::with(&[("d", Direct), ("f", Fanout)]);
    topology.bind("d", "q", "k");
    topology.bind("f", "rest", "");
    topology.alternate("d", Direct, "f");
    assert_eq!(topology.route("d", "k"), ["q"]);
    assert_eq!(topology.route("d", "other"), ["rest"]);
    topology.0.declare_exchange("d".into(), Direct, None, true);
    assert!(topology.route("d", "other").is_empty());
    assert!(topology.0.exchange(b"d").unwrap().is_internal());
    assert_eq!(topology.unbind("d", "q", "k", Table::default()).unwrap().bindings.len(), 1);
}

#[test]
fn what_was_asked_of_the_headers_is_told() {
    let mut topology = Topology::with(&[("d", Direct), ("h", Headers), ("f", Fanout)]);
    topology.bind("d", "q", "plain");
    topology.bind("d", "x:h", "by headers");
    topology.bind_with("h", "x:f", &[]);
    let mut matched = Matched::new();
    for (key, depends) in [("by headers", true), ("plain", false), ("none", false)] {
        topology.0.route(b"d", keyed(&[key.as_bytes()]), &mut matched).unwrap();
        assert_eq!(matched.depends_on_more_than_keys(), depends, "{key}");
    }
    topology.0.route(b"h", keyed(&[b""]), &mut matched).unwrap();
    assert!(matched.depends_on_more_than_keys());
}

#[test]
fn queues_of_a_large_fanout_are_not_repeated_by_what_comes_after_it() {
    let mut topology = Topology::with(&[("f", Fanout), ("g", Fanout)]);
    for n in 0..40 {
        topology.bind("f", &format!("q{n}"), "");
        topology.bind("g", &format!("q{}", n + 20), "");
    }
    topology.bind("f", "x:g", "");
    assert_eq!(topology.route("f", "").len(), 60);
}
