//! x-recent-history: a fanout that gives its latest messages to whoever is bound later.

use crate::check;

#[test]
fn a_queue_that_is_bound_later_gets_the_latest_messages_as_they_were_published() {
    check(
        "
        a.1 > exchange.declare x x-recent-history x-recent-history-length=2
        a.1 < exchange.declare-ok
        a.1 > publish x k1 one
        a.1 > publish x k2 two headers={n=2} persistent priority=3
        a.1 > publish x k3 three mandatory
        a.1 < return 312 NO_ROUTE x k3 three
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x whatever
        a.1 < queue.bind-ok
        a.1 > publish x k4 four
        a.1 > get q no-ack
        a.1 < get-ok #1 x k2 two left=2 headers={n=2} persistent priority=3
        a.1 > get q no-ack
        a.1 < get-ok #2 x k3 three left=1
        a.1 > get q no-ack
        a.1 < get-ok #3 x k4 four left=0
        ",
    );
}

#[test]
fn twenty_are_kept_if_nothing_is_said() {
    let publishes: Vec<_> = (1..=25).map(|n| format!("a.1 > publish x k m{n}")).collect();
    let publishes = publishes.join("\n");
    check(&format!(
        "
        a.1 > exchange.declare x x-recent-history
        a.1 < exchange.declare-ok
        {publishes}
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        a.1 > get q no-ack
        a.1 < get-ok #1 x k m6 left=19
        "
    ));
}

/// RabbitMQ: each binding that was not there, whatever others the queue has.
#[test]
fn every_new_binding_brings_the_history_and_binding_again_does_not() {
    check(
        "
        a.1 > exchange.declare x x-recent-history
        a.1 < exchange.declare-ok
        a.1 > publish x k one
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x a
        a.1 < queue.bind-ok
        a.1 > queue.purge q
        a.1 < queue.purge-ok 1
        a.1 > queue.bind q x a
        a.1 < queue.bind-ok
        a.1 > queue.purge q
        a.1 < queue.purge-ok 0
        a.1 > queue.bind q x b
        a.1 < queue.bind-ok
        a.1 > queue.purge q
        a.1 < queue.purge-ok 1
        a.1 > queue.unbind q x a
        a.1 < queue.unbind-ok
        a.1 > queue.bind q x a
        a.1 < queue.bind-ok
        a.1 > queue.purge q
        a.1 < queue.purge-ok 1
        ",
    );
}

#[test]
fn a_message_may_ask_not_to_be_kept_with_a_bool() {
    check(
        "
        a.1 > exchange.declare x x-recent-history
        a.1 < exchange.declare-ok
        a.1 > publish x k one headers={x-recent-history-no-store=true}
        a.1 > publish x k two headers={x-recent-history-no-store=false}
        a.1 > publish x k three headers={x-recent-history-no-store=true:S}
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        a.1 > get q no-ack
        a.1 < get-ok #1 x k two left=1 headers={x-recent-history-no-store=false}
        a.1 > get q no-ack
        a.1 < get-ok #2 x k three left=0 headers={x-recent-history-no-store='true'}
        ",
    );
}

#[test]
fn the_time_to_live_of_what_is_kept_begins_in_the_queue_that_gets_it() {
    check(
        "
        a.1 > exchange.declare x x-recent-history
        a.1 < exchange.declare-ok
        a.1 > publish x k one expiration=1000
        +5s
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        +2s
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn messages_that_come_by_another_exchange_are_kept_too() {
    check(
        "
        a.1 > exchange.declare x x-recent-history internal
        a.1 < exchange.declare-ok
        a.1 > exchange.bind x amq.fanout ''
        a.1 < exchange.bind-ok
        a.1 > publish amq.fanout k one
        a.1 > publish amq.fanout k two
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        a.1 > get q no-ack
        a.1 < get-ok #1 amq.fanout k one left=1
        a.1 > get q no-ack
        a.1 < get-ok #2 amq.fanout k two left=0
        ",
    );
}

/// RabbitMQ brings them newest first, and closes the connection with 541 if one reaches nothing.
#[test]
fn an_exchange_that_is_bound_passes_the_history_on_to_where_it_leads() {
    check(
        "
        a.1 > exchange.declare x x-recent-history
        a.1 < exchange.declare-ok
        a.1 > publish x a one
        a.1 > publish x b two
        a.1 > publish x b three headers={CC=[a]}
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.direct a
        a.1 < queue.bind-ok
        a.1 > exchange.bind amq.direct x ''
        a.1 < exchange.bind-ok
        a.1 > get q no-ack
        a.1 < get-ok #1 x a one left=1
        a.1 > get q no-ack
        a.1 < get-ok #2 x b three left=0 headers={CC=[a]}
        a.1 > exchange.declare y x-recent-history
        a.1 < exchange.declare-ok
        a.1 > exchange.bind y x ''
        a.1 < exchange.bind-ok
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > queue.bind r y ''
        a.1 < queue.bind-ok
        a.1 > queue.purge r
        a.1 < queue.purge-ok 3
        ",
    );
}

#[test]
fn a_history_goes_with_its_exchange() {
    check(
        "
        a.1 > exchange.declare x x-recent-history auto-delete
        a.1 < exchange.declare-ok
        a.1 > publish x k one
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        a.1 > queue.unbind q x ''
        a.1 < queue.unbind-ok
        a.1 > exchange.declare x x-recent-history
        a.1 < exchange.declare-ok
        a.1 > queue.purge q
        a.1 < queue.purge-ok 1
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        a.1 > queue.purge q
        a.1 < queue.purge-ok 0
        ",
    );
}

/// As in RabbitMQ: a message of a transaction is routed, and so kept, when it is published.
#[test]
fn what_a_transaction_publishes_is_kept_at_once() {
    check(
        "
        a.1 > exchange.declare x x-recent-history
        a.1 < exchange.declare-ok
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish x k one
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > queue.bind q x ''
        b.1 < queue.bind-ok
        b.1 > get q no-ack
        b.1 < get-ok #1 x k one left=0
        ",
    );
}

#[test]
fn a_consumer_hears_the_history_and_a_queue_of_one_keeps_the_latest() {
    check(
        "
        a.1 > exchange.declare x x-recent-history
        a.1 < exchange.declare-ok
        a.1 > publish x k one
        a.1 > publish x k two
        a.1 > queue.declare q x-max-length=1
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        a.1 > get q no-ack
        a.1 < get-ok #1 x k two left=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        b.1 > consume r c no-ack
        b.1 < consume-ok c
        a.1 > queue.bind r x ''
        a.1 < queue.bind-ok
        b.1 < deliver c #1 x k one
        b.1 < deliver c #2 x k two
        ",
    );
}

#[test]
fn dead_letters_are_kept_as_they_were_published_again() {
    check(
        "
        a.1 > exchange.declare x x-recent-history
        a.1 < exchange.declare-ok
        a.1 > queue.declare q x-dead-letter-exchange=x
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > reject 1
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > queue.bind r x ''
        a.1 < queue.bind-ok
        a.1 > queue.purge r
        a.1 < queue.purge-ok 1
        ",
    );
}

/// A history's messages are as safe in a durable queue as any.
#[test]
fn what_is_kept_goes_into_the_log_with_its_queue() {
    check(
        "
        a.1 > exchange.declare x x-recent-history durable
        a.1 < exchange.declare-ok
        a.1 > publish x k one persistent
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        log shown
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        log < append 1 queues=1
        ",
    );
}
