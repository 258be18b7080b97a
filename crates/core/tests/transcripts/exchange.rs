//! Class exchange: declare and delete.

use crate::check;

#[test]
fn the_predeclared_exchanges_are_there_and_may_be_declared_again() {
    check(
        "
        a.1 > exchange.declare amq.direct direct durable
        a.1 < exchange.declare-ok
        a.1 > exchange.declare amq.fanout fanout durable
        a.1 < exchange.declare-ok
        a.1 > exchange.declare amq.topic topic durable
        a.1 < exchange.declare-ok
        a.1 > exchange.declare amq.headers headers durable
        a.1 < exchange.declare-ok
        a.1 > exchange.declare amq.match headers durable
        a.1 < exchange.declare-ok
        a.1 > exchange.declare amq.rabbitmq.trace topic durable internal
        a.1 < exchange.declare-ok
        a.1 > exchange.declare amq.direct fanout durable
        a.1 < channel.close 406 40.10 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'amq.direct' in vhost '/': received 'fanout' but current is 'direct'
        ",
    );
}

/// RabbitMQ says `invalid exchange type` for words its virtual machine doesn't know: nobody matches on it.
#[test]
fn the_type_must_be_known_and_is_looked_at_first() {
    check(
        "
        a.1 > exchange.declare x x-foo
        a.1 < channel.close 406 40.10 PRECONDITION_FAILED - unknown exchange type 'x-foo'
        a.2 > exchange.declare '' x-foo
        a.2 < channel.close 406 40.10 PRECONDITION_FAILED - unknown exchange type 'x-foo'
        a.3 > exchange.declare x ''
        a.3 < channel.close 406 40.10 PRECONDITION_FAILED - unknown exchange type ''
        ",
    );
}

#[test]
fn the_default_exchange_can_not_be_declared_or_deleted() {
    check(
        "
        a.1 > exchange.declare '' direct durable
        a.1 < channel.close 403 40.10 ACCESS_REFUSED - operation not permitted on the default exchange
        a.2 > exchange.declare '' direct passive
        a.2 < channel.close 403 40.10 ACCESS_REFUSED - operation not permitted on the default exchange
        a.3 > exchange.delete ''
        a.3 < channel.close 403 40.20 ACCESS_REFUSED - operation not permitted on the default exchange
        ",
    );
}

#[test]
fn new_names_must_not_begin_with_amq() {
    check(
        "
        a.1 > exchange.declare amq.foo direct
        a.1 < channel.close 403 40.10 ACCESS_REFUSED - exchange name 'amq.foo' contains reserved prefix 'amq.*'
        a.2 > exchange.declare amqfoo direct
        a.2 < exchange.declare-ok
        ",
    );
}

#[test]
fn a_passive_declare_only_asks_whether_there_is_one() {
    check(
        "
        a.1 > exchange.declare x fanout durable auto-delete internal
        a.1 < exchange.declare-ok
        a.1 > exchange.declare x direct passive
        a.1 < exchange.declare-ok
        a.1 > exchange.declare x '' passive
        a.1 < exchange.declare-ok
        a.1 > exchange.declare nope direct passive
        a.1 < channel.close 404 40.10 NOT_FOUND - no exchange 'nope' in vhost '/'
        ",
    );
}

#[test]
fn a_redeclaration_must_be_equivalent() {
    for (again, key, received, current) in [
        ("direct durable", "durable", "true", "false"),
        ("direct auto-delete", "auto_delete", "true", "false"),
        ("direct internal", "internal", "true", "false"),
        ("fanout durable auto-delete internal", "type", "fanout", "direct"),
        ("direct durable auto-delete internal", "durable", "true", "false"),
    ] {
        check(&format!(
            "
            a.1 > exchange.declare x direct
            a.1 < exchange.declare-ok
            a.1 > exchange.declare x {again}
            a.1 < channel.close 406 40.10 PRECONDITION_FAILED - inequivalent arg '{key}' for exchange 'x' in vhost '/': received '{received}' but current is '{current}'
            "
        ));
    }
}

#[test]
fn of_the_arguments_only_the_alternate_exchange_is_compared() {
    check(
        "
        a.1 > exchange.declare x direct foo=1
        a.1 < exchange.declare-ok
        a.1 > exchange.declare x direct bar=2
        a.1 < exchange.declare-ok
        a.1 > exchange.declare x direct alternate-exchange=ae
        a.1 < channel.close 406 40.10 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received the value 'ae' of type 'longstr' but current is none
        a.2 > exchange.declare y direct alternate-exchange=ae
        a.2 < exchange.declare-ok
        a.2 > exchange.declare y direct
        a.2 < channel.close 406 40.10 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'y' in vhost '/': received none but current is the value 'ae' of type 'longstr'
        a.3 > exchange.declare y direct alternate-exchange=other
        a.3 < channel.close 406 40.10 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'y' in vhost '/': received 'other' but current is 'ae'
        ",
    );
}

#[test]
fn an_alternate_exchange_is_a_name() {
    check(
        "
        a.1 > exchange.declare x direct alternate-exchange=1
        a.1 < channel.close 406 40.10 PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange 'x' in vhost '/'
        ",
    );
}

#[test]
fn system_exchanges_can_not_be_deleted() {
    check(
        "
        a.1 > exchange.delete amq.direct
        a.1 < channel.close 403 40.20 ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed
        ",
    );
}

#[test]
fn an_exchange_that_is_a_source_is_in_use() {
    check(
        "
        a.1 > exchange.declare x direct
        a.1 < exchange.declare-ok
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x k
        a.1 < queue.bind-ok
        a.1 > exchange.delete x if-unused
        a.1 < channel.close 406 40.20 PRECONDITION_FAILED - exchange 'x' in vhost '/' in use
        a.2 > queue.unbind q x k
        a.2 < queue.unbind-ok
        a.2 > exchange.delete x if-unused
        a.2 < exchange.delete-ok
        a.2 > exchange.declare x direct passive
        a.2 < channel.close 404 40.10 NOT_FOUND - no exchange 'x' in vhost '/'
        ",
    );
}

#[test]
fn an_exchange_that_feeds_another_is_in_use() {
    check(
        "
        a.1 > exchange.declare x direct
        a.1 < exchange.declare-ok
        a.1 > exchange.bind amq.fanout x k
        a.1 < exchange.bind-ok
        a.1 > exchange.delete x if-unused
        a.1 < channel.close 406 40.20 PRECONDITION_FAILED - exchange 'x' in vhost '/' in use
        ",
    );
}

#[test]
fn an_exchange_that_is_only_a_destination_is_not_in_use() {
    check(
        "
        a.1 > exchange.declare x direct
        a.1 < exchange.declare-ok
        a.1 > exchange.bind x amq.fanout ''
        a.1 < exchange.bind-ok
        a.1 > exchange.delete x if-unused
        a.1 < exchange.delete-ok
        ",
    );
}

#[test]
fn deleting_what_is_not_there_is_fine() {
    check(
        "
        a.1 > exchange.delete nope
        a.1 < exchange.delete-ok
        a.1 > exchange.delete nope if-unused
        a.1 < exchange.delete-ok
        ",
    );
}

#[test]
fn line_ends_are_taken_out_of_names() {
    check(
        r"
        a.1 > exchange.declare 'x\r\n1' direct
        a.1 < exchange.declare-ok
        a.1 > exchange.declare x1 direct passive
        a.1 < exchange.declare-ok
        a.1 > queue.declare 'q\n1'
        a.1 < queue.declare-ok q1 messages=0 consumers=0
        a.1 > queue.bind 'q1\r' 'x\n1' k
        a.1 < queue.bind-ok
        a.1 > publish x1 k hello
        a.1 > queue.unbind 'q1\r' 'x\n1' k
        a.1 < queue.unbind-ok
        a.1 > queue.delete 'q1\n'
        a.1 < queue.delete-ok 1
        a.1 > exchange.delete 'x1\r'
        a.1 < exchange.delete-ok
        ",
    );
}

#[test]
fn line_ends_in_other_methods_are_part_of_the_name() {
    check(
        r"
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > get 'q\n'
        a.1 < channel.close 404 60.70 NOT_FOUND - no queue 'q\n' in vhost '/'
        a.2 > consume 'q\n' c
        a.2 < channel.close 404 60.20 NOT_FOUND - no queue 'q\n' in vhost '/'
        a.3 > queue.purge 'q\n'
        a.3 < channel.close 404 50.30 NOT_FOUND - no queue 'q\n' in vhost '/'
        a.4 > publish 'amq.\ndirect' k x
        a.4 < channel.close 404 60.40 NOT_FOUND - no exchange 'amq.\ndirect' in vhost '/'
        ",
    );
}

#[test]
fn other_control_characters_and_255_bytes_are_fine_in_names() {
    let long = "x".repeat(255);
    check(&format!(
        r"
        a.1 > exchange.declare 'x\0\x01' direct
        a.1 < exchange.declare-ok
        a.1 > exchange.declare {long} direct
        a.1 < exchange.declare-ok
        a.1 > exchange.declare {long} direct passive
        a.1 < exchange.declare-ok
        "
    ));
}

#[test]
fn internal_exchanges_are_not_for_publishers() {
    check(
        "
        a.1 > exchange.declare xi fanout internal
        a.1 < exchange.declare-ok
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q xi ''
        a.1 < queue.bind-ok
        a.1 > exchange.bind xi amq.fanout ''
        a.1 < exchange.bind-ok
        a.1 > publish amq.fanout k through
        a.1 > get q
        a.1 < get-ok #1 amq.fanout k through left=0
        a.1 > publish xi k direct
        a.1 < channel.close 403 60.40 ACCESS_REFUSED - cannot publish to internal exchange 'xi' in vhost '/'
        ",
    );
}

#[test]
fn an_auto_delete_exchange_goes_with_its_last_binding_as_a_source() {
    check(
        "
        a.1 > exchange.declare x direct auto-delete
        a.1 < exchange.declare-ok
        a.1 > exchange.bind x amq.fanout ''
        a.1 < exchange.bind-ok
        a.1 > exchange.unbind x amq.fanout ''
        a.1 < exchange.unbind-ok
        a.1 > exchange.declare x '' passive
        a.1 < exchange.declare-ok
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x one
        a.1 < queue.bind-ok
        a.1 > queue.bind q x two
        a.1 < queue.bind-ok
        a.1 > queue.unbind q x one
        a.1 < queue.unbind-ok
        a.1 > exchange.declare x '' passive
        a.1 < exchange.declare-ok
        a.1 > queue.unbind q x two
        a.1 < queue.unbind-ok
        a.1 > exchange.declare x '' passive
        a.1 < channel.close 404 40.10…
        ",
    );
}

#[test]
fn auto_delete_cascades_through_exchanges_when_a_queue_goes() {
    check(
        "
        a.1 > exchange.declare up fanout auto-delete
        a.1 < exchange.declare-ok
        a.1 > exchange.declare down fanout auto-delete
        a.1 < exchange.declare-ok
        a.1 > exchange.bind down up ''
        a.1 < exchange.bind-ok
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q down ''
        a.1 < queue.bind-ok
        a.1 > queue.delete q
        a.1 < queue.delete-ok 0
        a.1 > exchange.declare up '' passive
        a.1 < channel.close 404 40.10 NOT_FOUND - no exchange 'up' in vhost '/'
        a.2 > exchange.declare down '' passive
        a.2 < channel.close 404 40.10 NOT_FOUND - no exchange 'down' in vhost '/'
        ",
    );
}

#[test]
fn deleting_an_exchange_removes_its_bindings_on_both_sides() {
    check(
        "
        a.1 > exchange.declare x fanout
        a.1 < exchange.declare-ok
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x ''
        a.1 < queue.bind-ok
        a.1 > exchange.bind x amq.fanout ''
        a.1 < exchange.bind-ok
        a.1 > exchange.delete x
        a.1 < exchange.delete-ok
        a.1 > exchange.declare x fanout
        a.1 < exchange.declare-ok
        a.1 > publish x k lost mandatory
        a.1 < return 312 NO_ROUTE x k lost
        a.1 > publish amq.fanout k lost mandatory
        a.1 < return 312 NO_ROUTE amq.fanout k lost
        ",
    );
}

#[test]
fn an_alternate_exchange_takes_what_matches_no_binding() {
    check(
        "
        a.1 > exchange.declare ae fanout
        a.1 < exchange.declare-ok
        a.1 > exchange.declare x direct alternate-exchange=ae
        a.1 < exchange.declare-ok
        a.1 > queue.declare caught
        a.1 < queue.declare-ok caught messages=0 consumers=0
        a.1 > queue.bind caught ae ''
        a.1 < queue.bind-ok
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x k
        a.1 < queue.bind-ok
        a.1 > publish x k matched mandatory
        a.1 > publish x other unmatched mandatory
        a.1 > get caught
        a.1 < get-ok #1 x other unmatched left=0
        a.1 > get q
        a.1 < get-ok #2 x k matched left=0
        ",
    );
}

#[test]
fn an_alternate_exchange_may_be_missing_and_have_one_of_its_own() {
    check(
        "
        a.1 > exchange.declare x direct alternate-exchange=missing
        a.1 < exchange.declare-ok
        a.1 > publish x k lost mandatory
        a.1 < return 312 NO_ROUTE x k lost
        a.1 > exchange.declare missing direct alternate-exchange=x2
        a.1 < exchange.declare-ok
        a.1 > exchange.declare x2 fanout alternate-exchange=x
        a.1 < exchange.declare-ok
        a.1 > publish x k circle mandatory
        a.1 < return 312 NO_ROUTE x k circle
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q x2 ''
        a.1 < queue.bind-ok
        a.1 > publish x k found mandatory
        a.1 > get q
        a.1 < get-ok #1 x k found left=0
        ",
    );
}

#[test]
fn a_matched_exchange_that_leads_nowhere_does_not_call_the_alternate() {
    check(
        "
        a.1 > exchange.declare ae fanout
        a.1 < exchange.declare-ok
        a.1 > queue.declare caught
        a.1 < queue.declare-ok caught messages=0 consumers=0
        a.1 > queue.bind caught ae ''
        a.1 < queue.bind-ok
        a.1 > exchange.declare x direct alternate-exchange=ae
        a.1 < exchange.declare-ok
        a.1 > exchange.declare dead fanout
        a.1 < exchange.declare-ok
        a.1 > exchange.bind dead x k
        a.1 < exchange.bind-ok
        a.1 > publish x k lost mandatory
        a.1 < return 312 NO_ROUTE x k lost
        ",
    );
}

#[test]
fn nothing_is_answered_where_nobody_waits() {
    check(
        "
        a.1 > exchange.declare x fanout nowait
        a.1 > exchange.declare y fanout nowait
        a.1 > exchange.bind y x '' nowait
        a.1 > queue.declare q nowait
        a.1 > queue.bind q y '' nowait
        a.1 > publish x k hello
        a.1 > get q no-ack
        a.1 < get-ok #1 x k hello left=0
        a.1 > exchange.unbind y x '' nowait
        a.1 > publish x k lost mandatory
        a.1 < return 312 NO_ROUTE x k lost
        a.1 > exchange.delete y nowait
        a.1 > queue.purge q nowait
        a.1 > queue.delete q nowait
        a.1 > queue.declare q passive
        a.1 < channel.close 404…
        ",
    );
}
