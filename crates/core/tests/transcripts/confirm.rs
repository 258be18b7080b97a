//! Publisher confirms.

use crate::check;

#[test]
fn every_publish_after_confirm_select_is_confirmed_from_one_on() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q before
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q two
        a.1 < ack 2
        a.1 > confirm.select nowait
        a.1 > publish '' q three
        a.1 < ack 3
        ",
    );
}

/// RabbitMQ coalesces by time and queue; any grouping will do, as long as returns come before.
#[test]
fn publishes_of_one_read_are_confirmed_together() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one ; publish '' q two ; publish '' nowhere three
        a.1 < ack 3 multiple
        a.1 > publish '' q four ; publish '' q five
        a.1 < ack 5 multiple
        ",
    );
}

#[test]
fn what_reaches_nothing_is_confirmed_and_returned_before() {
    check(
        "
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' nowhere one
        a.1 < ack 1
        a.1 > publish '' nowhere two mandatory
        a.1 < return 312 NO_ROUTE '' nowhere two
        a.1 < ack 2
        a.1 > publish '' nowhere three mandatory ; publish '' nowhere four mandatory
        a.1 < return 312 NO_ROUTE '' nowhere three
        a.1 < return 312 NO_ROUTE '' nowhere four
        a.1 < ack 4 multiple
        ",
    );
}

#[test]
fn channels_count_for_themselves() {
    check(
        "
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.2 > confirm.select
        a.2 < confirm.select-ok
        a.1 > publish '' nowhere x
        a.1 < ack 1
        a.2 > publish '' nowhere x
        a.2 < ack 1
        a.3 > publish '' nowhere x
        ",
    );
}

#[test]
fn confirm_mode_and_transactions_exclude_each_other() {
    check(
        "
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > confirm.select
        a.1 < channel.close 406 85.10 PRECONDITION_FAILED - cannot switch from tx to confirm mode
        a.2 > confirm.select
        a.2 < confirm.select-ok
        a.2 > tx.select
        a.2 < channel.close 406 90.10 PRECONDITION_FAILED - cannot switch from confirm to tx mode
        ",
    );
}

#[test]
fn a_failed_publish_is_not_confirmed_but_those_before_it_are() {
    check(
        "
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' nowhere one ; publish '' nowhere two ; publish missing k three ; publish '' nowhere four
        a.1 < ack 2 multiple
        a.1 < channel.close 404 60.40 NOT_FOUND - no exchange 'missing' in vhost '/'
        ",
    );
}

#[test]
fn a_confirm_of_a_persistent_message_waits_for_the_log() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        log holds
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > publish '' q two persistent
        a.1 > publish '' q three
        a.1 > publish '' q four persistent
        log commits
        a.1 < ack 4 multiple
        ",
    );
}

#[test]
fn a_delivery_does_not_wait_for_the_log() {
    check(
        "
        b.1 > queue.declare q durable
        b.1 < queue.declare-ok q messages=0 consumers=0
        log holds
        b.1 > consume q c no-ack
        b.1 < consume-ok c
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one persistent
        b.1 < deliver c #1 '' q one persistent
        log commits
        a.1 < ack 1
        ",
    );
}

#[test]
fn only_persistent_messages_for_durable_queues_are_logged() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare d durable
        a.1 < queue.declare-ok d messages=0 consumers=0
        log holds
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one persistent
        a.1 < ack 1
        a.1 > publish '' d two delivery-mode=1
        a.1 < ack 2
        a.1 > publish '' d three delivery-mode=3
        a.1 < ack 3
        a.1 > publish '' nowhere four persistent
        a.1 < ack 4
        a.1 > publish '' q five persistent headers={CC=[d]}
        log commits
        a.1 < ack 5
        ",
    );
}

#[test]
fn a_closed_channels_confirms_are_never_sent() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        log holds
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one persistent
        a.1 > channel.close
        a.1 < channel.close-ok
        a.1 > channel.open
        a.1 < channel.open-ok
        a.1 > confirm.select
        a.1 < confirm.select-ok
        log commits
        a.1 > publish '' q two
        a.1 < ack 1
        ",
    );
}

#[test]
fn a_deleted_queue_does_not_keep_its_publisher_waiting() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        log holds
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one persistent
        b.1 > queue.delete q
        log commits
        a.1 < ack 1
        b.1 < queue.delete-ok 1
        ",
    );
}
