//! What an exchange's arguments say of how it routes, and RabbitMQ's words for those that say nothing.
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod support;

use leveret_codec::field::Value;
use leveret_routing::{ExchangeKind, ExchangeRule, HashOn, RoutingTable};
use support::table;

fn rule(kind: ExchangeKind, arguments: &[(&str, Value<'_>)]) -> Result<ExchangeRule, String> {
    ExchangeRule::new(kind, table(arguments).as_ref()).map_err(|error| error.to_string())
}

fn refusal(kind: ExchangeKind, arguments: &[(&str, Value<'_>)]) -> String {
    rule(kind, arguments).unwrap_err()
}

#[test]
fn a_consistent_hash_is_of_the_key_a_header_or_a_property() {
    let on = |arguments: &[_]| rule(ExchangeKind::ConsistentHash, arguments).unwrap().hash_on().clone();
    assert_eq!(on(&[]), HashOn::RoutingKey);
    assert_eq!(on(&[("hash-header", Value::Str(b"h"))]), HashOn::Header(b"h"[..].into()));
    assert_eq!(on(&[("hash-header", Value::Str(b""))]), HashOn::Header(b""[..].into()));
    for (name, expected) in [
        (&b"message_id"[..], HashOn::MessageId),
        (b"correlation_id", HashOn::CorrelationId),
        (b"timestamp", HashOn::Timestamp),
    ] {
        assert_eq!(on(&[("hash-property", Value::Str(name))]), expected);
    }
}

#[test]
fn a_consistent_hash_is_of_one_thing_that_is_known() {
    let refusal = |arguments: &[_]| refusal(ExchangeKind::ConsistentHash, arguments);
    let (header, property) =
        (("hash-header", Value::Str(b"h")), ("hash-property", Value::Str(b"message_id")));
    assert_eq!(refusal(&[header, property]), "hash-header and hash-property are mutually exclusive");
    assert_eq!(refusal(&[("hash-property", Value::Str(b"foo"))]), "Unsupported property: foo");
    assert_eq!(
        refusal(&[("hash-header", Value::I32(1))]),
        "Invalid argument 1, 'hash-header' must be a string"
    );
    assert!(rule(ExchangeKind::Direct, &[header, property]).is_ok(), "not an argument of this type");
}

#[test]
fn a_history_has_a_positive_length() {
    let length = |arguments: &[_]| rule(ExchangeKind::RecentHistory, arguments).unwrap().history_length();
    assert_eq!(length(&[]), Some(20));
    assert_eq!(length(&[("x-recent-history-length", Value::I8(3))]), Some(3));
    assert_eq!(length(&[("x-recent-history-length", Value::I64(1 << 40))]), Some(1 << 40));
    assert_eq!(rule(ExchangeKind::Fanout, &[]).unwrap().history_length(), None);
    let nested = table(&[("a", Value::I32(1))]);
    for (value, shown) in [
        (Value::Str(b"a"), "<<\"a\">>"),
        (Value::I32(0), "0"),
        (Value::I32(-1), "-1"),
        (Value::U8(5), "5"),
        (Value::Bool(true), "true"),
        (Value::Void, "undefined"),
        (Value::Str("é".as_bytes()), "<<\"é\"/utf8>>"),
        (Value::Table(nested.as_ref()), "[{<<\"a\">>,signedint,1}]"),
    ] {
        let arguments = [("x-recent-history-length", value)];
        let expected =
            format!("Invalid argument {shown}, 'x-recent-history-length' must be a positive integer");
        assert_eq!(refusal(ExchangeKind::RecentHistory, &arguments), expected);
    }
}

#[test]
fn a_delayed_exchange_routes_as_another_type() {
    let delayed = |name: &'static [u8]| [("x-delayed-type", Value::Str(name))];
    for kind in ExchangeKind::all().filter(|kind| *kind != ExchangeKind::Delayed) {
        let rule = rule(ExchangeKind::Delayed, &delayed(kind.as_str().as_bytes())).unwrap();
        assert_eq!((rule.kind(), rule.routes_as(), rule.is_delayed()), (ExchangeKind::Delayed, kind, true));
        let mut table: RoutingTable<String> = RoutingTable::new();
        table.declare_exchange("x".into(), rule, None, false);
        assert_eq!(table.exchange(b"x").unwrap().kind(), ExchangeKind::Delayed);
    }
    let none = "Invalid argument, 'x-delayed-type' must be an existing exchange type";
    assert_eq!(refusal(ExchangeKind::Delayed, &[]), none);
    assert_eq!(refusal(ExchangeKind::Delayed, &[("x-delayed-type", Value::I32(1))]), none);
    assert_eq!(
        refusal(ExchangeKind::Delayed, &delayed(b"x-delayed-message")),
        "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'"
    );
    assert_eq!(refusal(ExchangeKind::Delayed, &delayed(b"x-foo")), "unknown exchange type 'x-foo'");
}

#[test]
fn a_delayed_exchange_has_the_arguments_of_the_type_it_routes_as() {
    let delayed = |kind: &'static [u8], argument| [("x-delayed-type", Value::Str(kind)), argument];
    let header =
        rule(ExchangeKind::Delayed, &delayed(b"x-consistent-hash", ("hash-header", Value::Str(b"h"))));
    assert_eq!(*header.unwrap().hash_on(), HashOn::Header(b"h"[..].into()));
    let unsupported = delayed(b"x-consistent-hash", ("hash-property", Value::Str(b"foo")));
    assert_eq!(refusal(ExchangeKind::Delayed, &unsupported), "Unsupported property: foo");
}
