//! Limits of length, and what a full queue does with what is too much.

use crate::check;

/// Declares `q` with these arguments, beside a queue `dead` and a confirming channel, and plays the rest.
#[track_caller]
fn with_queue(arguments: &str, rest: &str) {
    check(&format!(
        "
        a.1 > queue.declare dead
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > queue.declare q {arguments}
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        {rest}
        "
    ));
}

#[test]
fn a_full_queue_drops_its_oldest_messages() {
    for overflow in ["", "x-overflow=drop-head"] {
        with_queue(
            &format!("x-max-length=2 {overflow}"),
            "
            a.1 > publish '' q one
            a.1 < ack 1
            a.1 > publish '' q two
            a.1 < ack 2
            a.1 > publish '' q three
            a.1 < ack 3
            a.1 > queue.declare q passive
            a.1 < queue.declare-ok q messages=2 consumers=0
            a.1 > get q no-ack
            a.1 < get-ok #1 '' q two left=1
            a.1 > get q no-ack
            a.1 < get-ok #2 '' q three left=0
            ",
        );
    }
}

#[test]
fn bytes_are_those_of_bodies() {
    with_queue(
        "x-max-length-bytes=10",
        "
        a.1 > publish '' q 12345 headers={a=what_is_long_and_does_not_count}
        a.1 < ack 1
        a.1 > publish '' q 67890
        a.1 < ack 2
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=2 consumers=0
        a.1 > publish '' q ''
        a.1 < ack 3
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=3 consumers=0
        a.1 > publish '' q x
        a.1 < ack 4
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q 67890 left=2
        ",
    );
}

#[test]
fn a_message_that_is_too_large_for_its_queue_goes_with_all_before_it() {
    with_queue(
        "x-max-length-bytes=10",
        "
        a.1 > publish '' q 12345
        a.1 < ack 1
        a.1 > publish '' q x*11
        a.1 < ack 2
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn whichever_limit_is_met_first_counts() {
    with_queue(
        "x-max-length=2 x-max-length-bytes=4",
        "
        a.1 > publish '' q aa
        a.1 < ack 1
        a.1 > publish '' q bbb
        a.1 < ack 2
        a.1 > publish '' q c
        a.1 < ack 3
        a.1 > publish '' q d
        a.1 < ack 4
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q c left=1
        ",
    );
}

#[test]
fn what_clients_hold_does_not_count() {
    with_queue(
        "x-max-length=1",
        "
        b.1 > qos 2
        b.1 < qos-ok
        b.1 > consume q c
        b.1 < consume-ok c
        a.1 > publish '' q one
        a.1 < ack 1
        b.1 < deliver c #1 '' q one
        a.1 > publish '' q two
        a.1 < ack 2
        b.1 < deliver c #2 '' q two
        a.1 > publish '' q three
        a.1 < ack 3
        b.1 > ack 2 multiple
        b.1 < deliver c #3 '' q three
        ",
    );
}

#[test]
fn a_returned_message_that_is_too_much_is_the_oldest_and_goes() {
    with_queue(
        "x-max-length=1 x-dead-letter-exchange='' x-dead-letter-routing-key=dead",
        "
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > publish '' q two
        a.1 < ack 2
        a.1 > nack 1 requeue
        a.1 > get q no-ack
        a.1 < get-ok #2 '' q two left=0
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=1 consumers=0
        ",
    );
}

#[test]
fn a_queue_without_room_only_hands_over() {
    with_queue(
        "x-max-length=0",
        "
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > qos 1
        b.1 < qos-ok
        b.1 > consume q c
        b.1 < consume-ok c
        a.1 > publish '' q two
        a.1 < ack 2
        b.1 < deliver c #1 '' q two
        a.1 > publish '' q three
        a.1 < ack 3
        b.1 > ack 1
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=1
        ",
    );
}

#[test]
fn what_is_dropped_at_the_head_is_dead_lettered() {
    with_queue(
        "x-max-length=1 x-dead-letter-exchange='' x-dead-letter-routing-key=dead",
        "
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > publish '' q two
        a.1 < ack 2
        a.1 > get dead no-ack
        a.1 < get-ok #1 '' dead one left=0 headers={x-death=[{count=1:l, reason=maxlen, queue=q, time=1000:T, exchange='', routing-keys=[q]}], x-first-death-reason=maxlen, x-first-death-queue=q, x-first-death-exchange='', x-last-death-reason=maxlen, x-last-death-queue=q, x-last-death-exchange=''}
        a.1 > get q no-ack
        a.1 < get-ok #2 '' q two left=0
        ",
    );
}

#[test]
fn a_full_queue_may_refuse_what_is_published() {
    with_queue(
        "x-max-length=2 x-overflow=reject-publish x-dead-letter-exchange='' x-dead-letter-routing-key=dead",
        "
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > publish '' q two
        a.1 < ack 2
        a.1 > publish '' q three
        a.1 < nack 3 requeue
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q one left=1
        a.1 > publish '' q four
        a.1 < ack 4
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=0 consumers=0
        ",
    );
}

#[test]
fn a_refusal_in_the_middle_of_a_read_is_told_one_by_one() {
    check(
        "
        a.1 > queue.declare q x-max-length=2 x-overflow=reject-publish
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q 1 ; publish '' q 2 ; publish '' q 3 ; publish '' q 4 ; publish '' q 5
        a.1 < ack 2 multiple
        a.1 < nack 5 multiple requeue
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=2 consumers=0
        ",
    );
}

/// RabbitMQ asks about the length before it asks who could take the message.
#[test]
fn a_queue_without_room_that_refuses_does_not_even_hand_over() {
    with_queue(
        "x-max-length=0 x-overflow=reject-publish",
        "
        a.1 > publish '' q one
        a.1 < nack 1 requeue
        b.1 > consume q c no-ack
        b.1 < consume-ok c
        a.1 > publish '' q two
        a.1 < nack 2 requeue
        ",
    );
}

#[test]
fn a_refused_message_may_be_dead_lettered_all_the_same() {
    with_queue(
        "x-max-length=1 x-overflow=reject-publish-dlx x-dead-letter-exchange='' x-dead-letter-routing-key=dead",
        "
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > publish '' q two
        a.1 < nack 2 requeue
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q one left=0
        a.1 > get dead no-ack
        a.1 < get-ok #2 '' dead two left=0 headers={x-death=[{count=1:l, reason=maxlen, queue=q, time=1000:T, exchange='', routing-keys=[q]}], x-first-death-reason=maxlen, x-first-death-queue=q, x-first-death-exchange='', x-last-death-reason=maxlen, x-last-death-queue=q, x-last-death-exchange=''}
        ",
    );
}

#[test]
fn a_limit_on_bytes_refuses_what_does_not_fit() {
    with_queue(
        "x-max-length-bytes=10 x-overflow=reject-publish",
        "
        a.1 > publish '' q 12345678
        a.1 < ack 1
        a.1 > publish '' q abc
        a.1 < nack 2 requeue
        a.1 > publish '' q ab
        a.1 < ack 3
        ",
    );
}

#[test]
fn one_queue_that_refuses_is_enough_for_a_nack_and_the_others_have_the_message() {
    with_queue(
        "x-max-length=1 x-overflow=reject-publish",
        "
        a.1 > queue.bind q amq.fanout ''
        a.1 < queue.bind-ok
        a.1 > queue.bind dead amq.fanout ''
        a.1 < queue.bind-ok
        a.1 > publish amq.fanout '' one
        a.1 < ack 1
        a.1 > publish amq.fanout '' two
        a.1 < nack 2 requeue
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=2 consumers=0
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        ",
    );
}

#[test]
fn a_refused_message_was_routed_and_is_not_returned() {
    with_queue(
        "x-max-length=0 x-overflow=reject-publish",
        "
        a.1 > publish '' q one mandatory
        a.1 < nack 1 requeue
        ",
    );
}

#[test]
fn whoever_does_not_ask_for_confirms_is_not_told() {
    check(
        "
        a.1 > queue.declare q x-max-length=1 x-overflow=reject-publish
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q one left=0
        ",
    );
}

#[test]
fn what_comes_back_to_a_queue_that_refuses_stays() {
    with_queue(
        "x-max-length=1 x-overflow=reject-publish",
        "
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > publish '' q two
        a.1 < ack 2
        a.1 > nack 1 requeue
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=2 consumers=0
        a.1 > publish '' q three
        a.1 < nack 3 requeue
        a.1 > get q no-ack
        a.1 < get-ok #2 '' q one left=1 redelivered
        ",
    );
}

#[test]
fn a_transaction_of_which_a_queue_refuses_a_message_fails() {
    check(
        "
        a.1 > queue.declare q x-max-length=1 x-overflow=reject-publish
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q one
        a.1 > tx.commit
        a.1 < tx.commit-ok
        a.1 > publish '' q two
        a.1 > tx.commit
        a.1 < channel.close 406 90.20 PRECONDITION_FAILED - partial tx completion
        a.2 > get q no-ack
        a.2 < get-ok #1 '' q one left=0
        ",
    );
}

#[test]
fn what_is_refused_leaves_nothing_in_the_log_and_is_said_in_its_turn() {
    check(
        "
        a.1 > queue.declare q durable x-max-length=1 x-overflow=reject-publish
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        log holds
        a.1 > publish '' q one persistent
        a.1 > publish '' q two persistent
        log commits
        a.1 < ack 1
        a.1 < nack 2 requeue
        log has 1 messages in 0 pages
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q one left=0 persistent
        log has 0 messages in 0 pages
        ",
    );
}

#[test]
fn messages_that_are_due_make_room_first() {
    with_queue(
        "x-max-length=1 x-overflow=reject-publish",
        "
        a.1 > publish '' q one expiration=100
        a.1 < ack 1
        +100ms
        a.1 > publish '' q two
        a.1 < ack 2
        ",
    );
}
