//! Random topologies and histories against a naive model: a list of bindings, tried one by one.
//!
//! The model shares nothing with the table but the codec's `Value::equivalent` and
//! `TableRef::equivalent`.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use leveret_codec::field::{Table, TableRef, Value};
use leveret_routing::{ExchangeKind, RoutingTable};
use proptest::prelude::*;
use proptest::sample::select;
use support::{Topology, destination, names, table};

// ---- the model ----

#[derive(Clone, Debug, PartialEq)]
struct Bound {
    source: String,
    to: String,
    key: String,
    arguments: Table,
}

impl Bound {
    fn is(&self, other: &Self) -> bool {
        (&self.source, &self.to, &self.key) == (&other.source, &other.to, &other.key)
            && self.arguments.as_ref().equivalent(other.arguments.as_ref())
    }
}

#[derive(Clone, Debug, Default)]
struct Model {
    exchanges: BTreeMap<String, (ExchangeKind, Option<String>)>,
    queues: BTreeSet<String>,
    bindings: Vec<Bound>,
}

fn topic_matches(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern, key) {
        ([], []) => true,
        (["#", rest @ ..], []) => topic_matches(rest, key),
        (["#", rest @ ..], [_, fewer @ ..]) => topic_matches(rest, key) || topic_matches(pattern, fewer),
        (["*", rest @ ..], [_, key @ ..]) => topic_matches(rest, key),
        ([word, rest @ ..], [same, key @ ..]) if word == same => topic_matches(rest, key),
        _ => false,
    }
}

fn words(key: &str) -> Vec<&str> {
    if key.is_empty() { Vec::new() } else { key.split('.').collect() }
}

fn headers_match(arguments: TableRef<'_>, headers: TableRef<'_>) -> bool {
    let rule = arguments.get(b"x-match").and_then(|rule| rule.as_str()).unwrap_or("all");
    let with_x = rule.ends_with("-with-x");
    let mut pairs =
        arguments.iter().filter(|(key, _)| if with_x { *key != b"x-match" } else { !key.starts_with(b"x-") });
    let mut fits = |(key, wanted): (&[u8], Value<'_>)| {
        headers.get(key).is_some_and(|found| wanted == Value::Void || wanted.equivalent(&found))
    };
    if rule.starts_with("all") { pairs.all(fits) } else { pairs.any(&mut fits) }
}

fn matches(bound: &Bound, kind: ExchangeKind, message: &Message) -> bool {
    match kind {
        ExchangeKind::Direct => message.keys.contains(&bound.key),
        ExchangeKind::Fanout | ExchangeKind::RecentHistory => true,
        ExchangeKind::Topic => message.keys.iter().any(|key| topic_matches(&words(&bound.key), &words(key))),
        ExchangeKind::Headers => headers_match(bound.arguments.as_ref(), message.headers.as_ref()),
        other => unreachable!("{other} exchanges choose among all of their bindings: tests/spread.rs"),
    }
}

impl Model {
    fn route(&self, message: &Message) -> Option<BTreeSet<String>> {
        let mut reached = BTreeSet::new();
        let mut visited = BTreeSet::new();
        let mut waiting = vec![message.exchange.clone()];
        while let Some(exchange) = waiting.pop() {
            if !visited.insert(exchange.clone()) {
                continue;
            }
            if exchange.is_empty() {
                reached.extend(message.keys.iter().filter(|key| self.queues.contains(*key)).cloned());
                continue;
            }
            let Some((kind, alternate)) = self.exchanges.get(&exchange) else {
                if visited.len() == 1 {
                    return None;
                }
                continue;
            };
            let from = self.bindings.iter().filter(|bound| bound.source == exchange);
            let matching: Vec<_> = from.filter(|bound| matches(bound, *kind, message)).collect();
            if matching.is_empty() {
                waiting.extend(alternate.clone());
            }
            for bound in matching {
                match bound.to.strip_prefix("x:") {
                    Some(exchange) => waiting.push(exchange.to_owned()),
                    None => drop(reached.insert(bound.to.clone())),
                }
            }
        }
        Some(reached)
    }

    fn sources(&self) -> BTreeSet<String> {
        self.bindings.iter().map(|bound| bound.source.clone()).collect()
    }

    /// What went, and the declared exchanges that lost their last binding.
    fn remove_where(&mut self, gone: impl Fn(&Bound) -> bool) -> (usize, Vec<String>) {
        let (sources, count) = (self.sources(), self.bindings.len());
        self.bindings.retain(|bound| !gone(bound));
        let left = self.sources();
        let bare = sources.difference(&left).filter(|name| self.exchanges.contains_key(*name));
        (count - self.bindings.len(), bare.cloned().collect())
    }
}

// ---- what happens ----

#[derive(Clone, Debug)]
struct Message {
    exchange: String,
    keys: Vec<String>,
    headers: Table,
}

#[derive(Clone, Debug)]
enum Step {
    Declare {
        name: String,
        kind: ExchangeKind,
        alternate: Option<String>,
    },
    Delete {
        name: String,
    },
    AddQueue {
        name: String,
    },
    RemoveQueue {
        name: String,
    },
    Bind(Bound),
    Unbind(Bound),
    /// Undoes a binding that is there, if any is.
    UnbindOne(usize),
    Route(Message),
}

/// Does the same to both and compares what they say.
fn carry_out(step: &Step, table: &mut Topology, model: &mut Model) {
    let (removed, expected) = match step {
        Step::Declare { name, kind, alternate } => {
            let alternate_name = alternate.as_deref().map(Into::into);
            table.0.declare_exchange(name.as_str().into(), *kind, alternate_name, false);
            // Declared again it keeps its kind.
            model.exchanges.entry(name.clone()).or_insert((*kind, None)).1.clone_from(alternate);
            return;
        }
        Step::AddQueue { name } => {
            table.0.add_queue(name.as_str(), name.clone());
            model.queues.insert(name.clone());
            return;
        }
        Step::Bind(bound) => return bind(bound, table, model),
        Step::Route(message) => return compare(message, table, model),
        Step::Delete { name } => {
            model.exchanges.remove(name);
            let to = format!("x:{name}");
            let removed = table.0.delete_exchange(name.as_bytes());
            (Some(removed), model.remove_where(|bound| bound.source == *name || bound.to == to))
        }
        Step::RemoveQueue { name } => {
            model.queues.remove(name);
            (Some(table.0.remove_queue(name, name)), model.remove_where(|bound| bound.to == *name))
        }
        Step::Unbind(bound) => (unbind(bound, table), model.remove_where(|other| other.is(bound))),
        Step::UnbindOne(at) => {
            let Some(bound) = model.bindings.get(at % model.bindings.len().max(1)).cloned() else { return };
            (unbind(&bound, table), model.remove_where(|other| other.is(&bound)))
        }
    };
    let removed = removed.unwrap_or_default();
    assert_eq!(
        (removed.bindings.len(), names(&removed.bare_sources)),
        (expected.0, expected.1.iter().map(String::as_str).collect())
    );
}

fn unbind(bound: &Bound, table: &mut Topology) -> Option<leveret_routing::Removed<String>> {
    table.unbind(&bound.source, &bound.to, &bound.key, bound.arguments.clone())
}

fn bind(bound: &Bound, table: &mut Topology, model: &mut Model) {
    let bindable = |name: &str| model.exchanges.contains_key(name);
    let new = table.try_bind(&bound.source, &bound.to, &bound.key, bound.arguments.clone());
    if !bindable(&bound.source) || bound.to.strip_prefix("x:").is_some_and(|to| !bindable(to)) {
        assert!(new.is_err());
        return;
    }
    assert_eq!(new, Ok(!model.bindings.iter().any(|other| other.is(bound))));
    if new == Ok(true) {
        model.bindings.push(bound.clone());
    }
}

fn compare(message: &Message, table: &Topology, model: &Model) {
    let keys: Vec<&str> = message.keys.iter().map(String::as_str).collect();
    let reached = table.try_route(&message.exchange, &keys, Some(&message.headers)).ok();
    let expected = model.route(message).map(|queues| queues.into_iter().collect::<Vec<_>>());
    assert_eq!(reached, expected, "{message:?} over {model:?}");
}

/// The same bindings, put into a table that has no history.
fn rebuilt(model: &Model) -> Topology {
    let mut table = Topology(RoutingTable::new());
    for (name, (kind, alternate)) in &model.exchanges {
        table.0.declare_exchange(name.as_str().into(), *kind, alternate.as_deref().map(Into::into), false);
    }
    for name in &model.queues {
        table.0.add_queue(name.as_str(), name.clone());
    }
    for bound in model.bindings.iter().rev() {
        assert_eq!(table.try_bind(&bound.source, &bound.to, &bound.key, bound.arguments.clone()), Ok(true));
    }
    table
}

fn listing(table: &Topology) -> Vec<String> {
    let mut all: Vec<_> = table.0.bindings().map(|binding| format!("{binding:?}")).collect();
    all.sort_unstable();
    all
}

/// Both ends of every binding list it.
fn assert_consistent(table: &Topology) {
    for binding in table.0.bindings() {
        assert!(table.0.bindings_from(binding.source().as_bytes()).any(|other| other == binding));
        assert!(table.0.bindings_to(binding.destination()).any(|other| other == binding));
    }
    let by_source: usize = table.0.exchanges().map(|exchange| exchange.binding_count()).sum();
    let ends = (0..4).flat_map(|n| [destination(&format!("q{n}")), destination(&format!("x:x{n}"))]);
    let by_end: usize = ends.map(|end| table.0.bindings_to(&end).count()).sum();
    assert_eq!((by_source, by_end), (table.0.bindings().count(), table.0.bindings().count()));
}

// ---- small worlds, so that things meet ----

fn exchange() -> impl Strategy<Value = String> {
    (0..4).prop_map(|n| format!("x{n}"))
}

fn queue() -> impl Strategy<Value = String> {
    (0..4).prop_map(|n| format!("q{n}"))
}

fn kind() -> impl Strategy<Value = ExchangeKind> {
    select(vec![
        ExchangeKind::Direct,
        ExchangeKind::Fanout,
        ExchangeKind::Topic,
        ExchangeKind::Headers,
        ExchangeKind::RecentHistory,
    ])
}

/// Keys and patterns over few words, empty ones among them; at most two `#`.
fn key(alphabet: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(select(alphabet), 0..6).prop_map(|mut words| {
        let mut hashes = 0;
        words.retain(|word| *word != "#" || (hashes < 2, hashes += 1).0);
        words.join(".")
    })
}

fn pattern() -> impl Strategy<Value = String> {
    key(&["a", "b", "*", "#", "", "q1", "##"])
}

fn routing_key() -> impl Strategy<Value = String> {
    prop_oneof![4 => key(&["a", "b", "", "q1", "*", "##"]), 1 => queue()]
}

fn value() -> impl Strategy<Value = Value<'static>> {
    select(vec![
        Value::I32(1),
        Value::I64(1),
        Value::U8(2),
        Value::Str(b"1"),
        Value::Bytes(b"1"),
        Value::Bool(true),
        Value::F64(1.0),
        Value::Timestamp(1),
        Value::Void,
    ])
}

fn fields(most: usize) -> impl Strategy<Value = Vec<(&'static str, Value<'static>)>> {
    prop::collection::vec((select(vec!["a", "b", "c", "x-a"]), value()), 0..=most)
}

fn arguments() -> impl Strategy<Value = Table> {
    let rules: Vec<Option<&[u8]>> =
        vec![None, Some(b"all"), Some(b"any"), Some(b"all-with-x"), Some(b"any-with-x")];
    let arguments = (select(rules), fields(3)).prop_map(|(rule, mut fields)| {
        fields.extend(rule.map(|rule| ("x-match", Value::Str(rule))));
        table(&fields)
    });
    prop_oneof![Just(Table::default()), arguments]
}

fn bound() -> impl Strategy<Value = Bound> {
    let to = prop_oneof![3 => queue(), 1 => exchange().prop_map(|name| format!("x:{name}"))];
    (exchange(), to, pattern(), arguments()).prop_map(|(source, to, key, arguments)| Bound {
        source,
        to,
        key,
        arguments,
    })
}

fn message() -> impl Strategy<Value = Message> {
    let exchange = prop_oneof![8 => exchange(), 1 => Just(String::new())];
    (exchange, prop::collection::vec(routing_key(), 0..3), fields(4))
        .prop_map(|(exchange, keys, headers)| Message { exchange, keys, headers: table(&headers) })
}

fn step() -> impl Strategy<Value = Step> {
    let alternate = prop::option::of(prop_oneof![8 => exchange(), 1 => Just(String::new())]);
    prop_oneof![
        4 => (exchange(), kind(), alternate)
            .prop_map(|(name, kind, alternate)| Step::Declare { name, kind, alternate }),
        1 => exchange().prop_map(|name| Step::Delete { name }),
        2 => queue().prop_map(|name| Step::AddQueue { name }),
        1 => queue().prop_map(|name| Step::RemoveQueue { name }),
        12 => bound().prop_map(Step::Bind),
        1 => bound().prop_map(Step::Unbind),
        4 => any::<usize>().prop_map(Step::UnbindOne),
        8 => message().prop_map(Step::Route),
    ]
}

proptest! {
    #[test]
    fn a_table_with_a_history_routes_as_the_model(
        steps in prop::collection::vec(step(), 1..120),
        messages in prop::collection::vec(message(), 8),
    ) {
        let (mut table, mut model) = (Topology(RoutingTable::new()), Model::default());
        let mut snapshots = Vec::new();
        for step in &steps {
            carry_out(step, &mut table, &mut model);
            snapshots.push((Topology(table.0.clone()), model.clone()));
        }
        assert_consistent(&table);
        let fresh = rebuilt(&model);
        prop_assert_eq!(listing(&table), listing(&fresh));
        for message in &messages {
            compare(message, &fresh, &model);
            for (table, model) in snapshots.iter().step_by(9) {
                compare(message, table, model);
            }
        }
    }

    #[test]
    fn topic_patterns_match_as_the_naive_matcher(
        patterns in prop::collection::btree_set(pattern(), 1..30),
        keys in prop::collection::vec(routing_key(), 1..20),
    ) {
        let mut topology = Topology::with(&[("t", ExchangeKind::Topic)]);
        for pattern in &patterns {
            topology.bind("t", &format!("<{pattern}>"), pattern);
        }
        for key in &keys {
            let matching = patterns.iter().filter(|pattern| topic_matches(&words(pattern), &words(key)));
            let mut expected: Vec<_> = matching.map(|pattern| format!("<{pattern}>")).collect();
            expected.sort_unstable();
            prop_assert_eq!(topology.route("t", key), expected, "key {:?}", key);
        }
    }

    #[test]
    fn bindings_of_a_headers_exchange_match_as_one_by_one(
        bindings in prop::collection::vec(arguments(), 1..30),
        messages in prop::collection::vec(fields(5), 1..20),
    ) {
        let mut topology = Topology::with(&[("h", ExchangeKind::Headers)]);
        for (n, arguments) in bindings.iter().enumerate() {
            topology.try_bind("h", &format!("q{n:02}"), "", arguments.clone()).unwrap();
        }
        for message in &messages {
            let headers = table(message);
            let matching = (0..bindings.len())
                .filter(|n| headers_match(bindings[*n].as_ref(), headers.as_ref()));
            let expected: Vec<_> = matching.map(|n| format!("q{n:02}")).collect();
            prop_assert_eq!(topology.route_headers("h", message), expected, "headers {}", headers);
        }
    }

    #[test]
    fn arguments_are_one_binding_exactly_if_they_are_equivalent(
        one in fields(4),
        other in prop_oneof![fields(4), Just(Vec::new())],
        shuffle in any::<bool>(),
    ) {
        // Half of the time the other is the first in another order.
        let other: Vec<_> = if shuffle { one.iter().rev().copied().collect() } else { other };
        let (one, other) = (table(&one), table(&other));
        let mut topology = Topology::with(&[("d", ExchangeKind::Direct)]);
        topology.try_bind("d", "q", "k", one.clone()).unwrap();
        let new = topology.try_bind("d", "q", "k", other.clone()).unwrap();
        prop_assert_eq!(!new, one.as_ref().equivalent(other.as_ref()), "{} and {}", one, other);
    }
}
