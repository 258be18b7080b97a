//! Quorum queues: what they count, and what they do otherwise than classic ones.
//!
//! On one broker a quorum queue is a durable queue that keeps every message. Its returned messages go back to their
//! position; RabbitMQ's go to a list of their own, in the order in which they come back.

use crate::check;

/// Declares a quorum queue `q` with these arguments, and plays the rest.
#[track_caller]
fn with_queue(arguments: &str, rest: &str) {
    check(&format!(
        "
        a.1 > queue.declare q durable x-queue-type=quorum {arguments}
        a.1 < queue.declare-ok q messages=0 consumers=0
        {rest}
        "
    ));
}

#[test]
fn every_message_is_kept_whether_persistent_or_not() {
    check(
        "
        log shown
        a.1 > queue.declare q durable x-queue-type=quorum
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > confirm.select
        a.1 < confirm.select-ok
        log holds
        a.1 > publish '' q one
        log < append 1 queues=1
        log commits
        a.1 < ack 1
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > ack 1
        log < settle 1 queue=1
        ",
    );
}

#[test]
fn messages_go_by_32_priorities_and_without_one_have_the_fifth() {
    with_queue(
        "",
        "
        a.1 > publish '' q none
        a.1 > publish '' q 3 priority=3
        a.1 > publish '' q 5 priority=5
        a.1 > publish '' q 31 priority=31
        a.1 > publish '' q 200 priority=200
        a.1 > publish '' q 0 priority=0
        a.1 > publish '' q 4 priority=4
        a.1 > consume q c no-ack
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q 31 priority=31
        a.1 < deliver c #2 '' q 200 priority=200
        a.1 < deliver c #3 '' q 5 priority=5
        a.1 < deliver c #4 '' q none
        a.1 < deliver c #5 '' q 4 priority=4
        a.1 < deliver c #6 '' q 3 priority=3
        a.1 < deliver c #7 '' q 0 priority=0
        ",
    );
}

#[test]
fn a_message_tells_how_often_it_was_handed_out_and_how_often_that_failed() {
    with_queue(
        "",
        "
        a.1 > publish '' q one headers={a=1}
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0 headers={a=1}
        a.1 > nack 1 requeue
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered headers={a=1, x-acquired-count=1:l}
        a.1 > reject 2 requeue
        a.1 > get q
        a.1 < get-ok #3 '' q one left=0 redelivered headers={a=1, x-acquired-count=2:l, x-delivery-count=1:l}
        a.1 > recover requeue
        a.1 < recover-ok
        a.1 > get q
        a.1 < get-ok #4 '' q one left=0 redelivered headers={a=1, x-acquired-count=3:l, x-delivery-count=1:l}
        a.1 > channel.close
        a.1 < channel.close-ok
        b.1 > get q
        b.1 < get-ok #1 '' q one left=0 redelivered headers={a=1, x-acquired-count=4:l, x-delivery-count=2:l}
        b is lost
        c.1 > get q
        c.1 < get-ok #1 '' q one left=0 redelivered headers={a=1, x-acquired-count=5:l, x-delivery-count=3:l}
        ",
    );
}

#[test]
fn what_a_client_writes_under_these_names_is_replaced_once_there_is_something_to_tell() {
    with_queue(
        "",
        "
        a.1 > publish '' q one headers={x-delivery-count=7, a=1}
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0 headers={x-delivery-count=7, a=1}
        a.1 > nack 1 requeue
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered headers={a=1, x-acquired-count=1:l}
        ",
    );
}

#[test]
fn a_delivery_that_nobody_saw_does_not_count() {
    with_queue(
        "",
        "
        b.1 > consume q c
        b.1 < consume-ok c
        b stalls
        a.1 > publish '' q one
        b is lost
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        ",
    );
}

/// So many failures, and one more: `limit` + 1 deliveries.
fn failing(limit: usize) -> String {
    let round = |round: usize| {
        let counts = match round {
            0 => String::new(),
            _ => format!(" redelivered headers={{x-acquired-count={round}:l, x-delivery-count={round}:l}}"),
        };
        let tag = round + 1;
        format!("a.1 > get q\na.1 < get-ok #{tag} '' q one left=0{counts}\na.1 > reject {tag} requeue\n")
    };
    (0..=limit).map(round).collect::<Vec<_>>().concat()
}

#[test]
fn one_failure_more_than_the_limit_is_too_many() {
    let rounds = failing(2);
    with_queue(
        "x-delivery-limit=2 x-dead-letter-exchange='' x-dead-letter-routing-key=dead",
        &format!(
            "
            a.1 > queue.declare dead
            a.1 < queue.declare-ok dead messages=0 consumers=0
            a.1 > publish '' q one
            {rounds}
            a.1 > get q
            a.1 < get-empty
            a.1 > get dead
            a.1 < get-ok #4 '' dead one left=0 headers={{x-death=[{{count=1:l, reason=delivery_limit, queue=q, time=1000:T, exchange='', routing-keys=[q]}}], x-first-death-reason=delivery_limit, x-first-death-queue=q, x-first-death-exchange='', x-last-death-reason=delivery_limit, x-last-death-queue=q, x-last-death-exchange=''}}
            "
        ),
    );
}

#[test]
fn the_limit_is_20_unless_somebody_says_otherwise() {
    for limit in ["", "x-delivery-limit=many"] {
        let rounds = failing(20);
        with_queue(
            limit,
            &format!(
                "
                a.1 > publish '' q one
                {rounds}
                a.1 > get q
                a.1 < get-empty
                log has 0 messages in 0 pages
                "
            ),
        );
    }
}

#[test]
fn a_negative_limit_is_none() {
    let rounds = failing(30);
    with_queue(
        "x-delivery-limit=-1",
        &format!(
            "
            a.1 > publish '' q one
            {rounds}
            a.1 > queue.declare q passive
            a.1 < queue.declare-ok q messages=1 consumers=0
            "
        ),
    );
}

#[test]
fn a_limit_of_zero_allows_no_failure() {
    with_queue(
        "x-delivery-limit=0",
        "
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > nack 1 requeue
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered headers={x-acquired-count=1:l}
        a.1 > reject 2 requeue
        a.1 > get q
        a.1 < get-empty
        ",
    );
}

#[test]
fn being_handed_back_is_no_failure() {
    let rounds: Vec<String> = (1..=25)
        .map(|tag| {
            let counts = match tag {
                1 => String::new(),
                _ => format!(" redelivered headers={{x-acquired-count={}:l}}", tag - 1),
            };
            format!("a.1 > get q\na.1 < get-ok #{tag} '' q one left=0{counts}\na.1 > nack {tag} requeue\n")
        })
        .collect();
    with_queue("", &format!("a.1 > publish '' q one\n{}", rounds.concat()));
}

/// In RabbitMQ classic queues refuse the argument.
#[test]
fn a_classic_queue_may_have_a_delivery_limit() {
    check(
        "
        a.1 > queue.declare q x-delivery-limit=1
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > reject 1 requeue
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered headers={x-acquired-count=1:l, x-delivery-count=1:l}
        a.1 > reject 2 requeue
        a.1 > get q
        a.1 < get-empty
        ",
    );
}

#[test]
fn a_classic_queue_counts_nothing_without_one() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > reject 1 requeue
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered
        ",
    );
}

#[test]
fn counts_do_not_travel_with_a_dead_letter() {
    with_queue(
        "x-dead-letter-exchange='' x-dead-letter-routing-key=dead",
        "
        a.1 > queue.declare dead durable x-queue-type=quorum
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > reject 1 requeue
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 redelivered headers={x-acquired-count=1:l, x-delivery-count=1:l}
        a.1 > reject 2
        a.1 > get dead
        a.1 < get-ok #3 '' dead one left=0 headers={x-death=[{count=1:l, reason=rejected, queue=q, time=1000:T, exchange='', routing-keys=[q]}], x-first-death-reason=rejected, x-first-death-queue=q, x-first-death-exchange='', x-last-death-reason=rejected, x-last-death-queue=q, x-last-death-exchange=''}
        ",
    );
}

#[test]
fn a_returned_message_goes_back_to_its_place() {
    with_queue(
        "",
        "
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > publish '' q three
        a.1 > get q
        a.1 < get-ok #1 '' q one left=2
        a.1 > get q
        a.1 < get-ok #2 '' q two left=1
        a.1 > nack 2 requeue
        a.1 > nack 1 requeue
        a.1 > get q
        a.1 < get-ok #3 '' q one left=2 redelivered headers={x-acquired-count=1:l}
        ",
    );
}

#[test]
fn it_is_not_deleted_under_conditions() {
    for (flags, named) in
        [("if-unused", "if-unused"), ("if-empty", "if-empty"), ("if-unused if-empty", "if-unused")]
    {
        with_queue(
            "",
            &format!(
                "
                a.1 > queue.delete q {flags}
                a < connection.close 540 50.40 NOT_IMPLEMENTED - cannot delete queue 'q' in vhost '/'. queue.delete operations with {named} flag set are not supported by quorum queues
                "
            ),
        );
    }
    with_queue(
        "",
        "
        a.1 > publish '' q one
        a.1 > queue.delete q
        a.1 < queue.delete-ok 1
        ",
    );
}

#[test]
fn exclusive_consumers_are_like_others() {
    with_queue(
        "",
        "
        a.1 > consume q a exclusive no-ack
        a.1 < consume-ok a
        b.1 > consume q b exclusive no-ack
        b.1 < consume-ok b
        a.1 > publish '' q 1
        a.1 < deliver a #1 '' q 1
        a.1 > publish '' q 2
        b.1 < deliver b #1 '' q 2
        ",
    );
}

#[test]
fn nobody_gets_where_there_is_a_single_active_consumer() {
    with_queue(
        "x-single-active-consumer=true",
        "
        a.1 > get q
        a.1 < channel.close 405 60.70 RESOURCE_LOCKED - cannot obtain access to locked queue 'q' in vhost '/'. basic.get operations are not supported by <<\"quorum\">> queues with single active consumer
        ",
    );
}

#[test]
fn a_higher_consumer_follows_the_active_one_when_that_has_settled_what_it_holds() {
    with_queue(
        "x-single-active-consumer=true",
        "
        a.1 > consume q a
        a.1 < consume-ok a
        a.1 > publish '' q 1
        a.1 < deliver a #1 '' q 1
        b.1 > consume q b no-ack x-priority=1
        b.1 < consume-ok b
        a.1 > publish '' q 2
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=2
        a.1 > ack 1
        b.1 < deliver b #1 '' q 2
        c.1 > consume q c no-ack x-priority=1
        c.1 < consume-ok c
        a.1 > publish '' q 3
        b.1 < deliver b #2 '' q 3
        ",
    );
}

#[test]
fn limits_times_and_dead_letters_are_those_of_any_queue() {
    with_queue(
        "x-max-length=2 x-message-ttl=100 x-expires=1000 x-dead-letter-exchange='' x-dead-letter-routing-key=dead",
        "
        a.1 > queue.declare dead
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > publish '' q three
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=1 consumers=0
        +100ms
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=3 consumers=0
        +900ms
        a.1 > queue.declare q passive
        a.1 < channel.close 404 50.10 NOT_FOUND - no queue 'q' in vhost '/'
        ",
    );
}

#[test]
fn a_full_quorum_queue_may_refuse_what_is_published() {
    with_queue(
        "x-max-length=1 x-overflow=reject-publish",
        "
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one
        a.1 < ack 1
        a.1 > publish '' q two
        a.1 < nack 2 requeue
        ",
    );
}

#[test]
fn dead_lettering_what_is_refused_is_not_known_here_and_makes_room_at_the_head() {
    with_queue(
        "x-max-length=1 x-overflow=reject-publish-dlx",
        "
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q one persistent
        a.1 < ack 1
        a.1 > publish '' q two persistent
        a.1 < ack 2
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q two left=0 persistent
        ",
    );
}
