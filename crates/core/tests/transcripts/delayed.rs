//! Exchanges that delay messages: type x-delayed-message, with `x-delayed-type` and the header `x-delay`.

use crate::check;

const DECLARE: &str = "
    a.1 > exchange.declare later x-delayed-message durable x-delayed-type=direct
    a.1 < exchange.declare-ok
    a.1 > queue.declare q durable
    a.1 < queue.declare-ok q messages=0 consumers=0
    a.1 > queue.bind q later k
    a.1 < queue.bind-ok
    a.1 > consume q c no-ack
    a.1 < consume-ok c
";

#[track_caller]
fn delayed(script: &str) {
    check(&format!("{DECLARE}{script}"));
}

#[test]
fn a_message_waits_as_long_as_it_says_and_shows_how_long_it_has_waited() {
    delayed(
        "
        a.1 > publish later k hello headers={x-delay=300, a=1}
        +299ms
        +1ms
        a.1 < deliver c #1 later k hello headers={a=1, x-delay=-300:l}
        ",
    );
}

#[test]
fn a_message_without_a_delay_is_routed_at_once() {
    delayed(
        "
        a.1 > publish later k plain
        a.1 < deliver c #1 later k plain
        a.1 > publish later k zero headers={x-delay=0}
        a.1 < deliver c #2 later k zero headers={x-delay=0}
        a.1 > publish later k past headers={x-delay=-5}
        a.1 < deliver c #3 later k past headers={x-delay=-5}
        a.1 > publish later k never headers={x-delay=4294967296}
        a.1 < deliver c #4 later k never headers={x-delay=4294967296}
        a.1 > publish later k words headers={x-delay=soon}
        a.1 < deliver c #5 later k words headers={x-delay=soon}
        ",
    );
}

#[test]
fn numbers_may_be_written_as_text_or_with_a_fraction() {
    delayed(
        "
        a.1 > publish later k text headers={x-delay='20'}
        a.1 > publish later k float headers={x-delay=10.5:d}
        +10ms
        a.1 < deliver c #1 later k float headers={x-delay=-10:l}
        +10ms
        a.1 < deliver c #2 later k text headers={x-delay=-20:l}
        ",
    );
}

#[test]
fn the_shorter_delay_goes_first_and_equal_ones_in_order() {
    delayed(
        "
        a.1 > publish later k long headers={x-delay=50}
        a.1 > publish later k one headers={x-delay=20}
        a.1 > publish later k two headers={x-delay=20}
        +20ms
        a.1 < deliver c #1 later k one headers={x-delay=-20:l}
        a.1 < deliver c #2 later k two headers={x-delay=-20:l}
        +30ms
        a.1 < deliver c #3 later k long headers={x-delay=-50:l}
        ",
    );
}

#[test]
fn the_bindings_of_the_moment_when_its_time_has_come_count() {
    delayed(
        "
        a.1 > publish later k gone headers={x-delay=10}
        a.1 > publish later new come headers={x-delay=10}
        a.1 > queue.unbind q later k
        a.1 < queue.unbind-ok
        a.1 > queue.bind q later new
        a.1 < queue.bind-ok
        +10ms
        a.1 < deliver c #1 later new come headers={x-delay=-10:l}
        ",
    );
}

#[test]
fn its_own_time_to_live_begins_when_it_is_routed() {
    delayed(
        "
        a.1 > queue.declare r x-dead-letter-exchange='' x-dead-letter-routing-key=q
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > queue.bind r later r
        a.1 < queue.bind-ok
        a.1 > publish later r short headers={x-delay=100} expiration=50
        +100ms
        a.1 > queue.declare r passive
        a.1 < queue.declare-ok r messages=1 consumers=0
        +49ms
        a.1 > queue.declare r passive
        a.1 < queue.declare-ok r messages=1 consumers=0
        a.1 > cancel c
        a.1 < cancel-ok c
        +1ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        ",
    );
}

#[test]
fn a_confirm_comes_when_it_is_accepted_and_a_mandatory_one_comes_back_at_once() {
    delayed(
        "
        a.2 > confirm.select
        a.2 < confirm.select-ok
        a.2 > publish later k hello mandatory headers={x-delay=10}
        a.2 < return 312 NO_ROUTE later k hello headers={x-delay=10}
        a.2 < ack 1
        +10ms
        a.1 < deliver c #1 later k hello headers={x-delay=-10:l}
        ",
    );
}

#[test]
fn what_waits_is_in_the_log_until_it_is_in_its_queues() {
    delayed(
        "
        log shown
        a.1 > publish later k hello persistent headers={x-delay=10}
        log < append 1 queues=1
        +10ms
        log < append 2 queues=2
        log < settle 2 queue=2
        log < settle 1 queue=1
        a.1 < deliver c #1 later k hello headers={x-delay=-10:l} persistent
        ",
    );
}

#[test]
fn what_waits_goes_with_its_exchange() {
    delayed(
        "
        log shown
        a.1 > publish later k hello persistent headers={x-delay=10}
        log < append 1 queues=1
        a.1 > exchange.delete later
        a.1 < exchange.delete-ok
        log < settle 1 queue=1
        +20ms
        ",
    );
}

#[test]
fn a_transaction_begins_the_wait_at_its_commit() {
    delayed(
        "
        a.2 > tx.select
        a.2 < tx.select-ok
        a.2 > publish later k hello headers={x-delay=10}
        +50ms
        a.2 > tx.commit
        a.2 < tx.commit-ok
        +10ms
        a.1 < deliver c #1 later k hello headers={x-delay=-10:l}
        ",
    );
}

#[test]
fn a_dead_letter_waits_too_if_it_says_so() {
    delayed(
        "
        a.1 > queue.declare r x-dead-letter-exchange=later x-dead-letter-routing-key=k
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > publish '' r hello headers={x-delay=10}
        a.1 > get r
        a.1 < get-ok #1 '' r hello left=0 headers={x-delay=10}
        a.1 > reject 1
        a.1 > queue.unbind q later k
        a.1 < queue.unbind-ok
        a.1 > queue.bind q later k
        a.1 < queue.bind-ok
        a.1 > cancel c
        a.1 < cancel-ok c
        +9ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        +1ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=1 consumers=0
        ",
    );
}
