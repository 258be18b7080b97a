//! What the log is told of the layout, and what waits until it has it.

use crate::check;

#[test]
fn durable_things_are_defined_and_others_are_not() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        definitions shown
        a.1 > queue.declare transient
        a.1 < queue.declare-ok transient messages=0 consumers=0
        a.1 > queue.declare own durable exclusive
        a.1 < queue.declare-ok own messages=0 consumers=0
        a.1 > queue.declare d durable auto-delete x-message-ttl=1000
        a.1 < queue.declare-ok d messages=0 consumers=0
        log < queue / d id=4 auto-delete {x-message-ttl: 1000}
        a.1 > exchange.declare x topic durable
        a.1 < exchange.declare-ok
        log < exchange / x topic
        a.1 > exchange.declare t topic
        a.1 < exchange.declare-ok
        a.1 > queue.bind q x 'a.#' k=v
        a.1 < queue.bind-ok
        log < binding / x queue=q key=a.# {k: \"v\"}
        a.1 > queue.bind q t 'a.#'
        a.1 < queue.bind-ok
        a.1 > queue.bind transient x 'a.#'
        a.1 < queue.bind-ok
        a.1 > queue.bind q amq.direct k
        a.1 < queue.bind-ok
        log < binding / amq.direct queue=q key=k {}
        a.1 > exchange.bind amq.fanout x k
        a.1 < exchange.bind-ok
        log < binding / x exchange=amq.fanout key=k {}
        a.1 > exchange.bind x t k
        a.1 < exchange.bind-ok
        ",
    );
}

#[test]
fn doing_a_thing_again_defines_nothing() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.direct k
        a.1 < queue.bind-ok
        definitions shown
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.direct k
        a.1 < queue.bind-ok
        a.1 > exchange.declare amq.direct direct durable
        a.1 < exchange.declare-ok
        a.1 > queue.unbind q amq.direct other
        a.1 < queue.unbind-ok
        a.1 > queue.delete missing
        a.1 < queue.delete-ok 0
        a.1 > exchange.delete missing
        a.1 < exchange.delete-ok
        ",
    );
}

#[test]
fn whatever_goes_with_something_is_said_too() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > exchange.declare up fanout durable auto-delete
        a.1 < exchange.declare-ok
        a.1 > exchange.declare down fanout durable auto-delete
        a.1 < exchange.declare-ok
        a.1 > exchange.bind down up ''
        a.1 < exchange.bind-ok
        a.1 > queue.bind q down k
        a.1 < queue.bind-ok
        definitions shown
        a.1 > queue.delete q
        a.1 < queue.delete-ok 0
        log < no binding / down queue=q key=k {}
        log < no queue / q
        log < no binding / up exchange=down key='' {}
        log < no exchange / down
        log < no exchange / up
        ",
    );
}

#[test]
fn an_unbind_names_the_binding_as_it_was_made() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.headers '' a=1 b=2
        a.1 < queue.bind-ok
        definitions shown
        a.1 > queue.unbind q amq.headers '' b=2 a=1
        a.1 < queue.unbind-ok
        log < no binding / amq.headers queue=q key='' {a: 1, b: 2}
        ",
    );
}

#[test]
fn users_and_virtual_hosts_are_defined_with_every_change() {
    check(
        "
        vhost v
        definitions shown
        vhost v
        vhost w
        log < vhost w
        user bob secret
        log < user bob vhosts=
        grant bob w '' '' .*
        log < user bob vhosts=w
        ",
    );
}

#[test]
fn an_auto_delete_queue_that_goes_is_gone_for_the_log() {
    check(
        "
        a.1 > queue.declare q durable auto-delete
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        definitions shown
        a.1 > cancel c
        a.1 < cancel-ok c
        log < no queue / q
        ",
    );
}

#[test]
fn answers_about_durable_things_wait_for_the_log_with_everything_behind_them() {
    check(
        "
        log holds
        a.1 > queue.declare t
        a.1 < queue.declare-ok t messages=0 consumers=0
        a.1 > queue.declare q durable
        a.1 > publish '' t one
        a.1 > get t
        a.1 > queue.delete t
        log syncs
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 < get-ok #1 '' t one left=0
        a.1 < queue.delete-ok 0
        a.1 > exchange.declare x fanout durable
        log syncs
        a.1 < exchange.declare-ok
        a.1 > queue.bind q x ''
        log syncs
        a.1 < queue.bind-ok
        a.1 > queue.unbind q x ''
        log syncs
        a.1 < queue.unbind-ok
        a.1 > exchange.delete x
        log syncs
        a.1 < exchange.delete-ok
        a.1 > queue.delete q
        log syncs
        a.1 < queue.delete-ok 0
        ",
    );
}

#[test]
fn who_declares_or_deletes_what_another_has_just_done_waits_too_and_nobody_else() {
    check(
        "
        b.1 > queue.declare t
        b.1 < queue.declare-ok t messages=0 consumers=0
        log holds
        a.1 > queue.declare q durable
        b.1 > publish '' t one
        b.1 > get t
        b.1 < get-ok #1 '' t one left=0
        b.1 > queue.declare q passive
        b.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > queue.declare q durable
        log syncs
        b.1 < queue.declare-ok q messages=0 consumers=0
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > queue.declare q durable
        b.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.delete q
        b.1 > queue.delete q
        log syncs
        b.1 < queue.delete-ok 0
        a.1 < queue.delete-ok 0
        ",
    );
}

#[test]
fn heartbeats_wait_behind_an_answer_that_waits() {
    check(
        "
        a connects heartbeat=10
        log holds
        a.1 > queue.declare q durable
        +5s
        +5s
        log syncs
        a.1 < queue.declare-ok q messages=0 consumers=0
        a < heartbeat
        a < heartbeat
        ",
    );
}

#[test]
fn a_connection_that_closes_while_its_answer_waits_hears_both() {
    check(
        "
        log holds
        a.1 > queue.declare q durable
        a > connection.close
        log syncs
        a.1 < queue.declare-ok q messages=0 consumers=0
        a < connection.close-ok
        ",
    );
}
