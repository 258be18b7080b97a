//! Dead letters: what a queue gives up on is published again.

use crate::check;
use crate::history::died_once;

/// A queue `q` of which dead letters go to the queue `dead`.
const TO_DEAD: &str = "
    a.1 > queue.declare dead
    a.1 < queue.declare-ok dead messages=0 consumers=0
    a.1 > queue.declare q x-dead-letter-exchange='' x-dead-letter-routing-key=dead
    a.1 < queue.declare-ok q messages=0 consumers=0
";

#[track_caller]
fn with_dead(rest: &str) {
    check(&format!("{TO_DEAD}{rest}"));
}

#[test]
fn a_message_that_is_rejected_for_good_goes_to_the_dead_letter_exchange() {
    for (command, requeued) in [("reject 1", "requeue"), ("nack 1", "requeue")] {
        let headers = died_once("rejected", "q", "''", "q");
        with_dead(&format!(
            "
            a.1 > publish '' q one persistent priority=3 type=t
            a.1 > get q
            a.1 < get-ok #1 '' q one left=0 persistent priority=3 type=t
            a.1 > {command}
            a.1 > get dead
            a.1 < get-ok #2 '' dead one left=0 headers={{{headers}}} persistent priority=3 type=t
            a.1 > nack 2 {requeued}
            a.1 > get q
            a.1 < get-empty
            "
        ));
    }
}

#[test]
fn several_at_once_keep_their_order() {
    let headers = died_once("rejected", "q", "''", "q");
    with_dead(&format!(
        "
        a.1 > consume q c
        a.1 < consume-ok c
        b.1 > publish '' q one ; publish '' q two ; publish '' q three
        a.1 < deliver c #1 '' q one
        a.1 < deliver c #2 '' q two
        a.1 < deliver c #3 '' q three
        a.1 > nack 0 multiple
        b.1 > consume dead d no-ack
        b.1 < consume-ok d
        b.1 < deliver d #1 '' dead one headers={{{headers}}}
        b.1 < deliver d #2 '' dead two headers={{{headers}}}
        b.1 < deliver d #3 '' dead three headers={{{headers}}}
        "
    ));
}

#[test]
fn without_a_key_of_its_own_a_dead_letter_keeps_its_keys() {
    let headers = died_once("rejected", "q", "x", "k, copied");
    check(&format!(
        "
        a.1 > exchange.declare x fanout
        a.1 < exchange.declare-ok
        a.1 > exchange.declare dlx direct
        a.1 < exchange.declare-ok
        a.1 > queue.declare q x-dead-letter-exchange=dlx
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        a.1 > queue.declare own
        a.1 < queue.declare-ok own messages=0 consumers=0
        a.1 > queue.bind own dlx k
        a.1 < queue.bind-ok
        a.1 > queue.declare cc
        a.1 < queue.declare-ok cc messages=0 consumers=0
        a.1 > queue.bind cc dlx copied
        a.1 < queue.bind-ok
        a.1 > queue.declare bcc
        a.1 < queue.declare-ok bcc messages=0 consumers=0
        a.1 > queue.bind bcc dlx hidden
        a.1 < queue.bind-ok
        a.1 > publish x k one headers={{CC=[copied], BCC=[hidden], a=1}}
        a.1 > get q
        a.1 < get-ok #1 x k one left=0 headers={{CC=[copied], a=1}}
        a.1 > nack 1
        a.1 > get own no-ack
        a.1 < get-ok #2 dlx k one left=0 headers={{CC=[copied], a=1, {headers}}}
        a.1 > get cc no-ack
        a.1 < get-ok #3 dlx k one left=0 headers={{CC=[copied], a=1, {headers}}}
        a.1 > get bcc no-ack
        a.1 < get-ok #4 dlx k one left=0 headers={{CC=[copied], a=1, {headers}}}
        "
    ));
}

#[test]
fn with_a_key_of_its_own_it_goes_there_only() {
    let headers = died_once("rejected", "q", "''", "q, other");
    with_dead(&format!(
        "
        a.1 > queue.declare other
        a.1 < queue.declare-ok other messages=0 consumers=0
        a.1 > publish '' q one headers={{CC=[other]}}
        a.1 > get other no-ack
        a.1 < get-ok #1 '' q one left=0 headers={{CC=[other]}}
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 headers={{CC=[other]}}
        a.1 > nack 2
        a.1 > get other
        a.1 < get-empty
        a.1 > get dead no-ack
        a.1 < get-ok #3 '' dead one left=0 headers={{CC=[other], {headers}}}
        "
    ));
}

#[test]
fn a_missing_exchange_or_one_that_leads_nowhere_is_the_end_of_a_message() {
    for exchange in ["nowhere", "amq.direct"] {
        check(&format!(
            "
            log shown
            a.1 > queue.declare q durable x-dead-letter-exchange={exchange}
            a.1 < queue.declare-ok q messages=0 consumers=0
            a.1 > publish '' q one persistent
            log < append 1 queues=1
            a.1 > get q
            a.1 < get-ok #1 '' q one left=0 persistent
            a.1 > nack 1
            log < settle 1 queue=1
            a.1 > get q
            a.1 < get-empty
            log has 0 messages in 0 pages
            "
        ));
    }
}

#[test]
fn the_exchange_may_be_declared_later_and_is_looked_for_each_time() {
    let headers = died_once("rejected", "q", "''", "q");
    check(&format!(
        "
        a.1 > queue.declare q x-dead-letter-exchange=x
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > get q
        a.1 < get-ok #1 '' q one left=1
        a.1 > nack 1
        a.1 > exchange.declare x fanout internal
        a.1 < exchange.declare-ok
        a.1 > queue.declare dead
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > queue.bind dead x ''
        a.1 < queue.bind-ok
        a.1 > get q
        a.1 < get-ok #2 '' q two left=0
        a.1 > nack 2
        a.1 > get dead no-ack
        a.1 < get-ok #3 x q two left=0 headers={{{headers}}}
        a.1 > get dead
        a.1 < get-empty
        "
    ));
}

#[test]
fn a_dead_letter_goes_wherever_its_exchange_leads() {
    let headers = died_once("rejected", "q", "''", "q");
    check(&format!(
        "
        a.1 > exchange.declare ae fanout
        a.1 < exchange.declare-ok
        a.1 > exchange.declare dlx topic alternate-exchange=ae
        a.1 < exchange.declare-ok
        a.1 > queue.declare q x-dead-letter-exchange=dlx x-dead-letter-routing-key=no.one
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare first
        a.1 < queue.declare-ok first messages=0 consumers=0
        a.1 > queue.declare second
        a.1 < queue.declare-ok second messages=0 consumers=0
        a.1 > queue.bind first ae ''
        a.1 < queue.bind-ok
        a.1 > queue.bind second ae ''
        a.1 < queue.bind-ok
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > nack 1
        a.1 > get first no-ack
        a.1 < get-ok #2 dlx no.one one left=0 headers={{{headers}}}
        a.1 > get second no-ack
        a.1 < get-ok #3 dlx no.one one left=0 headers={{{headers}}}
        "
    ));
}

#[test]
fn purging_and_deleting_are_no_deaths() {
    with_dead(
        "
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > get q
        a.1 < get-ok #1 '' q one left=1
        a.1 > queue.purge q
        a.1 < queue.purge-ok 1
        a.1 > publish '' q three
        a.1 > queue.delete q
        a.1 < queue.delete-ok 1
        a.1 > nack 1
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=0 consumers=0
        ",
    );
}

#[test]
fn acknowledged_and_requeued_messages_do_not_die() {
    with_dead(
        "
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > nack 1 requeue
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered
        a.1 > reject 2 requeue
        a.1 > get q
        a.1 < get-ok #3 '' q one left=0 redelivered
        a.1 > recover requeue
        a.1 < recover-ok
        a.1 > get q no-ack
        a.1 < get-ok #4 '' q one left=0 redelivered
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=0 consumers=0
        ",
    );
}

/// RabbitMQ says `redelivered` after basic.reject, and not after basic.nack.
#[test]
fn a_dead_letter_is_new_to_its_queue() {
    let headers = died_once("rejected", "q", "''", "q");
    with_dead(&format!(
        "
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > nack 1 requeue
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered
        a.1 > reject 2
        a.1 > get dead
        a.1 < get-ok #3 '' dead one left=0 headers={{{headers}}}
        "
    ));
}

#[test]
fn a_rejection_in_a_transaction_is_a_death_when_it_is_committed() {
    let headers = died_once("rejected", "q", "''", "q");
    with_dead(&format!(
        "
        b.1 > publish '' q one
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > nack 1
        b.1 > get dead
        b.1 < get-empty
        a.1 > tx.rollback
        a.1 < tx.rollback-ok
        a.1 > reject 1
        a.1 > tx.commit
        a.1 < tx.commit-ok
        b.1 > get dead no-ack
        b.1 < get-ok #1 '' dead one left=0 headers={{{headers}}}
        "
    ));
}

#[test]
fn a_message_that_was_taken_is_confirmed_whatever_becomes_of_it() {
    check(
        "
        a.1 > queue.declare q durable x-message-ttl=0 x-dead-letter-exchange=nowhere
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one persistent
        a.1 < ack 1
        ",
    );
}

#[test]
fn nobodys_permissions_are_asked_for_when_a_message_dies() {
    check(
        "
        user bob secret
        grant bob / '' ^q$ ^q$
        a.1 > queue.declare dead
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > queue.declare q x-dead-letter-exchange='' x-dead-letter-routing-key=dead
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        b connects user=bob password=secret
        b.1 > get q
        b.1 < get-ok #1 '' q one left=0
        b.1 > nack 1
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=1 consumers=0
        ",
    );
}

#[test]
fn the_copy_is_in_the_log_before_the_original_leaves_it() {
    check(
        "
        log shown
        a.1 > queue.declare dead durable
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > queue.declare q durable x-dead-letter-exchange='' x-dead-letter-routing-key=dead
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one persistent
        log < append 1 queues=2
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0 persistent
        a.1 > nack 1
        log < append 2 queues=1
        log < settle 1 queue=2
        log has 1 messages in 0 pages
        ",
    );
}

#[test]
fn keys_that_had_their_effect_have_none_at_the_next_death() {
    check(
        "
        a.1 > queue.declare other
        a.1 < queue.declare-ok other messages=0 consumers=0
        a.1 > queue.declare hop x-message-ttl=100 x-dead-letter-exchange=''
        a.1 < queue.declare-ok hop messages=0 consumers=0
        a.1 > queue.declare q x-dead-letter-exchange='' x-dead-letter-routing-key=hop
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one headers={CC=[other]}
        a.1 > queue.purge other
        a.1 < queue.purge-ok 1
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0 headers={CC=[other]}
        a.1 > nack 1
        +100ms
        a.1 > queue.declare other passive
        a.1 < queue.declare-ok other messages=0 consumers=0
        ",
    );
}
