//! basic.qos, a consumer's own limit and the channel's.

use crate::check;

#[test]
fn a_size_is_not_implemented() {
    check(
        "
        a.1 > qos 1 size=1
        a < connection.close 540 60.10 NOT_IMPLEMENTED - prefetch_size!=0 (1)
        ",
    );
}

#[test]
fn a_consumer_holds_no_more_than_its_limit() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 2
        a.1 < qos-ok
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > publish '' q one
        a.1 < deliver c #1 '' q one
        a.1 > publish '' q two
        a.1 < deliver c #2 '' q two
        a.1 > publish '' q three
        a.1 > publish '' q four
        a.1 > ack 2
        a.1 < deliver c #3 '' q three
        a.1 > reject 1
        a.1 < deliver c #4 '' q four
        ",
    );
}

#[test]
fn zero_is_no_limit() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > qos 0
        a.1 < qos-ok
        a.1 > consume q c
        a.1 < consume-ok c
        b.1 > publish '' q one ; publish '' q two ; publish '' q three
        a.1 < deliver c #1 '' q one
        a.1 < deliver c #2 '' q two
        a.1 < deliver c #3 '' q three
        ",
    );
}

#[test]
fn a_limit_is_that_of_the_moment_of_consuming() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 2
        a.1 < qos-ok
        a.1 > consume q a
        a.1 < consume-ok a
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q b
        a.1 < consume-ok b
        b.1 > publish '' q 1 ; publish '' q 2 ; publish '' q 3 ; publish '' q 4 ; publish '' q 5
        a.1 < deliver a #1 '' q 1
        a.1 < deliver b #2 '' q 2
        a.1 < deliver a #3 '' q 3
        a.1 > qos 10
        a.1 < qos-ok
        a.1 > ack 1
        a.1 < deliver a #4 '' q 4
        ",
    );
}

#[test]
fn each_consumer_counts_its_own() {
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
        b.1 > publish '' q one
        a.1 < deliver cq #1 '' q one
        b.1 > publish '' r two
        a.1 < deliver cr #2 '' r two
        ",
    );
}

#[test]
fn automatic_acknowledgement_knows_no_limit() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q c no-ack
        a.1 < consume-ok c
        b.1 > publish '' q one ; publish '' q two
        a.1 < deliver c #1 '' q one
        a.1 < deliver c #2 '' q two
        ",
    );
}

/// RabbitMQ 4.3 takes `global` for a limit of each consumer; as in 3.13 it is one for the channel here.
#[test]
fn a_global_limit_is_shared_by_the_consumers_of_the_channel() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > qos 2 global
        a.1 < qos-ok
        a.1 > consume q cq
        a.1 < consume-ok cq
        a.1 > consume r cr
        a.1 < consume-ok cr
        b.1 > publish '' q one
        a.1 < deliver cq #1 '' q one
        b.1 > publish '' r two
        a.1 < deliver cr #2 '' r two
        b.1 > publish '' q three
        b.1 > publish '' r four
        a.1 > ack 2
        a.1 < deliver cq #3 '' q three
        a.1 > ack 1
        a.1 < deliver cr #4 '' r four
        a.2 > consume q other
        a.2 < consume-ok other
        b.1 > publish '' q five
        a.2 < deliver other #1 '' q five
        ",
    );
}

#[test]
fn a_global_limit_comes_beside_that_of_each_consumer() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > qos 3 global
        a.1 < qos-ok
        a.1 > consume q c1
        a.1 < consume-ok c1
        a.1 > consume q c2
        a.1 < consume-ok c2
        b.1 > publish '' q one ; publish '' q two ; publish '' q three
        a.1 < deliver c1 #1 '' q one
        a.1 < deliver c2 #2 '' q two
        a.1 > ack 2 multiple
        a.1 < deliver c1 #3 '' q three
        ",
    );
}

#[test]
fn a_global_limit_holds_at_once_for_consumers_that_are_there() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > publish '' q one
        a.1 < deliver c #1 '' q one
        a.1 > publish '' q two
        a.1 < deliver c #2 '' q two
        a.1 > qos 2 global
        a.1 < qos-ok
        a.1 > publish '' q three
        a.1 > ack 1
        a.1 < deliver c #3 '' q three
        a.1 > publish '' q four
        a.1 > qos 3 global
        a.1 < qos-ok
        a.1 < deliver c #4 '' q four
        a.1 > publish '' q five
        a.1 > qos 0 global
        a.1 < qos-ok
        a.1 < deliver c #5 '' q five
        ",
    );
}

#[test]
fn a_global_limit_does_not_count_gets_nor_what_needs_no_ack() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > qos 1 global
        a.1 < qos-ok
        a.1 > consume r free no-ack
        a.1 < consume-ok free
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > consume q c
        a.1 < consume-ok c
        b.1 > publish '' r two ; publish '' r three
        a.1 < deliver free #2 '' r two
        a.1 < deliver free #3 '' r three
        b.1 > publish '' q four
        a.1 < deliver c #4 '' q four
        b.1 > publish '' r five
        a.1 < deliver free #5 '' r five
        a.1 > ack 1
        b.1 > publish '' q six
        a.1 > ack 4
        a.1 < deliver c #6 '' q six
        ",
    );
}

#[test]
fn returned_messages_give_credit_back() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 1 global
        a.1 < qos-ok
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > publish '' q one
        a.1 < deliver c #1 '' q one
        a.1 > publish '' q two
        a.1 > nack 1 requeue
        a.1 < deliver c #2 '' q one redelivered
        a.1 > recover requeue
        a.1 < recover-ok
        a.1 < deliver c #3 '' q one redelivered
        a.1 > ack 3
        a.1 < deliver c #4 '' q two
        ",
    );
}

#[test]
fn what_is_on_its_way_counts_towards_a_limit_for_the_channel_that_comes_later() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a stalls
        b.1 > publish '' q one
        b.1 > publish '' q two
        a.1 > qos 2 global
        a.1 < qos-ok
        b.1 > publish '' q three
        a resumes
        a.1 < deliver c #1 '' q one
        a.1 < deliver c #2 '' q two
        a.1 > ack 1
        a.1 < deliver c #3 '' q three
        ",
    );
}
