//! From the protocol header to connection.open-ok (semantics of class connection).

use crate::check;

#[test]
fn a_client_is_greeted_logs_in_settles_limits_and_enters_a_virtual_host() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start 0-9 mechanisms='PLAIN AMQPLAIN ANONYMOUS' locales=en_US {capabilities={…
        a >> connection.start-ok
        a < connection.tune channel-max=2047 frame-max=131072 heartbeat=60
        a >> connection.tune-ok
        a >> connection.open /
        a < connection.open-ok
        ",
    );
}

#[test]
fn the_server_announces_every_capability_that_clients_look_for() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start 0-9 mechanisms='PLAIN AMQPLAIN ANONYMOUS' locales=en_US {capabilities={authentication_failure_close=true, basic.nack=true, connection.blocked=true, consumer_cancel_notify=true, consumer_priorities=true, direct_reply_to=true, exchange_exchange_bindings=true, per_consumer_qos=true, publisher_confirms=true}, cluster_name=leveret, copyright='the leveret authors'…
        ",
    );
}

#[test]
fn a_client_of_0_9_is_served_as_one_of_0_9_1() {
    check(
        "
        a is accepted
        a >> protocol-header 1 1 0 9
        a < connection.start 0-9…
        ",
    );
}

/// RabbitMQ 4 answers most of these with the header of AMQP 1.0, which leveret doesn't speak; 3.x answered so.
#[test]
fn any_other_header_is_answered_with_ours_and_a_closed_socket() {
    for header in ["0 0 9 0", "0 0 10 0", "1 1 8 0", "0 0 8 0", "3 1 0 0", "0 1 0 0", "2 0 0 0"] {
        check(&format!(
            "
            a is accepted
            a >> protocol-header {header}
            a < protocol-header 0 0 9 1
            a < socket closed
            "
        ));
    }
}

#[test]
fn what_is_no_header_at_all_is_answered_with_ours_once_eight_bytes_have_come() {
    check(
        "
        a is accepted
        a >> bytes 474554202f20
        a >> bytes 4854
        a < protocol-header 0 0 9 1
        a < socket closed
        ",
    );
}

#[test]
fn a_silent_health_check_leaves_no_trace() {
    check(
        "
        a is accepted
        a is lost
        ",
    );
}

#[test]
fn a_client_may_send_everything_before_it_reads_anything() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1 ; connection.start-ok ; connection.tune-ok ; connection.open / ; connection.close
        a < connection.start…
        a < connection.tune…
        a < connection.open-ok
        a < connection.close-ok
        +30s
        a < socket closed
        ",
    );
}

#[test]
fn tune_ok_and_open_may_come_together() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> connection.start-ok
        a < connection.tune…
        a >> connection.tune-ok ; connection.open /
        a < connection.open-ok
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn amqplain_is_a_table_without_its_length() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> connection.start-ok mechanism=AMQPLAIN response={LOGIN=guest, PASSWORD=guest}
        a < connection.tune…
        ",
    );
}

#[test]
fn a_refused_login_is_told_at_once_to_clients_that_understand_it() {
    for response in [r"'\0guest\0wrong'", r"'\0nobody\0guest'", r"'\0guest\0'", r"'\0\xFF\xFE\0guest'"] {
        check(&format!(
            "
            a is accepted
            a >> protocol-header 0 0 9 1
            a < connection.start…
            a >> connection.start-ok response={response} capabilities={{authentication_failure_close=true}}
            a < connection.close 403 0.0 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.
            a >> connection.close-ok
            a < socket closed
            "
        ));
    }
}

#[test]
fn a_refused_login_names_its_mechanism() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> connection.start-ok mechanism=AMQPLAIN response={LOGIN=guest, PASSWORD=wrong} capabilities={authentication_failure_close=true}
        a < connection.close 403 0.0 ACCESS_REFUSED - Login was refused using authentication mechanism AMQPLAIN. For details see the broker logfile.
        ",
    );
}

#[test]
fn a_refused_login_closes_the_socket_after_three_seconds_if_nobody_answers() {
    check(
        "
        a connects password=wrong
        a < connection.close 403 0.0 ACCESS_REFUSED - Login was refused…
        +2999ms
        +1ms
        a < socket closed
        ",
    );
}

#[test]
fn a_refused_login_is_silent_for_clients_that_did_not_ask_to_be_told() {
    check(
        "
        a connects password=wrong without=authentication_failure_close
        +2999ms
        +1ms
        a < socket closed
        ",
    );
}

#[test]
fn a_login_that_is_no_login_is_dropped_in_silence() {
    for start_ok in [
        "mechanism=DIGEST-MD5",
        "mechanism=EXTERNAL",
        "response=guest",
        r"response='x\0guest\0guest'",
        "mechanism=AMQPLAIN response={LOGIN=guest}",
        "mechanism=AMQPLAIN response=garbage",
    ] {
        check(&format!(
            "
            a is accepted
            a >> protocol-header 0 0 9 1
            a < connection.start…
            a >> connection.start-ok {start_ok} capabilities={{authentication_failure_close=true}}
            +3s
            a < socket closed
            "
        ));
    }
}

#[test]
fn a_method_before_start_ok_is_dropped_in_silence() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> connection.open /
        +3s
        a < socket closed
        ",
    );
}

#[test]
fn guest_may_not_come_from_afar() {
    check(
        "
        a connects from=afar
        a < connection.close 403 0.0 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.
        ",
    );
}

#[test]
fn other_users_may_come_from_afar() {
    check(
        "
        user bob secret
        grant bob / .* .* .*
        a connects user=bob password=secret from=afar
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

/// RabbitMQ takes neither zero ("no limit") nor a frame-max below 8192; leveret is lenient, as older clients need.
#[test]
fn zero_means_what_the_server_offered_and_a_small_frame_max_is_fine() {
    for tune in [
        "channel-max=0",
        "frame-max=0",
        "frame-max=4096",
        "channel-max=1",
        "frame-max=131072 channel-max=2047",
    ] {
        check(&format!(
            "
            a connects {tune}
            a.1 > queue.declare q
            a.1 < queue.declare-ok q messages=0 consumers=0
            "
        ));
    }
}

/// RabbitMQ closes the socket without a word; leveret says why.
#[test]
fn limits_beyond_the_offered_ones_are_refused() {
    check(
        "
        a connects frame-max=131073
        a < connection.close 530 10.31 NOT_ALLOWED - negotiated frame_max = 131073 is greater than the maximum allowed value (131072)
        +3s
        a < socket closed
        b connects channel-max=2048
        b < connection.close 530 10.31 NOT_ALLOWED - negotiated channel_max = 2048 is greater than the maximum allowed value (2047)
        c connects frame-max=4095
        c < connection.close 530 10.31 NOT_ALLOWED - negotiated frame_max = 4095 is lower than the minimum allowed value (4096)
        ",
    );
}

#[test]
fn a_server_without_limits_takes_any() {
    check(
        "
        settings channel-max=0 frame-max=0
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> connection.start-ok
        a < connection.tune channel-max=0 frame-max=0 heartbeat=60
        a >> connection.tune-ok channel-max=65535 frame-max=10000000
        a >> connection.open /
        a < connection.open-ok
        ",
    );
}

#[test]
fn a_virtual_host_must_exist_by_its_exact_name() {
    check(
        "
        vhost foo
        a connects vhost=nosuch
        a < connection.close 530 10.40 NOT_ALLOWED - vhost nosuch not found
        b connects vhost=''
        b < connection.close 530 10.40 NOT_ALLOWED - vhost  not found
        c connects vhost=/foo
        c < connection.close 530 10.40 NOT_ALLOWED - vhost /foo not found
        ",
    );
}

#[test]
fn a_user_without_permissions_in_a_virtual_host_may_not_enter_it() {
    check(
        "
        vhost v
        a connects vhost=v
        a < connection.close 530 10.40 NOT_ALLOWED - access to vhost 'v' refused for user 'guest'
        a >> connection.close-ok
        a < socket closed
        grant guest v '' '' ''
        b connects vhost=v
        b > connection.close
        b < connection.close-ok
        ",
    );
}

#[test]
fn a_handshake_takes_ten_seconds_at_most() {
    check(
        "
        a is accepted
        +5s
        a >> protocol-header 0 0 9 1
        a < connection.start…
        +4999ms
        +1ms
        a < socket closed
        ",
    );
}

#[test]
fn a_socket_that_says_nothing_is_closed_after_ten_seconds() {
    check(
        "
        a is accepted
        +9999ms
        +1ms
        a < socket closed
        ",
    );
}

#[test]
fn frames_on_channels_before_open_ok_are_unexpected() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> connection.start-ok
        a < connection.tune…
        a >> connection.tune-ok
        a.1 >> channel.open
        a < connection.close 505 0.0 UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>>
        b is accepted
        b >> protocol-header 0 0 9 1
        b < connection.start…
        b.1 >> channel.open
        +3s
        a < socket closed
        b < socket closed
        ",
    );
}

/// RabbitMQ says nothing before tune-ok, and crashes after it; leveret tells who has logged in what was wrong.
#[test]
fn a_method_that_does_not_decode_is_told_to_who_has_logged_in() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> method 10 11 0000
        b is accepted
        b >> protocol-header 0 0 9 1
        b < connection.start…
        b >> connection.start-ok
        b < connection.tune…
        b >> method 10 31 0000
        b < connection.close 501 10.31 FRAME_ERROR - cannot decode <<0,0>>
        +3s
        a < socket closed
        b < socket closed
        ",
    );
}

#[test]
fn a_virtual_host_that_is_no_text_is_told() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> connection.start-ok
        a < connection.tune…
        a >> connection.tune-ok
        a >> method 10 40 02C328 00 00
        a < connection.close 501 10.40 FRAME_ERROR - Malformed UTF-8 in shortstr
        ",
    );
}

/// RabbitMQ says nothing; leveret tells what was wrong before it closes.
#[test]
fn a_frame_of_more_than_8192_bytes_before_the_login_is_fatal() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> bytes 01000000002001
        a < connection.close 501 0.0 FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,8193,8184}
        +3s
        a < socket closed
        ",
    );
}

/// RabbitMQ closes the socket without an answer.
#[test]
fn a_client_may_leave_during_the_handshake() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> connection.start-ok
        a < connection.tune…
        a >> connection.close
        a < connection.close-ok
        a is lost
        ",
    );
}

#[test]
fn a_client_without_a_name_is_guest() {
    check(
        "
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> connection.start-ok mechanism=ANONYMOUS response=whatever
        a < connection.tune…
        ",
    );
}

#[test]
fn a_client_without_a_name_needs_a_user_that_may_come() {
    for (settings, from) in [("anonymous=nobody", ""), ("anonymous=guest", ""), ("heartbeat=60", "from afar")]
    {
        check(&format!(
            "
            settings {settings}
            a is accepted {from}
            a >> protocol-header 0 0 9 1
            a < connection.start…
            a >> connection.start-ok mechanism=ANONYMOUS capabilities={{authentication_failure_close=true}}
            a < connection.close 403 0.0 ACCESS_REFUSED - Login was refused using authentication mechanism ANONYMOUS. For details see the broker logfile.
            "
        ));
    }
}

#[test]
fn a_mechanism_is_offered_where_it_can_work() {
    check(
        "
        settings mechanisms=EXTERNAL,ANONYMOUS,PLAIN anonymous=none
        a is accepted
        a >> protocol-header 0 0 9 1
        a < connection.start 0-9 mechanisms='PLAIN' locales=en_US…
        b is accepted over tls
        b >> protocol-header 0 0 9 1
        b < connection.start 0-9 mechanisms='EXTERNAL PLAIN'…
        c is accepted over tls as guest
        c >> protocol-header 0 0 9 1
        c < connection.start 0-9 mechanisms='EXTERNAL PLAIN'…
        ",
    );
}

#[test]
fn a_certificate_that_names_a_user_is_a_login_without_a_password() {
    check(
        "
        settings mechanisms=PLAIN,EXTERNAL
        user CN=jane ''
        a is accepted over tls as CN=jane
        a >> protocol-header 0 0 9 1
        a < connection.start…
        a >> connection.start-ok mechanism=EXTERNAL
        a < connection.tune…
        ",
    );
}

#[test]
fn a_certificate_that_names_nobody_is_refused_like_a_wrong_password() {
    for how in ["over tls as nobody", "over tls", "from afar over tls as guest"] {
        check(&format!(
            "
            settings mechanisms=PLAIN,EXTERNAL
            a is accepted {how}
            a >> protocol-header 0 0 9 1
            a < connection.start…
            a >> connection.start-ok mechanism=EXTERNAL capabilities={{authentication_failure_close=true}}
            a < connection.close 403 0.0 ACCESS_REFUSED - Login was refused using authentication mechanism EXTERNAL. For details see the broker logfile.
            "
        ));
    }
}
