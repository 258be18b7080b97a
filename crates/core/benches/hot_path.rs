//! How long a message takes through the rules: `cargo bench -p leveret-core --bench hot_path`.
//!
//! `instructions` counts the same passages, for a figure that the machine's mood does not move.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a bench may fail"
)]

#[path = "passage/mod.rs"]
mod passage;

use divan::Bencher;
use divan::counter::ItemsCount;
use passage::{CASES, Case, Passage};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// Items are messages that were published, whatever they came to.
#[divan::bench(args = CASES, sample_size = 10)]
fn passage(bencher: Bencher<'_, '_>, case: &'static Case) {
    let mut passage = Passage::new(case);
    bencher.counter(ItemsCount::new(passage.messages_per_turn())).bench_local(|| passage.turn());
}
