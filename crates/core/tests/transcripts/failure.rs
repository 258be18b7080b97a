//! A log that fails: what waits for it is refused, nothing is promised any more, and nobody hears of what may be gone.

use crate::check;

#[test]
fn what_waits_for_the_log_is_refused_and_what_it_has_is_confirmed_before() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        log holds
        a.1 > publish '' q one persistent
        a.1 > publish '' q two persistent
        log syncs
        a.1 < ack 2 multiple
        a.1 > publish '' q three persistent
        a.1 > publish '' q four persistent
        a.1 > publish '' q five
        log fails
        a.1 < nack 4 multiple requeue
        a.1 < ack 5
        ",
    );
}

#[test]
fn what_the_log_has_when_it_fails_is_confirmed_although_nobody_was_told_before() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        log holds
        a.1 > publish '' q one persistent
        log syncs and fails
        a.1 < ack 1
        ",
    );
}

#[test]
fn after_the_failure_persistent_messages_are_refused_at_once_and_others_go_on() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        log fails
        a.1 > publish '' q one persistent ; publish '' q two ; publish '' q three persistent ; publish '' q four persistent
        a.1 < nack 1 requeue
        a.1 < ack 2
        a.1 < nack 4 multiple requeue
        b.1 > get q
        b.1 < get-ok #1 '' q one left=3 persistent
        b.1 > ack 1
        ",
    );
}

#[test]
fn a_commit_that_waits_ends_its_connection_and_no_other() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        log holds
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q one persistent
        a.1 > tx.commit
        b.1 > get q
        b.1 < get-ok #1 '' q one left=0 persistent
        log fails
        a < connection.close 541 0.0 INTERNAL_ERROR - the message store has failed
        a > connection.close-ok
        a < socket closed
        b.1 > nack 1 requeue
        b.1 > get q
        b.1 < get-ok #2 '' q one left=0 redelivered persistent
        ",
    );
}

#[test]
fn a_commit_after_the_failure_ends_its_connection() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        log fails
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q one
        a.1 > tx.commit
        a.1 < tx.commit-ok
        a.1 > publish '' q two persistent
        a.1 > tx.commit
        a < connection.close 541 0.0 INTERNAL_ERROR - the message store has failed
        ",
    );
}

#[test]
fn an_answer_about_something_durable_is_never_heard_if_the_log_fails_before() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        log holds
        b.1 > queue.declare r durable
        b.1 > queue.declare s exclusive
        a.1 > publish '' q one
        log fails
        b < socket aborted
        a.1 > queue.declare s exclusive
        a.1 < queue.declare-ok s messages=0 consumers=0
        a.1 > queue.declare t durable
        a < socket aborted
        ",
    );
}

#[test]
fn a_goodbye_waits_with_the_answers_before_it_and_goes_with_them() {
    check(
        "
        log holds
        a.1 > queue.declare q durable
        a > connection.close
        b.1 > queue.declare q durable
        b > connection.close
        log fails
        a < socket aborted
        b < socket aborted
        ",
    );
}

#[test]
fn plain_publishers_hear_nothing_of_it() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        log holds
        a.1 > publish '' q one persistent
        log fails
        a.1 > publish '' q two persistent
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q one left=1 persistent
        a.1 > get q no-ack
        a.1 < get-ok #2 '' q two left=0 persistent
        ",
    );
}
