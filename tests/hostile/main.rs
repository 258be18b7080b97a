//! Peers that lie, break off, flood, or have never read the specification: whatever they do to themselves, the
//! broker answers with the documented code, scope and text, and serves the next one as if nothing had happened.
//!
//! A chapter is a text of conversations ([`script`] says how they are written) with one broker. Time is a manual
//! clock. A neighbour publishes and consumes all the while and may neither wait nor miss anything; when a chapter
//! is over, no task and no memory is left of it.
//!
//! The same conversations can be held with a real RabbitMQ, which takes as long as its waits take:
//! `LEVERET_HOSTILE_PEER=127.0.0.1:5672 LEVERET_HOSTILE_VHOST=of-its-own cargo test --test hostile`.
#![cfg(test)]
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

#[path = "../support/mod.rs"]
mod support;

/// The words of the transcripts of `leveret-core`.
#[allow(dead_code, reason = "only a part of it is needed")]
#[path = "../../crates/core/tests/support"]
mod words_of {
    pub mod diff;
    pub mod fields;
    pub mod hear;
    pub mod speak;
    pub mod words;
}

mod caller;
mod floods;
mod neighbour;
mod nonsense;
mod script;
mod siege;
mod speech;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use peak_alloc::PeakAlloc;
use siege::Siege;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// One chapter at a time: they all count the same heap.
static ALONE: Mutex<()> = Mutex::new(());

/// What may be left of a chapter on the heap: maps that have grown, what is printed. 14 KB were measured; dozens of
/// connections would be more if each left anything.
const LEFT_BYTES: usize = 64 * 1024;

/// What is on the heap of this process.
fn heap_bytes() -> usize {
    ALLOCATOR.current_usage()
}

/// Runs a siege while no other does, and sees that nothing is left of it.
fn besieged(attack: impl AsyncFnOnce(&mut Siege)) {
    let _turn = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut siege = Siege::begin().await;
        siege.neighbour.settle().await;
        let alive = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let before = heap_bytes();
        attack(&mut siege).await;
        siege.until_alone(alive).await;
        if siege.is_at_home() {
            let left = heap_bytes().saturating_sub(before);
            println!("{left} bytes are left");
            assert!(left < LEFT_BYTES, "{left} bytes are left");
        }
    });
}

/// The same for what is too much to do to somebody else's broker, or would take hours by its clock.
fn besieged_at_home(attack: impl AsyncFnOnce(&mut Siege)) {
    besieged(async |siege| {
        if siege.is_at_home() {
            attack(siege).await;
        }
    });
}

macro_rules! chapters {
    ($($name:ident: $file:literal,)*) => {
        const CHAPTERS: &[&str] = &[$(include_str!($file)),*];
        $(
            #[test]
            fn $name() {
                let conversations = script::read(include_str!($file));
                besieged(async |siege| siege.hold(&conversations).await);
            }
        )*
    };
}

chapters! {
    strangers_and_guests_that_do_not_finish_coming_in: "chapters/handshake.txt",
    frames_that_are_none_or_come_out_of_turn: "chapters/frames.txt",
    methods_from_the_wrong_side_or_at_the_wrong_time: "chapters/methods.txt",
    arguments_that_lie: "chapters/arguments.txt",
    contents_that_lie: "chapters/contents.txt",
    channels_that_are_not_open_or_not_any_more: "chapters/channels.txt",
    what_is_refused_and_how_far_that_goes: "chapters/refusals.txt",
    silence: "chapters/time.txt",
}

#[test]
fn there_are_two_hundred_conversations_and_each_has_a_name_of_its_own() {
    let mut names: Vec<&str> =
        CHAPTERS.iter().flat_map(|text| script::read(text)).map(|conversation| conversation.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "two conversations have the same name");
    assert!(200 <= count, "{count} conversations");
}

#[test]
fn a_conversation_that_goes_otherwise_is_found() {
    let wrong = [
        ("another code", "> get nowhere\n < channel.close 405…"),
        ("another channel", "> get nowhere\n 0< channel.close 404…"),
        ("a line too many", "> qos 1\n < qos-ok\n < qos-ok\n ends"),
        ("a line that nobody expects", "> qos 1"),
        ("an end that does not come", "> qos 1\n < qos-ok\n ends"),
        ("an end that comes too early", "> frame 3 abc end=41\n 0< connection.close…\n ends after 4s"),
        ("an end that comes too late", "> frame 3 abc end=41\n 0< connection.close…\n ends after 2s"),
    ];
    besieged_at_home(async |siege| {
        siege.patience = Duration::from_millis(300);
        for (name, said) in wrong {
            let text = format!("{name}\n {said}");
            let conversations = script::read(&text);
            assert!(siege.converse(&conversations[0]).await.is_err(), "{name} was not found");
        }
    });
}
