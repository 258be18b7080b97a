//! Bindings of queues and exchanges: what they need, what identifies one, and where messages go by them.

use crate::check;

#[test]
fn the_default_exchange_can_not_be_bound() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q '' k
        a.1 < channel.close 403 50.20 ACCESS_REFUSED - operation not permitted on the default exchange
        a.2 > queue.unbind q '' q
        a.2 < channel.close 403 50.50 ACCESS_REFUSED - operation not permitted on the default exchange
        a.3 > exchange.bind '' amq.direct k
        a.3 < channel.close 403 40.30 ACCESS_REFUSED - operation not permitted on the default exchange
        a.4 > exchange.bind amq.direct '' k
        a.4 < channel.close 403 40.30 ACCESS_REFUSED - operation not permitted on the default exchange
        a.5 > exchange.unbind amq.direct '' k
        a.5 < channel.close 403 40.40 ACCESS_REFUSED - operation not permitted on the default exchange
        ",
    );
}

#[test]
fn both_ends_of_a_binding_must_exist() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind nope amq.direct k
        a.1 < channel.close 404 50.20 NOT_FOUND - no queue 'nope' in vhost '/'
        a.2 > queue.bind q nope k
        a.2 < channel.close 404 50.20 NOT_FOUND - no exchange 'nope' in vhost '/'
        a.3 > exchange.bind nope amq.direct k
        a.3 < channel.close 404 40.30 NOT_FOUND - no exchange 'nope' in vhost '/'
        a.4 > exchange.bind amq.direct nope k
        a.4 < channel.close 404 40.30 NOT_FOUND - no exchange 'nope' in vhost '/'
        ",
    );
}

#[test]
fn of_two_missing_ends_the_source_is_named() {
    check(
        "
        a.1 > queue.bind no-queue no-exchange k
        a.1 < channel.close 404 50.20 NOT_FOUND - no exchange 'no-exchange' in vhost '/'
        a.2 > exchange.bind no-destination no-source k
        a.2 < channel.close 404 40.30 NOT_FOUND - no exchange 'no-source' in vhost '/'
        ",
    );
}

#[test]
fn unbinding_what_is_not_there_is_fine() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.unbind q amq.direct k
        a.1 < queue.unbind-ok
        a.1 > queue.unbind q nope k
        a.1 < queue.unbind-ok
        a.1 > queue.unbind nope amq.direct k
        a.1 < queue.unbind-ok
        a.1 > exchange.unbind nope amq.direct k
        a.1 < exchange.unbind-ok
        a.1 > exchange.unbind amq.direct nope k
        a.1 < exchange.unbind-ok
        ",
    );
}

#[test]
fn addresses_for_replies_can_not_be_bound() {
    check(
        "
        a.1 > queue.bind amq.rabbitmq.reply-to.x amq.direct k
        a.1 < channel.close 403 50.20 ACCESS_REFUSED - cannot bind or unbind to a volatile (direct reply-to) queue
        a.2 > queue.unbind amq.rabbitmq.reply-to.x amq.direct k
        a.2 < channel.close 403 50.50 ACCESS_REFUSED - cannot bind or unbind to a volatile (direct reply-to) queue
        ",
    );
}

#[test]
fn the_same_binding_again_changes_nothing() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.direct k
        a.1 < queue.bind-ok
        a.1 > queue.bind q amq.direct k
        a.1 < queue.bind-ok
        a.1 > publish amq.direct k once
        a.1 > get q
        a.1 < get-ok #1 amq.direct k once left=0
        a.1 > queue.unbind q amq.direct k
        a.1 < queue.unbind-ok
        a.1 > publish amq.direct k lost mandatory
        a.1 < return 312 NO_ROUTE amq.direct k lost
        ",
    );
}

#[test]
fn other_arguments_make_another_binding_and_their_order_does_not() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.direct k a=1 b=2
        a.1 < queue.bind-ok
        a.1 > queue.bind q amq.direct k a=1
        a.1 < queue.bind-ok
        a.1 > publish amq.direct k one
        a.1 > get q no-ack
        a.1 < get-ok #1 amq.direct k one left=0
        a.1 > queue.unbind q amq.direct k
        a.1 < queue.unbind-ok
        a.1 > queue.unbind q amq.direct k a=1
        a.1 < queue.unbind-ok
        a.1 > publish amq.direct k two mandatory
        a.1 > get q no-ack
        a.1 < get-ok #2 amq.direct k two left=0
        a.1 > queue.unbind q amq.direct k b=2 a=1
        a.1 < queue.unbind-ok
        a.1 > publish amq.direct k lost mandatory
        a.1 < return 312 NO_ROUTE amq.direct k lost
        ",
    );
}

#[test]
fn a_binding_is_in_force_for_the_next_publish_of_any_channel() {
    check(
        "
        a.1 > queue.declare q ; queue.bind q amq.direct k ; publish amq.direct k one mandatory
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 < queue.bind-ok
        b.1 > publish amq.direct k two mandatory
        b.1 > get q
        b.1 < get-ok #1 amq.direct k one left=1
        ",
    );
}

#[test]
fn a_remembered_route_does_not_outlive_its_binding() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.direct k
        a.1 < queue.bind-ok
        b.1 > publish amq.direct k one mandatory
        b.1 > publish amq.direct k two mandatory
        a.1 > queue.unbind q amq.direct k
        a.1 < queue.unbind-ok
        b.1 > publish amq.direct k lost mandatory
        b.1 < return 312 NO_ROUTE amq.direct k lost
        a.1 > queue.delete q
        a.1 < queue.delete-ok 2
        ",
    );
}

#[test]
fn declaring_later_does_not_help_a_message() {
    check(
        "
        a.1 > publish '' q lost
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn every_queue_is_bound_to_the_default_exchange_by_its_name() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q hello mandatory
        a.1 > publish '' Q lost mandatory
        a.1 < return 312 NO_ROUTE '' Q lost
        a.1 > get q
        a.1 < get-ok #1 '' q hello left=0
        ",
    );
}

#[test]
fn a_direct_exchange_compares_the_key_byte_for_byte() {
    check(
        r"
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.direct 'a.é'
        a.1 < queue.bind-ok
        a.1 > publish amq.direct 'a.é' hit mandatory
        a.1 > publish amq.direct 'A.é' miss mandatory
        a.1 < return 312 NO_ROUTE amq.direct 'A.é' miss
        a.1 > publish amq.direct a.* miss mandatory
        a.1 < return 312 NO_ROUTE amq.direct a.* miss
        a.1 > queue.purge q
        a.1 < queue.purge-ok 1
        ",
    );
}

#[test]
fn a_fanout_exchange_copies_to_every_queue() {
    check(
        "
        a.1 > queue.declare q1
        a.1 < queue.declare-ok q1 messages=0 consumers=0
        a.1 > queue.declare q2
        a.1 < queue.declare-ok q2 messages=0 consumers=0
        a.1 > queue.bind q1 amq.fanout some
        a.1 < queue.bind-ok
        a.1 > queue.bind q2 amq.fanout other
        a.1 < queue.bind-ok
        a.1 > publish amq.fanout k hello
        a.1 > get q1
        a.1 < get-ok #1 amq.fanout k hello left=0
        a.1 > get q2
        a.1 < get-ok #2 amq.fanout k hello left=0
        ",
    );
}

#[test]
fn a_topic_exchange_matches_by_words() {
    check(
        "
        a.1 > queue.declare star
        a.1 < queue.declare-ok star messages=0 consumers=0
        a.1 > queue.declare hash
        a.1 < queue.declare-ok hash messages=0 consumers=0
        a.1 > queue.bind star amq.topic a.*
        a.1 < queue.bind-ok
        a.1 > queue.bind hash amq.topic a.#
        a.1 < queue.bind-ok
        a.1 > publish amq.topic a zero
        a.1 > publish amq.topic a.b one
        a.1 > publish amq.topic a.b.c two
        a.1 > publish amq.topic b lost mandatory
        a.1 < return 312 NO_ROUTE amq.topic b lost
        a.1 > get star
        a.1 < get-ok #1 amq.topic a.b one left=0
        a.1 > consume hash c
        a.1 < consume-ok c
        a.1 < deliver c #2 amq.topic a zero
        a.1 < deliver c #3 amq.topic a.b one
        a.1 < deliver c #4 amq.topic a.b.c two
        ",
    );
}

#[test]
fn more_than_two_hashes_are_refused() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.topic #.a.#.b.#
        a.1 < channel.close 406 50.20 PRECONDITION_FAILED - Topic binding key '#.a.#.b.#' uses 3 '#' wildcards, at most 2 are allowed
        ",
    );
}

#[test]
fn a_headers_exchange_matches_all_by_default_or_any() {
    check(
        "
        a.1 > queue.declare all
        a.1 < queue.declare-ok all messages=0 consumers=0
        a.1 > queue.declare any
        a.1 < queue.declare-ok any messages=0 consumers=0
        a.1 > queue.bind all amq.headers '' a=1 b=x
        a.1 < queue.bind-ok
        a.1 > queue.bind any amq.headers '' x-match=any a=1 b=x
        a.1 < queue.bind-ok
        a.1 > publish amq.headers k both headers={a=1:l, b=x, c=3}
        a.1 > publish amq.headers k one headers={b=x}
        a.1 > publish amq.headers k string headers={a='1'} mandatory
        a.1 < return 312 NO_ROUTE amq.headers k string headers={a='1'}
        a.1 > publish amq.headers k none mandatory
        a.1 < return 312 NO_ROUTE amq.headers k none
        a.1 > get all
        a.1 < get-ok #1 amq.headers k both left=0 headers={a=1:l, b=x, c=3}
        a.1 > get any
        a.1 < get-ok #2 amq.headers k both left=1 headers={a=1:l, b=x, c=3}
        a.1 > get any
        a.1 < get-ok #3 amq.headers k one left=0 headers={b=x}
        ",
    );
}

#[test]
fn headers_that_begin_with_x_count_only_where_asked() {
    check(
        "
        a.1 > queue.declare plain
        a.1 < queue.declare-ok plain messages=0 consumers=0
        a.1 > queue.declare with-x
        a.1 < queue.declare-ok with-x messages=0 consumers=0
        a.1 > queue.bind plain amq.headers '' x-match=all x-a=1
        a.1 < queue.bind-ok
        a.1 > queue.bind with-x amq.headers '' x-match=all-with-x x-a=1
        a.1 < queue.bind-ok
        a.1 > publish amq.headers k bare
        a.1 > publish amq.headers k full headers={x-a=1}
        a.1 > queue.purge plain
        a.1 < queue.purge-ok 2
        a.1 > queue.purge with-x
        a.1 < queue.purge-ok 1
        ",
    );
}

#[test]
fn a_void_argument_asks_only_for_the_header_to_be_there() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.headers '' a=void
        a.1 < queue.bind-ok
        a.1 > publish amq.headers k one headers={a=17}
        a.1 > publish amq.headers k two headers={b=17}
        a.1 > queue.purge q
        a.1 < queue.purge-ok 1
        ",
    );
}

#[test]
fn x_match_is_one_of_four_words() {
    check(
        r#"
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.headers '' x-match=foo
        a.1 < channel.close 406 50.20 PRECONDITION_FAILED - Invalid x-match field value <<"foo">>; expected all, any, all-with-x, or any-with-x
        a.2 > queue.bind q amq.headers '' x-match=1
        a.2 < channel.close 406 50.20 PRECONDITION_FAILED - Invalid x-match field type signedint (value 1); expected longstr
        "#,
    );
}

#[test]
fn exchanges_feed_exchanges_and_circles_are_walked_once() {
    check(
        "
        a.1 > exchange.declare x1 fanout
        a.1 < exchange.declare-ok
        a.1 > exchange.declare x2 topic
        a.1 < exchange.declare-ok
        a.1 > exchange.bind x2 x1 ''
        a.1 < exchange.bind-ok
        a.1 > exchange.bind x1 x2 #
        a.1 < exchange.bind-ok
        a.1 > exchange.bind x1 x1 self
        a.1 < exchange.bind-ok
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x1 ''
        a.1 < queue.bind-ok
        a.1 > queue.bind q x2 a.*
        a.1 < queue.bind-ok
        a.1 > publish x1 a.b hello
        a.1 > get q
        a.1 < get-ok #1 x1 a.b hello left=0
        a.1 > exchange.unbind x1 x2 #
        a.1 < exchange.unbind-ok
        a.1 > exchange.unbind x2 x1 ''
        a.1 < exchange.unbind-ok
        a.1 > publish x2 b lost mandatory
        a.1 < return 312 NO_ROUTE x2 b lost
        ",
    );
}

#[test]
fn an_empty_queue_name_is_the_last_declared_queue() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind '' amq.direct ''
        a.1 < queue.bind-ok
        a.1 > publish amq.direct q hello mandatory
        a.1 > get ''
        a.1 < get-ok #1 amq.direct q hello left=0
        a.1 > queue.unbind '' amq.direct ''
        a.1 < queue.unbind-ok
        a.1 > publish amq.direct q lost mandatory
        a.1 < return 312 NO_ROUTE amq.direct q lost
        ",
    );
}

#[test]
fn an_empty_key_stays_empty_when_the_queue_is_named() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.direct ''
        a.1 < queue.bind-ok
        a.1 > publish amq.direct '' hit mandatory
        a.1 > publish amq.direct q miss mandatory
        a.1 < return 312 NO_ROUTE amq.direct q miss
        ",
    );
}

#[test]
fn without_a_declared_queue_an_empty_name_means_nothing() {
    for (command, id) in [
        ("get ''", "60.70"),
        ("consume '' c", "60.20"),
        ("queue.bind '' amq.direct k", "50.20"),
        ("queue.unbind '' amq.direct k", "50.50"),
        ("queue.purge ''", "50.30"),
        ("queue.delete ''", "50.40"),
    ] {
        check(&format!(
            "
            a.1 > {command}
            a.1 < channel.close 404 {id} NOT_FOUND - no previously declared queue
            "
        ));
    }
}

#[test]
fn the_last_declared_queue_is_not_forgotten_by_its_deletion_nor_by_nowait() {
    check(
        "
        a.1 > queue.declare q nowait
        a.1 > queue.delete ''
        a.1 < queue.delete-ok 0
        a.1 > queue.purge ''
        a.1 < channel.close 404 50.30 NOT_FOUND - no queue 'q' in vhost '/'
        ",
    );
}
