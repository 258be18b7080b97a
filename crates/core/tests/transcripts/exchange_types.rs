//! RabbitMQ's own types of exchanges. Which queue a hash leads to is leveret's, and frozen: see the routing crate.

use crate::check;

/// Every type, with what its declaration needs and a key that may be bound.
const TYPES: &[(&str, &str)] = &[
    ("direct", "1"),
    ("fanout", "1"),
    ("topic", "1"),
    ("headers", "1"),
    ("x-consistent-hash", "1"),
    ("x-modulus-hash", "1"),
    ("x-random", "1"),
    ("x-local-random", "''"),
    ("x-recent-history", "1"),
    ("x-delayed-message x-delayed-type=direct", "1"),
];

#[test]
fn every_type_can_be_internal_go_with_its_last_binding_and_have_an_alternate() {
    for (kind, key) in TYPES {
        let history = usize::from(*kind == "x-recent-history");
        check(&format!(
            "
            a.1 > exchange.declare x {kind} auto-delete internal alternate-exchange=ae
            a.1 < exchange.declare-ok
            a.1 > exchange.declare x {kind} auto-delete internal alternate-exchange=ae
            a.1 < exchange.declare-ok
            a.1 > exchange.declare ae fanout
            a.1 < exchange.declare-ok
            a.1 > exchange.declare in fanout
            a.1 < exchange.declare-ok
            a.1 > exchange.bind x in ''
            a.1 < exchange.bind-ok
            a.1 > queue.declare caught
            a.1 < queue.declare-ok caught messages=0 consumers=0
            a.1 > queue.bind caught ae ''
            a.1 < queue.bind-ok
            a.1 > queue.declare q
            a.1 < queue.declare-ok q messages=0 consumers=0
            a.1 > publish in {key} one mandatory
            a.1 > get caught no-ack
            a.1 < get-ok #1 in {key} one left=0
            a.1 > queue.bind q x {key}
            a.1 < queue.bind-ok
            a.1 > queue.purge q
            a.1 < queue.purge-ok {history}
            a.1 > publish in {key} two mandatory
            a.1 > get q no-ack
            a.1 < get-ok #2 in {key} two left=0
            a.1 > queue.unbind q x {key}
            a.1 < queue.unbind-ok
            a.1 > publish in {key} three
            a.1 > get caught no-ack
            a.1 < get-empty
            a.1 > exchange.declare x '' passive
            a.1 < channel.close 404 40.10 NOT_FOUND - no exchange 'x' in vhost '/'
            a.2 > exchange.declare y {kind} internal
            a.2 < exchange.declare-ok
            a.2 > publish y k direct
            a.2 < channel.close 403 60.40 ACCESS_REFUSED - cannot publish to internal exchange 'y' in vhost '/'
            "
        ));
    }
}

#[test]
fn a_type_is_not_another_and_arguments_are_not_compared() {
    check(
        "
        a.1 > exchange.declare x x-consistent-hash hash-header=h
        a.1 < exchange.declare-ok
        a.1 > exchange.declare x x-consistent-hash hash-property=foo
        a.1 < exchange.declare-ok
        a.1 > exchange.declare x x-modulus-hash
        a.1 < channel.close 406 40.10 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received ''x-modulus-hash'' but current is ''x-consistent-hash''
        a.2 > exchange.declare y x-delayed-message x-delayed-type=topic
        a.2 < exchange.declare-ok
        a.2 > exchange.declare y topic
        a.2 < channel.close 406 40.10 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'y' in vhost '/': received 'topic' but current is ''x-delayed-message''
        a.3 > exchange.declare z x-jms-topic
        a.3 < channel.close 406 40.10 PRECONDITION_FAILED - unknown exchange type 'x-jms-topic'
        ",
    );
}

#[test]
fn arguments_that_mean_nothing_are_refused_with_rabbitmqs_words() {
    for (declaration, why) in [
        (
            "x-consistent-hash hash-header=h hash-property=message_id",
            "hash-header and hash-property are mutually exclusive",
        ),
        ("x-consistent-hash hash-property=foo", "Unsupported property: foo"),
        (
            "x-recent-history x-recent-history-length=a",
            "Invalid argument <<\"a\">>, \\'x-recent-history-length\\' must be a positive integer",
        ),
        (
            "x-recent-history x-recent-history-length=0",
            "Invalid argument 0, 'x-recent-history-length' must be a positive integer",
        ),
        ("x-delayed-message", "Invalid argument, 'x-delayed-type' must be an existing exchange type"),
        (
            "x-delayed-message x-delayed-type=x-delayed-message",
            "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'",
        ),
        ("x-delayed-message x-delayed-type=x-foo", "unknown exchange type 'x-foo'"),
        // A wrong alternate exchange is seen first.
        (
            "x-consistent-hash hash-property=foo alternate-exchange=1",
            "invalid type 'signedint' for arg 'alternate-exchange' in exchange 'x' in vhost '/'",
        ),
    ] {
        let why = why.replace("\\'", "'");
        check(&format!(
            "
            a.1 > exchange.declare x {declaration}
            a.1 < channel.close 406 40.10 PRECONDITION_FAILED - {why}
            a.2 > exchange.declare x '' passive
            a.2 < channel.close 404 40.10 NOT_FOUND - no exchange 'x' in vhost '/'
            "
        ));
    }
}

#[test]
fn bindings_that_mean_nothing_are_refused_with_rabbitmqs_words() {
    for (kind, key, why) in [
        ("x-consistent-hash", "abc", "The binding key must be an integer: <<\"abc\">>"),
        ("x-consistent-hash", "''", "The binding key must be an integer: <<>>"),
        ("x-consistent-hash", "0", "The binding key must be greater than 0"),
        ("x-consistent-hash", "-1", "The binding key must be greater than 0"),
        ("x-consistent-hash", "10001", "The binding key must not exceed 10000"),
        ("x-local-random", "abc", "Non empty binding 'abc' key not permitted"),
        (
            "x-delayed-message x-delayed-type=x-consistent-hash",
            "a",
            "The binding key must be an integer: <<\"a\">>",
        ),
    ] {
        check(&format!(
            "
            a.1 > queue.declare q
            a.1 < queue.declare-ok q messages=0 consumers=0
            a.1 > exchange.declare x {kind}
            a.1 < exchange.declare-ok
            a.1 > queue.bind q x {key}
            a.1 < channel.close 406 50.20 PRECONDITION_FAILED - {why}
            a.2 > exchange.delete x if-unused
            a.2 < exchange.delete-ok
            "
        ));
    }
}

#[test]
fn a_local_random_exchange_leads_to_classic_queues_only() {
    check(
        "
        a.1 > exchange.declare x x-local-random
        a.1 < exchange.declare-ok
        a.1 > queue.declare q durable x-queue-type=quorum
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x k
        a.1 < channel.close 406 50.20 PRECONDITION_FAILED - Non empty binding 'k' key not permitted
        a.2 > queue.bind q x ''
        a.2 < channel.close 406 50.20 PRECONDITION_FAILED - Queue type rabbit_quorum_queue not valid for this exchange type
        ",
    );
}

#[test]
fn a_local_random_exchange_leads_to_no_exchange() {
    check(
        "
        a.1 > exchange.declare x x-local-random
        a.1 < exchange.declare-ok
        a.1 > exchange.bind amq.fanout x ''
        a.1 < channel.close 406 40.30 PRECONDITION_FAILED - Destination not found
        ",
    );
}

#[test]
fn a_consistent_hash_brings_a_key_to_the_same_queue_whatever_its_copies() {
    check(
        "
        a.1 > exchange.declare x x-consistent-hash
        a.1 < exchange.declare-ok
        a.1 > queue.declare q0
        a.1 < queue.declare-ok q0 messages=0 consumers=0
        a.1 > queue.declare q1
        a.1 < queue.declare-ok q1 messages=0 consumers=0
        a.1 > queue.declare q2
        a.1 < queue.declare-ok q2 messages=0 consumers=0
        a.1 > queue.bind q0 x 1
        a.1 < queue.bind-ok
        a.1 > queue.bind q1 x 1
        a.1 < queue.bind-ok
        a.1 > queue.bind q2 x 1
        a.1 < queue.bind-ok
        a.1 > publish x customer.3 one
        a.1 > publish x customer.3 two headers={CC=[customer.1]}
        a.2 > publish x customer.3 three
        a.1 > publish x customer.1 other
        a.1 > get q2 no-ack
        a.1 < get-ok #1 x customer.3 one left=2
        a.1 > get q2 no-ack
        a.1 < get-ok #2 x customer.3 two left=1 headers={CC=[customer.1]}
        a.1 > get q2 no-ack
        a.1 < get-ok #3 x customer.3 three left=0
        a.1 > get q1 no-ack
        a.1 < get-ok #4 x customer.1 other left=0
        a.1 > queue.delete q1
        a.1 < queue.delete-ok 0
        a.1 > publish x customer.3 stays
        a.1 > get q2 no-ack
        a.1 < get-ok #5 x customer.3 stays left=0
        ",
    );
}

/// A channel remembers its last route: not where something besides the key decides.
#[test]
fn a_header_or_a_property_is_looked_at_in_every_message() {
    for (argument, one, other) in [
        ("hash-header=h", "headers={h=customer.1}", "headers={h=customer.3}"),
        ("hash-property=message_id", "message-id=customer.1", "message-id=customer.3"),
        ("hash-property=correlation_id", "correlation-id=customer.1", "correlation-id=customer.3"),
        ("hash-property=timestamp", "timestamp=3", "timestamp=1"),
    ] {
        check(&format!(
            "
            a.1 > exchange.declare x x-consistent-hash {argument}
            a.1 < exchange.declare-ok
            a.1 > queue.declare q1
            a.1 < queue.declare-ok q1 messages=0 consumers=0
            a.1 > queue.declare q2
            a.1 < queue.declare-ok q2 messages=0 consumers=0
            a.1 > queue.bind q1 x 1
            a.1 < queue.bind-ok
            a.1 > queue.bind q2 x 1
            a.1 < queue.bind-ok
            a.1 > publish x k a {one}
            a.1 > publish x k b {other}
            a.1 > publish x k c {one}
            a.1 > get q1 no-ack
            a.1 < get-ok #1 x k a left=1 {one}
            a.1 > get q1 no-ack
            a.1 < get-ok #2 x k c left=0 {one}
            a.1 > get q2 no-ack
            a.1 < get-ok #3 x k b left=0 {other}
            "
        ));
    }
}

/// Sixteen tosses, which the broker's entropy decides; a remembered route would bring all to one queue.
#[test]
fn chance_is_asked_for_every_message() {
    for kind in ["x-random", "x-local-random"] {
        let publishes = "a.1 > publish x '' m\n".repeat(16);
        check(&format!(
            "
            a.1 > exchange.declare x {kind}
            a.1 < exchange.declare-ok
            a.1 > queue.declare q1
            a.1 < queue.declare-ok q1 messages=0 consumers=0
            a.1 > queue.declare q2
            a.1 < queue.declare-ok q2 messages=0 consumers=0
            a.1 > queue.bind q1 x ''
            a.1 < queue.bind-ok
            a.1 > queue.bind q2 x ''
            a.1 < queue.bind-ok
            {publishes}
            a.1 > queue.purge q1
            a.1 < queue.purge-ok 9
            a.1 > queue.purge q2
            a.1 < queue.purge-ok 7
            "
        ));
    }
}

#[test]
fn a_delayed_exchange_matches_as_the_type_it_was_told() {
    check(
        "
        a.1 > exchange.declare x x-delayed-message durable x-delayed-type=topic
        a.1 < exchange.declare-ok
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x 'a.*'
        a.1 < queue.bind-ok
        a.1 > publish x a.b one mandatory
        a.1 > get q no-ack
        a.1 < get-ok #1 x a.b one left=0
        a.1 > publish x b.b two mandatory
        a.1 < return 312 NO_ROUTE x b.b two
        a.1 > queue.bind q x '#.#.#'
        a.1 < channel.close 406 50.20 PRECONDITION_FAILED - Topic binding key '#.#.#' uses 3 '#' wildcards, at most 2 are allowed
        ",
    );
}

#[test]
fn a_durable_exchange_is_defined_with_its_type() {
    check(
        "
        a.1 > exchange.declare first direct durable
        a.1 < exchange.declare-ok
        definitions shown
        a.1 > exchange.declare x x-consistent-hash durable hash-header=h
        a.1 < exchange.declare-ok
        log < exchange / x x-consistent-hash
        a.1 > exchange.declare y x-delayed-message durable x-delayed-type=fanout
        a.1 < exchange.declare-ok
        log < exchange / y x-delayed-message
        ",
    );
}
