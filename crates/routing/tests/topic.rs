//! Topic exchanges: the matrix that RabbitMQ was observed to follow, and its limits.

mod support;

use leveret_codec::field::Table;
use leveret_routing::ExchangeKind::Topic;
use support::Topology;

fn matches(pattern: &str, key: &str) -> bool {
    let mut topology = Topology::with(&[("t", Topic)]);
    topology.bind("t", "q", pattern);
    !topology.route("t", key).is_empty()
}

/// Each key with the patterns that match it and those that don't.
const MATRIX: &[(&str, &[&str], &[&str])] = &[
    ("", &["#", "#.#", ""], &["*", "*.#", "#.*", "a", "."]),
    ("a", &["a.#", "#.a", "*.#", "#.*", "*", "a", "#", "#.a.#"], &["a.*", "a..b", "", "A", "*.*"]),
    ("a.b.c", &["a.#", "a.b.c.#", "a.*.c", "*.*.*", "#.b.#", "#.c"], &["a.*", "a.b", "a.b.c.*", "#.b"]),
    (".", &["*.*", ".", "*.", ".#", ".*", "#"], &["", "*", "*.*.*"]),
    ("a.", &["a.#", "a.*", "*."], &["a", "a.a"]),
    (".a", &[".a", "*.a", "#.a", ".*"], &["a"]),
    ("a..b", &["a..b", "a.#.b", "a.*.b"], &["a.b", "a.*.*.b"]),
    ("..", &[".#", "*.#", "*.*.*", ".."], &["*.*", ".", "*.*.*.*"]),
    ("**", &["**", "*"], &["a", "**.*"]),
    ("a.b", &["#.#", "a.#.b", "#.a.#.b"], &["**", "##", "a*", "a#", "a.b*", "#.a.#.a"]),
    ("*", &["*", "#"], &["a", "#.a"]),
    ("#", &["#", "*"], &["a", "##"]),
    ("*.#", &["*.#", "*.*", "#"], &["a.b", "*.a"]),
    ("\u{e9}.x", &["\u{e9}.x", "*.x"], &["e\u{301}.x", "\u{c9}.x"]),
];

#[test]
fn patterns_match_as_the_matrix_says() {
    for (key, matching, others) in MATRIX {
        for pattern in *matching {
            assert!(matches(pattern, key), "{pattern:?} must match {key:?}");
        }
        for pattern in *others {
            assert!(!matches(pattern, key), "{pattern:?} must not match {key:?}");
        }
    }
}

#[test]
fn all_patterns_of_the_matrix_can_be_bound_at_once() {
    for (key, matching, others) in MATRIX {
        let mut topology = Topology::with(&[("t", Topic)]);
        for pattern in matching.iter().chain(*others) {
            topology.bind("t", &format!("<{pattern}>"), pattern);
        }
        let mut expected: Vec<_> = matching.iter().map(|pattern| format!("<{pattern}>")).collect();
        expected.sort_unstable();
        assert_eq!(topology.route("t", key), expected, "key {key:?}");
    }
}

#[test]
fn a_queue_bound_by_overlapping_patterns_gets_one_copy() {
    let mut topology = Topology::with(&[("t", Topic)]);
    for pattern in ["#", "a.#", "*.b", "a.b", "#.b.#", "#.#"] {
        topology.bind("t", "q", pattern);
    }
    assert_eq!(topology.route("t", "a.b"), ["q"]);
    assert_eq!(topology.try_route("t", &["a.b", "x", "a.b"], None).unwrap(), ["q"]);
}

#[test]
fn each_of_several_keys_is_matched() {
    let mut topology = Topology::with(&[("t", Topic)]);
    topology.bind("t", "a", "a.*");
    topology.bind("t", "b", "b");
    assert_eq!(topology.try_route("t", &["a.x", "b", "c"], None).unwrap(), ["a", "b"]);
    assert!(topology.try_route("t", &[], None).unwrap().is_empty());
}

#[test]
fn a_third_hash_is_refused_with_rabbitmqs_words() {
    let mut topology = Topology::with(&[("t", Topic)]);
    let refused = topology.try_bind("t", "q", "#.a.#.b.#", Table::default()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Topic binding key '#.a.#.b.#' uses 3 '#' wildcards, at most 2 are allowed"
    );
    assert_eq!(topology.0.bindings().count(), 0);
    assert_eq!(topology.try_bind("t", "q", "#.a.#.b.##.c#", Table::default()), Ok(true));
}

#[test]
fn unbinding_one_pattern_leaves_its_neighbours() {
    let mut topology = Topology::with(&[("t", Topic)]);
    for pattern in ["a", "a.b", "a.b.c", "a.*", "a.#"] {
        topology.bind("t", pattern, pattern);
    }
    assert!(topology.unbind("t", "a.b", "a.b", Table::default()).is_some());
    assert!(topology.unbind("t", "a.b", "a.b", Table::default()).is_none());
    assert_eq!(topology.route("t", "a.b"), ["a.#", "a.*"]);
    assert_eq!(topology.route("t", "a.b.c"), ["a.#", "a.b.c"]);
    assert!(topology.unbind("t", "a.b.c", "a.b.c", Table::default()).is_some());
    assert_eq!(topology.route("t", "a.b.c"), ["a.#"]);
    assert_eq!(topology.route("t", "a"), ["a", "a.#"]);
}

/// Trying all ways to share 127 words between the wildcards would take some 8000 steps a pattern; the
/// walk visits each node once a word. What is asserted is the result; the bench has the time.
#[test]
fn the_longest_key_meets_many_patterns_of_two_hashes() {
    let mut topology = Topology::with(&[("t", Topic)]);
    for n in 0..300 {
        topology.bind("t", "none", &format!("#.a.#.x{n}"));
    }
    topology.bind("t", "some", "#.a.#.a");
    let key = ["a"; 128].join(".");
    assert_eq!(key.len(), 255);
    assert_eq!(topology.route("t", &key), ["some"]);
}
