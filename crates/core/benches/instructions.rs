//! Passes messages and ends, to be run under callgrind: `cargo xtask instructions`.
//!
//! `instructions` prints the names of all cases. `instructions CASE MESSAGES` passes at least so many and
//! prints how many they were. Two runs that differ in nothing but that differ by the messages' instructions, because
//! everything before them is the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench may fail"
)]
#![forbid(unsafe_code)]

mod passage;

use passage::{CASES, Passage};

/// The command's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // cargo bench says what it wants with options.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.as_slice() {
        [] => CASES.iter().for_each(|case| println!("{case}")),
        [name, messages] => println!("{}", pass(name, messages.parse().unwrap())),
        _ => panic!("usage: instructions [CASE MESSAGES]"),
    }
}

/// Passes at least so many messages of a case, and says how many.
fn pass(name: &str, messages: u64) -> u64 {
    let case = CASES.iter().find(|case| case.name == name);
    let mut passage = Passage::new(case.unwrap_or_else(|| panic!("there is no case {name}")));
    let turns = messages.div_ceil(passage.messages_per_turn());
    (0..turns).for_each(|_| passage.turn());
    turns * passage.messages_per_turn()
}
