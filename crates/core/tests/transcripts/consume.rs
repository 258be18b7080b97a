//! basic.consume, cancel and deliver: who gets what, and in which order it is heard.

use crate::check;

#[test]
fn consume_ok_comes_before_the_first_delivery() {
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
        ",
    );
}

#[test]
fn what_was_published_in_the_same_read_is_delivered_too() {
    check(
        "
        a.1 > queue.declare q ; publish '' q one ; consume q c no-ack ; publish '' q two
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q one
        a.1 < deliver c #2 '' q two
        ",
    );
}

#[test]
fn an_empty_tag_is_made_up() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q ''
        a.1 < consume-ok amq.ctag-1
        a.1 > consume q ''
        a.1 < consume-ok amq.ctag-2
        a.1 > publish '' q one
        a.1 < deliver amq.ctag-1 #1 '' q one
        a.1 > cancel amq.ctag-1
        a.1 < cancel-ok amq.ctag-1
        a.1 > publish '' q two
        a.1 < deliver amq.ctag-2 #2 '' q two
        ",
    );
}

#[test]
fn a_tag_is_unique_on_its_channel() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a.2 > consume q c
        a.2 < consume-ok c
        a.1 > consume q c
        a < connection.close 530 60.20 NOT_ALLOWED - attempt to reuse consumer tag 'c'
        ",
    );
}

#[test]
fn tags_may_be_long_and_in_any_script() {
    let long = "t".repeat(255);
    check(&format!(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q {long}
        a.1 < consume-ok {long}
        a.1 > publish '' q one
        a.1 < deliver {long} #1 '' q one
        a.1 > cancel {long}
        a.1 < cancel-ok {long}
        a.1 > consume q 'hare 🐇'
        a.1 < consume-ok 'hare 🐇'
        a.1 > publish '' q two
        a.1 < deliver 'hare 🐇' #2 '' q two
        "
    ));
}

#[test]
fn a_tag_is_free_again_after_cancel_ok() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > cancel c
        a.1 < cancel-ok c
        a.1 > consume q c
        a.1 < consume-ok c
        ",
    );
}

#[test]
fn cancelling_what_is_not_there_is_fine() {
    check(
        "
        a.1 > cancel nobody
        a.1 < cancel-ok nobody
        a.1 > cancel nobody nowait
        ",
    );
}

/// RabbitMQ 4.3 crashes the connection with 541; nobody needs that.
#[test]
fn an_answer_to_the_servers_cancel_is_ignored() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > queue.delete q
        a.1 < queue.delete-ok 0
        a.1 < cancel c nowait
        a.1 > cancel-ok c
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn nowait_is_answered_by_deliveries_only() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > consume q c nowait
        a.1 < deliver c #1 '' q one
        a.1 > cancel c nowait
        a.1 > publish '' q two
        a.1 > get q
        a.1 < get-ok #2 '' q two left=0
        ",
    );
}

#[test]
fn nothing_is_delivered_after_cancel_ok() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a stalls
        b.1 > publish '' q one
        b.1 > publish '' q two
        a.1 > cancel c
        a.1 < deliver c #1 '' q one
        a.1 < deliver c #2 '' q two
        a.1 < cancel-ok c
        a resumes
        b.1 > publish '' q three
        a.1 > get q
        a.1 < get-ok #3 '' q three left=0
        ",
    );
}

#[test]
fn what_a_cancelled_consumer_holds_can_still_be_settled() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > publish '' q three
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q one
        a.1 < deliver c #2 '' q two
        a.1 < deliver c #3 '' q three
        a.1 > cancel c
        a.1 < cancel-ok c
        a.1 > ack 1
        a.1 > nack 2 requeue
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        a.1 > reject 3
        a.1 > get q
        a.1 < get-ok #4 '' q two left=0 redelivered
        ",
    );
}

#[test]
fn no_local_is_ignored() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c no-local
        a.1 < consume-ok c
        a.1 > publish '' q mine
        a.1 < deliver c #1 '' q mine
        ",
    );
}

#[test]
fn consumers_take_turns() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c1
        a.1 < consume-ok c1
        b.1 > consume q c2
        b.1 < consume-ok c2
        a.2 > consume q c3
        a.2 < consume-ok c3
        b.1 > publish '' q one
        a.1 < deliver c1 #1 '' q one
        b.1 > publish '' q two
        b.1 < deliver c2 #1 '' q two
        b.1 > publish '' q three
        a.2 < deliver c3 #1 '' q three
        b.1 > publish '' q four
        a.1 < deliver c1 #2 '' q four
        ",
    );
}

#[test]
fn a_higher_priority_goes_first_while_it_has_credit() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q low x-priority=-5
        a.1 < consume-ok low
        a.1 > consume q normal
        a.1 < consume-ok normal
        a.1 > consume q high x-priority=10:l
        a.1 < consume-ok high
        a.1 > publish '' q one
        a.1 < deliver high #1 '' q one
        a.1 > publish '' q two
        a.1 < deliver normal #2 '' q two
        a.1 > publish '' q three
        a.1 < deliver low #3 '' q three
        a.1 > publish '' q four
        a.1 > ack 3
        a.1 < deliver low #4 '' q four
        a.1 > ack 1
        a.1 > publish '' q five
        a.1 < deliver high #5 '' q five
        ",
    );
}

#[test]
fn a_priority_is_an_integer() {
    check(
        r#"
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c x-priority=high
        a.1 < channel.close 406 60.20 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "expected integer, got longstr"
        "#,
    );
}

#[test]
fn consumer_arguments_of_other_types_of_queue_are_refused_and_unknown_ones_ignored() {
    for name in ["x-stream-offset", "x-stream-filter", "x-stream-match-unfiltered", "x-consumer-timeout"] {
        check(&format!(
            "
            a.1 > queue.declare q
            a.1 < queue.declare-ok q messages=0 consumers=0
            a.1 > consume q c x-cancel-on-ha-failover=true foo=bar
            a.1 < consume-ok c
            a.1 > consume q d {name}=1
            a.1 < channel.close 406 60.20 PRECONDITION_FAILED - invalid arg '{name}' for queue 'q' in vhost '/' of queue type rabbit_classic_queue
            "
        ));
    }
}

#[test]
fn an_exclusive_consumer_is_the_only_one() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c exclusive
        a.1 < consume-ok c
        a.2 > consume q d
        a.2 < channel.close 403 60.20 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use
        b.1 > consume q d exclusive
        b.1 < channel.close 403 60.20 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use
        a.1 > cancel c
        a.1 < cancel-ok c
        b.2 > consume q d
        b.2 < consume-ok d
        a.1 > consume q c exclusive
        a.1 < channel.close 403 60.20 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use
        ",
    );
}

#[test]
fn an_exclusive_consumer_does_not_keep_others_from_getting() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q c exclusive
        a.1 < consume-ok c
        a.1 > publish '' q one
        a.1 < deliver c #1 '' q one
        a.1 > publish '' q two
        b.1 > get q
        b.1 < get-ok #1 '' q two left=0
        ",
    );
}

#[test]
fn bodies_are_cut_to_the_negotiated_frame_max() {
    check(
        "
        a connects frame-max=4096
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > publish '' q x*4088
        b.1 > publish '' q y*4089
        b.1 > publish '' q z*200000
        b.1 > publish '' q ''
        a.1 > consume q c no-ack
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q x*4088
        a.1 < deliver c #2 '' q y*4089 frames=2
        a.1 < deliver c #3 '' q z*200000 frames=49
        a.1 < deliver c #4 '' q ''
        ",
    );
}

#[test]
fn a_slow_reader_does_not_hold_up_others() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q slow no-ack
        a.1 < consume-ok slow
        b.1 > consume q quick no-ack
        b.1 < consume-ok quick
        a stalls
        c.1 > publish '' q 1*300000
        c.1 > publish '' q 2*300000
        b.1 < deliver quick #1 '' q 2*300000 frames=3
        c.1 > publish '' q 3*300000
        c.1 > publish '' q 4*300000
        b.1 < deliver quick #2 '' q 4*300000 frames=3
        c.1 > publish '' q 5*300000
        b.1 < deliver quick #3 '' q 5*300000 frames=3
        c.1 > publish '' q 6*300000
        b.1 < deliver quick #4 '' q 6*300000 frames=3
        a resumes
        a.1 < deliver slow #1 '' q 1*300000 frames=3
        a.1 < deliver slow #2 '' q 3*300000 frames=3
        c.1 > publish '' q 7*300000
        b.1 < deliver quick #5 '' q 7*300000 frames=3
        c.1 > publish '' q 8*300000
        a.1 < deliver slow #3 '' q 8*300000 frames=3
        ",
    );
}

#[test]
fn a_queue_waits_for_its_only_reader_and_then_goes_on() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c no-ack
        a.1 < consume-ok c
        a stalls
        b.1 > publish '' q 1*300000
        b.1 > publish '' q 2*300000
        b.1 > publish '' q 3*300000
        b.1 > publish '' q 4*300000
        b.1 > queue.declare q passive
        b.1 < queue.declare-ok q messages=2 consumers=1
        a resumes
        a.1 < deliver c #1 '' q 1*300000 frames=3
        a.1 < deliver c #2 '' q 2*300000 frames=3
        a.1 < deliver c #3 '' q 3*300000 frames=3
        a.1 < deliver c #4 '' q 4*300000 frames=3
        ",
    );
}

#[test]
fn what_a_closed_channel_left_waiting_takes_no_room_any_more() {
    check(
        "
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a stalls
        b.1 > publish '' q 1*300000
        b.1 > publish '' q 2*300000
        a.1 > channel.close
        a.1 < channel.close-ok
        b.1 > queue.purge q
        b.1 < queue.purge-ok 2
        a.1 > channel.open
        a.1 < channel.open-ok
        a.1 > consume q d no-ack
        a.1 < consume-ok d
        a resumes
        b.1 > publish '' q 3*300000
        a.1 < deliver d #1 '' q 3*300000 frames=3
        ",
    );
}

#[test]
fn what_never_left_the_broker_is_not_redelivered() {
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
        a is lost
        b.1 > get q
        b.1 < get-ok #1 '' q seen left=1 redelivered
        b.1 > get q
        b.1 < get-ok #2 '' q unseen left=0
        ",
    );
}
