//! Priorities of messages: `x-max-priority` and the property `priority`.

use crate::check;

/// Declares `q` with these arguments, publishes messages of these priorities (each named by its own and a letter),
/// and says in which order they come out.
#[track_caller]
fn order(arguments: &str, comes_in: &[&str], goes_out: &[&str]) {
    let properties = |name: &str| {
        let priority = name.trim_end_matches(char::is_alphabetic);
        if priority.is_empty() { String::new() } else { format!(" priority={priority}") }
    };
    let publishes: Vec<String> =
        comes_in.iter().map(|name| format!("a.1 > publish '' q {name}{}\n", properties(name))).collect();
    let gets: Vec<String> = (1..)
        .zip(goes_out)
        .map(|(tag, name)| {
            let left = goes_out.len() - tag;
            format!("a.1 > get q\na.1 < get-ok #{tag} '' q {name} left={left}{}\n", properties(name))
        })
        .collect();
    check(&format!(
        "
        a.1 > queue.declare q {arguments}
        a.1 < queue.declare-ok q messages=0 consumers=0
        {}
        {}
        a.1 > get q
        a.1 < get-empty
        ",
        publishes.concat(),
        gets.concat()
    ));
}

#[test]
fn higher_priorities_come_first_and_equal_ones_in_order() {
    order(
        "x-max-priority=9",
        &["1a", "5a", "1b", "9a", "5b", "0a", "9b"],
        &["9a", "9b", "5a", "5b", "1a", "1b", "0a"],
    );
}

#[test]
fn no_priority_is_the_lowest_and_too_high_is_the_highest() {
    order(
        "x-max-priority=2",
        &["none", "0a", "2a", "200b", "3c", "1a"],
        &["2a", "200b", "3c", "1a", "none", "0a"],
    );
}

#[test]
fn a_queue_without_levels_does_not_look_at_priorities() {
    order("", &["1a", "9a", "5a"], &["1a", "9a", "5a"]);
    order("x-max-priority=0", &["1a", "9a", "5a"], &["1a", "9a", "5a"]);
}

#[test]
fn there_may_be_256_levels() {
    order("x-max-priority=255", &["254a", "255a", "0a", "253a"], &["255a", "254a", "253a", "0a"]);
}

#[test]
fn what_was_delivered_is_not_taken_back_for_something_more_important() {
    check(
        "
        a.1 > queue.declare q x-max-priority=5
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > qos 1
        a.1 < qos-ok
        a.1 > consume q c
        a.1 < consume-ok c
        a.1 > publish '' q low priority=1
        a.1 < deliver c #1 '' q low priority=1
        a.1 > publish '' q middle priority=3
        a.1 > publish '' q high priority=5
        a.1 > ack 1
        a.1 < deliver c #2 '' q high priority=5
        a.1 > ack 2
        a.1 < deliver c #3 '' q middle priority=3
        ",
    );
}

#[test]
fn a_returned_message_goes_back_to_its_place_in_its_level() {
    check(
        "
        a.1 > queue.declare q x-max-priority=5
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q 1a priority=1
        a.1 > publish '' q 1b priority=1
        a.1 > get q
        a.1 < get-ok #1 '' q 1a left=1 priority=1
        a.1 > publish '' q 5a priority=5
        a.1 > nack 1 requeue
        a.1 > get q
        a.1 < get-ok #2 '' q 5a left=2 priority=5
        a.1 > get q
        a.1 < get-ok #3 '' q 1a left=1 redelivered priority=1
        a.1 > get q
        a.1 < get-ok #4 '' q 1b left=0 priority=1
        ",
    );
}

#[test]
fn a_full_queue_drops_what_would_be_delivered_next() {
    order("x-max-priority=5 x-max-length=3", &["5a", "1a", "3a", "2a", "4a"], &["3a", "2a", "1a"]);
}

#[test]
fn messages_expire_whatever_their_priority() {
    check(
        "
        a.1 > queue.declare q x-max-priority=5
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q high priority=5 expiration=200
        a.1 > publish '' q low priority=1 expiration=100
        a.1 > publish '' q middle priority=3
        +100ms
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=2 consumers=0
        +100ms
        a.1 > get q
        a.1 < get-ok #1 '' q middle left=0 priority=3
        ",
    );
}

#[test]
fn a_dead_letter_has_the_priority_it_had() {
    check(
        "
        a.1 > queue.declare dead x-max-priority=5
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > queue.declare q x-dead-letter-exchange='' x-dead-letter-routing-key=dead
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q low priority=1
        a.1 > publish '' q high priority=4
        a.1 > get q
        a.1 < get-ok #1 '' q low left=1 priority=1
        a.1 > get q
        a.1 < get-ok #2 '' q high left=0 priority=4
        a.1 > nack 2 multiple
        a.1 > get dead
        a.1 < get-ok #3 '' dead high left=1 headers={x-death=[{count=1:l, reason=rejected…
        a.1 > get dead
        a.1 < get-ok #4 '' dead low left=0 headers={x-death=[{count=1:l, reason=rejected…
        ",
    );
}

#[test]
fn purging_and_deleting_count_all_levels() {
    check(
        "
        a.1 > queue.declare q x-max-priority=5
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q low
        a.1 > publish '' q high priority=5
        a.1 > queue.purge q
        a.1 < queue.purge-ok 2
        a.1 > publish '' q low
        a.1 > publish '' q high priority=5
        a.1 > queue.delete q
        a.1 < queue.delete-ok 2
        ",
    );
}

#[test]
fn what_is_due_at_one_time_dies_in_the_order_in_which_it_came() {
    check(
        "
        a.1 > queue.declare dead
        a.1 < queue.declare-ok dead messages=0 consumers=0
        a.1 > queue.declare q x-max-priority=5 x-dead-letter-exchange='' x-dead-letter-routing-key=dead
        a.1 < queue.declare-ok q messages=0 consumers=0
        a.1 > publish '' q high priority=5
        a.1 > publish '' q low
        a.1 > publish '' q first priority=5 expiration=100
        a.1 > publish '' q second expiration=100
        a.1 > consume dead d no-ack
        a.1 < consume-ok d
        +100ms
        a.1 < deliver d #1 '' dead first headers=…
        a.1 < deliver d #2 '' dead second headers=…
        ",
    );
}
