//! basic.get.

use crate::check;

#[test]
fn a_get_takes_the_head_and_tells_what_is_left() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > get q
        a.1 < get-ok #1 '' q one left=1
        a.1 > get q
        a.1 < get-ok #2 '' q two left=0
        a.1 > get q
        a.1 < get-empty
        a.1 > ack 2 multiple
        ",
    );
}

#[test]
fn gets_and_deliveries_share_one_counter_without_gaps() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > queue.declare r
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > consume q d no-ack
        a.1 < consume-ok d
        a.1 > publish '' r one
        a.1 > publish '' q two
        a.1 < deliver c #1 '' q two
        a.1 > get r no-ack
        a.1 < get-ok #2 '' r one left=0
        a.1 > publish '' q three
        a.1 < deliver d #3 '' q three
        a.1 > publish '' r four
        a.1 > get r
        a.1 < get-ok #4 '' r four left=0
        a.2 > get r
        a.2 < get-empty
        ",
    );
}

#[test]
fn whoever_asks_for_more_than_its_socket_takes_gets_all_of_it_in_order() {
    let publishes = ["publish '' q x*100000"; 20].join(" ; ");
    let gets = ["get q no-ack"; 20].join(" ; ");
    let answers: Vec<String> =
        (1..=20).map(|tag| format!("a.1 < get-ok #{tag} '' q x*100000 left={}", 20 - tag)).collect();
    check(&format!(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > {publishes}
        a.1 > {gets} ; queue.declare q
        {}
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
        answers.join("\n")
    ));
}

#[test]
fn a_get_does_not_count_towards_prefetch_and_is_not_held_up_by_it() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > publish '' q one
        a.1 > publish '' q two
        a.1 > publish '' q three
        a.1 > get q
        a.1 < get-ok #1 '' q one left=2
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 < deliver c #2 '' q two
        a.1 > get q
        a.1 < get-ok #3 '' q three left=0
        ",
    );
}

#[test]
fn automatic_acknowledgement_leaves_nothing_to_ack() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > get q no-ack
        a.1 < get-ok #1 '' q one left=0
        a.1 > ack 1
        a.1 < channel.close 406 60.80 PRECONDITION_FAILED - unknown delivery tag 1
        a.2 > get q
        a.2 < get-empty
        ",
    );
}
