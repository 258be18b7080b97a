//! An open connection: methods that are not for it, and the ways to end it.

use crate::check;

#[test]
fn methods_of_channels_are_not_for_channel_zero() {
    check(
        "
        a > queue.declare q
        a < connection.close 504 50.10 CHANNEL_ERROR - unexpected method in connection state running
        b > channel.open
        b < connection.close 504 20.10 CHANNEL_ERROR - unexpected method in connection state running
        c > connection.tune-ok
        c < connection.close 504 10.31 CHANNEL_ERROR - unexpected method in connection state running
        d > connection.close-ok
        d < connection.close 504 10.51 CHANNEL_ERROR - unexpected method in connection state running
        ",
    );
}

#[test]
fn methods_of_the_connection_are_not_for_channels() {
    check(
        "
        a.1 > connection.close
        a < connection.close 503 10.50 COMMAND_INVALID - unimplemented method
        b.1 > connection.open /
        b < connection.close 503 10.40 COMMAND_INVALID - unimplemented method
        ",
    );
}

#[test]
fn methods_of_servers_are_not_for_clients() {
    check(
        "
        a.1 > method 50 11 0171 00000000 00000000
        a < connection.close 503 50.11 COMMAND_INVALID - unimplemented method
        b.1 > channel.close-ok
        b < connection.close 503 20.41 COMMAND_INVALID - unimplemented method
        c.1 > method 40 11
        c < connection.close 503 40.11 COMMAND_INVALID - unimplemented method
        d.1 > method 60 72 00
        d < connection.close 503 60.72 COMMAND_INVALID - unimplemented method
        e.1 > method 85 11
        e < connection.close 503 85.11 COMMAND_INVALID - unimplemented method
        f.1 > method 90 11
        f < connection.close 503 90.11 COMMAND_INVALID - unimplemented method
        ",
    );
}

#[test]
fn after_a_close_by_the_server_only_its_answer_matters() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a > queue.declare x
        a < connection.close 504 50.10…
        a.1 > publish '' q lost
        a.1 > queue.declare x
        a > heartbeat
        a > connection.close-ok
        a < socket closed
        b.1 > queue.declare q passive
        b.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn closes_that_cross_are_both_answered() {
    check(
        "
        a > queue.declare x
        a < connection.close 504 50.10…
        a > connection.close
        a < connection.close-ok
        a > connection.close-ok
        a < socket closed
        ",
    );
}

#[test]
fn an_answer_to_our_close_is_awaited_for_thirty_seconds() {
    check(
        "
        a > queue.declare x
        a < connection.close 504 50.10…
        +29999ms
        +1ms
        a < socket closed
        ",
    );
}

#[test]
fn an_answer_to_our_close_is_awaited_for_one_heartbeat_if_that_is_shorter() {
    check(
        "
        a connects heartbeat=20
        a > queue.declare x
        a < connection.close 504 50.10…
        +19999ms
        +1ms
        a < socket closed
        ",
    );
}

#[test]
fn after_close_ok_the_client_is_to_close_the_socket() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a > connection.close
        a < connection.close-ok
        a.1 > publish '' q late
        a > bytes ffffffffffffffffffffff
        +29999ms
        +1ms
        a < socket closed
        b.1 > queue.declare q passive
        b.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn a_clients_close_gives_everything_back_before_it_is_answered() {
    check(
        "
        a.1 > queue.declare mine exclusive
        a.1 < queue.declare-ok mine messages=0 consumers=0
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > publish '' q hello
        a.1 > get q
        a.1 < get-ok #1 '' q hello left=0
        a > connection.close
        a < connection.close-ok
        b.1 > queue.declare mine exclusive
        b.1 < queue.declare-ok mine messages=0 consumers=0
        b.1 > get q no-ack
        b.1 < get-ok #1 '' q hello left=0 redelivered
        ",
    );
}

#[test]
fn a_lost_socket_gives_everything_back() {
    check(
        "
        a.1 > queue.declare mine exclusive
        a.1 < queue.declare-ok mine messages=0 consumers=0
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > publish '' q hello
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 < deliver c #1 '' q hello
        a is lost
        b.1 > queue.declare mine exclusive
        b.1 < queue.declare-ok mine messages=0 consumers=0
        b.1 > get q no-ack
        b.1 < get-ok #1 '' q hello left=0 redelivered
        ",
    );
}

/// RabbitMQ ends the channels one by one, and may so lose what one held to another that acknowledges by itself.
#[test]
fn what_one_channel_held_is_not_given_to_another_of_the_same_lost_connection() {
    check(
        "
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > publish '' q one
        b.1 > publish '' q two
        a.1 > get q
        a.1 < get-ok #1 '' q one left=1
        a.2 > get q
        a.2 < get-ok #1 '' q two left=0
        a.1 > consume q c no-ack
        a.1 < consume-ok c
        a.2 > consume q c no-ack
        a.2 < consume-ok c
        a is lost
        b.1 > get q
        b.1 < get-ok #1 '' q one left=1 redelivered
        b.1 > get q
        b.1 < get-ok #2 '' q two left=0 redelivered
        ",
    );
}

#[test]
fn an_operators_close_is_a_forced_one() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a is shut down 'bye now'
        a < connection.close 320 0.0 CONNECTION_FORCED - bye now
        a > connection.close-ok
        a < socket closed
        ",
    );
}

#[test]
fn whoever_is_still_shaking_hands_at_the_end_is_dropped() {
    check(
        "
        a is accepted
        a is shut down 'bye now'
        a < socket closed
        ",
    );
}

#[test]
fn any_new_secret_will_do() {
    check(
        "
        a > connection.update-secret fresh
        a < connection.update-secret-ok
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn access_tickets_are_given_to_whoever_asks() {
    check(
        "
        a.1 > access.request /data active
        a.1 < access.request-ok
        ",
    );
}

#[test]
fn a_stream_that_breaks_after_the_servers_close_is_not_waited_for_any_longer() {
    check(
        "
        a > connection.open /
        a < connection.close 504 10.40 CHANNEL_ERROR - unexpected method in connection state running
        +1s
        a.1 >> frame 3 abc end=41
        +2999ms
        +1ms
        a < socket closed
        ",
    );
}
