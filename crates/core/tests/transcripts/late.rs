//! Consumers that hold a delivery for longer than they may.

use crate::check;

#[test]
fn a_late_consumer_is_cancelled_and_what_it_holds_goes_to_another() {
    check(
        "
        settings consumer-timeout=1s
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 2
        a.1 < qos-ok
        a.1 > consume q slow
        a.1 < consume-ok slow
        a.1 > publish '' q one
        a.1 < deliver slow #1 '' q one
        +500ms
        a.1 > publish '' q two
        a.1 < deliver slow #2 '' q two
        b.1 > consume q quick
        b.1 < consume-ok quick
        +499ms
        +1ms
        a.1 < cancel slow nowait
        b.1 < deliver quick #1 '' q one redelivered
        b.1 < deliver quick #2 '' q two redelivered
        ",
    );
}

#[test]
fn what_a_late_consumer_acknowledges_afterwards_means_nothing_and_is_no_error() {
    check(
        "
        settings consumer-timeout=1s
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q slow
        a.1 < consume-ok slow
        a.1 > publish '' q one
        a.1 < deliver slow #1 '' q one
        a.1 > publish '' q two
        a.1 < deliver slow #2 '' q two
        +1s
        a.1 < cancel slow nowait
        a.1 > ack 1
        a.1 > nack 2 multiple requeue
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=2 consumers=0
        a.1 > ack 1
        a.1 < channel.close 406 60.80 PRECONDITION_FAILED - unknown delivery tag 1
        ",
    );
}

#[test]
fn a_client_that_can_not_be_told_loses_its_channel() {
    check(
        "
        settings consumer-timeout=1s
        a connects without=consumer_cancel_notify
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q slow
        a.1 < consume-ok slow
        a.1 > publish '' q one
        a.1 < deliver slow #1 '' q one
        +1s
        a.1 < channel.close 406 0.0 PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1000 ms. This timeout value can be configured, see consumers doc guide to learn more
        b.1 > get q
        b.1 < get-ok #1 '' q one left=0 redelivered
        ",
    );
}

#[test]
fn who_acknowledges_in_time_and_what_was_got_or_needs_no_acknowledgement_is_not_late() {
    check(
        "
        settings consumer-timeout=1s
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q got
        a.1 > get q
        a.1 < get-ok #1 '' q got left=0
        a.1 > consume q c
        a.1 < consume-ok c
        b.1 > consume q auto no-ack
        b.1 < consume-ok auto
        a.1 > publish '' q one
        a.1 < deliver c #2 '' q one
        a.1 > publish '' q two
        b.1 < deliver auto #1 '' q two
        +999ms
        a.1 > ack 2
        +10s
        a.1 > ack 1
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=2
        ",
    );
}

#[test]
fn a_quorum_queue_and_its_consumers_may_have_a_time_of_their_own() {
    check(
        "
        a.1 > queue.declare q durable x-queue-type=quorum x-consumer-timeout=1000
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q patient x-consumer-timeout=3000
        a.1 < consume-ok patient
        a.1 > publish '' q one
        a.1 < deliver patient #1 '' q one
        +2999ms
        +1ms
        a.1 < cancel patient nowait
        a.1 > consume q usual
        a.1 < consume-ok usual
        a.1 < deliver usual #2 '' q one redelivered headers={x-acquired-count=1:l}
        +1s
        a.1 < cancel usual nowait
        ",
    );
}

#[test]
fn what_was_taken_back_is_settled_with_everything_before_a_tag() {
    let late = "
        settings consumer-timeout=1s
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q slow
        a.1 < consume-ok slow
        a.1 > publish '' q one
        a.1 < deliver slow #1 '' q one
        +1s
        a.1 < cancel slow nowait
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered
    ";
    for settled in ["2", "0"] {
        check(&format!(
            "
            {late}
            a.1 > ack {settled} multiple
            a.1 > ack 1
            a.1 < channel.close 406 60.80 PRECONDITION_FAILED - unknown delivery tag 1
            "
        ));
    }
}

#[test]
fn what_a_late_consumer_held_of_its_channels_limit_is_free_again() {
    check(
        "
        settings consumer-timeout=1s
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > qos 1 global
        a.1 < qos-ok
        a.1 > consume q slow
        a.1 < consume-ok slow
        a.1 > consume r other
        a.1 < consume-ok other
        b.1 > publish '' q one
        a.1 < deliver slow #1 '' q one
        b.1 > publish '' r two
        +1s
        a.1 < cancel slow nowait
        a.1 < deliver other #2 '' r two
        ",
    );
}
