//! Which policies make sense, which applies where, and what several come to.

use std::time::Duration;

use super::*;
use crate::model::settings::{DeadLetterTo, DeliveryLimit, Overflow, QueueSettings};

fn definition(said: &[(&str, Term)]) -> PolicyDefinition {
    said.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

fn spec(kind: PolicyKind, name: &str, said: &[(&str, Term)]) -> PolicySpec {
    PolicySpec {
        kind,
        name: name.to_owned(),
        pattern: "^q".to_owned(),
        apply_to: ApplyTo::All,
        priority: 0.0,
        definition: definition(said),
    }
}

fn user(name: &str, said: &[(&str, Term)]) -> PolicySpec {
    spec(PolicyKind::User, name, said)
}

fn operator(name: &str, said: &[(&str, Term)]) -> PolicySpec {
    spec(PolicyKind::Operator, name, said)
}

fn of(specs: impl IntoIterator<Item = PolicySpec>) -> Policies {
    let mut policies = Policies::default();
    for spec in specs {
        policies.put(Arc::new(Policy::new(spec).unwrap()));
    }
    policies
}

fn refusal(kind: PolicyKind, key: &str, value: Term) -> String {
    Policy::new(spec(kind, "p", &[(key, value)])).unwrap_err().to_string()
}

fn name_of(policy: Option<&Arc<Policy>>) -> &str {
    policy.map_or("none", |policy| &policy.spec().name)
}

#[test]
fn what_makes_no_sense_is_refused_in_rabbitmqs_words() {
    let text = Term::from("x");
    let list = Term::List(vec![1.into(), "a".into()]);
    let map = Term::Map([("a".to_owned(), Term::from(1))].into());
    for (key, value, expected) in [
        ("bogus", 3.into(), "[{<<\"bogus\">>,3}] are not recognised policy settings"),
        ("bogus", list, "[{<<\"bogus\">>,[1,<<\"a\">>]}] are not recognised policy settings"),
        ("max-length", Term::from(-1), "-1 is not a valid maximum length"),
        ("max-length", Term::Float(1.5), "1.5 is not a valid maximum length"),
        ("max-length", Term::Bool(true), "true is not a valid maximum length"),
        ("max-length", Term::Null, "null is not a valid maximum length"),
        ("max-length", map, "#{<<\"a\">> => 1} is not a valid maximum length"),
        ("max-length-bytes", (-2).into(), "-2 is not a valid maximum length in bytes"),
        ("message-ttl", text.clone(), "<<\"x\">> is not a valid message TTL"),
        ("expires", 0.into(), "0 is not a valid queue expiry"),
        ("overflow", text.clone(), "<<\"x\">> is not a valid overflow value"),
        ("dead-letter-exchange", 3.into(), "3 is not a valid dead letter exchange name"),
        ("dead-letter-routing-key", 3.into(), "3 is not a valid dead letter routing key"),
        ("dead-letter-strategy", text.clone(), "<<\"x\">> is not a valid dead letter strategy"),
        ("delivery-limit", text.clone(), "<<\"x\">> is not a valid delivery limit"),
        ("alternate-exchange", 3.into(), "3 is not a valid alternate exchange name"),
        ("queue-mode", text.clone(), "<<\"x\">> is not a valid queue-mode value"),
        ("queue-version", 3.into(), "3 is not a valid queue-version value"),
        ("max-age", text.clone(), "<<\"x\">> is not a valid max age"),
        ("stream-filter-size-bytes", 1.into(), "1 is not a valid filter size. Valid range is 16-255"),
        ("consumer-timeout", (-1).into(), "-1 is not a valid consumer timeout"),
        ("target-group-size", 0.into(), "0 is not a valid qq target count value"),
        ("ha-mode", "all".into(), "[{<<\"ha-mode\">>,<<\"all\">>}] are not recognised policy settings"),
    ] {
        assert_eq!(refusal(PolicyKind::User, key, value), expected);
    }
    let expected = "[{<<\"dead-letter-exchange\">>,<<\"x\">>}] are not recognised policy settings";
    assert_eq!(refusal(PolicyKind::Operator, "dead-letter-exchange", text), expected);
    let pattern = Policy::new(PolicySpec { pattern: "(".to_owned(), ..user("p", &[("expires", 1.into())]) });
    let text = pattern.unwrap_err().to_string();
    assert!(text.starts_with("pattern should be regular expression but is invalid: "), "{text}");
    assert_eq!(Policy::new(user("p", &[])).unwrap_err(), PolicyError::Empty);
    assert!(ApplyTo::parse("x").unwrap_err().to_string().starts_with("apply-to 'x' unrecognised"));
}

#[test]
fn what_would_not_be_served_is_refused() {
    let text = refusal(PolicyKind::User, "delayed-retry-type", "all".into());
    assert_eq!(text, "delayed-retry-type other than 'disabled' is not served by this version");
    assert!(Policy::new(user("p", &[("delayed-retry-type", "disabled".into())])).is_ok());
}

#[test]
fn the_highest_priority_applies_and_of_equals_the_first_by_name() {
    let said = &[("max-length", Term::from(1))];
    let at = |priority: f64, name: &str| PolicySpec { priority, ..user(name, said) };
    let policies = of([at(-1.0, "a"), at(1.0, "c"), at(1.0, "b"), at(1.5, "d")]);
    assert_eq!(name_of(policies.of_queue("q1", QueueKind::Classic).user.as_ref()), "d");
    let mut policies = policies;
    policies.remove(PolicyKind::User, "d");
    assert_eq!(name_of(policies.of_queue("q1", QueueKind::Classic).user.as_ref()), "b");
    assert_eq!(name_of(policies.of_queue("x1", QueueKind::Classic).user.as_ref()), "none");
    assert_eq!(name_of(policies.of_exchange("qx").user.as_ref()), "b");
}

#[test]
fn a_policy_applies_only_to_what_it_is_for() {
    let said = &[("max-length", Term::from(1))];
    let table = [
        (ApplyTo::All, [true, true, true]),
        (ApplyTo::Queues, [true, true, false]),
        (ApplyTo::ClassicQueues, [true, false, false]),
        (ApplyTo::QuorumQueues, [false, true, false]),
        (ApplyTo::Streams, [false, false, false]),
        (ApplyTo::Exchanges, [false, false, true]),
    ];
    for (apply_to, expected) in table {
        let policies = of([PolicySpec { apply_to, ..user("p", said) }]);
        let applied = [
            policies.of_queue("q", QueueKind::Classic),
            policies.of_queue("q", QueueKind::Quorum),
            policies.of_exchange("q"),
        ];
        assert_eq!(applied.map(|applied| applied.user.is_some()), expected, "{apply_to:?}");
        assert_eq!(ApplyTo::parse(apply_to.as_str()), Ok(apply_to));
    }
}

#[test]
fn a_key_that_a_queue_does_not_know_keeps_the_whole_policy_away_from_it() {
    let both = &[("max-length", Term::from(1)), ("delivery-limit", 3.into())];
    let strict = PolicySpec { priority: 2.0, ..user("strict", both) };
    let policies = of([strict, user("lax", &[("max-length", 7.into())])]);
    assert_eq!(name_of(policies.of_queue("q", QueueKind::Classic).user.as_ref()), "lax");
    assert_eq!(name_of(policies.of_queue("q", QueueKind::Quorum).user.as_ref()), "strict");
    assert_eq!(name_of(policies.of_exchange("q").user.as_ref()), "strict");
}

#[test]
fn an_operator_only_tightens_what_a_user_says() {
    for (user_says, operator_says, expected) in [
        (("max-length", 5.into()), ("max-length", 3.into()), ("max-length", 3.into())),
        (("message-ttl", 5.into()), ("message-ttl", 9.into()), ("message-ttl", 5.into())),
        (("delivery-limit", 5.into()), ("delivery-limit", (-1).into()), ("delivery-limit", 5.into())),
        (("delivery-limit", (-5).into()), ("delivery-limit", (-2).into()), ("delivery-limit", (-2).into())),
        (
            ("overflow", "reject-publish".into()),
            ("overflow", "drop-head".into()),
            ("overflow", "drop-head".into()),
        ),
        (("target-group-size", 3.into()), ("target-group-size", 5.into()), ("target-group-size", 5.into())),
    ] {
        let policies = of([user("u", &[user_says]), operator("o", &[operator_says])]);
        let applied = policies.of_queue("q", QueueKind::Quorum);
        assert_eq!(applied.definition(), definition(&[expected]));
    }
    let policies = of([user("u", &[("max-length", 5.into())]), operator("o", &[("expires", 9.into())])]);
    let together = policies.of_queue("q", QueueKind::Classic).definition();
    assert_eq!(together, definition(&[("expires", 9.into()), ("max-length", 5.into())]));
}

#[test]
fn limits_of_arguments_and_policies_tighten_each_other() {
    let policies =
        of([user("u", &[("max-length", 5.into()), ("message-ttl", 5.into()), ("expires", 5.into())])]);
    let declared = QueueSettings {
        max_length: Some(7),
        message_ttl: Some(Duration::from_millis(3)),
        max_length_bytes: Some(8),
        ..QueueSettings::default()
    };
    let settings = policies.of_queue("q", QueueKind::Classic).settings(&declared, QueueKind::Classic);
    assert_eq!(settings.max_length, Some(5));
    assert_eq!(settings.max_length_bytes, Some(8));
    assert_eq!(settings.message_ttl, Some(Duration::from_millis(3)));
    assert_eq!(settings.expires, Some(Duration::from_millis(5)));
}

#[test]
fn a_queue_without_policies_is_what_it_was_declared_as() {
    let declared = QueueSettings { overflow: Some(Overflow::RejectPublish), ..QueueSettings::default() };
    assert_eq!(Applied::default().settings(&declared, QueueKind::Quorum), declared);
}

#[test]
fn an_arguments_overflow_wins_in_classic_queues_and_a_policys_in_quorum_queues() {
    let policies = of([user("u", &[("overflow", "drop-head".into())])]);
    let declared = QueueSettings { overflow: Some(Overflow::RejectPublish), ..QueueSettings::default() };
    let settings = |kind| policies.of_queue("q", kind).settings(&declared, kind).overflow;
    assert_eq!(settings(QueueKind::Classic), Some(Overflow::RejectPublish));
    assert_eq!(settings(QueueKind::Quorum), Some(Overflow::DropHead));
}

#[test]
fn an_arguments_dead_letter_exchange_wins_and_a_policys_key_goes_with_it() {
    let said = [("dead-letter-exchange", "policy".into()), ("dead-letter-routing-key", "key".into())];
    let to = |said: &[(&str, Term)], own: Option<(&str, Option<&str>)>| {
        let own = own.map(|(exchange, key)| {
            Arc::new(DeadLetterTo { exchange: exchange.to_owned(), routing_key: key.map(str::to_owned) })
        });
        let declared = QueueSettings { dead_letter: own, ..QueueSettings::default() };
        let applied = of([user("u", said)]).of_queue("q", QueueKind::Classic);
        let to = applied.settings(&declared, QueueKind::Classic).dead_letter?;
        Some((to.exchange.clone(), to.routing_key.clone().unwrap_or_default()))
    };
    let pair = |exchange: &str, key: &str| Some((exchange.to_owned(), key.to_owned()));
    assert_eq!(to(&said, None), pair("policy", "key"));
    assert_eq!(to(&said, Some(("own", None))), pair("own", "key"));
    assert_eq!(to(&said, Some(("own", Some("k")))), pair("own", "k"));
    assert_eq!(to(&said[1..], None), None);
}

#[test]
fn any_number_of_deliveries_gives_way_to_a_number() {
    let limit = |own: Option<DeliveryLimit>, said: i64| {
        let declared = QueueSettings { delivery_limit: own, ..QueueSettings::default() };
        let applied = of([user("u", &[("delivery-limit", said.into())])]).of_queue("q", QueueKind::Quorum);
        applied.settings(&declared, QueueKind::Quorum).delivery_limit
    };
    assert_eq!(limit(None, -1), Some(DeliveryLimit::Unlimited));
    assert_eq!(limit(Some(DeliveryLimit::Returns(5)), -1), Some(DeliveryLimit::Returns(5)));
    assert_eq!(limit(Some(DeliveryLimit::Unlimited), 4), Some(DeliveryLimit::Returns(4)));
    assert_eq!(limit(Some(DeliveryLimit::Returns(5)), 4), Some(DeliveryLimit::Returns(4)));
}

#[test]
fn only_quorum_queues_take_back_what_a_consumer_holds_for_too_long() {
    let policies = of([user("u", &[("consumer-timeout", 5.into())])]);
    let timeout = |kind, own: Option<u64>| {
        let consumer_timeout = own.map(Duration::from_millis);
        let declared = QueueSettings { consumer_timeout, ..QueueSettings::default() };
        policies.of_queue("q", kind).settings(&declared, kind).consumer_timeout
    };
    assert_eq!(timeout(QueueKind::Quorum, None), Some(Duration::from_millis(5)));
    assert_eq!(timeout(QueueKind::Quorum, Some(3)), Some(Duration::from_millis(3)));
    assert_eq!(timeout(QueueKind::Classic, None), None);
    assert!(policies.of_queue("q", QueueKind::Classic).user.is_some());
}
