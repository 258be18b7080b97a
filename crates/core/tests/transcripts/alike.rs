//! Messages that begin like the one before them, as most do: what was found out about the first holds for the next, until
//! something has happened that matters.

use crate::check;

#[test]
fn messages_of_one_kind_arrive_whole_and_in_order() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > consume q c no-ack
        b.1 < consume-ok c
        a.1 > publish '' q one content-type=text/plain ; publish '' q two content-type=text/plain ; publish '' q six content-type=text/plain
        b.1 < deliver c #1 '' q one content-type=text/plain
        b.1 < deliver c #2 '' q two content-type=text/plain
        b.1 < deliver c #3 '' q six content-type=text/plain
        a.1 > publish '' q ten content-type=text/plain ; publish '' q ten content-type=text/x ; publish '' q three content-type=text/x ; publish '' q '' content-type=text/x ; publish '' q three content-type=text/x
        b.1 < deliver c #4 '' q ten content-type=text/plain
        b.1 < deliver c #5 '' q ten content-type=text/x
        b.1 < deliver c #6 '' q three content-type=text/x
        b.1 < deliver c #7 '' q '' content-type=text/x
        b.1 < deliver c #8 '' q three content-type=text/x
        ",
    );
}

#[test]
fn two_kinds_in_turn_are_told_apart() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        b.1 > consume q c no-ack
        b.1 < consume-ok c
        b.1 > consume r d no-ack
        b.1 < consume-ok d
        a.1 > publish '' q one ; publish '' q two ; publish '' r one ; publish '' q six
        b.1 < deliver c #1 '' q one
        b.1 < deliver c #2 '' q two
        b.1 < deliver c #3 '' q six
        b.1 < deliver d #4 '' r one
        ",
    );
}

#[test]
fn channels_are_told_apart_and_count_for_themselves() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.2 > confirm.select
        a.2 < confirm.select-ok
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > publish '' q two
        a.1 < ack 2
        a.2 > publish '' q six
        a.2 < ack 1
        a.1 > publish '' q ten
        a.1 < ack 3
        a.1 > publish '' q one ; publish '' q two ; publish '' q six
        a.1 < ack 6 multiple
        ",
    );
}

#[test]
fn a_queue_that_is_unbound_or_deleted_in_between_gets_no_more() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.direct k
        a.1 < queue.bind-ok
        b.1 > publish amq.direct k one mandatory
        b.1 > publish amq.direct k two mandatory
        a.1 > queue.unbind q amq.direct k
        a.1 < queue.unbind-ok
        b.1 > publish amq.direct k six mandatory
        b.1 < return 312 NO_ROUTE amq.direct k six
        a.1 > queue.bind q amq.direct k
        a.1 < queue.bind-ok
        b.1 > publish amq.direct k ten mandatory
        a.1 > queue.delete q
        a.1 < queue.delete-ok 3
        b.1 > publish amq.direct k one mandatory
        b.1 < return 312 NO_ROUTE amq.direct k one
        ",
    );
}

#[test]
fn a_permission_that_is_taken_away_in_between_is_missed_at_once() {
    check(
        "
        user bob secret
        grant bob / .* .* .*
        b connects user=bob password=secret
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > publish amq.direct k one
        b.1 > publish amq.direct k two
        grant bob / .* '' .*
        b.1 > publish amq.direct k six
        b.1 < channel.close 403 60.40 ACCESS_REFUSED - write access to exchange 'amq.direct' in vhost '/' refused for user 'bob'
        b.1 > publish amq.direct k six
        b.1 > channel.close-ok
        ",
    );
}

#[test]
fn a_channel_that_was_closed_and_opened_again_begins_anew() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > publish '' q two
        a.1 < ack 2
        a.1 > channel.close
        a.1 < channel.close-ok
        a.1 > channel.open
        a.1 < channel.open-ok
        a.1 > publish '' q six
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=3 consumers=0
        ",
    );
}

#[test]
fn a_transaction_collects_them_too() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > tx.select
        a.1 < tx.select-ok
        a.1 > publish '' q two ; publish '' q six ; publish '' q ten
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        a.1 > tx.commit
        a.1 < tx.commit-ok
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=4 consumers=0
        ",
    );
}

#[test]
fn a_queue_that_becomes_full_in_between_says_no() {
    check(
        "
        a.1 > queue.declare q x-max-length=2 x-overflow=reject-publish
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one ; publish '' q two ; publish '' q six ; publish '' q ten
        a.1 < ack 2 multiple
        a.1 < nack 4 multiple requeue
        ",
    );
}

#[test]
fn tracing_that_begins_in_between_sees_the_next() {
    check(
        "
        t.1 > queue.declare t
        t.1 < queue.declare-ok t messages=0 consumers=0
        t.1 > queue.bind t amq.rabbitmq.trace #
        t.1 < queue.bind-ok
        a.1 > publish amq.direct k one
        a.1 > publish amq.direct k two
        trace on /
        a.1 > publish amq.direct k six
        t.1 > queue.declare t passive
        t.1 < queue.declare-ok t messages=1 consumers=0
        ",
    );
}

#[test]
fn an_end_byte_that_is_wrong_breaks_the_stream_all_the_same() {
    check(
        r#"
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish-method '' q ; header size=3 ; frame 3 two end=00
        a < connection.close 501 0.0 FRAME_ERROR - type 3, all octets = <<"two">>: {invalid_frame_end_marker,0}
        +3s
        a < socket closed
        "#,
    );
}

#[test]
fn what_comes_back_is_told_from_what_is_new() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > consume q c
        b.1 < consume-ok c
        a.1 > publish '' q one ; publish '' q two
        b.1 < deliver c #1 '' q one
        b.1 < deliver c #2 '' q two
        b.1 > reject 1 requeue
        b.1 < deliver c #3 '' q one redelivered
        a.1 > publish '' q six
        b.1 < deliver c #4 '' q six
        b.1 > ack 4 multiple
        ",
    );
}

/// Acknowledgements that come in a row, of channels and kinds that differ.
#[test]
fn acknowledgements_in_a_row_are_each_heard() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one ; publish '' q two ; publish '' q six ; publish '' q ten
        b.1 > qos 4
        b.1 < qos-ok
        b.1 > consume q c
        b.1 < consume-ok c
        b.1 < deliver c #1 '' q one
        b.1 < deliver c #2 '' q two
        b.1 < deliver c #3 '' q six
        b.1 < deliver c #4 '' q ten
        b.1 > ack 2 ; ack 3 ; ack 1
        b.1 > ack 4 ; ack 4
        b.1 < channel.close 406 60.80 PRECONDITION_FAILED - unknown delivery tag 4
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

/// A heartbeat is when room is given back; what was remembered is found out again.
#[test]
fn what_is_remembered_is_forgotten_at_a_heartbeat_and_learned_again() {
    check(
        "
        a connects heartbeat=10
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > publish '' q one ; publish '' r two ; publish '' q six
        +5s
        a < heartbeat
        a.1 > publish '' q one ; publish '' q two ; publish '' r six
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=4 consumers=0
        a.1 > queue.declare r passive
        a.1 < queue.declare-ok r messages=2 consumers=0
        ",
    );
}
