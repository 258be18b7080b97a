//! `x-single-active-consumer`: one consumer at a time gets everything.

use crate::check;

/// Declares `q` with a single active consumer and these arguments, and plays the rest.
#[track_caller]
fn with_queue(arguments: &str, rest: &str) {
    check(&format!(
        "
        p.1 > queue.declare q x-single-active-consumer=true {arguments}
        p.1 < queue.declare-ok q messages=0 consumers=0
        {rest}
        "
    ));
}

#[test]
fn the_first_consumer_gets_everything_and_the_next_follows_it() {
    with_queue(
        "",
        "
        a.1 > consume q a no-ack
        a.1 < consume-ok a
        b.1 > consume q b no-ack
        b.1 < consume-ok b
        p.1 > publish '' q 1
        a.1 < deliver a #1 '' q 1
        p.1 > publish '' q 2
        a.1 < deliver a #2 '' q 2
        a.1 > cancel a
        a.1 < cancel-ok a
        p.1 > publish '' q 3
        b.1 < deliver b #1 '' q 3
        p.1 > queue.declare q passive
        p.1 < queue.declare-ok q messages=0 consumers=1
        ",
    );
}

#[test]
fn others_get_nothing_while_the_active_one_holds_all_it_may() {
    with_queue(
        "",
        "
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q a
        a.1 < consume-ok a
        b.1 > consume q b
        b.1 < consume-ok b
        p.1 > publish '' q 1
        a.1 < deliver a #1 '' q 1
        p.1 > publish '' q 2
        p.1 > queue.declare q passive
        p.1 < queue.declare-ok q messages=1 consumers=2
        a.1 > ack 1
        a.1 < deliver a #2 '' q 2
        ",
    );
}

#[test]
fn priority_does_not_preempt_but_decides_who_is_next() {
    with_queue(
        "",
        "
        a.1 > consume q a no-ack
        a.1 < consume-ok a
        b.1 > consume q b no-ack
        b.1 < consume-ok b
        c.1 > consume q c no-ack x-priority=10
        c.1 < consume-ok c
        d.1 > consume q d no-ack x-priority=10
        d.1 < consume-ok d
        p.1 > publish '' q 1
        a.1 < deliver a #1 '' q 1
        a is lost
        p.1 > publish '' q 2
        c.1 < deliver c #1 '' q 2
        c.1 > channel.close
        c.1 < channel.close-ok
        p.1 > publish '' q 3
        d.1 < deliver d #1 '' q 3
        d.1 > cancel d
        d.1 < cancel-ok d
        p.1 > publish '' q 4
        b.1 < deliver b #1 '' q 4
        ",
    );
}

#[test]
fn what_a_cancelled_consumer_holds_stays_with_its_channel() {
    with_queue(
        "",
        "
        a.1 > qos 2
        a.1 < qos-ok
        a.1 > consume q a
        a.1 < consume-ok a
        b.1 > consume q b
        b.1 < consume-ok b
        p.1 > publish '' q 1
        a.1 < deliver a #1 '' q 1
        p.1 > publish '' q 2
        a.1 < deliver a #2 '' q 2
        p.1 > publish '' q 3
        a.1 > cancel a
        a.1 < cancel-ok a
        b.1 < deliver b #1 '' q 3
        a.1 > ack 1
        a.1 > nack 2 requeue
        b.1 < deliver b #2 '' q 2 redelivered
        ",
    );
}

#[test]
fn what_a_lost_consumer_held_goes_to_the_next_one_first() {
    with_queue(
        "",
        "
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q a
        a.1 < consume-ok a
        b.1 > consume q b no-ack
        b.1 < consume-ok b
        p.1 > publish '' q 1
        a.1 < deliver a #1 '' q 1
        p.1 > publish '' q 2
        a.1 > channel.close
        a.1 < channel.close-ok
        b.1 < deliver b #1 '' q 1 redelivered
        b.1 < deliver b #2 '' q 2
        ",
    );
}

#[test]
fn exclusive_consumers_are_refused() {
    with_queue(
        "",
        "
        a.1 > consume q a exclusive
        a.1 < channel.close 403 60.20 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use
        ",
    );
}

#[test]
fn anybody_may_get() {
    with_queue(
        "",
        "
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q a
        a.1 < consume-ok a
        p.1 > publish '' q 1
        a.1 < deliver a #1 '' q 1
        p.1 > publish '' q 2
        b.1 > get q
        b.1 < get-ok #1 '' q 2 left=0
        ",
    );
}

#[test]
fn a_false_argument_means_nothing() {
    check(
        "
        p.1 > queue.declare q x-single-active-consumer=false
        p.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q a no-ack
        a.1 < consume-ok a
        b.1 > consume q b no-ack
        b.1 < consume-ok b
        p.1 > publish '' q 1
        a.1 < deliver a #1 '' q 1
        p.1 > publish '' q 2
        b.1 < deliver b #1 '' q 2
        ",
    );
}

#[test]
fn a_queue_that_goes_with_its_last_consumer_waits_for_all_of_them() {
    with_queue(
        "auto-delete",
        "
        a.1 > consume q a no-ack
        a.1 < consume-ok a
        b.1 > consume q b no-ack
        b.1 < consume-ok b
        a.1 > cancel a
        a.1 < cancel-ok a
        p.1 > publish '' q 1
        b.1 < deliver b #1 '' q 1
        b.1 > cancel b
        b.1 < cancel-ok b
        p.1 > publish '' q 2 mandatory
        p.1 < return 312 NO_ROUTE '' q 2
        ",
    );
}
