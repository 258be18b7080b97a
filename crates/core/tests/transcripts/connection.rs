//! An open connection: broken frames, frames out of turn, and the ways to end it.

use crate::check;

#[test]
fn a_wrong_end_byte_breaks_the_stream() {
    check(
        "
        a.1 > frame 1 '\\0\\x14\\0\\x0A\\0' end=00
        a < connection.close 501 0.0 FRAME_ERROR - type 1, all octets = <<0,20,0,10,0>>: {invalid_frame_end_marker,0}
        +3s
        a < socket closed
        ",
    );
}

#[test]
fn a_frame_larger_than_frame_max_breaks_the_stream_before_it_has_come() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a > bytes 030001 00020001
        a < connection.close 501 0.0 FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,131073,131064}
        +2999ms
        +1ms
        a < socket closed
        ",
    );
}

#[test]
fn the_negotiated_frame_max_is_the_one_that_holds() {
    check(
        "
        a connects frame-max=4096
        a > bytes 030001 00001001
        a < connection.close 501 0.0 FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,4097,4088}
        ",
    );
}

#[test]
fn a_payload_may_be_as_long_as_frame_max_though_its_frame_is_eight_bytes_longer() {
    let body = "a".repeat(4096);
    check(&format!(
        "
        a connects frame-max=4096
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish-method '' q
        a.1 > header size=4096
        a.1 > body {body}
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q a*4096 left=0 frames=2
        "
    ));
}

#[test]
fn frames_of_unknown_type_and_heartbeats_with_content_are_frame_errors() {
    check(
        "
        a.1 > frame 4 abc
        a < connection.close 501 0.0 FRAME_ERROR - type 4, all octets = <<\"abc\">>: unknown_frame
        b > frame 8 x
        b < connection.close 501 0.0 FRAME_ERROR - type 8, all octets = <<\"x\">>: unknown_frame
        c > frame 0 ''
        c < connection.close 501 0.0 FRAME_ERROR - type 0, all octets = <<>>: unknown_frame
        ",
    );
}

#[test]
fn long_payloads_are_shown_by_their_first_sixteen_bytes() {
    check(
        "
        a.1 > frame 4 abcdefghijklmnopq
        a < connection.close 501 0.0 FRAME_ERROR - type 4, first 16 octets = <<\"abcdefghijklmnop\">>: unknown_frame
        ",
    );
}

#[test]
fn heartbeats_belong_to_channel_zero_and_content_does_not() {
    check(
        "
        a.1 > heartbeat
        a < connection.close 505 0.0 UNEXPECTED_FRAME - type 8, all octets = <<>>
        b > body abc
        b < connection.close 505 0.0 UNEXPECTED_FRAME - type 3, all octets = <<\"abc\">>
        c > header size=1
        c < connection.close 505 0.0 UNEXPECTED_FRAME - type 2, all octets = <<0,60,0,0,0,0,0,0,0,0,0,1,0,0>>
        ",
    );
}

#[test]
fn content_without_a_publish_is_unexpected() {
    check(
        "
        a.1 > header size=1
        a < connection.close 505 0.0 UNEXPECTED_FRAME - expected method frame, got non method frame instead
        b.1 > body x
        b < connection.close 505 0.0 UNEXPECTED_FRAME - expected method frame, got non method frame instead
        ",
    );
}

#[test]
fn no_body_may_follow_a_header_that_announces_none() {
    check(
        "
        a.1 > publish-method '' q
        a.1 > header size=0
        a.1 > body ''
        a < connection.close 505 0.0 UNEXPECTED_FRAME - expected method frame, got non method frame instead
        ",
    );
}

#[test]
fn a_publish_must_be_followed_by_its_header() {
    check(
        "
        a.1 > publish-method '' q
        a.1 > body x
        a < connection.close 505 60.40 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead
        b.1 > publish-method '' q
        b.1 > queue.declare q
        b < connection.close 505 60.40 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead
        c.1 > publish-method '' q
        c.1 > header weight=1 size=1
        c < connection.close 505 60.40 UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead
        d.1 > publish-method '' q
        d.1 > header class=50 size=1
        d < connection.close 505 60.40 UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead
        ",
    );
}

#[test]
fn a_header_must_be_followed_by_the_whole_body() {
    check(
        "
        a.1 > publish-method '' q
        a.1 > header size=5
        a.1 > body he
        a.1 > queue.declare q
        a < connection.close 505 60.40 UNEXPECTED_FRAME - expected content body, got non content body frame instead
        b.1 > publish-method '' q
        b.1 > header size=5
        b.1 > header size=5
        b < connection.close 505 60.40 UNEXPECTED_FRAME - expected content body, got non content body frame instead
        c.1 > publish-method '' q
        c.1 > header size=5
        c.1 > channel.close
        c < connection.close 505 60.40 UNEXPECTED_FRAME - expected content body, got non content body frame instead
        ",
    );
}

#[test]
fn a_body_must_not_be_longer_than_announced() {
    check(
        "
        a.1 > publish-method '' q
        a.1 > header size=2
        a.1 > body hello
        a < connection.close 501 60.40 FRAME_ERROR - content body frame exceeds remaining content size
        b.1 > publish-method '' q ; header size=2 ; body hello
        b < connection.close 501 60.40 FRAME_ERROR - content body frame exceeds remaining content size
        ",
    );
}

#[test]
fn nobody_may_announce_more_than_512_mib() {
    check(
        "
        a.1 > publish-method '' q
        a.1 > header size=600000000
        a < connection.close 501 60.40 FRAME_ERROR - content body size 600000000 exceeds maximum allowed size 536870912
        ",
    );
}

#[test]
fn empty_body_frames_within_a_body_are_ignored() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish-method '' q
        a.1 > header size=5
        a.1 > body ''
        a.1 > body hel
        a.1 > body ''
        a.1 > body lo
        a.1 > get q
        a.1 < get-ok #1 '' q hello left=0
        ",
    );
}

#[test]
fn arguments_must_fit_their_method() {
    check(
        "
        a.1 > method 50 10 00
        a < connection.close 501 50.10 FRAME_ERROR - cannot decode <<0>>
        b.1 > method 60 80 0000000000000001
        b < connection.close 501 60.80 FRAME_ERROR - cannot decode <<0,0,0,0,0,0,0,1>>
        c.1 > method 60 80 00000000000000010000
        c < connection.close 501 60.80 FRAME_ERROR - cannot decode <<0,0,0,0,0,0,0,1,0,0>>
        d.1 > method 60 40 0000
        d < connection.close 501 60.40 FRAME_ERROR - cannot decode <<0,0>>
        e.1 > channel.open
        e.1 < channel.open-ok
        e.2 >> method 20 10
        e < connection.close 501 20.10 FRAME_ERROR - cannot decode <<>>
        ",
    );
}

#[test]
fn names_must_be_utf_8() {
    check(
        r"
        a.1 > queue.declare '\xFF'
        a < connection.close 501 0.0 FRAME_ERROR - Malformed UTF-8 in shortstr
        b.1 > queue.bind q amq.direct '\xFF'
        b < connection.close 501 0.0 FRAME_ERROR - Malformed UTF-8 in shortstr
        ",
    );
}

/// RabbitMQ drops the socket without a word here.
#[test]
fn unknown_methods_are_told_so() {
    check(
        "
        a.1 > method 60 99
        a < connection.close 503 60.99 COMMAND_INVALID - unimplemented method
        b.1 > method 70 10
        b < connection.close 503 70.10 COMMAND_INVALID - unimplemented method
        c > method 10 99
        c < connection.close 503 10.99 COMMAND_INVALID - unimplemented method
        ",
    );
}

/// RabbitMQ drops the socket without a word here.
#[test]
fn a_malformed_table_in_a_method_is_a_syntax_error() {
    check(
        "
        a.1 > queue.declare q x=1:U
        a < connection.close 502 50.10 SYNTAX_ERROR…
        ",
    );
}

/// RabbitMQ answers with a bare 541 here.
#[test]
fn malformed_properties_are_a_syntax_error() {
    for header in
        ["raw=0001", "raw=0002", "raw=8000", "raw=000000", "raw=200000000003016155", "headers={x=1:U}"]
    {
        check(&format!(
            "
            a.1 > publish-method '' q
            a.1 > header size=1 {header}
            a < connection.close 502 60.40 SYNTAX_ERROR…
            "
        ));
    }
}

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
fn frames_of_channels_and_heartbeats_may_come_in_between() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish-method '' q
        a.2 > publish-method '' q
        a > heartbeat
        a.1 > header size=3
        a.2 > header size=3 priority=2
        a.1 > body one
        a.2 > body two
        a.1 > get q
        a.1 < get-ok #1 '' q one left=1
        a.1 > get q
        a.1 < get-ok #2 '' q two left=0 priority=2
        ",
    );
}
