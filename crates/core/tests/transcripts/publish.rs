//! basic.publish: what is checked, in which order, and what becomes of the message.

use crate::check;

#[test]
fn immediate_is_not_implemented() {
    check(
        "
        a.1 > publish nowhere q x immediate
        a < connection.close 540 60.40 NOT_IMPLEMENTED - immediate=true
        ",
    );
}

#[test]
fn a_message_may_be_as_large_as_configured() {
    check(
        "
        settings message-max=10
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q 0123456789
        a.1 > get q
        a.1 < get-ok #1 '' q 0123456789 left=0
        a.1 > publish nowhere q 0123456789+
        a.1 < channel.close 406 60.40 PRECONDITION_FAILED - message size 11 is larger than configured max size 10
        a.2 > publish-method '' q
        a.2 > header size=11
        a.2 > body 01234
        a.2 > body 56789
        a.2 > body +
        a.2 < channel.close 406 60.40 PRECONDITION_FAILED - message size 11 is larger than configured max size 10
        ",
    );
}

/// RabbitMQ's text repeats a name that is no text as Latin-1.
#[test]
fn the_exchange_must_exist() {
    check(
        r"
        a.1 > publish nowhere q x
        a.1 < channel.close 404 60.40 NOT_FOUND - no exchange 'nowhere' in vhost '/'
        a.2 > publish '\xFF' q x
        a.2 < channel.close 404 60.40 NOT_FOUND - no exchange '�' in vhost '/'
        ",
    );
}

#[test]
fn a_deleted_exchange_is_missed_at_the_next_publish() {
    check(
        "
        a.1 > exchange.declare x fanout
        a.1 < exchange.declare-ok
        b.1 > publish x k one
        a.1 > exchange.delete x
        a.1 < exchange.delete-ok
        b.1 > publish x k two
        b.1 < channel.close 404 60.40 NOT_FOUND - no exchange 'x' in vhost '/'
        ",
    );
}

#[test]
fn a_routing_key_may_be_any_bytes() {
    check(
        r"
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.fanout ''
        a.1 < queue.bind-ok
        a.1 > publish amq.fanout 'ÿ\0' hello
        a.1 > get q
        a.1 < get-ok #1 amq.fanout 'ÿ\0' hello left=0
        ",
    );
}

#[test]
fn a_mandatory_message_that_reaches_no_queue_comes_back_as_it_was() {
    check(
        "
        a.1 > publish amq.direct nowhere hello mandatory persistent content-type=text/plain priority=0 headers={b=1:l, a=x, a=y} correlation-id=''
        a.1 < return 312 NO_ROUTE amq.direct nowhere hello content-type=text/plain headers={b=1:l, a=x, a=y} persistent priority=0 correlation-id=''
        a.1 > publish amq.direct nowhere '' mandatory
        a.1 < return 312 NO_ROUTE amq.direct nowhere ''
        a.1 > publish amq.direct nowhere x*200000 mandatory
        a.1 < return 312 NO_ROUTE amq.direct nowhere x*200000 frames=2
        ",
    );
}

#[test]
fn what_is_not_mandatory_is_dropped_in_silence() {
    check(
        "
        a.1 > publish amq.direct nowhere hello
        a.1 > publish '' nowhere hello persistent
        ",
    );
}

/// RabbitMQ passes `+1000` on as `1000`.
#[test]
fn an_expiration_is_a_whole_number_of_milliseconds() {
    for (expiration, fault) in [
        ("abc", "no_integer"),
        ("''", "no_integer"),
        ("1.5", "{leftover_string,\".5\"}"),
        ("'1 '", "{leftover_string,\" \"}"),
        ("-1", "{value_negative,-1}"),
        ("315360000001", "{value_too_large,315360000001}"),
    ] {
        let shown = expiration.trim_matches('\'');
        check(&format!(
            "
            a.1 > publish '' q x expiration={expiration}
            a.1 < channel.close 406 60.40 PRECONDITION_FAILED - invalid expiration '{shown}': {fault}
            "
        ));
    }
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q plus expiration=+1000
        a.1 > publish '' q longest expiration=315360000000
        a.1 > get q
        a.1 < get-ok #1 '' q plus left=1 expiration=+1000
        ",
    );
}

#[test]
fn cc_and_bcc_are_further_keys_and_a_queue_gets_one_copy() {
    check(
        "
        a.1 > queue.declare q1
        a.1 < queue.declare-ok q1 messages=0 consumers=0
        a.1 > queue.declare q2
        a.1 < queue.declare-ok q2 messages=0 consumers=0
        a.1 > queue.declare q3
        a.1 < queue.declare-ok q3 messages=0 consumers=0
        a.1 > publish '' q1 hello headers={CC=[q2, q1, 17, nowhere], BCC=[q3, q2], cc=[no]}
        a.1 > get q1
        a.1 < get-ok #1 '' q1 hello left=0 headers={CC=[q2, q1, 17, nowhere], cc=[no]}
        a.1 > get q2
        a.1 < get-ok #2 '' q1 hello left=0 headers={CC=[q2, q1, 17, nowhere], cc=[no]}
        a.1 > get q3
        a.1 < get-ok #3 '' q1 hello left=0 headers={CC=[q2, q1, 17, nowhere], cc=[no]}
        ",
    );
}

#[test]
fn a_message_may_be_routed_by_its_cc_alone() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.bind q amq.topic a.*
        a.1 < queue.bind-ok
        a.1 > publish amq.topic nowhere hello headers={BCC=[a.b]} mandatory
        a.1 > get q
        a.1 < get-ok #1 amq.topic nowhere hello left=0 headers={}
        a.1 > publish amq.topic nowhere again mandatory
        a.1 < return 312 NO_ROUTE amq.topic nowhere again
        ",
    );
}

#[test]
fn cc_and_bcc_are_arrays() {
    check(
        r#"
        a.1 > publish '' q x headers={CC=q2}
        a.1 < channel.close 406 60.40 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}
        a.2 > publish '' q x headers={BCC=1}
        a.2 < channel.close 406 60.40 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"BCC",signedint}
        "#,
    );
}

#[test]
fn nobody_publishes_in_anothers_name_but_an_impersonator() {
    check(
        "
        user bob secret
        grant bob / .* .* .*
        user eve secret impersonator
        grant eve / .* .* .*
        b connects user=bob password=secret
        e connects user=eve password=secret
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > publish '' q mine user-id=bob
        e.1 > publish '' q forged user-id=bob
        b.1 > get q
        b.1 < get-ok #1 '' q mine left=1 user-id=bob
        b.1 > get q
        b.1 < get-ok #2 '' q forged left=0 user-id=bob
        b.1 > publish '' q forged user-id=guest
        b.1 < channel.close 406 60.40 PRECONDITION_FAILED - user_id property set to 'guest' but authenticated user was 'bob'
        ",
    );
}

#[test]
fn the_size_is_looked_at_before_the_exchange_and_the_exchange_before_the_properties() {
    check(
        "
        settings message-max=1
        a.1 > publish nowhere q xx expiration=never
        a.1 < channel.close 406 60.40 PRECONDITION_FAILED - message size 2 is larger than configured max size 1
        a.2 > publish nowhere q x expiration=never
        a.2 < channel.close 404 60.40 NOT_FOUND - no exchange 'nowhere' in vhost '/'
        a.3 > publish '' q x expiration=never headers={CC=1} reply-to=amq.rabbitmq.reply-to
        a.3 < channel.close 406 60.40 PRECONDITION_FAILED - fast reply consumer does not exist
        a.4 > publish '' q x expiration=never headers={CC=1} user-id=bob
        a.4 < channel.close 406 60.40 PRECONDITION_FAILED - invalid expiration 'never': no_integer
        a.5 > publish '' q x headers={CC=1} user-id=bob
        a.5 < channel.close 406 60.40 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header…
        ",
    );
}

#[test]
fn messages_of_one_channel_keep_their_order() {
    let publishes: Vec<String> = (1..=50).map(|n| format!("publish '' q {n}")).collect();
    let deliveries: Vec<String> = (1..=50).map(|n| format!("a.1 < deliver c #{n} '' q {n}")).collect();
    check(&format!(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        b.1 > {}
        a.1 > consume q c
        a.1 < consume-ok c
        {}
        ",
        publishes.join(" ; "),
        deliveries.join("\n")
    ));
}

#[test]
fn messages_of_two_channels_in_one_read_reach_their_queues_in_order() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > consume q cq no-ack
        a.1 < consume-ok cq
        a.1 > consume r cr no-ack
        a.1 < consume-ok cr
        b.1 > publish '' q 1 ; publish '' r 2 ; publish '' q 3 ; publish '' r 4
        a.1 < deliver cq #1 '' q 1
        a.1 < deliver cq #2 '' q 3
        a.1 < deliver cr #3 '' r 2
        a.1 < deliver cr #4 '' r 4
        ",
    );
}

#[test]
fn a_large_message_may_come_in_any_number_of_frames() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q x*131064
        a.1 > publish '' q x*131065
        a.1 > publish '' q x*300000
        b connects frame-max=0
        b.1 > consume q c
        b.1 < consume-ok c
        b.1 < deliver c #1 '' q x*131064
        b.1 < deliver c #2 '' q x*131065 frames=2
        b.1 < deliver c #3 '' q x*300000 frames=3
        ",
    );
}
