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

#[test]
fn whoever_is_in_a_virtual_host_when_it_is_deleted_is_asked_to_go() {
    check(&format!(
        "
        {TWO_VHOSTS}
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > queue.declare q durable
        b.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > publish '' q kept persistent
        b.1 > consume q c
        b.1 < consume-ok c
        b.1 < deliver c #1 '' q kept persistent
        delete vhost v
        b.1 < cancel c nowait
        b < connection.close 320 0.0 CONNECTION_FORCED - vhost 'v' is deleted
        log has 0 messages in 0 pages
        c connects vhost=v
        c < connection.close 530 10.40 NOT_ALLOWED - vhost v not found
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        "
    ));
}

#[test]
fn what_users_might_do_in_a_virtual_host_goes_with_it() {
    check(&format!(
        "
        {TWO_VHOSTS}
        delete vhost v
        b < connection.close 320 0.0 CONNECTION_FORCED - vhost 'v' is deleted
        vhost v
        c connects vhost=v
        c < connection.close 530 10.40 NOT_ALLOWED - access to vhost 'v' refused for user 'guest'
        grant guest v .* .* .*
        d connects vhost=v
        d.1 > queue.declare q
        d.1 < queue.declare-ok q messages=0 consumers=0
        "
    ));
}

#[test]
fn the_log_hears_of_everything_that_goes_with_a_virtual_host() {
    check(&format!(
        "
        {TWO_VHOSTS}
        b.1 > queue.declare q durable
        b.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > exchange.declare x direct durable
        b.1 < exchange.declare-ok
        b.1 > queue.bind q x k
        b.1 < queue.bind-ok
        policy p vhost=v pattern=q max-length=5
        definitions shown
        delete vhost v
        log < no binding v x queue=q key=k {{}}
        log < no queue v q
        log < no exchange v x
        log < no policy v p
        log < user guest vhosts=/
        log < no vhost v
        b < connection.close 320 0.0 CONNECTION_FORCED - vhost 'v' is deleted
        "
    ));
}

#[test]
fn whoever_is_connected_as_a_user_that_is_deleted_is_asked_to_go() {
    check(
        "
        user bob secret
        grant bob / .* .* .*
        b connects user=bob password=secret
        b.1 > queue.declare own exclusive
        b.1 < queue.declare-ok own messages=0 consumers=0
        delete user bob
        b < connection.close 320 0.0 CONNECTION_FORCED - user 'bob' is deleted
        a.1 > queue.declare own passive
        a.1 < channel.close 404 50.10 NOT_FOUND - no queue 'own' in vhost '/'
        ",
    );
}

#[test]
fn a_queue_whose_declaration_names_no_type_gets_the_default_one_if_it_can_be_that() {
    check(
        "
        describe / default-queue-type=quorum
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        definitions shown
        a.1 > queue.declare again durable k=1
        a.1 < queue.declare-ok again messages=0 consumers=0
        log < queue / again id=2 {k: 1, x-queue-type: \"quorum\"}
        a.1 > queue.declare auto durable auto-delete
        a.1 < queue.declare-ok auto messages=0 consumers=0
        log < queue / auto id=3 auto-delete {}
        a.1 > queue.declare own durable exclusive
        a.1 < queue.declare-ok own messages=0 consumers=0
        a.1 > queue.declare passing
        a.1 < queue.declare-ok passing messages=0 consumers=0
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare q durable x-queue-type=quorum
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare q durable x-queue-type=classic
        a.1 < channel.close 406 50.10 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'classic' but current is 'quorum'
        describe / default-queue-type=classic
        log < vhost /
        a.2 > queue.declare q durable
        a.2 < channel.close 406 50.10 PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'classic' but current is 'quorum'
        ",
    );
}

#[test]
fn only_classic_queues_get_their_names_from_the_broker() {
    check(
        "
        a.1 > queue.declare '' durable x-queue-type=quorum
        a.1 < channel.close 406 50.10 PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue
        describe / default-queue-type=quorum
        a.2 > queue.declare '' durable
        a.2 < channel.close 406 50.10 PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue
        a.3 > queue.declare '' exclusive
        a.3 < queue.declare-ok amq.gen-1 messages=0 consumers=0
        ",
    );
}
