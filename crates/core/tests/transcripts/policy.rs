//! Policies: which apply to a queue or an exchange, from when, and what they change.

use crate::check;

#[test]
fn a_policy_applies_to_what_is_there_and_to_what_comes() {
    check(
        "
        a.1 > queue.declare q1
        a.1 < queue.declare-ok q1 messages=0 consumers=0
        policy p pattern=^q max-length=5 message-ttl=100
        a.1 > queue.declare q2
        a.1 < queue.declare-ok q2 messages=0 consumers=0
        a.1 > queue.declare other
        a.1 < queue.declare-ok other messages=0 consumers=0
        settings of q1
        q1 < policy=p operator=none ttl=100ms max-length=5
        settings of q2
        q2 < policy=p operator=none ttl=100ms max-length=5
        settings of other
        other < policy=none operator=none
        no policy p
        settings of q1
        q1 < policy=none operator=none
        ",
    );
}

#[test]
fn a_changed_policy_reaches_what_it_covered_and_what_it_covers_now() {
    check(
        "
        a.1 > queue.declare a
        a.1 < queue.declare-ok a messages=0 consumers=0
        a.1 > queue.declare b
        a.1 < queue.declare-ok b messages=0 consumers=0
        policy p pattern=^a max-length=5
        policy p pattern=^b max-length=6
        settings of a
        a < policy=none operator=none
        settings of b
        b < policy=p operator=none max-length=6
        ",
    );
}

#[test]
fn when_the_best_policy_goes_the_next_one_applies() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        policy low pattern=q expires=1000
        policy high pattern=q priority=1 max-length=5
        settings of q
        q < policy=high operator=none max-length=5
        no policy high
        settings of q
        q < policy=low operator=none expires=1s
        ",
    );
}

#[test]
fn policies_of_users_and_operators_and_arguments_come_together() {
    check(
        "
        policy u pattern=q max-length=5 dead-letter-exchange=x dead-letter-routing-key=k overflow=reject-publish
        operator-policy o pattern=q max-length=3 message-ttl=200
        a.1 > queue.declare q x-max-length=4 x-message-ttl=300 x-overflow=drop-head
        a.1 < queue.declare-ok q messages=0 consumers=0
        settings of q
        q < policy=u operator=o ttl=200ms max-length=3 overflow=DropHead dlx=x dlrk=k
        a.1 > queue.declare own x-dead-letter-exchange=y
        a.1 < queue.declare-ok own messages=0 consumers=0
        policy all pattern=^own$ priority=1 dead-letter-exchange=x dead-letter-routing-key=k
        settings of own
        own < policy=all operator=none dlx=y dlrk=k
        a.1 > queue.declare quorum.q durable x-queue-type=quorum x-overflow=drop-head x-delivery-limit=7
        a.1 < queue.declare-ok quorum.q messages=0 consumers=0
        policy quorum pattern=^quorum priority=2 delivery-limit=5 overflow=reject-publish
        settings of quorum.q
        quorum.q < policy=quorum operator=o ttl=200ms max-length=3 overflow=RejectPublish delivery-limit=5
        ",
    );
}

#[test]
fn policies_are_of_one_virtual_host() {
    check(
        "
        vhost v
        grant guest v .* .* .*
        b connects vhost=v
        policy p vhost=v pattern=.* max-length=5
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        settings of q
        q < policy=none operator=none
        settings of q in v
        q < policy=p operator=none max-length=5
        ",
    );
}

#[test]
fn a_policys_message_ttl_is_kept() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        policy p pattern=q message-ttl=100
        a.1 > publish '' q one
        +100ms
        a.1 > get q
        a.1 < get-empty
        no policy p
        a.1 > publish '' q two
        +100ms
        a.1 > get q
        a.1 < get-ok #1 '' q two left=0
        ",
    );
}

#[test]
fn declaring_again_is_compared_with_arguments_and_not_with_policies() {
    check(
        "
        policy p pattern=q max-length=5
        a.1 > queue.declare q x-max-length=7
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare q x-max-length=7
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare q x-max-length=5
        a.1 < channel.close 406 50.10 PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received '5' but current is '7'
        ",
    );
}

#[test]
fn a_policys_alternate_exchange_takes_what_is_bound_nowhere() {
    check(
        "
        a.1 > exchange.declare x direct
        a.1 < exchange.declare-ok
        a.1 > queue.declare spilled
        a.1 < queue.declare-ok spilled messages=0 consumers=0
        a.1 > queue.bind spilled amq.fanout ''
        a.1 < queue.bind-ok
        a.1 > publish x k lost mandatory
        a.1 < return 312 NO_ROUTE x k lost
        policy p pattern=^x apply-to=exchanges alternate-exchange=amq.fanout
        a.1 > publish x k spilled mandatory
        a.1 > get spilled
        a.1 < get-ok #1 x k spilled left=0
        a.1 > exchange.declare x2 direct
        a.1 < exchange.declare-ok
        a.1 > publish x2 k later mandatory
        a.1 > get spilled
        a.1 < get-ok #2 x2 k later left=0
        no policy p
        a.1 > publish x k lost mandatory
        a.1 < return 312 NO_ROUTE x k lost
        ",
    );
}

#[test]
fn an_arguments_alternate_exchange_wins_over_a_policys() {
    check(
        "
        policy p pattern=^x alternate-exchange=amq.topic
        a.1 > exchange.declare x direct alternate-exchange=amq.fanout
        a.1 < exchange.declare-ok
        a.1 > queue.declare spilled
        a.1 < queue.declare-ok spilled messages=0 consumers=0
        a.1 > queue.bind spilled amq.fanout ''
        a.1 < queue.bind-ok
        a.1 > publish x k hello mandatory
        a.1 > get spilled
        a.1 < get-ok #1 x k hello left=0
        no policy p
        a.1 > publish x k again mandatory
        a.1 > get spilled
        a.1 < get-ok #2 x k again left=0
        ",
    );
}

#[test]
fn the_log_is_told_of_policies() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        definitions shown
        policy p pattern=q max-length=5
        log < policy / p
        operator-policy p pattern=q max-length=5
        log < operator-policy / p
        no policy p
        log < no policy / p
        ",
    );
}

#[test]
fn a_length_limit_that_comes_later_drops_what_is_too_much_at_once() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > publish '' q three
        policy p pattern=q max-length=2
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=2 consumers=0
        a.1 > get q
        a.1 < get-ok #1 '' q two left=1
        operator-policy o pattern=q overflow=reject-publish max-length=1
        a.1 > confirm.select
        a.1 < confirm.select-ok
        a.1 > publish '' q four
        a.1 < nack 1
        no operator-policy o
        a.1 > publish '' q five
        a.1 < ack 2
        ",
    );
}

#[test]
fn a_policy_says_where_dead_letters_go_until_it_goes() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare dead
        a.1 < queue.declare-ok dead messages=0 consumers=0
        policy p pattern=^q dead-letter-exchange='' dead-letter-routing-key=dead
        a.1 > publish '' q one
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0
        a.1 > reject 1
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=1 consumers=0
        no policy p
        a.1 > publish '' q two
        a.1 > get q
        a.1 < get-ok #2 '' q two left=0
        a.1 > reject 2
        a.1 > queue.declare dead passive
        a.1 < queue.declare-ok dead messages=1 consumers=0
        ",
    );
}

#[test]
fn an_unused_queue_goes_when_a_policy_says_so() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        policy p pattern=q expires=1000
        a.1 > queue.declare born
        a.1 < queue.declare-ok born messages=0 consumers=0
        +500ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        no policy p
        policy p pattern=^q$ expires=1000
        +1001ms
        a.1 > queue.declare q passive
        a.1 < channel.close 404 50.10 NOT_FOUND - no queue 'q' in vhost '/'
        a.2 > queue.declare born passive
        a.2 < queue.declare-ok born messages=0 consumers=0
        ",
    );
}

#[test]
fn a_delivery_limit_by_policy_counts_failures_of_quorum_queues() {
    check(
        "
        policy p pattern=q delivery-limit=1
        a.1 > queue.declare q durable x-queue-type=quorum
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        b.1 > get q
        b.1 < get-ok #1 '' q one left=0
        b is lost
        a.1 > get q
        a.1 < get-ok #1 '' q one left=0 redelivered …
        a is lost
        c.1 > get q
        c.1 < get-empty
        ",
    );
}
