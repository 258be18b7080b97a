//! Class channel: numbers, limits, and what is left after a close.

use crate::check;

#[test]
fn a_channel_opens_and_closes_and_its_number_is_free_again() {
    check(
        "
        a.1 > channel.open
        a.1 < channel.open-ok
        a.1 > channel.close
        a.1 < channel.close-ok
        a.1 > channel.open
        a.1 < channel.open-ok
        ",
    );
}

#[test]
fn nothing_but_open_may_come_on_a_channel_that_is_not_open() {
    for (command, id) in [
        ("queue.declare q", "50.10"),
        ("channel.close", "20.40"),
        ("channel.close-ok", "20.41"),
        ("publish '' q hello", "60.40"),
        ("connection.close", "10.50"),
    ] {
        check(&format!(
            "
            a.1 > channel.open
            a.1 < channel.open-ok
            a.2 >> {command}
            a < connection.close 504 {id} CHANNEL_ERROR - expected 'channel.open'
            "
        ));
    }
}

#[test]
fn a_closed_channel_is_not_open() {
    check(
        "
        a.1 > channel.open
        a.1 < channel.open-ok
        a.1 > channel.close
        a.1 < channel.close-ok
        a.1 > queue.declare q
        a < connection.close 504 50.10 CHANNEL_ERROR - expected 'channel.open'
        ",
    );
}

#[test]
fn a_channel_can_not_be_opened_twice() {
    check(
        "
        a.1 > channel.open
        a.1 < channel.open-ok
        a.1 > channel.open
        a < connection.close 504 20.10 CHANNEL_ERROR - second 'channel.open' seen
        ",
    );
}

#[test]
fn a_channel_can_not_be_opened_while_its_close_is_not_answered() {
    check(
        "
        a.1 > queue.declare q passive
        a.1 < channel.close 404 50.10…
        a.1 > channel.open
        a < connection.close 504 20.10 CHANNEL_ERROR - second 'channel.open' seen
        ",
    );
}

#[test]
fn the_number_of_open_channels_is_limited_but_not_their_numbers() {
    check(
        "
        a connects channel-max=2
        a.500 > channel.open
        a.500 < channel.open-ok
        a.65535 > channel.open
        a.65535 < channel.open-ok
        a.500 > channel.close
        a.500 < channel.close-ok
        a.1 > channel.open
        a.1 < channel.open-ok
        a.2 > channel.open
        a < connection.close 530 0.0 NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)
        ",
    );
}

#[test]
fn flow_can_only_be_on() {
    check(
        "
        a.1 > channel.flow active
        a.1 < channel.flow-ok active
        a.1 > channel.flow
        a < connection.close 540 20.20 NOT_IMPLEMENTED - active=false
        ",
    );
}

#[test]
fn after_an_error_everything_is_discarded_until_its_close_is_answered() {
    check(
        "
        a.2 > queue.declare q
        a.2 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish nowhere q x
        a.1 < channel.close 404 60.40 NOT_FOUND - no exchange 'nowhere' in vhost '/'
        a.1 > publish '' q discarded
        a.1 > publish nowhere q discarded
        a.1 > queue.declare other
        a.1 > ack 17
        a.1 > channel.close-ok
        a.2 > queue.declare q passive
        a.2 < queue.declare-ok q messages=0 consumers=0
        a.1 > channel.open
        a.1 < channel.open-ok
        a.1 > queue.declare other passive
        a.1 < channel.close 404…
        ",
    );
}

#[test]
fn one_error_is_told_once_however_much_was_pipelined_behind_it() {
    let publishes = ["publish nowhere q x"; 100].join(" ; ");
    check(&format!(
        "
        a.1 > {publishes} ; queue.declare q
        a.1 < channel.close 404 60.40 NOT_FOUND - no exchange 'nowhere' in vhost '/'
        a.2 > queue.declare q
        a.2 < queue.declare-ok q messages=0 consumers=0
        "
    ));
}

#[test]
fn a_close_that_crosses_ours_is_answered_and_ours_still_waits() {
    check(
        "
        a.1 > queue.declare q passive
        a.1 < channel.close 404 50.10…
        a.1 > channel.close
        a.1 < channel.close-ok
        a.1 > channel.close-ok
        a.1 > channel.open
        a.1 < channel.open-ok
        ",
    );
}

#[test]
fn a_reopened_channel_remembers_nothing() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > publish '' q two
        a.1 < ack 2
        a.1 > get q
        a.1 < get-ok #1 '' q one left=1
        a.1 > channel.close
        a.1 < channel.close-ok
        a.1 > channel.open
        a.1 < channel.open-ok
        a.1 > publish '' q three
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q one redelivered
        a.1 < deliver c #2 '' q two
        a.1 < deliver c #3 '' q three
        a.1 > queue.purge ''
        a.1 < channel.close 404 50.30 NOT_FOUND - no previously declared queue
        ",
    );
}

#[test]
fn an_error_gives_back_what_its_channel_held_at_once() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q one
        a.2 > consume q d
        a.2 < consume-ok d
        a.1 > ack 9
        a.1 < channel.close 406 60.80 PRECONDITION_FAILED - unknown delivery tag 9
        a.2 < deliver d #1 '' q one redelivered
        ",
    );
}

#[test]
fn a_clients_close_cleans_up_before_it_is_answered() {
    check(
        "
        a.1 > queue.declare q auto-delete
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > channel.close
        a.1 < channel.close-ok
        a.2 > queue.declare q passive
        a.2 < channel.close 404 50.10 NOT_FOUND - no queue 'q' in vhost '/'
        ",
    );
}

#[test]
fn exclusive_queues_survive_the_channel_they_were_declared_on() {
    check(
        "
        a.1 > queue.declare q exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > channel.close
        a.1 < channel.close-ok
        a.2 > queue.declare q passive
        a.2 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn an_error_in_a_nowait_method_closes_the_channel_too() {
    check(
        "
        a.1 > queue.declare amq.foo nowait
        a.1 < channel.close 403 50.10 ACCESS_REFUSED - queue name 'amq.foo' contains reserved prefix 'amq.*'
        ",
    );
}

#[test]
fn nothing_is_delivered_on_a_channel_after_close_ok() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a stalls
        a.1 > consume q c no-ack
        a.1 < consume-ok c
        b.1 > publish '' q one
        a.1 > channel.close
        a.1 < channel.close-ok
        a.1 > channel.open
        a.1 < channel.open-ok
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > consume r c
        a.1 < consume-ok c
        a resumes
        b.1 > publish '' r two
        a.1 < deliver c #1 '' r two
        ",
    );
}

#[test]
fn long_texts_are_cut_at_255_bytes() {
    let name = "q".repeat(255);
    let fits = "q".repeat(255 - "NOT_FOUND - no queue '' in vhost '/'".len());
    check(&format!(
        "
        a.2 > queue.declare {fits} passive
        a.2 < channel.close 404 50.10 NOT_FOUND - no queue '{fits}' in vhost '/'
        a.1 > queue.declare {name} passive
        a.1 < channel.close 404 50.10 NOT_FOUND - no queue '{}...
        ",
        "q".repeat(255 - "NOT_FOUND - no queue '...".len())
    ));
}
