//! Whole histories of a broker, by chance: clients, crashes, restarts, and an oracle that knows what was promised.
//!
//! `LEVERET_SEED=n` lives one history and tells all of it, `LEVERET_SEEDS=count` as many as that. A history that fails prints its seed,
//! what was missed and what had happened last.
#![cfg(test)]
#![forbid(unsafe_code)]

mod client;
mod heard;
mod lies;
mod names;
mod oracle;
mod random;
mod wire;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use world::{Failure, MakeDisk, Tally, World};

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Events that are told of a history that fails, unless it is the only one.
const EVENTS: usize = 60;

fn live(seed: u64, events: usize, make_disk: MakeDisk) -> Result<Tally, String> {
    let told = |Failure { missed, events }: Failure| format!("{}\n{}", missed.0, events.join("\n"));
    World::run(seed, events, make_disk).map_err(told)
}

#[test]
fn no_history_breaks_a_promise() {
    if let Some(seed) = number("LEVERET_SEED") {
        let tally = live(seed, usize::MAX, |disk| disk).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        println!("{tally:?}");
        return;
    }
    let count = number("LEVERET_SEEDS").unwrap_or(1000);
    let (next, failures, total) = (AtomicU64::new(0), Mutex::new(Vec::new()), Mutex::new(Tally::default()));
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if count <= seed {
            break;
        }
        match live(seed, EVENTS, |disk| disk) {
            Ok(tally) => total.lock().unwrap().add(&tally),
            Err(why) => failures.lock().unwrap().push((seed, why)),
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    println!("{:?}", total.lock().unwrap());
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    for (seed, why) in &failures {
        println!("seed {seed}: {}", why.lines().next().unwrap_or_default());
    }
    if let Some((seed, why)) = failures.first() {
        panic!("{} of {count} failed; LEVERET_SEED={seed}: {why}", failures.len());
    }
}

/// Histories in which the oracle must have noticed a lie.
const ENOUGH: u64 = 30;

#[test]
fn a_disk_that_lies_is_found_out() {
    let missed = (0..ENOUGH).filter_map(|seed| live(seed, EVENTS, lies::lying).err());
    let missed: Vec<String> = missed.filter_map(|why| why.lines().next().map(str::to_owned)).collect();
    let tells = |what: &str| missed.iter().any(|missed| missed.contains(what));
    assert!(tells("definitions came back as"), "lost definitions are noticed: {missed:#?}");
    assert!(
        tells("messages, there are") || tells("never came out"),
        "lost messages are noticed: {missed:#?}"
    );
}
