//! What a quorum queue asks of its declaration.

use crate::check;

#[test]
fn a_quorum_queue_is_durable_shared_and_stays() {
    for (flags, property) in [
        ("", "non-durable"),
        ("exclusive", "exclusive-owner"),
        ("durable exclusive", "exclusive-owner"),
        ("durable auto-delete", "auto-delete"),
        ("auto-delete", "auto-delete"),
        ("auto-delete exclusive", "auto-delete"),
    ] {
        check(&format!(
            "
            a.1 > queue.declare q {flags} x-queue-type=quorum
            a.1 < channel.close 406 50.10 PRECONDITION_FAILED - invalid property '{property}' for queue 'q' in vhost '/'
            "
        ));
    }
}

#[test]
fn a_quorum_queue_has_a_name() {
    check(
        "
        a.1 > queue.declare '' durable x-queue-type=quorum
        a.1 < channel.close 406 50.10 PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue
        ",
    );
}

#[test]
fn arguments_of_classic_queues_are_refused() {
    for argument in ["x-max-priority=3", "x-queue-mode=lazy", "x-queue-version=2", "x-max-age=1Y"] {
        let name = argument.split('=').next().unwrap();
        check(&format!(
            "
            a.1 > queue.declare q durable x-queue-type=quorum {argument}
            a.1 < channel.close 406 50.10 PRECONDITION_FAILED - invalid arg '{name}' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue
            "
        ));
    }
}

#[test]
fn its_own_arguments_are_checked() {
    for (argument, fault) in [
        ("x-quorum-initial-group-size=0", "{value_zero,0}"),
        ("x-max-in-memory-length=-1", "{value_negative,-1}"),
        ("x-consumer-timeout=-1", "{value_negative,-1}"),
        ("x-consumer-timeout=a", "\"expected integer, got longstr\""),
        ("x-dead-letter-strategy=foo", "invalid_dlx_strategy"),
        ("x-dead-letter-strategy=1", "{unacceptable_type,signedint}"),
    ] {
        let name = argument.split('=').next().unwrap();
        check(&format!(
            "
            a.1 > queue.declare q durable x-queue-type=quorum {argument}
            a.1 < channel.close 406 50.10 PRECONDITION_FAILED - invalid arg '{name}' for queue 'q' in vhost '/': {fault}
            "
        ));
    }
}

#[test]
fn its_own_arguments_are_taken_and_compared() {
    for argument in [
        "x-delivery-limit=3",
        "x-delivery-limit=-1",
        "x-delivery-limit=many",
        "x-overflow=reject-publish-dlx",
        "x-quorum-initial-group-size=3",
        "x-max-in-memory-bytes=0",
        "x-dead-letter-strategy=at-least-once",
        "x-queue-leader-locator=balanced",
        "x-single-active-consumer=true",
    ] {
        let name = argument.split('=').next().unwrap();
        check(&format!(
                "
                a.1 > queue.declare q durable x-queue-type=quorum {argument}
                a.1 < queue.declare-ok q messages=0 consumers=0
                a.1 > queue.declare q durable x-queue-type=quorum {argument}
                a.1 < queue.declare-ok q messages=0 consumers=0
                a.1 > queue.declare q durable x-queue-type=quorum
                a.1 < channel.close 406 50.10 PRECONDITION_FAILED - inequivalent arg '{name}' for queue 'q' in vhost '/': received none but current is…
                "
            ));
    }
}
