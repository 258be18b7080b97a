//! Queues that hold more than their budget: what leaves memory, what comes back, and that no client can tell.
//!
//! With a budget of 1600 bytes a page has three small messages, and memory holds fifteen.

use crate::check;

const SMALL: &str = "settings budget=1600\npages shown";

/// Persistent messages by number, all in one read.
fn publish(numbers: std::ops::RangeInclusive<u32>) -> String {
    let publishes: Vec<String> = numbers.map(|number| format!("publish '' q {number} persistent")).collect();
    format!("a.1 > {}", publishes.join(" ; "))
}

/// What a consumer of channel `who` hears of them; tags are as numbers.
fn delivered(who: &str, numbers: std::ops::RangeInclusive<u32>) -> String {
    let lines: Vec<String> =
        numbers.map(|number| format!("{who} < deliver c #{number} '' q {number} persistent")).collect();
    lines.join("\n")
}

/// A queue with 20 messages: 1 to 7 in front, 8 to 13 in two pages, 14 to 20 at the back.
fn twenty() -> String {
    format!(
        "
        {SMALL}
        a.1 > queue.declare q durable
        a.1 < queue.declare-ok q messages=0 consumers=0
        {}
        log < page 1: 8,9,10
        log < page 2: 11,12,13
        ",
        publish(1..=20)
    )
}

#[test]
fn a_consumer_gets_everything_in_order_over_pages() {
    check(&format!(
        "
        {}
        a.1 > queue.declare q passive
        a.1 < queue.declare-ok q messages=20 consumers=0
        b.1 > consume q c no-ack
        b.1 < consume-ok c
        {}
        log < read page 1
        {}
        log < read page 2
        {}
        log has 0 messages in 0 pages
        ",
        twenty(),
        delivered("b.1", 1..=7),
        delivered("b.1", 8..=10),
        delivered("b.1", 11..=20),
    ));
}
