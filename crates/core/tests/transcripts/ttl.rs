//! Times to live: of queues (`x-message-ttl`) and of messages (`expiration`).
//!
//! A message goes when it is due, wherever in its queue it stands; RabbitMQ's go at the head only, so that one behind a
//! longer-lived one stays. Who reads the queue in order can't tell.

use crate::check;

/// Declares `q` with these arguments and plays the rest.
#[track_caller]
fn with_queue(arguments: &str, rest: &str) {
    check(&format!(
        "
        a.1 > queue.declare q {arguments}
        a.1 < queue.declare-ok q messages=0 consumers=0
        {rest}
        "
    ));
}

#[test]
fn a_queue_lets_each_message_live_for_its_time() {
    with_queue(
        "x-message-ttl=100",
        "
        a.1 > publish '' q one
        +60ms
        a.1 > publish '' q two
        +39ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=2 consumers=0
        +1ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q two left=0
        +60ms
        a.1 > get q
        a.1 < get-empty
        ",
    );
}

#[test]
fn a_message_brings_its_own_time_and_keeps_the_property() {
    with_queue(
        "",
        "
        a.1 > publish '' q short expiration=50
        a.1 > publish '' q long expiration=+100
        a.1 > publish '' q forever
        +50ms
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q long left=1 expiration=+100
        a.1 > get q no-ack
        a.1 < get-ok #2 '' q forever left=0
        ",
    );
}

#[test]
fn the_shorter_of_both_times_counts() {
    with_queue(
        "x-message-ttl=100",
        "
        a.1 > publish '' q long expiration=200
        a.1 > publish '' q short expiration=50
        +50ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        +50ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

/// RabbitMQ counts it until everything before it is gone.
#[test]
fn a_message_behind_a_longer_lived_one_goes_when_it_is_due() {
    with_queue(
        "",
        "
        a.1 > publish '' q long expiration=1000
        a.1 > publish '' q short expiration=50
        a.1 > publish '' q middle expiration=100
        +50ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=2 consumers=0
        +50ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q long left=0 expiration=1000
        ",
    );
}

#[test]
fn a_time_of_zero_is_enough_for_a_waiting_consumer() {
    with_queue(
        "x-message-ttl=0",
        "
        a.1 > publish '' q nobody
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > qos 1
        b.1 < qos-ok
        b.1 > consume q c
        b.1 < consume-ok c
        a.1 > publish '' q taken
        b.1 < deliver c #1 '' q taken
        a.1 > publish '' q busy
        b.1 > ack 1
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=1
        ",
    );
    with_queue(
        "",
        "
        a.1 > publish '' q nobody expiration=0
        a.1 > get q
        a.1 < get-empty
        b.1 > consume q c
        b.1 < consume-ok c
        a.1 > publish '' q taken expiration=0
        b.1 < deliver c #1 '' q taken expiration=0
        ",
    );
}

#[test]
fn what_a_client_holds_does_not_expire() {
    with_queue(
        "x-message-ttl=100",
        "
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        +1s
        a.1 > ack 1
        ",
    );
}

#[test]
fn a_returned_message_has_the_deadline_it_had() {
    with_queue(
        "x-message-ttl=100",
        "
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        +60ms
        a.1 > nack 1 requeue
        +39ms
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered
        +1ms
        a.1 > nack 2 requeue
        a.1 > get q
        a.1 < get-empty
        ",
    );
}

#[test]
fn what_expired_while_its_holder_was_lost_is_dead_lettered_and_not_returned() {
    with_queue(
        "x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=dead",
        "
        a.1 > queue.declare dead
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > publish '' q one
        b.1 > get q
        b.1 < get-ok #1 '' q one left=0
        +100ms
        b is lost
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=1 consumers=0
        ",
    );
}

#[test]
fn what_is_due_is_never_delivered_to_a_consumer_that_comes_late() {
    with_queue(
        "",
        "
        a.1 > publish '' q one expiration=100
        a.1 > publish '' q two
        +100ms
        a.1 > consume q c no-ack
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q two
        ",
    );
}

#[test]
fn a_consumer_that_holds_all_it_may_does_not_keep_the_rest_alive() {
    with_queue(
        "x-message-ttl=100",
        "
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > publish '' q one
        a.1 < deliver c #1 '' q one
        a.1 > publish '' q two
        +60ms
        a.1 > publish '' q three
        +40ms
        a.1 > ack 1
        a.1 < deliver c #2 '' q three
        ",
    );
}

#[test]
fn an_expired_message_was_taken_as_far_as_its_publisher_is_concerned() {
    with_queue(
        "durable x-message-ttl=0",
        "
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one persistent
        a.1 < ack 1
        ",
    );
}

#[test]
fn expired_messages_are_not_counted_by_a_purge_or_a_deletion() {
    with_queue(
        "",
        "
        a.1 > publish '' q one expiration=10
        a.1 > publish '' q two
        +10ms
        a.1 > queue.purge q
        a.1 < queue.purge-ok 1
        a.1 > publish '' q one expiration=10
        a.1 > publish '' q two
        +10ms
        a.1 > queue.delete q
        a.1 < queue.delete-ok 1
        ",
    );
    with_queue(
        "",
        "
        a.1 > publish '' q one expiration=10
        +10ms
        a.1 > queue.delete q if-empty
        a.1 < queue.delete-ok 0
        ",
    );
}

#[test]
fn each_queue_counts_from_when_it_got_the_message() {
    with_queue(
        "x-message-ttl=100",
        "
        a.1 > queue.declare first x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=q
        a.1 < queue.declare-ok first messages=0 consumers=0
        a.1 > publish '' first one
        +100ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        +99ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        +1ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn expired_persistent_messages_are_settled_in_the_log_without_anybody_looking() {
    with_queue(
        "durable x-message-ttl=100",
        "
        log shown
        a.1 > publish '' q one persistent
        log < append 1 queues=1
        +100ms
        log < settle 1 queue=1
        log has 0 messages in 0 pages
        ",
    );
}
