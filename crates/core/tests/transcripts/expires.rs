//! `x-expires`: queues that go when nobody has used them for their time.

use crate::check;

/// Declares a queue `q` that may go unused for 100 ms, and plays the rest.
#[track_caller]
fn with_queue(rest: &str) {
    check(&format!(
        "
        a.1 > queue.declare q x-expires=100
        a.1 < queue.declare-ok q messages=0 consumers=0
        {rest}
        "
    ));
}

const GONE: &str = "
    b.1 > queue.declare q passive
    b.1 < channel.close 404 50.10 NOT_FOUND - no queue 'q' in vhost '/'
";

#[test]
fn an_unused_queue_goes_with_its_messages() {
    with_queue(
        "
        a.1 > publish '' q one
        +99ms
        a.1 > publish '' q two mandatory
        +1ms
        a.1 > publish '' q three mandatory
        a.1 < return 312 NO_ROUTE '' q three
        a.1 > get q
        a.1 < channel.close 404 60.70 NOT_FOUND - no queue 'q' in vhost '/'
        ",
    );
}

#[test]
fn declaring_it_again_is_a_use() {
    for again in ["x-expires=100", "passive", "nowait x-expires=100"] {
        let answer =
            if again.contains("nowait") { "" } else { "a.1 < queue.declare-ok q messages=0 consumers=0" };
        with_queue(&format!(
            "
            +60ms
            a.1 > queue.declare q {again}
            {answer}
            +99ms
            a.1 > publish '' q one mandatory
            +1ms
            {GONE}
            "
        ));
    }
}

#[test]
fn a_get_is_a_use_even_if_it_finds_nothing() {
    with_queue(&format!(
        "
        +60ms
        a.1 > get q
        a.1 < get-empty
        +99ms
        a.1 > publish '' q one mandatory
        +1ms
        {GONE}
        "
    ));
}

#[test]
fn publishing_binding_and_acknowledging_are_no_uses() {
    with_queue(&format!(
        "
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > get q
        a.1 < get-ok #1 '' q one left=1
        +60ms
        a.1 > publish '' q three
        a.1 > queue.bind q amq.direct k
        a.1 < queue.bind-ok
        a.1 > queue.unbind q amq.direct k
        a.1 < queue.unbind-ok
        a.1 > ack 1
        a.1 > queue.purge q
        a.1 < queue.purge-ok 2
        +40ms
        {GONE}
        "
    ));
}

#[test]
fn a_declaration_that_is_refused_is_no_use() {
    with_queue(&format!(
        "
        +60ms
        a.2 > queue.declare q x-expires=200
        a.2 < channel.close 406 50.10 PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in vhost '/': received '200' but current is '100'
        +40ms
        {GONE}
        "
    ));
}

#[test]
fn consumers_keep_it_and_its_time_begins_when_the_last_has_gone() {
    with_queue(&format!(
        "
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > consume q d
        a.1 < consume-ok d
        +1s
        a.1 > cancel c
        a.1 < cancel-ok c
        +1s
        a.1 > cancel d
        a.1 < cancel-ok d
        +99ms
        a.1 > publish '' q one mandatory
        +1ms
        {GONE}
        "
    ));
}

#[test]
fn a_consumer_that_is_lost_has_used_it_until_then() {
    with_queue(&format!(
        "
        c.1 > consume q c
        c.1 < consume-ok c
        +1s
        c is lost
        +99ms
        a.1 > publish '' q one mandatory
        +1ms
        {GONE}
        "
    ));
}

#[test]
fn what_clients_still_hold_can_be_acknowledged_after_it_is_gone() {
    with_queue(&format!(
        "
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > get q
        a.1 < get-ok #1 '' q one left=1
        a.1 > get q
        a.1 < get-ok #2 '' q two left=0
        +100ms
        {GONE}
        a.1 > ack 1
        a.1 > nack 2 requeue
        a.1 > qos 0
        a.1 < qos-ok
        "
    ));
}

#[test]
fn its_messages_are_not_dead_lettered_and_its_bindings_go() {
    check(
        "
        a.1 > queue.declare dead
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > exchange.declare x fanout auto-delete
        a.1 < exchange.declare-ok
        a.1 > queue.declare q x-expires=100 x-dead-letter-exchange='' x-dead-letter-routing-key=dead
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        a.1 > publish x '' one
        +100ms
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > exchange.declare x fanout passive
        a.1 < channel.close 404 40.10 NOT_FOUND - no exchange 'x' in vhost '/'
        ",
    );
}

#[test]
fn a_durable_queue_is_forgotten_by_the_log() {
    check(
        "
        a.1 > queue.declare q durable x-expires=100
        a.1 < queue.declare-ok q messages=0 consumers=0
        definitions shown
        log shown
        a.1 > publish '' q one persistent
        log < append 1 queues=1
        +100ms
        log < no queue / q
        log < settle 1 queue=1
        log has 0 messages in 0 pages
        ",
    );
}

#[test]
fn a_new_queue_of_the_same_name_has_its_own_time() {
    with_queue(&format!(
        "
        +60ms
        a.1 > queue.delete q
        a.1 < queue.delete-ok 0
        a.1 > queue.declare q x-expires=100
        a.1 < queue.declare-ok q messages=0 consumers=0
        +99ms
        a.1 > publish '' q one mandatory
        +1ms
        {GONE}
        "
    ));
}

#[test]
fn an_exclusive_queue_may_expire_before_its_connection_ends() {
    check(
        "
        a.1 > queue.declare q exclusive x-expires=100
        a.1 < queue.declare-ok q messages=0 consumers=0
        +100ms
        a.1 > publish '' q one mandatory
        a.1 < return 312 NO_ROUTE '' q one
        a.1 > queue.declare q exclusive x-expires=100
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}
