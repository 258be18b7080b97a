//! Publishers are held back while memory or disk is short; everybody else goes on.

use crate::check;

#[test]
fn a_publisher_is_blocked_by_its_first_publish_and_told_so() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        alarm memory on
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a < connection.blocked 'low on memory'
        a.1 > queue.declare r
        a.1 > publish '' q two
        a.2 > channel.open
        alarm memory off
        a < connection.unblocked
        a.1 < queue.declare-ok r messages=0 consumers=0
        a.2 < channel.open-ok
        b.1 > queue.declare q passive
        b.1 < queue.declare-ok q messages=2 consumers=0
        ",
    );
}

#[test]
fn the_first_frame_of_content_makes_a_publisher() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        alarm memory on
        a.1 > publish-method '' q
        a.1 > header size=5
        a < connection.blocked 'low on memory'
        a.1 > body hello
        b.1 > get q
        b.1 < get-empty
        alarm memory off
        a < connection.unblocked
        b.1 > get q
        b.1 < get-ok #1 '' q hello left=0
        ",
    );
}

#[test]
fn what_follows_in_the_same_read_waits_too() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        alarm disk on
        a.1 > queue.declare r ; publish '' q one ; publish '' q two ; queue.declare q passive
        a.1 < queue.declare-ok r messages=0 consumers=0
        a < connection.blocked 'low on disk'
        b.1 > queue.declare q passive
        b.1 < queue.declare-ok q messages=1 consumers=0
        alarm disk off
        a < connection.unblocked
        a.1 < queue.declare-ok q messages=2 consumers=0
        ",
    );
}

#[test]
fn publishing_to_nowhere_blocks_as_well() {
    check(
        "
        alarm memory on
        a.1 > publish '' nowhere x
        a < connection.blocked 'low on memory'
        a.1 > queue.declare q
        b.1 > tx.select
        b.1 < tx.select-ok
        b.1 > publish '' nowhere x
        b < connection.blocked 'low on memory'
        alarm memory off
        a < connection.unblocked
        a.1 < queue.declare-ok q messages=0 consumers=0
        b < connection.unblocked
        ",
    );
}

#[test]
fn a_blocked_publish_is_confirmed_all_the_same() {
    check(
        "
        a.1 > confirm.select
        a.1 < confirm.select-ok
        alarm memory on
        a.1 > publish '' nowhere x ; publish '' nowhere y
        a < connection.blocked 'low on memory'
        a.1 < ack 1
        alarm memory off
        a < connection.unblocked
        a.1 < ack 2
        ",
    );
}

#[test]
fn consumers_go_on() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q one
        a.1 > publish '' q two
        alarm memory on
        b.1 > qos 1
        b.1 < qos-ok
        b.1 > consume q c
        b.1 < consume-ok c
        b.1 < deliver c #1 '' q one
        b.1 > ack 1
        b.1 < deliver c #2 '' q two
        ",
    );
}

#[test]
fn a_blocked_publisher_still_gets_its_deliveries() {
    check(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > consume q c no-ack
        a.1 < consume-ok c
        alarm memory on
        a.1 > publish '' nowhere x
        a < connection.blocked 'low on memory'
        b.1 > queue.declare r
        b.1 < queue.declare-ok r messages=0 consumers=0
        alarm memory off
        a < connection.unblocked
        b.1 > publish '' q one
        a.1 < deliver c #1 '' q one
        alarm memory on
        a.1 > publish '' q two ; publish '' q three
        a < connection.blocked 'low on memory'
        a.1 < deliver c #2 '' q two
        ",
    );
}

#[test]
fn clients_that_did_not_ask_are_blocked_in_silence() {
    check(
        "
        a connects without=connection.blocked
        alarm memory on
        a.1 > publish '' nowhere x
        a.1 > queue.declare q
        alarm memory off
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn the_last_alarm_to_clear_unblocks() {
    check(
        "
        alarm memory on
        alarm disk on
        a.1 > publish '' nowhere x
        a < connection.blocked 'low on memory & disk'
        alarm memory off
        alarm disk off
        a < connection.unblocked
        ",
    );
}

#[test]
fn a_connection_opened_during_an_alarm_works_until_it_publishes() {
    check(
        "
        alarm memory on
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > get q
        a.1 < get-empty
        a.1 > publish '' q x
        a < connection.blocked 'low on memory'
        ",
    );
}

#[test]
fn an_alarm_that_is_over_blocks_nobody() {
    check(
        "
        alarm memory on
        alarm memory off
        a.1 > publish '' nowhere x
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}

#[test]
fn an_error_among_the_held_back_frames_is_told_after_the_alarm() {
    check(
        "
        alarm memory on
        a.1 > publish '' nowhere x
        a < connection.blocked 'low on memory'
        a.1 > ack 1
        a > queue.declare q
        alarm memory off
        a < connection.unblocked
        a.1 < channel.close 406 60.80 PRECONDITION_FAILED - unknown delivery tag 1
        a < connection.close 504 50.10 CHANNEL_ERROR - unexpected method in connection state running
        ",
    );
}

#[test]
fn an_alarm_finds_its_publisher_behind_a_flood_of_answers() {
    let gets = ["get q no-ack"; 12].join(" ; ");
    let answers: Vec<String> =
        (1..=11).map(|tag| format!("a.1 < get-ok #{tag} '' q x*100000 left={}", 11 - tag)).collect();
    check(&format!(
        "
        a.1 > queue.declare q
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > {}
        alarm memory on
        a.1 > {gets} ; publish '' nowhere x ; get q
        {}
        a.1 < get-empty
        a < connection.blocked 'low on memory'
        alarm memory off
        a < connection.unblocked
        a.1 < get-empty
        ",
        ["publish '' q x*100000"; 11].join(" ; "),
        answers.join("\n"),
    ));
}

#[test]
fn a_blocked_connection_can_be_shut_down() {
    check(
        "
        alarm memory on
        a.1 > queue.declare q exclusive
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q x
        a < connection.blocked 'low on memory'
        a is shut down 'bye'
        a < connection.close 320 0.0 CONNECTION_FORCED - bye
        b.1 > queue.declare q
        b.1 < queue.declare-ok q messages=0 consumers=0
        ",
    );
}
