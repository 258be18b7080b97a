//! Class queue: declare, purge, delete.

use crate::check;

#[test]
fn a_declared_queue_keeps_what_is_published_to_it() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q hello
        a.1 > get q
        a.1 < get-ok #1 '' q hello left=0
        a.1 > get q
        a.1 < get-empty
        ",
    );
}

#[test]
fn counts_are_of_ready_messages_and_consumers() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > publish '' q three
        a.1 > get q
        a.1 < get-ok #1 '' q one left=2
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=2 consumers=0
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 < deliver c #2 '' q two
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=1
        a.1 > queue.purge q
        a.1 < queue.purge-ok 1
        a.1 > queue.delete q
        a.1 < queue.delete-ok 0
        a.1 < cancel c nowait
        ",
    );
}

#[test]
fn counts_see_what_was_published_in_the_same_read() {
    check(
        "
        a.1 > queue.declare q ; publish '' q one ; publish '' q two ; queue.declare q passive ; publish '' q three ; queue.purge q ; get q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 < queue.declare-ok q messages=2 consumers=0
        a.1 < queue.purge-ok 3
        a.1 < get-empty
        ",
    );
}

#[test]
fn the_server_makes_up_names() {
    check(
        "
        a.1 > queue.declare '' exclusive
        a.1 < queue.declare-ok amq.gen-1 messages=0 consumers=0
        a.1 > queue.declare ''
        a.1 < queue.declare-ok amq.gen-2 messages=0 consumers=0
        a.1 > publish '' amq.gen-1 hello mandatory
        a.1 > get amq.gen-1
        a.1 < get-ok #1 '' amq.gen-1 hello left=0
        a.1 > queue.declare amq.gen-1 passive
        a.1 < queue.declare-ok amq.gen-1 messages=0 consumers=0
        a.1 > queue.declare amq.gen-1 exclusive
        a.1 < channel.close 403 50.10 ACCESS_REFUSED - queue name 'amq.gen-…
        ",
    );
}

#[test]
fn names_must_not_begin_with_amq_even_if_there_is_such_a_queue() {
    check(
        "
        a.1 > queue.declare amq.foo
        a.1 < channel.close 403 50.10 ACCESS_REFUSED - queue name 'amq.foo' contains reserved prefix 'amq.*'
        a.2 > queue.declare amq.foo passive
        a.2 < channel.close 404 50.10 NOT_FOUND - no queue 'amq.foo' in vhost '/'
        ",
    );
}

#[test]
fn a_missing_queue_is_not_found() {
    for (command, id) in [
        ("queue.declare nope passive", "50.10"),
        ("queue.declare nope passive durable exclusive x-max-priority=999", "50.10"),
        ("queue.purge nope", "50.30"),
        ("get nope", "60.70"),
        ("consume nope c", "60.20"),
    ] {
        check(&format!(
            "
            a.1 > {command}
            a.1 < channel.close 404 {id} NOT_FOUND - no queue 'nope' in vhost '/'
            "
        ));
    }
    check(
        "
        a.1 > queue.declare '' passive
        a.1 < channel.close 404 50.10 NOT_FOUND - no queue '' in vhost '/'
        ",
    );
}

#[test]
fn a_passive_declare_looks_at_nothing_but_the_name() {
    check(
        "
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare q passive auto-delete exclusive x-message-ttl=5
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn flags_must_be_as_before() {
    for (first, again, key, received, current) in [
        ("", "durable", "durable", "true", "false"),
        ("durable", "", "durable", "false", "true"),
        ("durable", "durable auto-delete", "auto_delete", "true", "false"),
        ("auto-delete", "durable", "durable", "true", "false"),
    ] {
        check(&format!(
            "
            a.1 > queue.declare q {first}
            a.1 < queue.declare-ok q messages=0 consumers=0
            a.1 > queue.declare q {again}
            a.1 < channel.close 406 50.10 PRECONDITION_FAILED - inequivalent arg '{key}' for queue 'q' in vhost '/': received '{received}' but current is '{current}'
            "
        ));
    }
}

#[test]
fn an_exclusive_queue_is_never_durable() {
    check(
        "
        a.1 > queue.declare q durable exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare q exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare q durable exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn exclusivity_is_part_of_what_a_queue_is_even_for_its_owner() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare q exclusive
        a.1 < channel.close 405 50.10 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.
        a.2 > queue.declare r exclusive
        a.2 < queue.declare-ok r messages=0 consumers=0
        a.2 > queue.declare r
        a.2 < channel.close 405 50.10 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'r' in vhost '/'. It could be…
        ",
    );
}

#[test]
fn an_exclusive_queue_is_locked_for_other_connections() {
    for (command, id) in [
        ("queue.declare q exclusive", "50.10"),
        ("queue.declare q", "50.10"),
        ("queue.declare q durable", "50.10"),
        ("queue.declare q passive", "50.10"),
        ("consume q c", "60.20"),
        ("get q", "60.70"),
        ("queue.purge q", "50.30"),
        ("queue.delete q", "50.40"),
        ("queue.delete q if-unused if-empty", "50.40"),
        ("queue.bind q amq.direct k2", "50.20"),
        ("queue.unbind q amq.direct k", "50.50"),
    ] {
        check(&format!(
            "
            a.1 > queue.declare q exclusive
            a.1 < queue.declare-ok q messages=0 consumers=0
            a.1 > queue.bind q amq.direct k
            a.1 < queue.bind-ok
            b.1 > {command}
            b.1 < channel.close 405 {id} RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be…
            "
        ));
    }
}

#[test]
fn an_exclusive_queue_is_open_to_every_channel_of_its_connection() {
    check(
        "
        a.1 > queue.declare q exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.2 > queue.declare q passive
        a.2 < queue.declare-ok q messages=0 consumers=0
        a.2 > consume q c
        a.2 < consume-ok c
        a.1 > publish '' q one
        a.2 < deliver c #1 '' q one
        a.2 > queue.delete q
        a.2 < queue.delete-ok 0
        a.2 < cancel c nowait
        ",
    );
}

#[test]
fn unbinding_what_is_not_bound_is_fine_even_of_a_locked_queue() {
    check(
        "
        a.1 > queue.declare q exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > queue.unbind q amq.direct k
        b.1 < queue.unbind-ok
        ",
    );
}

#[test]
fn anybody_may_publish_to_an_exclusive_queue() {
    check(
        "
        a.1 > queue.declare q exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > publish '' q hello mandatory
        a.1 > get q
        a.1 < get-ok #1 '' q hello left=0
        ",
    );
}

#[test]
fn a_purge_takes_what_is_ready_and_leaves_what_is_held() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > publish '' q three
        a.1 > get q
        a.1 < get-ok #1 '' q one left=2
        a.1 > queue.purge q
        a.1 < queue.purge-ok 2
        a.1 > reject 1 requeue
        a.1 > queue.purge q
        a.1 < queue.purge-ok 1
        a.1 > queue.purge q
        a.1 < queue.purge-ok 0
        ",
    );
}

#[test]
fn a_queue_with_consumers_is_in_use_and_one_with_messages_not_empty() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.direct k
        a.1 < queue.bind-ok
        a.1 > publish '' q one
        a.2 > queue.delete q if-empty
        a.2 < channel.close 406 50.40 PRECONDITION_FAILED - queue 'q' in vhost '/' not empty
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q one
        a.3 > queue.delete q if-unused
        a.3 < channel.close 406 50.40 PRECONDITION_FAILED - queue 'q' in vhost '/' in use
        a.1 > queue.delete q if-empty
        a.1 < queue.delete-ok 0
        a.1 < cancel c nowait
        ",
    );
}

#[test]
fn bindings_are_no_use_of_a_queue() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.direct k
        a.1 < queue.bind-ok
        a.1 > publish '' q one
        a.1 > queue.delete q if-unused
        a.1 < queue.delete-ok 1
        a.1 > publish amq.direct k lost mandatory
        a.1 < return 312 NO_ROUTE amq.direct k lost
        ",
    );
}

#[test]
fn deleting_a_missing_queue_is_fine() {
    check(
        "
        a.1 > queue.delete nope
        a.1 < queue.delete-ok 0
        a.1 > queue.delete nope if-unused if-empty
        a.1 < queue.delete-ok 0
        ",
    );
}

#[test]
fn a_deleted_queue_takes_what_is_held_with_it_and_acks_for_it_are_fine() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > publish '' q three
        a.1 > get q
        a.1 < get-ok #1 '' q one left=2
        a.1 > get q
        a.1 < get-ok #2 '' q two left=1
        a.1 > queue.delete q
        a.1 < queue.delete-ok 1
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > ack 1
        a.1 > reject 2 requeue
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn deleting_a_queue_cancels_its_consumers_where_they_want_to_know() {
    check(
        "
        a connects
        b connects without=consumer_cancel_notify
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q ca
        a.1 < consume-ok ca
        b.1 > consume q cb
        b.1 < consume-ok cb
        c.1 > queue.delete q
        c.1 < queue.delete-ok 0
        a.1 < cancel ca nowait
        a.1 > cancel ca
        a.1 < cancel-ok ca
        b.1 > cancel cb
        b.1 < cancel-ok cb
        ",
    );
}

#[test]
fn a_cancelled_tag_may_be_used_again() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        b.1 > queue.delete q
        b.1 < queue.delete-ok 0
        a.1 < cancel c nowait
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        b.1 > publish '' q hello
        a.1 < deliver c #1 '' q hello
        ",
    );
}

#[test]
fn what_was_on_its_way_comes_before_the_cancellation() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a stalls
        b.1 > publish '' q one
        b.1 > publish '' q two
        b.1 > queue.delete q
        b.1 < queue.delete-ok 0
        a resumes
        a.1 < deliver c #1 '' q one
        a.1 < deliver c #2 '' q two
        a.1 < cancel c nowait
        a.1 > ack 2 multiple
        ",
    );
}

#[test]
fn a_late_notice_of_a_deleted_queue_does_not_cancel_the_next_consumer() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a stalls
        b.1 > queue.delete q
        b.1 < queue.delete-ok 0
        a.1 > cancel c
        a.1 < cancel-ok c
        a.1 > consume r d
        a.1 < consume-ok d
        a resumes
        b.1 > publish '' r hello
        a.1 < deliver d #1 '' r hello
        ",
    );
}
