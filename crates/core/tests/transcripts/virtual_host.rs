//! Virtual hosts: what is declared in one is unknown in another.

use crate::check;

const TWO_VHOSTS: &str = "
    vhost v
    grant guest v .* .* .*
    b connects vhost=v
";

#[test]
fn the_same_names_are_different_things_in_two_virtual_hosts() {
    check(&format!(
        "
        {TWO_VHOSTS}
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.fanout ''
        a.1 < queue.bind-ok
        b.1 > publish amq.fanout k lost mandatory
        b.1 < return 312 NO_ROUTE amq.fanout k lost
        b.1 > publish '' q hello
        a.1 > get q
        a.1 < get-empty
        b.1 > get q
        b.1 < get-ok #1 '' q hello left=0
        b.1 > exchange.declare x direct
        b.1 < exchange.declare-ok
        a.1 > publish x k lost
        a.1 < channel.close 404 60.40 NOT_FOUND - no exchange 'x' in vhost '/'
        "
    ));
}

#[test]
fn texts_name_the_virtual_host() {
    check(&format!(
        "
        {TWO_VHOSTS}
        b.1 > get q
        b.1 < channel.close 404 60.70 NOT_FOUND - no queue 'q' in vhost 'v'
        b.2 > queue.declare q exclusive
        b.2 < queue.declare-ok q messages=0 consumers=0
        b.2 > queue.declare q
        b.2 < channel.close 405 50.10 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost 'v'. It…
        b.3 > queue.declare r x-message-ttl=-1
        b.3 < channel.close 406 50.10 PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'r' in vhost 'v': {{value_negative,-1}}
        b.4 > exchange.delete amq.topic
        b.4 < channel.close 403 40.20 ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost 'v' not allowed
        "
    ));
}

#[test]
fn every_virtual_host_has_its_own_predeclared_exchanges() {
    check(&format!(
        "
        {TWO_VHOSTS}
        b.1 > exchange.declare amq.direct direct durable passive
        b.1 < exchange.declare-ok
        b.1 > exchange.declare amq.rabbitmq.trace topic durable internal
        b.1 < exchange.declare-ok
        "
    ));
}

#[test]
fn an_address_for_replies_can_not_be_reached_from_another_virtual_host() {
    check(&format!(
        "
        {TWO_VHOSTS}
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume amq.rabbitmq.reply-to r no-ack
        a.1 < consume-ok r
        a.1 > publish '' q x reply-to=amq.rabbitmq.reply-to
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q x left=0 reply-to=amq.rabbitmq.reply-to.1
        b.1 > publish '' amq.rabbitmq.reply-to.1 lost mandatory
        b.1 > queue.declare amq.rabbitmq.reply-to.1 passive
        b.1 < channel.close 404 50.10 NOT_FOUND - no queue 'amq.rabbitmq.reply-to.…
        a.2 > publish '' amq.rabbitmq.reply-to.1 hello mandatory
        a.1 < deliver r #2 '' amq.rabbitmq.reply-to.1 hello
        "
    ));
}
