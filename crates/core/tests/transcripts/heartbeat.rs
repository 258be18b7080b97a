//! Signs of life (4.2.7), with RabbitMQ's timing.

use crate::check;

#[test]
fn a_heartbeat_is_sent_every_half_interval() {
    check(
        "
        a connects heartbeat=2
        +999ms
        +1ms
        a < heartbeat
        a > heartbeat
        +1s
        a < heartbeat
        +1s
        a < heartbeat
        ",
    );
}

#[test]
fn whatever_else_is_sent_stands_for_a_heartbeat() {
    check(
        "
        a connects heartbeat=2
        +1s
        a < heartbeat
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        +1s
        +1s
        a < heartbeat
        ",
    );
}

#[test]
fn a_delivery_stands_for_a_heartbeat_too() {
    check(
        "
        a connects heartbeat=2
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c no-ack
        a.1 < consume-ok c
        +1s
        a < heartbeat
        b.1 > publish '' q x
        a.1 < deliver c #1 '' q x
        +1s
        +1s
        a < heartbeat
        ",
    );
}

#[test]
fn a_silent_peer_is_gone_after_three_intervals() {
    check(
        "
        a connects heartbeat=2
        a.1 > queue.declare q exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        +5999ms
        a < heartbeat
        a < heartbeat
        a < heartbeat
        a < heartbeat
        a < heartbeat
        +1ms
        a < socket aborted
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn any_byte_is_a_sign_of_life() {
    check(
        "
        a connects heartbeat=2
        +3s
        a < heartbeat
        a < heartbeat
        a < heartbeat
        a > bytes 08
        +3s
        a < heartbeat
        a < heartbeat
        a < heartbeat
        a > bytes 000000
        +3s
        a < heartbeat
        a < heartbeat
        a < heartbeat
        ",
    );
}

#[test]
fn an_interval_of_zero_means_no_heartbeats() {
    check(
        "
        a connects heartbeat=0
        +1000s
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn silence_proves_nothing_while_a_publisher_is_held_back() {
    check(
        "
        a connects heartbeat=10
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        alarm memory on
        a.1 > publish '' q x
        a < connection.blocked 'low on memory'
        +15s
        a < heartbeat
        a < heartbeat
        a < heartbeat
        +25s
        a < heartbeat
        a < heartbeat
        a < heartbeat
        a < heartbeat
        a < heartbeat
        alarm memory off
        a < connection.unblocked
        ",
    );
}
