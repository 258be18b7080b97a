//! When queues go by themselves (semantics 4.4), and when messages do (8.1).

use crate::check;

#[test]
fn an_exclusive_queue_goes_with_its_connection_and_its_bindings_with_it() {
    check(
        "
        a.1 > queue.declare q exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.fanout ''
        a.1 < queue.bind-ok
        a.1 > publish '' q hello
        a > connection.close
        a < connection.close-ok
        b.1 > publish amq.fanout k lost mandatory
        b.1 < return 312 NO_ROUTE amq.fanout k lost
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn an_exclusive_queue_goes_when_its_connection_is_closed_by_the_server() {
    check(
        "
        a.1 > queue.declare q exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a > channel.open
        a < connection.close 504…
        b.1 > queue.declare q exclusive
        b.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn deleting_one_exclusive_queue_leaves_the_others_to_go_with_the_connection() {
    check(
        "
        a.1 > queue.declare q exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r exclusive
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > queue.delete q
        a.1 < queue.delete-ok 0
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        a is lost
        b.1 > queue.declare r
        b.1 < queue.declare-ok r messages=0 consumers=0
        b.1 > queue.declare q passive
        b.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn an_auto_delete_queue_goes_with_its_last_consumer() {
    check(
        "
        a.1 > queue.declare q auto-delete
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        b.1 > consume q d
        b.1 < consume-ok d
        a.1 > cancel c
        a.1 < cancel-ok c
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=1
        b.1 > cancel d
        b.1 < cancel-ok d
        a.1 > queue.declare q passive
        a.1 < channel.close 404 50.10 NOT_FOUND - no queue 'q' in vhost '/'
        ",
    );
}

#[test]
fn an_auto_delete_queue_goes_when_the_connection_of_its_last_consumer_is_lost() {
    check(
        "
        a.1 > queue.declare q auto-delete
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > consume q c
        b.1 < consume-ok c
        b is lost
        a.1 > queue.declare q passive
        a.1 < channel.close 404…
        ",
    );
}

#[test]
fn an_auto_delete_queue_goes_when_the_channel_of_its_last_consumer_fails() {
    check(
        "
        a.1 > queue.declare q auto-delete
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.2 > consume q c
        a.2 < consume-ok c
        a.2 > ack 1
        a.2 < channel.close 406…
        a.1 > queue.declare q passive
        a.1 < channel.close 404…
        ",
    );
}

#[test]
fn what_a_cancelled_consumer_holds_of_an_auto_delete_queue_can_still_be_acked() {
    check(
        "
        a.1 > queue.declare q auto-delete
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > publish '' q one
        a.1 < deliver c #1 '' q one
        a.1 > cancel c
        a.1 < cancel-ok c
        a.1 > ack 1
        a.1 > queue.declare q passive
        a.1 < channel.close 404…
        ",
    );
}

#[test]
fn an_auto_delete_queue_that_was_never_consumed_stays() {
    check(
        "
        a.1 > queue.declare q auto-delete
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q hello
        a.1 > get q
        a.1 < get-ok #1 '' q hello left=0
        a.1 > channel.close
        a.1 < channel.close-ok
        a is lost
        b.1 > queue.declare q passive
        b.1 < queue.declare-ok q messages=1 consumers=0
        ",
    );
}

#[test]
fn a_message_expires_after_the_time_its_queue_gives() {
    check(
        "
        a.1 > queue.declare q x-message-ttl=1000
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        +600ms
        a.1 > publish '' q two
        +399ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=2 consumers=0
        +1ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        a.1 > get q
        a.1 < get-ok #1 '' q two left=0
        ",
    );
}

#[test]
fn the_shorter_of_the_queues_time_and_the_messages_counts() {
    check(
        "
        a.1 > queue.declare q x-message-ttl=1000
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q short expiration=10
        +10ms
        a.1 > get q
        a.1 < get-empty
        a.1 > publish '' q long expiration=5000
        +999ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        +1ms
        a.1 > get q
        a.1 < get-empty
        ",
    );
}

#[test]
fn a_message_expires_when_it_is_due_also_behind_one_that_is_not() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q long expiration=1000
        a.1 > publish '' q short expiration=10
        +500ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q long left=0 expiration=1000
        a.1 > get q
        a.1 < get-empty
        ",
    );
}

#[test]
fn a_returned_message_keeps_its_deadline() {
    check(
        "
        a.1 > queue.declare q x-message-ttl=1000
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        +900ms
        a.1 > reject 1 requeue
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered
        +100ms
        a.1 > reject 2 requeue
        a.1 > get q
        a.1 < get-empty
        ",
    );
}

#[test]
fn a_delivered_message_does_not_expire() {
    check(
        "
        a.1 > queue.declare q x-message-ttl=10
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > publish '' q one
        a.1 < deliver c #1 '' q one
        +1s
        a.1 > ack 1
        ",
    );
}

#[test]
fn a_time_of_zero_means_now_or_never() {
    check(
        "
        a.1 > queue.declare q x-message-ttl=0
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q never
        a.1 > get q
        a.1 < get-empty
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > publish '' q now
        a.1 < deliver c #1 '' q now
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > publish '' r never expiration=0
        a.1 > queue.declare r passive
        a.1 < queue.declare-ok r messages=0 consumers=0
        ",
    );
}

#[test]
fn the_single_active_consumers_successor_on_a_dying_connection_gets_nothing() {
    let channels = [(1, 2), (2, 1)];
    let ends = [
        "a is lost",
        "a > connection.close\na < connection.close-ok",
        "a is shut down 'bye'\na < connection.close…",
    ];
    for ((one, other), end) in channels.into_iter().flat_map(|channels| ends.map(|end| (channels, end))) {
        check(&format!(
            "
            a.{one} > queue.declare q x-single-active-consumer=true
            a.{one} < queue.declare-ok q messages=0 consumers=0
            a.{one} > qos 1
            a.{one} < qos-ok
            a.{one} > consume q c
            a.{one} < consume-ok c
            a.{other} > consume q d no-ack
            a.{other} < consume-ok d
            a.{one} > publish '' q x persistent
            a.{one} < deliver c #1 '' q x persistent
            a.{one} > publish '' q y persistent
            {end}
            b.1 > get q
            b.1 < get-ok #1 '' q x left=1 redelivered persistent
            b.1 > get q
            b.1 < get-ok #2 '' q y left=0 persistent
            "
        ));
    }
}
