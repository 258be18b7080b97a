//! Headers exchanges: what matches and what is refused.

mod support;

use leveret_codec::field::{TableBuilder, Value};
use leveret_routing::ExchangeKind::Headers;
use support::{Topology, table};

const ALL: Value<'_> = Value::Str(b"all");
const ANY: Value<'_> = Value::Str(b"any");

fn matches(arguments: &[(&str, Value<'_>)], headers: &[(&str, Value<'_>)]) -> bool {
    let mut topology = Topology::with(&[("h", Headers)]);
    topology.bind_with("h", "q", arguments);
    !topology.route_headers("h", headers).is_empty()
}

#[test]
fn all_wants_every_pair() {
    let arguments = [("x-match", ALL), ("a", Value::I32(1)), ("b", Value::Str(b"s"))];
    assert!(matches(&arguments, &[("b", Value::Str(b"s")), ("c", Value::Void), ("a", Value::I32(1))]));
    assert!(!matches(&arguments, &[("a", Value::I32(1))]));
    assert!(!matches(&arguments, &[("a", Value::I32(1)), ("b", Value::Str(b"t"))]));
    assert!(!matches(&arguments, &[]));
}

#[test]
fn all_is_the_rule_when_none_is_named() {
    let arguments = [("a", Value::I32(1)), ("b", Value::I32(2))];
    assert!(matches(&arguments, &[("a", Value::I32(1)), ("b", Value::I32(2))]));
    assert!(!matches(&arguments, &[("a", Value::I32(1))]));
}

#[test]
fn any_wants_one_pair() {
    let arguments = [("x-match", ANY), ("a", Value::I32(1)), ("b", Value::Str(b"s"))];
    assert!(matches(&arguments, &[("b", Value::Str(b"s"))]));
    assert!(matches(&arguments, &[("a", Value::I32(1)), ("b", Value::Str(b"s"))]));
    assert!(!matches(&arguments, &[("a", Value::I32(2)), ("c", Value::I32(1))]));
    assert!(!matches(&arguments, &[]));
}

#[test]
fn names_that_start_with_x_count_only_where_the_rule_says_so() {
    let x = ("x-a", Value::I32(1));
    for (rule, with_header, without) in [
        (&b"all"[..], true, true),
        (b"any", false, false),
        (b"all-with-x", true, false),
        (b"any-with-x", true, false),
    ] {
        let arguments = [("x-match", Value::Str(rule)), x];
        let shown = String::from_utf8_lossy(rule);
        assert_eq!(matches(&arguments, &[x]), with_header, "{shown} with the header");
        assert_eq!(matches(&arguments, &[("y", Value::Void)]), without, "{shown} without it");
    }
}

#[test]
fn the_rule_itself_is_never_compared() {
    for rule in [&b"any"[..], b"any-with-x"] {
        let arguments = [("x-match", Value::Str(rule)), ("a", Value::I32(1))];
        assert!(!matches(&arguments, &[("x-match", Value::Str(rule))]));
    }
}

#[test]
fn all_of_nothing_matches_everything_and_any_of_nothing_nothing() {
    for (rule, expected) in
        [(&b"all"[..], true), (b"all-with-x", true), (b"any", false), (b"any-with-x", false)]
    {
        let mut topology = Topology::with(&[("h", Headers)]);
        topology.bind_with("h", "q", &[("x-match", Value::Str(rule))]);
        assert_eq!(!topology.route_headers("h", &[("a", Value::Void)]).is_empty(), expected);
        assert_eq!(!topology.try_route("h", &["k"], None).unwrap().is_empty(), expected);
    }
    assert!(matches(&[], &[]));
}

#[test]
fn values_are_equal_by_kind() {
    let text = table(&[("k", Value::I8(1))]);
    let (nested, wider) = (Value::Table(text.as_ref()), table(&[("k", Value::I64(1))]));
    let same = [
        (Value::I8(7), Value::I64(7)),
        (Value::U32(7), Value::I16(7)),
        (Value::Str(b"s"), Value::Bytes(b"s")),
        (Value::Timestamp(7), Value::Timestamp(7)),
        (Value::Bool(true), Value::Bool(true)),
        (Value::F32(0.5), Value::F64(0.5)),
        (nested, Value::Table(wider.as_ref())),
        (Value::Void, Value::I32(1)),
        (Value::Void, Value::Void),
    ];
    for (wanted, found) in same {
        assert!(matches(&[("a", wanted)], &[("a", found)]), "{wanted:?} must match {found:?}");
    }
    let different = [
        (Value::I32(7), Value::F64(7.0)),
        (Value::I32(7), Value::Str(b"7")),
        (Value::I32(1), Value::Bool(true)),
        (Value::I64(7), Value::Timestamp(7)),
        (Value::Str(b"s"), Value::Str(b"S")),
        (Value::I32(1), Value::Void),
        (nested, Value::Table(table(&[]).as_ref())),
    ]
    .map(|(wanted, found)| (wanted, found.to_string(), matches(&[("a", wanted)], &[("a", found)])));
    for (wanted, found, matched) in different {
        assert!(!matched, "{wanted:?} must not match {found}");
    }
}

#[test]
fn of_a_header_that_occurs_twice_the_first_counts() {
    let headers = [("a", Value::I32(1)), ("b", Value::Void), ("a", Value::I32(2))];
    assert!(matches(&[("a", Value::I32(1))], &headers));
    assert!(!matches(&[("a", Value::I32(2))], &headers));
    let many: Vec<_> = (0..100_u8).map(|n| (["a", "b", "c"][usize::from(n % 3)], Value::U8(n))).collect();
    let pairs = [("a", Value::I32(0)), ("b", Value::I32(1)), ("c", Value::I32(2))];
    assert!(matches(&pairs, &many));
}

#[test]
fn names_of_headers_are_bytes() {
    assert!(!matches(&[("A", Value::Void)], &[("a", Value::Void)]));
    assert!(matches(&[("", Value::I32(1))], &[("", Value::I32(1))]));
}

#[test]
fn the_routing_key_is_overlooked_but_tells_bindings_apart() {
    let mut topology = Topology::with(&[("h", Headers)]);
    let arguments = || table(&[("a", Value::I32(1))]);
    assert_eq!(topology.try_bind("h", "q", "one", arguments()), Ok(true));
    assert_eq!(topology.try_bind("h", "q", "two", arguments()), Ok(true));
    assert_eq!(topology.route_headers("h", &[("a", Value::I32(1))]), ["q"]);
    assert!(topology.unbind("h", "q", "one", arguments()).is_some());
    assert_eq!(topology.route_headers("h", &[("a", Value::I32(1))]), ["q"]);
    assert!(topology.unbind("h", "q", "two", arguments()).is_some());
    assert!(topology.route_headers("h", &[("a", Value::I32(1))]).is_empty());
}

#[test]
fn hundreds_of_bindings_that_share_a_pair_are_told_apart_by_the_other() {
    let mut topology = Topology::with(&[("h", Headers)]);
    for n in 0..300 {
        topology.bind_with("h", &format!("q{n}"), &[("kind", Value::Str(b"report")), ("n", Value::I32(n))]);
    }
    let headers = [("kind", Value::Str(b"report")), ("n", Value::I64(123))];
    assert_eq!(topology.route_headers("h", &headers), ["q123"]);
}

#[test]
fn an_x_match_that_means_nothing_is_refused_with_rabbitmqs_words() {
    let mut topology = Topology::with(&[("h", Headers)]);
    let mut refusal = |value| {
        let mut arguments = TableBuilder::new();
        let arguments = arguments.insert("x-match", value).build();
        topology.try_bind("h", "q", "", arguments).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(Value::Str(b"foo")),
        "Invalid x-match field value <<\"foo\">>; expected all, any, all-with-x, or any-with-x"
    );
    assert_eq!(refusal(Value::I32(1)), "Invalid x-match field type signedint (value 1); expected longstr");
    assert_eq!(topology.0.bindings().count(), 0);
}
