//! Class tx.

use crate::check;

#[test]
fn publishes_take_effect_at_the_commit() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q one
        a.1 > publish '' q two
        b.1 > queue.declare q passive
        b.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > tx.commit
        a.1 < tx.commit-ok
        b.1 > get q
        b.1 < get-ok #1 '' q one left=1
        ",
    );
}

#[test]
fn a_rollback_drops_publishes_and_the_transaction_goes_on() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q one
        a.1 > tx.rollback
        a.1 < tx.rollback-ok
        a.1 > publish '' q two
        a.1 > tx.commit
        a.1 < tx.commit-ok
        a.1 > publish '' q three
        a.1 > get q
        a.1 < get-ok #1 '' q two left=0
        a.1 > tx.commit
        a.1 < tx.commit-ok
        a.1 > get q
        a.1 < get-ok #2 '' q three left=0
        ",
    );
}

#[test]
fn commit_and_rollback_need_a_transaction() {
    check(
        "
        a.1 > tx.commit
        a.1 < channel.close 406 90.20 PRECONDITION_FAILED - channel is not transactional
        a.2 > tx.rollback
        a.2 < channel.close 406 90.30 PRECONDITION_FAILED - channel is not transactional
        a.3 > confirm.select
        a.3 < confirm.select-ok
        a.3 > tx.commit
        a.3 < channel.close 406 90.20 PRECONDITION_FAILED - channel is not transactional
        ",
    );
}

#[test]
fn a_publish_is_routed_when_it_is_made() {
    check(
        "
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q early
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q late
        a.1 > tx.commit
        a.1 < tx.commit-ok
        b.1 > get q
        b.1 < get-ok #1 '' q late left=0
        ",
    );
}

/// RabbitMQ closes the connection with 506 here; without a transaction the message would be lost in silence.
#[test]
fn a_publish_to_a_queue_that_goes_before_the_commit_is_lost_in_silence() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q one
        a.1 > queue.delete q
        a.1 < queue.delete-ok 0
        a.1 > tx.commit
        a.1 < tx.commit-ok
        ",
    );
}

#[test]
fn a_publish_that_is_wrong_closes_the_channel_at_once() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q one
        a.1 > publish nowhere k two
        a.1 < channel.close 404 60.40 NOT_FOUND - no exchange 'nowhere' in vhost '/'
        a.2 > queue.declare q passive
        a.2 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn mandatory_messages_come_back_at_the_commit_before_commit_ok() {
    check(
        "
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' nowhere one mandatory
        a.1 > publish '' nowhere two
        a.1 > tx.commit
        a.1 < return 312 NO_ROUTE '' nowhere one
        a.1 < tx.commit-ok
        a.1 > publish '' nowhere three mandatory
        a.1 > tx.rollback
        a.1 < tx.rollback-ok
        ",
    );
}

#[test]
fn an_acknowledged_tag_is_gone_at_once_and_settled_at_the_commit() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q one
        a.1 > ack 1
        a.1 > tx.commit
        a.1 < tx.commit-ok
        a.1 < deliver c #2 '' q two
        a.1 > ack 2
        a.1 > ack 2
        a.1 < channel.close 406 60.80 PRECONDITION_FAILED - unknown delivery tag 2
        b.1 > get q
        b.1 < get-ok #1 '' q two left=0 redelivered
        ",
    );
}

#[test]
fn a_rollback_makes_tags_outstanding_again_without_redelivery() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > publish '' q three
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q one
        a.1 < deliver c #2 '' q two
        a.1 < deliver c #3 '' q three
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > ack 2
        a.1 > nack 1 requeue
        a.1 > tx.rollback
        a.1 < tx.rollback-ok
        a.1 > ack 2 multiple
        a.1 > reject 3 requeue
        a.1 > tx.commit
        a.1 < tx.commit-ok
        a.1 < deliver c #4 '' q three redelivered
        ",
    );
}

#[test]
fn requeues_take_effect_at_the_commit() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > nack 1 requeue
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > tx.commit
        a.1 < tx.commit-ok
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        ",
    );
}

#[test]
fn recover_does_not_touch_what_was_acknowledged_in_the_transaction() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > get q
        a.1 < get-ok #1 '' q one left=1
        a.1 > get q
        a.1 < get-ok #2 '' q two left=0
        a.1 > ack 1
        a.1 > recover requeue
        a.1 < recover-ok
        a.1 > tx.commit
        a.1 < tx.commit-ok
        a.1 > get q
        a.1 < get-ok #3 '' q two left=0 redelivered
        a.1 > get q
        a.1 < get-empty
        ",
    );
}

#[test]
fn a_closing_channel_undoes_its_transaction() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > ack 1
        a.1 > publish '' q two
        a.1 > channel.close
        a.1 < channel.close-ok
        a.2 > get q
        a.2 < get-ok #1 '' q one left=0 redelivered
        a.1 > channel.open
        a.1 < channel.open-ok
        a.1 > tx.commit
        a.1 < channel.close 406 90.20 PRECONDITION_FAILED - channel is not transactional
        ",
    );
}

/// RabbitMQ closes the connection with 504 if anything is asked before commit-ok; here it is answered.
#[test]
fn a_channel_is_not_deaf_while_its_commit_waits_for_the_log() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        log holds
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q one persistent
        a.1 > tx.commit
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0 persistent
        a.1 > publish '' q two persistent
        a.1 > tx.commit
        log commits
        a.1 < tx.commit-ok
        a.1 < tx.commit-ok
        ",
    );
}

#[test]
fn commit_ok_waits_for_the_log() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        log holds
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q one persistent
        a.1 > tx.commit
        log commits
        a.1 < tx.commit-ok
        log holds
        a.1 > publish '' q transient
        a.1 > tx.commit
        a.1 < tx.commit-ok
        ",
    );
}

/// The first commit-ok that a client hears is that of its first commit, so it says that this one is safe.
#[test]
fn the_answer_to_a_commit_does_not_overtake_that_of_an_earlier_one() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        log holds
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q one persistent
        a.1 > tx.commit
        a.1 > tx.commit
        log commits
        a.1 < tx.commit-ok
        a.1 < tx.commit-ok
        ",
    );
}
