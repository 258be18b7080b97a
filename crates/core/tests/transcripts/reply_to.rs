//! Direct reply-to: answers without a queue.

use crate::check;

#[test]
fn a_request_carries_an_address_that_reaches_its_channel() {
    check(
        "
        server.1 > queue.declare rpc
        server.1 < queue.declare-ok rpc messages=0 consumers=0
        server.1 > consume rpc s no-ack
        server.1 < consume-ok s
        client.1 > consume amq.rabbitmq.reply-to r no-ack
        client.1 < consume-ok r
        client.1 > publish '' rpc question reply-to=amq.rabbitmq.reply-to correlation-id=7
        server.1 < deliver s #1 '' rpc question correlation-id=7 reply-to=amq.rabbitmq.reply-to.1
        server.1 > publish '' amq.rabbitmq.reply-to.1 answer correlation-id=7 mandatory
        client.1 < deliver r #1 '' amq.rabbitmq.reply-to.1 answer correlation-id=7
        server.1 > publish '' amq.rabbitmq.reply-to.1 more
        client.1 < deliver r #2 '' amq.rabbitmq.reply-to.1 more
        ",
    );
}

#[test]
fn replies_are_never_acknowledged() {
    check(
        "
        a.1 > consume amq.rabbitmq.reply-to r
        a.1 < channel.close 406 60.20 PRECONDITION_FAILED - reply consumer cannot acknowledge
        ",
    );
}

#[test]
fn a_channel_has_one_reply_consumer() {
    check(
        "
        a.1 > consume amq.rabbitmq.reply-to r no-ack
        a.1 < consume-ok r
        a.2 > consume amq.rabbitmq.reply-to r no-ack
        a.2 < consume-ok r
        a.1 > consume amq.rabbitmq.reply-to r2 no-ack
        a.1 < channel.close 406 60.20 PRECONDITION_FAILED - reply consumer already set
        ",
    );
}

#[test]
fn after_a_cancel_there_may_be_another() {
    check(
        "
        a.1 > consume amq.rabbitmq.reply-to r no-ack
        a.1 < consume-ok r
        a.1 > cancel r
        a.1 < cancel-ok r
        a.1 > publish '' q x reply-to=amq.rabbitmq.reply-to
        a.1 < channel.close 406 60.40 PRECONDITION_FAILED - fast reply consumer does not exist
        a.2 > consume amq.rabbitmq.reply-to '' no-ack
        a.2 < consume-ok amq.ctag-1
        a.2 > cancel amq.ctag-1
        a.2 < cancel-ok amq.ctag-1
        a.2 > consume amq.rabbitmq.reply-to r no-ack
        a.2 < consume-ok r
        ",
    );
}

#[test]
fn a_request_needs_a_reply_consumer_on_its_own_channel() {
    check(
        "
        a.1 > consume amq.rabbitmq.reply-to r no-ack
        a.1 < consume-ok r
        a.2 > publish '' q x reply-to=amq.rabbitmq.reply-to
        a.2 < channel.close 406 60.40 PRECONDITION_FAILED - fast reply consumer does not exist
        ",
    );
}

#[test]
fn tags_of_replies_and_deliveries_share_one_counter() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume amq.rabbitmq.reply-to r no-ack
        a.1 < consume-ok r
        a.1 > publish '' q one reply-to=amq.rabbitmq.reply-to
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0 reply-to=amq.rabbitmq.reply-to.1
        b.1 > publish '' amq.rabbitmq.reply-to.1 two
        a.1 < deliver r #2 '' amq.rabbitmq.reply-to.1 two
        a.1 > ack 1
        ",
    );
}

#[test]
fn a_reply_to_somebody_who_has_gone_is_routed_and_lost() {
    check(
        "
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > confirm.select
        b.1 < confirm.select-ok
        a.1 > consume amq.rabbitmq.reply-to r no-ack
        a.1 < consume-ok r
        a.1 > publish '' q one reply-to=amq.rabbitmq.reply-to
        b.1 > get q
        b.1 < get-ok #1 '' q one left=0 reply-to=amq.rabbitmq.reply-to.1
        a.1 > channel.close
        a.1 < channel.close-ok
        b.1 > publish '' amq.rabbitmq.reply-to.1 late mandatory
        b.1 < ack 1
        ",
    );
}

#[test]
fn a_reply_that_was_on_its_way_comes_before_cancel_ok() {
    check(
        "
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume amq.rabbitmq.reply-to r no-ack
        a.1 < consume-ok r
        a.1 > publish '' q one reply-to=amq.rabbitmq.reply-to
        b.1 > get q no-ack
        b.1 < get-ok #1 '' q one left=0 reply-to=amq.rabbitmq.reply-to.1
        a stalls
        b.1 > publish '' amq.rabbitmq.reply-to.1 two
        a.1 > cancel r
        a.1 < deliver r #1 '' amq.rabbitmq.reply-to.1 two
        a.1 < cancel-ok r
        b.1 > publish '' amq.rabbitmq.reply-to.1 three
        a resumes
        ",
    );
}

#[test]
fn an_address_that_never_was_is_no_route() {
    check(
        "
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' amq.rabbitmq.reply-to.nonsense lost mandatory
        a.1 < return 312 NO_ROUTE '' amq.rabbitmq.reply-to.nonsense lost
        a.1 < ack 1
        a.1 > publish '' amq.rabbitmq.reply-to.nonsense lost
        a.1 < ack 2
        ",
    );
}

#[test]
fn an_address_looks_like_a_queue_with_one_consumer() {
    check(
        "
        a.1 > queue.declare amq.rabbitmq.reply-to
        a.1 < queue.declare-ok amq.rabbitmq.reply-to messages=0 consumers=1
        a.1 > queue.declare amq.rabbitmq.reply-to passive
        a.1 < queue.declare-ok amq.rabbitmq.reply-to messages=0 consumers=1
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume amq.rabbitmq.reply-to r no-ack
        a.1 < consume-ok r
        a.1 > publish '' q x reply-to=amq.rabbitmq.reply-to
        a.1 > get q
        a.1 < get-ok #1 '' q x left=0 reply-to=amq.rabbitmq.reply-to.1
        b.1 > queue.declare amq.rabbitmq.reply-to.1 passive
        b.1 < queue.declare-ok amq.rabbitmq.reply-to.1 messages=0 consumers=1
        a.1 > cancel r
        a.1 < cancel-ok r
        b.1 > queue.declare amq.rabbitmq.reply-to.1 passive
        b.1 < channel.close 404 50.10 NOT_FOUND - no queue 'amq.rabbitmq.reply-to.…
        ",
    );
}

/// RabbitMQ 4.3 closes the connection with 540 for a get; before, there was no such queue, as here.
#[test]
fn an_address_can_not_be_consumed_by_others_nor_got_from() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume amq.rabbitmq.reply-to r no-ack
        a.1 < consume-ok r
        a.1 > publish '' q x reply-to=amq.rabbitmq.reply-to
        a.1 > get q
        a.1 < get-ok #1 '' q x left=0 reply-to=amq.rabbitmq.reply-to.1
        b.1 > consume amq.rabbitmq.reply-to.1 s no-ack
        b.1 < channel.close 406 60.20 PRECONDITION_FAILED - only creator channel may consume from queue 'amq.rabbitmq.reply-to.1' in vhost '/'
        a.1 > consume amq.rabbitmq.reply-to.1 s no-ack
        a.1 < channel.close 406 60.20 PRECONDITION_FAILED - multiple consumers are unsupported for queue 'amq.rabbitmq.reply-to.1' in vhost '/'
        b.2 > get amq.rabbitmq.reply-to.1
        b.2 < channel.close 404 60.70 NOT_FOUND - no queue 'amq.rabbitmq.reply-to.1' in vhost '/'
        ",
    );
}

#[test]
fn replies_within_a_transaction_wait_for_its_commit() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume amq.rabbitmq.reply-to r no-ack
        a.1 < consume-ok r
        a.1 > publish '' q x reply-to=amq.rabbitmq.reply-to
        b.1 > get q no-ack
        b.1 < get-ok #1 '' q x left=0 reply-to=amq.rabbitmq.reply-to.1
        b.1 > tx.select
        b.1 < tx.select-ok
        b.1 > publish '' amq.rabbitmq.reply-to.1 dropped
        b.1 > tx.rollback
        b.1 < tx.rollback-ok
        b.1 > publish '' amq.rabbitmq.reply-to.1 answer
        b.1 > tx.commit
        b.1 < tx.commit-ok
        a.1 < deliver r #1 '' amq.rabbitmq.reply-to.1 answer
        ",
    );
}

#[test]
fn no_permission_is_needed_for_replies_but_the_default_exchange() {
    check(
        "
        user bob secret
        grant bob / '' '' ''
        b connects user=bob password=secret
        b.1 > consume amq.rabbitmq.reply-to r no-ack
        b.1 < consume-ok r
        b.1 > publish '' q x reply-to=amq.rabbitmq.reply-to
        b.1 < channel.close 403 60.40 ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'bob'
        ",
    );
}
