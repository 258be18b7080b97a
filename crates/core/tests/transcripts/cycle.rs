//! Dead letters that go round: they end where nobody but the brokers keeps them going.

use crate::check;

#[test]
fn a_message_that_only_ever_expires_goes_round_once() {
    check(
        "
        a.1 > queue.declare a x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=b
        a.1 < queue.declare-ok a messages=0 consumers=0
        a.1 > queue.declare b x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=a
        a.1 < queue.declare-ok b messages=0 consumers=0
        a.1 > publish '' a one
        +100ms
        a.1 > queue.declare b passive
        a.1 < queue.declare-ok b messages=1 consumers=0
        +100ms
        a.1 > queue.declare a passive
        a.1 < queue.declare-ok a messages=0 consumers=0
        a.1 > queue.declare b passive
        a.1 < queue.declare-ok b messages=0 consumers=0
        ",
    );
}

#[test]
fn a_queue_does_not_get_its_own_expired_messages() {
    check(
        "
        a.1 > queue.declare q x-message-ttl=100 x-dead-letter-exchange=''
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        +100ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn a_queue_that_is_full_of_its_own_does_not_go_round() {
    check(
        "
        a.1 > queue.declare q x-max-length=1 x-dead-letter-exchange=''
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q two left=0
        ",
    );
}

#[test]
fn two_full_queues_end_a_message_between_them() {
    check(
        "
        a.1 > queue.declare a x-max-length=0 x-dead-letter-exchange='' x-dead-letter-routing-key=b
        a.1 < queue.declare-ok a messages=0 consumers=0
        a.1 > queue.declare b x-max-length=0 x-dead-letter-exchange='' x-dead-letter-routing-key=a
        a.1 < queue.declare-ok b messages=0 consumers=0
        a.1 > publish '' a one
        a.1 > queue.declare a passive
        a.1 < queue.declare-ok a messages=0 consumers=0
        ",
    );
}

#[test]
fn a_message_that_is_rejected_may_come_back_to_its_queue_for_ever() {
    let died = |count: usize| {
        format!(
            "headers={{x-death=[{{count={count}:l, reason=rejected, queue=q, time=1000:T, exchange='', routing-keys=[q]}}], x-first-death-reason=rejected, x-first-death-queue=q, x-first-death-exchange='', x-last-death-reason=rejected, x-last-death-queue=q, x-last-death-exchange=''}}"
        )
    };
    let rounds: Vec<String> = (1..5)
        .map(|round| {
            format!(
                "
                a.1 > nack {round}
                a.1 > get q
                a.1 < get-ok #{} '' q one left=0 {}",
                round + 1,
                died(round)
            )
        })
        .collect();
    check(&format!(
        "
        a.1 > queue.declare q x-dead-letter-exchange=''
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        {}
        ",
        rounds.concat()
    ));
}

#[test]
fn a_circle_with_a_rejection_in_it_goes_on() {
    check(
        "
        a.1 > queue.declare q x-dead-letter-exchange='' x-dead-letter-routing-key=wait
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare wait x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=q
        a.1 < queue.declare-ok wait messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > reject 1
        +100ms
        a.1 > get q
        a.1 < get-ok #2 '' q one left=0 headers={x-death=[{count=1:l, reason=expired…
        a.1 > reject 2
        +100ms
        a.1 > get q
        a.1 < get-ok #3 '' q one left=0 headers={x-death=[{count=2:l, reason=expired…
        a.1 > reject 3
        +100ms
        a.1 > get q
        a.1 < get-ok #4 '' q one left=0 headers={x-death=[{count=3:l, reason=expired…
        ",
    );
}

#[test]
fn only_the_queue_that_would_be_a_circle_is_left_out() {
    check(
        "
        a.1 > exchange.declare x fanout
        a.1 < exchange.declare-ok
        a.1 > queue.declare q x-message-ttl=100 x-dead-letter-exchange=x
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        a.1 > queue.bind r x ''
        a.1 < queue.bind-ok
        a.1 > publish '' q one
        +100ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r passive
        a.1 < queue.declare-ok r messages=1 consumers=0
        ",
    );
}

/// The rejection was before the message died in `a` and `b` by itself.
#[test]
fn a_rejection_further_back_does_not_keep_a_circle_going() {
    check(
        "
        a.1 > queue.declare q x-dead-letter-exchange='' x-dead-letter-routing-key=a
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare a x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=b
        a.1 < queue.declare-ok a messages=0 consumers=0
        a.1 > queue.declare b x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=a
        a.1 < queue.declare-ok b messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > nack 1
        +100ms
        a.1 > queue.declare b passive
        a.1 < queue.declare-ok b messages=1 consumers=0
        +100ms
        a.1 > queue.declare a passive
        a.1 < queue.declare-ok a messages=0 consumers=0
        a.1 > queue.declare b passive
        a.1 < queue.declare-ok b messages=0 consumers=0
        ",
    );
}

#[test]
fn a_history_that_a_client_made_up_is_no_circle() {
    check(
        "
        a.1 > queue.declare dead
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > queue.declare q x-message-ttl=100 x-dead-letter-exchange='' x-dead-letter-routing-key=dead
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one headers={x-death=[{count=1:l, reason=expired, queue=dead, time=1:T, exchange='', routing-keys=[dead]}]}
        +100ms
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=1 consumers=0
        ",
    );
}
