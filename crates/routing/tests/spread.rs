//! Exchanges that choose one of their bindings: by a hash, by chance.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::collections::BTreeMap;

use leveret_codec::PropertiesBuilder;
use leveret_codec::field::{Table, Value};
use leveret_routing::ExchangeKind::{
    self, ConsistentHash, Fanout, LocalRandom, ModulusHash, Random, RecentHistory,
};
use leveret_routing::{ExchangeRule, Matched, RoutingTable};
use proptest::prelude::*;
use support::{Topology, destination, keyed, names, table};

const ONE_OF_ALL: &[ExchangeKind] = &[ConsistentHash, ModulusHash, Random, LocalRandom];

fn hashing(arguments: &[(&str, Value<'_>)]) -> Topology {
    let mut topology = Topology(RoutingTable::new());
    let rule = ExchangeRule::new(ConsistentHash, table(arguments).as_ref()).unwrap();
    topology.0.declare_exchange("x".into(), rule, None, false);
    topology
}

fn key_of(kind: ExchangeKind) -> &'static str {
    if kind == LocalRandom { "" } else { "1" }
}

fn the_one(mut reached: Vec<String>) -> String {
    assert_eq!(reached.len(), 1, "one of all: {reached:?}");
    reached.remove(0)
}

/// Where each of so many keys goes.
fn placed(topology: &Topology, keys: u32) -> BTreeMap<u32, String> {
    (0..keys).map(|key| (key, the_one(topology.route("x", &format!("key.{key}"))))).collect()
}

fn counts(placed: &BTreeMap<u32, String>) -> BTreeMap<&str, u32> {
    let mut counts = BTreeMap::new();
    for queue in placed.values() {
        *counts.entry(queue.as_str()).or_default() += 1;
    }
    counts
}

#[test]
fn each_message_takes_one_binding_and_each_binding_some_messages() {
    for kind in ONE_OF_ALL {
        let mut topology = Topology::with(&[("x", *kind)]);
        assert!(topology.route("x", "k").is_empty());
        for n in 0..5 {
            topology.bind("x", &format!("q{n}"), key_of(*kind));
        }
        assert_eq!(counts(&placed(&topology, 200)).len(), 5, "{kind}");
        for n in 0..4 {
            assert!(topology.unbind("x", &format!("q{n}"), key_of(*kind), Table::default()).is_some());
        }
        assert_eq!(topology.route("x", "k"), ["q4"], "{kind}");
    }
}

#[test]
fn a_hash_finds_its_queue_again_in_another_process() {
    let order = ["q3", "q1", "q2"];
    for kind in [ConsistentHash, ModulusHash] {
        let mut one = Topology::with(&[("x", kind)]);
        let mut other = Topology(RoutingTable::with_entropy([9, 8, 7, 6]));
        other.0.declare_exchange("x".into(), kind, None, false);
        for n in 0..3 {
            one.bind("x", order[n], "1");
            other.bind("x", order[2 - n], "1");
        }
        assert_eq!(placed(&one, 100), placed(&other, 100), "{kind}");
    }
}

/// These stand for all that published before: if they move, the format has changed.
#[test]
fn keys_are_where_they_were_in_every_version() {
    let keys = ["", "a", "customer.1", "customer.2", "customer.3", "eu.west.4711"];
    let of = |kind| {
        let mut topology = Topology::with(&[("x", kind)]);
        (0..5).for_each(|n| topology.bind("x", &format!("q{n}"), "1"));
        keys.map(|key| the_one(topology.route("x", key)))
    };
    assert_eq!(of(ConsistentHash), ["q1", "q1", "q4", "q1", "q2", "q2"]);
    assert_eq!(of(ModulusHash), ["q2", "q1", "q4", "q1", "q0", "q2"]);
}

#[test]
fn a_weight_is_a_share() {
    let mut topology = Topology::with(&[("x", ConsistentHash)]);
    for (queue, weight) in [("one", "1"), ("two", "2"), ("seven", "7")] {
        topology.bind("x", queue, weight);
    }
    let placed = placed(&topology, 20_000);
    // Five standard deviations.
    for (queue, expected, allowed) in [("one", 2000, 212), ("two", 4000, 283), ("seven", 14_000, 324)] {
        let count = counts(&placed)[queue];
        assert!(count.abs_diff(expected) < allowed, "{queue} has {count} of 20000");
    }
}

#[test]
fn a_second_binding_to_a_destination_has_no_say_until_the_first_goes() {
    let mut topology = Topology::with(&[("x", ConsistentHash)]);
    topology.bind("x", "q", "1");
    topology.bind("x", "other", "1");
    let before = placed(&topology, 300);
    topology.bind("x", "q", "9000");
    assert_eq!(placed(&topology, 300), before);
    assert!(topology.unbind("x", "q", "9000", Table::default()).is_some());
    assert_eq!(placed(&topology, 300), before);
    topology.bind("x", "q", "9000");
    assert!(topology.unbind("x", "q", "1", Table::default()).is_some());
    assert!(290 < counts(&placed(&topology, 300))["q"]);
}

#[test]
fn several_bindings_are_several_chances() {
    for kind in [ModulusHash, Random] {
        let mut topology = Topology::with(&[("x", kind)]);
        topology.bind("x", "q", "k");
        for n in 0..9 {
            topology.bind("x", "other", &format!("k{n}"));
        }
        let placed = placed(&topology, 2000);
        let count = counts(&placed)["q"];
        assert!(count.abs_diff(200) < 70, "{kind}: {count} of 2000");
    }
}

#[test]
fn copies_count_for_the_modulus_alone() {
    let route = |kind, copy: &str| {
        let mut topology = Topology::with(&[("x", kind)]);
        (0..5).for_each(|n| topology.bind("x", &format!("q{n}"), "1"));
        the_one(topology.try_route("x", &["key", copy], None).unwrap())
    };
    let of = |kind| {
        let mut queues: Vec<_> = (0..50).map(|n| route(kind, &format!("copy.{n}"))).collect();
        queues.sort_unstable();
        queues.dedup();
        queues.len()
    };
    assert_eq!(of(ConsistentHash), 1);
    assert_eq!(of(ModulusHash), 5);
}

#[test]
fn a_header_is_hashed_by_its_value_and_none_is_one_value() {
    let mut topology = hashing(&[("hash-header", Value::Str(b"h"))]);
    (0..5).for_each(|n| topology.bind("x", &format!("q{n}"), "1"));
    let with = |value| the_one(topology.route_headers("x", &[("h", value)]));
    assert_eq!(with(Value::I8(7)), with(Value::I64(7)));
    assert_eq!(with(Value::Str(b"text")), with(Value::Bytes(b"text")));
    let missing = the_one(topology.route("x", "a"));
    assert_eq!(missing, the_one(topology.route("x", "b")));
    assert_eq!(missing, with(Value::Void));
    let mut reached: Vec<_> = (0..50).map(|n| with(Value::I32(n))).collect();
    reached.sort_unstable();
    reached.dedup();
    assert_eq!(reached.len(), 5);
    let (floats, nested) = (table(&[("f", Value::F64(0.5))]), table(&[("f", Value::F64(1.5))]));
    let spread =
        [Value::F64(0.5), Value::Bool(true), Value::Table(floats.as_ref()), Value::Table(nested.as_ref())];
    assert!(1 < spread.map(with).iter().collect::<std::collections::BTreeSet<_>>().len());
}

#[test]
fn a_property_is_hashed_alone() {
    let with = |property: &[u8], n: u64| {
        let mut topology = hashing(&[("hash-property", Value::Str(property))]);
        (0..5).for_each(|n| topology.bind("x", &format!("q{n}"), "1"));
        let text = n.to_string();
        let properties = match property {
            b"message_id" => PropertiesBuilder::new().message_id(&text),
            b"correlation_id" => PropertiesBuilder::new().correlation_id(&text),
            _ => PropertiesBuilder::new().timestamp(n),
        };
        the_one(topology.try_route_properties("x", &["key"], Some(properties)).unwrap())
    };
    for property in [&b"message_id"[..], b"correlation_id", b"timestamp"] {
        let reached: std::collections::BTreeSet<_> = (0..50).map(|n| with(property, n)).collect();
        assert_eq!(reached.len(), 5, "{}", String::from_utf8_lossy(property));
    }
}

#[test]
fn a_route_says_whether_the_keys_alone_decided_it() {
    let decided_by_more = |rule: ExchangeRule| {
        let mut table: RoutingTable<String> = RoutingTable::new();
        table.declare_exchange("x".into(), rule, None, false);
        let mut matched = Matched::new();
        table.route(b"x", keyed(&[b"k"]), &mut matched).unwrap();
        matched.depends_on_more_than_keys()
    };
    let by_header = table(&[("hash-header", Value::Str(b"h"))]);
    assert!(decided_by_more(ExchangeRule::new(ConsistentHash, by_header.as_ref()).unwrap()));
    for (kind, expected) in
        [(ConsistentHash, false), (ModulusHash, false), (Random, true), (LocalRandom, true), (Fanout, false)]
    {
        assert_eq!(decided_by_more(kind.into()), expected, "{kind}");
    }
}

#[test]
fn chance_is_the_same_under_the_same_entropy() {
    let chances = |entropy| {
        let mut topology = Topology(RoutingTable::with_entropy(entropy));
        topology.0.declare_exchange("x".into(), Random, None, false);
        (0..5).for_each(|n| topology.bind("x", &format!("q{n}"), ""));
        (0..50).map(|_| topology.route("x", "k")).collect::<Vec<_>>()
    };
    assert_eq!(chances([1, 2, 3, 4]), chances([1, 2, 3, 4]));
    assert_ne!(chances([1, 2, 3, 4]), chances([5, 6, 7, 8]));
}

#[test]
fn a_local_random_exchange_leads_to_queues_without_a_key() {
    let mut topology = Topology::with(&[("x", LocalRandom), ("other", Fanout)]);
    let mut refusal = |to, key| {
        let refused = topology.0.bind(&"x".into(), destination(to), key, Table::default());
        refused.unwrap_err().to_string()
    };
    assert_eq!(refusal("q", b"abc"), "Non empty binding 'abc' key not permitted");
    assert_eq!(refusal("q", "é".as_bytes()), "Non empty binding 'Ã©' key not permitted");
    assert_eq!(refusal("x:other", b"k"), "Non empty binding 'k' key not permitted");
    assert_eq!(refusal("x:other", b""), "Destination not found");
    assert_eq!(topology.0.bindings().count(), 0);
}

#[test]
fn an_exchange_can_be_chosen_and_an_alternate_is_for_none() {
    for kind in [ConsistentHash, ModulusHash, Random] {
        let mut topology = Topology::with(&[("next", Fanout), ("rest", Fanout)]);
        topology.alternate("x", kind, "rest");
        topology.bind("next", "q", "");
        topology.bind("rest", "spare", "");
        assert_eq!(topology.route("x", "k"), ["spare"], "{kind}");
        topology.bind("x", "x:next", "1");
        assert_eq!(topology.route("x", "k"), ["q"], "{kind}");
        topology.0.delete_exchange(b"next");
        assert_eq!(topology.route("x", "k"), ["spare"], "{kind}");
    }
}

#[test]
fn a_recent_history_exchange_is_a_fanout() {
    let mut topology = Topology::with(&[("x", RecentHistory)]);
    topology.bind("x", "one", "a");
    topology.bind("x", "two", "b");
    assert_eq!(topology.route("x", "c"), ["one", "two"]);
}

#[test]
fn a_route_names_the_exchanges_on_its_way_that_keep_a_history() {
    let mut topology = Topology::with(&[("x", RecentHistory), ("in", Fanout), ("y", RecentHistory)]);
    topology.bind("in", "x:x", "");
    topology.bind("x", "x:y", "");
    topology.bind("y", "q", "");
    let mut matched = Matched::new();
    let mut recent = |exchange: &str| {
        topology.0.route(exchange.as_bytes(), keyed(&[b"k"]), &mut matched).unwrap();
        names(matched.recent()).join(" ")
    };
    assert_eq!(recent("in"), "x y");
    assert_eq!(recent("y"), "y");
    assert_eq!(recent(""), "");
}

proptest! {
    /// What consistent hashing is for: a destination that goes leaves its keys to the others, and theirs stay.
    #[test]
    fn only_the_keys_of_what_comes_or_goes_move(weights in prop::collection::vec(1_u16..=10_000, 2..12), gone in any::<prop::sample::Index>()) {
        let mut topology = Topology::with(&[("x", ConsistentHash)]);
        for (n, weight) in weights.iter().enumerate() {
            topology.bind("x", &format!("q{n}"), &weight.to_string());
        }
        let with = placed(&topology, 200);
        let at = gone.index(weights.len());
        let queue = format!("q{at}");
        prop_assert!(topology.unbind("x", &queue, &weights[at].to_string(), Table::default()).is_some());
        let without = placed(&topology, 200);
        for (key, before) in &with {
            prop_assert!(*before == queue || *before == without[key], "key {} moved from {}", key, before);
            prop_assert_ne!(&without[key], &queue);
        }
        topology.bind("x", &queue, &weights[at].to_string());
        prop_assert_eq!(placed(&topology, 200), with, "back as it was");
    }

    /// Whatever was bound and unbound on the way, what counts is what is bound.
    #[test]
    fn a_history_leaves_no_trace(steps in prop::collection::vec((0..6_u8, any::<bool>()), 0..40)) {
        for kind in [ConsistentHash, ModulusHash] {
            let (mut topology, mut bound) = (Topology::with(&[("x", kind)]), std::collections::BTreeSet::new());
            for (n, binds) in &steps {
                let queue = format!("q{n}");
                if *binds && bound.insert(*n) {
                    topology.bind("x", &queue, "1");
                } else if !binds && bound.remove(n) {
                    prop_assert!(topology.unbind("x", &queue, "1", Table::default()).is_some());
                }
            }
            let mut fresh = Topology::with(&[("x", kind)]);
            for n in &bound {
                fresh.bind("x", &format!("q{n}"), "1");
            }
            for key in 0..20 {
                let key = format!("key.{key}");
                prop_assert_eq!(topology.route("x", &key), fresh.route("x", &key));
            }
        }
    }
}
