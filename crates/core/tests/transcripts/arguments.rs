//! `x-arguments` of queues: which are taken, which refused, and when two declarations are the same.

use crate::check;

/// Declares a queue with these arguments, which must be refused with this text.
#[track_caller]
fn refused(arguments: &str, text: &str) {
    check(&format!(
        "
        a.1 > queue.declare q {arguments}
        a.1 < channel.close 406 50.10 PRECONDITION_FAILED - {text}
        "
    ));
}

/// Declares a queue with the first arguments, and then with the others.
#[track_caller]
fn again(first: &str, second: &str, answer: &str) {
    check(&format!(
        "
        a.1 > queue.declare q {first}
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare q {second}
        a.1 < {answer}
        "
    ));
}

const OK: &str = "queue.declare-ok q messages=0 consumers=0";

#[track_caller]
fn inequivalent(first: &str, second: &str, text: &str) {
    again(first, second, &format!("channel.close 406 50.10 PRECONDITION_FAILED - inequivalent arg {text}"));
}

#[test]
fn any_integer_type_will_do() {
    for tag in ["b", "B", "s", "u", "I", "i", "l", "L"] {
        again(&format!("x-message-ttl=100:{tag}"), "x-message-ttl=100", OK);
        again("x-message-ttl=100", &format!("x-message-ttl=100:{tag}"), OK);
    }
    again("x-message-ttl=100", "x-message-ttl=100:T", OK);
}

#[test]
fn arguments_are_compared_by_value() {
    inequivalent(
        "x-message-ttl=1000",
        "x-message-ttl=2000",
        "'x-message-ttl' for queue 'q' in vhost '/': received '2000' but current is '1000'",
    );
    inequivalent(
        "x-message-ttl=1000",
        "x-message-ttl=1000:d",
        "'x-message-ttl' for queue 'q' in vhost '/': received '1.0e3' but current is '1000'",
    );
    inequivalent(
        "x-message-ttl=1000",
        "x-message-ttl='1000'",
        "'x-message-ttl' for queue 'q' in vhost '/': received '1000' but current is '1000'",
    );
}

#[test]
fn an_argument_on_one_side_only_is_a_difference() {
    inequivalent(
        "x-queue-mode=lazy",
        "",
        "'x-queue-mode' for queue 'q' in vhost '/': received none but current is the value 'lazy' of type 'longstr'",
    );
    inequivalent(
        "",
        "x-queue-mode=lazy",
        "'x-queue-mode' for queue 'q' in vhost '/': received the value 'lazy' of type 'longstr' but current is none",
    );
    inequivalent(
        "",
        "x-message-ttl=1000",
        "'x-message-ttl' for queue 'q' in vhost '/': received the value '1000' of type 'signedint' but current is none",
    );
}

#[test]
fn a_redeclaration_is_compared_and_not_validated() {
    inequivalent(
        "",
        "x-message-ttl=never",
        "'x-message-ttl' for queue 'q' in vhost '/': received the value 'never' of type 'longstr' but current is none",
    );
}

#[test]
fn flags_are_compared_before_arguments() {
    again(
        "",
        "durable x-message-ttl=1",
        "channel.close 406 50.10 PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'",
    );
}

#[test]
fn unknown_arguments_mean_nothing_and_are_not_compared() {
    again("x-ha-policy=all x-foo=[1, {a=void}] whatever=1", "x-foo=2", OK);
    again("x-cancel-on-ha-failover=true", "", OK);
}

/// RabbitMQ takes an empty type for none, too, but holds it against a later `classic`.
#[test]
fn absent_queue_type_is_classic() {
    again("", "x-queue-type=classic", OK);
    again("x-queue-type=classic", "", OK);
    again("x-queue-type=''", "x-queue-type=classic", OK);
    again("x-queue-type=undefined", "", OK);
    inequivalent(
        "x-queue-type=classic",
        "durable x-queue-type=quorum",
        "'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'",
    );
    inequivalent(
        "durable",
        "durable x-queue-type=quorum",
        "'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'",
    );
}

#[test]
fn a_queue_type_is_one_of_a_few_words() {
    refused(
        "x-queue-type=foo",
        "invalid arg 'x-queue-type' for queue 'q' in vhost '/': \"unsupported queue type 'foo'\"",
    );
    refused(
        "x-queue-type=1",
        "invalid arg 'x-queue-type' for queue 'q' in vhost '/': {unacceptable_type,signedint}",
    );
}

/// leveret says no to what it doesn't serve yet; RabbitMQ serves these.
#[test]
fn streams_are_refused_by_name() {
    refused(
        "durable x-queue-type=stream",
        "invalid arg 'x-queue-type' for queue 'q' in vhost '/': \"queue type 'stream' is not supported by this version\"",
    );
}

#[test]
fn a_time_to_live_is_a_number_of_milliseconds() {
    for (value, fault) in [
        ("-1", "{value_negative,-1}"),
        ("315360000001", "{value_too_large,315360000001}"),
        ("'5'", "\"expected integer, got longstr\""),
        ("true", "\"expected integer, got bool\""),
        ("1.5:d", "\"expected integer, got double\""),
        ("1.5:f", "\"expected integer, got float\""),
        ("15e-1:D", "\"expected integer, got decimal\""),
        ("5:T", "\"expected integer, got timestamp\""),
        ("void", "\"expected integer, got void\""),
        ("[1]", "\"expected integer, got array\""),
        ("{a=1}", "\"expected integer, got table\""),
        ("ab:x", "\"expected integer, got binary\""),
    ] {
        refused(
            &format!("x-message-ttl={value}"),
            &format!("invalid arg 'x-message-ttl' for queue 'q' in vhost '/': {fault}"),
        );
    }
    again("x-message-ttl=0", "x-message-ttl=0", OK);
    again("x-message-ttl=315360000000", "x-message-ttl=315360000000", OK);
}

#[test]
fn an_expiry_is_a_positive_number_of_milliseconds() {
    for (value, fault) in [
        ("0", "{value_zero,0}"),
        ("-1", "{value_negative,-1}"),
        ("315360000001", "{value_too_large,315360000001}"),
        ("'5'", "\"expected integer, got longstr\""),
    ] {
        refused(
            &format!("x-expires={value}"),
            &format!("invalid arg 'x-expires' for queue 'q' in vhost '/': {fault}"),
        );
    }
}

#[test]
fn lengths_are_not_negative() {
    for name in ["x-max-length", "x-max-length-bytes"] {
        refused(
            &format!("{name}=-1"),
            &format!("invalid arg '{name}' for queue 'q' in vhost '/': {{value_negative,-1}}"),
        );
        refused(
            &format!("{name}=many"),
            &format!("invalid arg '{name}' for queue 'q' in vhost '/': \"expected integer, got longstr\""),
        );
    }
}

#[test]
fn an_overflow_is_one_of_three_words() {
    refused("x-overflow=foo", "invalid arg 'x-overflow' for queue 'q' in vhost '/': invalid_overflow");
    refused(
        "x-overflow=1",
        "invalid arg 'x-overflow' for queue 'q' in vhost '/': {unacceptable_type,signedint}",
    );
}

#[test]
fn a_dead_letter_exchange_is_a_name_and_its_key_needs_it() {
    refused(
        "x-dead-letter-exchange=1",
        "invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'",
    );
    refused(
        "x-dead-letter-routing-key=k",
        "invalid arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': routing_key_but_no_dlx_defined",
    );
    refused(
        "x-dead-letter-exchange=x x-dead-letter-routing-key=1",
        "invalid arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': {unacceptable_type,signedint}",
    );
}

#[test]
fn single_active_consumer_is_a_bool() {
    refused(
        "x-single-active-consumer=yes",
        "invalid arg 'x-single-active-consumer' for queue 'q' in vhost '/': {unacceptable_type,longstr}",
    );
    again("x-single-active-consumer=false", "x-single-active-consumer=false", OK);
    inequivalent(
        "x-single-active-consumer=false",
        "",
        "'x-single-active-consumer' for queue 'q' in vhost '/': received none but current is the value 'false' of type 'bool'",
    );
}

#[test]
fn priorities_go_up_to_255() {
    refused(
        "x-max-priority=256",
        "invalid arg 'x-max-priority' for queue 'q' in vhost '/': {max_value_exceeded,256}",
    );
    refused(
        "x-max-priority=-1",
        "invalid arg 'x-max-priority' for queue 'q' in vhost '/': {value_negative,-1}",
    );
    refused(
        "x-max-priority=high",
        "invalid arg 'x-max-priority' for queue 'q' in vhost '/': \"expected integer, got longstr\"",
    );
}

#[test]
fn arguments_without_effect_are_taken_and_compared() {
    again("x-queue-mode=lazy", "x-queue-mode=lazy", OK);
    again("x-queue-mode=17", "x-queue-mode=17", OK);
    again("x-queue-version=2", "x-queue-version=2", OK);
    again("x-queue-leader-locator=balanced", "x-queue-leader-locator=balanced", OK);
    refused(
        "x-queue-version=1",
        "invalid arg 'x-queue-version' for queue 'q' in vhost '/': \"unsupported queue version '1'\"",
    );
    refused(
        "x-queue-leader-locator=here",
        "invalid arg 'x-queue-leader-locator' for queue 'q' in vhost '/': invalid_queue_locator_arg",
    );
}

/// RabbitMQ 4.3 closes the connection with 541; Spring's anonymous queues still send it.
#[test]
fn a_master_locator_is_taken_and_ignored() {
    again("x-queue-master-locator=client-local", "x-queue-master-locator=client-local", OK);
}

/// RabbitMQ 4.3 closes the connection with 541; Celery and oslo.messaging still declare such queues.
#[test]
fn transient_queues_that_are_not_exclusive_are_fine() {
    again("auto-delete", "auto-delete", OK);
}

#[test]
fn arguments_of_other_types_of_queue_are_refused() {
    for name in [
        "x-dead-letter-strategy",
        "x-quorum-initial-group-size",
        "x-max-in-memory-length",
        "x-max-in-memory-bytes",
        "x-consumer-timeout",
        "x-consumer-disconnected-timeout",
        "x-delayed-retry-type",
        "x-delayed-retry-min",
        "x-delayed-retry-max",
        "x-max-age",
        "x-stream-max-segment-size-bytes",
        "x-stream-filter-size-bytes",
        "x-initial-cluster-size",
    ] {
        refused(
            &format!("{name}=1"),
            &format!("invalid arg '{name}' for queue 'q' in vhost '/' of queue type rabbit_classic_queue"),
        );
    }
}
