//! What the log is told: each persistent message of durable queues once, and when each queue is done with it.

use crate::check;

#[test]
fn a_message_is_appended_once_with_all_its_durable_queues() {
    check(
        "
        log shown
        a.1 > queue.declare q1 durable
        a.1 < queue.declare-ok q1 messages=0 consumers=0
        a.1 > queue.declare q2 durable
        a.1 < queue.declare-ok q2 messages=0 consumers=0
        a.1 > queue.declare q3
        a.1 < queue.declare-ok q3 messages=0 consumers=0
        a.1 > publish '' q1 hello persistent headers={CC=[q3]}
        log < append 1 queues=1
        a.1 > publish '' q2 transient
        a.1 > queue.bind q2 amq.fanout ''
        a.1 < queue.bind-ok
        a.1 > publish amq.fanout '' hello persistent
        log < append 2 queues=2
        ",
    );
}

#[test]
fn whatever_ends_a_message_settles_it() {
    check(
        "
        log shown
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q acked persistent
        log < append 1 queues=1
        a.1 > publish '' q rejected persistent
        log < append 2 queues=1
        a.1 > publish '' q got persistent
        log < append 3 queues=1
        a.1 > publish '' q expired persistent expiration=10
        log < append 4 queues=1
        a.1 > publish '' q consumed persistent
        log < append 5 queues=1
        a.1 > publish '' q purged persistent
        log < append 6 queues=1
        a.1 > get q
        a.1 < get-ok #1 '' q acked left=5 persistent
        a.1 > ack 1
        log < settle 1 queue=1
        a.1 > get q
        a.1 < get-ok #2 '' q rejected left=4 persistent
        a.1 > reject 2
        log < settle 2 queue=1
        a.1 > get q no-ack
        a.1 < get-ok #3 '' q got left=3 persistent
        log < settle 3 queue=1
        +10ms
        log < settle 4 queue=1
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=2 consumers=0
        a.1 > qos 1
        a.1 < qos-ok
        a.2 > consume q c no-ack
        a.2 < consume-ok c
        log < settle 5 queue=1
        log < settle 6 queue=1
        a.2 < deliver c #1 '' q consumed persistent
        a.2 < deliver c #2 '' q purged persistent
        ",
    );
}

#[test]
fn what_a_deleted_or_purged_queue_held_is_settled() {
    check(
        "
        log shown
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one persistent
        log < append 1 queues=1
        a.1 > queue.purge q
        a.1 < queue.purge-ok 1
        log < settle 1 queue=1
        a.1 > publish '' q two persistent
        log < append 2 queues=1
        a.1 > publish '' q three persistent
        log < append 3 queues=1
        a.1 > get q
        a.1 < get-ok #1 '' q two left=1 persistent
        a.1 > queue.delete q
        a.1 < queue.delete-ok 1
        log < settle 3 queue=1
        a.1 > ack 1
        log < settle 2 queue=1
        ",
    );
}

#[test]
fn a_returned_message_keeps_its_record() {
    check(
        "
        log shown
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one persistent
        log < append 1 queues=1
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0 persistent
        a.1 > nack 1 requeue
        b.1 > get q
        b.1 < get-ok #1 '' q one left=0 redelivered persistent
        b is lost
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered persistent
        a.1 > ack 2
        log < settle 1 queue=1
        ",
    );
}

#[test]
fn a_rolled_back_publish_is_not_appended_and_a_rolled_back_ack_not_settled() {
    check(
        "
        log shown
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one persistent
        log < append 1 queues=1
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0 persistent
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > ack 1
        a.1 > publish '' q two persistent
        a.1 > tx.rollback
        a.1 < tx.rollback-ok
        a.1 > ack 1
        a.1 > publish '' q three persistent
        a.1 > tx.commit
        log < append 2 queues=1
        log < settle 1 queue=1
        a.1 < tx.commit-ok
        ",
    );
}
