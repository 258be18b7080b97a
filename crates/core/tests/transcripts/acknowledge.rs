//! basic.ack, nack, reject and recover.

use crate::check;

/// A queue `q`, from which `a.1` got three messages with the tags 1 to 3.
const THREE_HELD: &str = "
    a.1 > queue.declare q
    a.1 < queue.declare-ok q messages=0 consumers=0
    a.1 > publish '' q one
    a.1 > publish '' q two
    a.1 > publish '' q three
    a.1 > get q
    a.1 < get-ok #1 '' q one left=2
    a.1 > get q
    a.1 < get-ok #2 '' q two left=1
    a.1 > get q
    a.1 < get-ok #3 '' q three left=0
";

#[track_caller]
fn with_three_held(rest: &str) {
    check(&format!("{THREE_HELD}{rest}"));
}

#[test]
fn an_ack_settles_one_message() {
    with_three_held(
        "
        a.1 > ack 2
        a.1 > recover requeue
        a.1 < recover-ok
        a.1 > get q
        a.1 < get-ok #4 '' q one left=1 redelivered
        a.1 > get q
        a.1 < get-ok #5 '' q three left=0 redelivered
        ",
    );
}

#[test]
fn a_multiple_ack_settles_all_up_to_its_tag() {
    with_three_held(
        "
        a.1 > ack 2 multiple
        a.1 > recover requeue
        a.1 < recover-ok
        a.1 > get q
        a.1 < get-ok #4 '' q three left=0 redelivered
        ",
    );
}

#[test]
fn a_multiple_ack_of_zero_settles_everything_even_if_that_is_nothing() {
    with_three_held(
        "
        a.1 > ack 0 multiple
        a.1 > ack 0 multiple
        a.1 > nack 0 multiple requeue
        a.1 > get q
        a.1 < get-empty
        ",
    );
}

#[test]
fn everything_held_is_settled_or_returned_by_a_multiple_of_zero() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 2
        a.1 < qos-ok
        a.1 > consume q c
        a.1 < consume-ok c
        b.1 > publish '' q 1 ; publish '' q 2 ; publish '' q 3 ; publish '' q 4
        a.1 < deliver c #1 '' q 1
        a.1 < deliver c #2 '' q 2
        a.1 > ack 0 multiple
        a.1 < deliver c #3 '' q 3
        a.1 < deliver c #4 '' q 4
        a.1 > nack 0 multiple requeue
        a.1 < deliver c #5 '' q 3 redelivered
        a.1 < deliver c #6 '' q 4 redelivered
        a.1 > nack 0 multiple
        b.1 > publish '' q 5
        a.1 < deliver c #7 '' q 5
        ",
    );
}

#[test]
fn unknown_tags_close_the_channel() {
    for (command, id, tag) in [
        ("ack 5", "60.80", 5),
        ("ack 5 multiple", "60.80", 5),
        ("ack 0", "60.80", 0),
        ("nack 5 requeue", "60.120", 5),
        ("nack 0", "60.120", 0),
        ("reject 5", "60.90", 5),
        ("reject 0 requeue", "60.90", 0),
    ] {
        with_three_held(&format!(
            "
            a.1 > {command}
            a.1 < channel.close 406 {id} PRECONDITION_FAILED - unknown delivery tag {tag}
            a.2 > queue.declare q passive
            a.2 < queue.declare-ok q messages=3 consumers=0
            "
        ));
    }
}

#[test]
fn nothing_is_settled_twice() {
    for (first, second, id) in [
        ("ack 2", "ack 2", "60.80"),
        ("ack 2", "ack 2 multiple", "60.80"),
        ("ack 2 multiple", "ack 1", "60.80"),
        ("reject 2", "nack 2", "60.120"),
        ("nack 2 requeue", "reject 2", "60.90"),
    ] {
        with_three_held(&format!(
            "
            a.1 > {first}
            a.1 > {second}
            a.1 < channel.close 406 {id} PRECONDITION_FAILED - unknown delivery tag…
            "
        ));
    }
}

#[test]
fn a_tag_belongs_to_its_channel() {
    with_three_held(
        "
        a.2 > ack 1
        a.2 < channel.close 406 60.80 PRECONDITION_FAILED - unknown delivery tag 1
        a.1 > ack 1
        a.1 > ack 3 multiple
        ",
    );
}

#[test]
fn rejected_without_requeue_is_dropped() {
    with_three_held(
        "
        a.1 > reject 1
        a.1 > nack 2
        a.1 > nack 0 multiple
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn a_returned_message_goes_back_to_its_place() {
    with_three_held(
        "
        a.1 > publish '' q four
        a.1 > nack 2 requeue
        a.1 > reject 1 requeue
        a.1 > get q
        a.1 < get-ok #4 '' q one left=2 redelivered
        a.1 > get q
        a.1 < get-ok #5 '' q two left=1 redelivered
        a.1 > get q
        a.1 < get-ok #6 '' q four left=0
        a.1 > reject 3 requeue
        a.1 > reject 6 requeue
        a.1 > get q
        a.1 < get-ok #7 '' q three left=1 redelivered
        ",
    );
}

#[test]
fn several_returned_at_once_keep_their_order() {
    with_three_held(
        "
        a.1 > publish '' q four
        a.1 > nack 3 multiple requeue
        a.1 > consume q c no-ack
        a.1 < consume-ok c
        a.1 < deliver c #4 '' q one redelivered
        a.1 < deliver c #5 '' q two redelivered
        a.1 < deliver c #6 '' q three redelivered
        a.1 < deliver c #7 '' q four
        ",
    );
}

#[test]
fn a_lone_consumer_that_requeues_gets_its_message_right_back() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > publish '' q one
        a.1 < deliver c #1 '' q one
        a.1 > publish '' q two
        a.1 > nack 1 requeue
        a.1 < deliver c #2 '' q one redelivered
        a.1 > reject 2 requeue
        a.1 < deliver c #3 '' q one redelivered
        a.1 > ack 3
        a.1 < deliver c #4 '' q two
        ",
    );
}

#[test]
fn one_ack_may_settle_messages_of_many_queues_and_consumers() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q cq
        a.1 < consume-ok cq
        a.1 > consume r cr
        a.1 < consume-ok cr
        b.1 > publish '' q q1 ; publish '' q q2 ; publish '' r r1 ; publish '' r r2
        a.1 < deliver cq #1 '' q q1
        a.1 < deliver cr #2 '' r r1
        a.1 > ack 2 multiple
        a.1 < deliver cq #3 '' q q2
        a.1 < deliver cr #4 '' r r2
        ",
    );
}

#[test]
fn automatically_acknowledged_tags_are_unknown() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c no-ack
        a.1 < consume-ok c
        a.1 > publish '' q one
        a.1 < deliver c #1 '' q one
        a.1 > ack 1
        a.1 < channel.close 406 60.80 PRECONDITION_FAILED - unknown delivery tag 1
        a.2 > queue.declare q passive
        a.2 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn recover_brings_everything_back_under_new_tags() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q one
        a.1 < deliver c #2 '' q two
        a.1 > recover requeue
        a.1 < recover-ok
        a.1 < deliver c #3 '' q one redelivered
        a.1 < deliver c #4 '' q two redelivered
        a.1 > ack 1
        a.1 < channel.close 406 60.80 PRECONDITION_FAILED - unknown delivery tag 1
        ",
    );
}

#[test]
fn recover_async_does_the_same_without_an_answer() {
    with_three_held(
        "
        a.1 > recover-async requeue
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=3 consumers=0
        ",
    );
}

#[test]
fn recovering_without_requeue_is_not_implemented() {
    check(
        "
        a.1 > recover
        a < connection.close 540 60.110 NOT_IMPLEMENTED - requeue=false
        b.1 > recover-async
        b < connection.close 540 60.100 NOT_IMPLEMENTED - requeue=false
        ",
    );
}

#[test]
fn an_ack_in_the_read_of_its_delivery_frees_the_credit_for_the_next() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 2
        a.1 < qos-ok
        a.1 > consume q c
        a.1 < consume-ok c
        b.1 > publish '' q 1 ; publish '' q 2 ; publish '' q 3 ; publish '' q 4 ; publish '' q 5
        a.1 < deliver c #1 '' q 1
        a.1 < deliver c #2 '' q 2
        a.1 > ack 1 ; ack 2
        a.1 < deliver c #3 '' q 3
        a.1 < deliver c #4 '' q 4
        a.1 > nack 3 ; reject 4
        a.1 < deliver c #5 '' q 5
        ",
    );
}

#[test]
fn what_a_lost_client_had_comes_back_in_its_order_whether_it_was_seen_or_not() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        b.1 > publish '' q seen
        a.1 < deliver c #1 '' q seen
        a stalls
        b.1 > publish '' q unseen
        b.1 > consume q d no-ack
        b.1 < consume-ok d
        a is lost
        b.1 < deliver d #1 '' q seen redelivered
        b.1 < deliver d #2 '' q unseen
        ",
    );
}
